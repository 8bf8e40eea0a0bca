"""`setup jira` on the sandbox's Jira: the webhook, the ways back, and the workflow change; said first, done once."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from honcho.environ import parse

from integration.cli import main
from integration.sandbox import World, running
from integration.sandbox.jira import NOTES, REASON, JiraState
from integration.sandbox.jira_bodies import group_id
from integration.sandbox.people import SERVICE, SERVICE_EMAIL, SERVICE_TOKEN
from integration.setup import steps
from integration.trackers.jira_hooks import EVENTS

PUBLIC = "https://stages.acme.example"
NAME = "Cleared for Public Release"
FILE = """
version: 1
stages: {development: Development, beta: Beta Release, public: Public Release}
parties: {support: {jira: {group: support-agents}}}
sources:
  - jira:
      projects: [%s]
      statuses: {development: [In Progress, In Review], beta: [Beta], public: [Released]}
      %s
rules:
  - {id: a, entering: public, require: [acknowledged: {party: support}], level: block, effective: 2026-12-01}
"""
PREVENT = f"prevent: {{public: {NAME}}}"


@dataclass
class Place:
    """The sandbox, and a directory in which the command is run."""

    world: World
    url: str
    home: Path
    redis_url: str

    @property
    def jira(self) -> JiraState:
        return self.world.jira

    def file(self, projects: str = "APP", prevent: str = PREVENT) -> None:
        (self.home / "mappings.yaml").write_text(FILE % (projects, prevent))

    def run(self, *arguments: str, **more: str) -> tuple[int, str]:
        environ = {
            "JIRA_URL": f"{self.url}/jira", "JIRA_EMAIL": SERVICE_EMAIL, "JIRA_API_TOKEN": SERVICE_TOKEN,
            "SETUP_JIRA_EMAIL": "rhea@acme.example", "SETUP_JIRA_API_TOKEN": self.world.people["rhea"].token,
            "PUBLIC_URL": PUBLIC, "DATA_DIR": str(self.home / "var"), "REDIS_URL": self.redis_url,
        }  # fmt: skip
        kept = parse((self.home / ".env").read_text()) if (self.home / ".env").exists() else {}
        given = {name: value for name, value in {**environ, **kept, **more}.items() if value}
        said = CliRunner().invoke(main, ["setup", "jira", *arguments], env=given)
        if said.exception and not isinstance(said.exception, SystemExit):
            raise said.exception
        return said.exit_code, said.output

    def ways(self, project: str = "APP") -> dict[str, Any]:
        return {way.name: way for way in self.jira.projects[project].transitions}

    @property
    def state(self) -> str:
        """All that a set-up could change, but for when it was asked for."""
        jira = self.jira
        shown = [jira.fields, jira.screens, jira.groups, {key: (one.workflow.version, one.transitions)
                 for key, one in jira.projects.items()}, jira.world.hooks.hooks("jira")]  # fmt: skip
        return repr(shown)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Iterator[Place]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(steps, "PAUSE", 0)
    with running(World()) as served:
        one = Place(served.world, served.url, tmp_path, redis_url)
        one.file()
        yield one


# --- the webhook ------------------------------------------------------------------------------------------------------


def test_the_webhook_is_made_with_secret_search_and_events_and_a_second_run_changes_nothing(place: Place) -> None:
    code, said = place.run()
    assert code == 0, said
    (hook,) = place.world.hooks.hooks("jira")
    kept = parse((place.home / ".env").read_text())
    assert (hook.url, hook.events, hook.jql) == (f"{PUBLIC}/webhooks/jira", EVENTS, 'project in ("APP")')
    assert hook.secret == kept["JIRA_WEBHOOK_SECRETS"]
    assert len(hook.secret) >= 32
    assert stat.S_IMODE((place.home / ".env").stat().st_mode) == 0o600

    before, env = place.state, (place.home / ".env").read_text()
    code, said = place.run()
    assert code == 0
    assert "ok      the webhook to" in said
    assert (place.state, (place.home / ".env").read_text()) == (before, env)


def test_no_secret_and_no_login_is_in_what_is_said_or_kept(place: Place) -> None:
    said = place.run("--apply")[1]
    (hook,) = place.world.hooks.hooks("jira")
    env = (place.home / ".env").read_text()
    for secret in (hook.secret, SERVICE_TOKEN, place.world.people["rhea"].token):
        assert secret not in said
    assert place.world.people["rhea"].token not in env
    assert "rhea" not in env


def test_only_issues_of_the_projects_are_told_of(place: Place) -> None:
    place.run()
    before = len(place.world.hooks.deliveries)
    place.jira.create_issue("GUARD", "Not ours", "erin")
    assert len(place.world.hooks.deliveries) == before
    place.jira.create_issue("APP", "Ours", "erin")
    assert len(place.world.hooks.deliveries) == before + 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"events": ("jira:issue_created",)}, "it is not told of jira:issue_updated"),
        ({"jql": "project = OLD"}, "it is for other issues (project = OLD)"),
        ({"active": False}, "it is switched off"),
        ({"secret": ""}, "it has no secret"),
    ],
)
def test_one_that_is_there_is_mended_and_keeps_its_name(place: Place, wrong: dict[str, Any], says: str) -> None:
    right: dict[str, Any] = {"secret": "theirs", "events": EVENTS, "jql": 'project in ("APP")', "name": "Ours, by hand"}
    place.world.hooks.register(url=f"{PUBLIC}/webhooks/jira/main", style="jira", **right | wrong)
    code, said = place.run(JIRA_WEBHOOK_SECRETS="theirs")
    assert code == 0, said
    assert says in said
    (hook,) = place.world.hooks.hooks("jira")
    assert (hook.name, hook.secret, hook.active) == ("Ours, by hand", "theirs", True)
    assert set(EVENTS) <= set(hook.events)
    assert hook.jql == 'project in ("APP")'


def test_a_webhook_that_signs_with_a_secret_that_we_have_lost_gets_the_new_one(place: Place) -> None:
    place.run()
    (place.home / ".env").unlink()
    code, said = place.run()
    assert code == 0, said
    assert "its secret is not the one in .env" in said
    (hook,) = place.world.hooks.hooks("jira")
    assert hook.secret == parse((place.home / ".env").read_text())["JIRA_WEBHOOK_SECRETS"]


def test_a_site_that_is_not_in_the_environment_is_told_by_its_variable(place: Place) -> None:
    code, said = place.run("--site", "other")
    assert code == 2
    assert "there is no Jira site 'other' in the environment: set JIRA_OTHER_URL" in said
    assert "SECRET" not in said


def test_a_login_that_is_wrong_is_the_admins_and_not_our_own(place: Place) -> None:
    code, said = place.run(SETUP_JIRA_API_TOKEN="wrong")
    assert code == 2
    assert "renew SETUP_JIRA_API_TOKEN" in said


def test_a_pattern_of_projects_means_those_that_our_account_sees(place: Place) -> None:
    place.file("'*'", prevent="")
    place.jira.forbid(SERVICE, "GUARD")
    place.run()
    assert place.world.hooks.hooks("jira")[0].jql == 'project in ("APP", "ONE")'


def test_who_may_not_administer_is_told_what_it_takes_and_nothing_is_changed(place: Place) -> None:
    before = place.state
    code, said = place.run("--apply", SETUP_JIRA_EMAIL="", SETUP_JIRA_API_TOKEN="")
    assert code == 2
    assert "SETUP_JIRA_EMAIL" in said
    assert place.state == before
    assert not (place.home / ".env").exists()


def test_data_center_has_its_webhooks_elsewhere_and_a_secret_in_the_address(place: Place) -> None:
    place.jira.flavour = "server"
    place.file(prevent="")
    login = {"JIRA_EMAIL": "", "JIRA_API_TOKEN": "", "JIRA_PAT": SERVICE_TOKEN,
             "SETUP_JIRA_PAT": place.world.people["rhea"].token}  # fmt: skip
    code, said = place.run(**login)
    assert code == 0, said
    (hook,) = place.world.hooks.hooks("jira")
    secret = parse((place.home / ".env").read_text())["JIRA_WEBHOOK_PATH_SECRET"]
    assert hook.url == f"{PUBLIC}/webhooks/jira/main/{secret}"
    assert secret not in said
    before = place.state
    assert place.run(**login)[0] == 0
    assert place.state == before


# --- ways back --------------------------------------------------------------------------------------------------------


def test_a_way_back_that_is_missing_is_told_with_its_mending(place: Place) -> None:
    place.file("APP, ONE", prevent="")
    code, said = place.run()
    assert code == 1
    assert "MISSING Software Simplified Workflow for Project ONE: nothing leads from Released back to Beta" in said
    assert "add a transition from Released to Beta" in said
    assert "ok      Software Simplified Workflow for Project APP: 'Start beta' leads from Released back to Beta" in said


def test_a_way_back_that_asks_for_something_is_told(place: Place) -> None:
    place.jira.require("APP", "Beta", REASON)
    place.file(prevent="")
    code, said = place.run()
    assert code == 1
    assert f"each way from Released back to Beta asks for {REASON}" in said


def test_our_own_field_on_the_way_back_is_in_nobodys_way(place: Place) -> None:
    place.file(prevent="prevent: {beta: Cleared for Beta, public: Cleared for Public}")
    assert place.run("--apply")[0] == 0
    assert place.run()[0] == 0


# --- prevention -------------------------------------------------------------------------------------------------------


def test_the_change_is_said_whole_and_nothing_of_it_is_done_before_apply(place: Place) -> None:
    place.run()
    before = place.state
    code, said = place.run()
    assert code == 0, said
    assert f"would   make the field '{NAME}', which is on no screen" in said
    assert "would   Software Simplified Workflow for Project APP: 'Release to everyone' to Released asks for" in said
    assert '"ruleType": "fieldRequired"' in said
    assert "with --apply they are" in said
    assert place.state == before


def test_apply_makes_all_of_it_and_a_second_run_finds_it_as_it_should_be(place: Place) -> None:
    code, said = place.run("--apply")
    assert code == 0, said
    (field,) = [one for one in place.jira.fields.values() if one.name == NAME]
    way = place.ways()["Release to everyone"]
    assert [rule.parameters["fieldsRequired"] for rule in way.validators] == [field.id]
    assert "/stage request public" in way.validators[0].parameters["errorMessage"]
    ours = place.ways()["Release Stages"]
    assert ours.to == ""
    assert ours.conditions[0].parameters["groupIds"] == group_id("release-stages")
    assert place.jira.groups["release-stages"] == [SERVICE]
    assert place.jira.screens[ours.screen].fields == [field.id]
    assert not field.on_edit_screen
    others = {name: one for name, one in place.ways().items() if name not in ("Release to everyone", "Release Stages")}
    assert not any(one.validators or one.conditions for one in others.values())

    before = place.state
    code, said = place.run("--apply")
    assert code == 0
    assert "  would " not in said
    assert "done    Software" not in said
    assert place.state == before


def test_rules_that_others_have_made_stay(place: Place) -> None:
    place.run("--apply")
    place.file(prevent="prevent: {beta: Cleared for Beta, public: Cleared for Public Release}")
    place.run("--apply")
    assert len(place.ways()["Release to everyone"].validators) == 1
    assert len(place.ways()["Start beta"].validators) == 1
    assert len([one for one in place.ways().values() if not one.to]) == 1


def test_our_own_way_that_was_opened_to_others_is_shut_again(place: Place) -> None:
    place.run("--apply")
    place.ways()["Release Stages"].conditions = ()
    code, said = place.run("--apply")
    assert code == 0, said
    assert "'Release Stages' is for our account alone again" in said
    assert place.ways()["Release Stages"].conditions[0].parameters["groupIds"] == group_id("release-stages")


def test_another_way_that_shows_our_screen_is_noted(place: Place) -> None:
    place.run("--apply")
    place.ways()["Start beta"].screen = place.ways()["Release Stages"].screen
    assert "'Start beta' shows the screen 'Release Stages', too" in place.run("--apply")[1]


def test_a_stage_that_the_file_prevents_no_more_is_asked_for_no_more(place: Place) -> None:
    place.file(prevent="prevent: {beta: Cleared for Beta, public: Cleared for Public Release}")
    place.run("--apply")
    place.file()
    said = place.run("--apply")[1]
    assert "'Start beta' asks for no field of ours any more" in said
    assert place.run()[0] == 0
    assert not place.ways()["Start beta"].validators
    assert place.ways()["Release to everyone"].validators


def test_rules_that_the_file_has_forgotten_are_told_and_can_be_taken_away_all_the_same(place: Place) -> None:
    place.run("--apply")
    place.file(prevent="")
    code, said = place.run("--apply")
    assert code == 1
    assert "still asks for a field of ours, which nobody fills any more" in said
    assert place.ways()["Release to everyone"].validators
    code, said = place.run("--take-away", "--apply")
    assert code == 0, said
    assert not place.ways()["Release to everyone"].validators
    assert "Release Stages" not in place.ways()
    assert place.run()[0] == 0


def test_what_jira_would_not_take_is_not_sent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.run("--apply")
    del place.jira.projects["APP"].transitions[-1]  # our way is gone
    from integration.setup.workflow import Way

    monkeypatch.setattr(Way, "transition", lambda self, number: {
        "id": number, "type": "GLOBAL", "name": "x", "links": [], "actions": [], "triggers": [], "properties": {},
        "validators": [{"ruleKey": "system:no-such-rule", "parameters": {}}],
    })  # fmt: skip
    before = place.state
    code, said = place.run("--apply")
    assert code == 1
    assert "Jira says: Rule system:no-such-rule cannot be applied" in said
    assert place.state == before


def test_a_workflow_that_other_projects_go_by_is_left_alone(place: Place) -> None:
    place.jira.projects["GUARD"].workflow = place.jira.projects["APP"].workflow
    version = place.jira.projects["APP"].workflow.version
    code, said = place.run("--apply")
    assert code == 1
    assert "1 other project(s) go by it, too" in said
    assert place.jira.projects["APP"].workflow.version == version


def test_a_group_with_others_in_it_stops_it_before_the_workflow(place: Place) -> None:
    place.jira.groups["release-stages"] = [SERVICE, "erin"]
    version = place.jira.projects["APP"].workflow.version
    code, said = place.run("--apply")
    assert code == 1
    assert "has 1 other member(s), who could write the fields" in said
    assert "the workflows stay as they are" in said
    assert place.jira.projects["APP"].workflow.version == version


def test_two_fields_of_one_name_are_told_apart_by_their_ids(place: Place) -> None:
    first, second = place.jira.make_field(NAME), place.jira.make_field(NAME)
    code, said = place.run("--apply")
    assert code == 1
    assert f"name one of {first}, {second}" in said
    place.file(prevent=f"prevent: {{public: {second}}}")
    assert place.run("--apply")[0] == 0
    assert place.ways()["Release to everyone"].validators[0].parameters["fieldsRequired"] == second


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ("Release notes", "is in use, as in APP-1: what stands there would be overwritten"),
        ("Summary", "is one of Jira's own"),
        ("Labels", "is no text"),
    ],
)
def test_a_field_in_which_people_keep_something_is_not_taken(place: Place, field: str, says: str) -> None:
    place.file(prevent=f"prevent: {{public: {field}}}")
    key = place.jira.create_issue("APP", "Export", "erin")
    place.jira.edit(key, "erin", **{NOTES: "what changes"})
    version = place.jira.projects["APP"].workflow.version
    code, said = place.run("--apply")
    assert code == 1
    assert f"the field '{field}' {says}; name another for public" in said
    assert said.count("FAILED") == 2, "and nothing else is tried with it: the workflows stay as they are"
    assert place.jira.projects["APP"].workflow.version == version


def test_a_service_that_could_not_be_told_is_no_success_as_nobody_can_move_anything(place: Place) -> None:
    place.jira.transition(place.jira.create_issue("APP", "Export", "erin"), "Beta", "erin")
    code, said = place.run("--apply", REDIS_URL="redis://127.0.0.1:1/0")
    assert code == 1
    assert "FAILED  the service could not be told" in said
    assert "nobody can move it to such a stage" in said
    assert place.run("--apply")[0] == 0


def test_a_field_that_people_could_write_is_noted(place: Place) -> None:
    place.jira.make_field(NAME, on_edit_screen=True)
    code, said = place.run("--apply")
    assert code == 0
    assert "on the screen 'Default Screen', too" in said


def test_taking_it_away_leaves_the_workflow_as_it_was(place: Place) -> None:
    before = json.dumps([[one.name, one.to, len(one.validators)] for one in place.ways().values()])
    place.run("--apply")
    assert place.run("--take-away")[0] == 0, "only said"
    assert "Release Stages" in place.ways()
    code, said = place.run("--take-away", "--apply")
    assert code == 0, said
    assert json.dumps([[one.name, one.to, len(one.validators)] for one in place.ways().values()]) == before


def test_a_dry_run_changes_nothing_at_all(place: Place) -> None:
    before = place.state
    code, said = place.run("--dry-run", "--apply")
    assert code == 0, said
    assert "would   make the webhook" in said
    assert place.state == before
    assert not (place.home / ".env").exists()
