"""`release-stages explain REF`: why an issue stands where it stands, and what comes next; acts on nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from integration.failed import next_step
from integration.look import Desk, Look
from integration.memory.failures import Failure, State
from integration.settings import Settings
from integration.stages.entries import Finding, GateResult, Judged
from integration.stages.model import Ref
from integration.stages.moves import rank
from integration.stages.planning.actions import Action, Edit, Fill, Pin, Prove, React, Remove, Say, Shift, Tidy
from integration.stages.planning.scene import Scene
from integration.stages.remembered import remember
from integration.stages.rules.gate import Ask, Verdict, is_open


def explain(ref: str, settings: Settings) -> str:
    """The whole story of one issue as text. Raises `Unnamed`, `Faulty`, and the trackers' errors."""
    desk = Desk.open(settings, takes=False)
    look = desk.look(Ref.parse(ref), datetime.now(UTC))
    return "\n".join((*_lines(look), *_trouble(desk.ledger.failures.of(look.issue.ref))))


def _trouble(known: Failure | None) -> Iterable[str]:
    """What could not be done so far, and whose turn that is."""
    if known is not None and known.state is not State.DROPPED:
        yield f"Not done since {known.since:%Y-%m-%d %H:%M}Z: {known.reason}"
        yield f"  next: {next_step(known)}"


def _lines(look: Look) -> Iterable[str]:
    issue, plan = look.issue, look.plan
    scene = Scene(look.given)
    scene.note(*plan.entries)
    yield f"{issue.ref}  {issue.title}"
    yield issue.url
    if not scene.tracks:
        yield "mappings.yaml names no source for this place: the service has nothing to do with it."
        return
    yield f"Judged by: {scene.mappings.hash}"
    if look.given.unfit:
        yield f"The repository's own rules do not count as they stand: {look.given.unfit}"
    yield f"Stage: {_stage(scene, plan.stage)}"
    if scene.hold:
        yield f"On hold by {scene.hold.by}: {scene.hold.why}"
    if scene.route is not None:
        yield f"Route: {', '.join(_stage(scene, one) for one in scene.route)}"
    if proposed := scene.pending_route:
        yield f"Proposed route: {', '.join(_stage(scene, one) for one in proposed.stages)}, by {proposed.by}"
    for debt in scene.past.debts:
        until = f", until {scene.case().until(debt.until)}" if debt.until else ""
        by = f", by {debt.name or debt.who}" if debt.who else ""
        yield f"Owed: {scene.case().party(debt.party)}'s word on {_stage(scene, debt.stage)}{by}{until}"
    yield from _ladder(scene, look)
    if plan.attempt and plan.verdict:
        attempt = plan.attempt
        when = scene.case().when(attempt.asked_at)
        yield f"Asked for: {_stage(scene, attempt.to)}, by {attempt.by} on {when}"
        if attempt.standing:
            yield f"  stands there, not put back: {attempt.standing.reason}"
        yield from _gates(scene, plan.verdict.gates)
    else:
        yield from _ahead(scene, plan.stage)
    yield from _next(scene, look)


def _ladder(scene: Scene, look: Look) -> Iterable[str]:
    yield "Ladder:" if look.plan.rungs else "Ladder: empty"
    verdicts = remember((*look.given.past, *look.plan.entries)).verdicts
    for rung in reversed(look.plan.rungs):
        judged: Judged | None = verdicts.get(rung.id)
        outcome = str(judged.outcome) if judged else "not judged yet"
        when = scene.case().when(rung.at)
        under = f", by the rules of {judged.mappings}" if judged and judged.mappings else ""
        move = f"from {_stage(scene, rung.was)}, by {rung.actor}, {when}"
        yield f"  {_stage(scene, rung.to):20} {outcome:14} {move}{under}"


def _ahead(scene: Scene, here: str | None) -> Iterable[str]:
    """What would happen to a move to each later stage, asked for now by somebody without a say in it."""
    for stage in scene.stages[rank(here, scene.stages) + 1 :]:
        verdict = scene.judge(Ask(here, stage, scene.now), frozenset())
        yield f"If it were moved to {_stage(scene, stage)} now: {_would(verdict)}"
        yield from _gates(scene, verdict.gates)


def _would(verdict: Verdict) -> str:
    told = {"admitted": "let through", "warned": "let through with a warning", "blocked": "put back"}
    return told[verdict.outcome] if verdict.outcome else "not decided, as something could not be read"


def _gates(scene: Scene, gates: Iterable[GateResult]) -> Iterable[str]:
    for gate in gates:
        yield f"  {gate.rule} ({gate.level}{_whose(scene, gate.rule)}): {'open' if is_open(gate) else 'shut'}" + (
            f", {gate.waived}" if gate.waived else ""
        )
        for finding in gate.findings:
            yield from _finding(finding, 2)


def _whose(scene: Scene, rule: str) -> str:
    """What the repository itself has done to the rule."""
    place = scene.issue.ref.place
    if scene.mappings.has_added(rule):
        return f", of {place} itself"
    return f", raised by {place}" if scene.mappings.has_raised(rule) else ""


def _finding(finding: Finding, depth: int) -> Iterable[str]:
    tick = {True: "[x]", False: "[ ]", None: "[?]"}[finding.ok]
    yield f"{'  ' * depth}{tick} {finding.says}" + (f" — {finding.reason}" if finding.reason else "")
    for url in finding.evidence:
        yield f"{'  ' * depth}    {url}"
    for part in finding.parts:
        yield from _finding(part, depth + 1)


def _next(scene: Scene, look: Look) -> Iterable[str]:
    plan = look.plan
    if plan.verdict and plan.attempt and plan.verdict.awaited:
        yield f"Awaited: {', '.join(scene.case().party(party) for party in plan.verdict.awaited)}"
    wanted = [_named(action) for action in plan.actions]
    yield f"The next run would: {'; '.join(wanted) if wanted else 'do nothing'}"
    if plan.look_again_at:
        yield f"It looks again by itself on {scene.case().when(plan.look_again_at)}"


def _named(action: Action) -> str:
    match action:
        case Say():
            return f"post a comment ({action.key})"
        case Edit():
            return "bring the living comment up to date"
        case React():
            return f"give a sign {action.sign}"
        case Remove():
            return "take away a comment of ours that stands there twice"
        case Pin():
            return "pin the living comment"
        case Shift():
            return f"move it from {action.intended.was or 'no stage'} to {action.intended.to or 'no stage'}"
        case Tidy():
            return f"take off {', '.join(action.take)}"
        case Fill():
            return f"{'fill' if action.text else 'empty'} the field {action.field}"
        case Prove():
            return f"find out whether {action.party} was reached by {action.comment.url}"


def _stage(scene: Scene, stage: str | None) -> str:
    return scene.case().stage(stage)
