"""Redis, shared by all workers that ask a tracker: budgets that all of them count in, and what none need ask again.

`Traffic` is the `Pace` and the `Shelf` of `trackers/pace.py`. It must never be in the way: where Redis does not answer,
everybody may go and the shelf is bare, for five seconds, and then it is asked again. It says so once. What nobody waits
for (who left, what was read) goes along with the next question, or with `flush` at the end of a run: each
write of its own would cost a round trip, and Redis a sync of its disk.

Budgets are windows that slide by tenths; a request is counted in all its windows by one script, in one round trip.
(The library `limits` counts one window in each round trip, and what is refused by the second stays counted in the
first.) What lies on the shelf is compressed, and sealed with a key of its own that follows from MARKER_KEY, its name
and the lock: who can only read or write Redis learns no token from it, and cannot make us believe in an issue.
"""

from __future__ import annotations

import base64
import hashlib
import random
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias, TypeVar, cast

import structlog
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
from redis.retry import Retry

log = structlog.get_logger(__name__)

PREFIX = "release-stages:traffic:"
PATIENCE = 0.5  # seconds that Redis may take
LEFT_ALONE = 5.0  # seconds without it after it did not answer
UNDER_WAY = timedelta(seconds=60)  # longer than a request may take: one that died is forgotten then
LEAST_SPREAD = 1.0  # seconds over which those who are turned away come back
LARGEST = 4 * 1024 * 1024  # bytes, unpacked: what is larger is not worth keeping, or is none of ours

_STAMP = 8  # bytes before a value: until when it counts

T = TypeVar("T")
Command: TypeAlias = tuple[Any, ...]  # as Redis has it: its name, and what it is about
_UNKNOWN = object()


