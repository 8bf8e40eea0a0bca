"""What if: stories of an admin who wants to know what a change of mappings.yaml would do, before it does it."""

from __future__ import annotations

import json
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
    assert told["changes"][0]["new"] == {
        "outcome": "blocked",
        "end": "opened",
        "ended_after_seconds": pytest.approx(7201, 5),
    }
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
