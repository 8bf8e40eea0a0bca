"""What rules have stopped, warned of and would have stopped, what was waived, and what was promised for later."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from integration.stages.entries import Entry, Judged, Outcome, Owed, Waived
from integration.stages.file.mappings import Level
from integration.stages.model import Ref
from integration.stages.remembered import remember
from integration.stages.reports.facts import About, Fact, by_feature
from integration.stages.rules.gate import is_open


@dataclass(frozen=True, slots=True)
class Stopped:
    """A rule was not met by a move. `level` is what it did about that: block, warn, or observe."""

    about: About
    move: str
    at: datetime
    stage: str
    by: str
    rule: str
    level: str


@dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody waived a rule."""

    about: About
    entry: Waived


@dataclass(frozen=True, slots=True)
class Debt:
    """A party's word that was promised for later. `paid` is when it was given; `over` when it was owed no more."""

    about: About
    entry: Owed
    paid: datetime | None = None
    over: datetime | None = None

    @property
    def is_open(self) -> bool:
        """It is still owed."""
        return self.over is None


def stopped(facts: Iterable[Fact]) -> Iterator[Stopped]:
    """Each rule that a verdict found shut, once for each request; of one that was blocked, only what blocked it."""
    seen: set[tuple[Ref, str, str]] = set()
    for fact in facts:
        if not isinstance(fact.entry, Judged) or fact.entry.outcome is Outcome.ADOPTED:
            continue
        judged, move = fact.entry, fact.entry.move
        is_blocked = judged.outcome is Outcome.BLOCKED
        for gate in judged.gates:
            one = (fact.about.ref, judged.attempt or move.id, gate.rule)
            if not is_open(gate) and (gate.level == Level.BLOCK) == is_blocked and one not in seen:
                seen.add(one)
                yield Stopped(fact.about, move.id, move.at, move.to or "", str(move.actor), gate.rule, gate.level)


def waivers(facts: Iterable[Fact]) -> Iterator[Waiver]:
    """All that were given."""
    for fact in facts:
        if isinstance(fact.entry, Waived):
            yield Waiver(fact.about, fact.entry)


def debts(facts: Iterable[Fact]) -> Iterator[Debt]:
    """All that were made: `facts` are promises, the words that pay them, and requests with their ends."""
    for _, of_one in by_feature(facts):
        entries = [fact.entry for fact in of_one]
        for number, entry in enumerate(entries):
            if isinstance(entry, Owed) and not any(_same(entry, later) for later in entries[number + 1 :]):
                yield _debt(of_one[0].about, entry, entries, number)


def _same(owed: Owed, later: Entry) -> bool:
    """Is it the same promise, written down anew as there is more to say of it?"""
    return isinstance(later, Owed) and (owed.party, owed.stage, owed.at) == (later.party, later.stage, later.at)


def _debt(about: About, owed: Owed, entries: list[Entry], number: int) -> Debt:
    """When it was first not owed any more, as the ledger remembers it."""
    for end in range(number + 1, len(entries)):
        if owed not in remember(entries[: end + 1]).debts:
            last = entries[end]
            is_word = last.kind in ("acknowledged", "approved")
            return Debt(about, owed, last.at if is_word else None, last.at)
    return Debt(about, owed)
