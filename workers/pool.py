"""The worker processes: RQ's pool and worker, set up as docs/decisions/0002-workers.md found best.

Two things are ours. Redis names the function of a job, and a worker imports what it is told: so we run only what
`workers.jobs` offers by name, and import nothing. And whatever happens to the pool, none of its children outlives it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any, ClassVar

import structlog
from redis import ConnectionPool, Redis
from rq import Queue, SimpleWorker
from rq.exceptions import DeserializationError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker_pool import WorkerPool

from integration.memory.inbox import QUEUE

# One queue, the inbox's: with two, a job that was popped when its worker died would be lost for good.
WORKER_TTL = 30  # seconds; an idle worker wakes twice as often and beats its heart
MAINTENANCE = 30
MONITORING = 10
GRACE = 25.0  # seconds for the job in hand to end; whoever stops us allows 30

log = structlog.get_logger(__name__)
_pools: list[ConnectionPool] = []  # of the worker that this process is


class NotOffered(Exception):
    """A job names something that the house does not offer to run."""


class HouseJob(Job):
    """A job that can run nothing but `offered`: no import by name, no callback, no web hook."""

    offered: ClassVar[Mapping[str, Callable[..., Any]]] = {}
    success_callback = failure_callback = stopped_callback = None

    @property
    def func(self) -> Callable[..., Any]:
        """What is to be run. Raises `NotOffered`."""
        offered = self.offered.get(self.func_name or "")
        if offered is None:
            raise NotOffered(f"job {self.id} asks for '{self.func_name}', which is not among {sorted(self.offered)}")
        return offered

    @property
    def should_retry(self) -> bool:
        """What was refused once is refused for good."""
        try:
            return super().should_retry and self.func_name in self.offered
        except DeserializationError:
            return False

    def send_webhooks(self, status: Any, *, exc_string: str | None = None) -> None:
        """Send none: an address in Redis is nobody's instruction."""


class HouseQueue(Queue):
    """A queue of `HouseJob`s, written as JSON."""

    job_class = HouseJob

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["serializer"] = JSONSerializer
        super().__init__(*args, **kwargs)


class HouseWorker(SimpleWorker):
    """One process, one job at a time, no fork: its imports and its connections to the trackers stay."""

    job_class = HouseJob
    queue_class = HouseQueue

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        quick = {
            "worker_ttl": WORKER_TTL,
            "maintenance_interval": MAINTENANCE,
            "job_monitoring_interval": MONITORING,
            "log_job_description": False,
        }
        super().__init__(*args, **kwargs | quick)
        _pools.append(self.connection.connection_pool)

    def handle_exception(self, job: Job, *exc_info: Any) -> None:
        """Say a refusal in one line; everything else as RQ does."""
        if isinstance(exc_info[1], NotOffered):
            log.error("job refused", reason=str(exc_info[1]))
        else:
            super().handle_exception(job, *exc_info)


class Pool(WorkerPool):
    """RQ's pool, which starts anew whoever dies; one that was asked to stop waits `GRACE` seconds and no longer."""

    _until: float | None = None

    def request_stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        """Take no new job, finish those in hand."""
        self._until = self._until or time.monotonic() + GRACE
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def all_workers_have_stopped(self) -> bool:
        """True at the end; kills those whose job outlasts the grace. The inbox still knows what they were at."""
        if self._until and time.monotonic() > self._until:
            for each in list(self.worker_dict.values()):
                log.warning("worker killed: its job did not end in time", pid=each.pid)
                self.stop_worker(each, signal.SIGKILL)
        return super().all_workers_have_stopped()

    def handle_dead_worker(self, worker_data: Any) -> None:
        """Say it, unless it was asked to stop; the pool then starts another."""
        if self.status != self.Status.STOPPED:
            log.warning("worker died, another one starts", pid=worker_data.pid, code=worker_data.process.exitcode)
        super().handle_dead_worker(worker_data)


def serve(redis_url: str, workers: int, offered: Mapping[str, Callable[..., Any]]) -> None:
    """Run that many workers until a signal says stop. `offered`: what jobs may name, and what is then called."""
    HouseJob.offered = offered
    os.register_at_fork(after_in_child=_end_with_parent)
    connection = Redis.from_url(redis_url)
    pool = Pool(
        [QUEUE],
        connection,
        num_workers=workers,
        worker_class=HouseWorker,
        serializer=JSONSerializer,
        job_class=HouseJob,
        queue_class=HouseQueue,
    )
    log.info("workers start", workers=workers, jobs=sorted(offered))
    pool.start(logging_level="WARNING")


def _end_with_parent() -> None:
    """In a fresh child: forget the pool's signals, and (where Linux offers it) be told when the parent is gone.

    A worker's scheduler also lets go of the worker's connections. It would keep them open when the worker is killed,
    and Redis would hand the next job to the dead.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
    for pool in _pools:
        for connection in (*pool._available_connections, *pool._in_use_connections):
            connection.disconnect()  # here alone: redis-py shuts nothing down that another process opened
    _pools.clear()
