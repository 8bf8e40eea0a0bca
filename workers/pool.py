"""The worker processes and their threads: RQ's pool, worker and queue, set up as docs/decisions/0002-workers.md found.

A job of RQ's is only a wake-up call; that nothing is lost is the inbox's business. So what RQ writes down of a run
that is under way is left out, and one pulse for each process keeps what counts: the leases of its runs, its signs of
life, and the wake-up calls that others have lost.

Redis names the function of a job, and a worker imports what it is told: so we run only what `workers.jobs` offers by
name, and import nothing. And whatever happens to the pool, none of its children outlives it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Any, ClassVar, Protocol, cast

import structlog
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.client import Pipeline
from redis.retry import Retry
from rq import Queue, SimpleWorker, worker_registration
from rq.exceptions import DequeueTimeout, DeserializationError, StopRequested
from rq.intermediate_queue import IntermediateQueue
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.utils import now as rq_now
from rq.worker_pool import WorkerPool

from integration.memory.inbox import QUEUE, Away, Run

# One queue, the inbox's: with two, a job that was popped when its worker died would be lost for good.
NAME = "release-stages-worker"  # of its connections to Redis
SEEN_FOR = 30  # seconds that a sign of life lasts
PULSE = 8.0  # seconds between two: leases and signs of life outlast a pulse that comes late, and one that fails
MAINTENANCE = 30.0
LISTEN = 1  # seconds: so soon a thread that waits for a job hears that it is to stop
NICE = 10  # a receiver on the same core goes first: a webhook is answered at once, what it calls for may wait
GRACE = 25.0  # seconds for the jobs in hand to end; whoever stops us allows 30

log = structlog.get_logger(__name__)


class NotOffered(Exception):
    """A job names something that the house does not offer to run."""


class Leases(Protocol):
    """What the pulse asks of the inbox."""

    def keep(self) -> list[Run]:
        """Renew the leases of the runs that are alive here; those that take too long are let go, and answered."""

    def let_go(self) -> None:
        """This thread works on nothing any more, however its run has ended."""

    def wake_due(self, now: datetime, /) -> int:
        """Wake what nobody cares for."""


# --- RQ's job, queue and worker, with less in them --------------------------------------------------------------


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
        """Never by RQ: the inbox knows what is still to be done, and when."""
        return False

    def send_webhooks(self, status: Any, *, exc_string: str | None = None) -> None:
        """Send none: an address in Redis is nobody's instruction."""


class Taken(IntermediateQueue):
    """Jobs that somebody took off the queue and has not ended. What a crash left there is forgotten after a while."""

    def cleanup(self, worker: Any, queue: Queue) -> None:
        """Forget what has been there for more than a minute; the inbox has long woken its issue again."""
        for written in cast(list[bytes], self.connection.lrange(self.key, 0, -1)):
            job_id = written.decode("utf-8", "replace")
            if not self.set_first_seen(job_id) and self.should_be_cleaned_up(job_id):
                self.connection.lrem(self.key, 1, cast(str, written))
                self.forget(job_id)

    def forget(self, job_id: str, and_the_job: bool = True) -> None:
        """It has ended."""
        with self.connection.pipeline(transaction=False) as pipeline:
            pipeline.lrem(self.key, 1, job_id)
            if and_the_job:
                pipeline.delete(HouseJob.key_for(job_id), self.get_first_seen_key(job_id))
            pipeline.execute()


class HouseQueue(Queue):
    """A queue of `HouseJob`s, written as JSON, whose listeners stop when they are told to."""

    job_class = HouseJob
    stopping: ClassVar[threading.Event] = threading.Event()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["serializer"] = JSONSerializer
        super().__init__(*args, **kwargs)

    @property
    def intermediate_queue(self) -> Taken:
        """Where a job is between the queue and its end."""
        return Taken(self.key, connection=self.connection)

    @classmethod
    def lmove(cls, connection: Redis, queue_key: str, timeout: int | None) -> Any:
        """Take the next job, in short waits. Raises `StopRequested`; a job that came at that moment goes back."""
        until = time.monotonic() + (timeout or 0)
        while not cls.stopping.is_set():
            try:
                found = super().lmove(connection, queue_key, timeout and LISTEN)
            except DequeueTimeout:
                if time.monotonic() >= until:
                    raise
                continue
            if found is None or not cls.stopping.is_set():
                return found
            _give_back(connection, queue_key, found[1])
        raise StopRequested


def _give_back(connection: Redis, queue_key: str, job_id: Any) -> None:
    with connection.pipeline() as pipeline:
        pipeline.lrem(IntermediateQueue.get_intermediate_queue_key(queue_key), 1, job_id)
        pipeline.lpush(queue_key, job_id)
        pipeline.execute()


