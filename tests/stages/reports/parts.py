"""The small parts of which the tests of reports make their facts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from integration.stages.entries import Entry, Finding, GateResult, Judged, Noticed, Outcome
from integration.stages.file.mappings import Acknowledged, Notified, Rule, Spent
from integration.stages.model import Move, Person, Ref
from integration.stages.reports.answers import Turn
from integration.stages.reports.facts import About, Fact

MONDAY = datetime(2026, 11, 2, 10, 0, tzinfo=UTC)
ERIN, SAM = Person("100", "erin", "Erin"), Person("102", "sam", "Sam")
APP = About(Ref.parse("acme/app#12"), "Dark mode", "github:acme/app")
WEB = About(Ref.parse("acme/web#3"), "Export", "github:acme/web")


def at(hours: float = 0) -> datetime:
    return MONDAY + timedelta(hours=hours)


def of(*entries: Entry, about: About = APP) -> list[Fact]:
    return [Fact(about, one) for one in entries]


def move(was: str | None, to: str | None, hours: float, ours: bool = False, id: str = "") -> Move:
    return Move(id or f"m{hours}", "labels:0", was, to, ERIN, at(hours), ours)


def rule(id: str, *require: object) -> Rule:
    return Rule.model_construct(id=id, require=require, when=(), entering="public", level="block")


RULES = {
    "told": rule("told", Notified.model_construct(party="support", ahead=None, within_stage=None)),
    "seen": rule("seen", Acknowledged.model_construct(party="stakeholders", by=1)),
    "both": rule(
        "both",
        Notified.model_construct(party="support", ahead=None, within_stage=None),
        Acknowledged.model_construct(party="support", by=1),
    ),
    "soak": rule("soak", Spent.model_construct(stage="beta")),
}


def gate(id: str, *oks: bool | None, level: str = "block", waived: str = "") -> GateResult:
    asked = RULES[id].require
    oks = oks or (False,) * len(asked)
    findings = tuple(Finding("says", ok, party=getattr(one, "party", "")) for ok, one in zip(oks, asked, strict=True))
    ok = all(one is True for one in oks)
    return GateResult(id, "public", level, ok, findings, waived=waived)


def judged(outcome: Outcome, *gates: GateResult, hours: float = 0, attempt: str = "", id: str = "") -> Judged:
    return Judged(at(hours), move("beta", "public", hours, id=id), outcome, gates, "v1", attempt)


def noticed(party: str, hours: float, stage: str = "public", unreached: str = "") -> Noticed:
    return Noticed(at(hours), party, stage, f"c{hours}", ERIN, unreached=unreached)


def turns(*entries: Entry) -> Iterator[Turn]:
    """As the ledger picks them: no notice that reached nobody, and no verdict that blocked."""
    for one in entries:
        unreached, blocked = getattr(one, "unreached", ""), getattr(one, "outcome", "") == Outcome.BLOCKED
        if not unreached and not blocked:
            stage = one.move.to or "" if isinstance(one, Judged) else str(getattr(one, "stage", ""))
            yield Turn(one.kind, one.at, stage, getattr(one, "party", ""))
