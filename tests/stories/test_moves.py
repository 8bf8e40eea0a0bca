"""Quick moves, jumps, slips and ways back: what counts as a move, and what is judged of it."""

from __future__ import annotations

import pytest

from tests.stories.files import RULES
from tests.stories.house import House, OnGitHub, Team

BETA_TOO = """
  - id: growth-before-beta
    entering: beta
    require: [{approved: {party: growth}}]
    level: block
    effective: 2026-12-01
    because: Growth picks who is in the beta.
"""


def test_two_quick_moves_do_not_slip_past_the_gate_between_them(team: Team) -> None:
    team.house.put_in_force(BETA_TOO)
    team.stand_in("internal")

    team.move("beta")
    team.ask_for("public")

    assert team.stage == "internal"
    attempt = team.remembered.attempt
    assert attempt is not None
    assert (attempt.was, attempt.to) == ("internal", "public"), "the target is the highest rung that was wanted"
    asked = [one for one in team.told if "needs Growth first" in one.body]
    assert len(asked) == 1


def test_when_the_gates_open_one_move_leads_to_the_highest_stage_that_was_wanted(team: Team) -> None:
    team.house.put_in_force(BETA_TOO)
    team.stand_in("internal")
    team.move("beta")
    team.ask_for("public")

    team.write("/stage approve", by="gus")
    team.settle()

    assert team.stage == "public"
    assert team.verdicts[-1] == ("internal", "public", "admitted")


def test_a_jump_over_two_stages_crosses_the_gates_of_both(team: Team) -> None:
    team.house.put_in_force(RULES + BETA_TOO)
    team.stand_in("development")

    team.ask_for("public")

    assert team.stage == "development"
    (judged,) = [one for one in team.remembered.verdicts.values() if one.move.to == "public"]
    assert {gate.rule for gate in judged.gates} == {"support-before-public", "growth-before-beta"}
    growth = {"acme/growth"} if team.ref.tracker == "github" else {"gus", "gwen"}
    assert team.told[-1].mentions == team.support | growth | {"erin"}


def test_a_backward_move_is_free_and_told_after_five_minutes_to_those_who_knew_of_the_later_stage(team: Team) -> None:
    team.open("beta")
    team.settle()
    told = len(team.told)
    assert told == 1, "Support was told of Beta"
    team.later(hours=1)

    team.ask_for("internal")
    assert team.stage == "internal"
    assert len(team.told) == told, "it may be a slip"
    team.later(minutes=6)

    assert len(team.told) == told + 1
    assert team.told[-1].mentions == team.support
    assert "It is back in Internal Release" in team.told[-1].body
    assert team.stage == "internal"


def test_those_who_never_heard_of_the_later_stage_hear_nothing_of_its_end(team: Team) -> None:
    team.house.put_in_force(RULES, notify="")
    team.stand_in("beta")

    team.ask_for("internal")
    team.later(minutes=10)

    assert team.said == []


def test_a_slip_that_is_undone_within_a_minute_leaves_nothing_behind(team: Team) -> None:
    team.house.put_in_force(RULES, notify="")
    team.stand_in("internal")

    team.world.hooks.hold()
    team.move("public")
    team.house.traveller.shift(40)
    if isinstance(team, OnGitHub):
        team.take_off("public")
    else:
        team.move("internal")
    team.world.hooks.release()
    team.settle()
    team.later(minutes=10)

    assert team.stage == "internal"
    assert team.said == []
    assert ("internal", "public", "blocked") not in team.verdicts


def test_a_slip_that_was_judged_at_once_ends_with_its_undoing(team: Team) -> None:
    """We were quicker than the person: between our say and our do the label is gone again."""
    team.stand_in("internal")
    team.ask_for("public")
    assert team.stage == "internal"
    asked = team.remembered.attempt

    team.house.traveller.shift(30)
    team.ask_for("beta")

    assert asked is not None
    assert team.remembered.attempt is None, "another move ended the request"
    assert team.stage == "beta"


@pytest.mark.parametrize("order", ["new label first", "old label first"])
@pytest.mark.parametrize("rules", [RULES, ""], ids=["blocked", "free"])
def test_a_label_swapped_in_two_events_is_one_move_in_either_order(house: House, order: str, rules: str) -> None:
    house.put_in_force(rules, notify="")
    team = OnGitHub(house)
    team.stand_in("beta")

    team.world.hooks.hold()
    if order == "new label first":
        team.move("public")
        house.traveller.shift(20)
        team.take_off("beta")
    else:
        team.take_off("beta")
        house.traveller.shift(20)
        team.move("public")
    team.world.hooks.release()
    team.settle()
    team.later(minutes=10)

    assert team.stage == ("beta" if rules else "public")
    assert team.verdicts[1:] == [("beta", "public", "blocked" if rules else "admitted")]


def test_while_a_label_is_being_swapped_nobody_is_told_that_the_feature_has_left_its_stage(house: House) -> None:
    team = OnGitHub(house)
    team.stand_in("beta")
    told = len(team.told)

    team.take_off("beta")
    team.later(minutes=3)
    team.ask_for("beta")
    team.later(minutes=10)

    assert len(team.told) == told
    assert team.stage == "beta"


def test_a_superseded_label_is_tidied_away(house: House) -> None:
    team = OnGitHub(house)
    team.stand_in("internal")

    team.ask_for("beta")

    assert team.labels == ["stage: beta"]


def test_a_label_that_is_not_mapped_is_never_touched(house: House) -> None:
    team = OnGitHub(house)
    team.open("internal")
    for label in ("bug", "stage: secret", "beta"):
        house.world.github.label(team.repo, team.number, label, "erin")
    team.settle()
    team.ask_for("public")

    assert set(team.labels) == {"stage: internal", "bug", "stage: secret", "beta"}


def test_a_jump_that_is_taken_half_the_way_back_does_not_land_above_an_unjudged_gate(team: Team) -> None:
    team.house.put_in_force(BETA_TOO, notify="")
    team.stand_in("internal")

    team.world.hooks.hold()
    team.move("public")
    team.house.traveller.shift(20)
    team.move("beta")
    if isinstance(team, OnGitHub):
        team.take_off("public")
    team.world.hooks.release()
    team.settle()

    assert team.stage == "internal"
    assert team.verdicts[-1] == ("internal", "beta", "blocked")


def test_half_the_way_back_from_what_was_admitted_is_free(team: Team) -> None:
    team.house.put_in_force("", notify="")
    team.stand_in("internal")
    team.ask_for("public")
    team.later(hours=1)
    team.house.put_in_force(BETA_TOO, notify="")
    team.move("beta")
    if isinstance(team, OnGitHub):
        team.take_off("public")
    team.later(minutes=10)

    assert team.stages >= {"beta"}
    assert not any(outcome == "blocked" for _, _, outcome in team.verdicts)
