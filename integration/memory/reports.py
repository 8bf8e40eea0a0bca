"""What reports ask: entries of some kinds over all features, and what the last looks have seen, in one pass each.

A report reads tens of thousands of entries, so their bodies are read without the checks that a feature's own page
makes; one that this release cannot read is left out, and `verify` tells of it. What is read is handed on one by one, so
that little of it is there at once. Reached through `Ledger.reports`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Engine, LargeBinary, Select, and_, func, or_, select

from integration.memory import chain, tables
from integration.memory.board import Eyes, seen_by
from integration.memory.database import transaction
from integration.stages.entries import Entry, Finding, GateResult, Judged, Outcome
from integration.stages.last_look import Arrival
from integration.stages.model import ClosedAs, Move, Ref
from integration.stages.reports.answers import SETTLED, TOLD, WORDS, Turn
from integration.stages.reports.facts import About, Fact, Looked

T = TypeVar("T")
_F, _E = tables.features.c, tables.entries.c
_FACT = (_E.feature_id, _E.kind, _E.body, _F.ref, _F.title, _F.place)
_FEATURES_AT_ONCE = 400
_NONE_BEFORE = b'"before":[]}'  # how a last look ends that saw no arrival of before the ledger was born


@dataclass(frozen=True, slots=True)
class Over:
    """Over which entries and features. `since` and `until` are of when an entry's fact was; None: no bound."""

    eyes: Eyes
    place: str = ""
    since: datetime | None = None
    until: datetime | None = None
    stage: str = ""  # of verdicts: those on a move to it


Head = tuple[int, str, str, str | None]
"""The number of a feature's last entry, its ref, title and place: as long as they are so, its entries are the same."""


@dataclass(frozen=True, slots=True)
class _Gate:
    """A gate whose findings, which are most of it, are left as they are written."""

    rule: str
    stage: str
    level: str
    ok: bool | None
    findings: msgspec.Raw
    waived: str = ""

    def read(self, findings: bool) -> GateResult:
        """The gate, with its findings or without them."""
        found = _FINDINGS.decode(self.findings) if findings else ()
        return GateResult(self.rule, self.stage, self.level, self.ok, found, waived=self.waived)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """A verdict with such gates."""

    at: datetime
    move: Move
    outcome: Outcome
    gates: tuple[_Gate, ...] = ()
    mappings: str = ""
    attempt: str = ""


@dataclass(frozen=True, slots=True)
class _Moved:
    """What of a last look tells how long a feature stayed."""

    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True)
class _Before:
    """What of a last look tells of the time before the ledger was born."""

    before: tuple[Arrival, ...] = ()


@dataclass(frozen=True, slots=True)
class Next:
    """A feature, where it stands, and the stage that is next; somebody `asks` for it, or it just lies ahead."""

    about: About
    stage: str
    since: datetime | None
    ahead: str
    asks: bool


_MOVED, _BEFORE = msgspec.json.Decoder(_Moved), msgspec.json.Decoder(_Before)
_VERDICT = msgspec.json.Decoder(_Verdict)
_FINDINGS = msgspec.json.Decoder(tuple[Finding, ...])

Read = Callable[[str, str], Entry | None]
"""How an entry of a kind is read from its body; None for what this release cannot read."""


