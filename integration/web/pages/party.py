"""A party's page: what waits for its word, what it was told and has seen, what is coming; and where it answers.

The word that somebody gives here is kept for a worker, who says it on the issue: the web talks to no tracker.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast
from urllib.parse import urlencode

from flask import Response, abort, make_response, redirect, request, url_for
from flask.typing import ResponseReturnValue

from integration.memory.away import Away
from integration.memory.board import Feature
from integration.memory.reports import Over
from integration.stages.calendars import later
from integration.stages.entries import AttemptOpened, Owed
from integration.stages.file.mappings import Approved, Mappings, Party
from integration.stages.model import NEVER, Person, Ref, Unnamed
from integration.stages.reports import answers, gates
from integration.stages.reports.facts import Period
from integration.stages.spoken import LONGEST, Spoken, Word
from integration.stages.texts import digests
from integration.stages.texts.chronicle import told
from integration.web.entrance.visitors import Visitor, current, refusal
from integration.web.pages import figures
from integration.web.pages.books import Books
from integration.web.pages.figures import Asked
from integration.web.pages.shown import Shown, page
from integration.web.pages.turns import Turned

WAITING, PER_PAGE, COMING = 60, 30, 50
LATELY = timedelta(days=90)
SLOW = timedelta(minutes=10)
REFUSED_FOR = timedelta(days=7)
"""So long a word that was not taken is shown with its reason."""
WORDS = {"ack": "We have seen it", "approve": "We agree", "needs-work": "It needs work"}
_SAID = ("noticed", "acknowledged", "approved", "needs_work")


@dataclass(frozen=True, slots=True)
class Waits:
    """A feature waits for the party's word on a stage: since when, until when, and which words may be given."""

    feature: Feature
    stage: str
    since: datetime | None
    due: datetime | None
    late: bool
    asks: Word
    owed_by: str = ""

    @property
    def words(self) -> tuple[Word, ...]:
        """What one may say here, what is asked for first."""
        first: Word = self.asks
        return (first, "needs-work") if first == "approve" else ("ack", "approve", "needs-work")


# --- the list of parties ----------------------------------------------------------------------------------------------


def list_all(books: Books) -> Response:
    """Every party, and how much waits for it."""
    shown, visitor, mappings = Shown.of(books), current(), books.mappings
    board = books.ledger.board
    waiting = board.waiting(visitor.places)
    figure = _figures(books, shown, visitor, books.turns(Over(visitor.places)))
    rows = [(key, waiting.get(key, 0), figure.get(key), key in visitor.parties) for key in shown.parties]
    rows.sort(key=lambda one: not one[3])
    return make_response(page("parties.html", books, shown=shown, rows=rows, mappings=mappings, days=LATELY.days))


def _figures(
    books: Books, shown: Shown, visitor: Visitor, turned: Mapping[int, Turned], party: str = ""
) -> dict[str, tuple[object, ...]]:
    """Of each party the answers of late: how many, the median, and the share that came in time."""
    asked = Asked(books, shown, Period(shown.now - LATELY), visitor.places, party=party)
    found: dict[str, tuple[object, ...]] = {}
    for key, some in answers.parties(figures.answers_among(turned, asked)).items():
        in_time = [one.in_time for one in some if one.in_time is not None]
        share = sum(in_time) / len(in_time) if in_time else None
        found[key] = (len(some), answers.percentile([one.working for one in some], 0.5), share)
    return found


# --- one party --------------------------------------------------------------------------------------------------------


