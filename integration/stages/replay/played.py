"""What a replay is given beside a history and a file, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from integration.stages.entries import GateResult, Outcome
from integration.stages.model import Move
from integration.stages.moves import Names
from integration.stages.planning.hearing import Answers, Doubt
from integration.stages.rules.case import Custom

AGAIN = "again"
"""The request of a move that asks for what has been let in already."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a replay cannot see in a history: names that labels had, who may speak for whom, your own requirements.

    Who is in a party is known as it is today. `answers` that are missing are named in `Played.doubts`; for now they
    count as no, or, where nobody can be asked (`blind`), as what cannot be read.
    """

    names: Names = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    handles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    custom: Mapping[str, Custom] = field(default_factory=dict)
    blind: bool = False


class End(StrEnum):
    """What became of a blocked request."""

    OPENED = "opened"  # all gates opened: by what people wrote then, or by time
    WENT_ON = "went on"  # the history let it in all the same
    OVER = "over"  # withdrawn, moved elsewhere, or nothing happened for 14 days
    OPEN = "open"  # still open when the history ends


@dataclass(slots=True)
class Request:
    """A move that was blocked at first. `at`: when it ended."""

    id: str
    end: End = End.OPEN
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Weighed:
    """One move that somebody made, as it was judged at first; `request` names the request that it belongs to."""

    move: Move
    outcome: Outcome
    gates: tuple[GateResult, ...] = ()
    request: str = ""

    @property
    def is_first(self) -> bool:
        """It does not ask for the same once more."""
        return self.request in ("", self.move.id)


@dataclass(frozen=True, slots=True)
class Asked:
    """A comment of ours would have mentioned a party: it wants an answer (`asks`), or only tells."""

    party: str
    at: datetime
    stage: str
    asks: bool


@dataclass(frozen=True, slots=True)
class Played:
    """What came of it. `doubts`: of whom it was not known whether they may speak so."""

    weighed: Mapping[str, Weighed] = field(default_factory=dict)
    requests: Mapping[str, Request] = field(default_factory=dict)
    asked: tuple[Asked, ...] = ()
    doubts: frozenset[Doubt] = frozenset()
    wants: frozenset[str] = frozenset()  # parties whose people are to be read
