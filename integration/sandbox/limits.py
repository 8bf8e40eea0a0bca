"""The limits of the real trackers, enforced on request; and a count of all that was asked, for tests that count calls.

Windows slide, and every request is stamped when it arrives: whoever is refused here would have been refused there.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flask import Blueprint, Flask, Response, g, request

from integration.sandbox.people import now


@dataclass
class Calls:
    """What a tracker was asked: "METHOD /path", and the status that was answered. Thread-safe."""

    asked: list[tuple[str, int]] = field(default_factory=list)

    def note(self, line: str, status: int) -> None:
        """One more."""
        self.asked.append((line, status))

    def clear(self) -> None:
        """Count from nothing."""
        self.asked.clear()

    @property
    def refused(self) -> list[tuple[str, int]]:
        """Those that were one too many."""
        return [one for one in self.asked if one[1] in (403, 429)]


class Limits:
    """One tracker's limits, and who is under way. Nothing is enforced until `enforce` sets some."""

    def __init__(self) -> None:
        self.each: dict[str, tuple[int, float]] = {}
        self.at_once = 0
        self.under_way = 0
        self.most_under_way = 0
        self._spent: dict[str, deque[tuple[float, int]]] = {}
        self._lock = threading.Lock()

    def enforce(self, each: Mapping[str, tuple[int, float]], at_once: int = 0) -> None:
        """From now on: of each kind so much in so many seconds, and so many at once (0: any number)."""
        with self._lock:
            self.each, self.at_once = dict(each), at_once
            self._spent.clear()

    def spend(self, charges: Mapping[str, tuple[str, int]]) -> str:
        """Count a request, of each kind for whom and how much; the kind of which there is none left, or nothing."""
        at = now().timestamp()
        wanted = [(kind, f"{kind} {whose}", cost) for kind, (whose, cost) in charges.items() if kind in self.each]
        with self._lock:
            if self.at_once and self.under_way > self.at_once:
                return "at once"
            for kind, name, cost in wanted:
                limit, seconds = self.each[kind]
                spent = self._spent.setdefault(name, deque())
                while spent and spent[0][0] <= at - seconds:
                    spent.popleft()
                if sum(one for _, one in spent) + cost > limit:
                    return kind
            for _, name, cost in wanted:
                self._spent[name].append((at, cost))
        return ""

    def begin(self) -> None:
        """One more is under way."""
        with self._lock:
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)

    def end(self) -> None:
        """One of them is answered."""
        with self._lock:
            self.under_way -= 1


def watch(app: Flask | Blueprint, calls: Calls, limits: Limits, charged: Callable[[], Response | None]) -> None:
    """Count the requests of this app or blueprint, and refuse with what `charged` answers where one is too many."""

    def before() -> Response | None:
        limits.begin()
        g.under_way = True
        return charged() if limits.each or limits.at_once else None

    def after(response: Response) -> Response:
        calls.note(f"{request.method} {request.path}", response.status_code)
        return response

    def over(_: BaseException | None) -> None:
        if g.pop("under_way", False):
            limits.end()

    app.before_request(before)
    app.after_request(after)
    app.teardown_request(over)
