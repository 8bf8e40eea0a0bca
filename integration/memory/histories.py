"""Histories that were read from the trackers, kept so that the next what-if is quick and asks for nothing twice.

No judgement reads what is here: it is a copy, may be thrown away at any time (`forget`), and is as old as `read_at`
says. `reach` tells how far the reading of each place has come, so that it goes on there after an interruption.
Reached through `Ledger.histories`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, select

from integration.memory import packed, tables
from integration.memory.database import insert_once, transaction
from integration.stages.model import Issue, Ref

_H, _R, _A = tables.histories.c, tables.reaches.c, tables.answers.c


@dataclass(frozen=True, slots=True)
class Reach:
    """All issues of a place that changed between these two times were read, as they were when they were read."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a stored history. `around`: what was read around the issue, too (`issues`, `pages`)."""

    watermark: datetime
    around: frozenset[str]

    def holds(self, updated: datetime, around: frozenset[str]) -> bool:
        """Need it not be read again, for an issue that changed last then?"""
        return self.watermark >= updated and self.around >= around


class Histories:
    """The store. Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    # --- histories ----------------------------------------------------------------------------------------------

    def keep(self, issues: Sequence[Issue], around: frozenset[str], now: datetime) -> None:
        """This is what the tracker shows of them now; it takes the place of what it showed before."""
        rows = [
            {
                "ref": str(issue.ref),
                "watermark": issue.watermark,
                "read_at": now,
                "around": " ".join(sorted(around)),
                "form": packed.FORM,
                "body": packed.pack(issue),
            }
            for issue in issues
        ]
        with transaction(self._engine, writes=True) as connection:
            connection.execute(delete(tables.histories).where(_H.ref.in_([row["ref"] for row in rows])))
            insert_once(connection, tables.histories, rows)

    def drop(self, ref: Ref) -> None:
        """The issue is there no more, or not under this name."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(delete(tables.histories).where(_H.ref == str(ref)))

    def known(self, refs: Sequence[Ref]) -> dict[Ref, Kept]:
        """Those of the issues whose history is here, in this release's form."""
        question = select(_H.ref, _H.watermark, _H.around).where(
            _H.ref.in_([str(one) for one in refs]), _H.form == packed.FORM
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(question).all()
        return {Ref.parse(row.ref): Kept(row.watermark, frozenset(row.around.split())) for row in rows}

    def changed(self, since: datetime) -> tuple[Ref, ...]:
        """The issues with a history here that changed since then, in the order of their names."""
        question = select(_H.ref).where(_H.watermark >= since, _H.form == packed.FORM).order_by(_H.ref)
        with transaction(self._engine) as connection:
            return tuple(Ref.parse(ref) for ref in connection.execute(question).scalars())

    def packed(self, refs: Iterable[Ref]) -> list[bytes]:
        """Their histories as they lie here; `packed.unpack` reads one."""
        question = select(_H.body).where(_H.ref.in_([str(one) for one in refs])).order_by(_H.ref)
        with transaction(self._engine) as connection:
            return list(connection.execute(question).scalars())

    def read_at(self) -> datetime | None:
        """When the newest of them was read; None where there is none."""
        question = select(_H.read_at).order_by(_H.read_at.desc()).limit(1)
        with transaction(self._engine) as connection:
            found: datetime | None = connection.execute(question).scalar_one_or_none()
        return found

    # --- how far the reading has come -----------------------------------------------------------------------------

    def reach(self, place: str) -> Reach | None:
        """How far the reading of the place has come; None where it was never begun."""
        with transaction(self._engine) as connection:
            row = connection.execute(select(_R.since, _R.until).where(_R.place == place)).one_or_none()
        return Reach(row.since, row.until) if row else None

    def reached(self, place: str, reach: Reach) -> None:
        """It has come so far."""
        with transaction(self._engine, writes=True) as connection:
            connection.execute(delete(tables.reaches).where(_R.place == place))
            row = {"place": place, "since": reach.since, "until": reach.until}
            insert_once(connection, tables.reaches, [row])

    # --- what was asked of the trackers beside ----------------------------------------------------------------------

    def answers(self, since: datetime) -> dict[str, Any]:
        """What trackers said since then, by the name of the question."""
        question = select(_A.question, _A.answer).where(_A.asked_at >= since)
        with transaction(self._engine) as connection:
            return {row.question: json.loads(row.answer) for row in connection.execute(question)}

    def learn(self, answers: Mapping[str, Any], now: datetime) -> None:
        """A tracker said so."""
        rows = [{"question": name, "answer": json.dumps(said), "asked_at": now} for name, said in answers.items()]
        if rows:
            with transaction(self._engine, writes=True) as connection:
                connection.execute(delete(tables.answers).where(_A.question.in_(list(answers))))
                insert_once(connection, tables.answers, rows)

    def forget(self) -> int:
        """Throw all of it away; how many histories there were."""
        with transaction(self._engine, writes=True) as connection:
            count = connection.execute(delete(tables.histories)).rowcount
            connection.execute(delete(tables.reaches))
            connection.execute(delete(tables.answers))
        return count
