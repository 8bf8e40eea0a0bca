"""At the start and once a day the file is compared with the world by a worker, and what is wrong is in the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import structlog
import time_machine

from integration.look import Desk
from integration.memory.inbox import Inbox
from integration.sandbox import World, running
from integration.sandbox.faults import Fault
from integration.sandbox.people import SERVICE_EMAIL, SERVICE_TOKEN
from integration.settings import GitHubSettings, JiraSettings, Settings
from integration.stages.model import Ref
from tests.live.conftest import FILE
from workers import clock, jobs

WRONG = "the world is not as mappings.yaml has it"
GITHUB, JIRA = Ref.of_round("live-check", "github"), Ref.of_round("live-check", "jira", "main")


@dataclass
class Place:
    """A desk, its inbox, and the world that it is to be compared with."""

    desk: Desk
    inbox: Inbox
    world: World

    def work(self, ref: Ref) -> list[dict[str, str]]:
        """A worker takes the hint; what it has logged of the world."""
        with structlog.testing.capture_logs() as lines:
            jobs.run_one(self.desk, self.inbox, ref)
        return [line for line in lines if line["event"] == WRONG]


@pytest.fixture
def place(tmp_path: Path, redis_url: str) -> Iterator[Place]:
    with running(World()) as served:
        settings = Settings(
            tmp_path,
            tmp_path / "mappings.yaml",
            redis_url,
            f"sqlite:///{tmp_path / 'ledger.db'}",
            b"a key for these tests",
            github=GitHubSettings(served.github_url, SERVICE_TOKEN, webhook_secrets=("s",)),
            jira=(JiraSettings("main", served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN, webhook_secrets=("s",)),),
            public_url="https://stages.acme.example",
        )
        settings.mappings.write_text(FILE.replace('"stage: beta"', '"stage: betta"').replace("[Beta]", "[Betta]"))
        desk = Desk.open(settings)
        yield Place(desk, Inbox.connect(redis_url), served.world)
        desk.ledger.close()


def test_a_clock_that_starts_hints_at_it_once_and_again_after_a_day_and_a_trial_has_none(place: Place) -> None:
    ledger, settings = place.desk.ledger, place.desk.settings
    (tick,) = [one for one in clock.table(place.inbox, ledger, settings) if one.name == "live check"]
    assert (tick.due, tick.every.days) == (0, 1)
    clock.hint_at_live_checks(place.inbox, replace(settings, sandbox=True))
    assert place.inbox.depth() == 0
    clock.hint_at_live_checks(place.inbox, settings)
    clock.hint_at_live_checks(place.inbox, settings)
    assert place.inbox.depth() == 2, "one for each tracker"


def test_what_is_wrong_is_a_warning_in_the_log_with_place_cause_and_fix(place: Place) -> None:
    clock.hint_at_live_checks(place.inbox, place.desk.settings)

    (label, *others) = place.work(GITHUB)
    assert label["log_level"] == "warning"
    assert label["place"].startswith("mappings.yaml:13:")
    assert label["cause"].startswith('acme/app has no label "stage: betta"')
    assert label["fix"] == 'did you mean "stage: beta"?'
    assert not any("Jira" in one["place"] for one in others), "each tracker is a hint of its own"
    assert next(one["cause"].partition(",")[0] for one in place.work(JIRA)) == 'APP has no status "Betta"'
    assert place.inbox.depth() == 0


def test_what_is_in_force_is_compared_and_not_what_lies_on_this_machines_disk(place: Place) -> None:
    place.desk.settings.mappings.write_text("half of a file that somebody is wri")
    place.inbox.hint(GITHUB)
    (label, *others) = place.work(GITHUB)
    assert label["cause"].startswith('acme/app has no label "stage: betta"')
    assert not any("half" in one["cause"] for one in others)


def test_how_much_is_wrong_is_told_on_the_pages_without_a_name(place: Place) -> None:
    clock.hint_at_live_checks(place.inbox, place.desk.settings)
    place.work(GITHUB)
    told = place.desk.ledger.rounds.told()[str(GITHUB)]
    assert told.startswith("2 faults, 1 warning, ")
    assert "release-stages check --live names each" in told
    assert "acme/app" not in told
    clock.hint_at_rounds(place.inbox, place.desk.ledger, place.desk.settings, place.desk.ledger.born)
    assert str(GITHUB) in place.desk.ledger.rounds.told(), "the clock forgets only rounds of trackers that are gone"


def test_it_is_not_done_again_within_minutes_and_once_mended_it_is_silent(place: Place) -> None:
    place.inbox.hint(JIRA)
    assert place.work(JIRA)
    place.desk.settings.mappings.write_text(FILE)
    place.inbox.hint(JIRA)
    assert place.work(JIRA) == []
    assert "fault" in place.desk.ledger.rounds.told()[str(JIRA)], "it was not looked at"
    with time_machine.travel(place.desk.ledger.born, tick=True) as traveller:
        traveller.shift(3600)
        place.inbox.hint(JIRA)
        assert all(one["level"] == "warning" for one in place.work(JIRA))
        assert "0 faults" in place.desk.ledger.rounds.told()[str(JIRA)]


def test_a_tracker_that_asks_us_to_wait_is_compared_later(place: Place) -> None:
    place.world.faults.add(Fault("GET .*/labels", "secondary_rate_limit", seconds=120))
    place.inbox.hint(GITHUB)
    assert place.work(GITHUB) == [], "nothing is wrong: it only has to wait"
    assert place.inbox.depth() == 1
    assert place.desk.ledger.rounds.of(str(GITHUB)).under_way