def show(books: Books, key: str, trouble: str = "", status: int = 200) -> Response:
    """The page. Raises 404 where the file names no such party."""
    mappings, party = _party(books, key)
    shown, visitor = Shown.of(books), current()
    reports, over = books.ledger.reports, Over(visitor.places)
    given = books.ledger.spoken.of_party(key, visitor.places, shown.now - REFUSED_FOR)
    offset, waits_from = _offset("from"), _offset("waits")
    turned = books.turns(over)
    queue = _queue(books, key, turned)
    past = reports.of_party(over, key, _SAID, PER_PAGE + 1, offset)
    names = shown.names()
    ahead, order = digests.concerns(mappings, key, shown.now), list(mappings.stages)
    beyond = order[max(map(order.index, ahead)) :] if ahead else order
    coming, coming_in_all = reports.coming(visitor.places, ahead, beyond, key, COMING)
    return make_response(
        page(
            "party.html", books, shown=shown, key=key, party=party, trouble=trouble, given=given, words=WORDS,
            waits=_waiting(books, mappings, key, shown, queue[waits_from : waits_from + WAITING]),
            waits_in_all=len(queue), waits_from=waits_from, waiting=WAITING, may_speak=visitor.speaks_for(key),
            past=[(one.about, told(one.entry, names)) for one in past[:PER_PAGE]], more=len(past) > PER_PAGE,
             offset=offset, per=PER_PAGE, coming=coming, coming_in_all=coming_in_all, longest=LONGEST,
             figure=_figures(books, shown, visitor, turned, key).get(key), days=LATELY.days, slow=SLOW,
            once=lambda: secrets.token_urlsafe(16), on_its_way={(one.ref, one.spoken.stage) for one in given
                                                                if one.became == "on its way"},
        ), status
    )  # fmt: skip


def _party(books: Books, key: str) -> tuple[Mappings, Party]:
    mappings = books.mappings
    party = mappings.parties.get(key) if mappings else None
    if mappings is None or party is None:
        abort(404, "No party of this name is in mappings.yaml.")
    return mappings, party


def _offset(name: str) -> int:
    return max(0, min(request.args.get(name, 0, type=int), 1_000_000))


@dataclass(frozen=True, slots=True)
class _Turn:
    """One place in the party's queue: a feature's number in the ledger, and since when; `debt`: it was promised."""

    id: int
    ref: str
    since: datetime | None
    debt: Owed | None = None


def _queue(books: Books, key: str, turned: Mapping[int, Turned]) -> list[_Turn]:
    """All that waits for the party, oldest first."""
    rows = books.ledger.board.awaiting(key, current().places)
    told = {row.id: turned[row.id].waits.get((key, row.wanted)) for row in rows if row.wanted and row.id in turned}
    asked = _asked(books, [row.id for row in rows if row.wanted and told.get(row.id) is None])
    found = [_Turn(row.id, row.ref, told.get(row.id) or asked.get(row.ref)) for row in rows if row.wanted]
    found += _promised(books, {row.ref: row.id for row in rows if row.owes}, key)
    return sorted(found, key=lambda one: (one.since is None, one.since or NEVER, one.ref))


def _asked(books: Books, ids: Collection[int]) -> dict[str, datetime]:
    """Of those of which nobody was told: when somebody has asked for the stage."""
    facts = books.ledger.reports.of_features(Over(current().places), ids, "attempt_opened")
    return {str(one.about.ref): one.entry.asked_at for one in facts if isinstance(one.entry, AttemptOpened)}


def _promised(books: Books, ids: Mapping[str, int], key: str) -> Iterator[_Turn]:
    facts = books.ledger.reports.of_features(Over(current().places), ids.values(), *figures.OWED)
    for one in gates.debts(facts):
        if one.is_open and one.entry.party == key:
            ref = str(one.about.ref)
            yield _Turn(ids[ref], ref, one.entry.at, one.entry)


def _waiting(books: Books, mappings: Mappings, key: str, shown: Shown, some: Sequence[_Turn]) -> list[Waits]:
    """These of the queue, with all that the page tells of them."""
    features = books.ledger.board.those({one.id for one in some}, current().places)
    return [
        _owing(features[one.id], one.debt, shown.now) if one.debt
        else _turn(features[one.id], mappings, key, one.since, shown.now)
        for one in some if one.id in features
    ]  # fmt: skip


