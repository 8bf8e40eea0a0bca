"""`python -m workers worker` and `python -m workers clock`: the two kinds of process that work in the background.

`python -m workers what-if ID` is a worker's child: it answers one what-if of the pages, and ends.
"""

from __future__ import annotations

import os
import sys

import structlog

from integration import logs
from integration.settings import Misconfigured, Settings


def main(arguments: list[str]) -> int:
    """Run one of them until it is told to stop; answers with the exit code."""
    if arguments not in (["worker"], ["clock"]) and not (len(arguments) == 2 and arguments[0] == "what-if"):
        sys.stderr.write("usage: python -m workers worker|clock|what-if ID\n")
        return 2
    try:
        settings = Settings.read(os.environ)
    except Misconfigured as fault:
        sys.stderr.write(f"{fault}\n")
        return 2
    logs.set_up(settings)
    from integration.memory.ledger import LedgerAway, Unreadable

    try:
        if arguments == ["worker"]:
            work(settings)
        elif arguments == ["clock"]:
            tick(settings)
        else:
            answer(settings, arguments[1])
    except (LedgerAway, Unreadable) as fault:
        sys.stderr.write(f"{arguments[0]}: {fault}\n")
        return 2
    return 0


def work(settings: Settings) -> None:
    """Start the workers. The jobs and all that they need are imported here, once, before any process is made."""
    from integration import look
    from integration.memory.what_ifs import QUEUE
    from workers import jobs, pool, what_ifs

    _open_ledger(settings)
    look.load(settings)
    offered = {f"{jobs.__name__}.{name}": getattr(jobs, name) for name in jobs.__all__}
    offered |= what_ifs.offered(settings)
    pool.serve(settings.redis_url, settings.workers, settings.threads, offered, jobs.inbox, jobs.desk, QUEUE)


def _open_ledger(settings: Settings) -> None:
    """Once, before any process is made: a worker that may not work on the tables takes no job from one that may.

    Raises `Unreadable`. A database that is away is waited for by each job.
    """
    from integration.memory.ledger import Ledger, LedgerAway

    try:
        Ledger.open(settings.database_url).close()
    except LedgerAway as away:
        structlog.get_logger(__name__).warning("the ledger is away; the workers wait for it", reason=str(away))


def tick(settings: Settings) -> None:
    """Start the clock."""
    from workers import clock

    clock.run(settings)


def answer(settings: Settings, id: str) -> None:
    """Answer one what-if."""
    from workers import what_ifs

    what_ifs.run(settings, id)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
