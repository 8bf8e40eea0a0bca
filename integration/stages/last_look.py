"""What the last look saw of a feature, kept for the pages: they ask no tracker, and tell when it was looked at.

Nothing is judged by it. A look writes it anew as a whole; the ledger's entries stay what was decided, said and done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integration.stages.entries import GateResult
from integration.stages.model import Move


class Lack(StrEnum):
    """What a feature came without: the three ways in which things go wrong, and all else that a rule asks for."""

    NOTICE = "notice"  # a party was not told
    VIEW = "view"  # nobody of a party had seen it, or agreed
    SOAK = "soak"  # it had not been long enough where it had to be
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Lacking:
    """One requirement that was not met when a feature came into a stage."""

    what: Lack
    rule: str
    party: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A feature came into a stage, and what it lacked then."""

    move: str
    stage: str
    at: datetime
    by: str
    lacking: tuple[Lacking, ...]


@dataclass(frozen=True, slots=True)
class LastLook:
    """A feature as it was seen. `gates` are those of `ahead`: of the stage that is asked for, else of the next one."""

    since: datetime | None = None  # when it came into its stage
    shown: tuple[tuple[str, str | None], ...] = ()  # each source that shows stages, and which stage it shows
    moves: tuple[Move, ...] = ()  # of all sources, oldest first
    rungs: tuple[str, ...] = ()  # ids of the moves that hold, lowest first
    ahead: str = ""
    gates: tuple[GateResult, ...] = ()
    blocked: bool = False  # the stage is asked for, and a gate that blocks is shut
    step: str = ""  # the next step, in words
    stands: str = ""  # why it was not put back, although its gates are shut
    labels: tuple[str, ...] = ()
    before: tuple[Arrival, ...] = ()  # arrivals of the time before the ledger was born, by today's rules

    @property
    def disagrees(self) -> bool:
        """Do its sources show different stages?"""
        return len({stage for _, stage in self.shown if stage is not None}) > 1


UNSEEN = LastLook()
"""Nothing was seen yet, or by a release that kept nothing of it."""
