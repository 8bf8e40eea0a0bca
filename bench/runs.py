"""Runs that wait for a tracker: what workers.py measures, and whether a core carries enough of them, over TLS too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench import machine
from bench.report import Goal, Section, Table
from integration.settings import Settings

HERE = Path(__file__).parent
RATE, CPU = 80.0, 10.0


def measure(quick: bool) -> Section:
    """Its tables, and of the line that is ours as shipped the rate and the CPU."""
    section = Section(
        "Runs",
        "Each run makes five calls that are answered after 30 ms. All workers of an arrangement share one core; Redis "
        "and the server have the other. workers.py says more, and docs/decisions/0002-workers.md what follows from it.",
    )
    rounds = "1" if quick else "2"
    for name, more in (("plain", []), ("over TLS", ["--tls"])):
        only = ["--only", "ours"] if quick or more else []
        table = _table([*more, *only, "--rounds", rounds], name)
        section.tables.append(table)
        _judge(section, table, name)
    return section


def _table(more: list[str], title: str) -> Table:
    command = [sys.executable, str(HERE / "workers.py"), *more]
    whole = lambda: os.sched_setaffinity(0, machine.EVERY_CORE)  # noqa: E731 - it shares the cores out itself
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE.parent, timeout=600, preexec_fn=whole)
    if done.returncode:
        raise machine.DidNotStart(f"workers.py has not measured anything: {done.stderr.strip()[-500:]}")
    ruled = [line.strip() for line in done.stdout.splitlines() if line.startswith("|") and not line.startswith("| ---")]
    first, *rows = (tuple(cell.strip() for cell in line.strip("|").split("|")) for line in ruled)
    return Table(first, rows, title)


def _judge(section: Section, table: Table, name: str) -> None:
    """Ours as shipped; the quickest of ours where that is not among them."""
    known = Settings.__dataclass_fields__
    shipped = f"ours, {known['workers'].default} x {known['threads'].default} threads"
    ours = [row for row in table.rows if row[0].startswith("ours")]
    row = next((row for row in ours if row[0] == shipped), max(ours, key=lambda row: float(row[1])))
    rate, cpu = float(row[1]), float(row[3])
    section.goals += [
        Goal(f"runs on a core, {name} ({row[0]})", f">= {RATE:.0f}/s", f"{rate:.1f}/s", rate >= RATE),
        Goal(f"CPU of a run, {name}", f"<= {CPU:.0f} ms", f"{cpu:.1f} ms", cpu <= CPU),
    ]