def _turn(feature: Feature, mappings: Mappings, key: str, since: datetime | None, now: datetime) -> Waits:
    within = mappings.parties[key].respond_within
    due = later(since, within, mappings.calendar_of(key)) if since and within else None
    return Waits(
        feature, feature.wanted or "", since, due, due is not None and due < now, _asks(mappings, key, feature)
    )


def _asks(mappings: Mappings, key: str, feature: Feature) -> Word:
    """The word that the gates ahead ask of the party."""
    ahead = {gate.rule for gate in feature.seen.gates}
    asked = (one for rule in mappings.rules if rule.id in ahead for one in mappings.asked_by(rule))
    return "approve" if any(isinstance(one, Approved) and one.party == key for one in asked) else "ack"


def _owing(feature: Feature, debt: Owed, now: datetime) -> Waits:
    late = debt.until is not None and debt.until < now
    return Waits(feature, debt.stage, debt.at, debt.until, late, debt.asks, debt.name or debt.who)


# --- the party's word -------------------------------------------------------------------------------------------------


def speak(books: Books, key: str) -> ResponseReturnValue:
    """Keep what somebody says for the party. 403 for whoever may not; raises `Away`, and then it was not given."""
    _, party = _party(books, key)
    visitor = current()
    if not visitor.speaks_for(key):
        called = party.name or key
        return refusal(
            f"You do not speak for {called} here", f"{visitor.name} is not known as one of {called}.",
            "mappings.yaml says who is; whoever was added lately signs in anew.",
        )  # fmt: skip
    feature = _feature(books, visitor)
    word, stage, note = request.form.get("word", ""), request.form.get("stage", ""), _note()
    if word not in WORDS:
        abort(400, "Say one of: seen, agreed, needs work.")
    if word == "needs-work" and not note:
        return show(books, key, "Say in a few words what is missing.", 400)
    is_awaited = key in feature.awaited and feature.wanted == stage
    may_be_owed = key in feature.owing  # whether that is of this stage, the worker sees
    if feature.frozen or not (is_awaited or may_be_owed):
        return show(books, key, f"{feature.title} does not wait for this word any more; nothing was posted.", 409)
    _give(books, feature.ref, _spoken(key, stage, cast("Word", word), visitor, feature.ref, note))
    query = urlencode({"said": str(feature.ref)})
    return make_response(redirect(f"{url_for('pages.party', key=key)}?{query}", 303))


def _feature(books: Books, visitor: Visitor) -> Feature:
    try:
        found = books.ledger.board.feature(Ref.parse(request.form.get("ref", "")), visitor.places)
    except (Unnamed, ValueError):
        found = None
    if found is None:
        abort(404, "No feature of this name is known here, or it is not shown to you.")
    return found


def _note() -> str:
    return " ".join(request.form.get("note", "").split())[:LONGEST]


def _spoken(key: str, stage: str, word: Word, visitor: Visitor, ref: Ref, note: str) -> Spoken:
    once = request.form.get("once", "")[:64] or secrets.token_urlsafe(16)
    return Spoken(once, key, stage, word, person_of(visitor, ref), datetime.now(UTC), note)


def person_of(visitor: Visitor, ref: Ref) -> Person:
    """The visitor as the issue's tracker knows them; `web:` and how they signed in, where that is another world."""
    provider, _, number = visitor.id.partition(":")
    is_theirs = provider == "github" == ref.tracker and number
    return Person(number if is_theirs else f"web:{visitor.id}", visitor.handle, visitor.name)


def _give(books: Books, ref: Ref, one: Spoken) -> None:
    """Into the ledger, and then a hint: a worker looks at once. Raises `Away`; then it was not given."""
    if not books.ledger.spoken.give(ref, one):
        return
    try:
        books.inbox.hint(ref, now=one.at)
    except Away:
        books.ledger.spoken.take_back(one.id)
        raise
