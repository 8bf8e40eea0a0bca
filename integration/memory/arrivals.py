"""The deliveries of the last days, as they came: a stream in Redis, written in the round trip that keeps their hints.

It is for people who look what came and what became of it; nothing is worked off from it. Bounded: `MOST` deliveries,
and none older than `KEPT_FOR`. Reached through `Inbox.arrivals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from redis import Redis, ResponseError

from integration.memory.away import asking
from integration.stages.model import Ref, Unnamed

MOST = 20_000
KEPT_FOR = timedelta(days=7)
_LONGEST = 100  # letters of an id or an event: it was signed, and yet somebody else chose it
_START = "+"


@dataclass(frozen=True, slots=True)
class Arrival:
    """One delivery that asked for something. `is_new`: it was not seen before; else nothing was done for it."""

    number: str  # its place among them
    at: datetime
    is_new: bool
    id: str
    event: str
    refs: tuple[Ref, ...]

    @property
    def tracker(self) -> str:
        """Where it came from: `github`, `jira:main`."""
        first = self.refs[0] if self.refs else None
        return "" if first is None else f"jira:{first.site}" if first.tracker == "jira" else first.tracker


class Arrivals:
    """Reads them. Every method raises `Away` when Redis does not answer."""

    def __init__(self, redis: Redis, stream: str) -> None:
        self._redis, self._stream = redis, stream

    def latest(self, limit: int, before: str = "") -> tuple[Arrival, ...]:
        """The newest; with `before`, those that came before the one of that number."""
        start = f"({before}" if before else _START
        with asking():
            found = cast(Sequence[Any], self._redis.xrevrange(self._stream, max=start, min="-", count=limit))
        return tuple(_read(number.decode(), fields) for number, fields in found)

    def ever(self) -> int | None:
        """How many there ever were in this Redis; None where it is too old to count them."""
        with asking():
            try:
                told = self._redis.xinfo_stream(self._stream)
            except ResponseError as error:
                return 0 if "no such key" in str(error) else None
        return cast(int | None, told.get("entries-added"))


def written(delivery_id: str, event: str) -> str:
    """What is kept of a delivery beside the time and its refs: two lines."""
    return f"{_on_a_line(delivery_id)}\n{_on_a_line(event)}"


def _on_a_line(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:_LONGEST])


def _read(number: str, fields: dict[bytes, bytes]) -> Arrival:
    at, new, id, event, *refs = fields[b"d"].decode("utf-8", "replace").split("\n")
    return Arrival(number, datetime.fromtimestamp(int(at) / 1000, UTC), new == "1", id, event, tuple(_known(refs)))


def _known(names: Sequence[str]) -> Iterator[Ref]:
    for name in names:
        try:
            yield Ref.parse(name)
        except (Unnamed, ValueError):  # another release's
            continue
