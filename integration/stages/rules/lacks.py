"""What it means that a rule was not met: a party was not told, nobody had seen it, it came too soon, or something else.

The three are how things go wrong when features reach customers; reports count by them. A rule's own words decide
which one it is: `notified`, `acknowledged` and `approved`, `spent`. `visited` is about being seen in a rule that also
asks for somebody's word, and about time in any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from integration.stages.entries import Finding, GateResult
from integration.stages.file.mappings import (
    Acknowledged,
    All,
    Any,
    Approved,
    Notified,
    Requirement,
    Rule,
    Spent,
    Visited,
)
from integration.stages.last_look import Lack, Lacking
from integration.stages.rules.gate import is_open, leaves


def kind(asked: Requirement, rule: Rule) -> Lack:
    """Which of them the requirement is about, as a part of that rule."""
    match asked:
        case Notified():
            return Lack.NOTICE
        case Acknowledged() | Approved():
            return Lack.VIEW
        case Spent():
            return Lack.SOAK
        case Visited():
            words = (part for one in rule.require for part in _parts(one))
            return Lack.VIEW if any(isinstance(one, Acknowledged | Approved) for one in words) else Lack.SOAK
        case All() | Any():
            kinds = {kind(one, rule) for one in asked.items}
            return kinds.pop() if len(kinds) == 1 else Lack.OTHER
        case _:
            return Lack.OTHER


def lacking(gate: GateResult, rule: Rule | None) -> Iterator[Lacking]:
    """What was not met of a gate that was judged; nothing where it was open or waived. `rule` is as it was then."""
    if is_open(gate):
        return
    asked = rule.require if rule and len(rule.require) == len(gate.findings) else (None,) * len(gate.findings)
    for one, finding in zip(asked, gate.findings, strict=True):
        if finding.ok is not True:
            yield from _of(finding, one, rule, gate.rule)


def _of(finding: Finding, asked: Requirement | None, rule: Rule | None, id: str) -> Iterator[Lacking]:
    """All of several: each that was not met; else the requirement as a whole."""
    if isinstance(asked, All) and len(asked.items) == len(finding.parts):
        for part, one in zip(finding.parts, asked.items, strict=True):
            if part.ok is not True:
                yield from _of(part, one, rule, id)
        return
    party = (
        finding.party or getattr(asked, "party", "") or next((one.party for one in leaves(finding) if one.party), "")
    )
    yield Lacking(kind(asked, rule) if asked is not None and rule else Lack.OTHER, id, party)


def _parts(asked: Requirement) -> Iterator[Requirement]:
    yield asked
    if isinstance(asked, All | Any):
        for one in asked.items:
            yield from _parts(one)
