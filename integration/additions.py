"""The rules that repositories have added, read from their default branch and joined with mappings.yaml.

Reading one asks the tracker, and what it comes to is kept in the ledger: the last good version counts, whatever stands
there now. A look reads it only where nobody has done so lately; else pushes and sweeps do (`workers/own_rules.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import cast

import structlog

from integration.check import decoded
from integration.in_force import MappingsFile
from integration.memory.ledger import Ledger
from integration.memory.versions import Own, Under
from integration.stages.file.additions import SHORT, Ground, Unfit, digest_of, join, read_additions
from integration.stages.file.mappings import Faulty, Mappings, may_add
from integration.stages.model import ADDITIONS_FILE, Ref
from integration.trackers import Filed, Refused, Tracker, Unavailable

READ_AGAIN = timedelta(minutes=10)
"""So long what was read of a repository's file is believed, where no push tells of a change."""
_JOINED = 256  # versions that are kept as objects

log = structlog.get_logger(__name__)

_ground = lru_cache(maxsize=4)(Ground.of)  # each thread of a process has a desk of its own, and all the same file


@dataclass(frozen=True, slots=True)
class Effective:
    """The rules for one place. `unfit`: why what its repository has added does not count as it stands there."""

    mappings: Mappings
    under: Under
    unfit: str = ""


class OwnRules:
    """What repositories have added, for all places. One for each thread, as the desk is.

    Where `file` takes nothing, nothing is read from a tracker and nothing kept: what others have read is what there is.
    """

    def __init__(self, ledger: Ledger, file: MappingsFile) -> None:
        self._ledger, self._file = ledger, file
        self._joined: dict[tuple[str, str], Mappings | Unfit] = {}

    def at(self, ref: Ref, tracker: Tracker, now: datetime) -> Effective:
        """The rules that an issue is judged by. Raises `Faulty` where none are in force, and `Unavailable`.

        A repository's file that cannot be read, or not be taken, takes nothing away: then its last good version counts.
        """
        mappings = self._file.current
        if not may_add(mappings, ref):
            return Effective(mappings, Under(mappings.hash))
        own = self._ledger.versions.own(ref.place)
        why = ""
        if self._file.takes and is_old(own, now):
            try:
                self.read(mappings, ref, tracker, now)
            except (Unfit, Refused) as no:
                why = told(no)
            except Unavailable as away:
                if own is None:
                    raise
                log.info("a repository's own rules could not be read; the last ones count", reason=str(away))
            own = self._ledger.versions.own(ref.place)
        return self._joined_with(mappings, ref, own or Own(), why)

    def read(self, mappings: Mappings, ref: Ref, tracker: Tracker, now: datetime) -> None:
        """Read the place's file, and keep what it comes to. Raises `Unfit`, `Refused`, `Unavailable`."""
        before = self._ledger.versions.own(ref.place) or Own()
        try:
            own, text = self._as_it_is(mappings, ref, tracker, before, now)
        except (Unfit, Refused):
            self._keep(ref.place, before, replace(before, read_at=now, faulty=True), "", now)
            raise
        self._keep(ref.place, before, own, text, now)

    def _as_it_is(
        self, mappings: Mappings, ref: Ref, tracker: Tracker, before: Own, now: datetime
    ) -> tuple[Own, str]:  # fmt: skip
        raw = cast(Filed, tracker).file(ref, ADDITIONS_FILE)
        if raw is None:
            return Own("", now), ""
        text = _text(raw, ref.place)
        digest = digest_of(text)
        read_additions(text, self._on(mappings), _named(ref.place), accepted=digest == before.digest)
        return Own(digest, now), text

    def _keep(self, place: str, before: Own, own: Own, text: str, now: datetime) -> None:
        self._ledger.versions.keep_own(place, own, text, now)
        if own.digest != before.digest:
            log.info("a repository's own rules have changed", place=place, version=own.digest[:SHORT] or "none")

    def _joined_with(self, mappings: Mappings, ref: Ref, own: Own, why: str) -> Effective:
        under = Under(mappings.hash, own.digest)
        if own.faulty and not why:
            failed = self._ledger.failures.of(Ref.of_additions(ref.place))
            why = failed.reason if failed else "its file has a fault"
        if not own.digest:
            return Effective(mappings, under, f"{why}; none of them counts" if why else "")
        joined = self._together(mappings, ref.place, own.digest)
        if isinstance(joined, Unfit):
            return Effective(mappings, under, f"{told(joined)}; none of them counts")
        return Effective(joined, under, f"{why}; the last good version counts" if why else "")

    def _together(self, mappings: Mappings, place: str, digest: str) -> Mappings | Unfit:
        """Both files as one; where they do not fit together any more, why."""
        key = (mappings.hash, digest)
        if key not in self._joined:
            text = self._ledger.versions.own_text(digest) or ""
            try:
                additions = read_additions(text, self._on(mappings), _named(place), accepted=True)
                self._joined[key] = join(mappings, additions, digest)
            except Unfit as unfit:
                self._joined[key] = unfit
            for old in list(self._joined)[:-_JOINED]:
                del self._joined[old]
        return self._joined[key]

    def _on(self, mappings: Mappings) -> Ground:
        return _ground(self._file.text_of(mappings.hash))


def is_old(own: Own | None, now: datetime) -> bool:
    """Is the repository's file to be read again before it is judged by?"""
    return own is None or own.read_at is None or now - own.read_at >= READ_AGAIN


def told(no: Exception) -> str:
    """One line for people: the first fault, and how many there are."""
    if not isinstance(no, Faulty):
        return str(no)
    more = len(no.faults) - 1
    return f"{no.faults[0]}" + (f" (and {more} more)" if more else "")


def _named(place: str) -> str:
    """As faults call the file."""
    return f"{place}/{ADDITIONS_FILE}"


def _text(raw: bytes, place: str) -> str:
    try:
        return decoded(raw, _named(place))
    except Faulty as wrong:
        raise Unfit(wrong.faults) from None
