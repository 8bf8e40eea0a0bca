"""Before it goes live an admin hears of all that is wrong in one go, in the file and in the world."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

from integration.cli import main
from integration.sandbox import World, running
from integration.sandbox.people import PEOPLE, SERVICE
from integration.sandbox.serving import environment

GUS, SAM = PEOPLE["gus"].account_id, PEOPLE["sam"].account_id
WITH_THIRTY_FAULTS = f"""version: 1
time_zone: Europe/Londn
stages: {{development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}}
calendars:
  office: {{time_zone: Europe/London, days: mon-fry}}
parties:
  support:
    github: {{team: acme/suport, users: [nobody-here], fallback: ["@sam"]}}
    jira: {{users: ["{GUS}", "0000"], group: suport-agents}}
    calendar: ofice
    respond_within: 1 workin day
  growth:
    github: {{team: acme/growth}}
    jira: {{group: growth-team}}
    digest: {{days: [mon], issue: acme/nowhere#1}}
  docs:
    github: {{team: acme/docs, fallback: [release-stages]}}
    escalate_to: {{github: [not-a-person], jira: ["{SAM}"]}}
sources:
  - github:
      repositories: [acme/app, acme/wep, "umbrella/*"]
      labels:
        development: "stage: dev"
        internal: "stage: internal"
        beta: ["stage: beta", "stage: internal"]
        pubic: "stage: public"
  - jira:
      projects: [ONE, OEN]
      statuses: {{development: [In Progress], internal: [Internel], beta: [Beta], public: [Released]}}
  - jira:
      site: eu
      projects: [OPS]
      statuses: {{beta: [Beta]}}
rules:
  - id: support-before-public
    entering: public
    require:
      - notified: {{party: suport, ahead: soon}}
      - acknowleged: {{party: support}}
      - described: {{field: Release note}}
    level: block
  - id: support-before-public
    entering: beta
    from: public
    require: [acknowledged: {{party: support}}]
    level: observe
    because: It is a fault, too, that the id is there already.
notify:
  - {{entering: beta, parties: [support], level: post}}
waivers: {{alowed: [support]}}
"""
EXPECTED = """
2 no time zone "Europe/Londn"
5 no weekday "fry"
8 there is no team "acme/suport", or our account cannot see it
8 there is no account "nobody-here"
8 "@sam" is no GitHub login
9 Gus cannot be asked: the account is not active
9 there is no account "0000"
9 there is no group "suport-agents"
10 no calendar "ofice"
11 "1 workin day" is no length of time
13 a mention of acme/growth reaches nobody: its notifications are turned off
15 a digest goes to acme/nowhere#1
17 there is no account "release-stages"
18 there is no account "not-a-person"
21 there is no repository acme/wep
21 no repository that our account sees fits "umbrella/*"
23 acme/app has no label "stage: dev"
25 "stage: internal" already shows "internal"
26 no stage "pubic"
28 there is no project OEN
29 ONE has no status "Internel"
29 nothing leads back from Released in ONE
31 no Jira site "eu" is configured
38 no party "suport"
38 "soon" is no length of time
39 no requirement "acknowleged"
40 Jira (main) has no field "Release note"
35 "effective" is missing
42 "support-before-public" is already the id
44 never fires
49 "effective" is missing
50 no such key "alowed"
"""


@pytest.fixture
def world():
    made = World()
    with running(made):
        yield made
    structlog.reset_defaults()


@pytest.fixture
def environ(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in environment(world.url).items() | {("DATA_DIR", str(tmp_path / "var"))}:
        monkeypatch.setenv(name, value)


def check(*arguments: str) -> tuple[int, str]:
    ran = CliRunner().invoke(main, ["check", *arguments], catch_exceptions=False)
    return ran.exit_code, ran.stdout


def test_thirty_faults_of_the_file_and_of_the_world_are_told_in_one_go(
    world: World, environ: None, tmp_path: Path
) -> None:
    world.jira.deactivate("gus")
    world.github.teams["growth"].notification_setting = "notifications_disabled"
    world.jira.create_issue("ONE", "Out already", "erin", status="Released")
    (tmp_path / "mappings.yaml").write_text(WITH_THIRTY_FAULTS)

    code, told = check("--live", "mappings.yaml")
    machine = json.loads(check("--live", "--json", "mappings.yaml")[1])

    expected = [one.partition(" ") for one in EXPECTED.strip().splitlines()]
    faults = [one for one in machine["findings"] if one["level"] == "fault"]
    found = {(one["line"], one["cause"]) for one in faults if one["line"]}
    missing = [(line, says) for line, _, says in expected
               if not any(at == int(line) and cause.startswith(says) for at, cause in found)]  # fmt: skip
    assert not missing, "\n".join(f"{line}: {cause}" for line, cause in sorted(found))
    assert len(found) == len(expected) >= 30, sorted(found)
    assert code == 1
    assert machine["faults"] == len(faults)
    for one in faults:
        assert f"{one['place']}: {one['cause']}" in told
        assert one["fix"] or "described" not in one["cause"]
    assert told.rstrip().splitlines()[-1].startswith(f"{len(faults)} faults, ")


def test_each_fault_has_its_mending(world: World, environ: None, tmp_path: Path) -> None:
    (tmp_path / "mappings.yaml").write_text(WITH_THIRTY_FAULTS)
    machine = json.loads(check("--live", "--json", "mappings.yaml")[1])
    bare = [one["cause"] for one in machine["findings"] if one["level"] != "ok" and not one["fix"]]
    assert all(re.search(r"write|never|is missing|already|takes|no length", one) for one in bare), bare


def test_a_sound_file_is_code_0_although_there_are_warnings(world: World, environ: None) -> None:
    sandbox = Path(__file__).parents[2] / "integration/sandbox/mappings.yaml"
    code, told = check("--live", str(sandbox))
    assert code == 0, told
    assert re.search(r"0 faults, \d+ warnings, \d+ fine", told)


def test_nothing_is_written_to_any_tracker(world: World, environ: None) -> None:
    sandbox = Path(__file__).parents[2] / "integration/sandbox/mappings.yaml"
    check("--live", str(sandbox))
    asked = [line for calls in (world.github.calls, world.jira.calls) for line, _ in calls.asked]
    assert asked
    assert {line.partition(" ")[0] for line in asked} == {"GET"}


def test_without_live_the_file_alone_is_told_to_machines(environ: None, world: World, tmp_path: Path) -> None:
    (tmp_path / "mappings.yaml").write_text("version: 1\nstages: 7\n")
    ran = CliRunner().invoke(main, ["check", "--json", "mappings.yaml"], catch_exceptions=False)
    told = json.loads(ran.stdout)
    assert ran.exit_code == 1
    assert told["faults"] == 2
    assert told["findings"][0]["line"] == 1
    assert world.github.calls.asked == []


def test_an_environment_that_makes_no_sense_is_code_2(
    environ: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PORT", "a pony")
    assert check("--live")[0] == 2


def test_the_service_is_called_by_a_name_that_no_person_has() -> None:
    assert SERVICE not in WITH_THIRTY_FAULTS
