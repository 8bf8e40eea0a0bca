"""Where a blocked move cannot be put back, it stands, is said to stand, and is never admitted by that."""

from __future__ import annotations

from dataclasses import replace

from integration.sandbox.jira import REASON
from tests.stories.house import House, OnJira


def released(house: House) -> OnJira:
    team = OnJira(house)
    team.project = "ONE"
    team.stand_in("beta")
    team.ask_for("public")
    return team


def test_a_jira_status_with_no_way_back_is_said_once_and_held(house: House) -> None:
    team = released(house)

    assert team.stage == "public"
    assert team.verdicts[-1] == ("beta", "public", "blocked")
    calls = [one for one in team.told if "its gates are shut" in one.body]
    assert len(calls) == 1
    assert calls[0].mentions == {"erin", "support-lead"}
    assert "there is no way back" in calls[0].html
    team.later(hours=30)
    assert len([one for one in team.told if "its gates are shut" in one.body]) == 1
    assert team.verdicts[-1] == ("beta", "public", "blocked")


def test_it_is_put_back_when_a_way_back_is_made_and_somebody_asks_to_recheck(house: House) -> None:
    team = released(house)
    ways = house.world.jira.projects["ONE"]
    ways.transitions.append(replace(ways.transitions[0], id="99", sources=frozenset({"Released"}), to="Beta"))

    team.write("/stage recheck", by="erin")
    team.settle()

    assert team.stage == "beta"


def test_a_required_field_on_the_way_back_is_named(house: House) -> None:
    house.world.jira.require("APP", "Beta", REASON)
    team = OnJira(house)
    team.stand_in("beta")
    team.ask_for("public")

    assert team.stage == "public"
    (call,) = [one for one in team.told if "its gates are shut" in one.body]
    assert "Reason" in call.html
