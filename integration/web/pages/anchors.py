"""Whether the anchors still fit the ledger: looked for beside the requests, as it reads every head that was anchored.

What was found is kept with the time at which it was looked for. Each process of the web looks for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread

import structlog

FRESH = timedelta(minutes=15)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of it: the faults in words, and when; `trouble` where it could not be told."""

    at: datetime
    faults: tuple[str, ...] = ()
    trouble: str = ""


class Anchors:
    """Call it for what was found last; where that is old, it is looked for anew meanwhile."""

    def __init__(self, verify: Callable[[], list[str]]) -> None:
        self._verify = verify
        self._looked: Looked | None = None
        self._looking = Lock()

    def __call__(self) -> Looked | None:
        """None: nobody has looked yet, somebody does now."""
        is_old = self._looked is None or self._looked.at < datetime.now(UTC) - FRESH
        if is_old and self._looking.acquire(blocking=False):
            Thread(target=self._look, name="anchors", daemon=True).start()
        return self._looked

    def _look(self) -> None:
        try:
            begun = datetime.now(UTC)
            self._looked = Looked(begun, tuple(self._verify()))
        except Exception as error:
            log.warning("the anchors could not be verified", error=type(error).__name__)
            self._looked = Looked(datetime.now(UTC), trouble="The ledger could not be asked; it is tried again.")
        finally:
            self._looking.release()
