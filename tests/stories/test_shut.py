"""An issue that takes nothing from us: locked, or archived. Nothing is done behind backs, and nothing is lost."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from integration.explain import explain
from integration.failed import Record, lines
from integration.memory.failures import Failure, Kind, State
from integration.sandbox.people import SERVICE
from tests.stories.house import OnGitHub, Team


def shut(team: Team, closed: bool = True) -> None:
    """Somebody locks the conversation (GitHub) or archives the issue (Jira); or opens it again."""
    if isinstance(team, OnGitHub):
        world = team.world.github
        world.repo(team.repo).people[SERVICE] = "triage"
        (world.lock if closed else world.unlock)(team.repo, team.number, "erin")
    else:
        team.world.jira.archive(team.ref.key, archived=closed)


def known(team: Team) -> Failure | None:
    return team.house.desk.ledger.failures.of(team.ref)


def asked(team: Team) -> int:
    """How often Support was told that Public was asked for."""
    return len([one for one in team.told if "needs Support first" in one.body])


def test_where_we_cannot_say_why_nothing_is_put_back_and_the_admin_sees_what_opens_it(in_beta: Team) -> None:
    team = in_beta
    team.world.hooks.hold()
    team.move("public")
    shut(team)
    team.world.hooks.release()
    team.settle()

    assert "public" in team.stages, "say, then do"
    assert asked(team) == 0
    failure = known(team)
    assert failure
    assert (failure.kind, failure.state) == (Kind.PEOPLE, State.RETRYING)
    opens = "unlock the conversation" if isinstance(team, OnGitHub) else "restore it"
    shown = "\n".join(lines(Record(team.house.desk.ledger, team.house.inbox).found()))
    assert opens in shown
    assert "next: somebody of the issue sees to that" in shown
    told = explain(str(team.ref), team.house.settings)
    assert "Not done since 2026-12-07" in told
    assert opens in told


def test_it_is_tried_after_an_hour_and_then_once_a_day_however_long_it_lasts(in_beta: Team) -> None:
    team = in_beta
    team.world.hooks.hold()
    team.move("public")
    shut(team)
    team.world.hooks.release()
    team.settle()
    tries = [known(team).tries]  # type: ignore[union-attr]
    for hours in (1, 25, 25, 25):
        team.later(hours=hours, minutes=2)
        failure = known(team)
        assert failure
        tries.append(failure.tries)
    assert tries == [1, 2, 3, 4, 5]
    assert asked(team) == 0


def test_when_it_is_opened_it_is_said_once_and_then_put_back(in_beta: Team) -> None:
    team = in_beta
    team.world.hooks.hold()
    team.move("public")
    shut(team)
    team.world.hooks.release()
    team.settle()
    team.later(minutes=10)

    shut(team, closed=False)
    team.settle()
    if not isinstance(team, OnGitHub):  # Jira tells nobody that an issue was restored
        team.later(hours=25)

    assert (team.stage, asked(team)) == ("beta", 1)
    assert known(team) is None
    team.says("/stage ack", by="sam")
    team.later(days=2)
    assert team.stage == "public"


@pytest.mark.parametrize("tracker", ["github"])
def test_an_archived_repository_is_nothing_that_anybody_has_to_see_to_before_something_is_to_be_said(
    blocked: Team,
) -> None:
    team = blocked
    assert isinstance(team, OnGitHub)
    team.world.github.archive(team.repo, "rhea")
    more = team.house.rules.replace("    level: block", "      - labelled: legal-is-fine\n    level: block")
    team.house.put_in_force(more, parties={"support": {"respond_within": "1 working day"}})
    team.house.inbox.hint(team.ref)
    with capture_logs() as logs:
        team.settle()
    assert "the living comment cannot be brought up to date" in [one["event"] for one in logs]
    assert known(team) is None, "one that is not of today hurts nobody"

    team.later(days=3)
    failure = known(team)
    assert failure, "a reminder could not be posted"
    assert "unarchive" in failure.reason
    team.world.github.unarchive(team.repo, "rhea")
    team.later(days=2)
    assert known(team) is None