class HouseWorker(SimpleWorker):
    """One job at a time, in the thread that it is started in. Its signs of life come from its crew's pulse."""

    job_class = HouseJob
    queue_class = HouseQueue
    max_connection_wait_time = 2  # seconds between two tries when Redis is away; RQ would wait up to a minute
    should_run_maintenance_tasks = False  # the pulse runs them

    def __init__(self, *args: Any, at_end: Callable[[], object] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs | {"log_job_description": False})
        self._at_end = at_end

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Run it and forget it. Nothing is written down before: if we die, the inbox misses the run."""
        job.started_at = rq_now()
        failure: Exception | None = None
        try:
            job.perform()
        except (Away, RedisError) as error:
            log.warning("Redis went away during a run; the inbox has its issue", reason=str(error))
        except Exception as error:
            failure = error
        finally:
            if self._at_end is not None:
                self._at_end()
        try:
            if failure is not None:
                self._failed(job, queue, failure)
            Taken(queue.key, self.connection).forget(job.id, and_the_job=failure is None)
        except RedisError as error:
            log.warning("a job's end could not be written down; it is tidied up later", reason=type(error).__name__)

    def _failed(self, job: Job, queue: Queue, failure: Exception) -> None:
        """Say it, and keep the job among RQ's failed ones, without the trace: that may tell too much."""
        if isinstance(failure, NotOffered):
            log.error("job refused", reason=str(failure))
        elif isinstance(failure, DeserializationError):
            log.error("job refused", reason=f"job {job.id} is not written as our jobs are")
        else:
            log.error("job failed", job=job.id, exc_info=failure)
        job.ended_at = rq_now()
        told = str(failure) if isinstance(failure, NotOffered) else "the log has it"
        self.handle_job_failure(job, queue, exc_string=f"{type(failure).__name__}: {told}")

    def register_birth(self) -> None:
        """Known from now on, for as long as any sign of life lasts: RQ would believe in us for eight minutes."""
        super().register_birth()  # type: ignore[no-untyped-call]
        self.connection.expire(self.key, SEEN_FOR)

    def beat(self, pipeline: Pipeline) -> None:
        """Give a sign of life, so that others know that somebody listens."""
        self.last_heartbeat = rq_now()
        worker_registration.register(self, pipeline)
        pipeline.hset(self.key, mapping=self.serialize())
        pipeline.expire(self.key, SEEN_FOR)

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Left to the pulse, which also beats while a job runs."""

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Known here alone."""
        self._state = state

    def check_for_suspension(self, burst: bool) -> None:
        """RQ's `suspend` is not offered: it would take a round trip for each job."""

    def procline(self, message: str) -> None:
        """A process of many threads has no line for one."""

    def subscribe(self) -> None:
        """No commands through Redis."""

    def unsubscribe(self) -> None:
        """There is nothing to end."""

    def _set_ip_address(self, connection: Redis) -> None:
        self.ip_address = "unknown"

    def _install_signal_handlers(self) -> None:
        """Signals go to the process's main thread."""


# --- one process ------------------------------------------------------------------------------------------------


