"""A burst: 10,000 deliveries for 500 issues at 2,000 a second, with a worker beside the receiver on the same core."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from redis import Redis

from bench import deliveries, load, machine, peers, receive, service, tracker
from bench.report import Goal, Section, Table, median, percentile, spread

RATE = 2000.0
_ROUND = count(0x1000)


@dataclass(slots=True)
class Memory:
    """The most that each took while somebody watched, in MiB; of Redis, what it took beyond what it began with."""

    peak: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def watching(self, children: dict[str, machine.Child], redis: Redis) -> Iterator[None]:
        """Look four times a second, and at Redis's own count."""
        over, began = threading.Event(), _used(redis)

        def look() -> None:
            while not over.wait(0.25):
                self._note("Redis", _used(redis) - began)
                for name, child in children.items():
                    self._note(name, child.memory())

        thread = threading.Thread(target=look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _note(self, name: str, much: float) -> None:
        self.peak[name] = max(much, self.peak.get(name, 0.0))


def _used(redis: Redis) -> float:
    return float(redis.info("memory")["used_memory"]) / machine.MIB


@dataclass(slots=True)
class Burst:
    """One round of ours."""

    loaded: load.Loaded
    memory: Memory
    runs: int = 0
    done_after: float = 0.0  # seconds from the first delivery until nothing was left
    lost: list[str] = field(default_factory=list)


def measure(quick: bool) -> Section:
    """Ours and Probot in turn."""
    many, issues, rounds = (2_000, 100, 1) if quick else (10_000, 500, 3)
    section = Section(
        "Burst",
        f"{many:,} deliveries for {issues} issues at {RATE:,.0f} a second, whether or not the answers come; "
        "latency counts from when a request should have gone out. Receiver and worker (one process) share a core; the "
        "load, Redis and the tracker (the sandbox's GitHub) have the other. A run reads an issue that asks for "
        "nothing. GitHub's own budget for reads is emptied meanwhile. Median of the rounds, least and most behind it.",
    )
    ours: list[Burst] = []
    theirs: list[load.Loaded] = []
    for _ in range(rounds):
        ours.append(one(many, issues))
        try:
            peers.there(peers.PROBOT)
        except peers.Missing as why:
            section.notes = [f"Probot is left out: {why}."]
        else:
            theirs.append(probot(many, issues))
    _tell(section, ours, theirs, many)
    return section


def one(many: int, issues: int) -> Burst:
    """One round of ours, from an empty house to one where nothing waits."""
    with ExitStack() as stack:
        house = stack.enter_context(service.installed())
        redis, _ = stack.enter_context(machine.redis_running(machine.LOAD_CORE, house.home / "redis"))
        world = stack.enter_context(tracker.served())
        house.api = world.api
        children = {name: stack.enter_context(house.process(name, machine.SERVER_CORE)) for name in ("web", "worker")}
        numbers = world.open(issues)
        requests = house.home / "requests"
        deliveries.write_down(requests, service.PATH, range(numbers[0], numbers[-1] + 1))
        load.steady(house.port, requests, 100, 20, next(_ROUND))
        service.settle(redis, children["worker"])
        world.forget()
        memory = Memory()
        with memory.watching(children, redis):
            loaded, done_after = _blow(house, redis, requests, many)
        reads = _reads(world.calls())
        runs = sum(max(Counter(one.path for one in calls).values()) for calls in reads.values())
        unread = [at for at, sent in loaded.last_sent.items() if _last(reads, numbers[0] + at) < sent]
        return Burst(loaded, memory, runs, done_after, _lost(loaded, redis, many, len(unread)))


def _blow(house: service.Service, redis: Redis, requests: Path, many: int) -> tuple[load.Loaded, float]:
    """The burst itself, and how long it took until nothing was left."""
    found: list[load.Loaded] = []
    began = time.monotonic()
    thread = threading.Thread(target=lambda: found.append(load.steady(house.port, requests, RATE, many, next(_ROUND))))
    thread.start()
    names = service.empty_budgets(redis)
    while thread.is_alive() or service.waiting(redis):
        service.empty_budgets(redis, names)
        time.sleep(0.1)
        if time.monotonic() - began > 120:
            break
    thread.join()
    if not found:
        raise machine.DidNotStart("the load ended without figures")
    first = found[0].began
    return found[0], time.monotonic() - first


def _reads(calls: list[tracker.Call]) -> dict[int, list[tracker.Call]]:
    """The reads of each issue. A run looks once, and a look asks for nothing twice."""
    found: dict[int, list[tracker.Call]] = defaultdict(list)
    for call in calls:
        if call.method == "GET" and "/issues/" in call.path:
            found[int(call.path.split("/issues/")[1].split("/")[0])].append(call)
    return found


def _last(reads: dict[int, list[tracker.Call]], number: int) -> float:
    return max((call.began for call in reads.get(number, ())), default=0.0)


def _lost(loaded: load.Loaded, redis: Redis, many: int, unread: int) -> list[str]:
    """What was sent and not accepted, or accepted and not worked off."""
    faults = {
        f"{many - loaded.good} of {many} deliveries were not accepted": loaded.good != many,
        f"{service.waiting(redis)} issues still wait after two minutes": service.waiting(redis),
        f"{loaded.good} were accepted, Redis remembers {service.kept(redis)}": service.kept(redis) < loaded.good,
        f"{unread} issues were not read after their last delivery was sent": unread,
    }
    return [each for each, is_so in faults.items() if is_so]


def probot(many: int, issues: int) -> load.Loaded:
    """The same rate at Probot, which does nothing with it."""
    with machine.home() as home, receive.beside(peers.PROBOT) as port:
        requests = home / "requests"
        deliveries.write_down(requests, peers.PATH, range(1, issues + 1))
        load.steady(port, requests, 100, 20, next(_ROUND))
        return load.steady(port, requests, RATE, many, next(_ROUND))


def _tell(section: Section, ours: list[Burst], theirs: list[load.Loaded], many: int) -> None:
    p99s, tops = [one.loaded.p99 for one in ours], [max(one.loaded.latencies) for one in ours]
    p99, top = median(p99s), max(tops)
    runs = median([one.runs / many for one in ours])
    done = median([one.done_after for one in ours])
    lost = [each for one in ours for each in one.lost]
    section.goals += [
        Goal("burst: answered, p99", "<= 50 ms", f"{spread(p99s, 1)} ms", p99 <= 50),
        Goal("burst: answered, the slowest", "<= 250 ms", f"{spread(tops, 1)} ms", top <= 250),
        Goal("burst: runs for each delivery", "<= 0.1", f"{runs:.3f}", runs <= 0.1),
        Goal("burst: worked off, from the first delivery", "<= 15 s", f"{done:.1f} s", done <= 15),
        Goal("burst: nothing lost", "nothing", lost[0] if lost else "nothing", not lost),
    ]
    for name, most in (("web", 90), ("worker", 80), ("Redis", 3)):
        peak = max(one.memory.peak.get(name, 0.0) for one in ours)
        section.goals.append(Goal(f"burst: memory of {name}", f"<= {most} MiB", f"{peak:.1f} MiB", peak <= most))
    rows = [_row("Release Stages", [one.loaded for one in ours])]
    if theirs:
        rows.append(_row("Probot", theirs))
    section.tables.append(Table(("server", "p50 ms", "p99 ms", "slowest ms", "not accepted"), rows))
    late = max(percentile(one.loaded.late, 0.99) for one in ours)
    section.notes.append(f"Of the figures for latency, the load's own delay is {late:.1f} ms at most (p99).")
    section.notes += [f"Lost: {each}." for each in lost]


def _row(name: str, rounds: list[load.Loaded]) -> tuple[str, ...]:
    slowest = [max(one.latencies) for one in rounds]
    p50, p99 = [one.p50 for one in rounds], [one.p99 for one in rounds]
    return name, spread(p50, 1), spread(p99, 1), spread(slowest, 1), str(sum(one.bad for one in rounds))
