"""A word that somebody gave on the pages in a party's name, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from integration.stages.model import Person

Word = Literal["ack", "approve", "needs-work"]
LONGEST = 500
"""Letters of a note: as many as a reason on an issue has."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """It counts from `at` on. `by` has the id that the issue's tracker knows, or `web:` and the one of the sign-in."""

    id: str
    party: str
    stage: str
    word: Word
    by: Person
    at: datetime
    note: str = ""


class Became(StrEnum):
    """What became of it."""

    ON_ITS_WAY = "on its way"
    RECORDED = "recorded"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Settled:
    """How it ended: in a comment at `url`, or refused for a reason in words."""

    id: str
    became: Became
    reason: str = ""
    url: str = ""
