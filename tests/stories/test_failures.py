"""What goes wrong is tried again, ever more rarely, is said on the issue and to the admin, and mends, or is mended.

Time passes in these stories as the clock sees it: from one try to the next.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from integration.failed import Record, lines
from integration.memory.failures import Failure, Hopeless, Kind, State
from integration.memory.inbox import Inbox
from integration.memory.ledger import LedgerAway
from integration.sandbox.world import Fault
from integration.stages.model import Ref
from integration.stages.planning import plan
from integration.trackers import Locked
from tests.stories.house import House, OnGitHub, OnJira, Team
from workers import jobs
from workers.failing import OURS

READS = r"^GET .*/issues?/"
SEEN = """
  - id: support-before-public
    entering: public
    require: [{acknowledged: {party: support}}]
    level: block
    effective: 2026-12-01
"""
CANNOT = "I have not been able to look at this issue"


def open_one(team: Team) -> Failure | None:
    return team.house.desk.ledger.failures.of(team.ref)


def tries(team: Team, until: datetime) -> list[datetime]:
    """Let time pass until then, as the clock sees it; when the house tried."""
    found: list[datetime] = []
    while team.house.now() < until:
        known = open_one(team)
        if known is None:
            break
        if known.last_try not in found:
            found.append(known.last_try)
        soon = max(known.next_try or until, team.house.now())
        team.house.traveller.move_to(min(soon, until) + timedelta(seconds=1))
        team.settle()
    return found


def test_a_tracker_that_fails_for_an_hour_is_asked_ever_more_rarely_and_the_living_comment_says_since_when(
    blocked: Team,
) -> None:
    team, begun = blocked, blocked.house.now()
    before, comments = team.living.body, len(team.said)
    team.world.faults.add(Fault(READS, "before", status=500, times=-1))
    team.write("what about the export?", by="evan")
    team.settle()
    assert CANNOT not in team.living.body, "once is nothing"

    tried = tries(team, begun + timedelta(hours=1))

    gaps = [later - sooner for sooner, later in itertools.pairwise(tried)]
    assert 6 <= len(tried) <= 14
    assert gaps[-1] > 4 * gaps[1] > timedelta(0)
    assert CANNOT in team.living.body
    assert "Beta Release" in team.living.body
    assert "nobody has to do anything" in team.living.body
    assert not team.living.mentions
    assert len(team.said) == comments, "edited in place"
    assert team.house.inbox.depth() == 1, "the hint is kept"

    team.world.faults.clear()
    team.later(hours=1)
    assert open_one(team) is None
    assert team.living.body.partition("Last checked")[0] == before.partition("Last checked")[0]
    assert team.house.inbox.depth() == 0
    assert team.house.desk.ledger.verify(team.ref) is None


@pytest.mark.parametrize("tracker", ["github"])
def test_it_is_said_once_and_the_request_that_is_open_outlives_even_the_loss_of_the_ledger(blocked: Team) -> None:
    team = blocked
    asked = team.remembered.attempt
    team.world.faults.add(Fault(READS, "before", status=500, times=-1))
    team.write("hello?", by="evan")
    team.settle()
    edits = 0
    for _ in range(6):
        was = team.living.body
        team.later(minutes=20)
        edits += team.living.body != was
    assert edits == 1
    assert CANNOT in team.living.body

    team.world.faults.clear()
    team.house.lose_the_ledger()
    team.write("and now?", by="evan")
    team.settle()
    found = team.remembered.attempt
    assert asked
    assert found
    assert (found.id, found.to) == (asked.id, asked.to)
    assert CANNOT not in team.living.body


@pytest.mark.parametrize("tracker", ["jira"])
def test_where_the_tracker_takes_no_words_either_nothing_is_said_and_all_of_it_mends_itself(blocked: Team) -> None:
    team, before = blocked, blocked.living.body
    team.world.faults.add(Fault(r"/issues?/", "before", status=500, times=-1))
    team.write("hello?", by="evan")
    team.settle()
    tries(team, team.house.now() + timedelta(minutes=30))
    assert team.living.body == before
    known = open_one(team)
    assert known
    assert known.tries > 3
    assert not known.told

    team.world.faults.clear()
    team.later(hours=1)
    assert open_one(team) is None
    assert CANNOT not in team.living.body


def test_a_comment_tries_again_at_once_however_long_it_would_have_waited(blocked: Team) -> None:
    team = blocked
    team.house.put_in_force(SEEN)
    team.world.faults.add(Fault(READS, "before", status=500, times=-1))
    team.write("hello?", by="evan")
    team.settle()
    tries(team, team.house.now() + timedelta(hours=1))
    team.world.faults.clear()
    known = open_one(team)
    assert known
    assert known.next_try
    assert known.next_try > team.house.now() + timedelta(minutes=2)

    team.says("/stage ack", by="sam")
    assert team.stage == "public"
    assert open_one(team) is None


def test_a_missing_permission_is_told_to_the_admin_with_its_fix_and_buried_after_eight_tries(house: House) -> None:
    team = OnJira(house)
    team.stand_in("beta")
    house.world.faults.add(Fault(READS, "before", status=403, times=-1))
    with structlog.testing.capture_logs() as logs:
        team.write("hello?", by="evan")
        team.settle()
        tries(team, house.now() + timedelta(hours=2))
    said = [one for one in logs if one["log_level"] == "error" and "fix" in one]
    assert len(said) == 8
    assert "release-stages failed" in said[0]["see"]
    assert said[-1]["event"] == "failed too often, and waits for the admin"
    known = open_one(team)
    assert known
    assert (known.state, known.tries, known.next_try) == (State.DEAD, 8, None)
    assert house.inbox.depth() == 0, "it is not tried any more by itself"

    house.world.faults.clear()
    team.says("any comment is a hint", by="evan")
    assert open_one(team) is None


@pytest.fixture
def buggy(monkeypatch: pytest.MonkeyPatch) -> Callable[[Ref], Callable[[], None]]:
    """Put a bug in for one issue; answers with how it is mended."""

    def put_in(ref: Ref) -> Callable[[], None]:
        right = plan.make

        def wrong(given: Any) -> plan.Plan:
            if given.issue.ref == ref:
                raise KeyError("hunter2")
            return right(given)

        monkeypatch.setattr(plan, "make", wrong)
        return lambda: monkeypatch.setattr(plan, "make", right)

    return put_in


def test_a_bug_with_one_issue_stops_no_other_is_listed_with_its_place_and_retried_when_it_is_mended(
    house: House, buggy: Callable[[Ref], Callable[[], None]]
) -> None:
    house.put_in_force(SEEN)
    team, other = OnGitHub(house), OnJira(house)
    team.stand_in("beta")
    other.stand_in("beta")
    team.ask_for("public")  # so that there is a living comment
    assert team.living
    mend = buggy(team.ref)
    house.has_bugs = True

    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as logs:
        team.write("/stage ack", by="sam")
        other.move("public")
        house.settle()
        assert other.stage == "beta"
        assert "needs Support first" in other.told[-1].body
        tries(team, house.now() + timedelta(hours=2))
    traces = [one for one in logs if one.get("exc_info")]
    assert len(traces) == 8
    assert {(one["ref"], type(one["exc_info"])) for one in traces} == {(str(team.ref), KeyError)}
    known = open_one(team)
    assert known
    assert (known.state, known.step) == (State.DEAD, OURS)
    assert known.reason.startswith("KeyError in integration.look._planned, line ")
    assert "sees to it" in team.living.body
    record = Record(house.desk.ledger, house.inbox)
    listed = "\n".join(lines(record.found()))
    assert "KeyError in integration.look" in listed
    assert f"release-stages failed retry {team.ref.key}" in listed
    assert "hunter2" not in listed + team.living.body

    mend()
    house.has_bugs = False
    assert record.retry(team.ref.key, house.now()) == (team.ref,)
    house.settle()
    assert team.stage == "public", "Support had answered in the meantime"
    assert record.found().is_well
    assert CANNOT not in team.living.body


@pytest.mark.parametrize("tracker", ["github"])
def test_what_the_people_of_the_issue_can_mend_is_told_to_them(blocked: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    team = blocked
    tracker = team.house.desk.tracker(team.ref)

    def locked(*_: object, **__: object) -> None:
        raise Locked("the issue is closed to our account")

    monkeypatch.setattr(type(tracker), "fetch", locked)
    team.write("hello?", by="evan")
    team.settle()
    tries(team, team.house.now() + timedelta(days=2))
    assert "whoever may change this issue" in team.living.body
    assert "the issue is closed to our account" in team.living.html


@pytest.mark.parametrize("tracker", ["github"])
def test_an_issue_that_is_gone_for_good_is_dropped_with_its_reason_and_looked_for_when_something_comes_for_it(
    in_beta: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = in_beta

    def gone(*_: object) -> None:
        raise Hopeless("the issue was deleted")

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_work", gone)
        team.says("one last word", by="evan")
    known = open_one(team)
    assert known
    assert (known.state, known.because) == (State.DROPPED, "the issue was deleted")
    assert team.house.inbox.depth() == 0
    record = Record(team.house.desk.ledger, team.house.inbox)
    assert record.found().is_well, "nothing is left to be done"
    assert "the issue was deleted" in "\n".join(lines(record.found()))

    team.says("it is back", by="evan")
    assert open_one(team) is None


@pytest.mark.parametrize("tracker", ["jira"])
def test_an_issue_that_we_may_see_and_not_write_to_is_told_to_the_admin(in_beta: Team) -> None:
    team = in_beta
    team.world.faults.add(Fault(r"^POST .*/comments?$", "before", status=404, times=-1))
    team.move("public")
    team.settle()
    tries(team, team.house.now() + timedelta(minutes=20))
    known = open_one(team)
    assert known
    assert known.kind is Kind.ADMIN
    assert "public" in team.stages, "say comes before do"

    team.world.faults.clear()
    team.later(hours=1)
    team.later(minutes=2)
    assert team.stage == "beta"
    assert open_one(team) is None


def test_without_the_ledger_the_hint_waits_in_the_inbox(
    house: House, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = OnGitHub(house)
    team.stand_in("beta")
    inbox = Inbox.connect(redis_url)

    def away(*_: object) -> None:
        raise LedgerAway("the ledger does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(house.desk.ledger), "read", away)
        patch.setattr(type(house.desk.ledger.failures), "of", away)
        inbox.hint(team.ref)
        jobs.run_one(house.desk, inbox, team.ref)
        assert inbox.depth() == 1
    house.later(minutes=3)
    assert inbox.depth() == 0
