"""Load: as fast as 32 connections go (wrk, or our own where it is missing), or at a steady rate whatever comes back.

Run as a process of its own, so that what it measures does not wait for who asked: `python -m bench.load` prints JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import deliveries, machine

CONNECTIONS = 32
HERE = Path(__file__).parent


@dataclass(slots=True)
class Loaded:
    """What came back: how many 2xx and others, in how many seconds; in ms the latency of each, and our own delay."""

    good: int = 0
    bad: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    late: list[float] = field(default_factory=list)  # how long after its time a request was ready to be sent
    last_sent: dict[int, float] = field(default_factory=dict)  # when an issue's last request was sent, monotonic
    began: float = 0.0  # monotonic
    p50: float = float("nan")
    p99: float = float("nan")

    @property
    def rate(self) -> float:
        """Good answers in a second."""
        return self.good / self.seconds if self.seconds else 0.0


def flat_out(port: int, requests: Path, seconds: float, round: int) -> Loaded:
    """As many as 32 connections can carry: wrk where it is installed."""
    if not shutil.which("wrk"):
        return _own(port, requests, round, ["--seconds", str(seconds)])
    script = [f"-s{HERE / 'wrk.lua'}", f"http://{machine.HOST}:{port}/", "--", str(requests), str(round)]
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "30s", *script]
    done = subprocess.run(command, capture_output=True, text=True, preexec_fn=_on_load_core)
    summary = next((line for line in done.stdout.splitlines() if line.startswith("SUMMARY")), "")
    if not summary:
        raise machine.DidNotStart(f"wrk has not measured anything:\n{done.stdout}{done.stderr}")
    count, micros, status, lost, p50, p99 = (float(each) for each in summary.split()[1:])
    bad = int(status + lost)
    return Loaded(int(count) - bad, bad, micros / 1e6, p50=p50 / 1000, p99=p99 / 1000)


def steady(port: int, requests: Path, rate: float, count: int, round: int) -> Loaded:
    """So many a second, whether or not the answers come; latency counts from when a request should have gone out."""
    return _own(port, requests, round, ["--rate", str(rate), "--count", str(count)])


def _on_load_core() -> None:
    os.sched_setaffinity(0, machine.LOAD_CORE)


def _own(port: int, requests: Path, round: int, more: list[str]) -> Loaded:
    command = [sys.executable, "-m", "bench.load", "--port", str(port), "--requests", str(requests), *more]
    command += ["--round", str(round)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, preexec_fn=_on_load_core)
    if done.returncode:
        raise machine.DidNotStart(f"the load has not measured anything:\n{done.stderr[-2000:]}")
    told = json.loads(done.stdout)
    told["last_sent"] = {int(at): when for at, when in told["last_sent"].items()}
    return Loaded(**told)


# --- our own generator -----------------------------------------------------------------------------------------------


class _Connection(asyncio.Protocol):
    """One connection that is kept: one request at a time, opened anew when the server has closed it."""

    def __init__(self, line: _Line) -> None:
        self.line = line
        self.transport: asyncio.Transport | None = None
        self.received = b""
        self.due: float | None = None  # when the request under way should have gone out

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        self.transport = None
        if self.due is not None:
            due, self.due = self.due, None
            self.line.answered(self, due, 0)

    def send(self, due: float, request: bytes) -> None:
        """Send it now."""
        self.due, self.received = due, b""
        assert self.transport is not None
        self.transport.write(request)

    def data_received(self, piece: bytes) -> None:
        self.received += piece
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found or self.due is None:
            return
        lower = head.lower()
        if b"\r\ncontent-length:" in lower:
            whole = len(body) >= int(lower.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0])
        else:
            whole = b"chunked" not in lower or body.endswith(b"0\r\n\r\n")
        if whole:
            due, self.due = self.due, None
            if b"\r\nconnection: close" in lower and self.transport:
                self.transport.close()
                self.transport = None
            self.line.answered(self, due, int(head[9:12]))


class _Line:
    """All connections, and the requests that wait for a free one."""

    def __init__(self, port: int, requests: list[tuple[bytes, bytes]], round: int) -> None:
        self.port, self.requests, self.round = port, requests, round
        self.free: deque[_Connection] = deque()
        self.waiting: deque[tuple[float, int]] = deque()
        self.result = Loaded()
        self.open_again: set[asyncio.Task[None]] = set()
        self.all_answered = asyncio.Event()
        self.expected = 0

    async def connect(self, connections: int) -> None:
        """Open them."""
        for _ in range(connections):
            await self._open(_Connection(self))

    async def _open(self, one: _Connection) -> None:
        for _ in range(200):
            try:
                await asyncio.get_running_loop().create_connection(lambda: one, machine.HOST, self.port)
                break
            except OSError:
                await asyncio.sleep(0.01)
        self.take(one)

    def take(self, one: _Connection) -> None:
        """It is free: give it whoever waits."""
        if one.transport is None or one.transport.is_closing():
            task = asyncio.create_task(self._open(one))
            self.open_again.add(task)
            task.add_done_callback(self.open_again.discard)
        elif self.waiting:
            self._send(one, *self.waiting.popleft())
        else:
            self.free.append(one)

    def ask(self, due: float, number: int) -> None:
        """It is time for this request."""
        self.result.late.append((time.monotonic() - due) * 1000)
        while self.free:
            one = self.free.popleft()
            if one.transport is not None and not one.transport.is_closing():
                self._send(one, due, number)
                return
            self.take(one)
        self.waiting.append((due, number))

    def _send(self, one: _Connection, due: float, number: int) -> None:
        at = number % len(self.requests)
        head, tail = self.requests[at]
        self.result.last_sent[at] = time.monotonic()
        one.send(due, head + deliveries.id_of(self.round, number).encode() + tail)

    def answered(self, one: _Connection, due: float, status: int) -> None:
        """An answer has come, or never will (0)."""
        self.result.latencies.append((time.monotonic() - due) * 1000)
        if 200 <= status < 300:
            self.result.good += 1
        else:
            self.result.bad += 1
        if self.result.good + self.result.bad == self.expected:
            self.all_answered.set()
        self.take(one)


async def _steadily(line: _Line, rate: float, count: int) -> None:
    line.expected = count
    await line.connect(CONNECTIONS)
    began = line.result.began = time.monotonic() + 0.05
    sent = 0
    while sent < count:
        now = time.monotonic()
        while sent < count and began + sent / rate <= now:
            line.ask(began + sent / rate, sent)
            sent += 1
        await asyncio.sleep(max(0.0, min(0.001, began + sent / rate - time.monotonic())))
    await asyncio.wait_for(line.all_answered.wait(), 120)
    line.result.seconds = time.monotonic() - began


async def _flat_out(line: _Line, seconds: float) -> None:
    await line.connect(CONNECTIONS)
    began, asked = time.monotonic(), 0
    while (now := time.monotonic()) < began + seconds:
        while line.free:
            line.ask(now, asked)
            asked += 1
        await asyncio.sleep(0)
    line.result.seconds = time.monotonic() - began


def main() -> None:
    """Load as the arguments say; print what came back."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--round", type=int, default=0)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    given = parser.parse_args()
    asyncio.run(_loaded(given))


async def _loaded(given: argparse.Namespace) -> None:
    line = _Line(given.port, deliveries.read_back(given.requests), given.round)
    if given.rate:
        await _steadily(line, given.rate, given.count)
    else:
        await _flat_out(line, given.seconds)
    found = line.result
    ordered = sorted(found.latencies)
    if ordered:
        found.p50, found.p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
    sys.stdout.write(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
