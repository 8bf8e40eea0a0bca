"""How far each round has come, so that it goes on where it was after a crash, and so that people can see it.

A round goes over what trackers have: a *sweep* compares their issues with the ledger, a *catch-up* asks GitHub for the
deliveries that failed. It consists of stretches (a repository, a project, a webhook), which keep their place: `cursor`
is where the walk over a stretch stands (None: at rest), `reached_at` the time up to which all of it was looked at.
Reached through `Ledger.rounds`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, and_, case, delete, func, or_, select, update

from integration.memory import chain, tables
from integration.memory.database import insert_once, transaction
from integration.stages.model import Ref

_R, _S, _D, _F, _W = (
    tables.rounds.c, tables.stretches.c, tables.failed_deliveries.c, tables.features.c, tables.waits.c
)  # fmt: skip
START = ""  # a cursor: the walk over the stretch is still to be begun
_LONGEST_HINDRANCE, _MOST_HINDRANCES = 500, 5


@dataclass(frozen=True, slots=True)
class Standing:
    """How a round stands. `looked` and `found` count since it began; `hindrance` says what it could not do, and why."""

    name: str
    begun_at: datetime | None = None
    finished_at: datetime | None = None
    again_at: datetime | None = None  # not before
    looked: int = 0
    found: int = 0
    hindrance: str = ""
    met: str = ""  # hindrances of the round under way

    @property
    def under_way(self) -> bool:
        """It has begun, and is not over."""
        return self.begun_at is not None and (self.finished_at is None or self.finished_at < self.begun_at)

    def is_due(self, every: timedelta, now: datetime) -> bool:
        """Is it time to begin it, or to go on with it?"""
        if self.again_at is not None and self.again_at > now:
            return False
        return self.under_way or self.begun_at is None or self.begun_at + every <= now

    def __str__(self) -> str:
        """What people should know of it; begins with "ok" where nothing keeps it from its work."""
        last = f"last done {self.finished_at:%Y-%m-%d %H:%M}Z" if self.finished_at else "not done yet"
        state = self.hindrance.replace("\n", "; ") or ("ok" if self.finished_at else "begins")
        return f"{state}; {last}: {self.looked} looked at, {self.found} found"


@dataclass(frozen=True, slots=True)
class Stretch:
    """One part of a round, and how far it has come."""

    name: str
    cursor: str | None = None
    reached_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of an issue, as far as a sweep compares it."""

    stage: str | None
    checked_at: datetime
    watermark: datetime | None  # what the tracker said at the last look; None: looked at by an earlier release
    frozen: bool = False

    def is_older_than(self, updated: datetime) -> bool:
        """Has the issue changed since it was looked at? Without a watermark the clocks decide, with some slack."""
        return updated > (self.watermark or self.checked_at - _SLACK)


_SLACK = timedelta(minutes=2)
MISSED_AGAIN = timedelta(days=30)  # what is never met, as an archived project, is looked for no more often than that


@dataclass(frozen=True, slots=True)
class Delivery:
    """One attempt of GitHub to deliver something; `guid` is what all attempts of the same have in common."""

    id: int
    guid: str
    at: datetime
    ok: bool
    again: bool = False  # it was asked for: not the first attempt


