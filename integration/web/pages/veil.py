"""What stands in one feature about another issue is shown to those who may see that, too.

A finding names the issues that it waits for, by their titles; an entry tells where the feature lived before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from integration.stages.entries import Carried, Entry, Finding, GateResult, Judged
from integration.stages.model import Ref, Unnamed
from integration.web.entrance.visitors import Visitor

VEILED = "it waits for issues that are not all shown to you"


def hides(visitor: Visitor) -> Callable[[str], bool]:
    """Of an issue's ref: is it kept from them? What names no issue is, where they may not see everything."""

    def is_hidden(name: str) -> bool:
        try:
            return not visitor.may_see(Ref.parse(name))
        except (Unnamed, ValueError):
            return visitor.places is not None

    return is_hidden


def veiled(gates: Iterable[GateResult], visitor: Visitor) -> tuple[GateResult, ...]:
    """The gates, without what their findings tell of issues that are kept from them."""
    if visitor.places is None:
        return tuple(gates)
    is_hidden = hides(visitor)
    return tuple(replace(gate, findings=tuple(_veiled(one, is_hidden) for one in gate.findings)) for gate in gates)


def _veiled(one: Finding, is_hidden: Callable[[str], bool]) -> Finding:
    one = replace(one, parts=tuple(_veiled(part, is_hidden) for part in one.parts))
    return replace(one, reason=VEILED, evidence=(), waits_for=()) if any(map(is_hidden, one.waits_for)) else one


def is_veiled(entry: Entry | None, visitor: Visitor) -> bool:
    """Does the entry, as the ledger has it, tell of an issue that is kept from them?"""
    if isinstance(entry, Judged):
        return veiled(entry.gates, visitor) != entry.gates
    return isinstance(entry, Carried) and any(map(hides(visitor), (entry.was, entry.now)))
