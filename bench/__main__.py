"""`python -m bench [NAMES] [--quick]`: measure, and write RESULTS.md when all of it was measured in full."""

from __future__ import annotations

import argparse
import os
import sys
import time
from importlib import import_module
from pathlib import Path

from bench import machine, peers, report
from bench.report import Section

QUESTIONS = ("receive", "burst", "answer", "runs", "calls", "footprint", "growth", "whatif", "board")
RESULTS = Path(__file__).with_name("RESULTS.md")


def main(arguments: list[str]) -> int:
    """Measure what is named, or all; 1 when something could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="What the service costs, beside its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(QUESTIONS)}; none: all of them")
    parser.add_argument("--quick", action="store_true", help="few and short rounds, to see that it works; says little")
    parser.add_argument("--write", type=Path, help="where to; else RESULTS.md here, when all was measured in full")
    given = parser.parse_args(arguments)
    if unknown := set(given.names) - set(QUESTIONS):
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    about = _machine()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, machine.LOAD_CORE)  # what watches must not disturb what is measured
    sections, whole = _measured(given.names or list(QUESTIONS), given.quick)
    found = report.written(sections, about)
    sys.stdout.write(found)
    to = given.write or (RESULTS if not given.names and not given.quick else None)
    if to:
        to.write_text(found, "utf-8")
    return 0 if whole else 1


def _measured(names: list[str], quick: bool) -> tuple[list[Section], bool]:
    """One after another; what breaks is told in its place, and the others go on."""
    sections, whole = [], True
    for name in names:
        began = time.monotonic()
        try:
            sections.append(import_module(f"bench.{name}").measure(quick))
        except Exception as error:
            whole = False
            why = " ".join(str(error).split())[-1500:]
            sections.append(Section(name.capitalize(), f"**Could not be measured**: {type(error).__name__}: {why}"))
        sys.stderr.write(f"{name}: {time.monotonic() - began:.0f} s\n")
    return sections, whole


def _machine() -> list[str]:
    """What it is, and the peers' versions; they are installed now, not in the midst of measuring."""
    lines = machine.described()
    for peer in peers.ALL:
        try:
            lines.append(peers.there(peer))
        except peers.Missing as why:
            lines.append(f"{peer.name}: left out, {why}")
    return lines


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
