"""From webhook to comment: how long does it take, beyond what the tracker itself takes for its answers?

The clock starts when the delivery is sent and stops when the new comment arrives at the tracker. Off goes the time in
which a call to the tracker was under way there: it is the tracker's, whoever asks.
"""

from __future__ import annotations

import http.client
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count

from redis import Redis

from bench import deliveries, machine, peers, service, tracker
from bench.report import Goal, Section, Table, percentile

OURS = "Release Stages"
RQ = "Flask, gunicorn, RQ's fork worker"
STAGES = ("stage: beta",)
_IDS = count(1)

Ask = Callable[[], float]  # one delivery, from its sending to the comment, beyond the tracker's own time; ms


def measure(quick: bool) -> Section:
    """All of them side by side, a few in turn; first with a tracker that answers at once, then with a slow one."""
    section = Section(
        "From webhook to comment",
        "An issue in Beta gets `stage: public`; Support has not seen it. One delivery at a time, on a connection that "
        "is open; from its sending to the arrival of the first comment, less the time in which the tracker was at "
        "work. Ours reads the issue and its history, judges, writes to the ledger (SQLite), then comments; the others "
        "read the issue and comment. Their pacing is off, our budget for comments is emptied after each.",
    )
    plan = ((0.0, 15),) if quick else ((0.0, 300), (0.03, 100))
    for delay, each in plan:
        found = _side_by_side(section, delay, each)
        rows = [(name, *_marks(values)) for name, values in found.items()]
        title = f"each answer of the tracker takes {delay * 1000:.0f} ms more, {each} deliveries"
        section.tables.append(Table(("who", "p50 ms", "p90 ms", "p99 ms", "slowest ms"), rows, title))
        if delay == 0:
            _judge(section, found[OURS])
    return section


def _marks(values: Sequence[float]) -> list[str]:
    return [f"{percentile(values, at):.1f}" for at in (0.5, 0.9, 0.99, 1)]


def _judge(section: Section, ours: Sequence[float]) -> None:
    for name, at, most in (("p50", 0.5, 10), ("p99", 0.99, 20)):
        figure = percentile(ours, at)
        section.goals.append(Goal(f"webhook to comment, {name}", f"<= {most} ms", f"{figure:.1f} ms", figure <= most))


def _side_by_side(section: Section, delay: float, each: int) -> dict[str, list[float]]:
    """All are up at once and idle, but the one whose turn it is."""
    found: dict[str, list[float]] = defaultdict(list)
    with ExitStack() as stack:
        asks: dict[str, Ask] = {OURS: stack.enter_context(_ours(delay))}
        for name, peer in (("Probot, in process", peers.PROBOT), (RQ, peers.FLASK)):
            try:
                peers.there(peer)
            except peers.Missing as why:
                section.notes.append(f"{name} is left out: {why}.")
            else:
                asks[name] = stack.enter_context(_theirs(peer, delay))
        for _ in range(each):
            for name, ask in asks.items():
                found[name].append(ask())
    return found


@contextmanager
def _ours(delay: float) -> Iterator[Ask]:
    with ExitStack() as stack:
        house = stack.enter_context(service.installed())
        redis, _ = stack.enter_context(machine.redis_running(machine.LOAD_CORE, house.home / "redis"))
        world = stack.enter_context(tracker.served())
        house.api = world.api
        stack.enter_context(house.process("web", machine.SERVER_CORE))
        worker = stack.enter_context(house.process("worker", machine.SERVER_CORE))
        house.give_birth()

        def rest() -> None:
            service.settle(redis, worker)
            service.empty_budgets(redis)

        yield _asking(world, house.port, delay, rest, redis)


@contextmanager
def _theirs(peer: peers.Peer, delay: float) -> Iterator[Ask]:
    with machine.home() as home, ExitStack() as stack:
        redis = ""
        if peer.stores:
            stack.enter_context(machine.redis_running(machine.LOAD_CORE, home / "redis"))
            redis = machine.redis_url(home / "redis")
        world = stack.enter_context(tracker.served())
        port, _ = stack.enter_context(peer.running(machine.SERVER_CORE, redis, world.api, tracker.TOKEN))
        yield _asking(world, port, delay, lambda: time.sleep(0.05))


def _asking(
    world: tracker.Tracker, port: int, delay: float, rest: Callable[[], None], redis: Redis | None = None
) -> Ask:
    """What asks once, when all is warm."""
    world.delay(delay)

    def ask() -> float:
        number = world.open(1, STAGES)[0]
        body = deliveries.body(number, tracker.PLACE, world.label(number, "stage: public"))
        world.forget()
        headers = deliveries.headers(body) | {"X-GitHub-Delivery": deliveries.id_of(0x2000, next(_IDS))}
        line = http.client.HTTPConnection(machine.HOST, port, timeout=30)
        line.connect()
        began = time.monotonic()
        line.request("POST", service.PATH, body, headers)
        answer = line.getresponse()
        answer.read()
        line.close()
        calls = world.until_comment(number)
        if answer.status >= 300 or not calls:
            raise machine.DidNotStart(f"status {answer.status}, and no comment came")
        rest()
        return _beyond(calls, began)

    for _ in range(3):
        ask()
    return ask


def _beyond(calls: Sequence[tracker.Call], began: float) -> float:
    """Milliseconds from then to the last call's arrival in which no call was under way at the tracker."""
    arrived = calls[-1].began
    busy, free_at = 0.0, began
    for call in sorted(calls[:-1], key=lambda one: one.began):
        start, end = max(call.began, free_at), min(call.ended, arrived)
        if end > start:
            busy += end - start
            free_at = end
    return (arrived - began - busy) * 1000
