"""What-ifs that people ask for on the pages: what is asked, how far it is, and what came of it. In Redis, for a day.

They have a queue of RQ's of their own, which one thread of each worker process listens to, so that they keep no issue
waiting. One at a time for a visitor, and a bounded queue.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue

from integration.memory.away import asking

QUEUE = "release-stages-what-if"
SIMULATE = "workers.what_ifs.simulate"
KEPT_FOR = timedelta(days=1)
ALIVE_FOR = timedelta(seconds=60)  # since its last sign; whoever works on it gives one every ten
LONGEST = timedelta(hours=2)
MOST = 10  # that wait

_PREFIX = "release-stages:what-if:"
State = Literal["waiting", "running", "done", "failed"]

_ASK = """
local of, mine, queue, id, now = KEYS[1], KEYS[2], KEYS[3], ARGV[1], tonumber(ARGV[2])
local old = redis.call('GET', of)
if old then
  local key = ARGV[5] .. old
  local state, beat = redis.call('HGET', key, 'state'), tonumber(redis.call('HGET', key, 'beat') or 0)
  local waits = state == 'waiting' and redis.call('LPOS', queue, old)
  local alive = (state == 'waiting' or state == 'running') and beat > now - tonumber(ARGV[3])
  if waits or alive then return {'busy', old} end
end
if redis.call('LLEN', queue) >= tonumber(ARGV[4]) then return {'full', ''} end
for at = 7, #ARGV, 2 do redis.call('HSET', mine, ARGV[at], ARGV[at + 1]) end
redis.call('PEXPIRE', mine, ARGV[6])
redis.call('SET', of, id, 'PX', ARGV[6])
return {'taken', id}
"""


class Full(Exception):
    """Too many wait already."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know. `places` None: of all; `read_new`: the trackers are asked for what has changed."""

    who: str  # a visitor's id
    name: str
    text: str
    since: datetime
    places: tuple[str, ...] | None = None
    read_new: bool = False


@dataclass(frozen=True, slots=True)
class Stand:
    """How one stands. `is_lost`: nobody works on it any more."""

    id: str
    who: str
    name: str
    state: State
    asked_at: datetime
    since: datetime
    what: str = ""
    done: int = 0
    of: int = 0
    why: str = ""
    is_lost: bool = False

    @property
    def is_over(self) -> bool:
        """Nothing more comes."""
        return self.state in ("done", "failed") or self.is_lost


class WhatIfs:
    """Every method raises `Away` when Redis does not answer."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._queue = Queue(QUEUE, connection=redis, serializer="json")
        self._ask = redis.register_script(_ASK)

    @classmethod
    def connect(cls, url: str) -> WhatIfs:
        """Over connections of its own."""
        patience: dict[str, Any] = {"socket_timeout": 2, "socket_connect_timeout": 2}
        return cls(Redis.from_url(url, retry=Retry(NoBackoff(), 1), **patience))

    def ask(self, question: Question, now: datetime) -> str:
        """Have it answered; its id, or that of the one that this visitor waits for already. Raises `Full`."""
        id = secrets.token_urlsafe(12).replace("-", "a").replace("_", "b")
        keys = [_of(question.who), f"{_PREFIX}{id}", self._queue.key]
        told: list[Any] = [
            _ms(now),
            ALIVE_FOR // timedelta(milliseconds=1),
            MOST,
            _PREFIX,
            KEPT_FOR // timedelta(milliseconds=1),
        ]
        values = [each for pair in _written(question, now).items() for each in pair]
        with asking():
            answer, which = cast(list[bytes], self._ask(keys=keys, args=[id, *told, *values]))
            if answer == b"full":
                raise Full
            if answer == b"taken":
                self._queue.enqueue(SIMULATE, id, job_id=id, job_timeout=int(LONGEST.total_seconds()), result_ttl=60)
        return which.decode()

    def waiting(self) -> int:
        """How many wait."""
        with asking():
            return len(self._queue)

    def latest(self, who: str, now: datetime) -> Stand | None:
        """The last one that this visitor has asked for."""
        with asking():
            found = cast(bytes | None, self._redis.get(_of(who)))
        return self.stand(found.decode(), now) if found else None

    def stand(self, id: str, now: datetime) -> Stand | None:
        """How it stands; None where it is not there (any more)."""
        wanted = ("who", "name", "state", "asked_at", "since", "what", "done", "of", "why", "beat")
        with asking():
            found = cast(list[bytes | None], self._redis.hmget(f"{_PREFIX}{id}", wanted))
            queued = self._redis.lpos(self._queue.key, id) is not None
        if found[2] is None:
            return None
        said = {name: (text or b"").decode() for name, text in zip(wanted, found, strict=True)}
        late = int(said["beat"] or 0) < _ms(now - ALIVE_FOR) and not queued
        return Stand(
            id, said["who"], said["name"], cast(State, said["state"]), datetime.fromisoformat(said["asked_at"]),
            datetime.fromisoformat(said["since"]), said["what"], int(said["done"] or 0), int(said["of"] or 0),
            said["why"], late and said["state"] in ("waiting", "running"),
        )  # fmt: skip

    def report(self, id: str) -> dict[str, Any] | None:
        """What came of it; None where there is nothing (yet)."""
        with asking():
            found = cast(bytes | None, self._redis.hget(f"{_PREFIX}{id}", "report"))
        return json.loads(zlib.decompress(found)) if found else None

    # --- by whoever works on it -----------------------------------------------------------------------------------

    def begin(self, id: str) -> Question | None:
        """Take it; None where it is not there any more."""
        with asking():
            found = cast(dict[bytes, bytes], self._redis.hgetall(f"{_PREFIX}{id}"))
        if not found:
            return None
        self._set(id, {"state": "running", "beat": _ms(datetime.now(UTC))})
        said = {name.decode(): text for name, text in found.items()}
        places = json.loads(said["places"])
        return Question(
            said["who"].decode(), said["name"].decode(), said["text"].decode("utf-8", "surrogatepass"),
            datetime.fromisoformat(said["since"].decode()), None if places is None else tuple(places),
            said["read_new"] == b"1",
        )  # fmt: skip

    def beat(self, id: str) -> None:
        """Somebody works on it."""
        self._set(id, {"beat": _ms(datetime.now(UTC))})

    def come(self, id: str, what: str, done: int, of: int) -> None:
        """So far it has come."""
        self._set(id, {"what": what, "done": done, "of": of})

    def finish(self, id: str, report: Mapping[str, Any]) -> None:
        """This came of it."""
        self._set(id, {"report": zlib.compress(json.dumps(report).encode()), "state": "done"})

    def fail(self, id: str, why: str) -> None:
        """Nothing came of it, for this reason."""
        self._set(id, {"why": why, "state": "failed"})

    def _set(self, id: str, values: dict[Any, Any]) -> None:
        """Only of one that is there: it may be forgotten by now, and is not to come back without an end."""
        with asking():
            if self._redis.exists(f"{_PREFIX}{id}"):
                self._redis.hset(f"{_PREFIX}{id}", mapping=values)


def _written(question: Question, now: datetime) -> dict[str, str | int | bytes]:
    return {
        "who": question.who,
        "name": question.name,
        "text": question.text.encode("utf-8", "surrogatepass"),
        "since": question.since.isoformat(),
        "places": json.dumps(question.places),
        "read_new": int(question.read_new),
        "state": "waiting",
        "asked_at": now.isoformat(),
        "beat": _ms(now),
    }


def _of(who: str) -> str:
    return f"{_PREFIX}of:{hashlib.sha256(who.encode()).hexdigest()[:32]}"


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
