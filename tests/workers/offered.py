"""Jobs for the tests of the workers, and the process that serves them: `python offered.py '{"url": …, …}'`.

`reconcile` is a run as the house's own, on a tracker of Redis keys: `wanted:REF` is how the issue stands, `done:REF`
what was last made of it, and `acts:REF` what was done there, in order, by which run.
"""

import json
import os
import signal
import sys
import time
from datetime import timedelta
from functools import cache
from typing import Any

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from integration.memory.inbox import Inbox
from integration.stages.model import Ref
from workers import pool

GIVEN = {"processes": 2, "threads": 1, "lease": 25, "longest": 120, "grace": 25, "act": 0.01}
GIVEN |= json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}


@cache
def inbox() -> Inbox:
    """One for each process, as in the house."""
    client = Redis.from_url(GIVEN["url"], retry=Retry(NoBackoff(), 1))
    return Inbox(client, timedelta(seconds=GIVEN["lease"]), timedelta(seconds=GIVEN["longest"]))


@cache
def tracker() -> Redis:
    return Redis.from_url(GIVEN.get("tracker", GIVEN["url"]))


def note(key: str, text: str) -> None:
    tracker().rpush(key, text)


def slow(key: str, seconds: float) -> None:
    note(key, f"begun {os.getpid()}")
    time.sleep(seconds)
    note(key, "done")


def flaky(key: str) -> None:
    note(key, "tried")
    raise RuntimeError("it fails")


def not_offered(key: str) -> None:
    note(key, "ran")


def die(step: str) -> None:
    """Here somebody may want this process killed, once."""
    if tracker().srem("deaths", step):
        tracker().rpush("died", step)
        os.kill(os.getpid(), signal.SIGKILL)


def reconcile(ref: str) -> None:
    run = inbox().begin(Ref.parse(ref))
    if run is None:
        return
    die("begun")
    wanted = tracker().get(f"wanted:{ref}")
    note(f"acts:{ref}", f"{run.token} {os.getpid()}")
    for _ in range(2):
        time.sleep(float(tracker().get(f"takes:{ref}") or GIVEN["act"]))
        if not inbox().holds(run):
            note("stopped", run.token)
            return
        note(f"acts:{ref}", f"{run.token} {os.getpid()}")
        die("acted")
    tracker().set(f"done:{ref}", wanted or "")
    die("not finished")
    inbox().finish(run)
    tracker().incr("runs")
    die("finished")


class Mortal(pool.HouseWorker):
    """A worker that may also be killed where only RQ's own steps are."""

    def execute_job(self, job: Any, queue: Any) -> None:
        die("popped")
        super().execute_job(job, queue)


if __name__ == "__main__":
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])
    pool.PULSE, pool.GRACE = GIVEN["lease"] / 3, GIVEN["grace"]
    pool.HouseWorker = Mortal
    offered = {f"offered.{each.__name__}": each for each in (note, slow, flaky)}
    offered["workers.jobs.reconcile"] = reconcile
    pool.serve(GIVEN["url"], GIVEN["processes"], GIVEN["threads"], offered, inbox)
