"""Prevention: Jira's own workflow refuses a move whose gates are shut, and lets it through when they open.

The workflow is set up by the command, as an admin sets it up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from integration.cli import main
from integration.sandbox.jira import NOTES, JiraSaysNo
from integration.sandbox.people import SERVICE_EMAIL, SERVICE_TOKEN
from tests.stories.files import RULES, mappings
from tests.stories.house import House, OnJira

NAME = "Cleared for Public Release"
MESSAGE = 'Public Release is not open for this issue. Comment "/stage request public"'


def set_up(house: House, *arguments: str, **more: str) -> str:
    """`release-stages setup jira`, by Rhea, who administers it."""
    settings, (hook,) = house.settings, house.world.hooks.hooks("jira")
    environ = {
        "JIRA_URL": settings.jira[0].url, "JIRA_EMAIL": SERVICE_EMAIL, "JIRA_API_TOKEN": SERVICE_TOKEN,
        "JIRA_WEBHOOK_SECRETS": "js", "SETUP_JIRA_EMAIL": "rhea@acme.example",
        "SETUP_JIRA_API_TOKEN": house.world.people["rhea"].token, "PUBLIC_URL": hook.url.removesuffix("/webhooks/jira"),
        "MAPPINGS": str(settings.mappings), "REDIS_URL": settings.redis_url, "DATA_DIR": str(settings.data_dir),
    }  # fmt: skip
    said = CliRunner().invoke(main, ["setup", "jira", *arguments], env=environ | more)
    if said.exception and not isinstance(said.exception, SystemExit):
        raise said.exception
    assert said.exit_code == (1 if "MISSING" in said.output else 0), said.output
    return said.output


class Guarded(OnJira):
    """A team whose workflow asks for our field before Released, and lets nobody but us write it."""

    def __init__(self, house: House) -> None:
        super().__init__(house)
        house.put_in_force(RULES)
        set_up(house, "--apply")
        self.field = next(one.id for one in house.world.jira.fields.values() if one.name == NAME)

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
def log_again() -> Iterator[None]:
    """The command sets how it logs; the tests behind it want it as it was."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def prevented(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file of these stories names the field."""

    def with_field(*args: Any, **kwargs: Any) -> str:
        plain, projects = mappings(*args, **kwargs), "      projects: [APP, ONE]\n"
        return plain.replace(projects, f"{projects}      prevent: {{public: {NAME}}}\n")

    monkeypatch.setattr("tests.stories.house.mappings", with_field)


def test_a_move_is_refused_in_the_first_place_then_allowed_then_refused_again(team: Guarded) -> None:
    team.stand_in("beta")
    assert team.shown == ""
    assert team.is_refused("public").startswith(MESSAGE)
    assert team.stage == "beta"

    team.says("/stage request public", by="erin")
    (asked,) = [one for one in team.told if "needs Support first" in one.body]
    assert asked.mentions == {"erin", "sam", "sofia", "gus", "gwen"}
    assert "goes back" not in asked.body
    team.says("/stage ack", by="sam")
    assert team.is_refused("public").startswith(MESSAGE), "Support was told an hour ago, and wants a working day"

    team.later(days=1, hours=1)
    assert team.stage == "public", "the gates are open, and what was asked for is set"
    assert team.verdicts[-1] == ("beta", "public", "admitted")
    assert team.shown == "open"

    team.move("beta")
    team.later(minutes=10)
    assert team.shown == "", "what was given for Public has been used up"
    assert team.is_refused("public").startswith(MESSAGE)
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
    assert team.is_refused("public").startswith(MESSAGE)
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
    (ours,) = [way for way in team.world.jira.projects["APP"].transitions if not way.to]
    with pytest.raises(JiraSaysNo):
        team.world.jira.transition(team.key, "", "erin", way=ours.id, fields={team.field: "open"})
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


def test_what_is_ours_can_be_taken_out_of_the_workflows_again(team: Guarded, house: House) -> None:
    set_up(house, "--apply", "--take-away")
    team.stand_in("beta")
    team.ask_for("public")

    assert team.stage == "beta"
    assert team.verdicts[-1] == ("beta", "public", "blocked"), "it went there, and was put back"


def test_issues_that_were_there_before_have_their_field_filled_when_it_is_set_up(house: House) -> None:
    team = OnJira(house)
    house.put_in_force("")
    team.stand_in("public")

    team = Guarded(house)
    team.key, team.ref = "APP-1", team.house.desk.ledger.refs()[0]
    assert team.shown == ""
    team.later(seconds=5)  # it was looked at twice just now
    assert team.shown == "open", "it may go on standing there, and come back to there"


def test_what_people_keep_in_a_field_of_theirs_is_not_overwritten_where_nothing_was_set_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.NAME", "Release notes")
    team = OnJira(house)
    house.put_in_force(RULES)
    team.stand_in("beta")
    team.world.jira.edit(team.key, "erin", **{NOTES: "what changes"})
    team.settle()
    team.ask_for("public")

    assert team.world.jira.issue(team.key).custom[NOTES] == "what changes"
    assert team.verdicts[-1] == ("beta", "public", "blocked"), "and it is put back as ever"


def test_a_field_that_is_not_there_stops_nothing_else(house: House) -> None:
    team = OnJira(house)
    house.put_in_force(RULES)
    team.stand_in("beta")
    team.says("hello", by="sam")
    team.ask_for("public")

    assert team.stage == "beta"
    assert [one for one in team.told if "needs Support first" in one.body]
