"""Redis: which version of mappings.yaml lies on which machine's disk, as the processes there say every few seconds.

One version is in force for all (`versions.py`); this tells whether somebody still has it, and who has another one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from integration.memory.away import asking

TOLD_EVERY = timedelta(seconds=10)
TOLD_FOR = timedelta(seconds=60)  # after so long in silence, a machine is taken to be gone
BROKEN = "broken"
"""In place of a version: the file there cannot be taken."""

_COPIES = "release-stages:copies"  # hash machine -> when it was said (ms), and the version


class Copies:
    """What each machine has. Every method raises `Away` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    @classmethod
    def connect(cls, url: str) -> Copies:
        """Over a connection of its own, which gives up soon."""
        patience: dict[str, Any] = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
        return cls(Redis.from_url(url, retry=Retry(NoBackoff(), 1), **patience))

    def tell(self, machine: str, version: str, now: datetime) -> None:
        """This machine has that version (or a `BROKEN` file)."""
        with asking():
            self._redis.hset(_COPIES, machine, f"{_ms(now)} {version}")

    def told(self, now: datetime) -> dict[str, str]:
        """The version that each machine has which has said so lately; those that are gone are forgotten."""
        with asking():
            found = cast(dict[bytes, bytes], self._redis.hgetall(_COPIES))
            said = {name: each.decode().partition(" ") for name, each in found.items()}
            gone = [name for name, (at, _, _) in said.items() if int(at) < _ms(now - TOLD_FOR)]
            if gone:
                self._redis.hdel(_COPIES, *gone)
        return {name.decode(): version for name, (_, _, version) in said.items() if name not in gone}


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
