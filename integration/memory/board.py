"""Where every feature stands: the questions that the pages ask, of what the last look at each has seen.

Every question takes whose eyes they are for (`Eyes`), so that no page can forget to ask. Reached through
`Ledger.board`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, Select, and_, case, func, or_, select

from integration.memory import chain, tables
from integration.memory.database import transaction
from integration.stages.entries import Entry
from integration.stages.last_look import UNSEEN, LastLook
from integration.stages.model import ClosedAs, Ref

_F, _E = tables.features.c, tables.entries.c
_DECODER = msgspec.json.Decoder(LastLook)

Eyes = Collection[str] | None
"""The places (`github:acme/app`, `jira:main/APP`) whose features may be shown; None: all of them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which features: each field narrows them, and an empty one does not."""

    stage: str = ""
    place: str = ""
    party: str = ""  # whose word is awaited or owed
    owner: str = ""
    label: str = ""
    blocked: bool = False
    disagrees: bool = False
    asked: bool = False  # a stage is asked for
    awaits: tuple[str, ...] = ()  # one of these parties is awaited, or owes its word
    text: str = ""  # in the title or the name
    closed_since: datetime | None = None  # of closed ones those that came into their stage since then; None: all


class Feature:
    """A feature as the pages show it: its row, and what the last look saw of it."""

    __slots__ = ("__dict__", "row")

    def __init__(self, row: Row[Any]) -> None:
        self.row = row
        self.ref = Ref.parse(row.ref)
        self.title: str = row.title or self.ref.key
        self.url: str = row.url
        self.stage: str | None = row.stage
        self.owner: str = row.owner
        self.wanted: str | None = row.wanted
        self.awaited: tuple[str, ...] = tuple(row.awaited.split())
        self.owing: tuple[str, ...] = tuple(row.owing.split())
        self.since: datetime | None = row.since
        self.checked_at: datetime = row.checked_at
        self.look_again_at: datetime | None = row.look_again_at
        self.blocked = bool(row.blocked)
        self.disagrees = bool(row.disagrees)
        self.frozen = bool(row.frozen)
        self.closed = ClosedAs(row.closed)

    @cached_property
    def seen(self) -> LastLook:
        """What the last look saw; nothing where it was made by a release that kept none."""
        return read(self.row.seen)


class Board:
    """Questions over all features. Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def counts(self, wanted: Wanted, eyes: Eyes) -> dict[str | None, int]:
        """How many there are in each stage, whatever stage is wanted."""
        question = (
            select(_F.stage, func.count().label("many")).where(*_that(wanted, eyes, any_stage=True)).group_by(_F.stage)
        )
        with transaction(self._engine) as connection:
            return {row.stage: row.many for row in connection.execute(question)}

    def features(self, wanted: Wanted, eyes: Eyes, limit: int, offset: int = 0) -> tuple[Feature, ...]:
        """Those that are wanted: first what somebody asks for a stage of, then the longest in their stage."""
        asked = case((_F.wanted.is_not(None), 0), else_=1)
        order = (asked, _F.since.is_(None), _F.since, _F.id)
        chosen = select(_F.id).where(*_that(wanted, eyes)).order_by(*order).limit(limit).offset(offset)
        with transaction(self._engine) as connection:  # by their ids first: an index has all that is sorted by
            ids = connection.execute(chosen).scalars().all()
            rows = connection.execute(select(tables.features).where(_F.id.in_(ids))).all() if ids else ()
        return tuple(sorted(map(Feature, rows), key=lambda one: ids.index(one.row.id)))

    def outside(self, wanted: Wanted, eyes: Eyes, limit: int) -> tuple[Feature, ...]:
        """Those that stand in no stage, and that somebody has asked for one."""
        that = (*_that(wanted, eyes, any_stage=True), _F.stage.is_(None), _F.wanted.is_not(None))
        return self._features(select(tables.features).where(*that).order_by(_F.id).limit(limit))

    def waiting(self, eyes: Eyes) -> dict[str, int]:
        """For each party, how many features wait for its word, or for one that was promised."""
        question = select(_F.awaited, _F.owing, _F.closed).where(tables.ASKED, _F.frozen.is_(False), *seen_by(eyes))
        found: Counter[str] = Counter()
        with transaction(self._engine) as connection:
            for row in connection.execute(question):
                is_open = row.closed == ClosedAs.OPEN.value
                found.update({*(row.awaited.split() if is_open else ()), *row.owing.split()})
        return dict(found)

    def awaiting(self, party: str, eyes: Eyes) -> tuple[Row[Any], ...]:
        """Those that wait for the party, in short: `id`, `ref`, the stage `wanted` of it, and whether it `owes`."""
        open_ = and_(_F.closed == ClosedAs.OPEN.value, _F.awaited.contains(f" {party} ", autoescape=True))
        owes = _F.owing.contains(f" {party} ", autoescape=True)
        question = select(_F.id, _F.ref, case((open_, _F.wanted)).label("wanted"), owes.label("owes")).where(
            tables.ASKED, *_that(Wanted(party=party), eyes)
        )
        with transaction(self._engine) as connection:
            return tuple(connection.execute(question))

    def those(self, ids: Collection[int], eyes: Eyes) -> dict[int, Feature]:
        """Some of them, by their numbers in the ledger."""
        found = self._features(select(tables.features).where(_F.id.in_(sorted(ids)), *seen_by(eyes)))
        return {one.row.id: one for one in found}

    def feature(self, ref: Ref, eyes: Eyes) -> Feature | None:
        """One of them; None also where these eyes may not see it."""
        found = self._features(select(tables.features).where(_F.ref == str(ref), *seen_by(eyes)))
        return found[0] if found else None

    def history(self, feature: Feature) -> tuple[tuple[int, datetime, Entry], ...]:
        """Its entries: number, when it was written down, and the entry."""
        question = select(_E.seq, _E.recorded_at, _E.body).where(_E.feature_id == feature.row.id).order_by(_E.seq)
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        return tuple((row.seq, row.recorded_at, chain.read_entry(feature.ref, row.seq, row.body)) for row in rows)

    def places(self, eyes: Eyes) -> tuple[str, ...]:
        """Where there are features."""
        return self._texts(select(_F.place).where(_F.place.is_not(None), *seen_by(eyes)).distinct().order_by(_F.place))

    def owners(self, eyes: Eyes) -> tuple[str, ...]:
        """Who has opened them."""
        return self._texts(select(_F.owner).where(_F.owner != "", *seen_by(eyes)).distinct().order_by(_F.owner))

    def _features(self, question: Select[Any]) -> tuple[Feature, ...]:
        with transaction(self._engine) as connection:
            return tuple(map(Feature, connection.execute(question).all()))

    def _texts(self, question: Select[Any]) -> tuple[str, ...]:
        with transaction(self._engine) as connection:
            return tuple(connection.execute(question).scalars())


