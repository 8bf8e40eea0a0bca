"""What the processes take at rest, and how long the web needs from its start to its first answer."""

from __future__ import annotations

import time
from contextlib import ExitStack

from bench import deliveries, load, machine, peers, service, tracker
from bench.report import Goal, Section, Table, median, spread

_ROUND = 0x3000
PROCESSES = 2  # of workers, as shipped


def measure(quick: bool) -> Section:
    """Starts of web, one after another; then all of it at rest, when it has done something once."""
    section = Section(
        "Memory and start",
        "Memory is that of a process and all that it started; what they share is counted once (PSS). At rest: after a "
        "hundred deliveries and their runs. Start: from the command to the first 200 of /healthz, on both cores.",
    )
    starts = [_start() for _ in range(1 if quick else 7)]
    section.goals.append(
        Goal("start of web", "<= 0.5 s", f"{spread(starts, 2)} s", median(starts) <= 0.5),
    )
    columns = ("process", "MiB at rest", "processes", "the largest of them, MiB (RSS)")
    rows, workers = _at_rest()
    section.tables.append(Table(columns, rows))
    each = workers / PROCESSES
    section.goals.append(
        Goal(
            "a worker process at rest, with its share of what two have in common",
            "<= 80 MiB",
            f"{each:.1f} MiB",
            each <= 80,
        )
    )
    return section


def _start() -> float:
    with service.installed() as house, machine.redis_running(machine.LOAD_CORE, house.home / "redis"):
        house.environ()
        began = time.monotonic()
        with house.process("web", machine.EVERY_CORE):
            return time.monotonic() - began


def _at_rest() -> tuple[list[tuple[str, ...]], float]:
    """A row for each process, and what the workers take together."""
    with ExitStack() as stack:
        house = stack.enter_context(service.installed())
        redis, child = stack.enter_context(machine.redis_running(machine.LOAD_CORE, house.home / "redis"))
        world = stack.enter_context(tracker.served())
        house.api, house.workers = world.api, PROCESSES
        children = {
            name: stack.enter_context(house.process(name, machine.SERVER_CORE)) for name in ("web", "worker", "clock")
        }
        numbers = world.open(100)
        requests = house.home / "requests"
        deliveries.write_down(requests, service.PATH, range(numbers[0], numbers[-1] + 1))
        load.steady(house.port, requests, 100, 100, _ROUND)
        service.settle(redis, children["worker"])
        found = [_row(f"`release-stages {name}`", one) for name, one in children.items()]
        found.append(_row("Redis", child))
        workers = children["worker"].memory()
    try:
        peers.there(peers.PROBOT)
    except peers.Missing:
        return found, workers
    with peers.PROBOT.running(machine.SERVER_CORE) as (_, one):
        return [*found, _row("Probot", one)], workers


def _row(name: str, one: machine.Child) -> tuple[str, ...]:
    return name, f"{one.memory():.1f}", str(len(one.tree())), f"{one.largest():.1f}"
