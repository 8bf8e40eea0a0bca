"""Prevention: Jira's own workflow refuses a move whose gates are shut, and lets it through when they open.

The workflow is set up here by hand, as `release-stages setup jira` sets it up; tests/setup has that.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration.sandbox.jira import JiraSaysNo
from integration.sandbox.jira_bodies import group_id
from integration.sandbox.jira_rules import FIELD, RESTRICT
from integration.sandbox.jira_workflow import Rule, Transition
from integration.sandbox.people import SERVICE
from tests.stories.files import RULES, mappings
from tests.stories.house import House, OnJira

NAME = "Cleared for Public Release"
MESSAGE = "Public Release is not open yet: write /stage request public"


class Guarded(OnJira):
    """A team whose workflow asks for our field before Released, and lets nobody but us write it."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        self.field = house.world.jira.make_field(NAME)
        house.put_in_force(RULES)
        self.guard(house)

    def guard(self, house: House) -> None:
        jira = house.world.jira
        jira.groups["release-stages"] = [SERVICE]
        screen = jira.make_screen("Release Stages")
        screen.fields.append(self.field)
        asked = {"ruleType": "fieldRequired", "fieldsRequired": self.field, "ignoreContext": "true",
                 "errorMessage": MESSAGE}  # fmt: skip
        ours = {"groupIds": group_id("release-stages"), "permissionKeys": ""}
        ways = jira.projects["APP"].transitions
        for way in ways:
            if way.to == "Released":
                way.validators = (Rule("r1", FIELD, asked),)
        ways.append(Transition("71", "Release Stages", "", conditions=(Rule("r2", RESTRICT, ours),), screen=screen.id))

    @property
    def shown(self) -> str:
        return self.world.jira.issue(self.key).custom.get(self.field, "")

    def is_refused(self, stage: str, by: str = "erin") -> str:
        with pytest.raises(JiraSaysNo) as no:
            self.move(stage, by)
        return str(no.value)

    @property
    def fills(self) -> int:
        return sum(
            any(item["fieldId"] == self.field for item in change.items)
            for change in self.world.jira.issue(self.key).history
        )


@pytest.fixture
def team(house: House) -> Guarded:
    return Guarded(house)


@pytest.fixture(autouse=True)
def prevented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of these stories names the field."""
    plain = mappings

    def with_field(*args: object, **kwargs: object) -> str:
        return plain(*args, **kwargs).replace(  # type: ignore[arg-type]
            "      projects: [APP, ONE]\n", f"      projects: [APP, ONE]\n      prevent: {{public: {NAME}}}\n"
        )

    monkeypatch.setattr("tests.stories.house.mappings", with_field)


def test_a_move_is_refused_in_the_first_place_then_allowed_then_refused_again(team: Guarded) -> None:
    team.stand_in("beta")
    assert team.shown == ""
    assert team.is_refused("public") == MESSAGE
    assert team.stage == "beta"

    team.says("/stage request public", by="erin")
    (asked,) = [one for one in team.told if "needs Support first" in one.body]
    assert asked.mentions == {"erin", "sam", "sofia", "gus", "gwen"}
    assert "goes back" not in asked.body
    team.says("/stage ack", by="sam")
    assert team.is_refused("public") == MESSAGE, "Support was told an hour ago, and wants a working day"

    team.later(days=1, hours=1)
    assert team.stage == "public", "the gates are open, and what was asked for is set"
    assert team.verdicts[-1] == ("beta", "public", "admitted")
    assert team.shown == "open"

    team.move("beta")
    team.later(minutes=10)
    assert team.shown == "", "what was given for Public has been used up"
    assert team.is_refused("public") == MESSAGE
    assert team.verdicts[-1] == ("beta", "public", "admitted"), "nothing was put back"


def test_a_person_makes_the_move_when_the_gates_are_open(team: Guarded) -> None:
    team.stand_in("beta")
    team.says(f"{team.naming('sam')} this goes public soon", by="erin")
    team.says("/stage ack", by="sam")
    team.later(days=1, hours=1)
    assert (team.shown, team.stage) == ("open", "beta")

    team.ask_for("public")

    assert team.stage == "public"
    assert team.verdicts[-1] == ("beta", "public", "admitted")


def test_a_hold_shuts_the_door_and_its_end_opens_it(team: Guarded) -> None:
    team.stand_in("beta")
    team.says(f"{team.naming('sam')} this goes public soon", by="erin")
    team.says("/stage ack", by="sam")
    team.later(days=1, hours=1)
    assert team.shown == "open"

    team.says("/stage hold the numbers look odd", by="gus")
    assert team.shown == ""
    assert team.is_refused("public") == MESSAGE
    team.says("/stage resume", by="gus")
    assert team.shown == "open"


def test_moves_back_are_never_in_the_way(team: Guarded, house: House) -> None:
    team.stand_in("beta")
    house.world.jira.close(team.key, "rhea")
    team.settle()

    assert team.stage == "beta", "what went past the door is put back, as ever"
    assert team.verdicts[-1] == ("beta", "public", "blocked")


def test_nothing_is_written_twice_and_our_own_writing_is_no_move(team: Guarded) -> None:
    team.stand_in("beta")
    team.says("/stage request public", by="erin")
    team.says("/stage ack", by="sam")
    team.later(days=1, hours=1)
    written = team.fills
    assert written == 1

    for _ in range(4):
        team.later(hours=6)

    assert team.fills == written
    assert [one[2] for one in team.verdicts].count("admitted") == 2


def test_people_cannot_write_the_field(team: Guarded) -> None:
    team.stand_in("beta")
    with pytest.raises(JiraSaysNo, match="not on the appropriate screen"):
        team.world.jira.edit(team.key, "erin", **{team.field: "open"})
    with pytest.raises(JiraSaysNo):
        team.world.jira.transition(team.key, "", "erin", way="71", fields={team.field: "open"})
    assert team.shown == ""


def test_where_people_can_write_it_what_they_write_is_overwritten_but_not_without_end(house: House) -> None:
    team = Guarded(house)
    fields = house.world.jira.fields
    fields[team.field] = replace(fields[team.field], on_edit_screen=True)
    team.stand_in("beta")

    team.world.jira.edit(team.key, "erin", **{team.field: "open"})
    team.settle()
    assert team.shown == ""
    for _ in range(6):
        team.world.jira.edit(team.key, "erin", **{team.field: "open"})
        team.later(seconds=30)

    assert team.fills < 6 + 6
    team.later(hours=2)
    assert team.shown == ""


def test_a_field_that_is_not_there_stops_nothing_else(house: House) -> None:
    team = OnJira(house)
    house.put_in_force(RULES)
    team.stand_in("beta")
    team.says("hello", by="sam")
    team.ask_for("public")

    assert team.stage == "beta"
    assert [one for one in team.told if "needs Support first" in one.body]
