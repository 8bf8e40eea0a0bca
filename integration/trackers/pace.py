"""What all workers of the house share when they ask a tracker: how fast they may ask, and what they need not ask again.

A tracker's limits are counted for an account or a site, not for a process. What the limits are, the two wires know; who
counts for all, and who keeps, is handed to them: a `Pace` and a `Shelf` (`memory/traffic.py` has both over Redis).
Without them nothing is counted and nothing is kept, and all else works the same.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from integration.trackers import Unavailable

_NINE_TENTHS = 0.9
"""Of each limit we use no more: others may use the same account, and what we send at even intervals arrives uneven."""

FACTS_FOR = timedelta(minutes=10)
"""So long we believe that a mention reaches whom it names. Who may speak is asked each time."""


class Window(NamedTuple):
    """A budget that a request uses up: its name, what the request costs, and how much there is in so many seconds."""

    name: str
    cost: int
    limit: int
    seconds: float


class Lane(NamedTuple):
    """A place among those who are under way at once: at most `at_once` of them, `slot` being ours."""

    name: str
    slot: str
    at_once: int


class Pace(Protocol):
    """Counts requests for all workers. Never raises: where it cannot count, everybody may go."""

    def enter(
        self, rests: Sequence[str], windows: Sequence[Window], lane: Lane | None = None, look: bool = False
    ) -> float:
        """How many seconds to wait; 0 when it fits all windows now, and is counted, unless this was just a `look`.

        How long is spread by chance, the wider the more are turned away, so that not all come back at once.
        """

    def leave(self, lane: Lane) -> None:
        """Be under way no more."""

    def rest(self, name: str, seconds: float | None) -> float:
        """Let nobody enter for so long; None: a minute, and twice as long each time. Answers with how long."""


class Shelf(Protocol):
    """Keeps bytes for a while, for all workers. Never raises: where it cannot keep, there is nothing on it."""

    def get(self, name: str, lock: str = "") -> bytes | None:
        """What was put there with this lock; None when it is not there, or not whole."""

    def put(self, name: str, value: bytes, keep: timedelta, lock: str = "", soon: bool = False) -> None:
        """Keep it. It is sealed: who only reads or writes the shelf's place can neither read nor forge it.

        `soon`: nothing is wrong if it is lost, or comes to others a little later.
        """

    def drop(self, *names: str) -> None:
        """Forget it."""


class Unpaced:
    """A `Pace` for a process on its own: everybody may go."""

    def enter(
        self, rests: Sequence[str], windows: Sequence[Window], lane: Lane | None = None, look: bool = False
    ) -> float:
        """Now."""
        return 0

    def leave(self, lane: Lane) -> None:
        """Nobody counts."""

    def rest(self, name: str, seconds: float | None) -> float:
        """Nobody waits but who was told."""
        return 60 if seconds is None else seconds


class Bare:
    """A `Shelf` with nothing on it."""

    def get(self, name: str, lock: str = "") -> bytes | None:
        """Nothing."""
        return None

    def put(self, name: str, value: bytes, keep: timedelta, lock: str = "", soon: bool = False) -> None:
        """Kept by nobody."""

    def drop(self, *names: str) -> None:
        """There is nothing to forget."""


def window(name: str, cost: int, limit: int, seconds: float) -> Window:
    """A budget of nine tenths of what the tracker allows."""
    return Window(name, cost, max(1, int(limit * _NINE_TENTHS)), seconds)


def over_budget(where: str, doing: str, seconds: float) -> Unavailable:
    """For a request that has not left: it would be one too many now."""
    words = f"we have asked {where} as much as we may for now; {doing} has to wait"
    return Unavailable(words, retry_at=datetime.now(UTC) + timedelta(seconds=seconds), unsent=True)


@contextmanager
def allowed(
    pace: Pace, where: str, doing: str, rests: Sequence[str], windows: Sequence[Window], at_once: int = 0
) -> Iterator[None]:
    """Around a request that is counted. Raises `Unavailable`, unsent, when it would be one too many."""
    lane = Lane(f"{rests[0]}:under-way", secrets.token_hex(8), at_once) if at_once else None
    if wait := pace.enter(rests, windows, lane):
        raise over_budget(where, doing, wait)
    try:
        yield
    finally:
        if lane:
            pace.leave(lane)


def fingerprint(*parts: str) -> str:
    """A short name for an account that tells neither its token nor its address."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def kept(shelf: Shelf, name: str, lock: str = "") -> Any:
    """The JSON that is on the shelf; None where there is none."""
    found = shelf.get(name, lock)
    try:
        return None if found is None else json.loads(found)
    except (ValueError, RecursionError):
        return None


def keep(shelf: Shelf, name: str, value: Any, how_long: timedelta, lock: str = "", soon: bool = False) -> None:
    """Put JSON on the shelf."""
    shelf.put(name, json.dumps(value, separators=(",", ":")).encode(), how_long, lock, soon)
