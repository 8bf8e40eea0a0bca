"""Operations, for admins: what came and what became of it, what waits, what failed and what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from flask import Response, abort, make_response, redirect, request

from integration.failed import Found, Record, Unknown, next_step
from integration.memory.acts import Act
from integration.memory.arrivals import KEPT_FOR, Arrival
from integration.memory.away import Away
from integration.memory.budgets import Budget, Rest
from integration.memory.census import Known
from integration.memory.failures import Failure, State
from integration.memory.inbox import Inbox, Listening, Waiting
from integration.web.entrance.visitors import current
from integration.web.pages.books import Books
from integration.web.pages.shown import page

DELIVERIES, WAITING, ACTS = 50, 100, 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Became:
    """What became of one issue of a delivery. `kind`: done, waits, failed, nothing."""

    name: str
    kind: str
    says: str
    at: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class Crew:
    """The threads of one process that works."""

    host: str
    pid: str
    threads: int
    since: datetime | None
    seen: datetime | None


@dataclass(slots=True)
class Queue:
    """What Redis tells of; `away` says why it does not."""

    deliveries: list[tuple[Arrival, list[Became]]] = field(default_factory=list)
    more: str = ""
    waiting: tuple[Waiting, ...] = ()
    depth: int = 0
    workers: tuple[Crew, ...] = ()
    acts: tuple[Act, ...] = ()
    away: str = ""


def show(books: Books) -> Response:
    """The page. Of Redis being away it tells, and shows the rest."""
    record = Record(books.ledger, books.inbox)
    found, now = record.found(), datetime.now(UTC)
    budgets: tuple[Budget, ...] = _or(lambda: books.inbox.budgets.used(now), ())
    rests: tuple[Rest, ...] = _or(books.inbox.budgets.rests, ())
    return make_response(
        page(
            "operations.html", books, found=found, failures=_failures(found), queue=_queue(books, found, now),
            budgets=budgets, rests=rests, rounds=books.ledger.rounds.stand(), kept_for=KEPT_FOR.days,
            next_step=next_step, known=_known(books, found), did=request.args.get("did", ""),
            figures=books.ledger.census.figures(),
        )
    )  # fmt: skip


def _or(ask: Callable[[], T], otherwise: T) -> T:
    try:
        return ask()
    except Away:
        return otherwise


def _failures(found: Found) -> list[Failure]:
    """What is open comes first."""
    return sorted(found.failures, key=lambda one: (one.state is State.DROPPED, one.since))


def _known(books: Books, found: Found) -> Mapping[str, Known]:
    return books.ledger.census.known(one.ref for one in found.failures)


# --- what came, and what waits ----------------------------------------------------------------------------------------


def _queue(books: Books, found: Found, now: datetime) -> Queue:
    inbox = books.inbox
    try:
        arrived = inbox.arrivals.latest(DELIVERIES + 1, _before())
        waiting, queue = inbox.waiting(WAITING), Queue(depth=inbox.depth(), acts=inbox.acts.latest(ACTS))
        queue.workers = tuple(_crews(inbox.workers()))
    except Away as why:
        return Queue(away=str(why))
    arrived = tuple(one for one in arrived if one.at > now - KEPT_FOR)
    queue.more = arrived[DELIVERIES - 1].number if len(arrived) > DELIVERIES else ""
    queue.waiting = waiting
    telling = _Telling(books, arrived[:DELIVERIES], _dirty(inbox, waiting, queue.depth), found)
    queue.deliveries = [(one, list(telling.of(one))) for one in arrived[:DELIVERIES]]
    return queue


def _before() -> str:
    said = request.args.get("before", "")
    if said and not (len(said) < 40 and all(part.isdecimal() for part in said.split("-"))):
        abort(400, "That names no delivery; begin with the newest.")
    return said


def _dirty(inbox: Inbox, waiting: tuple[Waiting, ...], depth: int) -> dict[str, Waiting]:
    """All that waits, also where it is more than the page lists."""
    every = waiting if depth <= len(waiting) else inbox.waiting(depth)
    return {one.name: one for one in every}


class _Telling:
    """Says of deliveries what became of them."""

    def __init__(
        self, books: Books, arrived: tuple[Arrival, ...], dirty: Mapping[str, Waiting], found: Found
    ) -> None:  # fmt: skip
        self._known = books.ledger.census.known(ref for one in arrived for ref in one.refs)
        self._dirty = dirty
        self._failed = {str(one.ref): one for one in found.failures}

    def of(self, arrival: Arrival) -> Iterator[Became]:
        """Of each of its issues."""
        for ref in arrival.refs:
            name = str(ref)
            known = self._known.get(name)
            yield self._one(arrival, name, known, known.title if known else "")

    def _one(self, arrival: Arrival, name: str, known: Known | None, title: str) -> Became:
        if not arrival.is_new:
            return Became(name, "nothing", "seen before: it came twice, and was kept once", None, title)
        if waits := self._dirty.get(name):
            says = "is being looked at" if waits.under_way else "put off until" if waits.later else "waits since"
            return Became(name, "waits", says, waits.later or waits.since, title)
        if (failed := self._failed.get(name)) and failed.last_try >= arrival.at:
            return Became(name, "failed", f"{failed.state}: {failed.reason}", failed.last_try, title)
        if known and known.checked_at >= arrival.at:
            return Became(name, "done", "looked at", known.checked_at, title)
        says = "nothing to look at since" if known else "done; it is no feature"
        return Became(name, "nothing", says, None, title)


def _crews(threads: tuple[Listening, ...]) -> Iterator[Crew]:
    by_process: dict[tuple[str, str], list[Listening]] = {}
    for one in threads:
        by_process.setdefault((one.host, one.pid), []).append(one)
    for (host, pid), some in sorted(by_process.items()):
        since = min((_time(one.since) for one in some if one.since), default=None)
        seen = max((_time(one.seen) for one in some if one.seen), default=None)
        yield Crew(host, pid, len(some), since, seen)


def _time(said: str) -> datetime:
    found = datetime.fromisoformat(said.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# --- what an admin does -----------------------------------------------------------------------------------------------


def retry(books: Books) -> Response:
    """Try one again at once, or all that is open. Raises `Away`."""
    name = request.form.get("name", "")
    return _done(books, "retry", name, lambda record: record.retry(name, datetime.now(UTC)))


def drop(books: Books) -> Response:
    """Do not try one any more; a reason is needed. Raises `Away`."""
    name, why = request.form.get("name", ""), " ".join(request.form.get("why", "").split())[:500]
    if not why:
        abort(400, "To drop it, say why: others will ask. Nothing was changed.")
    return _done(books, "drop", name, lambda record: record.drop(name, why, _who()), why)


def release(books: Books) -> Response:
    """Let a cause go on that the breaker holds. Raises `Away`."""
    cause = request.form.get("name", "")
    return _done(books, "release", cause, lambda record: record.release(cause))


def _done(books: Books, what: str, name: str, act: Callable[[Record], object], why: str = "") -> Response:
    try:
        act(Record(books.ledger, books.inbox))
    except Unknown:
        abort(404, "Nothing of that name has failed, or it was seen to meanwhile. Nothing was changed.")
    books.inbox.acts.note(Act(datetime.now(UTC), _who(), what, name, why))
    return make_response(redirect(f"/operations?did={what}#failed", 303))


def _who() -> str:
    visitor = current()
    handle = f" ({visitor.handle})" if visitor.handle and visitor.handle != visitor.name else ""
    return f"{visitor.name}{handle}"
