"""What-ifs of the pages, answered by real worker processes; and that they keep no issue waiting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
import redis

from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.memory.what_ifs import Question, Stand, WhatIfs
from integration.stages.model import Ref
from tests.stages.organisation import NEW, NOW, OLD, SINCE
from tests.whatif.store import fill

ROOT = Path(__file__).parents[2]
ISSUES = 40
SHOWN = tuple(f"github:acme/app-{number}" for number in range(12))
TILL = 90.0  # seconds: two processes start


def until(met: Callable[[], object], seconds: float = TILL) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


@pytest.fixture
def worker(ledger_file: Path, redis_url: str, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The house's own, over a ledger with stored histories, and the file OLD in force."""
    from integration.stages.file.mappings import read

    ledger = Ledger.open(f"sqlite:///{ledger_file}", now=SINCE)
    ledger.versions.take(read(OLD).hash, OLD, SINCE)
    fill(ledger, ISSUES)
    ledger.close()
    (tmp_path / "mappings.yaml").write_text(OLD)
    environ = {
        **os.environ, "PYTHONPATH": str(ROOT), "DATABASE_URL": f"sqlite:///{ledger_file}", "REDIS_URL": redis_url,
        "DATA_DIR": str(tmp_path), "MAPPINGS": str(tmp_path / "mappings.yaml"), "SANDBOX": "1", "WORKERS": "1",
        "THREADS": "1",
    }  # fmt: skip
    with (tmp_path / "log").open("w") as log:
        child = subprocess.Popen([sys.executable, "-m", "workers", "worker"], env=environ, stdout=log, stderr=log)
    family: list[psutil.Process] = []
    try:
        yield child
    finally:
        if child.poll() is None:
            family = psutil.Process(child.pid).children(recursive=True)
        child.kill()
        child.wait()
        for one in family:
            if one.is_running():
                one.kill()


def ask(what_ifs: WhatIfs, text: str, places: tuple[str, ...] | None = None, who: str = "github:1") -> str:
    return what_ifs.ask(Question(who, "Erin", text, datetime.now(UTC) - (NOW - SINCE), places), datetime.now(UTC))


def over(what_ifs: WhatIfs, id: str) -> Stand:
    """When it is over, how it stands."""
    found: list[Stand] = []

    def is_over() -> bool:
        stand = what_ifs.stand(id, datetime.now(UTC))
        assert stand
        found.append(stand)
        return stand.is_over

    until(is_over)
    return found[-1]


@pytest.mark.usefixtures("worker")
def test_a_file_is_put_under_the_stored_histories_of_the_places_that_are_shown(redis_client: redis.Redis) -> None:
    what_ifs = WhatIfs(redis_client)
    every, some, none = (
        ask(what_ifs, NEW, places, who)
        for who, places in (("a", None), ("b", SHOWN), ("c", ()))
    )  # fmt: skip
    stand = over(what_ifs, every)
    assert (stand.state, stand.why) == ("done", "")
    report = what_ifs.report(every)
    assert report
    assert report["issues"] > 0
    assert report["old"].startswith("the file in force")
    assert all(one["then"] and "→" in one["way"] for one in report["changes"])
    stand = over(what_ifs, some)
    assert (stand.state, stand.why) == ("done", "")
    limited = what_ifs.report(some)
    assert limited
    assert 0 < limited["issues"] < report["issues"]
    assert {Ref.parse(one["ref"]).place for one in limited["changes"]} <= {one.removeprefix("github:") for one in SHOWN}
    assert over(what_ifs, none).why == "no repository or project is shown to you"


def test_the_one_who_waits_is_told_when_the_workers_are_stopped_or_it_dies(
    redis_client: redis.Redis, worker: subprocess.Popen[bytes]
) -> None:
    what_ifs, inbox = WhatIfs(redis_client), Inbox(redis_client)
    until(inbox.workers_seen)

    def answering() -> list[psutil.Process]:
        below = psutil.Process(worker.pid).children(recursive=True)
        return [one for one in below if "what-if" in one.cmdline()]

    first = ask(what_ifs, NEW)
    until(answering)
    (one,) = answering()
    assert one.nice() >= psutil.Process(worker.pid).nice(), "nothing of it goes before a run"
    one.kill()
    assert "ended by itself" in over(what_ifs, first).why
    second = ask(what_ifs, NEW)
    until(answering)
    worker.send_signal(signal.SIGTERM)
    assert "were stopped" in over(what_ifs, second).why
    assert worker.wait(60) == 0


def test_a_what_if_keeps_no_issue_waiting(redis_client: redis.Redis, worker: subprocess.Popen[bytes]) -> None:
    """The one thread of the house is free: what-ifs have a thread of their own."""
    what_ifs, inbox = WhatIfs(redis_client), Inbox(redis_client)
    until(inbox.workers_seen)
    for who in "abc":
        ask(what_ifs, NEW, None, who)
    until(lambda: what_ifs.waiting() < 3)
    asked = datetime.now(UTC)
    inbox.hint(Ref.of_party("nobody"))
    until(lambda: inbox.depth() == 0)
    assert what_ifs.waiting() > 0, "the others still wait for their turn"
    assert datetime.now(UTC) - asked < timedelta(seconds=TILL)
    worker.send_signal(signal.SIGTERM)
