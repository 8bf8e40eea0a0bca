"""`release-stages failed`: what could not be done, why, when it is tried again, and the one next step."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from integration.memory.away import Away
from integration.memory.breaker import Breaker, Held
from integration.memory.failures import Failure, Kind, State
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.memory.strays import Stray, remove, strays
from integration.settings import Settings
from integration.stages.model import ADDITIONS, ADDITIONS_FILE, Ref, Unnamed

ALL = "all"


class Unknown(Exception):
    """Nothing of that name has failed; the message says how to see what has."""


@dataclass(frozen=True, slots=True)
class Found:
    """All that is not as it should be. `away`: what could not be asked."""

    failures: tuple[Failure, ...]
    held: tuple[Held, ...] = ()
    strays: tuple[Stray, ...] = ()
    away: str = ""

    @property
    def is_well(self) -> bool:
        """Nothing is open; what was dropped is over."""
        is_open = any(one.state is not State.DROPPED for one in self.failures)
        return not (is_open or self.held or self.strays or self.away)


@dataclass(frozen=True, slots=True)
class Record:
    """What the command works with."""

    ledger: Ledger
    inbox: Inbox

    @classmethod
    def open(cls, settings: Settings) -> Record:
        """Open both. Raises `LedgerAway` and `Unreadable`; a Redis that is away shows when it is asked."""
        return cls(Ledger.open(settings.database_url), Inbox.connect(settings.redis_url))

    @property
    def breaker(self) -> Breaker:
        """The breaker, which is in Redis, too."""
        return self.inbox.breaker

    def found(self) -> Found:
        """Look now."""
        failures = self.ledger.failures.listed()
        try:
            return Found(failures, self.breaker.held(), strays(self.inbox))
        except Away as error:
            return Found(failures, away=str(error))

    def retry(self, name: str, now: datetime) -> tuple[Ref, ...]:
        """Try it again at once, or all that is open; which ones. Raises `Unknown`, `Away`."""
        if name == ALL:
            chosen = [one.ref for one in self.ledger.failures.listed(State.RETRYING, State.DEAD)]
        else:
            chosen = [self._known(name).ref]
        for ref in chosen:
            self.inbox.hint(ref)
            self.ledger.failures.revive(ref, now)
        return tuple(chosen)

    def drop(self, name: str, because: str, by: str = "") -> None:
        """Do not try it any more, before something new comes for it. Raises `Unknown`, `Away`.

        `by`: who wants that; otherwise the operating system's user.
        """
        if remove(self.inbox, name):
            return
        ref = self._known(name).ref
        self.inbox.forget(ref)
        self.ledger.failures.drop(ref, by or _who(), because)
        self.ledger.put_off(ref, None)

    def release(self, cause: str) -> tuple[Ref, ...]:
        """Let the cause go on, and wake what it was kept from; which ones. Raises `Unknown`, `Away`."""
        if not self.breaker.release(cause):
            held = ", ".join(one.cause for one in self.breaker.held()) or "nothing"
            raise Unknown(f"'{cause}' is not held; held is: {held}")
        step = f"release {cause}"
        waiting = [one.ref for one in self.ledger.failures.listed(State.RETRYING) if one.step.endswith(step)]
        for ref in waiting:
            self.inbox.hint(ref, cause=cause)
        return tuple(waiting)

    def _known(self, name: str) -> Failure:
        try:
            found = self.ledger.failures.of(Ref.parse(name))
        except Unnamed:
            found = None
        if found is None:
            raise Unknown(f"nothing is known to have failed for '{name}'; release-stages failed lists what has")
        return found


def _who() -> str:
    """The operating system's user; empty where it has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


# --- as text ----------------------------------------------------------------------------------------------------------


def lines(found: Found) -> Iterator[str]:
    """A table for people: below each row its reason, and the one next step."""
    if found.is_well:
        yield "Nothing has failed."
    if found.failures:
        yield from _table([("WHAT", "STATE", "SINCE", "TRIES", "NEXT TRY"), *map(_row, found.failures)], found.failures)
    for one in found.held:
        yield f"held: '{one.cause}' since {_when(one.since)}, after {one.acts} acts within an hour"
        yield f"    next: look at what it did; then: release-stages failed release {one.cause}"
    for job in found.strays:
        yield f"job {job.id}: {job.asks} ({job.reason}{f', {_when(job.at)}' if job.at else ''})"
        yield f"    next: find out who writes to our Redis; then: release-stages failed drop {job.id} --because WHY"
    if found.away:
        yield f"What the breaker holds, and which jobs were refused, cannot be told: {found.away}"
        yield "    next: see to Redis (REDIS_URL)"


def as_json(found: Found) -> str:
    """The same for machines."""
    told = {
        "failures": [_failure(one) for one in found.failures],
        "held": [{"cause": one.cause, "since": _iso(one.since), "acts": one.acts} for one in found.held],
        "jobs": [{"id": one.id, "asks": one.asks, "reason": one.reason, "at": _iso(one.at)} for one in found.strays],
        "away": found.away,
    }
    return json.dumps(told, indent=2, ensure_ascii=False)


def named(ref: Ref) -> str:
    """A ref as people type it: `acme/app#12`, `APP-7`; whole, where it would be another issue's otherwise."""
    try:
        return ref.key if Ref.parse(ref.key) == ref else str(ref)
    except Unnamed:
        return str(ref)


def next_step(one: Failure) -> str:
    """The one next step, and whose it is."""
    name = named(one.ref)
    if one.state is State.DROPPED:
        by = f" by {one.dropped_by}" if one.dropped_by else ""
        return f"nothing; dropped{by}" + (f": {one.because}" if one.because and one.because != one.reason else "")
    if one.kind is Kind.LATER:
        return "nothing; it is tried again by itself"
    if one.kind is Kind.PEOPLE:
        if one.ref.tracker == ADDITIONS:
            return f"the people of {one.ref.place} mend {ADDITIONS_FILE}; it is read again by itself"
        return "somebody of the issue sees to that; it is tried once a day, and whenever something happens there"
    return one.step.replace("REF", name)


def _row(one: Failure) -> tuple[str, ...]:
    soon = _when(one.next_try) if one.next_try else "when it is asked for"
    return (named(one.ref), one.state.value, _when(one.since), str(one.tries), soon)


def _table(rows: Sequence[tuple[str, ...]], failures: Iterable[Failure]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *rest = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    yield head.rstrip()
    for row, one in zip(rest, failures, strict=True):
        yield row.rstrip()
        yield f"    {one.reason}"
        yield f"    next: {next_step(one)}"


def _failure(one: Failure) -> dict[str, object]:
    return {
        "ref": str(one.ref),
        "state": one.state.value,
        "kind": one.kind.value,
        "since": _iso(one.since),
        "tries": one.tries,
        "last_try": _iso(one.last_try),
        "next_try": _iso(one.next_try),
        "reason": one.reason,
        "next_step": next_step(one),
        "dropped_by": one.dropped_by,
        "because": one.because,
    }


def _iso(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z"
