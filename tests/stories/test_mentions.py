"""Proof of notice: a mention counts only where it can have reached somebody."""

from __future__ import annotations

import pytest

from integration.stages.entries import Noticed
from tests.stories.house import House, OnGitHub, OnJira, Team


@pytest.fixture
def unreachable(team: Team) -> Team:
    """Support cannot be reached: the team is hidden from us, or its accounts are not active."""
    if team.ref_tracker == "github":
        team.world.github.team_visible["support"] = False
    else:
        for login in ("sam", "sofia"):
            team.world.jira.deactivate(login)
    team.house.put_in_force(team.house.rules, notify="")
    team.stand_in("beta")
    team.ask_for("public")
    return team


def test_a_mention_that_reaches_nobody_is_written_down_so_and_the_fallback_is_named(unreachable: Team) -> None:
    notices = [one for one in unreachable.remembered.evidence if isinstance(one, Noticed)]

    assert [bool(one.unreached) for one in notices] == [True, False]
    assert unreachable.told[-1].mentions == {"support-lead"}
    assert "has not reached them" in unreachable.told[-1].body
    assert len(unreachable.told) == 2


def test_the_gate_stays_shut_until_somebody_of_the_party_has_answered(unreachable: Team) -> None:
    unreachable.later(days=3)
    assert unreachable.stage == "beta"
    assert "did not reach them" in unreachable.living.html

    unreachable.write("/stage ack", by="support-lead")
    unreachable.settle()
    assert unreachable.stage == "beta", "the day ahead counts from the answer"
    unreachable.later(days=1, hours=1)

    assert unreachable.stage == "public"


def test_a_team_whose_notifications_are_off_is_not_reached_though_its_mention_is_a_link(house: House) -> None:
    team = OnGitHub(house)
    house.world.github.teams["support"].notification_setting = "notifications_disabled"
    team.stand_in("beta")
    team.ask_for("public")

    assert "acme/support" in team.told[-2].mentions
    assert team.told[-1].mentions == {"support-lead"}
    assert "notifications" in team.told[-1].body


def test_a_person_who_only_writes_the_teams_name_in_a_quote_has_told_nobody(house: House) -> None:
    team = OnGitHub(house)
    team.open("beta")
    team.settle()
    team.write("> @acme/support heads-up\n\nDid anybody tell them? `@acme/support`", by="erin")
    team.settle()

    assert not [one for one in team.remembered.evidence if isinstance(one, Noticed) and one.by.handle == "erin"]


def test_on_jira_a_party_that_is_a_group_is_mentioned_by_its_people(house: House) -> None:
    team = OnJira(house)
    team.open("beta")
    team.settle()
    house.put_in_force("", notify="\n  - {entering: public, parties: [growth], level: post, effective: 2026-12-01}")
    team.ask_for("public")

    assert team.told[-1].mentions == {"gus", "gwen"}