class Traffic:
    """A `Pace` and a `Shelf` for all workers of one Redis. Never raises for what Redis does or does not.

    For one thread: two that share one would send each other's words.
    """

    def __init__(self, redis: Redis, key: bytes, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._redis, self._key, self._clock = redis, key, clock
        self._alone_until = 0.0
        self._missed = False
        self._owed: list[Command] = []  # in the order in which they were given, which a question that follows keeps

    @classmethod
    def connect(cls, url: str, key: bytes) -> Traffic:
        """Over a connection of its own, which gives up soon; `key` is MARKER_KEY."""
        patience: dict[str, Any] = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        return cls(Redis.from_url(url, retry=Retry(NoBackoff(), 1), **patience), key)

    # --- the pace -----------------------------------------------------------------------------------------------

    def enter(
        self,
        rests: Sequence[str],
        windows: Sequence[tuple[str, int, int, float]],
        lane: tuple[str, str, int] | None = None,
        look: bool = False,
    ) -> float:
        """How many seconds to wait; 0 when it fits all windows now, and is counted, unless this was just a `look`."""
        wanted: list[Any] = [PREFIX, self._now(), int(look), len(rests), *rests]
        wanted += [1, *lane, _ms(UNDER_WAY.total_seconds())] if lane else [0]
        wanted.append(len(windows))
        for name, cost, limit, seconds in windows:
            wanted += [name, cost, limit, _ms(seconds)]
        wait, spread = self._run("enter", wanted, [0, 0])
        if not wait:
            return 0
        return wait / 1000 + random.uniform(0, max(spread / 1000, LEAST_SPREAD))  # noqa: S311 - no secret

    def leave(self, lane: tuple[str, str, int]) -> None:
        """Be under way no more."""
        self._owed.append(("ZREM", f"{PREFIX}lane:{lane[0]}", lane[1]))

    def rest(self, name: str, seconds: float | None) -> float:
        """Let nobody enter for so long; None: a minute, and twice as long each time. Answers with how long."""
        told = "" if seconds is None else _ms(seconds)
        otherwise = _ms(60 if seconds is None else seconds)
        rested = self._run("rest", [PREFIX, self._now(), name, told], otherwise)
        log.warning("a tracker wants us to ask less: all workers wait", account=name, seconds=round(rested / 1000))
        return float(rested) / 1000

    # --- the shelf ----------------------------------------------------------------------------------------------

    def get(self, name: str, lock: str = "") -> bytes | None:
        """What was put there with this lock; None when it is not there, or not whole."""
        found = cast(bytes | None, self._asked(("GET", f"{PREFIX}shelf:{name}"), None))
        if found is None:
            return None
        try:
            packed = self._seal(name, lock).decrypt(base64.urlsafe_b64encode(found))
            unpacking = zlib.decompressobj()
            value = unpacking.decompress(packed, LARGEST + _STAMP)
        except (InvalidToken, zlib.error):
            return None
        until, whole = int.from_bytes(value[:_STAMP], "big"), not unpacking.unconsumed_tail
        return value[_STAMP:] if whole and until > self._now() else None

    def put(self, name: str, value: bytes, keep: timedelta, lock: str = "", soon: bool = False) -> None:
        """Keep it, sealed; `soon`: along with the next question."""
        if len(value) > LARGEST:
            self.drop(name)
            return
        lasts = _ms(keep.total_seconds())  # sealed, too: it is our clock that counts, and Redis only forgets
        packed = zlib.compress((self._now() + lasts).to_bytes(_STAMP, "big") + value, 1)
        sealed = base64.urlsafe_b64decode(self._seal(name, lock).encrypt(packed))
        self._owed.append(("SET", f"{PREFIX}shelf:{name}", sealed, "PX", max(1, lasts)))
        if not soon:
            self.flush()

    def drop(self, *names: str) -> None:
        """Forget it."""
        if names:
            self._asked(("DEL", *(f"{PREFIX}shelf:{name}" for name in names)), None)

    def flush(self) -> None:
        """Send what was left to be sent along with a question: nobody asks any more."""
        if self._owed:
            self._asked(self._owed.pop(), None)

    def _seal(self, name: str, lock: str) -> Fernet:
        """The seal of one name: what was put under another cannot be passed off as it."""
        derived = HKDF(hashes.SHA256(), 32, salt=lock.encode() or None, info=f"{PREFIX}shelf:{name}".encode())
        return Fernet(base64.urlsafe_b64encode(derived.derive(self._key)))

    # --- Redis --------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return _ms(self._clock().timestamp())

    def _run(self, script: str, arguments: Sequence[Any], otherwise: T) -> Any | T:
        """What one of our scripts answers."""
        digest, source = _script(script)
        answer = self._asked(("EVALSHA", digest, 0, *arguments), _UNKNOWN)
        if answer is _UNKNOWN:  # a Redis that has not seen it keeps it from now on
            answer = self._asked(("EVAL", source, 0, *arguments), otherwise)
        return answer

    def _asked(self, question: Command, otherwise: T) -> Any | T:
        """What Redis answers; `otherwise` while it does not. What is owed goes before it, in the same round trip."""
        owed, self._owed = self._owed, []
        if self._alone_until > time.monotonic():
            return otherwise
        try:
            answer = self._answer(owed, question)
        except NoScriptError:
            return otherwise
        except RedisError as error:
            self._alone_until = time.monotonic() + LEFT_ALONE
            if not self._missed:
                log.warning(
                    "Redis does not answer: budgets are not counted, nothing is shared", error=type(error).__name__
                )
            self._missed = True
            return otherwise
        self._missed = False
        return answer

    def _answer(self, owed: Sequence[Command], question: Command) -> Any:
        if not owed:
            return self._redis.execute_command(*question)  # type: ignore[no-untyped-call]
        with self._redis.pipeline(transaction=False) as line:
            for command in (*owed, question):
                line.execute_command(*command)  # type: ignore[no-untyped-call]
            answer = line.execute(raise_on_error=False)[-1]
        if isinstance(answer, RedisError):
            raise answer
        return answer


@cache
def _script(name: str) -> tuple[str, str]:
    """A script's digest, by which Redis knows it, and its text."""
    text = files("integration.memory").joinpath("lua", f"{name}.lua").read_text("utf-8")
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), text


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
