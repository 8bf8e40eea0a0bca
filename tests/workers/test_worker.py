"""The worker processes, as real processes on a real Redis, killed as in real life."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry as RedisRetry
from rq import Queue, Retry
from rq.job import Callback, Job

from integration.memory.inbox import LEASE, PREFIX, QUEUE, Away, Inbox
from integration.stages.model import Ref
from tests.conftest import redis_binary
from workers.clock import Tick, look_again, step
from workers.pool import LISTEN, NAME, PULSE, SEEN_FOR, HouseQueue, HouseWorker

ROOT = Path(__file__).parents[2]
OFFERED = "offered"  # no module of that name is on the path: what runs is looked up, never imported
APP = Ref.parse("acme/app#12")


def until(met: Callable[[], object], seconds: float = 60) -> None:
    """Wait for a condition; fail when it does not come."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


class Served:
    """A pool of workers, and what the tests ask of it."""

    def __init__(self, url: str, log: Path, **given: Any) -> None:
        self.url, self.log, self.given = url, log, {"processes": 2, "threads": 1, "url": url} | given
        self.client = Redis.from_url(url, retry=RedisRetry(NoBackoff(), 1))
        self.tracker = Redis.from_url(self.given.get("tracker", url))
        self.inbox = Inbox(self.client)
        self.queue = Queue(QUEUE, connection=self.client, serializer="json")

    def start(self) -> None:
        with self.log.open("w") as out:
            command = [sys.executable, str(Path(__file__).parent / "offered.py"), json.dumps(self.given)]
            environ = {**os.environ, "PYTHONPATH": str(ROOT)}
            self.process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
        until(lambda: self.inbox.workers_seen() >= self.given["processes"] * self.given["threads"])

    def ask(self, name: str, *args: object, **options: object) -> Job:
        return self.queue.enqueue(f"{OFFERED}.{name}", args=args, job_timeout=60, **options)

    def notes(self, key: str) -> list[str]:
        return [each.decode().split()[0] for each in self.tracker.lrange(key, 0, -1)]

    def pids(self, key: str) -> set[bytes]:
        """The processes that have noted something there."""
        return {each.split()[1] for each in self.tracker.lrange(key, 0, -1) if b" " in each}

    def crews(self) -> list[psutil.Process]:
        """The processes of the pool that are alive."""
        found = psutil.Process(self.process.pid).children()
        return [each for each in found if each.status() != psutil.STATUS_ZOMBIE]

    def at_work(self, ref: Ref) -> psutil.Process:
        """The process that has last acted on the issue."""
        until(lambda: self.tracker.llen(f"acts:{ref}"))
        return psutil.Process(int(self.tracker.lindex(f"acts:{ref}", -1).split()[1]))

    def runs_of(self, ref: Ref) -> list[str]:
        """The runs that acted on the issue, in order; one that came back after another would be there twice."""
        return [token for token, _ in groupby(self.notes(f"acts:{ref}"))]

    def hint(self, ref: Ref, wanted: str = "") -> None:
        self.tracker.set(f"wanted:{ref}", wanted)
        self.inbox.hint(ref)

    def at_rest(self) -> bool:
        return self.inbox.depth() == 0

    def end(self) -> None:
        """Kill what is left, and wait until Redis has no worker: one of old would take the next test's jobs."""
        family = psutil.Process(self.process.pid).children(recursive=True) if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        until(lambda: not [one for one in self.client.client_list() if one["name"] == NAME])


Start = Callable[..., Served]


