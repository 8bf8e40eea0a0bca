"""What could not be done, ref by ref, until it can be: why, since when, how often it was tried, and what is next.

One row for each ref, which the next run that succeeds takes away. A *dead* one is not tried any more by itself; a hint
that comes for it later is worked on at once, like any. Reached through `Ledger.failures`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Engine, Row, and_, delete, func, insert, select, update

from integration.memory import chain, tables
from integration.memory.database import transaction
from integration.stages.model import ADDITIONS, Ref

_X, _F = tables.failures.c, tables.features.c
_LONGEST = 600  # letters of a reason: a tracker's own words may be a page
_DROPPED_FOR = timedelta(days=30)  # so long one that was dropped is kept


class Hopeless(Exception):
    """Nothing can ever be done for a ref, for the reason that this names: its issue was deleted."""


class Kind(StrEnum):
    """Who can do something about an error: nobody but time, the issue's people, the admin; or nothing is to be done."""

    LATER = "later"
    PEOPLE = "people"
    ADMIN = "admin"
    DROP = "drop"


class State(StrEnum):
    """Whether it is tried again by itself."""

    RETRYING = "retrying"
    DEAD = "dead"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Failure:
    """One ref that could not be seen to. `strikes`: how many of the last tries only the admin could have mended."""

    ref: Ref
    kind: Kind
    state: State
    reason: str
    since: datetime
    last_try: datetime
    tries: int = 1
    strikes: int = 0
    next_try: datetime | None = None
    step: str = ""
    told: bool = False  # the living comment says that we could not look
    dropped_by: str = ""
    because: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """All that is open, in short: how many, how many of them are dead, since when, and the reasons of most of them."""

    count: int = 0
    dead: int = 0
    oldest: datetime | None = None
    reasons: tuple[tuple[str, int], ...] = ()


class Failures:
    """The record of what went wrong. Every method raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, ref: Ref) -> Failure | None:
        """What is known of this ref; None where nothing went wrong."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(tables.failures).where(_X.ref == str(ref))).one_or_none()
        return _read(row) if row else None

    def keep(self, failure: Failure) -> None:
        """Write it down, in place of what was known of its ref."""
        row = _written(failure)
        with transaction(self._engine, writes=True) as connection:
            old = (_X.state == State.DROPPED.value, _X.last_try < failure.last_try - _DROPPED_FOR)
            connection.execute(delete(tables.failures).where(*old))
            changed = connection.execute(update(tables.failures).where(_X.ref == row["ref"]).values(**row))
            if not changed.rowcount:
                connection.execute(insert(tables.failures), [row])

    def clear(self, ref: Ref) -> bool:
        """It succeeded; False where nothing was open. What is not there costs one read."""
        if self.of(ref) is None:
            return False
        with transaction(self._engine, writes=True) as connection:
            return bool(connection.execute(delete(tables.failures).where(_X.ref == str(ref))).rowcount)

    def listed(self, *states: State) -> tuple[Failure, ...]:
        """All of these states (of every state, where none is named), the oldest first."""
        wanted = states or tuple(State)
        question = select(tables.failures).where(_X.state.in_(wanted)).order_by(_X.since, _X.ref)
        with transaction(self._engine) as connection:
            return tuple(map(_read, connection.execute(question).all()))

    def revive(self, ref: Ref, now: datetime) -> bool:
        """It is to be tried again, as if it had failed only once; False where nothing is known of it."""
        anew = {"state": State.RETRYING.value, "strikes": 0, "next_try": now, "dropped_by": "", "because": ""}
        return self._change(ref, anew)

    def drop(self, ref: Ref, by: str, because: str) -> bool:
        """Somebody has decided that it is not to be tried any more; False where nothing is known of it."""
        said = {"dropped_by": chain.plain(by)[:255], "because": chain.plain(because)[:_LONGEST]}
        return self._change(ref, {"state": State.DROPPED.value, "next_try": None, **said})

    def _change(self, ref: Ref, values: dict[str, Any]) -> bool:
        with transaction(self._engine, writes=True) as connection:
            return bool(connection.execute(update(tables.failures).where(_X.ref == str(ref)).values(**values)).rowcount)

    def stand(self, most: int = 3) -> Standing:
        """How it stands: which issues are retried or dead, and the reasons of most of them.

        Of the repositories' own rules `Versions` tells more.
        """
        is_rules = _X.ref.startswith(f"{ADDITIONS}:", autoescape=True)
        is_open = and_(_X.state != State.DROPPED.value, ~is_rules)
        dead = func.count().filter(_X.state == State.DEAD.value)
        reasons = select(_X.reason, func.count()).where(is_open).group_by(_X.reason)
        with transaction(self._engine) as connection:
            count, died, oldest = connection.execute(
                select(func.count(), dead, func.min(_X.since)).select_from(tables.failures).where(is_open)
            ).one()
            found = connection.execute(reasons.order_by(func.count().desc(), _X.reason).limit(most)).all()
        return Standing(count, died, oldest, tuple((reason, many) for reason, many in found))

    def last_look(self, ref: Ref) -> tuple[str | None, datetime] | None:
        """The stage that a feature was seen in last, and when that was; None where it is not known."""
        with transaction(self._engine) as connection:
            question = select(_F.stage, _F.checked_at).where(_F.ref == str(ref))
            row = connection.execute(question).one_or_none()
        return (row.stage, row.checked_at) if row else None


def _written(failure: Failure) -> dict[str, Any]:
    row: dict[str, Any] = {one.name: getattr(failure, one.name) for one in fields(failure)}
    kept = {name: chain.plain(row[name])[:_LONGEST] for name in ("reason", "step", "because")}
    named = {"ref": str(failure.ref), "kind": failure.kind.value, "state": failure.state.value}
    return row | kept | named | {"dropped_by": chain.plain(failure.dropped_by)[:255]}


def _read(row: Row[Any]) -> Failure:
    known = {**row._mapping, "ref": Ref.parse(row.ref), "kind": Kind(row.kind), "state": State(row.state)}
    return Failure(**known)
