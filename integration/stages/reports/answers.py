"""How long parties take to answer: from the first notice of a stage that they have not answered, to their next word.

A word is an acknowledgement, an approval, or what they want mended. What they were told of a stage that the feature
has come into since, or that nobody asks for any more, is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.stages.calendars import later, worked
from integration.stages.file.mappings import Mappings
from integration.stages.reports.facts import About

TOLD, WORDS = ("noticed", "handed_over"), ("acknowledged", "approved", "needs_work")
SETTLED = ("judged", "attempt_ended")
"""Kinds of entries that begin a turn; that end it; after which nobody waits for it any more."""

Asked = tuple[str, str]
"""A party, and the stage that it was told of."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What of an entry tells whose turn it is. A notice that reached nobody is none, nor a verdict that blocked."""

    kind: str
    at: datetime
    stage: str
    party: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A party was told of a stage, and answered."""

    about: About
    party: str
    stage: str
    told: datetime
    answered: datetime

    @property
    def took(self) -> timedelta:
        """How long that was by the clock on the wall."""
        return self.answered - self.told


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer, measured. `working`: in the party's own working time; `in_time` None: the file names no time."""

    answer: Answer
    working: timedelta
    in_time: bool | None


def follow(about: About, turns: Iterable[Turn], born: datetime) -> tuple[list[Answer], dict[Asked, datetime]]:
    """A feature's answers; and what its parties were told of and have not answered, since when.

    Of what was told before the ledger was born only the answers that took long are known: those are left out.
    """
    told: dict[Asked, datetime] = {}
    found: list[Answer] = []
    for one in turns:
        asked = one.party, one.stage
        if one.kind in TOLD:
            told.setdefault(asked, one.at)
        elif one.kind in WORDS:
            since = told.pop(asked, None)
            if since is not None and born <= since <= one.at:
                found.append(Answer(about, one.party, one.stage, since, one.at))
        else:
            for key in [key for key, since in told.items() if key[1] == one.stage and since <= one.at]:
                del told[key]
    return found, told


def timed(found: Iterable[Answer], mappings: Mappings | None) -> Iterator[Timed]:
    """Measured by the calendars and the times of the file in force."""
    for one in found:
        party = mappings.parties.get(one.party) if mappings else None
        calendar = mappings.calendar_of(one.party) if mappings else None
        within = party.respond_within if party else None
        in_time = one.answered <= later(one.told, within, calendar) if within else None
        yield Timed(one, worked(one.told, one.answered, calendar), in_time)


def percentile(values: Iterable[timedelta], part: float) -> timedelta | None:
    """The value below which that part of them lies, between two of them in proportion; None where there is none."""
    ordered = sorted(values)
    if not ordered:
        return None
    place = part * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def parties(found: Iterable[Timed]) -> Mapping[str, list[Timed]]:
    """Each party's answers."""
    grouped: dict[str, list[Timed]] = {}
    for one in found:
        grouped.setdefault(one.answer.party, []).append(one)
    return grouped
