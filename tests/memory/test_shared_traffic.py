"""Budgets that all workers count in, and the shelf that they share: over a real Redis, and without one."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from redis import Redis

from integration.memory.traffic import LARGEST, PREFIX, Traffic
from integration.trackers.pace import Lane, Pace, Shelf, Window

KEY = b"a marker key of thirty-two bytes"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def later(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def traffic(redis_client: Redis, watch: Watch) -> Traffic:
    return Traffic(redis_client, KEY, watch)


def per_minute(limit: int, cost: int = 1, name: str = "points") -> Window:
    return Window(name, cost, limit, 60)


def test_it_is_the_pace_and_the_shelf_that_the_trackers_ask_for(traffic: Traffic) -> None:
    pace: Pace = traffic
    shelf: Shelf = traffic
    assert pace is shelf


class TestABudget:
    def test_lets_through_what_fits_and_counts_what_it_costs(self, traffic: Traffic) -> None:
        assert traffic.enter((), [per_minute(10, cost=5)]) == 0
        assert traffic.enter((), [per_minute(10, cost=5)]) == 0
        assert traffic.enter((), [per_minute(10)]) > 0

    def test_is_one_for_all_workers(self, traffic: Traffic, redis_client: Redis, watch: Watch) -> None:
        other = Traffic(redis_client, KEY, watch)
        took = [each.enter((), [per_minute(4)]) == 0 for each in (traffic, other) * 3]
        assert took == [True] * 4 + [False] * 2

    def test_that_is_full_leaves_the_others_uncounted(self, traffic: Traffic) -> None:
        both = [per_minute(10, name="wide"), per_minute(1, name="narrow")]
        assert traffic.enter((), both) == 0
        for _ in range(20):
            assert traffic.enter((), both) > 0
        for _ in range(9):
            assert traffic.enter((), [per_minute(10, name="wide")]) == 0

    def test_is_only_looked_at_when_that_is_wanted(self, traffic: Traffic) -> None:
        for _ in range(5):
            assert traffic.enter((), [per_minute(1)], look=True) == 0
        assert traffic.enter((), [per_minute(1)]) == 0
        assert traffic.enter((), [per_minute(1)], look=True) > 0

    def test_is_there_again_when_the_window_has_gone_by(self, traffic: Traffic, watch: Watch) -> None:
        assert traffic.enter((), [per_minute(1)]) == 0
        watch.later(59)
        assert traffic.enter((), [per_minute(1)]) > 0
        watch.later(8)
        assert traffic.enter((), [per_minute(1)]) == 0

    def test_says_when_to_come_back_and_is_right(self, traffic: Traffic, watch: Watch) -> None:
        for _ in range(3):
            assert traffic.enter((), [per_minute(3)]) == 0
            watch.later(10)
        watch.later(traffic.enter((), [per_minute(3)]))
        assert traffic.enter((), [per_minute(3)]) == 0

    def test_that_is_smaller_than_a_wish_grants_it_when_nothing_else_is_asked(self, traffic: Traffic) -> None:
        assert traffic.enter((), [per_minute(3, cost=100)]) == 0
        assert traffic.enter((), [per_minute(3)]) > 0

    def test_spreads_those_who_are_turned_away_by_what_it_has_for_them(self, traffic: Traffic) -> None:
        assert traffic.enter((), [per_minute(60, cost=60)]) == 0
        waits = sorted(traffic.enter((), [per_minute(60)]) for _ in range(200))
        assert waits[0] >= 60
        assert waits[-1] - waits[0] > 60, "two hundred would come back at sixty a minute"
        for start in range(0, 200, 25):
            assert waits[min(start + 24, 199)] - waits[start] > 1, "25 of them in one second"

    @profile(max_examples=25, deadline=None)
    @given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5)), min_size=1, max_size=60))
    def test_never_lets_more_through_in_any_window_of_its_length(
        self, redis_server: str, asked: list[tuple[float, int]]
    ) -> None:
        with closing(Redis.from_url(redis_server)) as redis:
            redis.flushall()
            watch, let = Watch(), list[tuple[datetime, int]]()
            traffic = Traffic(redis, KEY, watch)
            for pause, cost in asked:
                watch.later(pause)
                if traffic.enter((), [Window("w", cost, 20, 10)]) == 0:
                    let.append((watch.at, cost))
        for start, _ in let:
            within = [cost for at, cost in let if start <= at < start + timedelta(seconds=10)]
            assert sum(within) <= 20

    def test_leaves_nothing_behind_when_nobody_asks_any_more(self, traffic: Traffic, redis_client: Redis) -> None:
        traffic.enter(("account",), [per_minute(1)], Lane("account", "slot", 3))
        traffic.enter(("account",), [per_minute(1)], Lane("account", "slot", 3))
        traffic.rest("account", None)
        assert redis_client.keys(f"{PREFIX}*")
        assert all(redis_client.pttl(name) > 0 for name in redis_client.keys("*"))


class TestWhoIsUnderWay:
    def test_are_no_more_than_may_be_at_once(self, traffic: Traffic) -> None:
        lanes = [Lane("account", str(number), 2) for number in range(3)]
        assert [traffic.enter((), (), lane) == 0 for lane in lanes] == [True, True, False]
        traffic.leave(lanes[0])
        assert traffic.enter((), (), lanes[2]) == 0

    def test_who_left_makes_room_when_the_next_question_goes_out_or_at_the_latest_at_the_end(
        self, traffic: Traffic, redis_client: Redis, watch: Watch
    ) -> None:
        mine, theirs, other = Lane("account", "a", 1), Lane("account", "b", 1), Traffic(redis_client, KEY, watch)
        traffic.enter((), (), mine)
        traffic.leave(mine)
        assert other.enter((), (), theirs) > 0
        traffic.get("anything")
        assert other.enter((), (), theirs) == 0
        other.leave(theirs)
        other.flush()
        assert traffic.enter((), (), mine) == 0

    def test_is_forgotten_when_it_died(self, traffic: Traffic, watch: Watch) -> None:
        assert traffic.enter((), (), Lane("account", "a", 1)) == 0
        watch.later(61)
        assert traffic.enter((), (), Lane("account", "b", 1)) == 0


class TestARest:
    def test_holds_for_everybody_who_asks_under_that_name(self, traffic: Traffic, watch: Watch) -> None:
        assert traffic.rest("account", 30) == 30
        assert traffic.enter(("account",), ()) >= 30
        assert traffic.enter(("another",), ()) == 0
        watch.later(31)
        assert traffic.enter(("account",), ()) == 0

    def test_is_not_cut_short_by_a_later_and_shorter_one(self, traffic: Traffic) -> None:
        traffic.rest("account", 300)
        assert traffic.rest("account", 5) == 300
        assert traffic.enter(("account",), ()) >= 299

    def test_of_no_given_length_doubles_each_time_but_not_for_those_who_were_told_together(
        self, traffic: Traffic, watch: Watch
    ) -> None:
        lengths = []
        for _ in range(8):
            lengths.append(traffic.rest("account", None))
            assert traffic.rest("account", None) <= lengths[-1]
            watch.later(lengths[-1] + 1)
        assert lengths[:3] == [60, 120, 240]
        assert all(before <= after <= 3600 for before, after in pairwise(lengths))


class TestTheShelf:
    def test_shows_what_may_come_a_little_later_at_once_to_who_put_it_there(
        self, traffic: Traffic, redis_client: Redis, watch: Watch
    ) -> None:
        other = Traffic(redis_client, KEY, watch)
        traffic.put("name", b"value", timedelta(hours=1), soon=True)
        assert other.get("name") is None
        assert traffic.get("name") == b"value"
        assert other.get("name") == b"value"

    def test_and_the_budgets_are_asked_in_one_round_trip(self, traffic: Traffic, redis_client: Redis) -> None:
        traffic.enter((), ())
        asked = redis_client.info("commandstats")["cmdstat_evalsha"]["calls"]
        traffic.put("name", b"value", timedelta(hours=1), soon=True)
        traffic.leave(Lane("account", "a", 1))
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(redis_client, "execute_command", lambda *_: pytest.fail("a round trip of its own"))
            assert traffic.enter((), ()) == 0
        assert redis_client.info("commandstats")["cmdstat_evalsha"]["calls"] == asked + 1

    def test_gives_back_what_was_put_there_to_any_worker(self, traffic: Traffic, redis_client: Redis) -> None:
        traffic.put("name", b"value" * 100, MINUTE, "lock")
        assert Traffic(redis_client, KEY, lambda: START).get("name", "lock") == b"value" * 100
        assert traffic.get("another", "lock") is None

    def test_forgets(self, traffic: Traffic, redis_client: Redis, watch: Watch) -> None:
        traffic.put("one", b"x", MINUTE)
        traffic.put("two", b"x", MINUTE)
        assert 0 < redis_client.pttl(f"{PREFIX}shelf:one") <= 60_000
        traffic.drop("one", "two")
        assert (traffic.get("one"), traffic.get("two")) == (None, None)
        traffic.put("three", b"x", MINUTE)
        watch.later(59)
        assert traffic.get("three") == b"x"
        watch.later(2)
        assert traffic.get("three") is None

    def test_is_empty_for_who_has_not_both_keys(self, traffic: Traffic, redis_client: Redis) -> None:
        traffic.put("name", b"value", MINUTE, "lock")
        assert traffic.get("name") is None
        assert traffic.get("name", "another lock") is None
        assert Traffic(redis_client, b"another marker key", lambda: START).get("name", "lock") is None

    def test_shows_nothing_of_it_to_who_reads_redis(self, traffic: Traffic, redis_client: Redis) -> None:
        traffic.put("name", b"ghs_planted-secret", MINUTE, "lock")
        stored = redis_client.get(f"{PREFIX}shelf:name")
        assert isinstance(stored, bytes)
        assert b"planted" not in stored

    @pytest.mark.parametrize("forged", [b"", b"x", b"x" * 200, b"\x80" + b"\0" * 100])
    def test_believes_nothing_that_somebody_else_put_there(
        self, traffic: Traffic, redis_client: Redis, forged: bytes
    ) -> None:
        redis_client.set(f"{PREFIX}shelf:name", forged)
        assert traffic.get("name") is None

    def test_does_not_take_one_thing_for_another(self, traffic: Traffic, redis_client: Redis) -> None:
        traffic.put("issue 1", b"open", MINUTE)
        redis_client.rename(f"{PREFIX}shelf:issue 1", f"{PREFIX}shelf:issue 2")
        assert traffic.get("issue 2") is None

    def test_is_small(self, traffic: Traffic, redis_client: Redis) -> None:
        traffic.put("name", b'{"event": "labeled", "id": 12345}' * 500, MINUTE)
        assert redis_client.strlen(f"{PREFIX}shelf:name") < 500

    def test_keeps_nothing_that_is_huge(self, traffic: Traffic) -> None:
        traffic.put("name", b"small", MINUTE)
        traffic.put("name", b"x" * (LARGEST + 1), MINUTE)
        assert traffic.get("name") is None
        traffic.put("name", b"x" * LARGEST, MINUTE)
        assert traffic.get("name") == b"x" * LARGEST


class TestWithoutRedis:
    @pytest.fixture(params=["nobody there", "nobody answers"])
    def url(self, request: pytest.FixtureRequest) -> Iterator[str]:
        with closing(socket.socket()) as listener:
            listener.bind(("127.0.0.1", 0))
            if request.param == "nobody answers":
                listener.listen()
            yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"

    def test_everybody_may_go_soon_and_it_is_said_once(self, url: str, capsys: pytest.CaptureFixture[str]) -> None:
        traffic = Traffic.connect(url, KEY)
        began = datetime.now(UTC)
        for _ in range(50):
            assert traffic.enter(("account",), [per_minute(1)], Lane("account", "slot", 1)) == 0
            traffic.leave(Lane("account", "slot", 1))
            assert traffic.get("name") is None
            traffic.put("name", b"value", MINUTE)
            traffic.drop("name")
        assert traffic.rest("account", None) == 60
        assert datetime.now(UTC) - began < timedelta(seconds=4)
        assert capsys.readouterr().out.count("Redis does not answer") == 1
