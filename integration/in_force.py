"""The rules in force, as a process has them: what the ledger names, whatever lies on this machine's disk.

A process that sees its own mappings.yaml change takes the new version for all of them, or refuses it as a whole; all
judge by it from their next look on. Which of two files wins, and who is told, says docs/decisions/0010-reload.md.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

import structlog

from integration.check import text_in
from integration.memory.away import Away
from integration.memory.copies import BROKEN, TOLD_EVERY, Copies
from integration.memory.ledger import Ledger
from integration.stages.file.mappings import Fault, Faulty, Mappings, known
from integration.watched import Reading, Watched

LOOKED_AT_EVERY = timedelta(seconds=2)
"""So often each process looks at its file beside its work."""
ASK_AGAIN = 2.0  # seconds
TELL_AFTER = 30.0  # seconds for which this machine's file may be another one: others get theirs a little later

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Copy:
    """What lies on this machine's disk."""

    text: str
    mappings: Mappings

    @property
    def version(self) -> str:
        return self.mappings.hash


class MappingsFile:
    """mappings.yaml as it is in force, for all threads of a process. A broken file never takes effect.

    Where it does not `take`, the process only looks at what others have put in force: a command at somebody's terminal.
    """

    def __init__(
        self, path: Path, ledger: Ledger, copies: Copies | None = None, takes: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Raises `Faulty` where the file is broken, and none was ever in force."""
        self._path, self._ledger, self._copies, self.takes, self._clock = path, ledger, copies, takes, clock
        self._watched = Watched(path, clock)
        self._lock = Lock()
        self.fault = ""  # of this machine's file
        self._refused: Faulty | None = None
        self._own: _Copy | None = None
        self._last = ""  # its last good version
        self._changed = False  # it was changed while we ran, by somebody who means it
        self._agreed = False  # at some time it was what is in force
        self._known: Mappings | None = None  # what was in force last
        self._asked_at = self._told_at = -60.0
        self._apart: tuple[str, str, float] | None = None
        self._hear(self._watched.begin())
        self._now()

    @property
    def current(self) -> Mappings:
        """The version in force at this moment. Raises `Faulty` where there is none, or a later release has put it."""
        with self._lock:
            if (news := self._watched.news()) is not None:
                self._hear(news)
            return self._now()

    def text_of(self, version: str) -> str:
        """The text of a version that `current` has answered with."""
        own = self._own
        return own.text if own and own.version == version else self._ledger.versions.text(version) or ""

    # --- this machine's file ----------------------------------------------------------------------------------------

    def _hear(self, reading: Reading) -> None:
        """Taken or refused as a whole."""
        self._told_at = -60.0  # the others are to hear of it
        try:
            text = text_in(reading, self._path)
            own = _Copy(text, known(text, self._path.name))
            self._changed = self._last not in ("", own.version)
            self._own, self._last, self._refused, self.fault = own, own.version, None, ""
        except Faulty as fault:
            self._own, self._refused, self.fault = None, fault, str(fault)
            log.error("mappings.yaml is broken; the last good version stays in force", fault=self.fault)

    def _now(self) -> Mappings:
        version = self._ledger.versions.in_force()
        if self.takes and self._own and self._own.version != version and self._is_to_be_taken(self._own, version):
            self._ledger.versions.take(self._own.version, self._own.text, datetime.now(UTC))
            log.info("another mappings.yaml is in force", version=self._own.version, before=version or "none")
            version = self._own.version
        self._changed = False
        found = self._of(version)
        self._compare(version)
        self._announce()
        return found

    def _is_to_be_taken(self, own: _Copy, version: str) -> bool:
        """Is this machine's file the one that is meant? A process that begins with an older one may be late, or alone.

        It is late as long as another machine has what is in force; without any, everybody went back to the older one.
        """
        if not version or self._changed:
            return True
        if self._agreed or self._clock() - self._asked_at < ASK_AGAIN:
            return False  # our file was in force, and has not changed since: the other one is newer
        self._asked_at = self._clock()
        if self._ledger.versions.text(own.version) is None:
            return True
        try:
            told = self._copies.told(datetime.now(UTC)) if self._copies else {}
        except Away:
            return False
        told.pop(self._machine, None)
        return version not in told.values()

    def _of(self, version: str) -> Mappings:
        """That version as objects."""
        if self._own and (self._own.version == version or not version):
            self._known = self._own.mappings
        elif not version:
            raise self._refused or Faulty([])
        elif self._known is None or self._known.hash != version:
            self._known = self._kept(version)
        return self._known

    def _kept(self, version: str) -> Mappings:
        """Put in force by another process, or before we began."""
        try:
            return known(self._ledger.versions.text(version) or "", self._path.name)
        except Faulty as fault:
            says = f"version {version} is in force, and this release cannot read it ({fault.faults[0]})"
            raise Faulty([Fault(1, 1, "", says, self._path.name)]) from None

    # --- and those of others ----------------------------------------------------------------------------------------

    @property
    def _machine(self) -> str:
        return f"{socket.gethostname()}:{self._path.absolute()}"

    def _announce(self) -> None:
        """Let the others know what lies here."""
        if not self.takes or self._copies is None or self._clock() - self._told_at < TOLD_EVERY.total_seconds():
            return
        self._told_at = self._clock()
        with suppress(Away):  # then there are other worries
            self._copies.tell(self._machine, self._own.version if self._own else BROKEN, datetime.now(UTC))

    def _compare(self, version: str) -> None:
        """A file that is not what is in force, and stays so, is told, once."""
        own = self._own.version if self._own else version
        self._agreed = self._agreed or (self._own is not None and own == version)
        if own == version:
            self._apart = None
        elif self._apart is None or self._apart[:2] != (own, version):
            self._apart = (own, version, self._clock())
        elif self.takes and self._clock() - self._apart[2] >= TELL_AFTER:
            self._apart = (own, version, float("inf"))
            fix = "bring the file of this machine up to date; or change it here, which puts it in force everywhere"
            log.warning(
                "the mappings.yaml of this machine is not the one in force", version=own, in_force=version, fix=fix
            )
