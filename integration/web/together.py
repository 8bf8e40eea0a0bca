"""Group commit: all deliveries that wait at one moment are written to Redis in one round trip.

With `appendfsync always` each round trip waits for the disk. Alone, a delivery goes at once; while one write is under
way the next ones gather, so that the more there is to do, the less each of them costs. A thread of its own waits for
Redis, and the loop that reads bodies waits for nobody.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from integration.memory.away import Away
from integration.memory.inbox import Inbox
from integration.trackers.deliveries import Delivery

AT_ONCE = 200  # a script of so many takes Redis some milliseconds, and nobody else is served meanwhile

_Waiting = tuple[Delivery, "asyncio.Future[bool]"]


class Together:
    """Call `keep` on one event loop."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._waiting: SimpleQueue[_Waiting] = SimpleQueue()
        threading.Thread(target=self._write, name="together", daemon=True).start()

    async def keep(self, delivery: Delivery) -> bool:
        """Keep its hints; False when it was seen before. Raises `Away`: then nothing of it is kept, or all of it."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.put((delivery, future))
        kept: bool = await future
        return kept

    def _write(self) -> None:
        while True:
            batch = [self._waiting.get(), *self._gathered()]
            loop = batch[0][1].get_loop()
            try:
                told = [(one.id, one.hints, one.event) for one, _ in batch]
                answers: list[bool] | Exception = self._inbox.accept_all(told)
            except Exception as error:
                answers = error
            loop.call_soon_threadsafe(_tell, batch, answers)

    def _gathered(self) -> Iterator[_Waiting]:
        try:
            for _ in range(AT_ONCE - 1):
                yield self._waiting.get_nowait()
        except Empty:
            return


def _tell(batch: list[_Waiting], answers: list[bool] | Exception) -> None:
    for number, (_, future) in enumerate(batch):
        if future.done():  # its sender is gone, and so is the one who waited
            continue
        if isinstance(answers, Exception):
            future.set_exception(answers if isinstance(answers, Away) else Unkept(answers))
        else:
            future.set_result(answers[number])


class Unkept(Exception):
    """The write failed in a way that nobody foresaw. One for each delivery, as each raises it anew."""
