"""What a gate's verdict hangs on: some of what rules ask for nobody can know of the past.

Text, fields, links, related issues, and checks of your own are judged by the issue as it is today. A verdict that would
be another one, had the issue shown something else then, is one by today's looks, and a report says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from integration.stages.entries import Finding, GateResult
from integration.stages.file import mappings as m
from integration.stages.file.mappings import Mappings, Rule

TODAY = (m.Described, m.Checklist, m.Linked, m.NoOpen, m.Custom)
"""The requirements that look at what the history does not tell of."""


class Weighing:
    """Tells for the rules of one file."""

    def __init__(self, mappings: Mappings) -> None:
        self._doubtful = {
            rule.id: rule
            for rule in mappings.rules
            if any(isinstance(one, TODAY) for top in (*rule.when, *rule.require) for one in _deep(top))
        }

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that ask for something of which the past is not known."""
        return tuple(self._doubtful)

    def is_by_today(self, gate: GateResult) -> bool:
        """Could the gate have stood otherwise then, for all that the history tells?"""
        rule = self._doubtful.get(gate.rule)
        if rule is None:
            return False
        applies = not any(isinstance(one, TODAY) for top in rule.when for one in _deep(top))
        return not applies or _known(rule, gate) is not gate.ok


def _known(rule: Rule, gate: GateResult) -> bool | None:
    """The gate as far as the history tells; None where it does not."""
    return _each(_of(asked, found) for asked, found in zip(rule.require, gate.findings, strict=True))


def _of(asked: m.Requirement, found: Finding) -> bool | None:
    if isinstance(asked, TODAY):
        return None
    if not isinstance(asked, m.Any | m.All | m.None_):
        return found.ok
    parts = [_of(one, part) for one, part in zip(asked.items, found.parts, strict=True)]
    if isinstance(asked, m.All):
        return _each(parts)
    either = True if True in parts else None if None in parts else False
    return either if isinstance(asked, m.Any) or either is None else not either


def _each(oks: Iterable[bool | None]) -> bool | None:
    found = list(oks)
    return False if False in found else None if None in found else True


def _deep(asked: m.Requirement) -> Iterator[m.Requirement]:
    yield asked
    if isinstance(asked, m.Any | m.All | m.None_):
        for one in asked.items:
            yield from _deep(one)
