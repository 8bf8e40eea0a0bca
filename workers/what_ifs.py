"""What-ifs for the pages: each in a process of its own, at the lowest priority, so that no run waits for its CPU.

The job is a thread of a worker that starts the process, gives signs of life for it, and ends it when the worker is to
stop. The process puts the stored histories under the file, and writes into Redis how far it has come.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from integration.memory.ledger import Ledger, LedgerAway
from integration.memory.what_ifs import LONGEST, Question, WhatIfs
from integration.settings import Settings
from integration.stages.file.written import Faulty
from integration.stages.replay.comparing import Kind
from integration.trackers import Unavailable
from integration.whatif import writing
from integration.whatif.reading import readings
from integration.whatif.report import Report, fate
from integration.whatif.simulate import Asked, Simulating
from integration.whatif.wanted import NothingToDo
from workers.pool import HouseQueue, end_with_parent

__all__ = ["simulate"]

NICER = 9  # beyond the workers' own
LOOK, BEAT = 0.5, 10.0  # seconds
PROGRESS = 0.5

log = structlog.get_logger(__name__)


# --- in a worker's thread ---------------------------------------------------------------------------------------------


def simulate(what_ifs: WhatIfs, id: str) -> None:
    """Have it answered by a process of its own; whatever becomes of that, the one who waits is told."""
    command = [sys.executable, "-m", "workers", "what-if", id]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as child:  # noqa: S603 - our own, and no shell
        why = _watch(what_ifs, id, child)
    stand = what_ifs.stand(id, datetime.now(UTC))
    if stand and stand.state in ("waiting", "running"):
        what_ifs.fail(id, why or f"Its process ended by itself ({child.returncode}); the log may say why.")


def _watch(what_ifs: WhatIfs, id: str, child: subprocess.Popen[bytes]) -> str:
    """Until it has ended; why it was ended, where it was."""
    until, beat_at = time.monotonic() + LONGEST.total_seconds(), 0.0
    while child.poll() is None:
        if HouseQueue.stopping.wait(LOOK):
            child.kill()
            return "The workers were stopped meanwhile; ask again."
        if time.monotonic() > until:
            child.kill()
            return f"It took longer than {LONGEST}; ask for a shorter time."
        if time.monotonic() >= beat_at:
            beat_at = time.monotonic() + BEAT
            what_ifs.beat(id)
    return ""


def offered(settings: Settings) -> dict[str, Any]:
    """What jobs of this kind may name, and what is then called."""
    return {f"{__name__}.simulate": partial(simulate, WhatIfs.connect(settings.redis_url))}


# --- in its own process -----------------------------------------------------------------------------------------------


class Coming:
    """Writes down how far it has come, not more often than people can see."""

    def __init__(self, what_ifs: WhatIfs, id: str) -> None:
        self._what_ifs, self._id = what_ifs, id
        self._what, self._of, self._done, self._told = "", 0, 0, 0.0

    def of(self, what: str, how_many: int) -> None:
        """So many are to come."""
        self._what, self._of, self._done, self._told = what, how_many, 0, 0.0
        self._tell()

    def step(self) -> None:
        """One is done."""
        self._done += 1
        self._tell()

    def waits(self, seconds: float, why: str) -> None:
        """A tracker is away, or wants us to wait: say so, and wait."""
        self._what_ifs.come(self._id, f"waiting: {why}", self._done, self._of)
        time.sleep(seconds)

    def _tell(self) -> None:
        if time.monotonic() - self._told > PROGRESS:
            self._told = time.monotonic()
            self._what_ifs.come(self._id, self._what, self._done, self._of)


def run(settings: Settings, id: str) -> None:
    """Answer it. Raises `Away`: then nobody can be told."""
    end_with_parent()
    os.nice(NICER)
    what_ifs = WhatIfs.connect(settings.redis_url)
    question = what_ifs.begin(id)
    if question is None:
        return
    try:
        report = _answer(settings, question, Coming(what_ifs, id))
    except (NothingToDo, Faulty, Unavailable) as why:
        what_ifs.fail(id, _for_pages(str(why)))
    except LedgerAway:
        what_ifs.fail(id, "The database does not answer; ask again later.")
    except Exception as error:
        log.error("a what-if could not be answered", exc_info=error)
        what_ifs.fail(id, "Something unexpected went wrong; the log says what.")
    else:
        what_ifs.finish(id, told(report))


def _answer(settings: Settings, question: Question, coming: Coming) -> Report:
    """As `release-stages simulate` would. Of the trackers nothing is asked, unless an admin wants it."""
    trackers = readings(settings, coming.waits) if question.read_new else {}
    simulating = Simulating(Ledger.open(settings.database_url), trackers, coming, max(1, (os.cpu_count() or 2) // 2))
    with TemporaryDirectory() as home:
        file = Path(home, "mappings.yaml")
        file.write_bytes(question.text.encode())
        repositories, projects = _places(question)
        return simulating.run(Asked(file, question.since, "", repositories, projects, not question.read_new))


def _places(question: Question) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those that whoever asks may see, and no other. Raises `NothingToDo` where there is none."""
    if question.places is None:
        return (), ()
    plain = [one for one in question.places if not set(one) & set("*?[")]
    repositories = tuple(one.removeprefix("github:") for one in plain if one.startswith("github:"))
    projects = tuple(one.removeprefix("jira:") for one in plain if one.startswith("jira:"))
    if not repositories and not projects:  # which would mean all of them
        raise NothingToDo("no repository or project is shown to you")
    return repositories, projects


def told(report: Report) -> dict[str, Any]:
    """The report for a page: as for machines, and beside it in words what people read."""
    whole: dict[str, Any] = json.loads(writing.as_json(report))
    changes = (one for kind in Kind for one in report.of(kind))
    for said, one in zip(whole["changes"], changes, strict=True):
        way = f"{report.stage(one.move.was)} → {report.stage(one.move.to)}"
        said |= {"way": way, "who": str(one.move.actor), "then": fate(one.new), "before": fate(one.old)}
        said["named"] = list(one.named)
    return whole | {"not_known": [_for_pages(one) for one in whole["not_known"]]}


def _for_pages(said: str) -> str:
    """Without what only the command has."""
    for option, words in _OPTIONS.items():
        said = said.replace(option, words)
    return said


_OPTIONS: Mapping[str, str] = {
    "run it without --offline": 'an admin can have it read: "Read what is new" on the page that asks',
    "run it once without --offline": 'an admin can have it read: "Read what is new" on the page that asks',
    "leave --repo or --project out": "ask for other places",
    "use --offline to go by what was read before": 'ask without "Read what is new" to go by what was read before',
}
