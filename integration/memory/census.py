"""The ledger in figures: how many features there are, where they stand, what is open. Names no feature and nobody.

Reached through `Ledger.census`, by whoever watches the service from outside.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, func, select

from integration.memory import tables
from integration.memory.database import transaction
from integration.stages.model import ClosedAs, Ref

_F, _X = tables.features.c, tables.failures.c
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Figures:
    """All of them, of one moment."""

    stages: dict[str, int]  # open features in each
    asked: int
    blocked: int
    disagree: int
    awaited: int
    owing: int
    entries: int
    failures: dict[str, int]  # by state
    anchored: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a feature that something came for."""

    title: str
    checked_at: datetime


class Census:
    """Raises `LedgerAway` as the ledger does."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def figures(self) -> Figures:
        """Count."""
        is_open = (_F.closed == ClosedAs.OPEN.value) & _F.frozen.is_(False)
        wanted = (
            func.count().filter(_F.wanted.is_not(None)), func.count().filter(_F.blocked.is_(True)),
            func.count().filter(_F.disagrees.is_(True)), func.count().filter(_F.awaited != ""),
            func.count().filter(_F.owing != ""),
        )  # fmt: skip
        stages = select(_F.stage, func.count()).where(is_open, _F.stage.is_not(None)).group_by(_F.stage)
        with transaction(self._engine) as connection:
            counts = connection.execute(select(*wanted).where(is_open)).one()
            entries = connection.execute(select(func.coalesce(func.sum(_F.seq), 0))).scalar_one()
            failures = connection.execute(select(_X.state, func.count()).group_by(_X.state)).all()
            by_stage = connection.execute(stages).all()
            day = connection.execute(select(func.max(tables.anchors.c.day))).scalar_one_or_none()
        anchored = datetime.fromisoformat(f"{day}T00:00:00+00:00") if day else None
        return Figures(
            {str(stage): many for stage, many in by_stage}, *counts, int(entries), dict(map(tuple, failures)), anchored
        )

    def known(self, refs: Iterable[Ref]) -> dict[str, Known]:
        """Of these issues those that are features: what they are called, and when they were last looked at."""
        names, found = sorted({str(ref) for ref in refs}), dict[str, Known]()
        with transaction(self._engine) as connection:
            for start in range(0, len(names), _AT_ONCE):
                some = _F.ref.in_(names[start : start + _AT_ONCE])
                rows = connection.execute(select(_F.ref, _F.title, _F.checked_at).where(some))
                found |= {row.ref: Known(row.title, row.checked_at) for row in rows}
        return found
