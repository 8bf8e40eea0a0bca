"""How long parties take to answer: from the first notice of a stage that they have not answered, to their next word.

A word is an acknowledgement, an approval, or what they want mended. What they were told of a stage that the feature
has come into since, or that nobody asks for any more, is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.stages.calendars import later, worked
from integration.stages.entries import (
    Acknowledged,
    Approved,
    AttemptEnded,
    HandedOver,
    Judged,
    NeedsWork,
    Noticed,
    Outcome,
)
from integration.stages.file.mappings import Mappings
from integration.stages.model import NEVER, Ref
from integration.stages.reports.facts import About, Fact, by_feature


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


def answers(facts: Iterable[Fact], born: datetime) -> Iterator[Answer]:
    """All of them: `facts` are notices, words, verdicts and ends of requests.

    What was told before the ledger was born is left out: of that, only the answers that took long are known.
    """
    for of_one in by_feature(facts).values():
        yield from _of_feature(of_one, born)


def unanswered(facts: Iterable[Fact], party: str) -> dict[Ref, dict[str, datetime]]:
    """Of each feature, the stages of which the party was told and has not answered, and when that was."""
    found: dict[Ref, dict[str, datetime]] = {}
    for ref, of_one in by_feature(facts).items():
        told: dict[tuple[str, str], datetime] = {}
        for _ in _of_feature(of_one, NEVER, told):
            pass
        found[ref] = {stage: at for (whose, stage), at in told.items() if whose == party}
    return found


def _of_feature(
    facts: Sequence[Fact], born: datetime, told: dict[tuple[str, str], datetime] | None = None
) -> Iterator[Answer]:
    """Its answers; `told` is what is not answered, at each moment."""
    told = {} if told is None else told
    for fact in facts:
        match fact.entry:
            case Noticed(party=party, stage=stage, at=at, unreached="") | HandedOver(party=party, stage=stage, at=at):
                told.setdefault((party, stage), at)
            case Acknowledged() | Approved() | NeedsWork() as word:
                since = told.pop((word.party, word.stage), None)
                if since is not None and born <= since <= word.at:
                    yield Answer(fact.about, word.party, word.stage, since, word.at)
            case Judged(outcome=outcome, move=move) if outcome is not Outcome.BLOCKED:
                _forget(told, move.to, move.at)
            case AttemptEnded(stage=stage, at=at):
                _forget(told, stage, at)
            case _:
                pass


def _forget(told: dict[tuple[str, str], datetime], stage: str | None, at: datetime) -> None:
    for key in [key for key, since in told.items() if key[1] == stage and since <= at]:
        del told[key]


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
