"""What went wrong, as the ledger keeps it, on both databases; and jobs in the queue that are none of ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from integration.memory.failures import Failure, Kind, Standing, State
from integration.memory.inbox import PREFIX, QUEUE, RECONCILE, Inbox
from integration.memory.ledger import Card, Ledger
from integration.memory.strays import remove, strays
from integration.stages.entries import Frozen
from integration.stages.model import Ref

APP, OTHER, MOBILE = Ref.parse("acme/app#12"), Ref.parse("acme/other#3"), Ref.parse("APP-7")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
AWAY = Failure(APP, Kind.LATER, State.RETRYING, "GitHub does not answer", NOON, NOON + MINUTE, 2, 0, NOON + 2 * MINUTE)
DEAD = Failure(OTHER, Kind.ADMIN, State.DEAD, "GitHub lets us read nothing", NOON - MINUTE, NOON, 8, 8, step="renew it")


def test_what_is_kept_of_a_ref_replaces_what_was_known_of_it_and_is_read_as_it_was_written(ledger: Ledger) -> None:
    for one in (AWAY, DEAD, replace(AWAY, tries=3, told=True, next_try=None)):
        ledger.failures.keep(one)
        assert ledger.failures.of(one.ref) == one
    assert [one.ref for one in ledger.failures.listed()] == [OTHER, APP], "the oldest first"
    assert ledger.failures.listed(State.DEAD) == (DEAD,)


def test_success_clears_the_row_once(ledger: Ledger) -> None:
    ledger.failures.keep(AWAY)
    assert [ledger.failures.clear(APP), ledger.failures.clear(APP), ledger.failures.clear(MOBILE)] == [
        True,
        False,
        False,
    ]
    assert ledger.failures.listed() == ()


def test_what_a_database_would_refuse_or_nobody_would_read_to_its_end_is_cut(ledger: Ledger) -> None:
    ledger.failures.keep(replace(AWAY, reason="a\0b\ud800" + "c" * 9000))
    (kept,) = ledger.failures.listed()
    assert kept.reason.startswith("ab?ccc")
    assert len(kept.reason) == 600


def test_dropped_is_kept_with_who_and_why_and_is_open_no_more(ledger: Ledger) -> None:
    ledger.failures.keep(AWAY)
    assert ledger.failures.drop(APP, "sam", "the repository is going away")
    assert not ledger.failures.drop(MOBILE, "sam", "x")
    (kept,) = ledger.failures.listed(State.DROPPED)
    assert (kept.dropped_by, kept.because, kept.next_try) == ("sam", "the repository is going away", None)
    assert (kept.reason, kept.since) == (AWAY.reason, AWAY.since)
    assert ledger.failures.stand() == Standing()


def test_retried_by_hand_it_is_open_again_with_all_its_tries_ahead(ledger: Ledger) -> None:
    ledger.failures.keep(DEAD)
    assert ledger.failures.revive(OTHER, NOON)
    assert not ledger.failures.revive(MOBILE, NOON)
    kept = ledger.failures.of(OTHER)
    assert kept == replace(DEAD, state=State.RETRYING, strikes=0, next_try=NOON)


def test_how_it_stands_is_how_many_how_many_dead_since_when_and_the_reasons_of_most(ledger: Ledger) -> None:
    assert ledger.failures.stand() == Standing()
    for number in range(3):
        ledger.failures.keep(replace(AWAY, ref=replace(APP, number=number)))
    for one in (DEAD, replace(DEAD, ref=MOBILE, state=State.DROPPED, since=NOON - 9 * MINUTE)):
        ledger.failures.keep(one)
    assert ledger.failures.stand() == Standing(4, 1, DEAD.since, ((AWAY.reason, 3), (DEAD.reason, 1)))
    assert len(ledger.failures.stand(most=1).reasons) == 1


def test_where_a_feature_was_seen_last_and_when(ledger: Ledger) -> None:
    ledger.append(APP, [Frozen(NOON, "x")], 0, NOON, Card("Dark mode", "https://x/12", "beta"))
    assert ledger.failures.last_look(APP) == ("beta", NOON)
    assert ledger.failures.last_look(OTHER) is None


# --- the inbox: what waits is forgotten, and a later hint counts ------------------------------------------------------


@pytest.fixture
def inbox(redis_client: redis.Redis) -> Inbox:
    return Inbox(redis_client)


def test_what_was_put_off_is_tried_at_once_when_another_hint_comes(inbox: Inbox) -> None:
    inbox.hint(APP, now=NOON)
    begun = inbox.begin(APP, NOON)
    assert begun
    inbox.queue.empty()
    inbox.put_off(begun, NOON + 60 * MINUTE, NOON)
    assert inbox.wake_due(NOON + MINUTE, 3 * MINUTE) == 0, "its time has not come"
    inbox.hint(APP, now=NOON + MINUTE)
    assert [job.args for job in inbox.queue.jobs] == [[str(APP)]]
    assert inbox.begin(APP, NOON + MINUTE)


def test_what_is_forgotten_leaves_nothing_behind_and_a_later_hint_is_worked_on(
    inbox: Inbox, redis_client: redis.Redis
) -> None:
    inbox.hint(APP, now=NOON)
    begun = inbox.begin(APP, NOON)
    assert begun
    inbox.put_off(begun, NOON + MINUTE, NOON)
    assert [inbox.forget(APP), inbox.forget(APP)] == [True, False]
    ends_by_itself = {f"{PREFIX}looks:{APP}".encode()}
    assert set(redis_client.keys(f"{PREFIX}*")) - ends_by_itself == {f"{PREFIX}counter".encode()}
    assert inbox.wake_due(NOON + 5 * MINUTE, MINUTE) == 0
    inbox.hint(APP, now=NOON + 6 * MINUTE)
    assert inbox.begin(APP, NOON + 6 * MINUTE)


def test_a_run_under_way_that_is_forgotten_ends_without_a_trace(inbox: Inbox) -> None:
    inbox.hint(APP, now=NOON)
    begun = inbox.begin(APP, NOON)
    assert begun
    inbox.forget(APP)
    inbox.finish(begun, NOON)
    assert inbox.depth() == 0
    assert inbox.begin(APP, NOON) is None


# --- jobs that are none of ours ---------------------------------------------------------------------------------------


def fail(client: redis.Redis, serializer: str, name: str, *arguments: str) -> str:
    """Somebody puts such a job into our queue, and a worker cannot run it."""
    queue = Queue(QUEUE, connection=client, serializer=serializer)
    job = queue.enqueue(name, args=arguments)
    ours = Queue(QUEUE, connection=client, serializer="json")
    SimpleWorker([ours], connection=client, serializer=JSONSerializer).work(burst=True, logging_level="CRITICAL")
    return str(job.id)


def test_jobs_that_are_none_of_ours_are_listed_until_they_are_taken_out(
    inbox: Inbox, redis_client: redis.Redis
) -> None:
    strange = fail(redis_client, "json", "nowhere.to_be\x1b[31mfound")
    pickled = fail(redis_client, "pickle", "os.getpid")
    ours = fail(redis_client, "json", RECONCILE, "one argument", "too many")
    found = {one.id: one for one in strays(inbox)}
    assert ours in inbox.queue.failed_job_registry.get_job_ids()
    assert set(found) == {strange, pickled}, "the hint of ours is in the inbox"
    assert found[pickled].asks == "cannot be read"
    assert found[strange].asks == "nowhere.to_be?[31mfound"
    assert all(one.at and one.reason.isidentifier() for one in found.values())
    assert [remove(inbox, strange), remove(inbox, strange), remove(inbox, "no such job")] == [True, False, False]
    assert strange not in {one.id for one in strays(inbox)}