@pytest.fixture
def start(redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start a pool of two processes with one thread each, or as is said."""
    started: list[Served] = []

    def begin(**given: Any) -> Served:
        started.append(Served(given.pop("url", redis_url), tmp_path / "log", **given))
        started[-1].start()
        return started[-1]

    yield begin
    for each in started:
        each.end()


# --- what may be run --------------------------------------------------------------------------------------------


class TestWhatMayBeRun:
    """One pool for all of these: they leave it as it was."""

    @pytest.fixture(scope="class")
    @staticmethod
    def served(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
        Redis.from_url(redis_server).flushall()
        served = Served(redis_server, tmp_path_factory.mktemp("served") / "log")
        try:
            served.start()
            yield served
        finally:
            served.end()

    def test_a_job_that_is_offered_runs_and_leaves_nothing_in_redis(self, served: Served) -> None:
        job = served.ask("note", "plain", "ran")
        until(lambda: not served.client.exists(job.key))
        assert served.notes("plain") == ["ran"]
        assert not served.client.exists(served.queue.key, served.queue.intermediate_queue_key)

    def test_a_job_that_fails_is_told_and_not_tried_by_rq_and_its_trace_is_not_in_redis(self, served: Served) -> None:
        job = served.ask("flaky", "once", retry=Retry(max=3))
        until(lambda: job.get_status(refresh=True) == "failed")
        served.ask("note", "after the failed one", "ran")
        until(lambda: served.notes("after the failed one") == ["ran"])
        assert served.notes("once") == ["tried"]
        assert "it fails" in served.log.read_text()
        assert job.latest_result().exc_string == "RuntimeError: the log has it"

    @pytest.mark.parametrize(
        "name", [f"{OFFERED}.not_offered", "os.getpid", "antigravity.fly", f"{OFFERED}.Redis.from_url"]
    )
    def test_what_is_not_offered_is_refused_in_one_line_and_never_imported(self, served: Served, name: str) -> None:
        job = served.queue.enqueue(name, args=["refused"], retry=Retry(max=3), job_timeout=60)
        until(lambda: job.get_status(refresh=True) == "failed")
        assert served.notes("refused") == []
        told = [line for line in served.log.read_text().splitlines() if job.id in line]
        assert len(told) == 1
        assert "job refused" in told[0]
        assert "NotOffered" in str(job.latest_result().exc_string)

    def test_callbacks_and_web_hooks_that_a_job_names_are_not_called(self, served: Served) -> None:
        back = Callback(f"{OFFERED}.not_offered")
        job = served.ask("note", "callback", "ran", on_success=back, on_failure=back)
        until(lambda: not served.client.exists(job.key))
        assert served.notes("callback") == ["ran"]

    def test_a_pickled_job_fails_and_runs_nothing(self, served: Served) -> None:
        pickled = Queue(QUEUE, connection=served.client, serializer="pickle")
        job = pickled.enqueue(f"{OFFERED}.note", args=["pickled", "ran"], retry=Retry(max=1))
        until(lambda: served.client.hget(job.key, "status") == b"failed")
        assert served.notes("pickled") == []

    def test_what_ends_rqs_loop_is_told_and_the_thread_begins_anew(self, served: Served) -> None:
        told = "begins anew"
        served.client.rpush(served.queue.key, b"\xff\xfe")
        until(lambda: served.log.read_text().count(told) == 1)
        until(lambda: served.ask("slow", "after", 0.02) and len(served.pids("after")) == 2)

    def test_threads_that_redis_has_thrown_out_come_back(self, served: Served) -> None:
        served.client.client_kill_filter(_type="normal", skipme=True)
        for number in range(4):
            served.ask("note", "after the cut", str(number))
        until(lambda: len(served.notes("after the cut")) == 4)


# --- stopping ---------------------------------------------------------------------------------------------------


def test_sigterm_lets_the_jobs_in_hand_end_and_takes_no_other(start: Start) -> None:
    served = start(processes=1, threads=2)
    for key in ("first", "second"):
        served.ask("slow", key, 0.7)
    until(lambda: served.notes("first") == served.notes("second") == ["begun"])
    served.process.terminate()
    served.ask("note", "third", "ran")
    assert served.process.wait(40) == 0
    assert served.notes("first") == served.notes("second") == ["begun", "done"]
    assert served.notes("third") == []
    assert served.queue.count == 1, "another worker will find it"
    assert served.inbox.workers_seen() == 0


def test_workers_without_a_job_stop_long_before_their_grace_is_over(start: Start) -> None:
    served = start(processes=2, threads=4)
    begun = time.monotonic()
    served.process.terminate()
    assert served.process.wait(40) == 0
    assert time.monotonic() - begun < 12


def test_a_job_that_outlasts_the_grace_is_given_up_and_its_issue_is_not_forgotten(start: Start) -> None:
    served = start(processes=1, grace=0.5)
    served.tracker.set(f"takes:{APP}", 60)
    served.hint(APP)
    served.at_work(APP)
    served.process.terminate()
    assert served.process.wait(40) == 0
    assert served.inbox.depth() == 1
    assert "did not end in time" in served.log.read_text()


# --- dying ------------------------------------------------------------------------------------------------------


def test_at_the_shipped_settings_a_dead_run_is_missed_and_woken_again_within_a_minute() -> None:
    lock_ends = missed = LEASE  # since its last sign of life
    assert max(lock_ends, missed) + timedelta(seconds=PULSE) + timedelta(seconds=LISTEN) <= timedelta(seconds=60)
    assert timedelta(seconds=PULSE) * 3 <= LEASE, "a pulse that fails once does not cost a run its issue"


def test_a_worker_that_dies_before_its_first_pulse_is_missed_as_soon_as_any_other(redis_client: Redis) -> None:
    worker = HouseWorker([HouseQueue(QUEUE, connection=redis_client)], connection=redis_client)
    worker.register_birth()
    assert Inbox(redis_client).workers_seen() == 1
    assert 0 < redis_client.ttl(worker.key) <= SEEN_FOR


STEPS = ["popped", "begun", "acted", "not finished", "finished"]


def test_whenever_a_worker_is_killed_another_does_the_work_without_any_clock(start: Start) -> None:
    served = start(threads=2, lease=0.9)
    served.tracker.sadd("deaths", *STEPS)
    issues = [Ref("github", "", "acme/app", number) for number in range(1, 6)]
    for each in issues:
        served.hint(each, "looked at")
    until(lambda: served.tracker.llen("died") == len(STEPS) or (served.at_rest() and _again(served, issues)))
    until(served.at_rest)
    assert {each.decode() for each in served.tracker.lrange("died", 0, -1)} == set(STEPS)
    assert [served.tracker.get(f"done:{each}") for each in issues] == [b"looked at"] * 5
    for each in issues:
        assert len(served.runs_of(each)) == len(set(served.runs_of(each))), "a dead run's issue is another's"
    until(lambda: len(served.crews()) == 2)
    assert not served.client.keys(f"{PREFIX}lock:*")


def _again(served: Served, issues: list[Ref]) -> bool:
    """All is done, but somebody has still to die: more work."""
    for each in issues:
        served.hint(each, "looked at")
    return False


def test_what_a_crash_left_in_rqs_lists_is_tidied_up(start: Start) -> None:
    served = start(processes=1, lease=0.6)
    served.tracker.sadd("deaths", "begun")
    served.hint(APP)
    until(lambda: served.notes("died") and served.at_rest())
    until(lambda: served.client.llen(served.queue.intermediate_queue_key) == 1)
    (left,) = served.client.lrange(served.queue.intermediate_queue_key, 0, -1)
    worker = HouseWorker([HouseQueue(QUEUE, connection=served.client)], connection=served.client)
    worker.clean_registries()
    first_seen = worker.queues[0].intermediate_queue.get_first_seen_key(left.decode())
    assert served.client.lrange(served.queue.intermediate_queue_key, 0, -1) == [left], "it may be alive"
    served.client.set(first_seen, time.time() - 61)
    served.client.rpush(served.queue.intermediate_queue_key, b"\xff")
    served.client.set(f"{served.queue.intermediate_queue_key}:first_seen:\ufffd", time.time() - 61)
    worker.clean_registries()
    assert not served.client.exists(served.queue.intermediate_queue_key, first_seen, f"rq:job:{left.decode()}")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_no_worker_outlives_its_pool_even_when_that_is_killed(start: Start) -> None:
    served = start()
    crews = served.crews()
    assert len(crews) == 2
    served.process.kill()
    until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in crews))


def test_a_run_that_hangs_loses_its_issue_and_its_process(start: Start) -> None:
    served = start(lease=0.6, longest=1, grace=0.3)
    served.tracker.set(f"takes:{APP}", 60)
    served.hint(APP, "seen")
    hanging = served.at_work(APP)
    served.tracker.delete(f"takes:{APP}")
    until(served.at_rest)
    assert served.tracker.get(f"done:{APP}") == b"seen"
    until(lambda: "a run hangs" in served.log.read_text())
    until(lambda: not hanging.is_running() or hanging.status() == psutil.STATUS_ZOMBIE)
    until(lambda: len(served.crews()) == 2)


def test_a_run_that_slept_through_its_lease_does_nothing_more_when_it_wakes(start: Start) -> None:
    served = start(lease=0.6)
    served.tracker.set(f"takes:{APP}", 0.3)
    served.hint(APP, "seen")
    asleep = served.at_work(APP)
    asleep.suspend()
    try:
        until(served.at_rest)
    finally:
        asleep.resume()
    until(lambda: served.notes("stopped"))
    assert served.notes("stopped") == [served.runs_of(APP)[0]]
    assert len(served.runs_of(APP)) == 2, "the second did all, and the first came back to nothing"
    assert served.tracker.get("runs") == b"1"


def test_a_run_that_is_alive_keeps_its_issue_for_longer_than_a_lease(start: Start) -> None:
    served = start(lease=0.6)
    served.tracker.set(f"takes:{APP}", 1)
    served.hint(APP)
    until(served.at_rest)
    assert len(served.runs_of(APP)) == 1


def test_no_issue_is_worked_on_twice_at_once_however_many_hints_pour_in(start: Start) -> None:
    served = start(threads=8)
    issues = [Ref("github", "", "acme/app", number) for number in range(3)]
    for number in range(600):
        served.hint(issues[number % 3], str(number))
    until(served.at_rest)
    assert [served.tracker.get(f"done:{each}") for each in issues] == [b"597", b"598", b"599"]
    for each in issues:
        assert len(served.runs_of(each)) == len(set(served.runs_of(each))), "two at once would alternate"
    assert int(served.tracker.get("runs")) < 300


# --- Redis dies -------------------------------------------------------------------------------------------------


class OwnRedis:
    """A Redis with AOF that can be killed and comes back."""

    def __init__(self, home: Path) -> None:
        self.home, self.socket = home, home / "s"
        self.url = f"unix://{self.socket}"
        self.start()

    def start(self) -> None:
        command = [redis_binary(), "--port", "0", "--unixsocket", str(self.socket), "--dir", str(self.home)]
        command += ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        until(self.answers)

    def answers(self) -> bool:
        with suppress(RedisError):
            return bool(Redis.from_url(self.url).ping())
        return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnRedis]:
    own = OwnRedis(tmp_path_factory.mktemp("r"))
    yield own
    own.kill()


def test_a_redis_that_is_killed_under_load_loses_no_accepted_hint(
    own_redis: OwnRedis, start: Start, redis_url: str
) -> None:
    served = start(url=own_redis.url, tracker=redis_url, threads=4, lease=0.9)
    issues = [Ref("github", "", "acme/app", number) for number in range(20)]
    accepted: dict[Ref, int] = {}
    for number in range(200):
        if number == 100:
            own_redis.kill()
            with pytest.raises(Away):
                Inbox.connect(own_redis.url).hint(APP)
            own_redis.start()
        each = issues[number % 20]
        served.hint(each, str(number))
        accepted[each] = number
    until(served.at_rest)
    assert {each: int(served.tracker.get(f"done:{each}")) for each in issues} == accepted
    for each in issues:
        assert len(served.runs_of(each)) == len(set(served.runs_of(each)))


# --- the clock --------------------------------------------------------------------------------------------------

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_each_task_runs_at_once_and_then_when_it_is_due() -> None:
    ran: list[str] = []
    ticks = [
        Tick("often", timedelta(seconds=2), lambda now: ran.append("often")),
        Tick("rarely", timedelta(seconds=10), lambda now: ran.append("rarely")),
    ]
    for second in range(1, 12):
        step(ticks, lambda second=second: float(second), lambda: NOON)
    assert ran == ["often", "rarely", *["often"] * 5, "rarely"]


def test_a_task_that_fails_is_tried_again_and_stops_no_other() -> None:
    ran: list[str] = []

    def fails(now: datetime) -> None:
        ran.append("tried")
        raise ConnectionError("no database today")

    ticks = [
        Tick("fails", timedelta(seconds=1), fails),
        Tick("works", timedelta(seconds=1), lambda now: ran.append("ok")),
    ]
    step(ticks, lambda: 1.0, lambda: NOON)
    step(ticks, lambda: 2.0, lambda: NOON)
    assert ran == ["tried", "ok", "tried", "ok"]
    assert [each.failures for each in ticks] == [2, 0]


class Features:
    """The ledger's two methods that the clock needs, kept in a dictionary."""

    def __init__(self, *refs: Ref) -> None:
        self.times = dict.fromkeys(refs, NOON)

    def due(self, now: datetime, limit: int) -> list[Ref]:
        return [ref for ref, at in self.times.items() if at <= now][:limit]

    def put_off(self, ref: Ref, at: datetime) -> None:
        self.times[ref] = at


def test_a_feature_whose_time_has_come_is_hinted_at_once_by_two_clocks(redis_client: Redis) -> None:
    ref = Ref.parse("acme/app#12")
    features, inbox = Features(ref), Inbox(redis_client)
    for _clock in range(2):
        look_again(inbox, features, NOON)
    assert inbox.depth() == 1
    assert len(inbox.queue) == 1
    assert features.due(NOON, 10) == [], "not again at once"
    assert features.due(NOON + timedelta(minutes=2), 10) == [ref], "but again when the hint is lost"
