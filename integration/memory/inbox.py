"""Redis: accept a hint once, keep it until it is done, wake a worker. Everything about Redis and RQ's queue is here.

An RQ job only wakes a worker; what makes sure that an accepted hint is worked off is the *dirty* entry of its issue.
Many hints for one issue are one entry and one job; where they pour in, it rests between two runs, four seconds at the
most. An entry goes only when a run that began after its last hint has finished; that is what the generation tells: each
hint gives its issue a new one, and no number is ever used twice. A lock with a short lease lets one run at a time have
an issue, everywhere; `keep` renews the leases of the runs that are alive here. What RQ or a crash loses, `wake_due`
wakes again.

Every step is one Lua script (`lua/*.lua`), so that no crash stands between two halves of it. The clock is the
caller's, or `datetime.now`, never Redis's, but for the lease.
"""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import threading
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, cast
from uuid import uuid4

import structlog
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry as RedisRetry
from rq import Queue, Retry
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from rq.utils import utcformat
from rq.worker_registration import get_keys

from integration.memory import arrivals
from integration.memory.acts import Acts
from integration.memory.arrivals import Arrivals
from integration.memory.away import Away, asking
from integration.memory.breaker import Breaker
from integration.memory.budgets import Budgets
from integration.stages.model import Hint, Ref

__all__ = ["Away", "Inbox", "Run"]

log = structlog.get_logger(__name__)

PREFIX = "release-stages:"
QUEUE = "release-stages"
RECONCILE = "workers.jobs.reconcile"
JOB_TIMEOUT = timedelta(seconds=120)  # a run that takes longer hangs, and loses its issue
LEASE = timedelta(seconds=25)  # so long a crash keeps an issue; a run that is alive renews it every third of that
SEEN_FOR = timedelta(days=4)  # GitHub redelivers for three
AT_ONCE = 500  # wake-ups in one round trip
FREE = 2  # looks at an issue in a row that nothing holds up; where its hints pour in, the next ones rest before

