"""The jobs: what a worker may run by name. `failing.py` says what becomes of one that goes wrong.

A job is at-least-once and knows nothing but an issue's name: whatever was lost, doubled or swapped on the way, it reads
how things are and acts on the difference.
"""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from functools import cache

import structlog

from integration.in_force import LOOKED_AT_EVERY, MappingsFile
from integration.look import Desk
from integration.memory.copies import Copies
from integration.memory.inbox import Inbox, Run
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.model import ADDITIONS, ROUNDS, Ref
from workers import digests, failing, live, own_rules
from workers.catch_up import CATCH_UP, catch_up
from workers.clock import Tick
from workers.reconciling import Reconciling
from workers.sweep import sweep

__all__ = ["reconcile"]  # all that a worker may run by name

PARTY = "party"  # a ref of this kind names no issue, but a party whose digest is due

_own = threading.local()
_opening = threading.Lock()
_file: list[MappingsFile] = []


def desk() -> Desk:
    """This thread's desk: the trackers' connections are shared with no other thread."""
    if not hasattr(_own, "desk"):
        settings = Settings.read(os.environ)
        _own.desk = Desk.open(settings, file(settings))
    desk: Desk = _own.desk
    return desk


def file(settings: Settings) -> MappingsFile:
    """This process's mappings.yaml, which a thread of its own watches, whether or not there is work."""
    with _opening:
        if not _file:
            ledger, copies = Ledger.open(settings.database_url), Copies.connect(settings.redis_url)
            _file.append(MappingsFile(settings.mappings, ledger, copies))
            threading.Thread(target=_watch, args=(_file[0],), name="mappings", daemon=True).start()
    return _file[0]


def _watch(file: MappingsFile) -> None:
    tick = Tick("file", LOOKED_AT_EVERY, lambda now: file.current)
    while True:
        time.sleep(LOOKED_AT_EVERY.total_seconds())
        tick.run(_now(), time.monotonic())


@cache
def inbox() -> Inbox:
    """This process's inbox, which knows the runs that are alive here."""
    return Inbox.connect(Settings.read(os.environ).redis_url)


def reconcile(ref: str) -> None:
    """Bring one issue to where the rules want it. Number 0 is the place itself: its labels were renamed or deleted."""
    try:
        run_one(desk(), inbox(), Ref.parse(ref))
    except Exception as error:  # nothing is left to RQ, which would try it again by a law of its own
        failing.not_begun(ref, error)


def run_one(desk: Desk, inbox: Inbox, ref: Ref) -> None:
    """One worker's turn with one issue; what becomes of an error, `failing` knows. Raises `Away`, and nothing else."""
    run = inbox.begin(ref)
    if run is None:
        return
    with structlog.contextvars.bound_contextvars(ref=str(ref)):
        try:
            _take_turn(desk, inbox, run)
        finally:
            desk.leave()


def _take_turn(desk: Desk, inbox: Inbox, run: Run) -> None:
    begun = _now()
    try:
        again = _work(desk, inbox, run)
    except Exception as error:
        failing.settle(desk, inbox, run, error, begun)
        return
    failing.over(desk, inbox, run.ref)
    if again is None:
        inbox.finish(run)
    else:
        inbox.put_off(run, again)


def _work(desk: Desk, inbox: Inbox, run: Run) -> datetime | None:
    """What a hint calls for: a digest, a round, a repository's own rules, a place whose labels changed, an issue."""
    ref = run.ref
    if ref.tracker == PARTY:
        return digests.send(desk, ref.place, _now())
    if ref.tracker == CATCH_UP:
        return catch_up(desk, ref, _now())
    if ref.tracker == ADDITIONS:
        return own_rules.read(desk, run, _now())
    if ref.tracker == live.LIVE:
        return live.compare(desk, inbox, ref, _now())
    if ref.tracker in ROUNDS:
        return sweep(desk, inbox, ref, _now())
    if ref.number == 0:
        return _place(desk, inbox, ref)
    again = Reconciling(desk, inbox, run).work()
    if run.watermark is not None:  # a webhook told of it: hints of our own go no further, or they would go round
        for one in desk.ledger.waiting_on(ref):
            inbox.hint(one, cause=run.cause)
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
