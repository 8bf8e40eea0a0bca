"""What takes longer than a page may: whether the anchors still fit, how the rules fare. Looked for beside the requests.

What was found is kept with the time at which it was looked for. Each process of the web looks for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread
from typing import Generic, TypeVar

import structlog

FRESH = timedelta(minutes=15)

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Looked(Generic[T]):
    """What was found, and when; `trouble` where it could not be told."""

    at: datetime
    found: tuple[T, ...] = ()
    trouble: str = ""


class Beside(Generic[T]):
    """Call it for what was found last; where that is old, it is looked for anew meanwhile."""

    def __init__(self, name: str, look: Callable[[], Iterable[T]], fresh: timedelta = FRESH) -> None:
        self._name, self._ask, self._fresh = name, look, fresh
        self._looked: Looked[T] | None = None
        self._looking = Lock()

    def __call__(self) -> Looked[T] | None:
        """None: nobody has looked yet, somebody does now."""
        is_old = self._looked is None or self._looked.at < datetime.now(UTC) - self._fresh
        if is_old and self._looking.acquire(blocking=False):
            Thread(target=self._look, name=self._name, daemon=True).start()
        return self._looked

    def _look(self) -> None:
        try:
            begun = datetime.now(UTC)
            self._looked = Looked(begun, tuple(self._ask()))
        except Exception as error:
            log.warning("what a page tells could not be looked for", what=self._name, error=type(error).__name__)
            self._looked = Looked(datetime.now(UTC), trouble="The ledger could not be asked; it is tried again.")
        finally:
            self._looking.release()
