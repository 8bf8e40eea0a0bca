"""Many deliveries at once become few writes, and each hears what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from threading import Event
from typing import Any

import pytest
import redis

from integration.memory.away import Away
from integration.memory.inbox import Inbox
from integration.stages.model import Hint, Ref
from integration.trackers.deliveries import Delivery
from integration.web import together
from integration.web.together import AT_ONCE, Together, Unkept

APP = Ref("github", "", "acme/app", 12)


def delivery(number: int) -> Delivery:
    return Delivery(f"guid:{number}", "issues.labeled", (Hint(APP),))


class Slow(Inbox):
    """An inbox whose first write waits until the others have come; `fails` are raised by the writes after it."""

    def __init__(self, client: redis.Redis, *fails: Exception) -> None:
        super().__init__(client)
        self.sizes: list[int] = []
        self.others_are_here = Event()
        self.fails = list(fails)

    def accept_all(self, deliveries: Sequence[Any], now: datetime | None = None) -> list[bool]:
        self.sizes.append(len(deliveries))
        if len(self.sizes) == 1:
            assert self.others_are_here.wait(10)
        elif self.fails:
            raise self.fails.pop(0)
        return super().accept_all(deliveries)


def keep(inbox: Slow, numbers: Sequence[int]) -> list[bool | BaseException]:
    """Keep the first, and while it is written all the others."""

    async def run() -> list[bool | BaseException]:
        kept = Together(inbox)
        first = asyncio.ensure_future(kept.keep(delivery(numbers[0])))
        while not inbox.sizes:
            await asyncio.sleep(0)
        others = [asyncio.ensure_future(kept.keep(delivery(number))) for number in numbers[1:]]
        await asyncio.sleep(0)  # all of them wait now
        inbox.others_are_here.set()
        return await asyncio.gather(first, *others, return_exceptions=True)

    return asyncio.run(run())


def test_what_comes_while_one_is_written_is_written_together(redis_client: redis.Redis) -> None:
    inbox = Slow(redis_client)
    assert keep(inbox, [*range(50), 7, 8]) == [True] * 50 + [False] * 2
    assert inbox.sizes == [1, 51]


def test_no_write_is_longer_than_redis_may_be_kept(redis_client: redis.Redis) -> None:
    inbox = Slow(redis_client)
    assert keep(inbox, range(2 * AT_ONCE + 2)) == [True] * (2 * AT_ONCE + 2)
    assert inbox.sizes == [1, AT_ONCE, AT_ONCE, 1]


@pytest.mark.parametrize(("raised", "told"), [(Away("Redis is away"), Away), (RuntimeError("odd"), Unkept)])
def test_a_write_that_fails_is_told_to_each_and_to_none_after_it(
    redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch, raised: Exception, told: type[Exception]
) -> None:
    monkeypatch.setattr(together, "AT_ONCE", 3)
    first, *failed, last = keep(Slow(redis_client, raised), range(5))
    assert (first, last) == (True, True)
    assert [type(one) for one in failed] == [told] * 3


def test_a_sender_that_leaves_meanwhile_keeps_nobody_from_hearing(redis_client: redis.Redis) -> None:
    inbox = Slow(redis_client)

    async def run() -> bool:
        kept = Together(inbox)
        gone, stays = (asyncio.ensure_future(kept.keep(delivery(number))) for number in (1, 2))
        while not inbox.sizes:
            await asyncio.sleep(0)
        gone.cancel()
        inbox.others_are_here.set()
        return await stays

    assert asyncio.run(run())
    assert inbox.depth() == 1
