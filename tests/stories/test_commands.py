"""What people may ask of us on an issue, and how they are answered."""

from __future__ import annotations

import pytest

from tests.stories.house import Team


def answer(team: Team, text: str, by: str) -> str:
    before = len(team.told)
    team.write(text, by)
    team.settle()
    assert len(team.told) == before + 1, "there is one answer"
    assert team.told[-1].mentions == {by}
    return team.told[-1].html


@pytest.mark.parametrize(
    ("text", "by", "answered"),
    [
        ("/stage help", "erin", "/stage needs-work WHAT"),
        ("/stage status", "gus", "asked for"),
        ("/stage check public", "erin", "would be put back now"),
        ("/stage check internal", "erin", "not be a step forward"),
        ("/stage check pubic", "erin", "did you mean"),
        ("/stage aprove", "sam", "did you mean"),
        ("/stage hold", "sam", "say why"),
        ("/stage hold until yesterday-ish no", "sam", "write the date as"),
        ("/stage waive support-befor-public x", "rhea", "support-before-public"),
        ("/stage approve support", "gus", "the people of Support only"),
        ("/stage resume", "sam", "nobody holds this feature"),
    ],
)
def test_a_command_is_answered_with_what_helps(blocked: Team, text: str, by: str, answered: str) -> None:
    assert answered in answer(blocked, text, by)


def test_somebody_without_triage_rights_cannot_cancel_what_another_asked_for(blocked: Team) -> None:
    if blocked.ref.tracker != "github":
        pytest.skip("on the sandbox's Jira everybody at acme may triage")
    assert "whoever asked for the move" in answer(blocked, "/stage cancel", "gus")
    assert blocked.remembered.attempt is not None


def test_a_second_wrong_command_within_ten_minutes_gets_a_sign_and_no_words(blocked: Team) -> None:
    answer(blocked, "/stage dance", "erin")
    before = len(blocked.told)
    blocked.write("/stage sing", by="erin")
    blocked.settle()

    assert len(blocked.told) == before


def test_an_acknowledgement_is_answered_with_a_sign_and_an_edit_not_with_a_comment(blocked: Team) -> None:
    before = len(blocked.said)
    blocked.write("/stage ack", by="sam")
    blocked.settle()

    assert len(blocked.said) == before
    assert "seen by" in blocked.living.html


def test_a_comment_that_was_edited_into_a_command_is_asked_for_anew(blocked: Team) -> None:
    if blocked.ref.tracker != "github":
        pytest.skip("told on GitHub")
    github = blocked.world.github
    blocked.world.hooks.hold()
    comment = github.comment("acme/app", blocked.ref.number, "fine", "sam")
    blocked.house.traveller.shift(120)
    github.edit_comment("acme/app", comment.id, "/stage ack", "sam")
    blocked.world.hooks.release()
    blocked.settle()

    assert "write the command anew" in blocked.told[-1].body
    assert not [one for one in blocked.remembered.evidence if one.kind == "acknowledged"]
