"""What reports ask: entries of some kinds over all features, and what the last looks have seen, in one pass each.

A report reads tens of thousands of entries, so their bodies are read without the checks that a feature's own page
makes; one that this release cannot read is left out, and `verify` tells of it. Reached through `Ledger.reports`.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, cast, get_args

import msgspec
from sqlalchemy import ColumnElement, Engine, Select, and_, false, or_, select

from integration.memory import tables
from integration.memory.board import Eyes, seen_by
from integration.memory.database import transaction
from integration.stages.entries import (
    Acknowledged,
    AttemptEnded,
    Ended,
    Entry,
    HandedOver,
    Judged,
    NeedsWork,
    Noticed,
    Outcome,
)
from integration.stages.last_look import Arrival
from integration.stages.model import NOBODY, ClosedAs, Move, Ref
from integration.stages.reports.facts import About, Fact, Looked

_F, _E = tables.features.c, tables.entries.c
_FEATURES_AT_ONCE = 400
_WORDS = ("acknowledged", "approved", "needs_work")


@dataclass(frozen=True, slots=True)
class Over:
    """Over which entries and features. `since` and `until` are of when an entry's fact was; None: no bound."""

    eyes: Eyes
    place: str = ""
    since: datetime | None = None
    until: datetime | None = None
    stage: str = ""  # of verdicts: those on a move to it


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What of a verdict tells that a stage was entered; its gates are most of it, and are left unread."""

    at: datetime
    move: Move
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class _Moved:
    """What of a last look a report reads."""

    moves: tuple[Move, ...] = ()
    before: tuple[Arrival, ...] = ()


@dataclass(frozen=True, slots=True)
class _Ahead:
    """What of a last look tells which stage is next."""

    ahead: str = ""


@dataclass(frozen=True, slots=True)
class Next:
    """A feature, where it stands, and the stage that is next; somebody `asks` for it, or it just lies ahead."""

    about: About
    stage: str
    since: datetime | None
    ahead: str
    asks: bool


_AHEAD = msgspec.json.Decoder(_Ahead)
_LOOK = msgspec.json.Decoder(_Moved)
_DECODERS = {one.__dataclass_fields__["kind"].default: msgspec.json.Decoder(one) for one in get_args(Entry)}
_BRIEF = {**_DECODERS, "judged": msgspec.json.Decoder(_Verdict)}


class Reports:
    """Questions over all features. Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def facts(self, over: Over, *kinds: str) -> list[Fact]:
        """The entries of these kinds, each feature's in their order; verdicts come without their gates."""
        return self._facts(self._question(over, _E.kind.in_(kinds)))

    def shut(self, over: Over, *more: str) -> list[Fact]:
        """The verdicts that found a gate shut, and the entries of `more` kinds."""
        of_stage = (_E.stage == over.stage,) if over.stage else ()
        found_shut = and_(_E.kind == "judged", _E.rule.is_not(None), *of_stage)
        others = _E.kind.in_(more) if more else false()
        return self._facts(self._question(over, or_(found_shut, others)), _DECODERS)

    def around(self, over: Over, kind: str, *kinds: str) -> list[Fact]:
        """The entries of `kinds` of every feature that has one of that `kind`, whenever they were written."""
        has_one = select(_E.feature_id).where(_E.kind == kind)
        always = Over(over.eyes, over.place)
        return self._facts(self._question(always, _E.kind.in_(kinds)).where(_F.id.in_(has_one)))

    def turns(self, over: Over, party: str = "") -> list[Fact]:
        """What tells how long parties took, of the features on which one has answered in that time.

        There are so many that no body is read: each entry has its kind, moment, party and stage, and nothing else.
        """
        words = [_E.kind.in_(_WORDS), *((_E.party == party,) if party else ())]
        words += [_E.at >= over.since] if over.since else []
        words += [_E.at < over.until] if over.until else []
        reached = and_(_E.kind == "noticed", _E.body.contains('"unreached":""', autoescape=True))
        said = and_(or_(reached, _E.kind.in_((*_WORDS, "handed_over"))), *((_E.party == party,) if party else ()))
        stays_out = and_(_E.rule.is_not(None), _E.body.contains('"outcome":"blocked"', autoescape=True))
        settled = or_(and_(_E.kind == "judged", ~stays_out), _E.kind == "attempt_ended")
        within = _E.feature_id.in_(select(tables.entries.c.feature_id).where(*words))
        ever = Over(over.eyes, over.place, until=over.until)
        columns = (_E.feature_id, _E.kind, _E.at, _E.stage, _E.party)
        question = self._question(ever, and_(or_(said, settled), within)).with_only_columns(*columns)
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
            about = self._abouts(connection, {row.feature_id for row in rows})
        with undisturbed():
            return [
                Fact(about[one.feature_id], _turn(one.kind, one.at, one.stage or "", one.party or "")) for one in rows
            ]

    def of_party(self, over: Over, party: str, kinds: Collection[str], limit: int, offset: int) -> list[Fact]:
        """The entries of these kinds that are about the party, newest first."""
        columns = (_E.feature_id, _E.kind, _E.body)
        which = (_E.party == party, _E.kind.in_(kinds), *_there(over))
        newest = (_E.at.desc(), _E.feature_id, _E.seq.desc())
        question = select(*columns).join(tables.features).where(*which).order_by(*newest)
        return self._facts(question.limit(limit).offset(offset))

    def of_features(self, over: Over, ids: Collection[int], *kinds: str) -> list[Fact]:
        """The entries of these kinds of a few features."""
        return self._facts(self._question(over, and_(_E.feature_id.in_(sorted(ids)), _E.kind.in_(kinds))))

    def coming(self, eyes: Eyes, stages: Collection[str], party: str) -> list[Next]:
        """The open features whose next stage is one of these, and that do not wait for the party; newest first."""
        named = _F.awaited.contains(f" {party} ", autoescape=True)
        open_ = (_F.closed == ClosedAs.OPEN.value, _F.frozen.is_(False), _F.stage.is_not(None), ~named)
        question = select(_F.id, _F.ref, _F.title, _F.place, _F.stage, _F.since, _F.wanted, _F.seen).where(
            *open_, _F.seen.is_not(None), *seen_by(eyes)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question.order_by(_F.since.desc())).all()
        ahead = ((row, _ahead(row.seen)) for row in rows)
        return [Next(_about(row), row.stage, row.since, stage, row.wanted is not None)
                for row, stage in ahead if stage in stages]  # fmt: skip

    def looked(self, over: Over) -> list[Looked]:
        """What the last look at each feature saw of its moves."""
        question = select(_F.id, _F.ref, _F.title, _F.place, _F.seen).where(
            _F.seen.is_not(None), _F.frozen.is_(False), *_there(over)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        with undisturbed():
            return [Looked(_about(row), seen.moves, seen.before) for row in rows if (seen := _seen(row.seen))]

    def _question(self, over: Over, which: ColumnElement[bool]) -> Select[Any]:
        narrowed = [which, *_there(over)]
        if over.since is not None:
            narrowed.append(_E.at >= over.since)
        if over.until is not None:
            narrowed.append(_E.at < over.until)
        columns = (_E.feature_id, _E.kind, _E.body)
        return select(*columns).join(tables.features).where(*narrowed).order_by(_E.feature_id, _E.seq)

    def _facts(self, question: Select[Any], decoders: Mapping[str, Any] | None = None) -> list[Fact]:
        decoders = decoders or _BRIEF
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
            about = self._abouts(connection, {row.feature_id for row in rows})
        with undisturbed():
            found = ((row, _entry(decoders, row.kind, row.body)) for row in rows)
            return [Fact(about[row.feature_id], entry) for row, entry in found if entry and row.feature_id in about]

    @staticmethod
    def _abouts(connection: Any, ids: Collection[int]) -> Mapping[int, About]:
        """The features, each once: their names beside each entry would be most of what is read."""
        found: dict[int, About] = {}
        wanted = sorted(ids)
        for start in range(0, len(wanted), _FEATURES_AT_ONCE):
            part = _F.id.in_(wanted[start : start + _FEATURES_AT_ONCE])
            rows = connection.execute(select(_F.id, _F.ref, _F.title, _F.place).where(part)).all()
            found |= {row.id: _about(row) for row in rows}
        return found


@contextmanager
def undisturbed() -> Iterator[None]:
    """Read tens of thousands of small things without Python's looking for circles among them: half of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _there(over: Over) -> list[ColumnElement[bool]]:
    return [*seen_by(over.eyes), *([_F.place == over.place] if over.place else [])]


def _about(row: Any) -> About:
    ref = _ref(row.ref)
    return About(ref, row.title or ref.key, row.place or ref.of_place)


@lru_cache(20_000)
def _ref(text: str) -> Ref:
    return Ref.parse(text)


def _turn(kind: str, at: datetime, stage: str, party: str) -> Entry:
    """The entry, with all that its columns tell of it."""
    match kind:
        case "judged":
            return Judged(at, Move("", "", None, stage, NOBODY, at), Outcome.ADMITTED)
        case "attempt_ended":
            return AttemptEnded(at, "", stage, Ended.MOVED)
        case "noticed":
            return Noticed(at, party, stage, "", NOBODY)
        case "handed_over":
            return HandedOver(at, party, stage, NOBODY)
        case "needs_work":
            return NeedsWork(at, party, stage, NOBODY, "", "")
        case _:
            return Acknowledged(at, party, stage, NOBODY, "")


def _entry(decoders: Mapping[str, Any], kind: str, body: str) -> Entry | None:
    try:
        found = decoders[kind].decode(body)
        return Judged(found.at, found.move, found.outcome) if isinstance(found, _Verdict) else cast("Entry", found)
    except (KeyError, msgspec.MsgspecError):
        return None


def _ahead(body: bytes) -> str:
    try:
        return _AHEAD.decode(body).ahead
    except msgspec.MsgspecError:
        return ""


def _seen(body: bytes) -> _Moved | None:
    try:
        return _LOOK.decode(body)
    except msgspec.MsgspecError:
        return None
