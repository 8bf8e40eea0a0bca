"""Is an admin told within a minute what a changed file would have done? 10,000 stored histories, under two files.

The organisation is that of the tests, whose answer is known by counting; a replay that comes to another one is no
replay, and breaks off.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from bench import machine
from bench.report import Goal, Section, Table, median, spread
from integration.memory.ledger import Ledger
from integration.whatif.report import report
from integration.whatif.running import Running
from tests.stages.organisation import NOW, Answer
from tests.whatif.store import WANTED, Personnel, Still, fill

HISTORIES, SECONDS = 10_000, 60.0
TWO_CORES = machine.SERVER_CORE | machine.LOAD_CORE


def measure(quick: bool) -> Section:
    """By two processes, some rounds; beside the first, by two when all is known of people, and by one."""
    many, rounds = (1_000, 1) if quick else (HISTORIES, 3)
    section = Section(
        "What-if",
        f"{many:,} histories of half a year, on both trackers and in a ledger on SQLite, are put under two files of "
        "three rules each: every move is judged again under both, and a report is made of it. From the start to the "
        "report, with the start of the processes. Who is in which party is asked, and answered at once: how long "
        "trackers take is theirs. The answer is the one that is known by counting. Median of the rounds, least and "
        "most behind it.",
    )
    took: dict[str, list[float]] = {}
    with machine.home() as home, closing(Ledger.open(f"sqlite:///{home / 'ledger.db'}", now=NOW)) as ledger, _cores():
        fill(ledger, many)
        asked = Personnel()
        took["two processes"] = [_replayed(ledger, many, 2, asked)]
        took["two processes, of people all is known"] = [_replayed(ledger, many, 2, asked)]
        took["one process"] = [_replayed(ledger, many, 1, Personnel())]
        took["two processes"] += [_replayed(ledger, many, 2, Personnel()) for _ in range(rounds - 1)]
    _judge(section, took, many)
    return section


@contextmanager
def _cores() -> Iterator[None]:
    """Nothing but the replay is at work: it has both."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, TWO_CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _replayed(ledger: Ledger, many: int, processes: int, personnel: Personnel) -> float:
    """Seconds. Raises `AssertionError` where another answer comes out."""
    began = time.monotonic()
    found = Running(ledger, WANTED, Still(), processes).run(personnel, offline=False)
    told = report(WANTED, found, None, {}, ("old.yaml", "new.yaml"))
    seconds = time.monotonic() - began
    answer = Answer.of(many)
    changes = {kind: len(told.of(kind)) for kind in answer.changes}
    if (told.compared.issues, told.compared.moves, changes) != (many, answer.moves, dict(answer.changes)):
        raise AssertionError(f"{changes} of {told.compared.moves} moves; counted are {answer}")
    return seconds


def _judge(section: Section, took: dict[str, list[float]], many: int) -> None:
    ours = took["two processes"]
    rows = [
        (who, spread(each, 1), f"{many / median(each):,.0f}", f"{median(each) / median(ours):.2f}")
        for who, each in took.items()
    ]
    section.tables.append(Table(("who", "seconds", "histories/s", "it / two processes"), rows))
    most = SECONDS * many / HISTORIES
    section.goals.append(
        Goal(f"what-if over {many:,} histories, two cores", f"<= {most:.0f} s", f"{spread(ours, 1)} s",
             median(ours) <= most)
    )  # fmt: skip
