"""What admins did on the pages: a short list in Redis, the newest first, of who did what to which issue, and why.

The log has a line for each as well. What becomes of a feature stands in the ledger; this is about the service.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from redis import Redis, RedisError

from integration.memory.away import asking

MOST = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Act:
    """One of them. `what`: retry, drop, release."""

    at: datetime
    by: str
    what: str
    name: str
    why: str = ""


class Acts:
    """Keeps them, and tells them."""

    def __init__(self, redis: Redis, key: str) -> None:
        self._redis, self._key = redis, key

    def note(self, act: Act) -> None:
        """Write it down, here and in the log. It was done: that Redis is away now undoes nothing, and is logged."""
        log.info("an admin's act", by=act.by, act=act.what, name=act.name, why=act.why)
        line = json.dumps(asdict(act) | {"at": act.at.isoformat()})
        try:
            with self._redis.pipeline() as both:
                both.lpush(self._key, line)
                both.ltrim(self._key, 0, MOST - 1)
                both.execute()
        except RedisError as error:
            log.warning("an admin's act stands in the log alone", error=type(error).__name__)

    def latest(self, limit: int) -> tuple[Act, ...]:
        """The newest. Raises `Away`."""
        with asking():
            found = cast(list[bytes], self._redis.lrange(self._key, 0, limit - 1))
        return tuple(_read(json.loads(one)) for one in found)


def _read(said: dict[str, Any]) -> Act:
    return Act(**said | {"at": datetime.fromisoformat(said["at"]).astimezone(UTC)})
