"""Which gates a move crosses, and what several rules say of it together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.stages.entries import Acknowledged, Evidence, Finding, GateResult, Outcome, Owed, Waived
from integration.stages.file import mappings as m
from integration.stages.model import Issue, Label, Person, Ref
from integration.stages.rules.case import Case
from integration.stages.rules.gate import PATIENCE, Ask, CaseFor, Verdict, crossed, is_open, judge, leaves

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
STAGES = ["development", "internal", "beta", "public"]
ERIN, SAM, RHEA, ME = (Person(name, name) for name in ("erin", "sam", "rhea", "release-stages"))
YES, NO = "{labelled: ready}", "{labelled: other}"
SEEN = "{acknowledged: {party: support}}"


def rule(id: str = "r", edge: str = "entering: public", require: str = NO, level: str = "block", more: str = "") -> str:
    return f"{{id: {id}, {edge}, require: [{require}], level: {level}, effective: 2026-12-01{more}}}"


def the_file(*rules: str) -> m.Mappings:
    return m.read(f"""
version: 1
stages: {{development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}}
parties: {{support: {{github: {{users: [sam]}}}}, growth: {{github: {{users: [gus]}}}}}}
sources: [{{github: {{repositories: ["acme/*"], labels: {{{", ".join(f'{one}: "s: {one}"' for one in STAGES)}}}}}}}]
rules: [{", ".join(rules)}]
""")


def judged(
    *rules: str, was: str | None = "beta", to: str = "public", evidence: tuple[Evidence, ...] = (),
    unreadable: bool = False, asked: timedelta = HOUR, since: dict[str, datetime] | None = None,
    doubted: timedelta | None = None, debts: tuple[Owed, ...] = (),
) -> Verdict:  # fmt: skip
    mappings = the_file(*rules)
    issue = Issue(
        ref=Ref("github", "", "acme/app", 1), title="", body="", url="", author=ERIN, me=ME, created=NOW,
        watermark=NOW, labels=(Label("1", "ready"),),
    )  # fmt: skip
    doubted = doubted if doubted is not None else asked
    case = Case(
        issue, mappings, NOW, evidence, unreadable={"support": NOW - asked} if unreadable else {},
        doubted_since=NOW - doubted if doubted else None, debts=debts,
    )  # fmt: skip
    return judge(Ask(was, to, NOW - asked), mappings, CaseFor(case, to, since or {}))


def seen(stage: str = "public", ago: timedelta = HOUR) -> Acknowledged:
    return Acknowledged(NOW - ago, "support", stage, SAM, "c1")


def waived(rule: str = "r", stage: str = "public", until: datetime | None = None, ago: timedelta = HOUR) -> Waived:
    return Waived(NOW - ago, rule, stage, RHEA, "it is urgent", "c2", until)


# --- crossing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edge", "was", "to", "through"),
    [
        ("entering: public", "beta", "public", True),
        ("entering: public", None, "public", True),
        ("entering: beta", "development", "public", True),
        ("entering: beta", "development", "beta", True),
        ("entering: beta", "beta", "public", False),
        ("entering: beta", "development", "internal", False),
        ("entering: development", None, "development", True),
        ("entering: development", None, "beta", True),
        ("leaving: beta", "beta", "public", True),
        ("leaving: beta", "internal", "public", False),
        ("leaving: development", "development", "internal", True),
        ("entering: public, from: beta", "beta", "public", True),
        ("entering: public, from: internal", "beta", "public", False),
        ("entering: beta, from: development", "development", "public", True),
        ("entering: beta, from: development", "internal", "public", False),
    ],
)
def test_which_gates_a_move_crosses(edge: str, was: str | None, to: str, through: bool) -> None:
    (one,) = the_file(rule(edge=edge)).rules

    assert crossed(one, Ask(was, to, NOW), STAGES) is through


@pytest.mark.parametrize(("seconds", "through"), [(-1, False), (0, True), (1, True)])
def test_a_rule_is_not_retroactive(seconds: int, through: bool) -> None:
    (one,) = the_file(rule()).rules
    moved = datetime(2026, 12, 1, tzinfo=UTC) + timedelta(seconds=seconds)

    assert crossed(one, Ask("beta", "public", moved), STAGES) is through


def test_a_rule_that_only_observes_needs_no_date() -> None:
    (one,) = the_file(f"{{id: r, entering: public, require: [{NO}], level: observe}}").rules

    assert crossed(one, Ask("beta", "public", datetime(2000, 1, 1, tzinfo=UTC)), STAGES)


# --- several rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        ([], Outcome.ADMITTED),
        ([(YES, "block"), (YES, "warn")], Outcome.ADMITTED),
        ([(NO, "observe")], Outcome.ADMITTED),
        ([(NO, "observe"), (NO, "warn")], Outcome.WARNED),
        ([(NO, "warn"), (YES, "block")], Outcome.WARNED),
        ([(NO, "warn"), (NO, "block"), (NO, "observe")], Outcome.BLOCKED),
        ([(NO, "block"), (YES, "warn")], Outcome.BLOCKED),
    ],
)
def test_the_strictest_level_among_those_that_fail_wins(rules: list[tuple[str, str]], outcome: Outcome) -> None:
    verdict = judged(*(rule(f"r{n}", require=require, level=level) for n, (require, level) in enumerate(rules)))

    assert verdict.outcome is outcome
    assert len(verdict.gates) == len(rules)


def test_all_requirements_of_a_rule_must_be_met() -> None:
    assert judged(rule(require=f"{YES}, {NO}")).outcome is Outcome.BLOCKED
    assert judged(rule(require=f"{YES}, {{not_labelled: other}}")).outcome is Outcome.ADMITTED


@pytest.mark.parametrize(("when", "outcome"), [(YES, Outcome.BLOCKED), (NO, Outcome.ADMITTED)])
def test_a_rule_applies_only_when_it_says_so(when: str, outcome: Outcome) -> None:
    assert judged(rule(more=f", when: {when}")).outcome is outcome


def test_failing_names_the_strictest_first_and_leaves_out_what_only_observes() -> None:
    verdict = judged(rule("o", level="observe"), rule("w", level="warn"), rule("b"), rule("met", require=YES))

    assert [gate.rule for gate in verdict.failing] == ["b", "w"]


def test_missing_names_each_thing_once_and_awaited_each_party_once() -> None:
    both = f"{SEEN}, {{approved: {{party: growth}}}}"
    verdict = judged(rule("a", require=both), rule("b", require=f"{SEEN}, {{any: [{SEEN}, {NO}]}}"))

    assert [one.says for one in verdict.missing] == [
        "Support has seen it", "Growth has approved it", "it is labelled other"
    ]  # fmt: skip
    assert verdict.awaited == ("support", "growth")


# --- what cannot be known -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on_error", "level", "asked", "outcome"),
    [
        ("closed", "block", timedelta(), None),
        ("closed", "block", PATIENCE - timedelta(seconds=1), None),
        ("closed", "block", PATIENCE, Outcome.BLOCKED),
        ("open", "block", PATIENCE - timedelta(seconds=1), None),
        ("open", "block", PATIENCE, Outcome.WARNED),
        ("closed", "warn", PATIENCE, Outcome.WARNED),
        ("open", "warn", PATIENCE, Outcome.WARNED),
        ("closed", "observe", PATIENCE, Outcome.ADMITTED),
    ],
)
def test_what_cannot_be_known_is_waited_for_and_then_decided_by_on_error(
    on_error: str, level: str, asked: timedelta, outcome: Outcome | None
) -> None:
    one = rule(require=SEEN, level=level, more=f", on_error: {on_error}")
    verdict = judged(one, unreadable=True, asked=asked)

    assert verdict.outcome is outcome
    if outcome is None:
        assert verdict.look_again_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize("on_error", ["open", "closed"])
def test_a_request_of_yesterday_waits_as_long_for_what_cannot_be_known_since_now(on_error: str) -> None:
    one = rule(require=SEEN, more=f", on_error: {on_error}")
    yesterday = timedelta(days=1)
    case_now = judged(one, unreadable=True, asked=timedelta(), doubted=timedelta())

    assert case_now.outcome is None
    assert judged(one, unreadable=True, asked=yesterday, doubted=PATIENCE).outcome is not None


DEBT = Owed(NOW - HOUR, "support", "public", SAM, "sofia", None)


@pytest.mark.parametrize(
    ("debt", "since", "more", "passes"),
    [
        (DEBT, {}, ", later: 5 working days", True),
        (DEBT, {}, "", False),
        (replace(DEBT, stage="beta"), {}, ", later: 5 working days", False),
        (replace(DEBT, stage="renamed"), {}, ", later: 5 working days", False),
        (DEBT, {"public": NOW - HOUR}, ", later: 5 working days", False),
        (DEBT, {"public": NOW - 2 * HOUR}, ", later: 5 working days", True),
        (DEBT, {"beta": NOW}, ", later: 5 working days", True),
    ],
)
def test_a_promise_counts_for_its_own_gate_and_for_the_attempt_in_which_it_was_made(
    debt: Owed, since: dict[str, datetime], more: str, passes: bool
) -> None:
    verdict = judged(rule(require=SEEN, more=more), debts=(debt,), since=since)

    assert verdict.outcome is (Outcome.ADMITTED if passes else Outcome.BLOCKED)


def test_a_rule_that_fails_for_certain_is_not_opened_by_on_error() -> None:
    one = rule(require=f"{SEEN}, {NO}", more=", on_error: open")

    assert judged(one, unreadable=True, asked=PATIENCE).outcome is Outcome.BLOCKED


def test_a_waived_rule_is_not_waited_for() -> None:
    assert judged(rule(require=SEEN), unreadable=True, asked=timedelta(), evidence=(waived(),)).outcome is (
        Outcome.ADMITTED
    )


# --- waivers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waiver", "outcome"),
    [
        (waived(), Outcome.ADMITTED),
        (waived("other"), Outcome.BLOCKED),
        (waived(stage="beta"), Outcome.BLOCKED),
        (waived(until=NOW + HOUR), Outcome.ADMITTED),
        (waived(until=NOW), Outcome.BLOCKED),
        (waived(until=NOW - HOUR), Outcome.BLOCKED),
    ],
)
def test_a_waiver_is_for_one_rule_and_one_stage_until_its_date(waiver: Waived, outcome: Outcome) -> None:
    assert judged(rule(), evidence=(waiver,)).outcome is outcome


def test_a_waiver_says_by_whom_and_why_and_leaves_the_findings_as_they_are() -> None:
    (gate,) = judged(rule(), evidence=(waived(),)).gates

    assert gate.waived == "waived by rhea: it is urgent"
    assert (gate.ok, is_open(gate)) == (False, True)


def test_one_waived_rule_does_not_open_another() -> None:
    assert judged(rule("a"), rule("b"), evidence=(waived("a"),)).outcome is Outcome.BLOCKED


# --- which evidence counts ------------------------------------------------------------------------------------------

BOTH = (rule("b", "entering: beta", SEEN), rule("p", "entering: public", SEEN))


@pytest.mark.parametrize(
    ("given", "open_gates"),
    [((), []), ((seen("beta"),), ["b"]), ((seen("public"),), ["b", "p"]), ((seen("internal"),), [])],
)
def test_a_gate_counts_what_was_given_for_its_stage_or_for_the_stage_that_is_asked_for(
    given: tuple[Evidence, ...], open_gates: list[str]
) -> None:
    verdict = judged(*BOTH, was="internal", evidence=given)

    assert [gate.rule for gate in verdict.gates if gate.ok] == open_gates


@pytest.mark.parametrize(("ended", "ok"), [(2 * HOUR, True), (HOUR, False), (timedelta(), False)])
def test_what_was_given_counts_only_since_the_last_attempt_on_the_stage_has_ended(ended: timedelta, ok: bool) -> None:
    verdict = judged(rule(require=SEEN), evidence=(seen(),), since={"public": NOW - ended})

    assert verdict.gates[0].ok is ok


def test_the_end_of_an_attempt_on_another_stage_takes_nothing_away() -> None:
    assert judged(rule(require=SEEN), evidence=(seen(),), since={"beta": NOW}).outcome is Outcome.ADMITTED


def test_a_waiver_ends_with_the_attempt_that_it_was_given_for() -> None:
    assert judged(rule(), evidence=(waived(),), since={"public": NOW - HOUR}).outcome is Outcome.BLOCKED


# --- when to look again ---------------------------------------------------------------------------------------------


def test_the_next_look_is_the_earliest_that_time_alone_may_change() -> None:
    hours = [f"{{spent: {{stage: beta, at_least: {n} hours}}}}" for n in (3, 2)]
    verdict = judged(rule("a", require=hours[0]), rule("b", require=hours[1]), rule("c", require=YES))

    assert verdict.look_again_at is None, "it never was in Beta"
    plain = Acknowledged(NOW - timedelta(minutes=5), "support", "public", SAM, "c1", plain=True)
    assert judged(rule(require=SEEN), evidence=(plain,)).look_again_at == NOW + timedelta(minutes=10)


# --- leaves ---------------------------------------------------------------------------------------------------------


def finding(says: str, ok: bool | None, *parts: Finding, negated: bool = False) -> Finding:
    return Finding(says, ok, parts=parts, negated=negated)


@pytest.mark.parametrize(
    ("tree", "ends"),
    [
        (finding("a", True), []),
        (finding("a", False), ["a"]),
        (finding("a", None), ["a"]),
        (finding("any", False, finding("a", False), finding("b", None)), ["a", "b"]),
        (finding("all", False, finding("a", True), finding("b", False)), ["b"]),
        (finding("none", False, finding("a", True), negated=True), ["none"]),
        (finding("all", False, finding("none", False, finding("a", True), negated=True), finding("b", False)),
         ["none", "b"]),
    ],
)  # fmt: skip
def test_the_unmet_ends_of_a_finding(tree: Finding, ends: list[str]) -> None:
    assert [leaf.says for leaf in leaves(tree)] == ends


@pytest.mark.parametrize(("ok", "waived_by", "open_"), [(True, "", True), (False, "", False), (None, "", False),
                                                       (False, "rhea", True), (None, "rhea", True)])  # fmt: skip
def test_a_gate_is_open_when_it_is_met_or_waived(ok: bool | None, waived_by: str, open_: bool) -> None:
    assert is_open(GateResult("r", "public", "block", ok, (), waived=waived_by)) is open_
