"""The whole of a what-if: read what is missing, put all of it under both files, sort what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integration.check import load
from integration.look import looked_at_around
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.file.mappings import Mappings, read
from integration.stages.replay.comparing import Span
from integration.whatif.people import Asking, ToAsk
from integration.whatif.reading import Progress, Read, Reader, Reading, readings
from integration.whatif.report import Report, report
from integration.whatif.running import Running
from integration.whatif.wanted import NothingToDo, Wanted

NONE = "none"
"""As the old file: no rules at all."""

IN_FORCE = "the file in force"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to know. `against` empty: the file in force, if the ledger knows one."""

    mappings: Path
    since: datetime
    against: str = ""
    repositories: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    offline: bool = False


class Simulating:
    """One what-if. `trackers` are those that are configured; they can be read, and nothing else."""

    def __init__(
        self, ledger: Ledger, trackers: Mapping[tuple[str, str], Reading], progress: Progress,
        processes: int | None = None,
    ) -> None:  # fmt: skip
        self.ledger, self.trackers, self.progress, self.processes = ledger, trackers, progress, processes

    @classmethod
    def open(
        cls, settings: Settings, offline: bool, progress: Progress, waits: Callable[[float, str], None]
    ) -> Simulating:
        """With the ledger and, unless offline, the trackers of the environment."""
        return cls(Ledger.open(settings.database_url), {} if offline else readings(settings, waits), progress)

    def run(self, asked: Asked, now: datetime | None = None) -> Report:
        """Raises `Faulty`, `NothingToDo`, and `Unavailable` when a tracker stays away: what was read then is kept."""
        now = now or datetime.now(UTC)
        new, (old, old_name) = load(asked.mappings), self._old(asked)
        wanted = Wanted(new, old, Span(asked.since, now), asked.repositories, asked.projects)
        if not any(True for _ in wanted.sources()):
            raise NothingToDo("neither file has a source on that tracker; leave --repo or --project out")
        done = None if asked.offline else self._read(wanted)
        asking = Asking(self.ledger.histories, self.trackers, asked.offline)
        result = Running(self.ledger, wanted, self.progress, self.processes).run(
            lambda questions: self._settled(asking, questions), asked.offline
        )
        if not result.compared.issues:
            raise NothingToDo(self._why_nothing(wanted, asked, done))
        return report(wanted, result, done, asking.untold, (old_name, f"{asked.mappings.name} ({new.hash})"))

    def _old(self, asked: Asked) -> tuple[Mappings | None, str]:
        if asked.against == NONE:
            return None, ""
        if asked.against:
            file = Path(asked.against)
            old = load(file)
            return old, f"{file.name} ({old.hash})"
        text = self.ledger.versions.text(self.ledger.versions.in_force())
        if text is None:
            return None, ""
        old = read(text)
        return old, f"{IN_FORCE} ({old.hash})"

    def _read(self, wanted: Wanted) -> Read:
        if not wanted.trackers(self.trackers):
            missing = " and ".join(wanted.unread(self.trackers))
            raise NothingToDo(
                f"{missing} is not configured in the environment, so nothing can be read; configure it, or use "
                "--offline to go by what was read before"
            )
        around = frozenset[str]().union(*(looked_at_around(file) for file in wanted.files))
        done = Reader(self.ledger, self.trackers, wanted, around, self.progress).read()
        done.refused |= dict.fromkeys(wanted.unread(self.trackers), "it is not configured in the environment")
        return done

    def _settled(self, asking: Asking, questions: Mapping[str, ToAsk]) -> Mapping[str, Any]:
        if questions:
            self.progress.of("asking who is in which party", len(questions))
        for _ in asking.ask(questions):
            self.progress.step()
        return asking.answers

    @staticmethod
    def _why_nothing(wanted: Wanted, asked: Asked, done: Read | None) -> str:
        since = f"{wanted.span.since:%Y-%m-%d}"
        if asked.offline:
            return f"no history that has changed since {since} is stored for these places; run it without --offline"
        refused = "; ".join(f"{name}: {why}" for name, why in (done.refused if done else {}).items())
        said = f"no issue has changed since {since} in the places that the files name"
        return said + (f" ({refused})" if refused else "")
