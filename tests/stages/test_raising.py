"""When a rule may be raised: after its time, where what it found does not speak against it; and which line says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from integration.stages.file.levels import levels, terms
from integration.stages.file.mappings import Mappings, read
from integration.stages.health.faring import Crossing, Fared, Fate
from integration.stages.health.raising import ENOUGH, RuleHealth, health, objections
from integration.stages.model import Ref
from tests.stages.test_faring import DAY, NOON, move

WEEK = timedelta(weeks=1)


def crossing(fate: Fate | None = None, ok: bool | None = False, told: bool = True, number: int = 1) -> Crossing:
    ref = Ref("github", "", "acme/app", number)
    return Crossing("r", ref, "Export", "https://x/1", move(), NOON, "warn", ok, fate, told=told)


def fared(*fates: Fate | None, unknown: int = 0, told: bool = True) -> Fared:
    crossings = [crossing(fate, ok=fate is None, told=told, number=n) for n, fate in enumerate(fates, 1)]
    return Fared((*crossings, *(crossing(None, ok=None) for _ in range(unknown))))


MET, TIME, WAIVED, OPEN, NEVER = Fate.MET, Fate.TIME, Fate.WAIVED, Fate.OPEN, Fate.NEVER


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (fared(), "it never fired: no move asked for it; it takes 5"),
        (fared(None), "only 1 move asked for it; it takes 5"),
        (fared(*[None] * (ENOUGH - 1)), "only 4 moves asked for it"),
        (fared(*[None] * ENOUGH), ""),  # everybody does it: to raise it costs nobody anything
        (fared(*[MET] * ENOUGH), ""),
        (fared(*[TIME] * ENOUGH), ""),
        (fared(*[None] * 4, unknown=1), ""),
        (fared(*[None] * 4, unknown=2), "it could not judge 2 of 6 moves"),
        (fared(*[OPEN] * 2, *[None] * 3), "let through in the last 14 days"),
        (fared(*[OPEN] * 4, MET), ""),
        (fared(*[NEVER] * 2, *[MET] * 3), ""),
        (fared(*[NEVER] * 2, *[MET] * 2, None), ""),  # one half of them: most were not left as they were
        (fared(*[NEVER] * 3, *[MET] * 2), "3 of the 5 that it would have stopped were never set right"),
        (fared(*[NEVER] * 3, *[OPEN] * 9, *[MET] * 2), "3 of the 5"),  # what is open counts for neither side
        (fared(NEVER, *[None] * 9), "1 of the 1"),
        (fared(*[NEVER] * 5, told=False), ""),  # nobody knew
        (fared(*[WAIVED] * 3, *[MET] * 2), "3 of the 5 that it stopped were waived"),
        (fared(*[WAIVED] * 2, *[MET] * 3), ""),
    ],
)
def test_what_speaks_against_a_raise(found: Fared, says: str) -> None:
    against = "; ".join(objections(read(FILE).rules[0].level, found))
    assert (says in against) if says else (against == "")


FILE = """version: 1
time_zone: Europe/London
raise_after: 8 weeks
stages: {beta: Beta, public: Public}
parties: {support: {github: {team: acme/support}}}
sources:
  - github: {repositories: ["acme/*"], labels: {beta: b, public: p}}
rules:
  - id: seen
    entering: public
    require: [acknowledged: {party: support}]
    level: observe
  - {id: told, entering: public, require: [notified: {party: support}], level: "warn", effective: 2026-12-14,
     raise_after: 2 weeks}
  - {id: calm, entering: public, require: [not_on_hold], level: warn, effective: 2026-12-01, raise_after: never}
  - {id: hard, entering: public, require: [not_on_hold], level: block, effective: 2026-12-01}
