"""How rules fared: which moves asked for each, which found it shut, and what became of those.

A fold of what the ledger keeps of features. A request is one, however often it was made: its moves are one crossing of
each gate. What a rule in `observe` or `warn` lets through has a fate as well, for its gate is looked at again for as
long as a request would have stayed open (`planning/mending.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from integration.stages.entries import (
    AttemptEnded,
    AttemptJoined,
    Entry,
    Finding,
    GateResult,
    Judged,
    Noticed,
    Outcome,
)
from integration.stages.file.additions import ALWAYS
from integration.stages.file.mappings import Level
from integration.stages.model import Move, Ref
from integration.stages.planning.attempts import EXPIRES
from integration.stages.rules.gate import leaves


class Fate(StrEnum):
    """What became of a move that found a gate shut, or would have."""

    MET = "met later"  # what was missing was given
    TIME = "early"  # nothing but time was missing
    WAIVED = "waived"
    OPEN = "open"  # it is still wanted, or was let through a few days ago
    NEVER = "never met"


@dataclass(frozen=True, slots=True)
class Featured:
    """One feature as the ledger has it. `met` tells of gates, by move and rule, when they were found open after all."""

    ref: Ref
    title: str
    url: str
    entries: tuple[Entry, ...]
    met: Mapping[tuple[str, str], datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One request at one rule's gate. `fate` is there where the gate was shut; `ok` None: it could not be judged.

    `told`: somebody who could give what was missing was told of it. `again`: the rule had stopped the feature before.
    `asked_again` counts how often the same request was made once more.
    """

    rule: str
    ref: Ref
    title: str
    url: str
    move: Move
    at: datetime  # of the verdict
    level: str
    ok: bool | None
    fate: Fate | None = None
    missing: tuple[str, ...] = ()
    told: bool = True
    again: bool = False
    asked_again: int = 0

    @property
    def is_block(self) -> bool:
        """The move was put back; else it would have been, at the level `block`."""
        return self.fate is not None and self.level == Level.BLOCK


@dataclass(frozen=True, slots=True)
class Fared:
    """How one rule fared: every request that asked for it, oldest first."""

    crossings: tuple[Crossing, ...] = ()

    @property
    def judged(self) -> int:
        """How many requests asked for it."""
        return len(self.crossings)

    @property
    def unknown(self) -> int:
        """How many it could not judge."""
        return sum(one.ok is None and one.fate is None for one in self.crossings)

    @property
    def stops(self) -> tuple[Crossing, ...]:
        """Those that it stopped, or would have stopped at the level `block`."""
        return tuple(one for one in self.crossings if one.fate is not None)

    @property
    def blocked(self) -> int:
        """How many it did put back."""
        return sum(one.is_block for one in self.crossings)

    @property
    def repeats(self) -> int:
        """How often it was run into once more: by a feature that knew it, or by the same request."""
        return sum(one.again for one in self.stops) + sum(one.asked_again for one in self.stops)

    @property
    def in_vain(self) -> int:
        """Of those that it stopped or would have: never met, although somebody was told."""
        return sum(one.fate is Fate.NEVER and one.told for one in self.stops)

    def count(self, fate: Fate) -> int:
        """How many it stopped, or would have, that came to this."""
        return sum(one.fate is fate for one in self.crossings)


def fare(features: Iterable[Featured], now: datetime, since: Callable[[str], datetime]) -> dict[str, Fared]:
    """Each rule that was asked for, and how it fared; `since` tells from when on that counts, by rule."""
    return add_up((one for feature in features for one in crossings(feature, now)), since)


def add_up(crossed: Iterable[Crossing], since: Callable[[str], datetime]) -> dict[str, Fared]:
    """The same of crossings, those of one feature in the order of the ledger."""
    found: dict[str, list[Crossing]] = {}
    stopped: set[tuple[str, Ref]] = set()
    for one in crossed:
        if one.at >= since(one.rule):
            known = (one.rule, one.ref) in stopped
            found.setdefault(one.rule, []).append(replace(one, again=True) if one.fate and known else one)
            if one.fate:
                stopped.add((one.rule, one.ref))
    return {rule: Fared(tuple(sorted(all_of, key=_order))) for rule, all_of in found.items()}


def _order(one: Crossing) -> tuple[datetime, str, str]:
    return one.at, str(one.ref), one.move.id


def crossings(feature: Featured, now: datetime) -> Iterator[Crossing]:
    """Each request of one feature at each gate that it came to, in the order of the ledger."""
    for verdicts in _requests(feature.entries).values():
        by_rule: dict[str, list[tuple[Judged, GateResult]]] = {}
        for one in verdicts:
            for gate in one.gates:
                by_rule.setdefault(gate.rule, []).append((one, gate))
        for rule, seen in by_rule.items():
            if rule not in ALWAYS:
                yield _crossing(feature, seen, now)


def _requests(entries: Iterable[Entry]) -> dict[str, list[Judged]]:
    """The verdicts of each request: of one attempt, or of one move that got through at once."""
    found: dict[str, list[Judged]] = {}
    for one in entries:
        if isinstance(one, Judged) and one.outcome is not Outcome.ADOPTED:
            found.setdefault(one.attempt or one.move.id, []).append(one)
    return found


def _crossing(feature: Featured, seen: Sequence[tuple[Judged, GateResult]], now: datetime) -> Crossing:
    """What one rule made of it at first, and what came of that. `seen` are the request's verdicts with its gate."""
    first, gate = seen[0]
    shut = gate.ok is False or (gate.ok is None and bool(gate.waived))
    found = Crossing(gate.rule, feature.ref, feature.title, feature.url, first.move, first.at, gate.level, gate.ok)
    if not shut:
        return found
    missing = [leaf for one in gate.findings for leaf in leaves(one)]
    request = first.attempt
    return replace(
        found,
        fate=_fate(feature, seen, missing, now),
        missing=tuple(dict.fromkeys(f"{one.says}: {one.reason}" if one.reason else one.says for one in missing)),
        told=gate.level != Level.OBSERVE or _told(feature.entries, missing, {gate.stage, first.move.to}),
        asked_again=_asked_again(feature.entries, request, first.at) if request else 0,
    )


def _fate(
    feature: Featured, seen: Sequence[tuple[Judged, GateResult]], missing: Sequence[Finding], now: datetime
) -> Fate:
    if any(gate.waived for _, gate in seen):
        return Fate.WAIVED
    if any(gate.ok for _, gate in seen) or any((one.move.id, gate.rule) in feature.met for one, gate in seen):
        return Fate.MET
    if missing and all(one.look_again_at for one in missing):
        return Fate.TIME
    last = seen[-1][0]
    if last.outcome is not Outcome.BLOCKED:  # let through: as long as a request would have lived, it can be met
        return Fate.OPEN if now - last.at < EXPIRES else Fate.NEVER
    is_over = any(isinstance(one, AttemptEnded) and one.attempt == last.attempt for one in feature.entries)
    return Fate.NEVER if is_over else Fate.OPEN


def _told(entries: Iterable[Entry], missing: Iterable[Finding], stages: set[str | None]) -> bool:
    """Was a party that could give what is missing told of this feature? A rule that only observes tells nobody."""
    parties = {one.party for one in missing if one.party}
    noticed = (one for one in entries if isinstance(one, Noticed) and not one.unreached)
    return any(one.party in parties and one.stage in stages for one in noticed)


def _asked_again(entries: Iterable[Entry], attempt: str, since: datetime) -> int:
    joined = (one for one in entries if isinstance(one, AttemptJoined) and one.attempt == attempt)
    return sum(one.at > since for one in joined)
