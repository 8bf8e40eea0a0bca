"""Jobs in RQ's queue that are none of ours: refused by name, or unreadable. RQ keeps them as failed.

Jobs of ours that failed are no loss and are not told: the inbox keeps the hint, and the clock wakes it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rq.exceptions import DeserializationError
from rq.job import Job

from integration.memory.away import asking
from integration.memory.inbox import RECONCILE, Inbox

MOST = 100
_LONGEST = 120  # letters: whatever stands there was written by somebody else


@dataclass(frozen=True, slots=True)
class Stray:
    """A job that somebody else put into our queue: what it asks for, and why it was not run."""

    id: str
    asks: str
    reason: str
    at: datetime | None = None


def strays(inbox: Inbox) -> tuple[Stray, ...]:
    """Those that are still kept, the oldest first. Raises `Away`."""
    with asking():
        registry = inbox.queue.failed_job_registry
        jobs = (inbox.queue.fetch_job(id) for id in registry.get_job_ids(0, MOST - 1))
        return tuple(one for job in jobs if job and (one := _read(job)))


def remove(inbox: Inbox, id: str) -> bool:
    """Take one out, for good; False where there is none of that id. Raises `Away`."""
    with asking():
        registry = inbox.queue.failed_job_registry
        known = id in registry.get_job_ids()
        if known:
            registry.remove(id, delete_job=True)
        return known


def _read(job: Job) -> Stray | None:
    try:
        asks = job.func_name or ""
    except DeserializationError:
        asks = "cannot be read"
    if asks == RECONCILE:
        return None
    result = job.latest_result()
    told = ((result.exc_string or "") if result else "").strip().splitlines()[-1:]
    reason = told[0].partition(":")[0].rpartition(".")[2] if told else "RQ does not say why"
    return Stray(_shown(job.id), _shown(asks), _shown(reason), job.ended_at)


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])