_JOB: dict[str, Any] = {
    "timeout": int(JOB_TIMEOUT.total_seconds()),
    "result_ttl": 60,
    "failure_ttl": 3 * 24 * 3600,
    "retry": Retry(max=3, interval=[10, 30, 60]),  # for workers of the release before: ours leave nothing to RQ
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Run:
    """One worker's turn with one issue. `since`: when the first hint that it answers came."""

    ref: Ref
    token: str
    generation: int
    watermark: datetime | None
    since: datetime
    cause: str = ""  # what made its hints, where no webhook did
    until: float = math.inf  # on the monotonic clock of its process: then it has taken too long


@dataclass(frozen=True, slots=True)
class Waiting:
    """An issue for which something is to be done. `later`: not before; `under_way`: somebody is at it now."""

    name: str
    since: datetime
    later: datetime | None = None
    under_way: bool = False


@dataclass(frozen=True, slots=True)
class Listening:
    """One thread that works: on which machine, in which process, since when, its last sign of life; as RQ has it."""

    host: str
    pid: str
    since: str
    seen: str


class Inbox:
    """What is still to be done. Every method raises `Away` when Redis does not answer."""

    def __init__(
        self, redis: Redis, lease: timedelta = LEASE, longest: timedelta = JOB_TIMEOUT, free: int = FREE
    ) -> None:
        self._redis = redis
        self._lease, self._longest = lease, longest
        self._alive: dict[str, tuple[Run, int]] = {}  # token -> the run that is alive here, and its thread
        self.queue = Queue(QUEUE, connection=redis, serializer="json")
        template = f"local FREE = {free}\n{_template(self.queue)}"
        self._scripts = {name: redis.register_script(template + _source(name)) for name in _SCRIPTS}
        self.breaker = Breaker(redis)
        self.arrivals = Arrivals(redis, f"{PREFIX}arrivals")
        self.budgets = Budgets(redis)
        self.acts = Acts(redis, f"{PREFIX}admins")
        self._strange: set[bytes] = set()  # names that were told of already

    @classmethod
    def connect(cls, url: str, free: int = FREE) -> Inbox:
        """An inbox for the web: without Redis it fails at once, where redis-py would try for seconds."""
        patience: dict[str, Any] = {"socket_timeout": 2, "socket_connect_timeout": 2}
        return cls(Redis.from_url(url, retry=RedisRetry(NoBackoff(), 1), **patience), free=free)

    # --- hints come in ------------------------------------------------------------------------------------------

    def accept(self, delivery_id: str, hints: Sequence[Hint], now: datetime | None = None) -> bool:
        """Keep the hints of a delivery, in one round trip; False when it was seen before. Nothing to keep is new."""
        return not hints or self.accept_all([(delivery_id, hints)], now)[0]

    def accept_all(
        self, deliveries: Sequence[tuple[str, Sequence[Hint]] | tuple[str, Sequence[Hint], str]],
        now: datetime | None = None,
    ) -> list[bool]:  # fmt: skip
        """Keep the hints of many deliveries, all of them in one round trip; of each whether it was new.

        A delivery is its id, its hints, and what event it was, where that is known. Of its id a digest is remembered
        for `SEEN_FOR`, in two thirds of the room that a key of its own takes; `arrivals` tells of the last ones.
        """
        now = now or datetime.now(UTC)
        stamp = utcformat(now)
        wanted: list[Any] = [_ms(now - SEEN_FOR), _ms(now - arrivals.KEPT_FOR), arrivals.MOST]
        for delivery_id, hints, *event in deliveries:
            wanted += (_digest(delivery_id), len(hints), arrivals.written(delivery_id, event[0] if event else ""))
            for hint in hints:
                watermark = "" if hint.watermark is None else _ms(hint.watermark)
                wanted += (str(hint.ref), watermark, hint.cause, *self._job(hint.ref, stamp))
        return [bool(new) for new in self._do("accept", now, *wanted)]

    def hint(
        self, ref: Ref, watermark: datetime | None = None, now: datetime | None = None, cause: str = ""
    ) -> None:  # fmt: skip
        """Look at this issue: a hint that came with no delivery. A webhook's hint outdoes any cause."""
        self.accept("", [Hint(ref, watermark, cause)], now)

    def later(self, ref: Ref, at: datetime) -> None:
        """Make it a hint at that time; where it has one already, the earlier wins."""
        with asking():
            self._redis.zadd(f"{PREFIX}later", {str(ref): _ms(at)}, lt=True)

    # --- and are worked off -------------------------------------------------------------------------------------

    def begin(self, ref: Ref, now: datetime | None = None) -> Run | None:
        """Take the issue, before anything of it is read. None: nothing waits, or another worker has it.

        In the second case nothing is lost: what came since that worker began, it wakes for at its end.
        """
        token = secrets.token_hex(16)
        begun = self._do("begin", now, str(ref), token, _span(self._lease))
        if not begun:
            return None
        generation, watermark, since, cause = begun
        known = _at(watermark) if watermark else None
        until = time.monotonic() + self._longest.total_seconds()
        run = Run(ref, token, int(generation), known, _at(since), cause.decode(), until)
        self._alive[token] = (run, threading.get_ident())
        return run

    def renew(self, run: Run) -> bool:
        """Keep the issue for one lease more; False when it is another's, or nobody's, by now."""
        return bool(self.holds(run))

    def keep(self, now: datetime | None = None) -> list[Run]:
        """Renew the leases of the runs that are alive here, in one round trip.

        Those that take too long lose theirs; they are answered, once.
        """
        alive = [run for run, _ in list(self._alive.values())]
        late = [run for run in alive if time.monotonic() > run.until]
        with asking():
            self._each("renew", now or datetime.now(UTC), (self._renewal(run) for run in alive if run not in late))
        for run in late:  # not before: without Redis they are to be named at the next pulse
            self._alive.pop(run.token, None)
        return late

    def let_go(self) -> None:
        """This thread works on nothing any more: whatever it has not ended, another may have when the lease is over."""
        for token, (_, thread) in list(self._alive.items()):
            if thread == threading.get_ident():
                self._alive.pop(token, None)

    def _renewal(self, run: Run) -> list[Any]:
        return [str(run.ref), run.token, _span(self._lease)]

    def holds(self, run: Run) -> timedelta:
        """How long the issue is still this run's, come what may: asked before each act, it renews the lease.

        Nothing when the issue is another's, or nobody's, by now, or when the run has taken too long.
        """
        if time.monotonic() > run.until:
            return timedelta(0)
        return timedelta(milliseconds=int(self._do("renew", None, *self._renewal(run))))

    def finish(self, run: Run, now: datetime | None = None) -> bool:
        """All that had come when the run began is done. False: more came meanwhile, and another run follows."""
        self._alive.pop(run.token, None)
        return bool(self._do("finish", now, str(run.ref), run.token, run.generation, *self._job(run.ref)))

    def put_off(self, run: Run, at: datetime, now: datetime | None = None) -> None:
        """Not now: the entry stays, the issue is free, and the next try is at `at`, or when another hint has come."""
        self._alive.pop(run.token, None)
        self._do("put_off", now, str(run.ref), run.token, _ms(at), run.generation, *self._job(run.ref))

    def forget(self, ref: Ref, now: datetime | None = None) -> bool:
        """Somebody has decided that nothing is to be done for it; False where nothing waited. A later hint counts."""
        return bool(self._do("forget", now, str(ref)))

    def wake_due(self, now: datetime, stuck_after: timedelta | None = None) -> int:
        """Make hints of what is due, and wake again what nobody has cared for since `stuck_after`; how many were woken.

        Without it, that is a lease: a run that is alive has given a sign since.

        This covers every way in which RQ, a worker or a crash may lose a job. A job that is still in the queue is not
        lost, however long the queue is.
        """
        too_long = _ms(now - (self._lease if stuck_after is None else stuck_after))
        with asking():
            due = self._until("later", _ms(now))
            woken = self._each("due", now, ([name, *self._job(ref)] for name, ref in due.items()))
            tired = self._until("patience", too_long)
            lost = self._lost(list(tired), now)
            wanted = ([name, job, too_long, *self._job(tired[name])] for name, job in lost)
            return woken + self._each("stuck", now, wanted)

    def _until(self, name: str, ms: int) -> dict[bytes, Ref]:
        """What is due there, as it is written and as we read it.

        A name that says nothing to us is of another release, which may come back for it: it stays, and is told once.
        """
        found: dict[bytes, Ref] = {}
        for each in cast(list[bytes], self._redis.zrange(f"{PREFIX}{name}", "-inf", str(ms), byscore=True)):
            try:
                found[each] = Ref.parse(each.decode())
            except ValueError:  # `Unnamed`, or no text at all
                if each not in self._strange:
                    self._strange.add(each)
                    fix = "start the release that wrote it, or take it out: docs/things-that-go-wrong.md"
                    log.warning("the inbox holds a name that this release does not know", name=repr(each), fix=fix)
        return found

    def _lost(self, names: Sequence[bytes], now: datetime) -> list[tuple[bytes, bytes]]:
        """Those whose job is not waiting in the queue, with that job; the others get new patience."""
        if not names:
            return []
        waiting = set(self._redis.lrange(self.queue.key, 0, -1))
        jobs = [job or b"" for job in cast(list[bytes | None], self._redis.hmget(f"{PREFIX}waking", names))]
        alive = {name: _ms(now) for name, job in zip(names, jobs, strict=True) if job in waiting}
        if alive:
            self._redis.zadd(f"{PREFIX}patience", alive, xx=True, gt=True)
        return [(name, job) for name, job in zip(names, jobs, strict=True) if name not in alive]

    # --- how it stands ------------------------------------------------------------------------------------------

    def depth(self) -> int:
        """How many issues wait or are being looked at."""
        with asking():
            return int(self._redis.zcard(f"{PREFIX}dirty"))

    def ready(self, now: datetime) -> int:
        """How many of them could be worked on now: they are not put off."""
        with asking():
            return int(self._redis.zcount(f"{PREFIX}patience", "-inf", _ms(now)))

    def oldest(self, now: datetime) -> timedelta | None:
        """How long the longest waiting issue has waited."""
        with asking():
            first = cast(list[tuple[bytes, float]], self._redis.zrange(f"{PREFIX}dirty", 0, 0, withscores=True))
        return max(now - _at(first[0][1]), timedelta(0)) if first else None

    def waiting(self, limit: int) -> tuple[Waiting, ...]:
        """The issues that wait or are being looked at, the longest waiting first."""
        with asking():
            found = cast(Sequence[Any], self._redis.zrange(f"{PREFIX}dirty", 0, limit - 1, withscores=True))
            names = [name for name, _ in found]
            later = self._redis.zmscore(f"{PREFIX}later", names) if names else []
            with self._redis.pipeline(transaction=False) as pipeline:
                for name in names:
                    pipeline.exists(f"{PREFIX}lock:{name.decode('utf-8', 'replace')}")
                held = pipeline.execute()
        return tuple(
            Waiting(name.decode("utf-8", "replace"), _at(since), _at(at) if at else None, bool(under_way))
            for (name, since), at, under_way in zip(found, later, held, strict=True)
        )

    def workers(self) -> tuple[Listening, ...]:
        """The threads that listen to our queue, and have given a sign of life lately."""
        with asking():
            keys = sorted(get_keys(queue=self.queue))
            with self._redis.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.hmget(key, "hostname", "pid", "birth", "last_heartbeat")
                found = pipeline.execute()
        return tuple(Listening(*(text.decode() if text else "" for text in one)) for one in found if any(one))

    def last_deliveries(self) -> dict[str, datetime]:
        """When the last delivery of each tracker came that said anything to us: of `github`, `jira:main`."""
        with asking():
            found = cast(dict[bytes, bytes], self._redis.hgetall(f"{PREFIX}last"))
        return {tracker.decode(): _at(ms) for tracker, ms in found.items()}

    def workers_seen(self) -> int:
        """How many workers listen to our queue and have given a sign of life lately."""
        with asking():
            names = get_keys(queue=self.queue)
            return int(self._redis.exists(*names)) if names else 0

    # --- Redis and RQ -------------------------------------------------------------------------------------------

    def _do(self, script: str, now: datetime | None, *arguments: Any) -> Any:
        with asking():
            return self._scripts[script](args=[*self._first(now), *arguments])

    def _each(self, script: str, now: datetime, wanted: Iterable[list[Any]]) -> int:
        """Run a script for each, many in one round trip; how many of them woke somebody."""
        woken = 0
        calls = list(wanted)
        for start in range(0, len(calls), AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            for arguments in calls[start : start + AT_ONCE]:
                self._scripts[script](args=[*self._first(now), *arguments], client=pipeline)
            woken += sum(int(answer) for answer in pipeline.execute())
        return woken

    def _first(self, now: datetime | None) -> list[Any]:
        return [PREFIX, _ms(now or datetime.now(UTC)), Queue.redis_queues_keys, self.queue.key]

    def _job(self, ref: Ref, stamp: str = "") -> tuple[Any, ...]:
        """What one job has of its own, for our scripts: id, data, when it was made, description. See `_template`."""
        name = str(ref)
        made = stamp or utcformat(datetime.now(UTC))
        return str(uuid4()), _call(RECONCILE, name), made, f"reconcile {name}"


_SCRIPTS = ("accept", "begin", "renew", "finish", "put_off", "forget", "due", "stuck")


@cache
def _source(name: str) -> str:
    place = files("integration.memory").joinpath("lua")
    return "".join(place.joinpath(f"{each}.lua").read_text("utf-8") for each in ("prelude", name))


def _template(queue: Queue) -> str:
    """What every job has, as RQ itself writes it, in Lua: to have RQ make each job anew takes four times as long."""
    job = queue.create_job(RECONCILE, status=JobStatus.QUEUED, **_JOB)
    own = ("data", "created_at", "enqueued_at", "description")
    shared = [each for pair in job.to_dict().items() if pair[0] not in own for each in pair]
    values = ", ".join(json.dumps(str(getattr(each, "value", each))) for each in shared)
    return f"local JOB_KEY, JOB = {json.dumps(job.redis_job_namespace_prefix)}, {{{values}}}\n"


@lru_cache(maxsize=4096)
def _call(function: str, name: str) -> bytes:
    """The call as RQ writes it down."""
    written: bytes = JSONSerializer.dumps((function, None, (name,), {}))  # type: ignore[no-untyped-call]
    return zlib.compress(written)


def _digest(delivery_id: str) -> bytes:
    """Twelve bytes for an id of any length; nothing for none."""
    return hashlib.blake2b(delivery_id.encode(), digest_size=12).digest() if delivery_id else b""


def _ms(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def _span(length: timedelta) -> int:
    return length // _MILLISECOND


def _at(ms: bytes | float) -> datetime:
    return _EPOCH + timedelta(milliseconds=float(ms))
