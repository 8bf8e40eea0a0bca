"""The worker processes, as real processes on a real Redis."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from redis import Redis
from rq import Queue, Retry
from rq.job import Callback, Job

from integration.memory.inbox import QUEUE, Inbox
from integration.stages.model import Ref
from workers.clock import Tick, look_again, step

ROOT = Path(__file__).parents[2]
OFFERED = "offered"  # no module of that name is on the path: what runs is looked up, never imported


def until(met: Callable[[], bool], seconds: float = 40) -> None:
    """Wait for a condition; fail when it does not come."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


class Served:
    """A pool of two workers, and what the tests ask of it."""

    def __init__(self, url: str, client: Redis, log: Path) -> None:
        self.client = client
        self.queue = Queue(QUEUE, connection=client, serializer="json")
        self.log = log
        with log.open("w") as out:
            command = [sys.executable, str(Path(__file__).parent / "offered.py"), url]
            environ = {**os.environ, "PYTHONPATH": str(ROOT)}
            self.process = subprocess.Popen(command, env=environ, stdout=out, stderr=out)

    def ask(self, name: str, *args: object, **options: object) -> Job:
        return self.queue.enqueue(f"{OFFERED}.{name}", args=args, retry=Retry(max=1), job_timeout=60, **options)

    def notes(self, key: str) -> list[str]:
        return [each.decode().split()[0] for each in self.client.lrange(key, 0, -1)]

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self) -> None:
        """Kill what is left, and wait until Redis has no worker: one of old would take the next test's jobs."""
        family = self.family() if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        until(lambda: not self.connections())

    def connections(self) -> set[str]:
        """Those on which a worker waits for jobs: each gives its own a name."""
        return {each["id"] for each in self.client.client_list() if each["name"]}


@pytest.fixture
def served(redis_url: str, redis_client: Redis, tmp_path: Path) -> Iterator[Served]:
    served = Served(redis_url, redis_client, tmp_path / "log")
    try:
        until(lambda: Inbox(redis_client).workers_seen() == 2)
        yield served
    finally:
        served.end()


def test_a_job_that_is_offered_runs_and_one_that_fails_is_tried_again(served: Served) -> None:
    served.ask("note", "plain", "ran")
    served.ask("flaky", "twice")
    until(lambda: served.notes("plain") == ["ran"])
    until(lambda: served.notes("twice") == ["tried", "tried"])


def test_a_failed_job_comes_back_after_its_interval_because_a_scheduler_runs(served: Served) -> None:
    job = f"{OFFERED}.flaky"
    served.queue.enqueue(job, args=["later"], retry=Retry(max=1, interval=1), job_timeout=60)
    until(lambda: served.notes("later") == ["tried", "tried"])


@pytest.mark.parametrize(
    "name", [f"{OFFERED}.not_offered", "os.getpid", "antigravity.fly", f"{OFFERED}.Redis.from_url"]
)
def test_what_is_not_offered_is_refused_once_and_never_imported(served: Served, name: str) -> None:
    job = served.queue.enqueue(name, args=["refused"], retry=Retry(max=3), job_timeout=60)
    until(lambda: job.get_status(refresh=True) == "failed")
    assert served.notes("refused") == []
    assert served.log.read_text().count("job refused") == 1
    assert "NotOffered" in str(job.latest_result().exc_string)


def test_callbacks_that_a_job_names_are_not_called(served: Served) -> None:
    back = Callback(f"{OFFERED}.not_offered")
    job = served.ask("note", "callback", "ran", on_success=back, on_failure=back)
    until(lambda: job.get_status(refresh=True) == "finished")
    assert served.notes("callback") == ["ran"]


def test_a_pickled_job_fails_and_runs_nothing(served: Served) -> None:
    pickled = Queue(QUEUE, connection=served.client, serializer="pickle")
    job = pickled.enqueue(f"{OFFERED}.note", args=["pickled", "ran"], retry=Retry(max=1))
    until(lambda: served.client.hget(job.key, "status") == b"failed")
    assert served.notes("pickled") == []


def test_sigterm_lets_the_job_in_hand_end_and_takes_no_other(served: Served) -> None:
    for key in ("first", "second"):
        served.ask("slow", key, 3)
    until(lambda: served.notes("first") == served.notes("second") == ["begun"])
    served.ask("note", "third", "ran")
    family = served.family()
    served.process.terminate()
    assert served.process.wait(30) == 0
    assert served.notes("first") == served.notes("second") == ["begun", "done"]
    assert served.notes("third") == []
    until(lambda: not any(each.is_running() for each in family))
    assert Inbox(served.client).workers_seen() == 0


def test_a_killed_worker_is_replaced_and_the_other_goes_on(served: Served) -> None:
    served.ask("slow", "killed", 30)
    until(lambda: served.notes("killed") == ["begun"])
    victim = int(served.client.lindex("killed", 0).split()[1])
    os.kill(victim, signal.SIGKILL)
    until(lambda: "another one starts" in served.log.read_text())
    served.ask("note", "after", "ran")
    until(lambda: served.notes("after") == ["ran"])
    until(lambda: len([each for each in served.family() if each.status() != psutil.STATUS_ZOMBIE]) >= 2)


def test_a_killed_worker_gets_no_job_any_more_though_its_scheduler_lives_on(served: Served) -> None:
    workers = [each for each in psutil.Process(served.process.pid).children() if each.is_running()]
    until(lambda: any(each.children() for each in workers))
    owner = next(each for each in workers if each.children())
    scheduler = owner.children()[0]
    listening = served.connections()
    scheduler.suspend()
    try:
        owner.kill()
        until(lambda: len(listening & served.connections()) == 1, seconds=20)
        for number in range(4):
            served.ask("note", "after", str(number))
        until(lambda: sorted(served.notes("after")) == ["0", "1", "2", "3"])
    finally:
        scheduler.resume()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent is gone")
def test_no_worker_outlives_its_pool_even_when_that_is_killed(served: Served) -> None:
    until(lambda: len(served.family()) >= 3)  # two workers and a scheduler
    family = served.family()
    served.process.kill()
    until(lambda: not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in family))


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