class Crew:
    """The threads of one process, and the pulse that keeps what they are at."""

    def __init__(
        self, redis_url: str, threads: int, leases: Leases, warm_up: Callable[[], object], aside: str = ""
    ) -> None:  # fmt: skip
        once = Retry(NoBackoff(), 1)  # redis-py alone would sleep for many seconds before it tries again
        self._redis = Redis.from_url(redis_url, client_name=NAME, retry=once)
        self._leases, self._warm_up = leases, warm_up
        self._workers: dict[int, HouseWorker] = {}
        listens = [(n, QUEUE) for n in range(threads)] + ([(threads, aside)] if aside else [])
        self._threads = [threading.Thread(target=self._listen, args=each, daemon=True) for each in listens]
        self._stopping = HouseQueue.stopping
        self._given_up: float | None = None  # when to leave although a run hangs
        self._next_maintenance = time.monotonic() + MAINTENANCE

    def work(self) -> int:
        """Work until told to stop, and all jobs in hand have ended; the exit code: 1 when one of them hangs."""
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: self._stopping.set())
        for thread in self._threads:
            thread.start()
        beat_at = 0.0
        while alive := [thread for thread in self._threads if thread.is_alive()]:
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + PULSE
                self._pulse()
            if self._given_up is not None and time.monotonic() > self._given_up:
                return 1
            if self._stopping.is_set():
                alive[0].join(0.1)
            else:
                self._stopping.wait(max(0.0, beat_at - time.monotonic()))
        return 0 if self._given_up is None else 1

    def _listen(self, number: int, queue: str) -> None:
        """One thread: RQ's loop over one queue, begun anew when it ends by itself."""
        try:
            if queue == QUEUE:
                self._warm_up()
        except Exception as error:  # the first job meets it again, and says it where it belongs
            log.warning("a worker thread could not prepare itself", reason=type(error).__name__)
        while not self._stopping.is_set():
            try:
                worker = HouseWorker(
                    [HouseQueue(queue, connection=self._redis)], connection=self._redis,
                    serializer=JSONSerializer, at_end=self._leases.let_go,
                )  # fmt: skip
                self._workers[number] = worker
                worker.work(logging_level="WARNING")
            except RedisError as error:
                log.warning("Redis is away", reason=type(error).__name__)
            except Exception:
                log.exception("a worker thread stumbled")
            if not self._stopping.is_set():
                log.warning("a worker thread ended by itself and begins anew", thread=number)
                self._stopping.wait(1)

    def _pulse(self) -> None:
        """Keep the leases, show that we live, and wake what is lost: no other process is needed for that."""
        late: list[Run] = []
        try:
            late = self._leases.keep()
            with self._redis.pipeline(transaction=False) as pipeline:
                for worker in list(self._workers.values()):
                    if worker.birth_date is not None:
                        worker.beat(pipeline)
                pipeline.execute()
            self._leases.wake_due(datetime.now(UTC))
            self._maintain()
        except (Away, RedisError) as error:
            log.warning("Redis is away; a run whose lease is lost stops before its next act", reason=str(error))
        except Exception:
            log.exception("the pulse stumbled, it beats on")
        for run in late:
            log.error("a run hangs: its issue goes to another, and this process starts anew", ref=str(run.ref))
            self._given_up = self._given_up or time.monotonic() + GRACE
            self._stopping.set()

    def _maintain(self) -> None:
        """RQ's tidying up, once for all threads."""
        if time.monotonic() >= self._next_maintenance and self._workers:
            self._next_maintenance = time.monotonic() + MAINTENANCE
            next(iter(self._workers.values())).clean_registries()  # type: ignore[no-untyped-call]


# --- all processes ----------------------------------------------------------------------------------------------


class Pool(WorkerPool):
    """RQ's pool, which starts anew whoever dies; one that was asked to stop waits `GRACE` seconds and no longer."""

    _until: float | None = None

    def __init__(self, *args: Any, crew: Callable[[], Crew], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._crew = crew

    def get_worker_process(self, name: str, *_: Any, **__: Any) -> ForkProcess:
        """A child that is one crew."""
        return ForkProcess(target=lambda: sys.exit(self._crew().work()), name=f"release-stages worker {name}")

    def request_stop(self, signum: int | None = None, frame: FrameType | None = None) -> None:
        """Take no new job, finish those in hand."""
        self._until = self._until or time.monotonic() + GRACE
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def all_workers_have_stopped(self) -> bool:
        """True at the end; kills those whose job outlasts the grace. The inbox still knows what they were at."""
        if self._until and time.monotonic() > self._until:
            for each in list(self.worker_dict.values()):
                log.warning("worker killed: its jobs did not end in time", pid=each.pid)
                self.stop_worker(each, signal.SIGKILL)
        return super().all_workers_have_stopped()

    def handle_dead_worker(self, worker_data: Any) -> None:
        """Say it, unless it was asked to stop; the pool then starts another."""
        if self.status != self.Status.STOPPED:
            log.warning("worker died, another one starts", pid=worker_data.pid, code=worker_data.process.exitcode)
        super().handle_dead_worker(worker_data)


def serve(
    redis_url: str, workers: int, threads: int, offered: Mapping[str, Callable[..., Any]],
    leases: Callable[[], Leases], warm_up: Callable[[], object] = lambda: None, aside: str = "",
) -> None:  # fmt: skip
    """Run that many processes of that many threads until a signal says stop.

    `offered`: what jobs may name, and what is then called. `leases` opens the inbox, in the process that it is for;
    `warm_up` is called once in each thread, before its first job. `aside` is a queue for what may wait: one thread more
    of each process listens to it alone, and what it takes keeps none of the others.
    """
    HouseJob.offered = offered
    os.register_at_fork(after_in_child=end_with_parent)
    pool = Pool(
        [QUEUE],
        Redis.from_url(redis_url),
        num_workers=workers,
        worker_class=HouseWorker,
        serializer=JSONSerializer,
        job_class=HouseJob,
        queue_class=HouseQueue,
        crew=lambda: Crew(redis_url, threads, leases(), warm_up, aside),
    )
    os.nice(NICE)
    gc.collect()
    gc.freeze()  # what is here by now is shared with every child, as long as no collector writes to it
    log.info("workers start", workers=workers, threads=threads, jobs=sorted(offered))
    pool.start(logging_level="WARNING")


def end_with_parent() -> None:
    """In a fresh child: forget the pool's signals, and (where Linux offers it) be told when the parent is gone."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGTERM)
