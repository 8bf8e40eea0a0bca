"""What if: stories of an admin who wants to know what a change of mappings.yaml would do, before it does it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from integration.cli import main
from integration.settings import Settings
from tests.stories.files import RULES, mappings
from tests.stories.house import House, Team

GROWTH = """
  - id: growth-before-public
    entering: public
    require: [acknowledged: {party: growth}]
    level: block
    effective: 2027-03-01
"""


class Admin:
    """Who has a new file in hand, and asks."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self.house, self.file = house, house.settings.data_dir / "new.yaml"
        monkeypatch.setattr(Settings, "read", lambda environ: house.settings)
        monkeypatch.setattr("integration.cli.whatif.hush", lambda: None)  # else the tests behind it log as it does

    def tries(self, rules: str, *options: str, **changes: Any) -> Result:
        self.file.write_text(mappings(rules, **changes))
        self.house.world.github.calls.clear()
        self.house.world.jira.calls.clear()
        return CliRunner().invoke(main, ["simulate", "--mappings", str(self.file), *options])

    def told(self, rules: str, *options: str, **changes: Any) -> dict[str, Any]:
        result = self.tries(rules, "--json", *options, **changes)
        assert result.exit_code == 0, result.stderr
        found: dict[str, Any] = json.loads(result.stdout)
        return found

    @property
    def asked(self) -> list[str]:
        """What the trackers were asked by the last try."""
        world = self.house.world
        return [line for calls in (world.github.calls, world.jira.calls) for line, _ in calls.asked]


@pytest.fixture
def admin(house: House, monkeypatch: pytest.MonkeyPatch) -> Admin:
    return Admin(house, monkeypatch)


def changes(told: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["ref"], one["to"]) for one in told["changes"]]


def test_a_new_rule_would_have_blocked_what_was_let_through(admin: Admin, team: Team) -> None:
    team.stand_in("beta")
    team.later(days=2)
    team.says("/stage ack", "sam")
    team.later(days=1, hours=1)
    team.ask_for("public")
    assert team.stage == "public"
    team.later(hours=2)
    team.says("/stage ack", "gus")

    told = admin.told(RULES + GROWTH)

    assert changes(told) == [("newly blocked", str(team.ref), "public")]
    assert told["changes"][0]["rules"] == ["growth-before-public"]
    assert told["changes"][0]["new"]["end"] == "opened"
    assert 7195 < told["changes"][0]["new"]["ended_after_seconds"] < 7300
    assert told["changes"][0]["old"]["outcome"] == "admitted"


def test_what_was_put_back_and_applied_would_have_been_let_in_at_once(admin: Admin, blocked: Team) -> None:
    blocked.later(days=2)
    blocked.says("/stage ack", "sam")
    assert blocked.stage == "public"

    told = admin.told("")

    assert changes(told) == [("freed", str(blocked.ref), "public")]
    assert told["changes"][0]["old"]["end"] == "opened"


def test_under_the_file_in_force_nothing_is_otherwise(admin: Admin, blocked: Team) -> None:
    blocked.move("public")
    blocked.settle()
    blocked.later(days=2)
    blocked.says("/stage ack", "sam")

    told = admin.told(RULES)

    assert told["changes"] == []
    assert told["verdicts"]["old"] == told["verdicts"]["new"] == {
        "outcomes": {"admitted": 1, "blocked": 1}, "requests": {"opened": 1},
    }  # fmt: skip


def test_it_writes_to_no_tracker_and_neither_does_the_house_for_it(admin: Admin, blocked: Team) -> None:
    before = len(blocked.said), blocked.stages

    admin.told(RULES + GROWTH)
    blocked.settle()

    assert admin.asked
    assert [line for line in admin.asked if not line.startswith("GET ")] == []
    assert (len(blocked.said), blocked.stages) == before


def test_a_second_run_reads_nothing_anew_and_offline_nothing_at_all(admin: Admin, blocked: Team) -> None:
    first = admin.told(RULES + GROWTH)
    fetched = [line for line in admin.asked if f"/{blocked.ref.number}" in line or blocked.ref.key in line]

    second = admin.told(RULES + GROWTH)
    again = [line for line in admin.asked if f"/{blocked.ref.number}" in line or blocked.ref.key in line]
    third = admin.told(RULES + GROWTH, "--offline")

    assert fetched
    assert again == []
    assert admin.asked == []
    assert first["changes"] == second["changes"] == third["changes"]


def test_only_what_has_changed_is_read_again(admin: Admin, blocked: Team) -> None:
    admin.told(RULES)
    blocked.later(days=2)
    blocked.says("/stage ack", "sam")

    told = admin.told(RULES)

    assert told["verdicts"]["new"]["requests"] == {"opened": 1}


def test_of_a_faulty_file_every_fault_is_told_and_nothing_is_asked(admin: Admin) -> None:
    shown = admin.tries("\n  - {id: x, entering: publik, require: [not_on_hold], level: block}\n")

    assert shown.exit_code == 2
    assert "new.yaml:" in shown.stderr
    assert 'no stage "publik"' in shown.stderr
    assert admin.asked == []


def test_offline_before_anything_was_read_there_is_nothing_to_go_by(admin: Admin) -> None:
    shown = admin.tries(RULES, "--offline")

    assert (shown.exit_code, shown.stdout) == (2, "")
    assert "run it without --offline" in shown.stderr


@pytest.mark.parametrize("tracker", ["github"])
def test_a_place_that_no_source_names_is_refused_in_words(admin: Admin, blocked: Team, tracker: str) -> None:
    shown = admin.tries(RULES, "--repo", "other/app")

    assert shown.exit_code == 2
    assert "no issue has changed since" in shown.stderr


@pytest.mark.parametrize("tracker", ["jira"])
def test_against_no_rules_at_all_a_file_shows_what_it_would_have_kept_out(
    admin: Admin, blocked: Team, tracker: str
) -> None:
    told = admin.told(RULES, "--against", "none", "--project", "APP")

    assert told["old"] is None
    assert changes(told) == [("newly blocked", str(blocked.ref), "public")]


@pytest.mark.parametrize("tracker", ["github"])
def test_what_was_read_can_be_forgotten(admin: Admin, blocked: Team, tracker: str) -> None:
    admin.told(RULES)

    assert admin.tries(RULES, "--forget").output == "1 histories are forgotten.\n"
    assert admin.tries(RULES, "--offline").exit_code == 2


def test_a_time_that_is_none_is_answered_with_how_to_write_one(admin: Admin) -> None:
    shown = admin.tries(RULES, "--since", "soon")

    assert shown.exit_code == 2
    assert "write 180d, 26w, 6m, 1y, or a date such as 2026-06-01" in shown.output
    assert "'2090-01-01' is still to come" in admin.tries(RULES, "--since", "2090-01-01").output


def test_without_redis_it_says_so_once_in_words_and_reads_all_the_same(
    admin: Admin, blocked: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = replace(admin.house.settings, redis_url="redis://127.0.0.1:1/0")
    monkeypatch.setattr(Settings, "read", lambda environ: away)

    shown = admin.tries(RULES)

    assert shown.exit_code == 0
    assert shown.stderr.count("Redis does not answer, so nobody counts") == 1
    assert "{" not in shown.stderr
    assert "Redis" not in admin.tries(RULES, "--offline").stderr
