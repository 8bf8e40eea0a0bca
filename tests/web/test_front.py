"""What the front does with bodies, one event loop and no socket: who has to wait for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from integration.web.front import LARGE_AT_ONCE, SMALL_BODY, Front
from integration.web.receiving import Answer, Asked, Declined


class Counting:
    """Stands in the place of `Receiving`: it answers with how long the body was."""

    async def receive(self, asked: Asked) -> Answer:
        try:
            return Answer(202, b"%d" % len(await asked.body()))
        except Declined as no:
            return Answer(no.status, b"")


class Wire:
    """A body that stops in the middle until it is let go on."""

    def __init__(self, size: int) -> None:
        self.parts = [b"x" * (size - 1), b"x"]
        self.may_end = asyncio.Event()
        self.answered: tuple[int, bytes] | None = None

    async def __call__(self) -> bytes:
        return b"".join([part async for part in self])

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self.parts[0]
        await self.may_end.wait()
        yield self.parts[1]

    def response_bytes(self, status: int, headers: object, body: bytes) -> None:
        self.answered = (status, body)


def ask(front: Front, wire: Wire, **headers: str) -> asyncio.Task[None]:
    told: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
    scope = SimpleNamespace(method="POST", path="/webhooks/github", headers=told)
    return asyncio.ensure_future(front.__rsgi__(scope, wire))  # type: ignore[arg-type]


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def front(within: float = 10.0) -> Front:
    return Front(Counting(), Flask(__name__), within)  # type: ignore[arg-type]


@pytest.mark.parametrize("told", [{"transfer_encoding": "chunked"}, {"content_length": str(SMALL_BODY + 1)}])
def test_large_bodies_wait_for_their_turn_and_small_ones_do_not(told: dict[str, str]) -> None:
    async def run() -> None:
        one = front()
        large = [Wire(SMALL_BODY + 2) for _ in range(LARGE_AT_ONCE + 1)]
        tasks = [ask(one, wire, **told) for wire in large]
        await settle()
        large[-1].may_end.set()
        small = Wire(1000)
        small.may_end.set()
        await ask(one, small, content_length="1000")
        assert small.answered == (202, b"1000")
        await settle()
        assert large[-1].answered is None, "it waits for its turn"
        large[0].may_end.set()
        await tasks[-1]
        assert large[-1].answered == (202, b"%d" % (SMALL_BODY + 2))
        for wire in large:
            wire.may_end.set()
        await asyncio.gather(*tasks)

    asyncio.run(run())


def test_the_time_is_for_the_whole_of_a_body_the_turn_included() -> None:
    async def run() -> list[int]:
        one = front(within=0.05)
        wires = [Wire(SMALL_BODY + 2) for _ in range(LARGE_AT_ONCE + 3)]
        await asyncio.gather(*(ask(one, wire, transfer_encoding="chunked") for wire in wires))
        return [wire.answered[0] for wire in wires if wire.answered]

    assert asyncio.run(run()) == [408] * (LARGE_AT_ONCE + 3)


def test_a_sender_that_is_gone_gives_its_turn_back() -> None:
    async def run() -> tuple[int, bytes] | None:
        one = front()
        gone = [ask(one, Wire(SMALL_BODY + 2), transfer_encoding="chunked") for _ in range(LARGE_AT_ONCE)]
        await settle()
        for task in gone:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        last = Wire(SMALL_BODY + 2)
        last.may_end.set()
        await ask(one, last, transfer_encoding="chunked")
        return last.answered

    assert asyncio.run(run()) == (202, b"%d" % (SMALL_BODY + 2))
