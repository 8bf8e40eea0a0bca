"""Observe, then warn, then block; and a waiver with and without the right."""

from __future__ import annotations

from tests.stories.files import RULES
from tests.stories.house import Team


def to_public(team: Team, level: str) -> None:
    team.house.put_in_force(RULES.replace("level: block", f"level: {level}"), notify="")
    team.stand_in("beta")
    team.ask_for("public")


def test_an_observing_rule_says_nothing_and_writes_down_what_it_would_have_done(team: Team) -> None:
    to_public(team, "observe")

    assert team.stages >= {"public"}
    assert team.said == []
    (judged,) = [one for one in team.remembered.verdicts.values() if one.move.to == "public"]
    assert judged.outcome == "admitted"
    assert [gate.ok for gate in judged.gates] == [False]


def test_an_observing_rule_is_not_on_the_issue_either_where_another_rule_blocks(team: Team) -> None:
    watch = "  - id: soak\n    entering: public\n    require: [{visited: {stage: internal}}]\n    level: observe\n"
    team.house.put_in_force(RULES + watch, notify="")
    team.stand_in("beta")
    team.ask_for("public")
    team.write("/stage check public", by="erin")
    team.settle()

    assert len(team.said) == 3, "the block comment, the living one, the answer"
    assert "it has been in" not in "".join(one.html for one in team.said)


def test_a_warning_rule_lets_it_through_and_says_what_is_missing_to_those_who_can_give_it(team: Team) -> None:
    to_public(team, "warn")

    assert team.stage == "public"
    assert len(team.told) == 1
    assert team.told[0].mentions == team.support | {"erin"}
    assert "It stays there" in team.told[0].body
    assert team.verdicts[-1] == ("beta", "public", "warned")


def test_raising_the_level_does_not_judge_again_what_was_warned(team: Team) -> None:
    to_public(team, "warn")
    team.house.put_in_force(RULES)
    team.write("hm", by="evan")
    team.later(hours=7)

    assert team.stage == "public"


def test_raised_to_block_the_next_move_is_put_back(team: Team) -> None:
    to_public(team, "warn")
    team.later(hours=1)
    team.move("beta")
    team.later(minutes=10)
    team.house.put_in_force(RULES, notify="")

    team.ask_for("public")

    assert team.stage == "beta"


def test_a_release_manager_waives_the_rule_and_the_stage_is_applied(team: Team) -> None:
    to_public(team, "block")
    assert team.stage == "beta"

    team.write("/stage waive support-before-public Support is closed for the holidays", by="rhea")
    team.settle()

    assert team.stage == "public"
    last = [one for one in team.remembered.verdicts.values() if one.move.to == "public"][-1]
    assert "Support is closed for the holidays" in last.gates[0].waived


def test_whoever_is_no_release_manager_is_told_who_may_waive(team: Team) -> None:
    to_public(team, "block")

    team.write("/stage waive support-before-public I am in a hurry", by="sam")
    team.settle()

    assert team.stage == "beta"
    assert "Release managers" in team.told[-1].body
    assert team.told[-1].mentions == {"sam"}


def test_a_release_manager_may_not_waive_what_they_asked_for_themselves(team: Team) -> None:
    team.house.put_in_force(RULES, notify="")
    team.stand_in("beta")
    team.ask_for("public", by="rhea")

    team.write("/stage waive support-before-public I know what I do", by="rhea")
    team.settle()

    assert team.stage == "beta"
    assert "somebody else" in team.told[-1].body


def test_a_waiver_is_for_one_attempt_only(team: Team) -> None:
    to_public(team, "block")
    team.write("/stage waive support-before-public Support is closed", by="rhea")
    team.settle()
    team.later(hours=1)
    team.move("beta")
    team.later(minutes=10)

    team.ask_for("public")

    assert team.stage == "beta"
