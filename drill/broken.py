"""Faults of our own, put in on purpose: a drill that does not find them is worth nothing.

Each patches the house in the worker's process (`part.py` calls it); the product itself has no such switch.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from integration.memory.inbox import LEASE, PREFIX, Inbox, Run
from integration.stages.entries import Entry, Tried
from integration.stages.model import Ref
from workers.reconciling import Reconciling


def say_before_ledger() -> None:
    """What is tried is written down only when its outcome is."""
    record = Reconciling._record

    def late(self: Reconciling, *entries: Entry) -> None:
        kept: list[Entry] = self.__dict__.setdefault("kept", [])
        kept += entries
        if not all(isinstance(one, Tried) for one in entries):
            self.__dict__["kept"] = []
            record(self, *kept)

    Reconciling._record = late  # type: ignore[method-assign]


def no_lock() -> None:
    """Whoever is woken takes the issue, whoever has it already."""
    begin, finish, put_off = Inbox.begin, Inbox.finish, Inbox.put_off

    def take(self: Inbox, ref: Ref, now: datetime | None = None) -> Run | None:
        self._redis.delete(f"{PREFIX}lock:{ref}")
        run = begin(self, ref, now)
        self._redis.delete(f"{PREFIX}lock:{ref}")
        return run

    def pretend(self: Inbox, run: Run) -> None:
        self._redis.set(f"{PREFIX}lock:{run.ref}", run.token, px=1000)

    def done(self: Inbox, run: Run, now: datetime | None = None) -> bool:
        pretend(self, run)
        return finish(self, run, now)

    def later(self: Inbox, run: Run, at: datetime, now: datetime | None = None) -> None:
        pretend(self, run)
        put_off(self, run, at, now)

    def for_ever(self: Inbox, run: Run) -> timedelta:
        return LEASE

    for name, patched in (("begin", take), ("finish", done), ("put_off", later), ("holds", for_ever)):
        setattr(Inbox, name, patched)


def no_dirty_set() -> None:
    """A hint is forgotten as soon as its job begins: the job alone carries it."""
    begin = Inbox.begin

    def forget(self: Inbox, ref: Ref, now: datetime | None = None) -> Run | None:
        run = begin(self, ref, now)
        if run is not None:
            self._redis.zrem(f"{PREFIX}dirty", str(ref))
            self._redis.zrem(f"{PREFIX}patience", str(ref))
            for kept in ("generation", "watermark", "cause", "waking"):
                self._redis.hdel(f"{PREFIX}{kept}", str(ref))
        return run

    Inbox.begin = forget  # type: ignore[method-assign]


FAULTS: dict[str, Callable[[], None]] = {
    "say-before-ledger": say_before_ledger,
    "no-lock": no_lock,
    "no-dirty-set": no_dirty_set,
}
FOUND_BY = {
    "say-before-ledger": ("the ledger knows it before it is said",),
    "no-lock": ("one issue, one worker",),
    "other-lock": ("one issue, one worker",),  # of a release beside this one: releases.py
    "no-dirty-set": ("no verdict is lost", "the end is what the evaluator says", "the end is what the story says"),
}
"""The laws that each of them breaks: another miss proves nothing."""
