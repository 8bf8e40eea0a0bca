"""What has escaped: it came into a stage whose gates were not all open, or it stands there blocked.

A move that was put back is none: it was never there. What was waived is none either: somebody has decided it, and it
is among the waivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from integration.stages.entries import Judged, Outcome, Standing
from integration.stages.last_look import Lack, Lacking
from integration.stages.reports.facts import About, Fact, Looked, RulesOf, by_feature
from integration.stages.rules.lacks import lacking


class Kind(StrEnum):
    """How it escaped."""

    NOTICE = "no notice"
    VIEW = "no view"
    SOAK = "no soak"
    STANDING = "standing"


_KINDS = {Lack.NOTICE: Kind.NOTICE, Lack.VIEW: Kind.VIEW, Lack.SOAK: Kind.SOAK}


@dataclass(frozen=True, slots=True)
class Escape:
    """One thing that was missing when a feature came into a stage. `move` names the arrival: it may have lacked more.

    `before`: it came there before the ledger was born, and was looked at by the rules of today.
    """

    about: About
    move: str
    stage: str
    at: datetime
    by: str
    kind: Kind
    party: str = ""
    rule: str = ""
    before: bool = False


def escapes(facts: Iterable[Fact], rules: RulesOf) -> Iterator[Escape]:
    """Those that were judged: `facts` are verdicts, and what stands blocked."""
    for _, of_one in by_feature(facts):
        yield from _of_feature(of_one, rules)


def escaped_before(looked: Iterable[Looked]) -> Iterator[Escape]:
    """Those from before the ledger was born, as the last look at each feature saw them."""
    for one in looked:
        for arrival in one.before:
            about = (one.about, arrival.move, arrival.stage, arrival.at, arrival.by)
            yield from _each(*about, arrival.lacking, before=True)


def _of_feature(facts: Iterable[Fact], rules: RulesOf) -> Iterator[Escape]:
    blocked: dict[str, Judged] = {}  # by the attempt that it belongs to
    last: Judged | None = None
    stood: set[str] = set()
    for fact in facts:
        match fact.entry:
            case Judged(outcome=Outcome.BLOCKED) as judged:
                blocked[judged.attempt or judged.move.id] = last = judged
            case Judged(outcome=Outcome.ADMITTED | Outcome.WARNED) as judged:
                yield from _judged(fact.about, judged, rules)
            case Standing(attempt=attempt, reason=reason) if reason and attempt not in stood:
                stood.add(attempt)
                if (stands := blocked.get(attempt, last)) is not None:
                    yield _standing(fact.about, stands)
            case _:
                pass


def _judged(about: About, judged: Judged, rules: RulesOf) -> Iterator[Escape]:
    known, move = rules(judged.mappings), judged.move
    found = [each for gate in judged.gates for each in lacking(gate, known.get(gate.rule))]
    yield from _each(about, move.id, move.to or "", move.at, str(move.actor), found)


def _standing(about: About, judged: Judged) -> Escape:
    move = judged.move
    return Escape(about, move.id, move.to or "", move.at, str(move.actor), Kind.STANDING)


def _each(
    about: About, move: str, stage: str, at: datetime, by: str, found: Iterable[Lacking], before: bool = False
) -> Iterator[Escape]:
    """Each kind once for each party, whatever number of rules ask for it."""
    seen: set[tuple[Kind, str]] = set()
    for one in found:
        kind = _KINDS.get(one.what)
        if kind is not None and (kind, one.party) not in seen:
            seen.add((kind, one.party))
            yield Escape(about, move, stage, at, by, kind, one.party, one.rule, before)
