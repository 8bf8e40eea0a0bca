"""The log over all features: every entry that was ever written down, the newest first, as auditors ask for it.

Pages are turned by key, not by count, so that an entry that comes meanwhile moves nothing. Every question takes whose
eyes it is for. Reached through `Ledger.audit`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Engine, Row, and_, or_, select

from integration.memory import chain, tables
from integration.memory.board import Eyes, Feature, seen_by
from integration.memory.database import Unreadable, transaction
from integration.stages.entries import Entry
from integration.stages.model import Ref

_E, _F, _V, _A = tables.entries.c, tables.features.c, tables.mapping_versions.c, tables.anchors.c
_WORDS = 8  # of a search


class Key(NamedTuple):
    """Where a line stands in the log: in this order, the newest first."""

    at: datetime
    feature: int
    seq: int


@dataclass(frozen=True, slots=True)
class Sought:
    """Which lines: each field narrows them, and an empty one does not."""

    text: str = ""  # in the title, the name, the person or the rule
    kinds: tuple[str, ...] = ()
    stage: str = ""
    party: str = ""
    person: str = ""
    rule: str = ""
    place: str = ""
    since: datetime | None = None
    until: datetime | None = None  # not any more


@dataclass(frozen=True, slots=True)
class Line:
    """One entry, where it stands, and what seals it. `entry` None: it is not one that this release can read."""

    key: Key
    ref: Ref
    title: str
    recorded_at: datetime
    previous: str
    hash: str
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Sealed:
    """One entry as an auditor re-computes it: `hash` is the SHA-256 of `previous`, a line's end, and `text`."""

    seq: int
    recorded_at: datetime
    previous: str
    text: str
    hash: str
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """A day's digest over the heads of all chains."""

    day: str
    digest: str
    chains: int


@dataclass(frozen=True, slots=True)
class Anchored:
    """Up to which of its entries a day's anchor covers a feature."""

    day: str
    seq: int
    head: str
    digest: str


class Audit:
    """Questions over all entries. Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def lines(self, sought: Sought, eyes: Eyes, limit: int, before: Key | None = None) -> tuple[Line, ...]:
        """Those that are sought, the newest first; those that stand behind `before` alone."""
        that = [*_that(sought), *seen_by(eyes), *([_behind(before)] if before else [])]
        order = (_E.at.desc(), _E.feature_id.desc(), _E.seq.desc())
        question = select(tables.entries, _F.ref, _F.title).join(tables.features).where(*that).order_by(*order)
        with transaction(self._engine) as connection:
            return tuple(map(_line, connection.execute(question.limit(limit)).all()))

    def features(self, sought: Sought, eyes: Eyes, limit: int, after: int = 0) -> tuple[Feature, ...]:
        """Those of which a line is sought, the oldest first, from the one `after` this number on."""
        named = select(_E.feature_id).join(tables.features).where(*_that(sought), *seen_by(eyes))
        question = select(tables.features).where(_F.id.in_(named), _F.id > after).order_by(_F.id).limit(limit)
        with transaction(self._engine) as connection:
            return tuple(map(Feature, connection.execute(question).all()))

    def sealed(self, feature: Feature) -> tuple[Sealed, ...]:
        """Its entries with all that their hashes are made of."""
        question = select(tables.entries).where(_E.feature_id == feature.row.id).order_by(_E.seq)
        with transaction(self._engine) as connection:
            rows = [dict(row) for row in connection.execute(question).mappings()]
        return tuple(_sealed(feature.ref, row) for row in rows)

    def anchored(self, feature: Feature) -> tuple[Anchored, ...]:
        """The anchors that cover the feature, the oldest first."""
        heads = tables.anchored_heads.c
        question = (
            select(_A.day, heads.seq, heads.head, _A.digest)
            .select_from(tables.anchored_heads.join(tables.anchors))
            .where(heads.feature_id == feature.row.id)
            .order_by(_A.day)
        )
        with transaction(self._engine) as connection:
            return tuple(Anchored(row.day.isoformat(), *row[1:]) for row in connection.execute(question))

    def anchors(self, limit: int) -> tuple[Anchor, ...]:
        """The last days' anchors, the newest first."""
        question = select(tables.anchors).order_by(_A.day.desc()).limit(limit)
        with transaction(self._engine) as connection:
            return tuple(Anchor(row.day.isoformat(), row.digest, row.chains) for row in connection.execute(question))


def _line(row: Row[Any]) -> Line:
    ref, key = Ref.parse(row.ref), Key(row.at, row.feature_id, row.seq)
    entry = _read(ref, row.seq, row.body)
    return Line(key, ref, row.title or ref.key, row.recorded_at, row.previous, row.hash, entry)


def _sealed(ref: Ref, row: Mapping[str, Any]) -> Sealed:
    entry = _read(ref, row["seq"], row["body"])
    return Sealed(row["seq"], row["recorded_at"], row["previous"], chain.covered(row), row["hash"], entry)


def _read(ref: Ref, seq: int, body: str) -> Entry | None:
    """Whoever looks for a changed row is shown all others, too."""
    try:
        return chain.read_entry(ref, seq, body)
    except Unreadable:
        return None


def _behind(key: Key) -> ColumnElement[bool]:
    """Later in the log than this, so older; the first part of it is what an index helps with."""
    same_feature = and_(_E.feature_id == key.feature, _E.seq < key.seq)
    return and_(_E.at <= key.at, or_(_E.at < key.at, _E.feature_id < key.feature, same_feature))


def _that(sought: Sought) -> Sequence[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if sought.kinds:
        found.append(_E.kind.in_(sought.kinds))
    for column, value in ((_E.stage, sought.stage), (_E.party, sought.party), (_F.place, sought.place)):
        if value:
            found.append(column == value)
    if sought.person:
        found.append(_E.person.icontains(sought.person, autoescape=True))
    if sought.rule:
        found.append(_of_rule(sought.rule))
    if sought.since is not None:
        found.append(_E.at >= sought.since)
    if sought.until is not None:
        found.append(_E.at < sought.until)
    return (*found, *(_with(word) for word in sought.text.split()[:_WORDS]))


def _of_rule(rule: str) -> ColumnElement[bool]:
    """A verdict names in its column only the first rule that was shut; its body has all of them."""
    judged = and_(_E.kind == "judged", _E.body.contains(f'"rule":{chain.as_written(rule)}', autoescape=True))
    return or_(_E.rule == rule, judged)


def _with(word: str) -> ColumnElement[bool]:
    return or_(*(one.icontains(word, autoescape=True) for one in (_F.title, _F.ref, _E.person, _E.rule)))
