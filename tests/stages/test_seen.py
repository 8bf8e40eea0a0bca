"""What a look keeps for the pages: where a feature stands, what lies ahead, what it lacked before anybody judged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from integration.stages.entries import Outcome
from integration.stages.file.mappings import Mappings, read
from integration.stages.last_look import Lack, LastLook
from integration.stages.planning.plan import make
from integration.stages.planning.scene import Given
from tests.stages.histories import MemberOf, Story

FILE = """
version: 1
stages: {development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}
parties:
  support: {name: Support, github: {team: acme/support, users: [sam]}, jira: {users: [sam]}}
  growth: {name: Growth, github: {team: acme/growth}, jira: {group: growth}}
sources:
  - github:
      repositories: ["acme/*"]
      labels:
        {development: "stage: development", internal: "stage: internal", beta: "stage: beta", public: "stage: public"}
  - jira:
      projects: [APP]
      statuses: {development: [In Progress], internal: [Internal], beta: [Beta], public: [Released]}
      labels: {beta: "stage: beta", public: "stage: public"}
rules:
  - id: support-first
    entering: public
    when: {not_labelled: internal-only}
    require: [notified: {party: support}, acknowledged: {party: support}]
    level: block
    effective: 2026-01-01
  - id: soak
    entering: public
    require: [spent: {stage: beta, at_least: 5 days}]
    level: warn
    effective: 2026-01-01
  - id: seen
    entering: public
    require: [any: [visited: {stage: internal}, visited: {stage: beta}], acknowledged: {party: growth}]
    level: observe
"""
BIRTH = datetime(2026, 6, 20, 9, 0, tzinfo=UTC)


def looked(story: Story, born: datetime = datetime(2026, 5, 1, tzinfo=UTC), file: str = FILE) -> LastLook:
    mappings: Mappings = read(file)
    given = Given(
        story.issue(), mappings, (), story.at + timedelta(minutes=30), born, b"k" * 32, answers=MemberOf(),
        handles={"growth": ("gus",)},
    )  # fmt: skip
    return make(given).seen


def in_beta(story: Story, **more: float) -> Story:
    return story.moves("development").later(days=2).moves("beta").later(**(more or {"days": 1}))


def test_a_feature_that_nobody_asks_a_stage_for_shows_the_gates_before_the_next_one() -> None:
    story = in_beta(Story.on_github())
    entered = story.sightings[-2].at
    seen = looked(story)
    assert (seen.ahead, seen.blocked, seen.since) == ("public", False, entered)
    assert [(gate.rule, gate.ok) for gate in seen.gates] == [("support-first", False), ("soak", False), ("seen", False)]
    assert seen.step == "Nothing is awaited, and nothing needs to be done."
    assert [(move.was, move.to) for move in seen.moves] == [(None, "development"), ("development", "beta")]
    assert len(seen.rungs) == 2


def test_one_that_asks_shows_the_gates_of_what_it_asks_for_and_whose_turn_it_is() -> None:
    seen = looked(in_beta(Story.on_github(), days=9).moves("public"))
    assert (seen.ahead, seen.blocked) == ("public", True)
    assert {gate.rule: gate.ok for gate in seen.gates}["soak"] is True
    assert seen.step == "Support to answer."


def test_in_the_last_stage_nothing_lies_ahead() -> None:
    seen = looked(Story.on_github().moves("public"), born=BIRTH)
    assert (seen.ahead, seen.gates) == ("", ())


def test_a_check_of_somebodys_own_is_not_run_for_a_picture() -> None:
    file = FILE + "  - {id: own, entering: public, require: [custom: {name: acme.budget}], level: observe}\n"
    assert looked(in_beta(Story.on_github()), file=file).gates == ()


def test_sources_that_show_different_stages_disagree() -> None:
    story = Story.on_jira().moves("beta").later(hours=2)
    assert not looked(story).disagrees
    story.puts_on("stage: public")
    seen = looked(story)
    assert seen.disagrees
    assert dict(seen.shown) == {"status": "beta", "labels": "public"}


@pytest.mark.parametrize(
    ("how", "lacking"),
    [
        ("alone", {(Lack.NOTICE, "support"), (Lack.VIEW, "support"), (Lack.VIEW, "growth"), (Lack.SOAK, "")}),
        ("after a week", {(Lack.NOTICE, "support"), (Lack.VIEW, "support"), (Lack.VIEW, "growth")}),
        ("told", {(Lack.VIEW, "growth"), (Lack.SOAK, "")}),
        ("spoke", {(Lack.NOTICE, "support"), (Lack.VIEW, "growth"), (Lack.SOAK, "")}),
        ("told too late", {(Lack.NOTICE, "support"), (Lack.VIEW, "support"), (Lack.VIEW, "growth"), (Lack.SOAK, "")}),
        ("internal only", {(Lack.VIEW, "growth"), (Lack.SOAK, "")}),
    ],
)
def test_of_the_time_before_the_ledger_it_is_told_what_a_feature_lacked(
    how: str, lacking: set[tuple[Lack, str]]
) -> None:  # fmt: skip
    """As far as the issue's own history tells: a mention, somebody's words, and where it had been."""
    story = Story.on_github()
    if how == "internal only":
        story.puts_on("internal-only")
    in_beta(story, days=7 if how == "after a week" else 1)
    if how == "told":
        story.says("@acme/support this goes out", "erin", "acme/support").later(hours=1)
    if how == "spoke":
        story.says("we have seen it", "sam").later(hours=1)
    story.moves("public")
    if how == "told too late":
        story.later(hours=1).says("@acme/support this went out", "erin", "acme/support")
    arrivals = {one.stage: one for one in looked(story, born=BIRTH).before}
    found = {(one.what, one.party) for one in arrivals["public"].lacking}
    # Whoever was never in Internal or Beta lacks a view; this one was in Beta. Whom a team has, no history tells.
    assert found == lacking
    assert arrivals["beta"].lacking == ()


def test_what_was_judged_is_no_arrival_of_before() -> None:
    assert looked(in_beta(Story.on_github())).before == ()
    assert [one.stage for one in looked(in_beta(Story.on_github()), born=BIRTH).before] == ["development", "beta"]


def test_a_group_whose_people_nobody_has_read_is_held_against_no_feature() -> None:
    story = in_beta(Story.on_jira(), days=8).moves("public")
    mappings = read(FILE)
    given = Given(story.issue(), mappings, (), story.at, BIRTH, b"k" * 32, answers=MemberOf())
    arrivals = {one.stage: one for one in make(given).seen.before}
    assert {one.party for one in arrivals["public"].lacking} == {"support"}


def test_every_outcome_is_what_it_was_without_the_picture() -> None:
    """The picture judges nothing: the plan's own verdicts come before it."""
    story = in_beta(Story.on_github()).moves("public")
    given = Given(
        story.issue(), read(FILE), (), story.at + timedelta(minutes=30), story.began, b"k" * 32, answers=MemberOf()
    )
    made = make(given)
    assert made.verdict is not None
    assert made.verdict.outcome is Outcome.BLOCKED
    assert made.seen.gates == made.verdict.gates
