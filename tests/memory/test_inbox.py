"""The inbox on a real Redis: what is accepted is worked off, once at a time, whatever is lost on the way."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
import structlog
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from rq import Queue, Retry, SimpleWorker
from rq.job import Job

from integration.memory import inbox as inbox_module
from integration.memory.inbox import LEASE, PREFIX, QUEUE, SEEN_FOR, Away, Inbox, Run
from integration.stages.model import Hint, Ref
from tests.whole import some

APP = Ref("github", "", "acme/app", 12)
OTHER = Ref("jira", "main", "APP", 7)
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STUCK = timedelta(minutes=3)


def after(**length: float) -> datetime:
    return NOON + timedelta(**length)


@pytest.fixture
def inbox(redis_client: redis.Redis) -> Inbox:
    return Inbox(redis_client)


def jobs(inbox: Inbox) -> list[str]:
    """The refs of the jobs that wait, first come first."""
    return [job.args[0] for job in inbox.queue.jobs]


def run(inbox: Inbox, ref: Ref, at: datetime = NOON) -> Run:
    begun = inbox.begin(ref, at)
    assert begun is not None
    return begun


def ours(client: redis.Redis) -> set[bytes]:
    """Our keys, without what is forgotten by and by: deliveries that were seen, counts of looks, what came."""
    beside = {f"{PREFIX}{name}".encode() for name in ("seen", "last", "arrivals")}
    return {
        key for key in client.keys(f"{PREFIX}*") if key not in beside and not key.startswith(f"{PREFIX}looks:".encode())
    }


# --- accepting --------------------------------------------------------------------------------------------------


def test_an_accepted_hint_waits_and_wakes_one_worker(inbox: Inbox) -> None:
    assert inbox.accept("guid:1", [Hint(APP, NOON)], NOON)
    assert jobs(inbox) == [str(APP)]
    assert inbox.depth() == 1
    assert inbox.oldest(after(seconds=90)) == timedelta(seconds=90)


def test_the_same_delivery_again_changes_nothing(inbox: Inbox) -> None:
    inbox.accept("guid:1", [Hint(APP)], NOON)
    generation = run(inbox, APP).generation
    assert not inbox.accept("guid:1", [Hint(APP), Hint(OTHER)], NOON)
    assert jobs(inbox) == [str(APP)]
    assert inbox.depth() == 1
    assert inbox._redis.hget(f"{PREFIX}generation", str(APP)) == str(generation).encode()


def test_a_delivery_is_remembered_for_four_days(inbox: Inbox, redis_client: redis.Redis) -> None:
    assert inbox.accept("guid:1", [Hint(APP)], NOON)
    assert not inbox.accept("guid:1", [Hint(APP)], NOON + SEEN_FOR - timedelta(seconds=1))
    assert inbox.accept("guid:1", [Hint(APP)], NOON + SEEN_FOR)
    assert redis_client.zcard(f"{PREFIX}seen") == 1


def test_many_deliveries_are_accepted_in_one_round_trip_each_by_itself(inbox: Inbox) -> None:
    told = [("guid:1", [Hint(APP)]), ("guid:2", [Hint(OTHER), Hint(APP)]), ("guid:1", [Hint(APP)]), ("", [Hint(APP)])]
    assert inbox.accept_all(told, NOON) == [True, True, False, True]
    assert jobs(inbox) == [str(APP), str(OTHER)]
    assert inbox.accept_all(told, NOON) == [False, False, False, True]


def test_a_delivery_of_several_issues_wakes_for_each(inbox: Inbox) -> None:
    assert inbox.accept("guid:1", [Hint(APP), Hint(OTHER)], NOON)
    assert jobs(inbox) == [str(APP), str(OTHER)]


def test_a_delivery_without_hints_asks_redis_nothing(redis_client: redis.Redis) -> None:
    assert Inbox.connect("redis://127.0.0.1:1/0").accept("guid:1", [])


def test_many_hints_for_one_issue_become_one_job(inbox: Inbox) -> None:
    for number in range(20):
        inbox.accept(f"guid:{number}", [Hint(APP)], after(seconds=number))
    assert jobs(inbox) == [str(APP)]
    begun = run(inbox, APP, after(seconds=30))
    assert begun.since == NOON
    assert inbox.finish(begun, after(seconds=31))
    assert inbox.depth() == 0


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([NOON, after(seconds=5)], after(seconds=5)),
        ([after(seconds=5), NOON], after(seconds=5)),
        ([None, NOON], NOON),
        ([NOON, None], NOON),
        ([None], None),
        ([datetime(1, 1, 1, tzinfo=UTC)], datetime(1, 1, 1, tzinfo=UTC)),
        ([datetime(9999, 12, 31, tzinfo=UTC), NOON], datetime(9999, 12, 31, tzinfo=UTC)),
    ],
)
def test_the_newest_watermark_is_kept(inbox: Inbox, told: list[datetime | None], kept: datetime | None) -> None:
    for watermark in told:
        inbox.hint(APP, watermark, NOON)
    assert run(inbox, APP).watermark == kept


def test_accepting_is_one_round_trip(inbox: Inbox, redis_client: redis.Redis, redis_url: str) -> None:
    inbox.accept("guid:0", [Hint(APP)], NOON)
    with redis.Redis.from_url(redis_url).monitor() as heard:
        inbox.accept("guid:1", [Hint(APP, NOON), Hint(OTHER)], NOON)
        redis_client.echo("end")
        commands = []
        for each in heard.listen():
            if each["command"].startswith("ECHO"):
                break
            if each["client_type"] != "lua":
                commands.append(each["command"].split()[0])
    assert commands == ["EVALSHA"]


def test_scripts_that_redis_forgot_are_loaded_again(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.hint(APP, now=NOON)
    redis_client.script_flush()
    assert inbox.accept("guid:1", [Hint(OTHER)], NOON)
    assert jobs(inbox) == [str(APP), str(OTHER)]


def test_without_redis_it_says_so_at_once_and_names_no_address() -> None:
    begun = datetime.now(UTC)
    with pytest.raises(Away) as told:
        Inbox.connect("redis://:hidden-word@127.0.0.1:1/0").accept("guid:1", [Hint(APP)])
    assert datetime.now(UTC) - begun < timedelta(seconds=1.5)
    assert "hidden-word" not in str(told.value)
    assert "127.0.0.1" not in str(told.value)


def test_a_full_redis_takes_nothing_and_keeps_nothing(inbox: Inbox, redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", 1)
    try:
        with pytest.raises(Away):
            inbox.accept("guid:1", [Hint(APP)], NOON)
    finally:
        redis_client.config_set("maxmemory", 0)
    assert redis_client.keys("*") == []
    assert inbox.accept("guid:1", [Hint(APP)], NOON)


# --- the job is RQ's own ----------------------------------------------------------------------------------------


@time_machine.travel(NOON, tick=False)
def test_the_job_is_written_as_rq_itself_writes_it(inbox: Inbox, redis_client: redis.Redis) -> None:
    def keys() -> set[bytes]:
        return {each for each in redis_client.keys("rq:*") if not each.startswith(b"rq:job:")}

    Queue(QUEUE, connection=redis_client, serializer="json").enqueue(
        "workers.jobs.reconcile",
        str(APP),
        description=f"reconcile {APP}",
        job_timeout=120,
        result_ttl=60,
        failure_ttl=3 * 24 * 3600,
        retry=Retry(max=3, interval=[10, 30, 60]),
    )
    (theirs,) = inbox.queue.job_ids
    wanted, wanted_keys = redis_client.hgetall(f"rq:job:{theirs}"), keys()
    wanted_sets = redis_client.smembers("rq:queues")
    redis_client.flushall()
    inbox.hint(APP)
    (mine,) = inbox.queue.job_ids
    assert redis_client.hgetall(f"rq:job:{mine}") == wanted
    assert keys() == wanted_keys
    assert redis_client.smembers("rq:queues") == wanted_sets
    assert redis_client.ttl(f"rq:job:{mine}") == -1
    assert re.fullmatch(r"[A-Za-z0-9_-]+", mine)


def _remember(ref: str) -> None:
    """Stands in the place of the job: what a worker calls."""
    DONE.append(ref)


DONE: list[str] = []


@pytest.mark.parametrize("woken_by", ["accept", "wake_due", "finish"])
def test_a_real_worker_runs_it(
    inbox: Inbox, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, woken_by: str
) -> None:
    monkeypatch.setattr(inbox_module, "RECONCILE", f"{__name__}._remember")
    DONE.clear()
    if woken_by == "accept":
        inbox.accept("guid:1", [Hint(OTHER)])
    elif woken_by == "wake_due":
        inbox.later(OTHER, NOON)
        inbox.wake_due(NOON, STUCK)
    else:
        inbox.hint(OTHER)
        begun = run(inbox, OTHER)
        inbox.queue.empty()
        inbox.hint(OTHER)
        inbox.finish(begun)
    worker = SimpleWorker([inbox.queue], connection=redis_client, serializer="json")
    worker.work(burst=True, with_scheduler=False)
    assert [str(OTHER)] == DONE
    assert inbox.queue.failed_job_registry.get_job_ids() == []


# --- working off ------------------------------------------------------------------------------------------------


def test_a_run_knows_what_it_answers(inbox: Inbox) -> None:
    inbox.accept("guid:1", [Hint(APP, after(seconds=-2))], NOON)
    begun = run(inbox, APP, after(seconds=3))
    assert (begun.ref, begun.watermark, begun.since) == (APP, after(seconds=-2), NOON)
    assert timedelta(0) < inbox.holds(begun) <= LEASE
    assert inbox.renew(begun)


def test_nothing_waits_nothing_runs(inbox: Inbox) -> None:
    assert inbox.begin(APP, NOON) is None


def test_one_worker_at_a_time_has_an_issue(inbox: Inbox) -> None:
    inbox.accept("guid:1", [Hint(APP), Hint(OTHER)], NOON)
    run(inbox, APP)
    assert inbox.begin(APP, NOON) is None
    run(inbox, OTHER)


def test_a_hint_during_a_run_wakes_another_at_its_end(inbox: Inbox) -> None:
    inbox.hint(APP, now=NOON)
    inbox.queue.empty()
    begun = run(inbox, APP, after(seconds=1))
    inbox.hint(APP, now=after(seconds=2))
    assert jobs(inbox) == []
    assert not inbox.finish(begun, after(seconds=3))
    assert jobs(inbox) == [str(APP)]
    again = run(inbox, APP, after(seconds=4))
    assert again.since == after(seconds=1), "what still waits came after the first run began"
    assert inbox.finish(again, after(seconds=5))


class TestAnIssueWhoseHintsPourIn:
    def look(self, inbox: Inbox, at: datetime) -> None:
        """A run, and a hint that comes after it."""
        assert jobs(inbox) == [str(APP)]
        inbox.queue.empty()
        inbox.finish(run(inbox, APP, at), at)
        inbox.hint(APP, now=at)

    @pytest.fixture
    def poured(self, inbox: Inbox) -> Inbox:
        """It was looked at twice in a row, and there is more."""
        inbox.hint(APP, now=NOON)
        self.look(inbox, NOON)
        self.look(inbox, NOON)
        return inbox

    def test_rests_before_the_third_look_in_a_row_and_one_look_answers_all_that_came(self, poured: Inbox) -> None:
        for second in range(20):
            assert poured.accept(f"guid:{second}", [Hint(APP)], after(milliseconds=40 * second))
        assert jobs(poured) == []
        assert poured.wake_due(after(milliseconds=999)) == 0
        assert poured.wake_due(after(seconds=1)) == 1
        assert jobs(poured) == [str(APP)]
        assert poured.finish(run(poured, APP, after(seconds=1)), after(seconds=1))

    def test_rests_twice_as_long_each_time_and_four_seconds_at_the_most(self, poured: Inbox) -> None:
        at = NOON
        for seconds in (1, 2, 4, 4, 4):
            assert poured.wake_due(at + timedelta(seconds=seconds - 0.01)) == 0
            at += timedelta(seconds=seconds)
            assert poured.wake_due(at) == 1
            self.look(poured, at)

    def test_rests_after_a_run_during_which_more_came_too(self, inbox: Inbox) -> None:
        inbox.hint(APP, now=NOON)
        for follows in ([str(APP)], []):
            begun = run(inbox, APP)
            inbox.queue.empty()
            inbox.hint(APP, now=NOON)
            assert not inbox.finish(begun, NOON)
            assert jobs(inbox) == follows
        assert inbox.depth() == 1
        assert inbox.wake_due(after(seconds=1)) == 1

    def test_is_looked_at_at_once_when_it_was_quiet_for_a_while(self, poured: Inbox, redis_client: redis.Redis) -> None:
        assert 0 < redis_client.pttl(f"{PREFIX}looks:{APP}") <= 5000
        redis_client.delete(f"{PREFIX}looks:{APP}")  # as Redis does by itself then
        poured.hint(APP, now=NOON)
        assert jobs(poured) == [str(APP)]

    def test_is_not_forgotten_when_nobody_wakes_it_in_time(self, poured: Inbox, redis_client: redis.Redis) -> None:
        redis_client.zrem(f"{PREFIX}later", str(APP))
        assert poured.wake_due(after(seconds=2) + LEASE) == 1

    def test_holds_up_no_other(self, poured: Inbox) -> None:
        poured.hint(OTHER, now=NOON)
        assert jobs(poured) == [str(OTHER)]


def test_a_finished_issue_leaves_nothing_behind(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.accept("guid:1", [Hint(APP, NOON)], NOON)
    assert inbox.finish(run(inbox, APP), NOON)
    assert ours(redis_client) == {f"{PREFIX}counter".encode()}


def test_put_off_keeps_the_entry_and_wakes_it_then(inbox: Inbox) -> None:
    inbox.hint(APP, NOON, NOON)
    begun = run(inbox, APP)
    inbox.queue.empty()
    inbox.put_off(begun, after(minutes=30), NOON)
    assert inbox.depth() == 1
    assert not inbox.holds(begun)
    assert inbox.wake_due(after(minutes=29), STUCK) == 0, "it is not stuck, it waits"
    assert inbox.wake_due(after(minutes=30), STUCK) == 1
    assert jobs(inbox) == [str(APP)]
    again = run(inbox, APP, after(minutes=30))
    assert (again.since, again.watermark) == (NOON, NOON)


def test_a_new_hint_wakes_what_was_put_off(inbox: Inbox) -> None:
    inbox.hint(APP, now=NOON)
    begun = run(inbox, APP)
    inbox.queue.empty()
    inbox.put_off(begun, after(minutes=30), NOON)
    inbox.hint(APP, now=after(minutes=1))
    assert jobs(inbox) == [str(APP)]


def test_what_came_while_a_run_was_under_way_is_woken_when_that_run_is_put_off(inbox: Inbox) -> None:
    inbox.hint(APP, now=NOON)
    begun = run(inbox, APP)
    inbox.queue.empty()
    inbox.hint(APP, now=NOON)
    assert jobs(inbox) == []
    inbox.put_off(begun, after(hours=1), NOON)
    assert jobs(inbox) == [str(APP)], "an hour is for what the run has seen"


def test_what_is_forgotten_while_a_run_is_under_way_is_not_tried_again_and_a_later_hint_is_not_lost(
    inbox: Inbox,
) -> None:
    inbox.hint(APP, now=NOON)
    begun = run(inbox, APP)
    inbox.queue.empty()
    assert inbox.forget(APP, NOON)
    assert not inbox.holds(begun), "it begins nothing more"
    inbox.put_off(begun, after(seconds=5), NOON)
    assert inbox.wake_due(after(hours=2)) == 0
    assert inbox.depth() == 0

    inbox.hint(APP, now=NOON)
    inbox.finish(run(inbox, APP), NOON)
    assert inbox.depth() == 0


def test_a_hint_that_comes_after_all_was_forgotten_is_missed_when_nobody_takes_it(inbox: Inbox) -> None:
    inbox.hint(APP, now=NOON)
    run(inbox, APP)
    inbox.forget(APP, NOON)
    inbox.hint(APP, now=NOON)
    inbox.queue.empty()
    assert inbox.wake_due(after(minutes=5)) == 1


def test_a_run_that_takes_too_long_is_named_at_the_next_pulse_where_redis_was_away(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Inbox(redis_client, longest=timedelta(0))
    slow.hint(APP, now=NOON)
    begun = run(slow, APP)

    def away(*_: object) -> int:
        raise Away("away")

    with monkeypatch.context() as patched:
        patched.setattr(slow, "_each", away)
        with pytest.raises(Away):
            slow.keep()
    assert slow.keep() == [begun]
    assert slow.keep() == []


def test_what_was_put_off_and_not_woken_is_found(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.hint(APP, now=NOON)
    inbox.put_off(run(inbox, APP), after(minutes=30), NOON)
    inbox.queue.empty()
    redis_client.delete(f"{PREFIX}later")
    assert inbox.wake_due(after(minutes=32), STUCK) == 0
    assert inbox.wake_due(after(minutes=33), STUCK) == 1


@pytest.mark.parametrize("order", [(10, 20), (20, 10)])
def test_the_earlier_of_two_later_times_wins(inbox: Inbox, order: tuple[int, int]) -> None:
    for minutes in order:
        inbox.later(APP, after(minutes=minutes))
    assert inbox.wake_due(after(minutes=9), STUCK) == 0
    assert inbox.wake_due(after(minutes=10), STUCK) == 1
    assert inbox.depth() == 1
    assert inbox.finish(run(inbox, APP, after(minutes=11)))
    assert inbox.wake_due(after(minutes=30), STUCK) == 0


def test_a_later_time_does_not_hide_a_lost_wake_up(inbox: Inbox) -> None:
    inbox.later(APP, after(days=3))
    inbox.hint(APP, now=NOON)
    inbox.queue.empty()
    assert inbox.wake_due(after(minutes=4), STUCK) == 1


# --- what gets lost ---------------------------------------------------------------------------------------------


def test_a_lost_job_is_woken_again_once(inbox: Inbox) -> None:
    inbox.hint(APP, now=NOON)
    inbox.queue.empty()
    assert inbox.wake_due(after(minutes=2), STUCK) == 0
    assert inbox.wake_due(after(minutes=3), STUCK) == 1
    assert inbox.wake_due(after(minutes=4), STUCK) == 0
    assert jobs(inbox) == [str(APP)]


@pytest.mark.parametrize("strange", [b"page:board", b"party:Support", b"\xff\xfe", b""])
@pytest.mark.parametrize("kept", ["later", "patience"])
def test_a_name_of_another_release_keeps_nobody_from_being_woken_and_stays_and_is_told_once(
    inbox: Inbox, redis_client: redis.Redis, strange: bytes, kept: str
) -> None:
    redis_client.zadd(f"{PREFIX}{kept}", {strange: 0})
    inbox.later(OTHER, NOON)
    inbox.hint(APP, now=NOON)
    inbox.queue.empty()
    with structlog.testing.capture_logs() as told:
        assert inbox.wake_due(after(minutes=3), STUCK) == 2
        assert inbox.wake_due(after(minutes=4), STUCK) == 0
    assert set(jobs(inbox)) == {str(APP), str(OTHER)}
    assert [one["name"] for one in told] == [repr(strange)]
    assert redis_client.zscore(f"{PREFIX}{kept}", strange) == 0


def test_a_job_that_only_waits_long_in_the_queue_is_not_doubled(inbox: Inbox) -> None:
    inbox.accept("guid:1", [Hint(APP), Hint(OTHER)], NOON)
    for minutes in range(3, 60, 3):
        assert inbox.wake_due(after(minutes=minutes), STUCK) == 0
    assert jobs(inbox) == [str(APP), str(OTHER)]


def test_a_worker_that_died_is_followed_when_its_lease_ends(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.hint(APP, now=NOON)
    run(inbox, APP)
    inbox.queue.empty()
    assert inbox.wake_due(after(minutes=60), STUCK) == 0, "the lock is alive"
    redis_client.delete(f"{PREFIX}lock:{APP}")
    assert inbox.wake_due(after(minutes=60), STUCK) == 1
    run(inbox, APP)


def test_the_lease_ends_by_itself(redis_client: redis.Redis) -> None:
    inbox = Inbox(redis_client, lease=timedelta(milliseconds=30))
    inbox.hint(APP)
    begun = run(inbox, APP)
    while redis_client.exists(f"{PREFIX}lock:{APP}"):
        pass
    assert not inbox.holds(begun)
    assert inbox.begin(APP) is not None


def half_over(client: redis.Redis, ref: Ref) -> None:
    client.pexpire(f"{PREFIX}lock:{ref}", LEASE // 2)


def left(client: redis.Redis, ref: Ref) -> timedelta:
    return timedelta(milliseconds=int(client.pttl(f"{PREFIX}lock:{ref}")))


def test_runs_that_are_alive_are_kept_and_those_that_ended_are_not(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.accept("guid:1", [Hint(APP), Hint(OTHER)], NOON)
    alive, ended = run(inbox, APP), run(inbox, OTHER)
    inbox.put_off(ended, after(minutes=1), NOON)
    another = Inbox(redis_client).begin(OTHER, NOON)
    assert another is not None
    half_over(redis_client, APP)
    half_over(redis_client, OTHER)
    assert inbox.keep(after(seconds=20)) == []
    assert left(redis_client, APP) > LEASE * 0.9
    assert left(redis_client, OTHER) <= LEASE / 2, "it is kept by whom it belongs to"
    inbox.queue.empty()
    redis_client.delete(f"{PREFIX}lock:{APP}")
    assert inbox.wake_due(after(seconds=44)) == 0, "its last sign is younger than a lease"
    assert inbox.wake_due(after(seconds=45)) >= 1
    assert inbox.keep() == []
    assert not inbox.holds(alive), "what was lost is not taken back"


def test_asking_before_an_act_renews_a_lease_that_is_not_fresh(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.hint(APP, now=NOON)
    begun = run(inbox, APP)
    half_over(redis_client, APP)
    assert inbox.holds(begun) == LEASE
    assert left(redis_client, APP) > LEASE * 0.9


def test_a_run_that_takes_too_long_is_named_once_and_kept_no_more(redis_client: redis.Redis) -> None:
    inbox = Inbox(redis_client, longest=timedelta(0))
    inbox.hint(APP)
    begun = inbox.begin(APP)
    assert begun is not None
    half_over(redis_client, APP)
    assert inbox.keep() == [begun]
    assert inbox.keep() == []
    assert not inbox.holds(begun)
    assert left(redis_client, APP) <= LEASE / 2


def test_what_a_thread_has_let_go_of_is_kept_no_more(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.hint(APP)
    run(inbox, APP)
    elsewhere = threading.Thread(target=inbox.let_go)
    elsewhere.start()
    elsewhere.join()
    half_over(redis_client, APP)
    inbox.keep()
    assert left(redis_client, APP) > LEASE * 0.9, "another thread's end does not concern it"
    inbox.let_go()
    half_over(redis_client, APP)
    inbox.keep()
    assert left(redis_client, APP) <= LEASE / 2


def test_a_run_that_lost_its_lock_cannot_take_its_followers_away(inbox: Inbox, redis_client: redis.Redis) -> None:
    inbox.hint(APP, now=NOON)
    slow = run(inbox, APP)
    redis_client.delete(f"{PREFIX}lock:{APP}")
    follower = run(inbox, APP)
    inbox.queue.empty()
    assert not inbox.finish(slow, NOON)
    assert inbox.holds(follower)
    assert inbox.depth() == 1
    inbox.put_off(slow, after(minutes=1), NOON)
    assert inbox.holds(follower)
    assert inbox.finish(follower, NOON)
    assert inbox.depth() == 0


def test_a_run_that_lost_its_lock_to_nobody_leaves_the_issue_to_another(
    inbox: Inbox, redis_client: redis.Redis
) -> None:
    inbox.hint(APP, now=NOON)
    slow = run(inbox, APP)
    inbox.queue.empty()
    redis_client.delete(f"{PREFIX}lock:{APP}")
    assert not inbox.finish(slow, NOON)
    assert jobs(inbox) == [str(APP)]


def test_workers_are_seen_while_they_live(inbox: Inbox, redis_client: redis.Redis) -> None:
    assert inbox.workers_seen() == 0
    worker = SimpleWorker([inbox.queue], connection=redis_client, serializer="json")
    worker.register_birth()
    assert inbox.workers_seen() == 1
    redis_client.delete(worker.key)  # as when it was killed and its sign of life ran out
    assert inbox.workers_seen() == 0


def test_an_empty_inbox_has_no_oldest(inbox: Inbox) -> None:
    assert inbox.oldest(NOON) is None


# --- no order of events loses a hint or runs an issue twice at once ---------------------------------------------

REFS = [APP, OTHER]
MACHINE: dict[str, Any] = {}


class AnyOrder(RuleBasedStateMachine):
    """Hints, runs, crashes, ended leases, lost jobs and a clock that wakes, in every order that Hypothesis thinks of.

    `owed` are the hints that no finished run has answered: one that began after it and still had the issue at its end.
    """

    runs = Bundle("runs")

    @initialize()
    def begin_empty(self) -> None:
        self.redis = MACHINE["redis"]
        self.redis.flushall()
        self.inbox = Inbox(self.redis)
        self.now = NOON
        self.count = 0
        self.owed: dict[Ref, set[int]] = {ref: set() for ref in REFS}
        self.holder: dict[Ref, Run | None] = dict.fromkeys(REFS)
        self.answers: dict[str, set[int]] = {}

    def tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def owe(self, *refs: Ref) -> None:
        for ref in refs:
            self.count += 1
            self.owed[ref].add(self.count)

    @rule(refs=st.lists(st.sampled_from(REFS), min_size=1, max_size=2, unique=True), again=st.booleans())
    def deliver(self, refs: list[Ref], again: bool) -> None:
        hints = [Hint(ref, self.now) for ref in refs]
        name = f"guid:{self.count}"
        assert self.inbox.accept(name, hints, self.tick())
        self.owe(*refs)
        if again:
            assert not self.inbox.accept(name, hints, self.tick())

    @rule(ref=st.sampled_from(REFS), seconds=st.integers(0, 400))
    def remind_later(self, ref: Ref, seconds: int) -> None:
        self.inbox.later(ref, self.now + timedelta(seconds=seconds))
        self.owe(ref)

    @rule(target=runs, lost=st.booleans())
    def worker_takes_a_job(self, lost: bool) -> Any:
        if lost:
            self.redis.lpop(self.inbox.queue.key)
            return multiple()
        return self.next_job() or multiple()

    @rule(target=runs, ref=st.sampled_from(REFS))
    def worker_comes_unasked(self, ref: Ref) -> Any:
        return self.take(ref) or multiple()

    def next_job(self) -> Run | None:
        name = self.redis.lpop(self.inbox.queue.key)
        if not name:
            return None
        return self.take(Ref.parse(Job.fetch(name.decode(), self.redis, serializer="json").args[0]))

    def take(self, ref: Ref) -> Run | None:
        begun = self.inbox.begin(ref, self.tick())
        if begun:
            assert self.holder[ref] is None, "two runs at once"
            self.holder[ref] = begun
            self.answers[begun.token] = set(self.owed[ref])
        return begun

    @rule(begun=runs)
    def run_finishes(self, begun: Run) -> None:
        self.inbox.finish(begun, self.tick())
        if self.holder[begun.ref] is begun:
            self.holder[begun.ref] = None
            self.owed[begun.ref] -= self.answers[begun.token]

    @rule(begun=runs, seconds=st.integers(-10, 400))
    def run_is_put_off(self, begun: Run, seconds: int) -> None:
        self.inbox.put_off(begun, self.now + timedelta(seconds=seconds), self.tick())
        if self.holder[begun.ref] is begun:
            self.holder[begun.ref] = None

    @rule(ref=st.sampled_from(REFS))
    def lease_ends(self, ref: Ref) -> None:
        """The holder crashed, or is only slow: its run may still come to its end."""
        self.redis.delete(f"{PREFIX}lock:{ref}")
        self.holder[ref] = None

    @rule(seconds=st.integers(1, 400))
    def clock_wakes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)
        self.inbox.wake_due(self.now, STUCK)

    @rule()
    def redis_forgets_its_scripts(self) -> None:
        self.redis.script_flush()

    @invariant()
    def what_is_owed_waits(self) -> None:
        if not hasattr(self, "owed"):
            return
        for ref in REFS:
            if self.owed[ref]:
                waits = self.redis.zscore(f"{PREFIX}dirty", str(ref)) or self.redis.zscore(f"{PREFIX}later", str(ref))
                assert waits is not None, f"{ref} was lost"

    def teardown(self) -> None:
        """Once nothing goes wrong any more, all is worked off and nothing is left."""
        if not hasattr(self, "owed"):
            return
        for ref in REFS:
            self.lease_ends(ref)
        for _ in range(6):
            self.clock_wakes(400)
            for _ in range(len(self.inbox.queue)):
                if begun := self.next_job():
                    self.run_finishes(begun)
        assert self.owed == {ref: set() for ref in REFS}
        assert self.inbox.depth() == 0
        assert ours(self.redis) <= {f"{PREFIX}counter".encode()}


@pytest.fixture
def machine_redis(redis_client: redis.Redis) -> Iterator[redis.Redis]:
    MACHINE["redis"] = redis_client
    yield redis_client
    MACHINE.clear()


@pytest.mark.usefixtures("machine_redis")
def test_no_order_of_events_loses_a_hint_or_runs_an_issue_twice_at_once() -> None:
    run_state_machine_as_test(
        AnyOrder,
        settings=settings(
            max_examples=some(120),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_the_last_delivery_of_each_tracker_is_remembered_and_no_hint_of_our_own(inbox: Inbox) -> None:
    assert inbox.last_deliveries() == {}
    first, later = NOON, after(minutes=5)
    inbox.accept("a", [Hint(Ref.parse("acme/app#1"))], first)
    inbox.accept("b", [Hint(Ref.parse("jira:eu/APP-7"))], first)
    inbox.accept("c", [Hint(Ref.parse("acme/app#2"))], later)
    inbox.accept("c", [Hint(Ref.parse("acme/app#2"))], later + timedelta(hours=1))  # seen before
    inbox.hint(Ref.parse("main/APP-1"), now=later)

    assert inbox.last_deliveries() == {"github": later, "jira:eu": first}
