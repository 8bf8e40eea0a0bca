"""Faults on request: what a tracker does to its callers on a bad day, made to happen exactly when a test needs it."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from flask import Blueprint, Flask, Response, g, jsonify, request

from integration.sandbox.people import now

Kind = Literal["latency", "before", "after", "rate_limit", "secondary_rate_limit", "call"]
FOR_EVER = -1


@dataclass(frozen=True)
class Fault:
    """One fault: what it does to the next `times` requests whose "METHOD /path" it matches (-1: until cleared).

    `before` answers `status` without the effect; `after` performs the effect and then answers `status`, or, with
    status 0, closes the connection without an answer. `latency` waits `seconds`. `call` runs a Python callable in this
    process, `when` before or after the effect; tests kill a worker at that instant. The two rate limits answer as the
    tracker in question does; `seconds` is how long it asks the caller to wait (60 if not given).
    """

    match: str
    kind: Kind
    status: int = 502
    seconds: float = 0
    times: int = 1
    call: Callable[[], object] | None = None
    when: Literal["before", "after"] = "before"


@dataclass
class _Armed:
    fault: Fault
    left: int


class Faults:
    """The faults that are armed. Thread-safe; each request takes all that match it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []

    def add(self, fault: Fault) -> None:
        """Arm a fault. Raises `re.error` where `match` is no pattern."""
        re.compile(fault.match)
        with self._lock:
            self._armed.append(_Armed(fault, fault.times))

    def clear(self) -> None:
        """Disarm all faults."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[tuple[Fault, int]]:
        """The faults that are armed, each with how often it will still strike (-1: until cleared)."""
        with self._lock:
            return [(one.fault, one.left) for one in self._armed]

    def take(self, line: str) -> list[Fault]:
        """The faults that strike this request ("METHOD /path"); each of them is used up by one."""
        with self._lock:
            struck = [one for one in self._armed if re.search(one.fault.match, line)]
            for one in struck:
                one.left -= one.left > 0
            self._armed = [one for one in self._armed if one.left]
            return [one.fault for one in struck]

    def around(self, app: Flask | Blueprint) -> None:
        """Let the armed faults strike the requests of this app or blueprint."""
        app.before_request(self._before)
        app.after_request(_after)

    def _before(self) -> Response | None:
        g.faults = self.take(f"{request.method} {request.path}")
        return _first_answer(g.faults)


def _first_answer(faults: Iterable[Fault]) -> Response | None:
    answer: Response | None = None
    for fault in faults:
        if fault.kind == "latency":
            time.sleep(fault.seconds)
        elif fault.kind == "call" and fault.when == "before" and fault.call:
            fault.call()
        elif fault.kind == "before":
            answer = answer or _broken(fault.status)
        elif fault.kind in ("rate_limit", "secondary_rate_limit"):
            answer = answer or limited(fault)
    return answer


def _after(response: Response) -> Response:
    for fault in g.get("faults", ()):
        if fault.kind == "call" and fault.when == "after" and fault.call:
            fault.call()
        elif fault.kind == "after":
            response = _broken(fault.status)
    return response


def _broken(status: int) -> Response:
    if status == 0:
        _hang_up()
        status = 502
    answer = jsonify(message="Server Error" if status >= 500 else "The sandbox was asked for this fault")
    answer.status_code = status
    return answer


def _hang_up() -> None:
    connection = request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        connection.shutdown(socket.SHUT_RDWR)


def limited(fault: Fault) -> Response:
    """What the tracker in question answers to a request that is one too many."""
    return _github_limit(fault) if request.path.startswith("/api/v3") else _jira_limit(fault)


def _github_limit(fault: Fault) -> Response:
    wait = int(fault.seconds or 60)
    status = fault.status if fault.status in (403, 429) else 403
    if fault.kind == "rate_limit":
        answer = jsonify(
            message="API rate limit exceeded for installation ID 1.",
            documentation_url="https://docs.github.com/rest/overview/rate-limits-for-the-rest-api",
        )
        answer.headers["X-RateLimit-Limit"] = answer.headers["X-RateLimit-Used"] = "5000"
        answer.headers["X-RateLimit-Remaining"] = "0"
        answer.headers["X-RateLimit-Reset"] = str(int(now().timestamp()) + wait)
        answer.headers["X-RateLimit-Resource"] = "core"
    else:
        answer = jsonify(
            message="You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
            documentation_url="https://docs.github.com/rest/overview/rate-limits-for-the-rest-api"
            "#about-secondary-rate-limits",
        )
        if fault.seconds:
            answer.headers["Retry-After"] = str(wait)
    answer.status_code = status
    return answer


def _jira_limit(fault: Fault) -> Response:
    answer = jsonify(errorMessages=["Rate limit exceeded."], errors={})
    answer.status_code = 429
    answer.headers["Retry-After"] = str(int(fault.seconds or 60))
    secondary = fault.kind == "secondary_rate_limit"
    answer.headers["RateLimit-Reason"] = "jira-per-issue-on-write" if secondary else "jira-burst-based"
    return answer
