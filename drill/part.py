"""`python -m drill.part worker|clock SECONDS [FAULT]`: a part of the service as it is shipped, but in the drill's time.

A drill is over before the first sweep would come, and five hundred features in ten minutes are more than GitHub lets
one account say in an hour. So sweeps come every SECONDS, and an hour's budgets are larger. FAULT is one of broken.py.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import timedelta

from drill.broken import FAULTS
from integration.trackers import github_wire
from integration.trackers.pace import Window
from workers import __main__ as processes
from workers import catch_up, sweep

ROOMIER = 20


def hurry(every: timedelta) -> None:
    """Rounds as often as that, and twenty times the room at GitHub."""
    sweep.EVERY[sweep.LIGHT] = catch_up.EVERY = every
    creations, points = github_wire._creations, github_wire._points

    def more(account: str, cost: int) -> Sequence[Window]:
        return tuple(one._replace(limit=one.limit * ROOMIER) for one in creations(account, cost))

    github_wire._creations = more  # type: ignore[assignment]
    github_wire._points = lambda account, cost: (one := points(account, cost))._replace(limit=one.limit * ROOMIER)


def main(arguments: list[str]) -> int:
    """Start it; answers with the exit code."""
    name, seconds, *faults = arguments
    hurry(timedelta(seconds=float(seconds)))
    for fault in faults:
        FAULTS[fault]()
    return processes.main([name])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
