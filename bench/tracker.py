"""The tracker of the bench: the sandbox's GitHub behind granian, which notes of each call when it came and went.

As an application it is served by `served`, and seen through `Tracker`. What an answer took is known to the bench, so
that it can be taken off; `delay` makes each call take longer, as the real one does.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from integration.sandbox.app import create_app
from integration.sandbox.github_shapes import stamp
from integration.sandbox.people import SERVICE_TOKEN
from integration.sandbox.world import World

TOKEN = SERVICE_TOKEN
PLACE = "acme/app"

Start = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of somebody's to the tracker; times are of the machine's monotonic clock."""

    method: str
    path: str
    began: float
    ended: float
    status: int

    @property
    def comments(self) -> bool:
        """It writes a new comment."""
        return self.method == "POST" and self.path.endswith("/comments")


@dataclass(slots=True)
class Tracker:
    """The tracker as the bench sees it, over HTTP."""

    port: int

    @property
    def api(self) -> str:
        """What GITHUB_API_URL is set to."""
        return f"http://{machine.HOST}:{self.port}/api/v3"

    def open(self, count: int, labels: Iterable[str] = ()) -> list[int]:
        """Open so many issues; their numbers."""
        return list(self._ask("open", count=count, labels=list(labels)))

    def label(self, number: int, name: str) -> str:
        """Put a label on; when the issue was updated by that."""
        return str(self._ask("label", number=number, name=name))

    def delay(self, seconds: float) -> None:
        """From now on each call takes so much longer."""
        self._ask("delay", seconds=seconds)

    def calls(self, number: int | None = None) -> list[Call]:
        """All calls since the last `forget`, or those about one issue."""
        return [Call(*each) for each in self._ask("calls", number=number)]

    def forget(self) -> None:
        """Begin the list of calls anew."""
        self._ask("forget")

    def until_comment(self, number: int, seconds: float = 20.0) -> list[Call]:
        """Wait until a comment on the issue has come in; all calls so far, that one as the last."""
        return [Call(*each) for each in self._ask("wait", number=number, seconds=seconds)]

    def _ask(self, what: str, **more: Any) -> Any:
        asked = urllib.request.Request(f"http://{machine.HOST}:{self.port}/bench/{what}", json.dumps(more).encode())
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)


@contextmanager
def served(cores: frozenset[int] = machine.LOAD_CORE) -> Iterator[Tracker]:
    """A new one, in a process of its own."""
    port = machine.free_port()
    options = f"--interface wsgi --http 1 --no-ws --workers 1 --blocking-threads 16 --port {port} --log-level error"
    command = [sys.executable, "-m", "granian", *options.split(), "--factory", "bench.tracker:build"]
    environ = {**os.environ, "BENCH_URL": f"http://{machine.HOST}:{port}"}
    place = Path(__file__).parent.parent
    with machine.running(command, cores, machine.listens(port), environ, place):
        yield Tracker(port)


# --- the application --------------------------------------------------------------------------------------------------


class Noting:
    """A WSGI application around the sandbox's: notes each call, and does what the bench asks."""

    def __init__(self, url: str) -> None:
        self.world = World(url)
        self.inside = create_app(self.world)
        self.calls: list[Call] = []
        self.more = threading.Condition()
        self.seconds = 0.0

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        """One call."""
        path = environ["PATH_INFO"]
        if path.startswith("/bench/"):
            asked = json.loads(environ["wsgi.input"].read() or b"{}")
            answer = json.dumps(getattr(self, "do_" + path.rpartition("/")[2])(**asked)).encode()
            start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))])
            return [answer]
        began = time.monotonic()
        if environ["REQUEST_METHOD"] == "POST" and path.endswith("/comments"):
            self._note(Call("POST", path, began, began, 0))  # it is here: what follows is the tracker's own
        statuses: list[str] = []

        def noted(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            statuses.append(status)
            return start(status, headers, *more)

        body = list(self.inside(environ, noted))
        if self.seconds:
            time.sleep(self.seconds)
        self._note(Call(environ["REQUEST_METHOD"], path, began, time.monotonic(), int(statuses[-1][:3])))
        return body

    def _note(self, call: Call) -> None:
        with self.more:
            self.calls.append(call)
            self.more.notify_all()

    def do_open(self, count: int, labels: list[str]) -> list[int]:
        """Issues that nobody is told of."""
        body = "## What changes\n\nA customer exports the table.\n"
        opened = (self.world.github.open_issue(PLACE, f"Part {n}", "erin", body, labels) for n in range(count))
        return [one.number for one in opened]

    def do_label(self, number: int, name: str) -> str | None:
        """As erin."""
        self.world.github.label(PLACE, number, name, "erin")
        return stamp(self.world.github.issue(self.world.github.repo(PLACE), number).updated)

    def do_delay(self, seconds: float) -> None:
        """From now on."""
        self.seconds = seconds

    def do_calls(self, number: int | None = None) -> list[list[Any]]:
        """Those that have ended."""
        with self.more:
            return [_flat(one) for one in self.calls if one.status and _is_of(one, number)]

    def do_forget(self) -> None:
        """All of them."""
        with self.more:
            self.calls.clear()

    def do_wait(self, number: int, seconds: float) -> list[list[Any]]:
        """Until a comment has come in."""
        deadline = time.monotonic() + seconds
        with self.more:
            while time.monotonic() < deadline:
                arrived = next((one for one in self.calls if one.comments and _is_of(one, number)), None)
                if arrived:
                    before = [one for one in self.calls if one.status and one.began < arrived.began]
                    return [_flat(one) for one in (*before, arrived)]
                self.more.wait(deadline - time.monotonic())
        return []


def _flat(call: Call) -> list[Any]:
    return [call.method, call.path, call.began, call.ended, call.status]


def _is_of(call: Call, number: int | None) -> bool:
    return number is None or f"/issues/{number}/" in f"{call.path}/"


def build() -> Noting:
    """What granian serves."""
    return Noting(os.environ["BENCH_URL"])
