"""How often a tracker is asked, reads and writes together, for each thing that the house does: a ratchet.

The numbers are those that were measured: a change that makes a call more, or saves one, shows here. A place is *cold*
when nobody was told there for ten minutes: then it is asked whether a mention reaches the party.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from integration.memory.traffic import Traffic
from integration.trackers.github import GitHub
from integration.trackers.jira import Jira
from tests.stories.conftest import house, team
from tests.stories.house import House, OnGitHub, OnJira, Team

__all__ = ["house", "team"]

LONG = 500


@pytest.fixture(params=["github", "jira"])
def tracker(request: pytest.FixtureRequest) -> str:
    """What it costs is known of each."""
    return str(request.param)


@pytest.fixture
def counted(house: House, team: Team) -> Team:
    """A team at work in a house whose workers share what they know, and hear of nothing but what they are told."""
    settings, traffic = house.settings, Traffic.connect(house.settings.redis_url, house.settings.marker_key)
    assert settings.github is not None
    house.desk.trackers["github", ""] = GitHub(settings.github, pace=traffic, shelf=traffic)
    house.desk.trackers["jira", "main"] = Jira(settings.jira[0], pace=traffic, shelf=traffic)
    house.world.hooks.drop_next(10_000)
    return team


def calls(team: Team) -> list[str]:
    """What the tracker is asked in the run that a hint makes."""
    count = team.world.github.calls if isinstance(team, OnGitHub) else team.world.jira.calls
    count.clear()
    team.house.inbox.hint(team.ref)
    team.settle()
    return [line for line, _ in count.asked]


def move(team: Team, stage: str) -> list[str]:
    """What it costs that somebody moves it, and takes the old label off, as the tracker's own board does."""
    was = team.stages
    team.move(stage)
    if isinstance(team, OnGitHub):
        for old in was:
            team.take_off(old)
    return calls(team)


def long_ago(team: Team, events: int) -> None:
    """So much has happened to the issue that nobody needs to know."""
    times = [team.house.now() - timedelta(days=3) + timedelta(minutes=number) for number in range(events // 2)]
    with team.world.github.quietly():
        for at in times:
            if isinstance(team, OnGitHub):
                team.world.github.label(team.repo, team.number, "noise", "evan", at=at)
                team.world.github.unlabel(team.repo, team.number, "noise", "evan", at=at)
            elif isinstance(team, OnJira):
                team.world.jira.set_labels(team.key, ["noise"], "evan", at=at)
                team.world.jira.set_labels(team.key, [], "evan", at=at)


def grown(team: Team, events: int) -> Team:
    """A feature in Beta, with a living comment and a history, all of it looked at."""
    team.open("development")
    long_ago(team, events)
    calls(team)
    for stage in ("internal", "beta"):
        team.later(hours=1)
        move(team, stage)
    team.later(hours=1)
    calls(team)
    return team


NUMBERS = {
    # what, on which tracker: as many calls, however long the history is
    ("nothing due", "github"): 1,
    ("nothing due", "jira"): 1,
    ("after our own words", "github"): 1,
    ("after our own words", "jira"): 1,
    ("admitted", "github"): 3,
    ("admitted", "jira"): 2,
    ("blocked", "github"): 8,
    ("blocked", "jira"): 6,
    ("blocked, cold", "github"): 11,
    ("blocked, cold", "jira"): 11,
}


@pytest.mark.parametrize("events", [0, LONG])
def test_a_run_costs_so_many_calls_however_long_the_history_is(counted: Team, tracker: str, events: int) -> None:
    found = {}
    grown(counted, 0)
    found["blocked, cold"] = move(counted, "public")
    grown(counted, events)
    found["nothing due"] = calls(counted)
    warm(counted)
    found["blocked"] = move(counted, "public")
    counted.later(minutes=1)
    found["after our own words"] = calls(counted)
    counted.later(hours=1)
    move(counted, "development")
    counted.later(hours=1)
    found["admitted"] = move(counted, "internal")
    assert {what: len(made) for what, made in found.items()} == {
        what: number for (what, where), number in NUMBERS.items() if where == tracker
    }, "\n".join(f"{what}:\n  " + "\n  ".join(made) for what, made in found.items())


def warm(team: Team) -> None:
    """Another feature was blocked a minute ago, and its notice has reached Support."""
    this = (team.number,) if isinstance(team, OnGitHub) else (team.key,) if isinstance(team, OnJira) else ()
    ref = team.ref
    team.open("beta", "Import from CSV")
    calls(team)
    team.later(hours=1)
    move(team, "public")
    team.ref = ref
    if isinstance(team, OnGitHub):
        (team.number,) = this
    elif isinstance(team, OnJira):
        (team.key,) = this
