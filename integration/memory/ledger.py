"""The ledger (SQL): what was decided, said, done and seen, feature by feature, appended and never changed.

Each feature has a chain of entries: every one carries the hash of the one before, so that a gap or a change shows. The
number of the last entry is the fence: whoever appends says on which number it builds, and is refused when another has
written since. See docs/decisions/0001-ledger.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, and_, bindparam, delete, insert, or_, select, update

from integration.memory import board, chain, spoken, tables
from integration.memory.agenda import Agenda, written
from integration.memory.audit import Audit
from integration.memory.census import Census
from integration.memory.database import (
    LedgerAway,
    Unreadable,
    bring_up,
    connect_to,
    hurry,
    insert_once,
    refuse_later,
    take_turns,
    transaction,
)
from integration.memory.failures import Failures
from integration.memory.histories import Histories
from integration.memory.reports import Reports
from integration.memory.rounds import Rounds
from integration.memory.spoken import Words
from integration.memory.trials import Trials, note_met
from integration.memory.versions import Under, Versions, is_past
from integration.stages.entries import Carried, Entry, Frozen, Met
from integration.stages.last_look import UNSEEN, LastLook
from integration.stages.model import ClosedAs, Label, Ref

__all__ = ["Appended", "Card", "Ledger", "LedgerAway", "Overtaken", "Recalled", "Unreadable"]

_F, _E = tables.features.c, tables.entries.c
_MOST_WAITS = 100  # issues that one feature waits for; whoever waits for more looks again by the clock


class Overtaken(Exception):
    """Somebody has appended to this feature since it was read: read again and decide anew."""


@dataclass(frozen=True, slots=True)
class Card:
    """How a feature stands now, for the board; replaces what stood there before."""

    title: str
    url: str
    stage: str | None = None
    owner: str = ""  # who opened it, as people call them
    look_again_at: datetime | None = None
    closed: ClosedAs = ClosedAs.OPEN
    wanted: str | None = None  # the stage that the open attempt asks for
    awaited: tuple[str, ...] = ()  # parties
    owing: tuple[str, ...] = ()  # parties that have still to give their word, as somebody has promised
    looked_under: str = ""  # the version of the rules
    under: Under | None = None  # the same as of this look: where another is in force by now, it is looked at again
    waits_for: tuple[str, ...] = ()  # refs of issues whose change may open a gate
    watermark: datetime | None = None  # when the tracker had last changed the issue that was looked at
    met: tuple[Met, ...] = ()  # gates that were shut when something was let through, and are open by now
    seen: LastLook = UNSEEN  # what pages show of it


@dataclass(frozen=True, slots=True)
class Recalled:
    """A feature's entries, oldest first, and the number that the next append must build on."""

    entries: tuple[Entry, ...] = ()
    seq: int = 0
    looked_under: str = ""  # the version of the rules under which it was looked at last


@dataclass(frozen=True, slots=True)
class Appended:
    """What one run has written: each batch of entries with the time at which it was written down, and the card."""

    ref: Ref
    at: datetime
    batches: Sequence[tuple[datetime, Sequence[Entry]]]
    card: Card | None = None


