"""How often is a tracker asked for one verdict? A test counts it and holds it to a table, which is judged here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path

from bench.report import Goal, Section, Table

ROOT = Path(__file__).parent.parent
COUNTED = "tests/trackers/test_calls.py"
GOALS = {  # what, on which tracker: reads and writes together
    ("nothing due", "github"): 1,
    ("nothing due", "jira"): 1,
    ("admitted", "github"): 3,
    ("admitted", "jira"): 3,
    ("blocked", "github"): 7,
    ("blocked", "jira"): 6,
}


def measure(quick: bool) -> Section:
    """Run the test; while it passes, its table is what was counted."""
    section = Section(
        "Calls for a verdict",
        f"Reads and writes together, counted at the sandbox by `{COUNTED}`, with a short history and with a long one. "
        "Cold: nobody knows yet whether a mention reaches the party.",
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", COUNTED]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    holds = done.returncode == 0
    numbers: Mapping[tuple[str, str], int] = import_module("tests.trackers.test_calls").NUMBERS
    if holds:
        rows = [(*about, str(number), str(GOALS.get(about, ""))) for about, number in numbers.items()]
        section.tables.append(Table(("what", "tracker", "calls", "goal"), rows))
    else:
        section.notes.append(f"The test fails, so nothing is counted: {_last(done.stdout)}.")
    for (what, where), most in GOALS.items():
        number = numbers.get((what, where)) if holds else None
        figure = "not counted" if number is None else str(number)
        met = None if number is None else number <= most
        section.goals.append(Goal(f"calls for a verdict: {what}, on {where}", f"<= {most}", figure, met))
    return section


def _last(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip()]
    return lines[-1].strip("= ") if lines else "it says nothing"
