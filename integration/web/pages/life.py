"""A feature's life as a picture: a lane with its stages as bands, and marks on it for what was said and decided.

Places on the lane are in percent of its width, so that it fits a phone and a wall. The history below it tells the same
in words, for whoever does not see pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.stages.model import Move
from integration.stages.texts.chronicle import Mark, Told

MARKED: dict[Mark, tuple[str, int]] = {
    # the mark, and its row: above the lane what people were told and said, below it what kept the feature, or let it by
    "told": ("told", 0),
    "seen": ("seen", 1),
    "agreed": ("agreed", 1),
    "shut": ("blocked", 3),
    "trouble": ("trouble", 3),
    "waived": ("waived", 4),
    "held": ("held", 4),
    "owed": ("owed", 4),
}
_LEAST = timedelta(hours=1)
_Scale = Callable[[datetime], float]


@dataclass(frozen=True, slots=True)
class Band:
    """A stay in a stage. `x` and `width` in percent of the lane."""

    stage: str
    x: float
    width: float
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Point:
    """Something that happened. `x` in percent of the lane."""

    kind: str
    row: int
    x: float
    told: Told


@dataclass(frozen=True, slots=True)
class Life:
    """The picture. `days` are (percent, when) of the lines that tell the time."""

    bands: tuple[Band, ...]
    points: tuple[Point, ...]
    days: tuple[tuple[float, datetime], ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of marks that are on it, each once."""
        return tuple(dict.fromkeys(one.kind for one in sorted(self.points, key=lambda one: one.row)))


def life(moves: Sequence[Move], history: Iterable[Told], now: datetime) -> Life:
    """The picture of these moves and entries, until now."""
    marked = [one for one in history if one.mark in MARKED and not one.small]
    times = [*(one.at for one in moves), *(one.at for one in marked)]
    begin = min(times, default=now - _LEAST)
    span = max(now - begin, _LEAST)

    def x(at: datetime) -> float:
        return round(100 * min(max((at - begin) / span, 0), 1), 3)

    return Life(
        tuple(_bands(moves, now, x)),
        tuple(Point(*MARKED[one.mark], x(one.at), one) for one in marked),
        tuple((x(at), at) for at in _days(begin, span)),
    )


def _bands(moves: Sequence[Move], now: datetime, x: _Scale) -> Iterable[Band]:
    for move, after in zip(moves, (*moves[1:], None), strict=True):
        if move.to is not None:
            until = after.at if after else None
            yield Band(move.to, x(move.at), round(x(until or now) - x(move.at), 3), move.at, until)


def _days(begin: datetime, span: timedelta) -> Iterable[datetime]:
    """Four moments, evenly spread; the lane's right end is now."""
    return (begin + span * part / 4 for part in range(4))