class Ledger:
    """The one door to the database. Safe to share between threads, and to inherit by fork."""

    def __init__(self, engine: Engine, born: datetime) -> None:
        self._engine = engine
        self.born = born
        self.agenda = Agenda(engine)
        self.audit = Audit(engine)
        self.census = Census(engine)
        self.board = board.Board(engine)
        self.reports = Reports(engine)
        self.failures = Failures(engine)
        self.histories = Histories(engine)
        self.rounds = Rounds(engine)
        self.spoken = Words(engine)
        self.trials = Trials(engine)
        self.versions = Versions(engine)

    @classmethod
    def open(cls, url: str, now: datetime | None = None) -> Ledger:
        """Open it, bringing its tables up to date; `now` is its birth when it is new.

        Raises `LedgerAway`, or `Unreadable` for a url that names no ledger and for one of a later release.
        """
        engine = connect_to(url)
        try:
            return cls(engine, bring_up(engine, now or datetime.now(UTC)))
        except BaseException:
            engine.dispose()
            raise

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def ping(self) -> None:
        """Raise `LedgerAway` when the database does not answer."""
        with transaction(self._engine) as connection:
            connection.execute(select(tables.ledger.c.id)).one()

    # what was, and what is new

    def read(self, ref: Ref) -> Recalled:
        """All entries of a feature, and the number to build on; an unknown feature has none, and 0."""
        question = (
            select(_E.seq, _E.body, _F.looked_under).join(tables.features).where(_F.ref == str(ref)).order_by(_E.seq)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        entries = tuple(chain.read_entry(ref, row.seq, row.body) for row in rows)
        return Recalled(entries, rows[-1].seq, rows[-1].looked_under) if rows else Recalled()

    def entries(self, ref: Ref) -> tuple[Entry, ...]:
        """All entries of a feature, oldest first."""
        return self.read(ref).entries

    def append(self, ref: Ref, entries: Sequence[Entry], expected: int, now: datetime, card: Card | None = None) -> int:
        """Write the entries behind number `expected`, all or none, and answer with the new head's number.

        Raises `Overtaken` when `expected` is not the head. Without entries only the card changes, under the same fence.
        """
        with transaction(self._engine, writes=True) as connection:
            if expected == 0:
                insert_once(connection, tables.features, [_new(ref, now)])
            feature = _locked(connection, ref)
            head = feature.seq if feature else 0
            if feature is None or head != expected:
                raise Overtaken(f"{ref} is at entry {head}, not {expected}: another run has written; read it again")
            changes = _write(connection, feature, entries, now) | _shown(card, entries)
            if card is not None and card.under is not None and is_past(connection, ref.place, card.under):
                changes["look_again_at"] = now
            connection.execute(update(tables.features).where(_F.id == feature.id).values(**changes))
            if card is not None:
                _waits(connection, feature.id, card.waits_for)
                note_met(connection, feature.id, card.met, now)
            return int(changes.get("seq", head))

    def begin(self, born: datetime) -> bool:
        """Of a ledger without features: it was born then, and is to be filled in a hurry.

        False where it has some; then nothing changes.
        """
        with transaction(self._engine, writes=True) as connection:
            if connection.execute(select(_F.id).limit(1)).first():
                return False
            connection.execute(update(tables.ledger).values(born_at=born))
        self.born = born
        hurry(self._engine)
        return True

    def append_all(self, runs: Sequence[Appended]) -> None:
        """Runs of many features in one transaction, in their order, as `append` would have written one by one.

        For whoever fills a ledger that nobody else writes to: nothing is fenced.
        """
        with transaction(self._engine, writes=True) as connection:
            heads = _heads_of(connection, runs)
            entries = [row for run in runs for row in _chained(heads[str(run.ref)], run)]
            if entries:
                connection.execute(insert(tables.entries), entries)
            _update_all(connection, list(heads.values()))
            for run in runs:
                if run.card is not None and run.card.waits_for:
                    _waits(connection, heads[str(run.ref)]["id"], run.card.waits_for)
                if run.card is not None:
                    note_met(connection, heads[str(run.ref)]["id"], run.card.met, run.at)

    def looked_under(self, ref: Ref, version: str) -> None:
        """All that this version of the rules made due was done."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(update(tables.features).where(_F.ref == str(ref)).values(looked_under=version))

    def carry(self, old: Ref, new: Ref, now: datetime) -> None:
        """The issue lives elsewhere now: the feature goes on under its new ref, with a `Carried` entry.

        Where the new ref has entries already, both are kept: the new one gets the entry, and the old one rests. A
        second call changes nothing.
        """
        carried = Carried(at=now, was=str(old), now=str(new))
        with transaction(self._engine, writes=True) as connection:
            found = {ref: _locked(connection, ref) for ref in sorted({old, new})}  # in one order: no deadlock
            left, there = found[old], found[new]
            if left is None or old == new:
                return
            _rename_waits(connection, old, new)
            spoken.rename(connection, old, new)
            if there is not None:
                rests = {"look_again_at": None, **_shown_open(None, (), ())}
                connection.execute(update(tables.features).where(_F.id == left.id).values(**rests))
                _waits(connection, left.id, ())
                if self._arrived(connection, there.id, old):
                    return
            feature = there or left
            moved = {"ref": str(new), "place": new.of_place, "frozen": False}
            changes = _write(connection, feature, [carried], now) | moved
            connection.execute(update(tables.features).where(_F.id == feature.id).values(**changes))

    @staticmethod
    def _arrived(connection: Connection, feature_id: int, old: Ref) -> bool:
        """Whether the feature has been told already that it is the old one, too."""
        question = select(_E.body).where(_E.feature_id == feature_id, _E.kind == "carried")
        return any(json.loads(body)["was"] == str(old) for body in connection.execute(question).scalars())

    def waiting_on(self, ref: Ref) -> tuple[Ref, ...]:
        """The features that wait for that issue, oldest first; never a frozen one."""
        question = (
            select(_F.ref)
            .join(tables.waits)
            .where(tables.waits.c.ref == str(ref), _F.frozen.is_(False))
            .order_by(_F.id)
        )
        with transaction(self._engine) as connection:
            return tuple(Ref.parse(one) for one in connection.execute(question).scalars())

    # when to look again

    def due(self, now: datetime, limit: int) -> tuple[Ref, ...]:
        """The features whose time to be looked at has come, the longest waiting first; never a frozen one."""
        question = (
            select(_F.ref)
            .where(_F.look_again_at <= now, _F.frozen.is_(False))
            .order_by(_F.look_again_at, _F.id)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return tuple(Ref.parse(ref) for ref in connection.execute(question).scalars())

    def put_off(self, ref: Ref, at: datetime | None) -> None:
        """Look at the feature again then; with None, not before it is asked for."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(update(tables.features).where(_F.ref == str(ref)).values(look_again_at=at))

    def refs(self) -> tuple[Ref, ...]:
        """Every feature there is, oldest first."""
        with transaction(self._engine) as connection:
            found = connection.execute(select(_F.ref).order_by(_F.id)).scalars()
            return tuple(Ref.parse(ref) for ref in found)

    # names

    def known_names(self, place: str) -> dict[str, tuple[str, ...]]:
        """The names that each label of a place has had, by its id, oldest first."""
        names = tables.label_names.c
        question = (
            select(names.label_id, names.name)
            .where(names.place == place)
            .order_by(names.label_id, names.seen_at, names.name)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        return {label_id: tuple(row.name for row in group) for label_id, group in groupby(rows, attrgetter("label_id"))}

    def learn_names(self, place: str, labels: Iterable[Label], now: datetime) -> None:
        """Remember what a place's labels are called now; a name that came back becomes the newest again."""
        known, names = self.known_names(place), tables.label_names.c
        new = {
            (label.id, name): {"place": place, "label_id": label.id, "name": name, "seen_at": now}
            for label in labels
            if (name := chain.plain(label.name)[:255]) not in known.get(label.id, ())[-1:]
        }
        if new:
            with transaction(self._engine, writes=True) as connection:
                for label_id, name in new:
                    is_this = (names.place == place) & (names.label_id == label_id) & (names.name == name)
                    connection.execute(delete(tables.label_names).where(is_this))
                insert_once(connection, tables.label_names, list(new.values()))

    # is it all still there

    def verify(self, ref: Ref) -> int | None:
        """The number of the first entry that is missing or was changed; None when the chain is whole."""
        question = (
            select(tables.entries, _F.seq.label("last"), _F.head)
            .select_from(tables.features.outerjoin(tables.entries))
            .where(_F.ref == str(ref))
            .order_by(_E.seq)
        )
        with transaction(self._engine) as connection:
            rows = [dict(row) for row in connection.execute(question).mappings()]
        return chain.first_fault(rows) if rows else None

    def anchor(self, now: datetime) -> str:
        """Once a day: a digest over the heads of all chains, and over the anchor before. Answers with the day's.

        Whoever keeps the digest elsewhere (a log will do) can prove later that nothing before it was changed.
        """
        day = now.astimezone(UTC).date()
        anchors = tables.anchors.c
        with transaction(self._engine, writes=True) as connection:
            take_turns(connection, "anchor")
            last = connection.execute(select(tables.anchors).order_by(anchors.day.desc()).limit(1)).one_or_none()
            if last and last.day >= day:
                return str(last.digest)
            chains = connection.execute(_heads()).all()
            new = [(row.id, row.seq, row.head) for row in chains if not row.covered]
            digest = chain.digest(last.digest if last else "", day, new)
            connection.execute(insert(tables.anchors).values(day=day, digest=digest, chains=len(chains)))
            rows = [{"day": day, "feature_id": id, "seq": seq, "head": head} for id, seq, head in new]
            if rows:
                connection.execute(insert(tables.anchored_heads), rows)
            return digest

    def verify_anchors(self) -> list[str]:
        """What no longer fits the anchors, in words; empty when everything does."""
        heads = tables.anchored_heads.c
        with transaction(self._engine) as connection:
            anchors = connection.execute(select(tables.anchors).order_by(tables.anchors.c.day)).all()
            covered = connection.execute(select(tables.anchored_heads).order_by(heads.day, heads.feature_id)).all()
            changed = connection.execute(_changed_heads()).all()
        faults = [f"{row.ref}: entry {row.seq} is not what the anchor of {row.day} covers" for row in changed]
        by_day = {day: list(rows) for day, rows in groupby(covered, attrgetter("day"))}
        previous, seen = "", set[int]()
        for anchor in anchors:
            rows = by_day.get(anchor.day, [])
            seen |= {row.feature_id for row in rows}
            digest = chain.digest(previous, anchor.day, [(row.feature_id, row.seq, row.head) for row in rows])
            if digest != anchor.digest or len(seen) != anchor.chains:
                faults.append(f"the anchor of {anchor.day} does not fit the heads that it covers")
            previous = anchor.digest
        return faults


def _locked(connection: Connection, ref: Ref) -> Row[Any] | None:
    """The feature's row, ours until the transaction ends.

    In the same breath: may this release still write? A later one may have changed the tables under our feet.
    """
    since = select(tables.ledger.c.compatible_since).scalar_subquery().label("works_since")
    question = select(tables.features, since).where(_F.ref == str(ref)).with_for_update()
    row = connection.execute(question).one_or_none()
    if row is not None:
        refuse_later(row.works_since)
    return row


def _new(ref: Ref, at: datetime) -> dict[str, Any]:
    """The row of a feature that nobody has looked at before."""
    return {"ref": str(ref), "place": ref.of_place, "created_at": at, "checked_at": at}


def _heads_of(connection: Connection, runs: Sequence[Appended]) -> dict[str, dict[str, Any]]:
    """The rows of the runs' features; those that are not there yet are made, in the order of the runs."""
    began: dict[str, datetime] = {}
    for run in runs:
        began.setdefault(str(run.ref), run.at)
    found = {row.ref: dict(row._mapping) for row in _rows_of(connection, list(began))}
    if new := [ref for ref in began if ref not in found]:
        rows = [_new(Ref.parse(ref), began[ref]) for ref in new]
        connection.execute(insert(tables.features), rows)
        found |= {row.ref: dict(row._mapping) for row in _rows_of(connection, new)}
    return found


def _rows_of(connection: Connection, refs: Sequence[str]) -> Iterator[Row[Any]]:
    """The features' rows; asked for in parts, as a question has room for so many names."""
    for start in range(0, len(refs), 500):
        yield from connection.execute(select(tables.features).where(_F.ref.in_(refs[start : start + 500])))


def _chained(feature: dict[str, Any], run: Appended) -> list[dict[str, Any]]:
    """The rows of a run, behind the feature's head; the feature's row, as it is in memory, goes on with them."""
    rows: list[dict[str, Any]] = []
    for at, entries in run.batches:
        rows += chain.chained(feature["id"], feature["seq"], feature["head"], entries, at)
        if rows:
            feature |= {"seq": rows[-1]["seq"], "head": rows[-1]["hash"]}
    checked = run.batches[-1][0] if run.batches else run.at
    feature |= {"checked_at": checked, **_shown(run.card, [one for _, some in run.batches for one in some])}
    return rows


def _update_all(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Bring these rows of features to what they are in memory."""
    if rows:
        columns = [name for name in rows[0] if name not in ("id", "ref", "created_at")]
        values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in columns}
        changed = [{"old_id": row["id"], **{f"new_{name}": row[name] for name in columns}} for row in rows]
        connection.execute(update(tables.features).where(_F.id == bindparam("old_id")).values(**values), changed)


def _write(connection: Connection, feature: Row[Any], entries: Sequence[Entry], now: datetime) -> dict[str, Any]:
    """Write the entries behind the feature's head; answers with what changes in the feature's row."""
    rows = chain.chained(feature.id, feature.seq, feature.head, entries, now)
    if not rows:
        return {"checked_at": now}
    connection.execute(insert(tables.entries), rows)
    frozen = feature.frozen or any(isinstance(entry, Frozen) for entry in entries)
    return {"checked_at": now, "seq": rows[-1]["seq"], "head": rows[-1]["hash"], "frozen": frozen}


def _shown(card: Card | None, entries: Sequence[Entry]) -> dict[str, Any]:
    """What a card changes in the feature's row. Whoever brings one has seen the issue: it thaws."""
    if card is None:
        return {}
    return {
        "title": chain.plain(card.title),
        "url": chain.plain(card.url),
        "stage": card.stage,
        "owner": chain.plain(card.owner)[:255],
        "look_again_at": card.look_again_at,
        "closed": card.closed.value,
        "looked_under": card.looked_under,
        "watermark": card.watermark,
        "frozen": any(isinstance(entry, Frozen) for entry in entries),
        **board.columns(card.seen),
        **_shown_open(card.wanted, card.awaited, card.owing),
    }


def _shown_open(wanted: str | None, awaited: Iterable[str], owing: Iterable[str]) -> dict[str, Any]:
    return {"wanted": wanted, "awaited": written(awaited), "owing": written(owing)}


def _waits(connection: Connection, feature_id: int, refs: Iterable[str]) -> None:
    """From now on the feature waits for these issues, and for no other."""
    waits = tables.waits.c
    wanted = _named(refs)
    known = set(connection.execute(select(waits.ref).where(waits.feature_id == feature_id)).scalars())
    if gone := known - wanted:
        connection.execute(delete(tables.waits).where(waits.feature_id == feature_id, waits.ref.in_(gone)))
    if new := wanted - known:
        rows = [{"feature_id": feature_id, "ref": ref} for ref in sorted(new)]
        connection.execute(insert(tables.waits), rows)


def _named(refs: Iterable[str]) -> set[str]:
    """The first of them, as refs are written; what is no ref is left out (a check of somebody's own names anything)."""
    found: dict[str, None] = {}
    for text in refs:
        try:
            ref = str(Ref.parse(text))
        except ValueError:  # `Unnamed`, or a number of thousands of digits
            continue
        if len(ref) <= tables.LONGEST_REF and chain.plain(ref) == ref and len(found) < _MOST_WAITS:
            found[ref] = None
    return set(found)


def _rename_waits(connection: Connection, old: Ref, new: Ref) -> None:
    """Whoever waits for the one waits for the other now."""
    is_old = tables.waits.c.ref == str(old)
    found = connection.execute(select(tables.waits.c.feature_id).where(is_old)).scalars().all()
    if found:
        insert_once(connection, tables.waits, [{"feature_id": id, "ref": str(new)} for id in found])
        connection.execute(delete(tables.waits).where(is_old))


def _heads() -> Select[Any]:
    """The head of each chain, and whether an anchor covers it already; one question, so that all are of one moment."""
    anchored = tables.anchored_heads.c
    same = and_(anchored.feature_id == _F.id, anchored.seq == _F.seq, anchored.head == _F.head)
    covered = select(anchored.day).where(same).exists()
    return select(_F.id, _F.seq, _F.head, covered.label("covered")).where(_F.seq > 0)


def _changed_heads() -> Select[Any]:
    """The anchored heads whose entry is gone, or is another one now."""
    anchored = tables.anchored_heads
    at = and_(_E.feature_id == anchored.c.feature_id, _E.seq == anchored.c.seq)
    return (
        select(_F.ref, anchored.c.seq, anchored.c.day)
        .select_from(anchored.join(tables.features).outerjoin(tables.entries, at))
        .where(or_(_E.hash.is_(None), _E.hash != anchored.c.head))
        .order_by(anchored.c.day, _F.ref)
    )
