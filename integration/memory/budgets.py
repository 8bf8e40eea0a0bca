"""How much of what the trackers allow is used up now, as all workers count it together (`traffic.py`), for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from redis import Redis

from integration.memory.away import asking
from integration.memory.traffic import PREFIX

STEPS = 10  # parts of a window, as enter.lua counts them

KNOWN = {
    # of GitHub's accounts: what it is called, how much of it we use at most, and in how many seconds
    "points": ("requests", 810, 60),
    "new": ("comments and changes", 72, 60),
    "new-hourly": ("comments and changes, hourly", 450, 3600),
}

_WINDOW = re.compile(r"(?P<account>github:[0-9a-f]+):(?P<kind>[a-z-]+)")
_REST = re.compile(r"github:[0-9a-f]+|jira:[A-Za-z0-9_-]+")  # no rest of one issue: that would name it


@dataclass(frozen=True, slots=True)
class Budget:
    """One budget of one account, which is named by a fingerprint."""

    account: str
    kind: str
    called: str
    used: int
    limit: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Rest:
    """A tracker has asked all of us to wait."""

    account: str
    until: datetime


class Budgets:
    """Every method raises `Away` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def used(self, now: datetime) -> tuple[Budget, ...]:
        """What is used up of GitHub's. Jira's are counted by the second: there is nothing to be seen of them."""
        return tuple(self._used(now))

    def _used(self, now: datetime) -> Iterator[Budget]:
        for name in self._names("window"):
            found = _WINDOW.fullmatch(name)
            if found and found["kind"] in KNOWN:
                called, limit, seconds = KNOWN[found["kind"]]
                oldest = int(now.timestamp() * 1000 / (seconds * 1000 / STEPS)) - STEPS
                with asking():
                    parts = cast(dict[bytes, bytes], self._redis.hgetall(f"{PREFIX}window:{name}"))
                used = sum(int(cost) for part, cost in parts.items() if float(part) >= oldest)
                yield Budget(found["account"], found["kind"], called, used, limit, seconds)

    def rests(self) -> tuple[Rest, ...]:
        """Who has to wait, and until when."""
        found = []
        for name in self._names("rest"):
            with asking():
                until = cast(bytes | None, self._redis.get(f"{PREFIX}rest:{name}"))
            if until and _REST.fullmatch(name):
                found.append(Rest(name, datetime.fromtimestamp(float(until) / 1000, UTC)))
        return tuple(found)

    def _names(self, kind: str) -> list[str]:
        with asking():
            keys = self._redis.scan_iter(match=f"{PREFIX}{kind}:*", count=2000)
            return sorted(key.decode("utf-8", "replace").removeprefix(f"{PREFIX}{kind}:") for key in keys)
