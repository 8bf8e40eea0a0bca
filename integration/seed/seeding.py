"""A world told, acted out and written to an empty ledger, in the order in which it happened."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import UTC, datetime, time, timedelta
from itertools import groupby

from integration.memory.ledger import Appended, Ledger
from integration.seed import copies, operations
from integration.seed.acting import NAMES
from integration.seed.house_rules import Eras
from integration.seed.telling import Draft, Told, World, drafts, tell
from integration.seed.truth import Truth
from integration.stages.model import Label

PART = 25  # stories
FEW = 250  # so few are not worth other processes, each of which takes a second to begin
_AHEAD = 4  # parts that lie ready for each process

Step = Callable[[int], None]


class NotEmpty(Exception):
    """The ledger has features already: what is invented must not lie among what is true."""


def fill(url: str, world: World, step: Step = lambda _: None, processes: int | None = None) -> Truth:
    """Fill the ledger at this address; what the script knows of the world. `step` hears of so many stories more.

    Raises `NotEmpty`, and what `Ledger.open` raises.
    """
    eras = world.eras
    ledger = Ledger.open(url, now=eras.born)
    try:
        if not ledger.begin(eras.born):
            raise NotEmpty(
                "the ledger has features already, and the seeded world wants an empty one; name another by "
                "--into, such as sqlite:///seeded.db"
            )
        told = sorted(_told(world, step, processes or _cores()), key=lambda one: (one.began, one.ref))
        _write(ledger, told, world, eras)
        copies.fill(ledger, told, world)
        operations.fill(ledger, told, world)
        return Truth([one.feature for one in told])
    finally:
        ledger.close()


# --- telling, on all cores ------------------------------------------------------------------------------------------


def _told(world: World, step: Step, processes: int) -> Iterator[Told]:
    listed = drafts(world)
    parts = [listed[start : start + PART] for start in range(0, len(listed), PART)]
    for found in _parts(world, parts, 1 if len(listed) < FEW else processes):
        step(len(found))
        yield from found


def _parts(world: World, parts: Sequence[Sequence[Draft]], processes: int) -> Iterator[list[Told]]:
    if processes < 2:
        yield from (_tell(world, part) for part in parts)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        under_way = deque[Future[list[Told]]]()
        try:
            for part in parts:
                under_way.append(pool.submit(_tell, world, part))
                if len(under_way) > _AHEAD * processes:
                    yield under_way.popleft().result()
            yield from (one.result() for one in under_way)
        finally:
            pool.shutdown(cancel_futures=True)


def _tell(world: World, part: Sequence[Draft]) -> list[Told]:
    eras = world.eras
    return [tell(draft, world, eras) for draft in part]


def _cores() -> int:
    """Those that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- writing, in the order of time ------------------------------------------------------------------------------------


def _write(ledger: Ledger, told: Sequence[Told], world: World, eras: Eras) -> None:
    """Day by day, as it was: the file in force, what the looks have come to, and at midnight the day's anchor."""
    for place, labels in NAMES.items():
        ledger.learn_names(place, [Label(id, name) for id, (name,) in labels.items()], eras.born)
    runs = sorted(_appended(told), key=lambda one: one.at)
    day, in_force = eras.born.date(), -1
    for (date, era), some in groupby(runs, key=lambda one: (one.at.date(), eras.number(one.at))):
        while day < date:
            day += timedelta(days=1)
            ledger.anchor(datetime.combine(day, time(), UTC))
        in_force = _take(ledger, eras, in_force, era)
        ledger.append_all(list(some))
    while day < world.now.date():
        day += timedelta(days=1)
        ledger.anchor(datetime.combine(day, time(), UTC))
    _take(ledger, eras, in_force, eras.number(world.now))


def _take(ledger: Ledger, eras: Eras, last: int, era: int) -> int:
    """Every version that took effect since, one after the other."""
    for number in range(last + 1, era + 1):
        ledger.versions.take(eras.files[number].hash, eras.texts[number], eras.starts[number])
    return era


def _appended(told: Sequence[Told]) -> Iterator[Appended]:
    for one in told:
        for run in one.runs:
            yield Appended(one.ref, run.at, run.batches, run.card)
