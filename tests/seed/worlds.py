"""Seeded worlds, and what a reader finds in their ledgers, to hold it against what the script knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from integration.memory.ledger import Ledger
from integration.seed.telling import World
from integration.stages.entries import Acknowledged, Approved, Entry, Judged, NeedsWork, Noticed, Outcome
from integration.stages.model import Ref
from integration.stages.rules.gate import is_open

NOW = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)  # a Friday
WORLD = World(features=40, months=6, seed=3, now=NOW)
SOON = timedelta(minutes=2)
"""The service answers a few seconds after people have acted."""


def entries(ledger: Ledger, ref: str) -> tuple[Entry, ...]:
    return ledger.entries(Ref.parse(ref))


def blocks(found: tuple[Entry, ...]) -> list[list[str]]:
    """The rules that blocked each request when it was first judged."""
    first: dict[str, list[str]] = {}
    for one in found:
        if isinstance(one, Judged) and one.outcome is Outcome.BLOCKED:
            rules = sorted(gate.rule for gate in one.gates if gate.level == "block" and not is_open(gate))
            first.setdefault(one.attempt, rules)
    return list(first.values())


Answer = tuple[str, str, datetime, datetime]


def answers(found: tuple[Entry, ...], born: datetime) -> list[Answer]:
    """(party, stage, told, answered): from the first notice since the last answer, or since the stage was entered."""
    told: dict[tuple[str, str], datetime] = {}
    answered: list[Answer] = []
    for one in sorted(found, key=lambda one: one.at):
        match one:
            case Noticed(why="told") if one.stage and one.at >= born:
                told.setdefault((one.party, one.stage), one.at)
            case Acknowledged() | Approved() | NeedsWork():
                since = told.pop((one.party, one.stage), None)
                if since is not None and since < one.at:
                    answered.append((one.party, one.stage, since, one.at))
            case Judged() if one.outcome is not Outcome.BLOCKED:
                told = {key: at for key, at in told.items() if key[1] != one.move.to}
    return sorted(answered)


def told_before(found: tuple[Entry, ...], party: str, at: datetime) -> bool:
    return any(isinstance(one, Noticed) and one.party == party and one.at < at for one in found)
