"""No war: not with a bot that sets the stage back for ever, not with ourselves, and not by the hundred."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from integration.memory import breaker
from integration.sandbox.people import SERVICE
from integration.sandbox.world import Fault
from integration.stages.remembered import Step
from tests.stories.files import RULES
from tests.stories.house import House, OnGitHub, OnJira, Team

BOT = "stale-bot[bot]"
PUT_BACK = {"github": r"^DELETE .*/issues/\d+/labels/", "jira": r"^POST .*/transitions$"}


def sets_it_again(team: Team) -> Callable[[], None]:
    """The other bot answers each put-back at once."""

    def again() -> None:
        with suppress(ValueError, LookupError):
            team.move("public", by=BOT)

    return again


def test_a_bot_that_sets_the_label_back_for_ever_is_put_back_three_times_and_then_left_standing(in_beta: Team) -> None:
    in_beta.world.faults.add(
        Fault(PUT_BACK[in_beta.ref_tracker], "call", call=sets_it_again(in_beta), when="after", times=-1)
    )
    in_beta.ask_for("public", by=BOT)
    in_beta.later(minutes=2)
    in_beta.later(minutes=20)
    told = len(in_beta.told)
    for _ in range(4):
        in_beta.later(hours=20)

    puts_back = [key for key in in_beta.remembered.intents if key.startswith("put-back:")]
    assert len(puts_back) == 3
    assert "public" in in_beta.stages
    assert {outcome for was, to, outcome in in_beta.verdicts if to == "public"} == {"blocked"}, "never by persistence"
    assert len([one for one in in_beta.told if "its gates are shut" in one.body]) == 1
    assert len(in_beta.told) - told <= 2, "a reminder and an escalation to those who are awaited, and no more"


def test_a_comment_that_stands_there_twice_is_left_once_and_nobody_is_told_again(blocked: Team) -> None:
    before = [one.body for one in blocked.said]
    post_again(blocked, "/stage ack")
    post_again(blocked, "Last checked")
    assert len(blocked.said) == len(before) + 2
    blocked.says("/stage recheck", by="erin")

    assert len([one for one in blocked.said if "Last checked" in one.body]) == 1
    assert len(blocked.said) == len(before)
    doubles = [one for key, one in blocked.remembered.intents.items() if key.startswith("double:")]
    assert [one.step for one in doubles] == [Step.DONE, Step.DONE]
    assert blocked.stage == "beta"
    blocked.says("/stage ack", by="sam")
    assert blocked.remembered.attempt is not None, "the notice counts from the comment that is left"


def post_again(team: Team, holds: str) -> None:
    """The tracker shows a comment of ours a second time: it had posted it, and lost the answer."""
    if isinstance(team, OnGitHub):
        repo = team.world.github.repo(team.repo)
        ours = [one for one in team.world.github.issue(repo, team.number).comments if one.by == SERVICE]
        team.world.github.comment(team.repo, team.number, next(one.body for one in ours if holds in one.body), SERVICE)
    if isinstance(team, OnJira):
        jira = team.world.jira
        ours_there = [one for one in jira.issue(team.key).comments if one.author == SERVICE]
        one = next(one for one in ours_there if holds in one.body)
        jira.comment(team.key, one.body, SERVICE, properties=dict(one.properties), adf=one.adf)


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many acts are let through here: fewer than are shipped, which tests/memory/test_breaker.py counts."""
    monkeypatch.setattr(breaker, "MOST", 6)
    return 6


def many(house: House, kind: type[Team], number: int) -> list[Team]:
    """So many features that stood in Beta, and were moved on while no webhook arrived."""
    teams = []
    for n in range(number):
        team = kind(house)
        team.open("beta", title=f"Feature {n}")
        teams.append(team)
    house.settle()
    house.later(hours=1)
    return teams


@pytest.mark.parametrize("kind", [OnGitHub, OnJira], ids=["github", "jira"])
def test_a_cause_that_is_nobodys_is_held_after_its_acts_and_goes_on_when_it_is_released(
    house: House, kind: type[Team], most: int
) -> None:
    house.put_in_force(RULES, notify="")
    teams = many(house, kind, most + 4)
    house.world.hooks.drop_next(len(teams))
    for team in teams:
        team.move("public")
    assert house.world.hooks.idle(20)

    for team in teams:
        house.inbox.hint(team.ref, cause="sweep")
    house.settle()

    spoken = [team for team in teams if team.said]
    assert 0 < len(spoken) < len(teams)
    assert house.inbox.breaker.tripped("sweep")

    while house.inbox.breaker.held():
        house.inbox.breaker.release("sweep")
        house.later(minutes=15)
    assert [team.stage for team in teams] == ["beta"] * len(teams)
    assert all(len(team.told) == 1 for team in teams)


def test_what_people_do_at_a_tracker_is_never_held(house: House, most: int) -> None:
    house.put_in_force(RULES, notify="")
    teams = many(house, OnGitHub, most)  # each is answered and put back
    for team in teams:
        team.move("public")
    house.settle()

    assert [team.stage for team in teams] == ["beta"] * len(teams)
    assert house.inbox.breaker.held() == ()


def test_what_a_changed_file_would_do_to_many_at_once_is_held_after_its_acts(house: House, most: int) -> None:
    house.put_in_force(RULES, notify="")
    teams = many(house, OnGitHub, most + 3)
    for team in teams:
        team.move("public")
    house.settle()
    assert {team.stage for team in teams} == {"beta"}

    house.put_in_force("[]", notify="")
    house.later(hours=7)

    assert [one.cause for one in house.inbox.breaker.held()] == ["reload"]
    assert 0 < sum(team.stage == "public" for team in teams) < len(teams)
    while house.inbox.breaker.held():
        house.inbox.breaker.release("reload")
        house.later(hours=7)
    assert {team.stage for team in teams} == {"public"}
