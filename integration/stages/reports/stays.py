"""How long features stay in their stages, by the moves that the last look at each has seen.

Where a feature was put back from at once counts as not visited, and the time there as time in the stage that it came
back to. What was put back later has been there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.stages.model import Move
from integration.stages.moves import SETTLING, is_forward
from integration.stages.reports.facts import About, Looked


@dataclass(frozen=True, slots=True)
class Stayed:
    """A time in a stage; `until` None: it is there now."""

    about: About
    stage: str
    since: datetime
    until: datetime | None = None

    def took(self, now: datetime) -> timedelta:
        """How long it was, or is by now."""
        return (self.until or now) - self.since


def stays(looked: Iterable[Looked], stages: Sequence[str]) -> Iterator[Stayed]:
    """All of them, those of a feature in their order; `stages` are the file's, lowest first."""
    for one in looked:
        yield from _of(one, stages)


def _of(looked: Looked, stages: Sequence[str]) -> list[Stayed]:
    found: list[Stayed] = []
    for move in looked.moves:
        if _is_put_back(move, found, stages):
            found.pop()
            found[-1] = _until(found[-1], None)
            continue
        here = found[-1] if found and found[-1].until is None else None
        if here and here.stage == move.to:
            continue
        if here:
            found[-1] = _until(here, move.at)
        if move.to is not None:
            found.append(Stayed(looked.about, move.to, move.at))
    return found


def _until(one: Stayed, at: datetime | None) -> Stayed:
    return Stayed(one.about, one.stage, one.since, at)


def _is_put_back(move: Move, found: Sequence[Stayed], stages: Sequence[str]) -> bool:
    """Is it ours, and at once back to where the feature had come from?"""
    if not move.ours or is_forward(move, stages) or len(found) < 2 or move.at - found[-1].since > SETTLING:
        return False
    came, here = found[-2:]
    return (here.stage, came.stage) == (move.was, move.to) and came.until == here.since
