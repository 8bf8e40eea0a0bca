"""What-ifs that wait their turn in Redis: one for each visitor, no more than a few, kept for a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import redis

from integration.memory.what_ifs import ALIVE_FOR, KEPT_FOR, MOST, QUEUE, Full, Question, WhatIfs

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def what_ifs(redis_client: redis.Redis) -> WhatIfs:
    return WhatIfs(redis_client)


def question(who: str = "github:1") -> Question:
    return Question(who, "Erin", "version: 1\n# é", NOW, ("github:acme/app",), True)


def test_a_question_is_answered_as_it_was_asked(what_ifs: WhatIfs) -> None:
    id = what_ifs.ask(question(), NOW)
    assert what_ifs.begin(id) == question()
    what_ifs.come(id, "replayed", 3, 9)
    stand = what_ifs.stand(id, datetime.now(UTC))
    assert stand
    assert (stand.state, stand.what, stand.done, stand.of, stand.is_over) == ("running", "replayed", 3, 9, False)
    what_ifs.finish(id, {"changes": []})
    assert what_ifs.report(id) == {"changes": []}
    assert what_ifs.latest("github:1", NOW) == what_ifs.stand(id, NOW)


def test_a_visitor_has_one_at_a_time_and_another_when_it_is_over(what_ifs: WhatIfs) -> None:
    first = what_ifs.ask(question(), NOW)
    assert what_ifs.ask(question(), NOW + timedelta(minutes=30)) == first, "it waits in the queue, however long"
    assert what_ifs.waiting() == 1
    what_ifs.fail(first, "no")
    assert what_ifs.ask(question(), NOW) != first


def test_one_of_which_nobody_gives_a_sign_is_lost_and_keeps_nobody(
    what_ifs: WhatIfs, redis_client: redis.Redis
) -> None:
    first = what_ifs.ask(question(), NOW)
    redis_client.delete(f"rq:queue:{QUEUE}")  # a worker took it, and died
    what_ifs.begin(first)
    soon, late = datetime.now(UTC), datetime.now(UTC) + ALIVE_FOR + timedelta(seconds=5)
    assert what_ifs.ask(question(), soon) == first
    assert [what_ifs.stand(first, at).is_lost for at in (soon, late)] == [False, True]  # type: ignore[union-attr]
    assert what_ifs.ask(question(), late) != first


def test_no_more_wait_than_a_few(what_ifs: WhatIfs) -> None:
    for number in range(MOST):
        what_ifs.ask(question(f"github:{number}"), NOW)
    with pytest.raises(Full):
        what_ifs.ask(question("github:late"), NOW)
    assert what_ifs.latest("github:late", NOW) is None


def test_all_of_it_is_forgotten_after_a_day_and_does_not_come_back(
    what_ifs: WhatIfs, redis_client: redis.Redis
) -> None:
    id = what_ifs.ask(question(), NOW)
    for key in redis_client.keys("release-stages:what-if:*"):
        assert 0 < redis_client.ttl(key) <= KEPT_FOR.total_seconds()
        redis_client.delete(key)
    what_ifs.finish(id, {})
    assert what_ifs.begin(id) is None
    assert redis_client.keys("release-stages:what-if:*") == []
