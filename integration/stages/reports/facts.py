"""What reports are made of: entries beside the feature that they are about, in the order in which they were written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from integration.stages.entries import Entry
from integration.stages.file.mappings import Rule
from integration.stages.last_look import Arrival
from integration.stages.model import Move, Ref

RulesOf = Callable[[str], Mapping[str, Rule]]
"""The rules of a version of the file, by their ids; empty where that version can be read no more."""


@dataclass(frozen=True, slots=True)
class About:
    """A feature, as far as a report names it."""

    ref: Ref
    title: str
    place: str


@dataclass(frozen=True, slots=True)
class Fact:
    """An entry of a feature."""

    about: About
    entry: Entry


@dataclass(frozen=True, slots=True)
class Looked:
    """What the last look at a feature saw of its moves, and of its arrivals before the ledger was born."""

    about: About
    moves: tuple[Move, ...]
    before: tuple[Arrival, ...] = ()


@dataclass(frozen=True, slots=True)
class Period:
    """From `since` on, up to `until`, which is no part of it. None: open on that side."""

    since: datetime | None = None
    until: datetime | None = None

    def has(self, at: datetime) -> bool:
        """Whether that moment lies in it."""
        return (self.since is None or self.since <= at) and (self.until is None or at < self.until)


def by_feature(facts: Iterable[Fact]) -> Iterator[tuple[Ref, list[Fact]]]:
    """Each feature's facts, in their order; those of one stand together in `facts`."""
    for ref, of_one in groupby(facts, lambda one: one.about.ref):
        yield ref, list(of_one)
