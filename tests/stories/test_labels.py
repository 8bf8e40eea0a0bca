"""A stage's label that is renamed or deleted is no move of anybody."""

from __future__ import annotations

from tests.stories.house import House, OnGitHub


def in_beta(house: House) -> OnGitHub:
    team = OnGitHub(house)
    team.stand_in("beta")
    return team


def test_a_renamed_label_stays_the_stage_that_it_was(house: House) -> None:
    team = in_beta(house)
    said = len(team.said)

    house.world.github.rename_label("acme/app", "stage: beta", "Beta!", "erin")
    team.settle()
    team.later(minutes=10)
    team.ask_for("public")

    assert team.labels == ["Beta!"]
    assert team.verdicts[-1] == ("beta", "public", "blocked")
    assert len([one for one in team.told if "any more" in one.body]) == 0
    assert len(team.said) == said + 1, "the block comment alone"


def test_a_label_that_is_renamed_while_a_request_is_open_is_applied_under_its_new_name(house: House) -> None:
    team = in_beta(house)
    team.ask_for("public")

    house.world.github.rename_label("acme/app", "stage: public", "Out there", "erin")
    team.settle()
    team.write("/stage ack", by="sam")
    team.later(days=1, hours=1)

    assert team.labels == ["Out there"]
    assert team.verdicts[-1] == ("beta", "public", "admitted")


def test_a_deleted_label_tells_nobody_moves_nothing_and_is_written_down_for_the_admin(house: House) -> None:
    team = in_beta(house)
    told = len(team.told)

    house.world.github.delete_label("acme/app", "stage: beta", "erin")
    team.settle()
    team.later(minutes=10)

    assert len(team.told) == told
    assert team.remembered.vanished == {"stage: beta"}
    card = house.desk.look(team.ref, house.now()).plan
    assert card.stage == "beta", "it keeps its last stage"


def test_putting_the_same_stage_on_again_after_its_label_was_deleted_is_no_move(house: House) -> None:
    team = in_beta(house)
    house.world.github.delete_label("acme/app", "stage: beta", "erin")
    team.settle()
    team.later(hours=1)
    before = team.verdicts

    team.ask_for("beta")

    assert team.verdicts == before
