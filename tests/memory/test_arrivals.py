"""The last days' deliveries, what waits and who works, what admins did, what is used up: as Redis tells people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis
from rq import SimpleWorker

from integration.memory import arrivals
from integration.memory.acts import Act
from integration.memory.budgets import KNOWN
from integration.memory.inbox import PREFIX, Away, Inbox
from integration.memory.traffic import Traffic
from integration.stages.model import Hint, Ref
from integration.trackers import github_wire

APP, MOBILE = Ref.parse("acme/app#12"), Ref.parse("jira:eu/APP-7")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def inbox(redis_client: redis.Redis) -> Inbox:
    return Inbox(redis_client)


def test_deliveries_are_told_the_newest_first_with_what_they_were(inbox: Inbox) -> None:
    inbox.accept_all([("guid:1", [Hint(APP)], "issues.labeled"), ("guid:2", [Hint(MOBILE), Hint(APP)], "issue")], NOON)
    second, first = inbox.arrivals.latest(10)
    assert (first.id, first.event, first.refs, first.at, first.is_new) == (
        "guid:1",
        "issues.labeled",
        (APP,),
        NOON,
        True,
    )
    assert (second.refs, second.tracker, first.tracker) == ((MOBILE, APP), "jira:eu", "github")
    assert inbox.arrivals.latest(10, second.number) == (first,)
    assert inbox.arrivals.ever() in (2, None)


def test_one_that_comes_twice_is_told_twice_and_once_as_seen_before(inbox: Inbox) -> None:
    for _ in range(2):
        inbox.accept_all([("guid:1", [Hint(APP)], "issues")], NOON)
    assert [one.is_new for one in inbox.arrivals.latest(10)] == [False, True]


def test_hints_of_our_own_are_no_deliveries(inbox: Inbox) -> None:
    inbox.hint(APP)
    assert inbox.arrivals.latest(10) == ()
    assert inbox.arrivals.ever() == 0


def test_what_somebody_wrote_into_an_id_stays_on_its_line(inbox: Inbox) -> None:
    inbox.accept_all([("a\nacme/other#1\n" + "x" * 500, [Hint(APP)], "e\n1")], NOON)
    (one,) = inbox.arrivals.latest(1)
    assert (one.refs, one.event, len(one.id)) == ((APP,), "e?1", 100)


def test_no_more_are_kept_than_are_wanted_and_none_for_longer(
    inbox: Inbox, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrivals, "MOST", 100)
    for part in range(10):
        inbox.accept_all([(f"guid:{part}:{n}", [Hint(APP)], "issues") for n in range(100)], NOON)
    assert 100 <= redis_client.xlen(f"{PREFIX}arrivals") <= 300, "Redis trims by whole nodes"
    inbox.accept("guid:x", [Hint(APP)], datetime.now(UTC) + arrivals.KEPT_FOR + timedelta(hours=1))
    assert redis_client.xlen(f"{PREFIX}arrivals") <= 100


def test_a_refused_delivery_leaves_no_trace_among_them(inbox: Inbox, redis_client: redis.Redis) -> None:
    redis_client.config_set("maxmemory", 1)
    try:
        with pytest.raises(Away):
            inbox.accept("guid:1", [Hint(APP)], NOON)
    finally:
        redis_client.config_set("maxmemory", 0)
    assert inbox.arrivals.latest(1) == ()


def test_what_waits_is_told_the_longest_waiting_first_with_how_it_stands(inbox: Inbox) -> None:
    inbox.accept("guid:1", [Hint(APP)], NOON)
    inbox.hint(MOBILE, now=NOON + timedelta(minutes=1))
    run = inbox.begin(APP, NOON + timedelta(minutes=2))
    assert run
    first, second = inbox.waiting(10)
    assert (first.name, first.since, first.under_way) == (str(APP), NOON, True)
    assert (second.name, second.under_way, second.later) == (str(MOBILE), False, None)
    inbox.put_off(run, NOON + timedelta(hours=1))
    assert inbox.waiting(1)[0].later == NOON + timedelta(hours=1)


def test_who_works_is_told(inbox: Inbox, redis_client: redis.Redis) -> None:
    assert inbox.workers() == ()
    SimpleWorker([inbox.queue], connection=redis_client, serializer="json").register_birth()
    (one,) = inbox.workers()
    assert one.host
    assert one.pid.isdecimal()
    assert one.since


def test_what_admins_did_is_kept_the_newest_first(inbox: Inbox) -> None:
    for what in ("retry", "drop"):
        inbox.acts.note(Act(NOON, "Erin (erin)", what, str(APP), "enough"))
    assert [one.what for one in inbox.acts.latest(10)] == ["drop", "retry"]
    assert inbox.acts.latest(1)[0] == Act(NOON, "Erin (erin)", "drop", str(APP), "enough")


def test_budgets_tell_what_is_used_up_and_name_no_issue(inbox: Inbox, redis_client: redis.Redis) -> None:
    traffic, account, now = Traffic(redis_client, b"k" * 32), "github:0123456789abcdef0123", datetime.now(UTC)
    for _ in range(3):
        traffic.enter([account], [github_wire._points(account, 5), *github_wire._creations(account, 1)])
    traffic.enter(["jira:main"], [github_wire._points("jira:main:APP-7", 1)])
    traffic.rest("jira:main", 30)
    traffic.rest("jira:main:APP-7", 30)
    found = {one.kind: (one.account, one.used) for one in inbox.budgets.used(now)}
    assert found == {"points": (account, 15), "new": (account, 3), "new-hourly": (account, 3)}
    assert [one.account for one in inbox.budgets.rests()] == ["jira:main"]
    assert inbox.budgets.used(now + timedelta(hours=3)) == () or all(
        one.used == 0 for one in inbox.budgets.used(now + timedelta(hours=3))
    )


def test_the_budgets_limits_are_those_that_the_wire_counts_by() -> None:
    windows = [github_wire._points("a", 1), *github_wire._creations("a", 1)]
    assert {one.name.removeprefix("a:"): (one.limit, one.seconds) for one in windows} == {
        kind: (limit, seconds) for kind, (_, limit, seconds) in KNOWN.items()
    }
