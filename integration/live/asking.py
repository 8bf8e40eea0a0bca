"""Asking one tracker many small things: a refusal is a finding; where it falls silent, the rest is not asked."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from integration.live.findings import Findings
from integration.stages.file.named import Name
from integration.trackers import Gone, Refused, Unavailable

Answer = TypeVar("Answer")
Wait = Callable[[datetime | None], bool]
"""Waits until a tracker may be asked again; False where nobody waits so long."""


class Silent(Exception):
    """This tracker is not asked any more; the findings say why."""


class Asking:
    """Asks one tracker. `called` is what people call it, `ends` when there is no more time, on the monotonic clock."""

    def __init__(self, found: Findings, called: str, wait: Wait, ends: float) -> None:
        self.found, self.called, self._wait, self._ends = found, called, wait, ends

    def __call__(self, at: Name | str, question: Callable[[], Answer]) -> Answer | None:
        """The answer; None where it is refused, which is a fault then. Raises `Silent`."""
        try:
            return self._asked(at, question)
        except Gone as gone:
            self.found.fault(at, str(gone))
            return None

    def known(self, at: Name | str, question: Callable[[], Answer], absent: Callable[[], None]) -> Answer | None:
        """The same of something that may not be there: then `absent` says so."""
        try:
            return self._asked(at, question)
        except Gone:
            absent()
            return None

    def _asked(self, at: Name | str, question: Callable[[], Answer]) -> Answer | None:
        while True:
            if time.monotonic() >= self._ends:
                self.found.warning(self.called, "not all of it could be asked in time", "release-stages check --live")
                raise Silent
            try:
                return question()
            except Refused as no:
                self.found.fault(at, str(no))
                return None
            except Unavailable as away:
                if not self._wait(away.retry_at):
                    self.found.fault(self.called, f"not all of it could be asked: {away}", "try it again later")
                    raise Silent from None
