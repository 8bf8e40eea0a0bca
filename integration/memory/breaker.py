"""The breaker: what one cause does is held after 20 acts in an hour, until the admin lets it go on.

A sweep after a long absence, a changed mappings.yaml or a deleted label may find hundreds of issues to speak on at
once; somebody should look at the first twenty before the rest follows. What people do at a tracker is never held: its
hints have no cause. An act is a comment or a change of stage. What is held stays to be done (DESIGN, section 9).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import structlog
from redis import Redis

from integration.memory.away import asking

log = structlog.get_logger(__name__)

MOST = 20
WITHIN = timedelta(hours=1)

_PREFIX = "release-stages:breaker:"
_LET = """
local acts, held, cause, now, since, most = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
if redis.call('HEXISTS', held, cause) == 1 then return 0 end
redis.call('ZREMRANGEBYSCORE', acts, '-inf', since)
if redis.call('ZCARD', acts) >= most then
  redis.call('HSET', held, cause, now)
  return -1
end
redis.call('ZADD', acts, now, redis.call('INCR', acts .. ':number'))
redis.call('PEXPIRE', acts, ARGV[5])
redis.call('PEXPIRE', acts .. ':number', ARGV[5])
return 1
"""


@dataclass(frozen=True, slots=True)
class Held:
    """A cause whose acts are held, and since when."""

    cause: str
    since: datetime
    acts: int = MOST


class Breaker:
    """Counts what each cause does. Every method raises `Away` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._let = redis.register_script(_LET)

    def let(self, cause: str, now: datetime) -> bool:
        """May this cause act once more? Counts it if so; the first that is held is said to the admin."""
        acts, held = f"{_PREFIX}acts:{cause}", f"{_PREFIX}held"
        keep = WITHIN // timedelta(milliseconds=1)
        with asking():
            answer = int(self._let(keys=[acts, held], args=[cause, _ms(now), _ms(now) - keep, MOST, 2 * keep]))
        if answer == -1:
            fix = f"look at what it did; then let it go on with: release-stages failed release {cause}"
            log.error("the breaker holds what one cause would do", cause=cause, acts=MOST, within=str(WITHIN), fix=fix)
        return answer == 1

    def tripped(self, cause: str) -> bool:
        """Are the acts of this cause held?"""
        with asking():
            return bool(self._redis.hexists(f"{_PREFIX}held", cause))

    def held(self) -> tuple[Held, ...]:
        """Every cause whose acts are held, the longest held first."""
        with asking():
            found = cast(dict[bytes, bytes], self._redis.hgetall(f"{_PREFIX}held"))
        since = ((cause.decode(), datetime.fromtimestamp(int(ms) / 1000, UTC)) for cause, ms in found.items())
        return tuple(sorted((Held(*one) for one in since), key=lambda one: one.since))

    def release(self, cause: str) -> bool:
        """Let it go on; False where nothing was held. It may do as many acts again before it is held anew."""
        with asking():
            self._redis.delete(f"{_PREFIX}acts:{cause}")
            return bool(self._redis.hdel(f"{_PREFIX}held", cause))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
