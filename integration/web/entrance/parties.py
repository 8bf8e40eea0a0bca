"""For which parties of mappings.yaml somebody speaks, as the door asks. `of_file.py` answers by the file in force."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from integration.web.entrance.identity import Identity


class Parties(Protocol):
    """What the door asks."""

    def of(self, identity: Identity) -> frozenset[str]:
        """The keys of the parties for which this person speaks."""

    def all(self) -> frozenset[str]:
        """The keys of all parties."""

    def names(self) -> frozenset[str]:
        """Which teams and groups make somebody a member, in lower case."""


class NoParties:
    """A world without parties."""

    def of(self, identity: Identity) -> frozenset[str]:
        """None."""
        return frozenset()

    def all(self) -> frozenset[str]:
        """None."""
        return frozenset()

    def names(self) -> frozenset[str]:
        """None."""
        return frozenset()


class AskedLater:
    """Parties that are loaded when somebody first asks: the readers of the ledger and the file take long to load."""

    def __init__(self, load: Callable[[], Parties]) -> None:
        self._load = load

    def of(self, identity: Identity) -> frozenset[str]:
        """The keys of the parties for which this person speaks."""
        return self._load().of(identity)

    def all(self) -> frozenset[str]:
        """The keys of all parties."""
        return self._load().all()

    def names(self) -> frozenset[str]:
        """Which teams and groups make somebody a member, in lower case."""
        return self._load().names()
