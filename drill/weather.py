"""Bad days of the trackers: which request meets which fault, by the seed, and what was seen of the requests.

The n-th request of one kind to one address meets the same fate under the same seed, whoever else is talking.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from flask import Blueprint, Flask, Response, g, request

from integration.sandbox.faults import Fault, Faults

TIMED_OUT = 23.0  # seconds: longer than any of our time-outs
_ISSUE = re.compile(r"/issues?/(?P<key>\d+|[A-Z]+-\d+)(?=/|$)")
_COMMENT = r"^POST .*/comments?$"


@dataclass(frozen=True)
class Gust:
    """One kind of fault: how often, of all requests it fits, and at most how many times."""

    name: str
    share: float
    fault: Fault
    most: int = 1_000_000


def _gust(name: str, share: float, kind: str, match: str = "", most: int = 1_000_000, **more: float) -> Gust:
    fault = Fault(match or ".", kind, int(more.pop("status", 502)), **more)  # type: ignore[arg-type]
    return Gust(name, share, fault, most)


USUAL = (
    _gust("500 before the effect", 0.003, "before", status=500),
    _gust("502 before the effect", 0.005, "before"),
    _gust("503 before the effect", 0.003, "before", status=503),
    _gust("502 after the effect", 0.006, "after"),
    _gust("504 after the effect", 0.002, "after", status=504),
    _gust("502 after a comment was posted", 0.02, "after", _COMMENT),
    _gust("connection dropped before", 0.003, "before", status=0),
    _gust("connection dropped after", 0.006, "after", status=0),
    _gust("slow, 1 s", 0.01, "latency", seconds=1),
    _gust("time-out, effect later", 0.0006, "latency", seconds=TIMED_OUT, most=12),
    _gust("comment lands 75 s later", 0.002, "latency", _COMMENT, seconds=75, most=3),
    _gust("primary rate limit", 0.0005, "rate_limit", seconds=3, most=8),
    _gust("secondary rate limit, Retry-After", 0.0005, "secondary_rate_limit", seconds=2, most=8),
    _gust("secondary rate limit, 429", 0.0005, "secondary_rate_limit", seconds=2, status=429, most=8),
    _gust("secondary rate limit that names no time", 0.002, "secondary_rate_limit", "^POST", most=1),
)
THICK = (_gust("slow, 0.3 s", 0.5, "latency", seconds=0.3), _gust("502 before the effect", 0.01, "before"),
         _gust("502 after the effect", 0.02, "after"))  # fmt: skip


@dataclass
class Seen:
    """One request of the service about one issue, and when it was under way."""

    ref: str
    line: str
    writes: bool
    begun: float
    ended: float = 0.0
    given_up: bool = False  # whoever asked did not wait for the end

    def __str__(self) -> str:
        return f"{self.line} ({self.begun:.3f} to {self.ended:.3f})"


@dataclass
class _Trace:
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: list[Seen] = field(default_factory=list)


class Weather(Faults):
    """The sandbox's faults, chosen by the seed; on top of them, those that are armed by hand."""

    def __init__(self, seed: int, gusts: tuple[Gust, ...] = USUAL) -> None:
        super().__init__()
        self.blowing = False
        self.struck: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.named: dict[int, str] = {}
        self._seed, self._gusts = seed, gusts
        self._times: Counter[str] = Counter()
        self._trace = _Trace()

    def arm(self, fault: Fault, name: str) -> None:
        """Let this strike the next request that it fits, under that name."""
        self.named[id(fault)] = name
        self.add(fault)

    def take(self, line: str) -> list[Fault]:
        """The faults that strike this request."""
        struck = super().take(line)
        for one in struck:
            if name := self.named.get(id(one)):
                self.struck[name] += 1
        gust = self._gust_for(line) if self.blowing else None
        return [*struck, gust.fault] if gust else struck

    def _gust_for(self, line: str) -> Gust | None:
        with self._trace.lock:
            self._times[line] += 1
            drawn = hashlib.sha256(f"{self._seed} {line} {self._times[line]}".encode()).digest()
            fell = int.from_bytes(drawn[:6], "big") / 2**48
            for gust in self._gusts:
                if not re.search(gust.fault.match, line):
                    continue
                if fell < gust.share:
                    if self.struck[gust.name] >= gust.most:
                        return None
                    self.struck[gust.name] += 1
                    return gust
                fell -= gust.share
        return None

    # --- what was seen ---

    def around(self, app: Flask | Blueprint) -> None:
        """Strike the requests of this app, and note when those of each issue were under way."""
        app.before_request(self._note_begin)
        super().around(app)
        app.after_request(self._note_answer)
        app.teardown_request(self._note_end)

    def _note_begin(self) -> None:
        with self._trace.lock:
            self.requests[f"{request.method} {'GitHub' if '/api/v3' in request.path else 'Jira'}"] += 1
        found = _ISSUE.search(request.path)
        writes = request.method != "GET"
        g.seen = Seen(found["key"], f"{request.method} {request.path}", writes, time.monotonic()) if found else None

    def _note_answer(self, response: Response) -> Response:
        seen: Seen | None = g.get("seen")
        if seen:
            seen.given_up = any(_gives_up(one) for one in g.get("faults", ()))
            seen.ended = time.monotonic()  # before the answer leaves: the next request may be here before we note it
        return response

    def _note_end(self, error: BaseException | None) -> None:
        seen: Seen | None = g.get("seen")
        if seen:
            seen.ended = seen.ended or time.monotonic()
            with self._trace.lock:
                self._trace.seen.append(seen)

    def looks(self) -> int:
        """How often an issue itself was read."""
        with self._trace.lock:
            return sum(1 for one in self._trace.seen if not one.writes and one.line.endswith(f"/{one.ref}"))

    def at_once(self) -> list[tuple[Seen, Seen]]:
        """Requests about one issue that were under way together: two were at work on it, as one asks one by one."""
        by_ref: dict[str, list[Seen]] = {}
        with self._trace.lock:
            for one in self._trace.seen:
                if not one.given_up:
                    by_ref.setdefault(one.ref, []).append(one)
        found = []
        for seen in by_ref.values():
            seen.sort(key=lambda one: one.begun)
            for first, second in pairwise(seen):
                if second.begun < first.ended:
                    found.append((first, second))
        return found


def _gives_up(fault: Fault) -> bool:
    return (fault.kind == "latency" and fault.seconds > 2) or (fault.kind in ("before", "after") and fault.status == 0)