class Reports:
    """Questions over all features. Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def facts(self, over: Over, *kinds: str) -> Iterator[Fact]:
        """The entries of these kinds, each feature's in their order."""
        return self._facts(self._question(over, _E.kind.in_(kinds)))

    def shut(self, over: Over) -> Iterator[Fact]:
        """The verdicts that found a gate shut: with those gates alone, and without their findings."""
        return self._facts(self._question(over, _found_shut(over)), _stop)

    def let_in(self, over: Over) -> Iterator[Fact]:
        """The same, and what stands blocked; with their findings where the move was let through."""
        return self._facts(self._question(over, or_(_found_shut(over), _E.kind == "standing")), _passage)

    def around(self, over: Over, kind: str, *kinds: str) -> Iterator[Fact]:
        """The entries of `kinds` of every feature that has one of that `kind`, whenever they were written."""
        has_one = select(_E.feature_id).where(_E.kind == kind)
        always = Over(over.eyes, over.place)
        return self._facts(self._question(always, _E.kind.in_(kinds)).where(_F.id.in_(has_one)))

    def heads(self, over: Over) -> dict[int, Head]:
        """Each feature's."""
        question = select(_F.id, _F.seq, _F.ref, _F.title, _F.place).where(_F.seq > 0, *_there(over)).order_by(_F.id)
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        return {id: (seq, ref, title, place) for id, seq, ref, title, place in rows}

    def turns(self, ids: Collection[int]) -> Iterator[tuple[int, list[Turn]]]:
        """What tells how long parties took, of each of these features.

        There are so many that no body is read: each entry has its kind, moment, party and stage, and nothing else.
        """
        reached = and_(_E.kind == "noticed", _E.body.contains('"unreached":""', autoescape=True))
        stays_out = and_(_E.rule.is_not(None), _E.body.contains('"outcome":"blocked"', autoescape=True))
        settled = and_(_E.kind == "judged", ~stays_out)
        kinds = _E.kind.concat("").in_((*TOLD, *WORDS, *SETTLED))  # by the features' index, not by that of kinds
        counts = or_(reached, settled, _E.kind.not_in(("noticed", "judged")))
        question = select(_E.feature_id, _E.kind, _E.at, _E.stage, _E.party).order_by(_E.feature_id, _E.seq)
        for some in _parts(ids):
            with transaction(self._engine) as connection:
                rows = connection.execute(question.where(_E.feature_id.in_(some), kinds, counts)).all()
            for id, group in groupby(rows, itemgetter(0)):
                yield id, [Turn(kind, at, stage or "", party or "") for _, kind, at, stage, party in group]

    def of_party(self, over: Over, party: str, kinds: Collection[str], limit: int, offset: int) -> list[Fact]:
        """The entries of these kinds that are about the party, newest first."""
        which = (_E.party == party, _E.kind.in_(kinds), *_there(over))
        newest = (_E.at.desc(), _E.feature_id, _E.seq.desc())
        first = select(_E.feature_id, _E.seq).join(tables.features).where(*which).order_by(*newest)
        key = first.limit(limit).offset(offset).subquery().c  # what is sorted has no bodies
        same = and_(_E.feature_id == key.feature_id, _E.seq == key.seq)
        question = select(*_FACT).join(tables.features).join(key.feature_id.table, same)
        return list(self._facts(question.order_by(*newest)))

    def of_features(self, over: Over, ids: Collection[int], *kinds: str) -> list[Fact]:
        """The entries of these kinds of a few features."""
        these = _E.kind.concat("").in_(kinds)
        return [
            one for some in _parts(ids)
            for one in self._facts(self._question(over, and_(_E.feature_id.in_(some), these)))
        ]  # fmt: skip

    def coming(
        self, eyes: Eyes, stages: Collection[str], beyond: Collection[str], party: str, limit: int
    ) -> tuple[list[Next], int]:
        """The open features whose next stage is one of these, and that do not wait for the party, newest first.

        The first of them, and how many there are. `beyond` are the stages before which none of these lies.
        """
        named = _F.awaited.contains(f" {party} ", autoescape=True)
        open_ = (_F.closed == ClosedAs.OPEN.value, _F.frozen.is_(False), _F.stage.not_in(list(beyond)), ~named)
        question = select(_F.id, _F.seen).where(*open_, _F.seen.is_not(None), *seen_by(eyes)).order_by(_F.since.desc())
        written = {stage: b'"ahead":' + msgspec.json.encode(stage) for stage in stages}
        with transaction(self._engine) as connection:
            found = {
                id: stage for id, seen in connection.execute(question).all()
                for stage, ahead in written.items() if ahead in seen
            }  # fmt: skip
            these = _F.id.in_(list(found)[:limit])
            some = select(_F.id, _F.ref, _F.title, _F.place, _F.stage, _F.since, _F.wanted).where(these)
            rows = {row.id: row for row in connection.execute(some)}
        return [
            Next(_about(row), row.stage, row.since, stage, row.wanted is not None)
            for id, stage in found.items() if (row := rows.get(id))
        ], len(found)  # fmt: skip

    def moved(self, over: Over) -> Iterator[Looked]:
        """The moves that the last look at each feature saw."""
        for row in self._seen(over):
            if seen := _read(_MOVED, row.seen):
                yield Looked(_about(row), seen.moves)

    def came_before(self, over: Over) -> Iterator[Looked]:
        """The arrivals of before the ledger was born that the last look at each feature saw, where it saw any."""
        end = func.substr(_F.seen, func.length(_F.seen) - len(_NONE_BEFORE) + 1, type_=LargeBinary)
        for row in self._seen(over, end != _NONE_BEFORE):
            if seen := _read(_BEFORE, row.seen):
                yield Looked(_about(row), (), seen.before)

    def _seen(self, over: Over, *which: ColumnElement[bool]) -> Iterator[Any]:
        question = select(_F.id, _F.ref, _F.title, _F.place, _F.seen).where(
            _F.seen.is_not(None), _F.frozen.is_(False), *which, *_there(over)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question.order_by(_F.id)).all()
        yield from rows

    def _question(self, over: Over, which: ColumnElement[bool]) -> Select[Any]:
        narrowed = [which, *_there(over)]
        if over.since is not None:
            narrowed.append(_E.at >= over.since)
        if over.until is not None:
            narrowed.append(_E.at < over.until)
        return select(*_FACT).join(tables.features).where(*narrowed).order_by(_E.feature_id, _E.seq)

    def _facts(self, question: Select[Any], read: Read = chain.glance) -> Iterator[Fact]:
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        known: dict[int, About] = {}
        for id, kind, body, *names in rows:
            entry = read(kind, body)
            if entry is not None:
                if id not in known:
                    known[id] = about(*names)
                yield Fact(known[id], entry)


