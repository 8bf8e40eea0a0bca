"""Jobs for the tests of the workers, and the process that serves them: `python tests/workers/offered.py URL`."""

import os
import sys
import time

from redis import Redis

from workers import pool

URL = sys.argv[1] if len(sys.argv) > 1 else ""


def note(key: str, text: str) -> None:
    Redis.from_url(URL).rpush(key, text)


def slow(key: str, seconds: float) -> None:
    note(key, f"begun {os.getpid()}")
    time.sleep(seconds)
    note(key, "done")


def flaky(key: str) -> None:
    note(key, "tried")
    if Redis.from_url(URL).llen(key) < 2:
        raise RuntimeError("the first time fails")


def not_offered(key: str) -> None:
    note(key, "ran")


if __name__ == "__main__":
    pool.serve(URL, 2, {f"offered.{each.__name__}": each for each in (note, slow, flaky)})
