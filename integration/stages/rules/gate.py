"""judge(): every rule that a move crosses, applied to it, gives one verdict. The strictest failing level wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from integration.stages.entries import Evidence, Finding, GateResult, NeedsWork, Outcome, Owed, Waived
from integration.stages.file.mappings import Level, Mappings, NotOnHold, Rule
from integration.stages.moves import rank
from integration.stages.rules.case import Case
from integration.stages.rules.catalogue import evaluate, handed_back
from integration.stages.rules.terms import not_on_hold

PATIENCE = timedelta(minutes=10)
"""So long a requirement that cannot be evaluated is neither admitted nor blocked; then `on_error` decides."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish to go from `was` to `to`, asked for at `asked_at`; `steps` are the moves by which it was asked for."""

    was: str | None
    to: str
    asked_at: datetime
    steps: tuple[tuple[str | None, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of one ask. `outcome` None: it cannot be said yet; `look_again_at` tells when to try."""

    outcome: Outcome | None
    gates: tuple[GateResult, ...] = ()
    look_again_at: datetime | None = None
    awaiting: tuple[str, ...] = ()  # parties that are awaited although they have been told by now

    @property
    def shown(self) -> tuple[GateResult, ...]:
        """The gates that people are told of: a rule that only observes is in the ledger, and on no issue."""
        return tuple(gate for gate in self.gates if gate.level != Level.OBSERVE)

    @property
    def failing(self) -> tuple[GateResult, ...]:
        """The gates that are not open, strictest first, those that only observe left out."""
        shut = [gate for gate in self.shown if not is_open(gate)]
        return tuple(sorted(shut, key=lambda gate: gate.level != Level.BLOCK))

    @property
    def missing(self) -> tuple[Finding, ...]:
        """What keeps the failing gates shut, each thing once."""
        found = (leaf for gate in self.failing for finding in gate.findings for leaf in leaves(finding))
        return tuple(dict.fromkeys(found))

    @property
    def unknown(self) -> bool:
        """Is there a gate that could not be evaluated, among those that people are told of?"""
        return any(gate.ok is None and not gate.waived for gate in self.shown)

    @property
    def agreeing(self) -> tuple[str, ...]:
        """The parties of which nothing is wanted but that they agree to a route."""
        more = {one.party for one in self.missing if not one.route}
        return tuple(dict.fromkeys(one.party for one in self.missing if one.route and one.party not in more))

    @property
    def shut(self) -> tuple[Finding, ...]:
        """What keeps the gates shut that block."""
        blocking = (gate for gate in self.failing if gate.level == Level.BLOCK)
        return tuple(dict.fromkeys(leaf for gate in blocking for one in gate.findings for leaf in leaves(one)))

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The issues (as refs) whose change may open a gate."""
        return tuple(dict.fromkeys(ref for finding in self.missing for ref in finding.waits_for))

    @property
    def awaited(self) -> tuple[str, ...]:
        """The parties that can open a gate, in the order of the findings."""
        missing = (finding.party for finding in self.missing if finding.party)
        return tuple(dict.fromkeys((*self.awaiting, *missing)))


def is_open(gate: GateResult) -> bool:
    """Open: met, or waived."""
    return gate.ok is True or bool(gate.waived)


def only_tells(gates: Iterable[GateResult]) -> bool:
    """Did one of the gates that blocked say that the move is then left to people?"""
    return any(one.level == Level.BLOCK and not is_open(one) and one.when_cleared == "tell" for one in gates)


def leaves(finding: Finding) -> tuple[Finding, ...]:
    """The unmet ends of a finding; a `none` that fails is one itself."""
    if finding.ok is True:
        return ()
    if finding.negated:
        return (finding,)
    below = tuple(leaf for part in finding.parts for leaf in leaves(part))
    return below or (finding,)


def crossed(rule: Rule, ask: Ask, stages: Sequence[str], route: Sequence[str] | None = None) -> bool:
    """Does this ask go through this rule's gate? A jump crosses the gates of the stages that it jumps over.

    A stage that the agreed `route` leaves out is not asked for, unless somebody moves to it all the same.
    """
    if rule.effective is not None and ask.asked_at < rule.effective:
        return False
    return any(_crosses(rule, was, to, stages, route) for was, to in dict.fromkeys(((ask.was, ask.to), *ask.steps)))


def _crosses(rule: Rule, was: str | None, to: str, stages: Sequence[str], route: Sequence[str] | None) -> bool:
    if rule.from_ is not None and rule.from_ != was:
        return False
    if rule.entering is not None:
        left_out = route is not None and rule.entering != to and rule.entering not in route
        return not left_out and rank(was, stages) < rank(rule.entering, stages) <= rank(to, stages)
    return rule.leaving == was


def judge(ask: Ask, mappings: Mappings, case_for: CaseFor) -> Verdict:
    """Apply every rule that the ask crosses; `case_for` gives each gate the evidence that counts for its stage.

    What cannot be evaluated waits from when it was first found so: a single failed read never opens a gate.
    """
    stages = list(mappings.stages)
    gates = []
    for rule in mappings.rules:
        if crossed(rule, ask, stages, case_for.case.route):
            case = replace(case_for.stage(rule.entering or ask.to), may_owe=rule.later is not None)
            gates += _guarded(rule, ask, case) if mappings.has_added(rule.id) else _applied(rule, ask, case)
    if any(gate.level == Level.BLOCK for gate in gates):
        gates += _always(ask, case_for.stage(ask.to))
    now = case_for.case.now
    looks = [at for gate in gates if not is_open(gate) for at in _looks(gate.findings) if at > now]
    since = max((ask.asked_at, case_for.case.doubted_since or now, *case_for.case.unreadable.values()))
    if any(_waits(gate, gates, mappings) for gate in gates) and now - since < PATIENCE:
        return Verdict(None, tuple(gates), now + timedelta(minutes=1))
    return Verdict(_outcome(gates), tuple(gates), min(looks, default=None))


def _waits(gate: GateResult, gates: Iterable[GateResult], mappings: Mappings) -> bool:
    """Is it to be waited for, as it cannot be evaluated? Not for a repository's own doing where another blocks."""
    if gate.ok is not None or gate.waived or gate.level == Level.OBSERVE:
        return False
    of_repository = mappings.has_added(gate.rule) or mappings.has_raised(gate.rule)
    others = (one for one in gates if not mappings.has_added(one.rule) and one.level == Level.BLOCK)
    return not (of_repository and any(one.ok is False and not one.waived for one in others))


def _applied(rule: Rule, ask: Ask, case: Case) -> list[GateResult]:
    """The rule's gate, where the rule applies."""
    applies = all(evaluate(one, case).ok is not False for one in rule.when)
    return [_apply(rule, ask, case)] if applies else []


def _guarded(rule: Rule, ask: Ask, case: Case) -> list[GateResult]:
    """The same of a repository's own rule: whatever breaks in it must not keep the organisation's from being judged."""
    try:
        return _applied(rule, ask, case)
    except Exception as error:
        why = f"it broke ({type(error).__name__}); please report it"
        broken = (Finding("this rule of the repository could be judged", None, why),)
        gate = GateResult(rule.id, rule.entering or rule.leaving or ask.to, rule.level, None, broken)
        return [replace(gate, because=rule.because, when_cleared=rule.when_cleared, on_error=rule.on_error)]


def reopened(rule: Rule, ask: Ask, case_for: CaseFor) -> tuple[bool, datetime | None]:
    """Would the rule's gate be open to this move now, and when may time alone change that?

    Nothing hangs on it but what is known of the rule: whatever breaks in it counts as not open.
    """
    gates = _guarded(rule, ask, case_for.stage(rule.entering or ask.to))
    looks = [at for one in gates if not is_open(one) for at in _looks(one.findings) if at > case_for.case.now]
    return all(is_open(one) for one in gates), min(looks, default=None)


def _always(ask: Ask, case: Case) -> list[GateResult]:
    """A hold and a party's "needs work" win over every rule, wherever the file blocks at all."""
    found = []
    if case.hold:
        found.append(("hold", not_on_hold(NotOnHold(), case), "Somebody asked to wait."))
    for party in dict.fromkeys(one.party for one in case.evidence if isinstance(one, NeedsWork)):
        if back := handed_back(party, case):
            found.append(("needs-work", back, "What a party handed back comes back to it first."))
    return [GateResult(rule, ask.to, Level.BLOCK, False, (one,), because) for rule, one, because in found]


def _apply(rule: Rule, ask: Ask, case: Case) -> GateResult:
    findings = tuple(evaluate(one, case) for one in rule.require)
    oks = [finding.ok for finding in findings]
    waiver = next(
        (
            one
            for one in reversed(case.evidence)
            if isinstance(one, Waived) and one.rule == rule.id and (one.until is None or case.now < one.until)
            if one.by.id not in case.askers or case.mappings.waivers.self_ == "allowed"
        ),
        None,
    )
    return GateResult(
        rule=rule.id,
        stage=rule.entering or rule.leaving or ask.to,
        level=rule.level,
        ok=False if False in oks else None if None in oks else True,
        findings=findings,
        because=rule.because,
        when_cleared=rule.when_cleared,
        on_error=rule.on_error,
        waived=f"waived by {waiver.by}" + (f": {waiver.why}" if waiver.why else "") if waiver else "",
    )


def _outcome(gates: Iterable[GateResult]) -> Outcome:
    levels = set()
    for gate in gates:
        if not is_open(gate):
            lenient = gate.ok is None and gate.on_error == "open" and gate.level == Level.BLOCK
            levels.add(Level.WARN if lenient else gate.level)
    if Level.BLOCK in levels:
        return Outcome.BLOCKED
    return Outcome.WARNED if Level.WARN in levels else Outcome.ADMITTED


def _looks(findings: Iterable[Finding]) -> Iterable[datetime]:
    for finding in findings:
        if finding.ok is not True:
            if finding.look_again_at is not None:
                yield finding.look_again_at
            yield from _looks(finding.parts)


@dataclass(frozen=True, slots=True)
class CaseFor:
    """The case with all its evidence, and how to cut out what counts for one gate.

    Evidence is for a stage. For a gate count what was given for the gate's stage and for the stage that is asked for,
    each since the last attempt on that stage ended (`since`).
    """

    case: Case
    target: str
    since: dict[str, datetime]

    def stage(self, stage: str) -> Case:
        """The case as the gate of this stage sees it."""
        wanted = {stage, self.target}
        return replace(
            self.case,
            stage_asked=stage,
            promised=tuple(one for one in self.case.debts if one.stage == stage and self._counts(one)),
            evidence=tuple(one for one in self.case.evidence if one.stage in wanted and self._counts(one)),
        )

    def _counts(self, one: Evidence | Owed) -> bool:
        return one.stage not in self.since or one.at > self.since[one.stage]
