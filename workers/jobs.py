"""The jobs: what a worker may run by name, and what becomes of a hint whose run went wrong.

A job is at-least-once and knows nothing but an issue's name: whatever was lost, doubled or swapped on the way, it reads
how things are and acts on the difference.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from functools import cache

import structlog

from integration.look import Desk
from integration.memory.inbox import Inbox, Run
from integration.memory.ledger import Overtaken
from integration.settings import Settings
from integration.stages.model import Ref
from integration.trackers import Gone, Refused, Unavailable
from workers import digests
from workers.reconciling import AGAIN, TROUBLED, Reconciling

log = structlog.get_logger(__name__)

__all__ = ["reconcile"]  # all that a worker may run by name

PARTY = "party"  # a ref of this kind names no issue, but a party whose digest is due
REFUSED = timedelta(minutes=5)


@cache
def desk() -> Desk:
    """This process's desk."""
    return Desk.open(Settings.read(os.environ))


@cache
def inbox() -> Inbox:
    """This process's inbox."""
    return Inbox.connect(desk().settings.redis_url)


def reconcile(ref: str) -> None:
    """Bring one issue to where the rules want it. Number 0 is the place itself: its labels were renamed or deleted."""
    run_one(desk(), inbox(), Ref.parse(ref))


def run_one(desk: Desk, inbox: Inbox, ref: Ref) -> None:
    """One worker's turn with one issue; whatever goes wrong, its hint stays in the inbox."""
    run = inbox.begin(ref)
    if run is None:
        return
    with structlog.contextvars.bound_contextvars(ref=str(ref)):
        try:
            again = _work(desk, inbox, run)
        except Unavailable as error:
            again = max(error.retry_at or _now() + TROUBLED, _now() + AGAIN)
            desk.ledger.put_off(ref, again)
            log.warning("tracker unavailable, tried again later", reason=str(error), at=again.isoformat())
        except Refused as error:
            again = _now() + REFUSED
            log.error("the tracker does not let us look, tried again later", reason=str(error))
        except (Overtaken, Gone) as error:
            again = _now() + AGAIN
            log.info("things have changed meanwhile, looked at anew", reason=str(error))
        except Exception:
            inbox.put_off(run, _now() + TROUBLED)
            raise
        if again is None:
            inbox.finish(run)
        else:
            inbox.put_off(run, again)


def _work(desk: Desk, inbox: Inbox, run: Run) -> datetime | None:
    """What a hint calls for: a party's digest, a place whose labels have changed, or one issue."""
    ref = run.ref
    if ref.tracker == PARTY:
        return digests.send(desk, ref.place, _now())
    if ref.number == 0:
        return _place(desk, inbox, ref)
    again = Reconciling(desk, inbox, run).work()
    if run.watermark is not None:  # a webhook told of it: hints of our own go no further, or they would go round
        for one in desk.ledger.waiting_on(ref):
            inbox.hint(one)
    return again


def _place(desk: Desk, inbox: Inbox, ref: Ref) -> datetime | None:
    """Learn what the place's labels are called now, and look at the features there again."""
    labels = desk.tracker(ref).label_names(ref)
    desk.ledger.learn_names(ref.place, labels, _now())
    for one in desk.ledger.refs():
        if (one.tracker, one.site, one.place) == (ref.tracker, ref.site, ref.place):
            inbox.hint(one, cause="labels")
    return None


def _now() -> datetime:
    return datetime.now(UTC)