def _parts(ids: Collection[int]) -> Iterator[list[int]]:
    """In their order, so many as one question may name."""
    wanted = sorted(ids)
    for start in range(0, len(wanted), _FEATURES_AT_ONCE):
        yield wanted[start : start + _FEATURES_AT_ONCE]


def _found_shut(over: Over) -> ColumnElement[bool]:
    of_stage = (_E.stage == over.stage,) if over.stage else ()
    return and_(_E.kind == "judged", _E.rule.is_not(None), *of_stage)


def _there(over: Over) -> list[ColumnElement[bool]]:
    return [*seen_by(over.eyes), *([_F.place == over.place] if over.place else [])]


def about(name: str, title: str, place: str | None) -> About:
    """A feature, by what its row says."""
    ref = _ref(name)
    return About(ref, title or ref.key, place or ref.of_place)


def _about(row: Any) -> About:
    return about(row.ref, row.title, row.place)


@lru_cache(20_000)
def _ref(text: str) -> Ref:
    return Ref.parse(text)


def _stop(kind: str, body: str) -> Entry | None:
    """A verdict with the gates that it found shut, without their findings."""
    return _verdict(body, False)


def _passage(kind: str, body: str) -> Entry | None:
    """A verdict with the gates that it found shut; of one that blocked without their findings."""
    return _verdict(body, True) if kind == "judged" else chain.glance(kind, body)


def _verdict(body: str, findings: bool) -> Judged | None:
    try:
        found = _VERDICT.decode(body)
        whole = findings and found.outcome is not Outcome.BLOCKED
        gates = tuple([one.read(whole) for one in found.gates if not one.ok])
    except msgspec.MsgspecError:
        return None
    return Judged(found.at, found.move, found.outcome, gates, found.mappings, found.attempt)


def _read(decoder: msgspec.json.Decoder[T], body: bytes) -> T | None:
    try:
        return decoder.decode(body)
    except msgspec.MsgspecError:
        return None