class Rounds:
    """Where the rounds stand, and what they compare with. Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- how it stands ------------------------------------------------------------------------------------------

    def stand(self) -> tuple[Standing, ...]:
        """Every round that was ever begun, by name."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(tables.rounds).order_by(_R.name)).all()
        return tuple(_standing(row) for row in rows)

    def told(self) -> dict[str, str]:
        """What people should know of each; holds no name of a place, so that any page may show it."""
        return {one.name: str(one) for one in self.stand()}

    def of(self, name: str) -> Standing:
        """One round."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(tables.rounds).where(_R.name == name)).one_or_none()
        return _standing(row) if row else Standing(name)

    # --- going round --------------------------------------------------------------------------------------------

    def begin(self, name: str, stretches: Iterable[str], now: datetime, anew: bool = False) -> None:
        """Begin a round over these stretches; others that it once had rest. Nothing happens if it is under way.

        `anew`: how far an earlier one has come is forgotten.
        """
        wanted = list(dict.fromkeys(stretches))
        with transaction(self._engine, writes=True) as connection:
            insert_once(
                connection, tables.rounds, [{"name": name, "looked": 0, "found": 0, "hindrance": "", "met": ""}]
            )
            row = connection.execute(select(tables.rounds).where(_R.name == name).with_for_update()).one()
            if _standing(row).under_way:
                return
            fresh = {"begun_at": now, "again_at": None, "looked": 0, "found": 0, "met": ""}
            connection.execute(update(tables.rounds).where(_R.name == name).values(**fresh))
            if anew:
                connection.execute(delete(tables.stretches).where(_S.round == name))
            connection.execute(update(tables.stretches).where(_S.round == name).values(cursor=None))
            if wanted:
                insert_once(connection, tables.stretches, [{"round": name, "name": one} for one in wanted])
                mine = and_(_S.round == name, _S.name.in_(wanted))
                connection.execute(update(tables.stretches).where(mine).values(cursor=START))

    def left(self, name: str) -> tuple[Stretch, ...]:
        """The stretches that the round under way has still to go over, those in hand first."""
        question = (
            select(tables.stretches)
            .where(_S.round == name, _S.cursor.is_not(None))
            .order_by(case((_S.cursor == START, 1), else_=0), _S.name)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        return tuple(Stretch(row.name, row.cursor, row.reached_at) for row in rows)

    def stretches(self, name: str) -> tuple[Stretch, ...]:
        """All stretches that the round has ever had."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(tables.stretches).where(_S.round == name).order_by(_S.name)).all()
        return tuple(Stretch(row.name, row.cursor, row.reached_at) for row in rows)

    def reached(
        self, name: str, stretch: str, cursor: str | None, at: datetime | None, looked: int = 0, found: int = 0
    ) -> None:  # fmt: skip
        """The walk over the stretch has come to `cursor` (None: to its end), and all up to `at` was looked at.

        A later time that is known already stays.
        """
        mine = and_(_S.round == name, _S.name == stretch)
        with transaction(self._engine, writes=True) as connection:
            connection.execute(update(tables.stretches).where(mine).values(cursor=cursor))
            if at is not None:
                older = or_(_S.reached_at.is_(None), _S.reached_at < at)
                connection.execute(update(tables.stretches).where(mine, older).values(reached_at=at))
            _count(connection, name, looked, found)

    def count(self, name: str, looked: int, found: int) -> None:
        """The round has looked at so many, and found so many, beside its stretches."""
        with transaction(self._engine, writes=True) as connection:
            _count(connection, name, looked, found)

    def hinder(self, name: str, why: str, again_at: datetime | None = None) -> bool:
        """Something keeps the round from a part of its work; True when nobody was told of it yet.

        With `again_at` all of it waits until then, and when it goes on, that is over.
        """
        why = " ".join(chain.plain(why).split())[:_LONGEST_HINDRANCE]
        with transaction(self._engine, writes=True) as connection:
            insert_once(
                connection, tables.rounds, [{"name": name, "looked": 0, "found": 0, "hindrance": "", "met": ""}]
            )
            row = connection.execute(select(tables.rounds).where(_R.name == name).with_for_update()).one()
            wanted = ("hindrance",) if again_at else ("hindrance", "met")
            told = {column: _lines(getattr(row, column), why) for column in wanted}
            changed = {**told, "again_at": again_at or row.again_at}
            connection.execute(update(tables.rounds).where(_R.name == name).values(**changed))
        return why not in row.hindrance.split("\n")

    def finish(self, name: str, now: datetime, again_at: datetime | None = None) -> None:
        """All stretches are done. What hindered an earlier round, and not this one, is over."""
        over = {"finished_at": now, "hindrance": _R.met, "again_at": again_at}
        with transaction(self._engine, writes=True) as connection:
            connection.execute(update(tables.rounds).where(_R.name == name).values(**over))

    def drop(self, names: Collection[str]) -> None:
        """These rounds are no longer made: a tracker was taken out of the environment."""
        if names:
            with transaction(self._engine, writes=True) as connection:
                for table, column in ((tables.stretches, _S.round), (tables.rounds, _R.name)):
                    connection.execute(delete(table).where(column.in_(names)))

    # --- what a sweep compares with -------------------------------------------------------------------------------

    def known(self, refs: Sequence[Ref]) -> dict[Ref, Known]:
        """Those of the issues that are features, and what the last look at them saw."""
        columns = (_F.ref, _F.stage, _F.checked_at, _F.watermark, _F.frozen)
        question = select(*columns).where(_F.ref.in_([str(one) for one in refs]))
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        return {Ref.parse(row.ref): Known(row.stage, row.checked_at, row.watermark, row.frozen) for row in rows}

    def meet(self, refs: Sequence[Ref], now: datetime) -> None:
        """These are in the tracker's full list."""
        self._note_of(refs, {"met_at": now})

    def miss(self, refs: Sequence[Ref], now: datetime) -> None:
        """These are not, and are looked for."""
        self._note_of(refs, {"missed_at": now})

    def _note_of(self, refs: Sequence[Ref], values: Mapping[str, datetime]) -> None:
        if refs:
            with transaction(self._engine, writes=True) as connection:
                mine = _F.ref.in_([str(one) for one in refs])
                connection.execute(update(tables.features).where(mine).values(**values))

    def unmet(self, at: Ref, since: datetime, after: int, limit: int) -> tuple[tuple[int, Ref], ...]:
        """Features of a tracker (of which `at` is any place) that show a stage, but were not met since then.

        Each once, when it is missed for the first time, and again after `MISSED_AGAIN`; not those that were looked at
        since. In the order of their ids, from the one `after` that.
        """
        begin = f"{at.tracker}:{at.site}/" if at.site else f"{at.tracker}:"
        missed = or_(_F.missed_at.is_(None), _F.missed_at < _F.met_at, _F.missed_at < since - MISSED_AGAIN)
        question = (
            select(_F.id, _F.ref)
            .where(_F.id > after, _F.ref.startswith(begin, autoescape=True), _F.frozen.is_(False))
            .where(_F.stage.is_not(None), _F.checked_at < since, or_(_F.met_at.is_(None), _F.met_at < since), missed)
            .order_by(_F.id)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return tuple((row.id, Ref.parse(row.ref)) for row in connection.execute(question).all())

    def waiting(self, updated: Mapping[Ref, datetime]) -> tuple[Ref, ...]:
        """The features that wait for one of these issues, and were looked at before it changed."""
        question = (
            select(_W.ref.label("awaited"), _F.ref, _F.checked_at)
            .join_from(tables.waits, tables.features)
            .where(_W.ref.in_([str(one) for one in updated]), _F.frozen.is_(False))
            .order_by(_F.id)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        late = (row.ref for row in rows if updated[Ref.parse(row.awaited)] > row.checked_at - _SLACK)
        return tuple(Ref.parse(one) for one in dict.fromkeys(late))

    # --- deliveries that failed -----------------------------------------------------------------------------------

    def note(self, hook: str, seen: Iterable[Delivery]) -> None:
        """These attempts are listed. One that went well settles its delivery, in whatever order they come.

        What went well at the first attempt needs no row: nothing can have come before it.
        """
        told = _by_delivery(seen)
        if not told:
            return
        with transaction(self._engine, writes=True) as connection:
            mine = and_(_D.hook == hook, _D.guid.in_(told))
            known = {row.guid: row for row in connection.execute(select(tables.failed_deliveries).where(mine))}
            fresh = [one for one in told.values() if one.guid not in known and (one.again or not one.ok)]
            if fresh:
                insert_once(connection, tables.failed_deliveries, [_failed(hook, one) for one in fresh])
            for guid, row in known.items():
                one = _together(told[guid], Delivery(row.delivery_id, guid, row.at, row.ok))
                if (one.id, one.ok) != (row.delivery_id, row.ok):
                    same = and_(_D.hook == hook, _D.guid == guid)
                    values = {"delivery_id": one.id, "at": one.at, "ok": one.ok}
                    connection.execute(update(tables.failed_deliveries).where(same).values(**values))

    def to_ask(self, hook: str, now: datetime, limit: int) -> tuple[Delivery, ...]:
        """The failed deliveries that were to be asked for by then, those asked for least first, then the newest."""
        question = (
            select(tables.failed_deliveries)
            .where(_D.hook == hook, _D.ok.is_(False), or_(_D.again_at.is_(None), _D.again_at <= now))
            .order_by(_D.asked, _D.at.desc(), _D.delivery_id.desc())
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        return tuple(Delivery(row.delivery_id, row.guid, row.at, row.ok, row.asked > 0) for row in rows)

    def asked(self, hook: str, one: Delivery, now: datetime, wait: timedelta) -> None:
        """It is asked for now: written down before the request; again not before `wait`, twice as long each time."""
        same = and_(_D.hook == hook, _D.guid == one.guid)
        with transaction(self._engine, writes=True) as connection:
            times = int(connection.execute(select(_D.asked).where(same)).scalar_one())
            values = {"asked": times + 1, "again_at": now + wait * 2 ** min(times, 16)}
            connection.execute(update(tables.failed_deliveries).where(same).values(**values))

    def settle(self, hook: str, guid: str) -> None:
        """Nothing more can be done for it."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(update(tables.failed_deliveries).where(_D.hook == hook, _D.guid == guid).values(ok=True))

    def forget(self, before: datetime) -> None:
        """Whatever was delivered before then can be asked for no more."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(delete(tables.failed_deliveries).where(_D.at < before))

    def failed(self) -> int:
        """How many deliveries are known that have not arrived."""
        with transaction(self._engine) as connection:
            question = select(func.count()).select_from(tables.failed_deliveries).where(_D.ok.is_(False))
            return int(connection.execute(question).scalar_one())


def _lines(told: str, more: str) -> str:
    """What was told, and one more; of very many the first will do."""
    lines = told.split("\n") if told else []
    return "\n".join([*lines, more] if more not in lines and len(lines) < _MOST_HINDRANCES else lines)


def _locked(connection: Connection, name: str) -> Row[Any]:
    """The round's row, made where there is none; ours until the transaction ends."""
    insert_once(connection, tables.rounds, [{"name": name, "looked": 0, "found": 0, "hindrance": "", "met": ""}])
    return connection.execute(select(tables.rounds).where(_R.name == name).with_for_update()).one()


def _by_delivery(seen: Iterable[Delivery]) -> dict[str, Delivery]:
    found: dict[str, Delivery] = {}
    for one in seen:
        found[one.guid] = _together(one, found[one.guid]) if one.guid in found else one
    return found


def _together(one: Delivery, other: Delivery) -> Delivery:
    """Two attempts of the same: the later one, which went well if either did."""
    later = max(one, other, key=lambda each: (each.at, each.id))
    return replace(later, ok=one.ok or other.ok, again=one.again or other.again)


def _count(connection: Connection, name: str, looked: int, found: int) -> None:
    if looked or found:
        more = {"looked": _R.looked + looked, "found": _R.found + found}
        connection.execute(update(tables.rounds).where(_R.name == name).values(**more))


def _standing(row: Row[Any]) -> Standing:
    return Standing(**row._asdict())


def _failed(hook: str, one: Delivery) -> dict[str, object]:
    return {"hook": hook, "guid": one.guid, "delivery_id": one.id, "at": one.at, "ok": one.ok, "asked": 0}
