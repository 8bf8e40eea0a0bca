"""A file that people and tools write while we run: what it says, once it has come to rest.

Whoever writes it may be seen in the middle: an editor that empties a file before it fills it, a copy that has come half
way. Half a mappings.yaml may well be a sound one with fewer rules. So what is new counts only after it has been the
same, to the byte, for a while.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

QUIET = 2.0  # seconds for which nothing has changed
UNENDED = 10.0  # the same, for a text whose last line has no end: more may follow
ANYWAY = 60.0  # so often it is read although nothing shows that it has changed: a file system may tell little
MOST = 1024 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """What the file was found to be: its bytes (of a huge one the first), or why it cannot be read."""

    raw: bytes = b""
    error: OSError | None = None

    @property
    def may_go_on(self) -> bool:
        """Its last line has no end."""
        return self.error is None and not self.raw.endswith(b"\n")


_Mark = tuple[int, ...]  # by what a file on the disk is known to be the same: device, number, size, times
_GONE: _Mark = ()


class Watched:
    """One file. Not for several threads at once."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path, self._clock = path, clock
        self._known: tuple[_Mark, Reading] | None = None
        self._read_at = 0.0
        self._new: Reading | None = None
        self._since = 0.0

    def begin(self) -> Reading:
        """What it says at this moment, for whoever cannot wait; only what differs from that is new later."""
        mark, reading = _read(self._path)
        self._rest(mark, reading)
        return reading

    def news(self) -> Reading | None:
        """What it says, if that is new, and has been so for long enough; each news once."""
        now = self._clock()
        is_same = self._known is not None and self._known[0] == _mark(self._path)
        if is_same and self._new is None and now - self._read_at < ANYWAY:
            return None
        mark, reading = _read(self._path)
        if self._known is not None and _alike(reading, self._known[1]):
            self._rest(mark, reading)
            return None
        if self._new is None or not _alike(reading, self._new):
            self._new, self._since = reading, now
        if now - self._since < (UNENDED if reading.may_go_on else QUIET):
            return None
        self._rest(mark, reading)
        return reading

    def _rest(self, mark: _Mark, reading: Reading) -> None:
        self._known, self._new, self._read_at = (mark, reading), None, self._clock()


def _read(path: Path) -> tuple[_Mark, Reading]:
    """The file as it is, by the mark that it had before: whatever changes meanwhile has another one."""
    try:
        with path.open("rb") as file:
            mark = _of(os.fstat(file.fileno()))
            return mark, Reading(file.read(MOST + 1))
    except OSError as error:
        return _mark(path), Reading(error=error)


def _mark(path: Path) -> _Mark:
    try:
        return _of(path.stat())
    except OSError:
        return _GONE


def _of(stat: os.stat_result) -> _Mark:
    """Of its times the last change of anything, too: that one cannot be set."""
    return (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _alike(one: Reading, other: Reading) -> bool:
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error)
    return one.raw == other.raw
