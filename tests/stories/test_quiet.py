"""Quiet by design: what a feature costs in comments on its way through all stages."""

from __future__ import annotations

import pytest

from tests.stories.house import Team

RULES = """
  - id: told-in-internal
    entering: internal
    require: [{acknowledged: {party: support}}]
    level: block
    effective: 2026-12-01
  - id: both-before-public
    entering: public
    require: [{acknowledged: {party: support}}, {acknowledged: {party: growth}}]
    level: block
    effective: 2026-12-01
    because: Support answers our customers, and Growth tells the world.
"""
NOTIFY = """
  - {entering: beta, parties: [support, growth], level: post, effective: 2026-12-01}
  - {entering: public, parties: [growth, docs], level: post, effective: 2026-12-01}
  - {backward: true, parties: [support, growth, docs], level: post, effective: 2026-12-01}
"""
WITHIN = {name: {"respond_within": "1 working day"} for name in ("support", "growth")}
STAGES_WITH_SOMEBODY_TO_TELL = 3  # Internal, Beta, Public


@pytest.fixture
def travelled(team: Team) -> Team:
    """Development, Internal, Beta, Public; whoever is asked acknowledges in time."""
    team.house.put_in_force(RULES, notify=NOTIFY, parties=WITHIN)
    team.stand_in("development")
    for stage, who in (("internal", ("sam",)), ("beta", ()), ("public", ("gus", "sofia"))):
        team.ask_for(stage)
        team.later(hours=1)
        for by in who:
            team.says("/stage ack", by)
            team.later(minutes=20)
        team.later(hours=20)
    return team


def test_four_stages_cost_one_living_comment_and_one_notice_for_each_that_has_somebody_to_tell(travelled: Team) -> None:
    assert travelled.stage == "public"
    assert len(travelled.said) <= 1 + STAGES_WITH_SOMEBODY_TO_TELL
    assert travelled.living
    assert [outcome for *_, outcome in travelled.verdicts if outcome != "blocked"] == ["admitted"] * 4


def test_everybody_who_had_to_know_was_told_all_the_same(travelled: Team) -> None:
    docs = {"acme/docs"} if travelled.ref_tracker == "github" else {"dora"}

    assert [one.mentions - {"erin"} for one in travelled.told] == [
        travelled.support,
        travelled.support | travelled.growth,
        travelled.support | travelled.growth | docs,
    ]


def test_another_week_of_looking_says_nothing_more(travelled: Team) -> None:
    before = [one.body for one in travelled.told]
    for _ in range(7):
        travelled.later(days=1)

    assert [one.body for one in travelled.told] == before


def test_on_github_the_living_comment_is_pinned(travelled: Team) -> None:
    if travelled.ref_tracker == "jira":
        pytest.skip("Jira pins no comments by its API")
    number = travelled.ref.number
    repo = travelled.world.github.repo(travelled.ref.place)
    pinned = [one.id for one in travelled.world.github.issue(repo, number).comments if one.pinned]

    assert [str(one) for one in pinned] == [travelled.living.id]
