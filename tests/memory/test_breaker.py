"""The breaker: twenty acts of one cause in an hour, then none until the admin lets it go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis

from integration.memory.away import Away
from integration.memory.breaker import MOST, Breaker, Held
from integration.memory.inbox import Inbox

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def acts(breaker: Breaker, number: int, every: timedelta = SECOND, cause: str = "sweep", begin: datetime = NOON) -> int:
    """How many of so many acts are let through."""
    return sum(breaker.let(cause, begin + n * every) for n in range(number))


def test_the_twenty_first_act_within_an_hour_is_held_and_so_is_what_comes_later(redis_client: Redis) -> None:
    breaker = Breaker(redis_client)
    assert acts(breaker, MOST + 5) == MOST
    assert breaker.tripped("sweep")
    assert not breaker.let("sweep", NOON + timedelta(days=2))
    assert breaker.held() == (Held("sweep", NOON + MOST * SECOND),)


def test_as_many_acts_spread_over_more_than_an_hour_are_let_through(redis_client: Redis) -> None:
    breaker = Breaker(redis_client)
    assert acts(breaker, 3 * MOST, every=timedelta(minutes=4)) == 3 * MOST
    assert not breaker.tripped("sweep")
    assert breaker.held() == ()


def test_one_cause_does_not_hold_another(redis_client: Redis) -> None:
    breaker = Breaker(redis_client)
    acts(breaker, MOST + 1)
    assert breaker.let("labels", NOON)


def test_a_cause_that_was_released_may_do_as_much_again_before_it_is_held_anew(redis_client: Redis) -> None:
    breaker = Breaker(redis_client)
    acts(breaker, MOST + 1)
    assert breaker.release("sweep")
    assert acts(breaker, MOST + 5, begin=NOON + timedelta(minutes=1)) == MOST
    assert [one.cause for one in breaker.held()] == ["sweep"]
    assert not breaker.release("labels"), "nothing was held there"


def test_acts_at_the_same_instant_count_one_by_one_over_all_workers(redis_client: Redis) -> None:
    two = [Breaker(redis_client), Breaker(redis_client)]
    assert sum(each.let("sweep", NOON) for each in two * MOST) == MOST


def test_without_redis_it_says_so_in_our_own_word() -> None:
    with pytest.raises(Away):
        Inbox.connect("unix:///nowhere/redis.sock").breaker.let("sweep", NOON)
