"""Histories are read place by place, by what can only read, and the reading goes on where it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from integration.memory.ledger import Ledger
from integration.sandbox import World, running
from integration.sandbox.faults import Fault
from integration.sandbox.people import SERVICE_EMAIL, SERVICE_TOKEN
from integration.settings import GitHubSettings, JiraSettings
from integration.stages.file.mappings import read
from integration.stages.model import Ref
from integration.stages.replay.comparing import Span
from integration.trackers.github import GitHub
from integration.trackers.jira import Jira
from integration.trackers.pace import Unpaced, Window
from integration.whatif.reading import Modest, Read, Reader, Reading
from integration.whatif.wanted import Wanted
from tests.stories.files import mappings as text
from tests.whatif.store import Still

APP = "acme/app"


class Stopped(Exception):
    """Somebody has pressed Ctrl-C."""


class StopsAfter(Still):
    """Interrupted after so many issues."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def step(self) -> None:
        super().step()
        self.left -= 1
        if not self.left:
            raise Stopped


@dataclass
class Library:
    """A world to read from, and a ledger to keep it in."""

    world: World
    ledger: Ledger
    readings: dict[tuple[str, str], Reading]
    waited: list[float]

    def open(self, how_many: int, days_ago: float = 10) -> None:
        began = datetime.now(UTC) - timedelta(days=days_ago)
        with self.world.github.quietly():
            for number in range(how_many):
                at = began + timedelta(minutes=number)
                self.world.github.open_issue(APP, f"Feature {number}", "erin", labels=["stage: beta"], at=at)

    def read(self, progress: Still | None = None, around: frozenset[str] = frozenset(), **more: Any) -> Read:
        self.world.github.calls.clear()
        self.world.jira.calls.clear()
        mappings, now = read(text("")), datetime.now(UTC)
        wanted = Wanted(mappings, None, Span(now - timedelta(days=more.pop("days", 180)), now), **more)
        return Reader(self.ledger, self.readings, wanted, around, progress or Still()).read()

    @property
    def fetched(self) -> list[int]:
        """The issues of acme/app that were read one by one."""
        found = (
            re.fullmatch(rf"GET /api/v3/repos/{APP}/issues/(\d+)", line) for line, _ in self.world.github.calls.asked
        )
        return [int(one[1]) for one in found if one]

    def stored(self) -> set[Ref]:
        return set(self.ledger.histories.changed(datetime.now(UTC) - timedelta(days=999)))


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    with running(World()) as served, closing(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")) as ledger:
        waited: list[float] = []
        waits = lambda seconds, why: waited.append(seconds)  # noqa: E731
        github = GitHub(GitHubSettings(served.github_url, SERVICE_TOKEN))
        jira = Jira(JiraSettings("main", served.jira_url, SERVICE_EMAIL, SERVICE_TOKEN))
        readings = {("github", ""): Reading(github, waits), ("jira", "main"): Reading(jira, waits)}
        yield Library(served.world, ledger, readings, waited)


def test_nothing_is_left_of_a_tracker_but_what_reads(library: Library) -> None:
    writes = ("say", "edit", "remove", "react", "pin", "put_label", "take_label", "transition", "wire", "__dict__")

    for reading in library.readings.values():
        assert [name for name in writes if hasattr(reading, name)] == []


def test_issues_of_all_places_are_read_once_and_then_only_what_has_changed(library: Library) -> None:
    library.open(3)
    library.world.github.open_issue("acme/web", "Dark mode", "erin", labels=["stage: beta"])
    library.world.jira.create_issue("APP", "Import", "erin", status="Beta")

    first = library.read()
    library.world.github.comment(APP, 2, "Works.", "sam")
    second = library.read()

    assert first.read == 5
    assert {place.partition(":")[2] for place in first.places} >= {"acme/app", "acme/web", "main/APP"}
    assert second.read == 1
    assert library.fetched == [2]
    assert library.stored() == {
        Ref.parse(one) for one in ("acme/app#1", "acme/app#2", "acme/app#3", "acme/web#1", "APP-1")
    }


def test_a_list_of_several_pages_is_read_to_its_end(library: Library) -> None:
    library.open(130)

    assert library.read(repositories=(APP,)).read == 130
    assert library.read(repositories=(APP,)).read == 0


def test_after_an_interruption_the_reading_goes_on_where_it_was(library: Library) -> None:
    library.open(9)
    with pytest.raises(Stopped):
        library.read(StopsAfter(4), repositories=(APP,))
    assert library.fetched == [1, 2, 3, 4]

    done = library.read(repositories=(APP,))

    assert library.fetched == [5, 6, 7, 8, 9]
    assert (done.read, done.as_they_were) == (5, 4)
    assert len(library.stored()) == 9


def test_a_longer_time_reads_what_is_older_and_nothing_twice(library: Library) -> None:
    library.open(2, days_ago=10)
    library.open(2, days_ago=100)

    assert library.read(days=30, repositories=(APP,)).read == 2
    assert library.read(days=365, repositories=(APP,)).read == 2
    assert library.fetched == [3, 4]
    assert library.read(days=30, repositories=(APP,)).read == 0


def test_where_a_tracker_wants_us_to_wait_we_wait_and_go_on(library: Library) -> None:
    library.open(2)
    library.world.faults.add(Fault(r"GET .*/issues/2$", "secondary_rate_limit", seconds=30))

    assert library.read(repositories=(APP,)).read == 2
    assert [round(seconds) for seconds in library.waited] == [30]


def test_a_tracker_that_stays_away_ends_the_reading_and_keeps_what_was_read(library: Library) -> None:
    library.open(2)
    library.world.faults.add(Fault(r"GET .*/issues/2$", "before", times=-1))

    with pytest.raises(Exception, match="GitHub answered 502"):
        library.read(repositories=(APP,))
    assert library.stored() == {Ref.parse("acme/app#1")}
    assert len(library.waited) == 3


def test_a_place_that_may_not_be_read_is_named_and_the_others_are_read(library: Library) -> None:
    library.open(1)

    done = library.read(repositories=(APP, "acme/nowhere"))

    assert done.read == 1
    assert list(done.refused) == ["github:acme/nowhere"]


def test_an_issue_that_is_gone_is_forgotten(library: Library) -> None:
    library.open(2)
    library.read(repositories=(APP,))
    library.world.github.comment(APP, 2, "Works.", "sam")
    library.world.faults.add(Fault(r"GET .*/issues/2$", "before", status=404))

    assert library.read(repositories=(APP,)).gone == 1
    assert library.stored() == {Ref.parse("acme/app#1")}


def test_what_is_around_an_issue_is_read_only_when_a_rule_looks_at_it(library: Library) -> None:
    library.open(2)
    library.read(repositories=(APP,))

    done = library.read(around=frozenset({"issues"}), repositories=(APP,))

    assert done.read == 2, "nothing has changed, but more is wanted"
    assert library.read(around=frozenset({"issues"}), repositories=(APP,)).read == 0


def test_one_project_alone_leaves_github_out(library: Library) -> None:
    library.open(1)
    library.world.jira.create_issue("APP", "Import", "erin", status="Beta")

    assert library.read(projects=("APP",)).places == ["jira:main/APP"]
    assert library.world.github.calls.asked == []


def test_half_of_each_budget_is_left_to_the_service() -> None:
    asked: list[tuple[str, int]] = []

    class Counting(Unpaced):
        def enter(self, rests: Any, windows: Any, lane: Any = None, look: bool = False) -> float:
            asked.extend((one.name, one.limit) for one in windows)
            return 0

    Modest(Counting()).enter(("github:x",), [Window("github:x:points", 1, 810, 60)])

    assert asked == [("github:x:points", 810), ("github:x:points:what-if", 405), ("github:x:what-if:hourly", 2500)]


def test_where_no_redis_counts_the_hour_is_counted_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.whatif.reading.HOURLY", 3)
    modest, ours = Modest(Unpaced()), [Window("github:x:points", 1, 810, 60)]
    assert modest.enter(("github:x",), ours, look=True) == 0
    assert [modest.enter(("github:x",), ours) for _ in range(3)] == [0, 0, 0]
    assert 3590 < modest.enter(("github:x",), ours) <= 3600
    assert modest.enter(("jira:main",), []) == 0, "only GitHub counts by the hour"
