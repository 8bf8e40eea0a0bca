"""What a sweep asks of a tracker: which places there are, and what has changed there. Answers come page by page.

A page is one request, so that a walk of thousands of them can be left off after each, and gone on with by another
process. An issue is shown here as far as a list shows it; whatever is to be judged is read anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from integration.stages.model import Carrier, Ref, Status


@dataclass(frozen=True, slots=True)
class Listed:
    """An issue as a list shows it."""

    ref: Ref
    updated: datetime
    labels: tuple[str, ...] = ()
    status: Status | None = None
    is_pull_request: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some issues, and where the next page is; an empty `onward` says that this was the last."""

    found: tuple[Listed, ...]
    onward: str = ""


class Attempt(NamedTuple):
    """One attempt of GitHub to deliver something; `guid` is what all attempts of the same have in common."""

    id: int
    guid: str
    at: datetime
    ok: bool
    again: bool = False  # it was asked for: not the first attempt


class Swept(Protocol):
    """What can be swept. All methods raise `Unavailable`, `Refused` or `Gone`, of the place, and nothing else."""

    def places(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """The places that fit one of the patterns, and that our account sees. Asks only where a pattern is none."""

    def changed(self, place: str, since: datetime, onward: str = "") -> Page:
        """The issues there that changed since then, that moment included, in the order of their last change.

        Go on from a page with the time of its last issue as `since`, or with its `onward`: either misses nothing.
        """

    def carrying(self, place: str, carrier: Carrier, names: Sequence[str], onward: str = "") -> Page:
        """All issues there that show one of these now, labels or statuses, the oldest first."""