def _that(wanted: Wanted, eyes: Eyes, any_stage: bool = False) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [_F.frozen.is_(False), *seen_by(eyes)]
    if wanted.stage and not any_stage:
        found.append(_F.stage == wanted.stage)
    if wanted.place:
        found.append(_F.place == wanted.place)
    if wanted.owner:
        found.append(_F.owner == wanted.owner)
    if wanted.label:
        found.append(_F.labels.contains(f"\n{wanted.label.casefold()}\n", autoescape=True))
    if wanted.blocked:
        found.append(_F.blocked.is_(True))
    if wanted.disagrees:
        found.append(_F.disagrees.is_(True))
    if wanted.asked:
        found.append(_F.wanted.is_not(None))
    if wanted.party:
        found.append(_of_party(wanted.party))
    if wanted.awaits:
        found.append(or_(*map(_of_party, wanted.awaits)))
    if wanted.closed_since is not None:
        found.append(or_(_F.closed == ClosedAs.OPEN.value, _F.since >= wanted.closed_since))
    return (*found, *_with(wanted.text))


def _with(text: str) -> list[ColumnElement[bool]]:
    """Every word of it is in the title or in the issue's name."""
    words = text.split()[:8]
    return [
        or_(_F.title.icontains(word, autoescape=True), _F.ref.icontains(word, autoescape=True)) for word in words
    ]  # fmt: skip


def _of_party(party: str) -> ColumnElement[bool]:
    named = f" {party} "
    awaited = and_(_F.closed == ClosedAs.OPEN.value, _F.awaited.contains(named, autoescape=True))
    return or_(awaited, _F.owing.contains(named, autoescape=True))


def seen_by(eyes: Eyes) -> tuple[ColumnElement[bool], ...]:
    """What keeps a question over features to those that these eyes may see."""
    return () if eyes is None else (_F.place.in_(sorted(eyes)),)


# --- as columns -------------------------------------------------------------------------------------------------------


def columns(seen: LastLook) -> dict[str, Any]:
    """What of a last look is in the feature's row."""
    labels = [chain.plain(one).casefold() for one in seen.labels]
    return {
        "since": seen.since,
        "labels": "\n" + "".join(f"{one}\n" for one in labels),
        "blocked": seen.blocked,
        "disagrees": seen.disagrees,
        "seen": msgspec.json.encode(seen),
    }


def read(body: bytes | None) -> LastLook:
    """A last look as it was written; an empty one where none is there, or a release that knew another form wrote it."""
    if body is None:
        return UNSEEN
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError:
        return UNSEEN