"""


def looked_at(rule: str, weeks: float, found: Fared, text: str = FILE) -> RuleHealth:
    """How the rule stands so long after it came into the file, on Monday, 7 December 2026."""
    mappings: Mappings = read(text)
    (one,) = [each for each in mappings.rules if each.id == rule]
    return health(one, mappings, levels(text)[rule], NOON, found, NOON + weeks * WEEK, "mappings.yaml")


GOOD = fared(*[MET] * 5)


def test_a_rule_waits_for_its_time_and_then_the_place_in_the_file_is_named() -> None:
    assert looked_at("seen", 7.9, GOOD).proposal is None
    found = looked_at("seen", 8, GOOD)
    assert found.ripe_at == NOON + 8 * WEEK
    assert found.proposal
    row, column = found.proposal.line - 1, found.proposal.column - 1
    assert FILE.splitlines()[row][column:] == "observe"
    assert (found.proposal.now, found.proposal.write) == ("level: observe", "level: warn")
    assert found.proposal.also == "effective: 2027-02-02", "a rule that warns says from when on: tomorrow"
    assert str(found.proposal) == (
        "mappings.yaml:12:12 says `level: observe`; write `level: warn`, and add `effective: 2027-02-02` to the rule"
    )


def test_a_proposal_carried_out_makes_a_file_without_fault() -> None:
    proposal = looked_at("seen", 8, GOOD).proposal
    assert proposal
    lines = FILE.splitlines()
    lines[proposal.line - 1] = lines[proposal.line - 1].replace(proposal.now, proposal.write)
    lines.insert(proposal.line, " " * 4 + proposal.also)
    assert read("\n".join(lines)).rules[0].level == "warn"


def test_a_rules_own_time_counts_from_when_it_takes_effect_and_goes_before_that_of_all() -> None:
    assert looked_at("told", 2.9, GOOD).proposal is None
    found = looked_at("told", 3, GOOD)
    assert found.trial == "2 weeks"
    assert found.proposal
    assert (found.proposal.write, found.proposal.also) == ("level: block", "")
    assert '"warn"' in FILE.splitlines()[found.proposal.line - 1][found.proposal.column - 1 :]


@pytest.mark.parametrize("rule", ["calm", "hard"])
def test_never_and_a_rule_that_blocks_are_not_raised(rule: str) -> None:
    found = looked_at(rule, 99, GOOD)
    assert (found.ripe_at, found.against, found.proposal) == (None, (), None)


def test_without_raise_after_nothing_is_proposed() -> None:
    assert looked_at("seen", 99, GOOD, FILE.replace("raise_after: 8 weeks\n", "")).proposal is None


def test_what_speaks_against_it_is_said_and_there_is_no_proposal() -> None:
    found = looked_at("seen", 99, fared())
    assert found.proposal is None
    assert len(found.against) == 1


def test_a_level_that_an_anchor_shares_is_named_with_all_that_would_change() -> None:
    text = FILE.replace("    level: observe\n", "    level: &trial observe\n").replace('level: "warn"', "level: *trial")
    found = levels(text)
    assert found["seen"].shared == ("told",)
    proposal = looked_at("seen", 8, GOOD, text).proposal
    assert proposal
    assert "that place counts for told, too" in str(proposal)


@pytest.mark.parametrize(
    ("was", "now", "is_other"),
    [
        ("level: observe", "level: warn\n    effective: 2026-12-01", True),
        ("acknowledged: {party: support}", "acknowledged: {party: support, by: 2}", True),
        ("entering: public\n    require", "entering: public\n    when: {labelled: launch}\n    require", True),
        ("    level: observe\n", "    level: observe\n    because: They answer.\n", False),
        ("    level: observe\n", "    level: observe   # for now\n    raise_after: 3 weeks\n", False),
        ("time_zone: Europe/London\n", "", False),
    ],
)
def test_what_was_found_of_a_rule_counts_as_long_as_it_judges_the_same(was: str, now: str, is_other: bool) -> None:
    assert was in FILE
    before, after = terms(FILE), terms(FILE.replace(was, now, 1))
    assert (before["seen"] != after["seen"]) is is_other
    assert before["told"] == after["told"]


def test_a_file_without_rules_has_no_levels() -> None:
    assert levels(FILE.partition("rules:")[0]) == {}
    assert replace(crossing(), at=NOON + DAY).is_block is False
