"""An issue as it was at a moment of its history, as far as that history tells.

Known of the past: the labels, the status, who changed them when, and what people wrote. Not known, and shown as it is
today: text and title, fields, links and related issues, the type. Nor is it known when an issue was closed: it counts
as open all along.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property

from integration.stages.file.mappings import Mappings, Shown, at
from integration.stages.model import (
    NEVER,
    Carrier,
    ClosedAs,
    Comment,
    Happened,
    Issue,
    Label,
    Person,
    Sighting,
    Status,
)
from integration.stages.moves import Labels, Names

US = Person("release-stages", "release-stages", "release-stages", bot=True)
"""The service, in a replay. It acted where a comment with a marker of our account stands; elsewhere nobody is it."""

AFTERWARDS = timedelta(milliseconds=1)


class Past:
    """One history, gone through from its beginning. `at` never goes back."""

    def __init__(self, issue: Issue, mappings: Mappings, names: Names) -> None:
        self._issue = issue
        self._acted = any(one.author.id == issue.me.id and one.token for one in issue.comments)
        self._sources = at(mappings, issue.ref, issue.is_pull_request)
        self._labels = [Labels(one, issue, names) for one in self._sources if one.carrier is Carrier.LABEL]
        self._keys = {name.casefold(): id for id, had in names.items() for name in had}
        self._keys |= {one.name.casefold(): one.id for one in issue.labels}
        self._called = {one.id: one.name for one in issue.labels}
        told = (*self._from_birth(), *map(self._by_us, issue.sightings))
        self.sightings = tuple(sorted(told, key=lambda one: one.order))
        self.comments = tuple(sorted(filter(self._is_theirs, issue.comments), key=lambda one: (one.at, len(one.id))))
        self._on: dict[str, Label] = {}
        self._status: Status | None = None
        self._told = 0  # how many sightings are behind us

    def _by_us(self, one: Sighting) -> Sighting:
        """What we did came after what made us do it, though their stamps, cut to the second, may be the same."""
        is_ours = self._acted and one.actor.id == self._issue.me.id
        return replace(one, actor=US, at=one.at + AFTERWARDS) if is_ours else one

    def _is_theirs(self, one: Comment) -> bool:
        return not (one.author.id == self._issue.me.id and one.token)

    def _key(self, name: str) -> str:
        return self._keys.get(name.casefold(), name.casefold())

    def _from_birth(self) -> Iterator[Sighting]:
        """The labels that were on before history tells of them: taken off first, or on and never spoken of."""
        issue, first = self._issue, dict[str, Sighting]()
        for one in sorted(issue.sightings, key=lambda one: one.order):
            if one.carrier is Carrier.LABEL:
                first.setdefault(self._key(one.name), one)
        born = {key: one.name for key, one in first.items() if one.what is Happened.REMOVED}
        born |= {one.id: one.name for one in issue.labels if one.id not in first}
        for key, name in born.items():
            yield Sighting(f"born-{key}", issue.created, issue.author, Carrier.LABEL, Happened.ADDED, name)

    # --- when something happens

    @cached_property
    def turns(self) -> tuple[datetime, ...]:
        """When the stage may have changed."""
        return tuple(one.at for one in self.sightings if self._shows(one))

    @cached_property
    def entries(self) -> tuple[datetime, ...]:
        """When history tells of anything."""
        return tuple(one.at for one in self.sightings)

    @cached_property
    def words(self) -> tuple[datetime, ...]:
        """When somebody wrote."""
        return tuple(one.at for one in self.comments)

    @cached_property
    def commands(self) -> tuple[datetime, ...]:
        """When somebody may have written a command."""
        return tuple(one.at for one in self.comments if "/stage" in one.body.casefold())

    def _shows(self, one: Sighting) -> bool:
        if one.carrier is Carrier.STATUS:
            return any(self._is_status(source, one) for source in self._sources)
        return any(labels.stage(one.name) for labels in self._labels)

    def _is_status(self, source: Shown, one: Sighting) -> bool:
        """What we did counts also where it led to a status that is not mapped: it was meant as a put-back."""
        mapped = source.stage_of(one.name, one.value_id) is not None
        return source.carrier is Carrier.STATUS and (mapped or one.actor is US)

    # --- as it was

    def at(self, now: datetime, heard: datetime = NEVER, more: Sequence[Sighting] = ()) -> Issue:
        """The issue as it was then, with the comments that came after `heard`, and as if `more` had happened, too."""
        told, end = self._told, bisect_right(self.entries, now)
        for one in self.sightings[told:end]:
            self._status = _take(one, self._on, self._key(one.name), self._called, self._status)
        self._told, on, status = end, self._on, self._status
        if more:
            on = dict(on)
            for one in more:
                status = _take(one, on, self._key(one.name), self._called, status)
        return replace(
            self._issue,
            me=US,
            watermark=now,
            closed=ClosedAs.OPEN,
            labels=tuple(on.values()),
            status=status,
            sightings=(*self.sightings[:end], *more),
            comments=self.comments[bisect_right(self.words, heard) : bisect_right(self.words, now)],
            deleted_labels=frozenset(),
        )


def _take(
    one: Sighting, on: dict[str, Label], key: str, called: Mapping[str, str], status: Status | None
) -> Status | None:  # fmt: skip
    """What one entry does to the labels that are on, and to the status. A label has the name that it has today."""
    if one.carrier is Carrier.STATUS:
        return Status(one.value_id, one.name)
    if one.what is Happened.ADDED:
        on[key] = Label(key, called.get(key, one.name))
    else:
        on.pop(key, None)
    return status
