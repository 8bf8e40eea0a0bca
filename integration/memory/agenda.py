"""What is open, over all features, and what the parties were sent of it: the questions that digests and pages ask.

The features' cards answer them; no judgement reads what is here. A digest's row tells how far it has come on one
channel, so that what may have been sent is not sent again. Reached through `Ledger.agenda`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Engine, Select, and_, delete, func, or_, select, update

from integration.memory import chain, tables
from integration.memory.database import insert_once, transaction
from integration.stages.model import ClosedAs, Ref

_F, _E, _D, _O = tables.features.c, tables.entries.c, tables.digests.c, tables.digest_orders.c


def written(parties: Iterable[str]) -> str:
    """Parties as a column holds them: ` growth support `, so that one is found with the blanks around it."""
    return "".join(f" {party}" for party in parties) + " " if (parties := tuple(dict.fromkeys(parties))) else ""


def _names(column: ColumnElement[str], party: str) -> ColumnElement[bool]:
    return column.contains(f" {party} ", autoescape=True)


@dataclass(frozen=True, slots=True)
class Listed:
    """A feature as lists show it."""

    ref: Ref
    title: str
    url: str
    stage: str | None
    wanted: str | None
    awaited: tuple[str, ...]
    owing: tuple[str, ...]
    is_closed: bool = False


class State(StrEnum):
    """How far a digest has come on one channel. `tried` without an end: what became of it is unknown."""

    PLANNED = "planned"
    TRIED = "tried"
    SENT = "sent"
    NOTHING = "nothing"  # there was nothing to say
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Sending:
    """A digest on one channel. `at`: of the last step; `again_at`: it is not to be tried before."""

    party: str
    due_at: datetime
    channel: str
    state: State
    at: datetime
    again_at: datetime | None = None
    note: str = ""

    @property
    def is_open(self) -> bool:
        """Something is still to be done, or to be found out."""
        return self.state in (State.PLANNED, State.TRIED)


class Agenda:
    """Questions over all features, and the record of digests. Every method raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- what is open ---------------------------------------------------------------------------------------------

    def open_for(self, party: str, stages: Collection[str]) -> tuple[Listed, ...]:
        """The features that await the party or its promised word, and those that ask for one of the stages.

        Of a closed issue nobody's word is awaited any more; one that was promised is still owed.
        """
        asks = and_(_F.closed == ClosedAs.OPEN.value, or_(_names(_F.awaited, party), _F.wanted.in_(stages)))
        concerns = or_(asks, _names(_F.owing, party))
        return self._listed(select(tables.features).where(tables.ASKED, concerns, _F.frozen.is_(False)))

    def judged(self, stages: Collection[str], after: datetime, until: datetime) -> tuple[Listed, ...]:
        """The features of which a move to one of the stages was judged in that time, `until` itself included."""
        about = (_E.kind == "judged", _E.stage.in_(stages), _E.at > after, _E.at <= until)
        return self._listed(select(tables.features).where(_F.id.in_(select(_E.feature_id).where(*about))))

    def standing(self) -> tuple[Listed, ...]:
        """Every feature that stands in a stage, as far as the last look at it saw."""
        return self._listed(select(tables.features).where(_F.stage.is_not(None), _F.frozen.is_(False)))

    def _listed(self, question: Select[tuple[object, ...]]) -> tuple[Listed, ...]:
        with transaction(self._engine) as connection:
            rows = connection.execute(question.order_by(_F.id)).all()
        return tuple(
            Listed(
                Ref.parse(row.ref),
                row.title,
                row.url,
                row.stage,
                row.wanted,
                tuple(row.awaited.split()),
                tuple(row.owing.split()),
                row.closed != ClosedAs.OPEN.value,
            )
            for row in rows
        )

    # --- digests --------------------------------------------------------------------------------------------------

    def note_orders(self, terms: Mapping[str, str], now: datetime) -> None:
        """So mappings.yaml orders digests now, by party; what is new or other than before stands there since `now`."""
        with transaction(self._engine) as connection:
            known = {row.party: row.terms for row in connection.execute(select(tables.digest_orders))}
        gone = [party for party in known if known[party] != terms.get(party)]
        other = [party for party in terms if known.get(party) != terms[party]]
        if gone or other:
            with transaction(self._engine, writes=True) as connection:
                for party in gone:
                    was = (_O.party == party, _O.terms == known[party])  # another clock may have been quicker
                    connection.execute(delete(tables.digest_orders).where(*was))
                if other:
                    rows = [{"party": party, "terms": terms[party], "since": now} for party in other]
                    insert_once(connection, tables.digest_orders, rows)

    def ordered(self, party: str) -> tuple[str, datetime] | None:
        """How the party's digest was ordered when that was noted last, and since when; None where it never was."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(_O.terms, _O.since).where(_O.party == party)).one_or_none()
        return (row.terms, row.since) if row else None

    def went_out(self, party: str, since: datetime, before: datetime) -> bool:
        """Whether a digest that was due in that time was sent, or may have been."""
        sent = _D.state.in_([State.SENT.value, State.TRIED.value])
        question = select(_D.due_at).where(_D.party == party, _D.due_at >= since, _D.due_at < before, sent).limit(1)
        with transaction(self._engine) as connection:
            return connection.execute(question).first() is not None

    def covered(self, party: str, channel: str, before: datetime) -> datetime | None:
        """When the last digest before that time was due that arrived on the channel, or had nothing to say there."""
        arrived = _D.state.in_([State.SENT.value, State.NOTHING.value])
        with transaction(self._engine) as connection:
            question = select(func.max(_D.due_at, type_=tables.Instant())).where(
                _D.party == party, _D.channel == channel, _D.due_at < before, arrived
            )
            last: datetime | None = connection.execute(question).scalar_one()
        return last

    def sendings(self, party: str, due_at: datetime) -> tuple[Sending, ...]:
        """How far the digest of that time has come, on each channel; empty when nothing was begun."""
        question = select(tables.digests).where(_D.party == party, _D.due_at == due_at).order_by(_D.channel)
        with transaction(self._engine) as connection:
            rows = connection.execute(question).mappings().all()
        return tuple(Sending(**dict(row) | {"state": State(row["state"])}) for row in rows)

    def plan(self, party: str, due_at: datetime, channels: Iterable[str], now: datetime) -> tuple[Sending, ...]:
        """The digest of that time is to go there; what was planned before stays as it is."""
        rows = [
            {"party": party, "due_at": due_at, "channel": each, "state": State.PLANNED.value, "at": now, "note": ""}
            for each in channels
        ]
        if rows:
            with transaction(self._engine, writes=True) as connection:
                insert_once(connection, tables.digests, rows)
        return self.sendings(party, due_at)

    def step(self, one: Sending, state: State, now: datetime, note: str = "", again_at: datetime | None = None) -> bool:
        """It has come so far. False when another worker has taken it further since it was read."""
        same = (_D.party == one.party, _D.due_at == one.due_at, _D.channel == one.channel)
        unchanged = (_D.state == one.state.value, _D.at == one.at)
        values = {"state": state.value, "at": now, "again_at": again_at, "note": chain.plain(note)}
        with transaction(self._engine, writes=True) as connection:
            return connection.execute(update(tables.digests).where(*same, *unchanged).values(**values)).rowcount == 1

    def put_off(self, one: Sending, again_at: datetime) -> None:
        """The last step stands; not again before that time."""
        same = (_D.party == one.party, _D.due_at == one.due_at, _D.channel == one.channel)
        with transaction(self._engine, writes=True) as connection:
            connection.execute(update(tables.digests).where(*same).values(again_at=again_at))

    def is_over(self, party: str, due_at: datetime) -> bool:
        """All that can be done for the digest of that time is done, or a later one has taken its place."""
        later = select(_D.due_at).where(_D.party == party, _D.due_at > due_at).limit(1)
        with transaction(self._engine) as connection:
            if connection.execute(later).first() is not None:
                return True
        known = self.sendings(party, due_at)
        return bool(known) and not any(one.is_open for one in known)

    def awaits(self, party: str, due_at: datetime, now: datetime) -> bool:
        """Is the digest of that time to be sent now? Not where it is over, nor where it was put off."""
        put_off = (one.again_at is not None and one.again_at > now for one in self.sendings(party, due_at))
        return not self.is_over(party, due_at) and not any(put_off)
