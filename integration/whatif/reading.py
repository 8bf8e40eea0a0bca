"""Histories from the trackers into the store: place by place, and only what has changed since it was read last.

What is handed in here can only read: a `Reading` holds no method that changes anything at a tracker. It takes at most
half of what the service may ask, so that what-ifs keep no feature waiting; where it has to wait, it sleeps. It can be
ended at any moment, and goes on where it was: each history is kept as soon as it is there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import ParamSpec, Protocol, TypeVar

import structlog

from integration.memory.histories import Kept, Reach
from integration.memory.ledger import Ledger
from integration.memory.traffic import Traffic
from integration.settings import Settings
from integration.stages.model import Issue, Label, Ref, Related
from integration.trackers import Gone, Question, Refused, Unavailable
from integration.trackers.changes import Listed, Page
from integration.trackers.pace import Lane, Pace, Window
from integration.whatif.wanted import Wanted, place_name

OVERLAP = timedelta(minutes=5)  # a tracker's index may be late
SHARE = 0.5
HOURLY = 2500  # requests to GitHub: half of what it allows a token or an App
_SOON = (5.0, 15.0, 45.0)  # seconds until a tracker that does not answer is asked again
_AT_ONCE = 500

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)


# --- what may be asked ------------------------------------------------------------------------------------------------


class Readable(Protocol):
    """The part of a tracker that reads."""

    def places(self, patterns: Sequence[str]) -> tuple[str, ...]:
        """The places that fit."""

    def changed(self, place: str, since: datetime, onward: str = "") -> Page:
        """The issues that changed since then, oldest change first."""

    def fetch(self, ref: Ref, fresh: bool = False) -> Issue:
        """One whole snapshot."""

    def related(self, ref: Ref, issue: Issue, wanted: frozenset[str] = ...) -> tuple[Related, ...]:
        """What is tied to it."""

    def answer(self, ref: Ref, question: Question) -> bool:
        """May this person speak so?"""

    def members(self, ref: Ref, group: str) -> tuple[str, ...]:
        """A group's people."""

    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        """What the place's labels are called."""


class Reading:
    """A tracker of which nothing is left but what reads. Waits where it is told to, and says so with `waits`."""

    __slots__ = ("_waits", "answer", "changed", "fetch", "label_names", "members", "places", "related")

    def __init__(self, tracker: Readable, waits: Callable[[float, str], None] | None = None) -> None:
        self._waits = waits or (lambda seconds, _: time.sleep(seconds))
        self.places, self.changed = self._patient(tracker.places), self._patient(tracker.changed)
        self.fetch, self.related = self._patient(tracker.fetch), self._patient(tracker.related)
        self.answer, self.members = self._patient(tracker.answer), self._patient(tracker.members)
        self.label_names = self._patient(tracker.label_names)

    def _patient(self, ask: Callable[P, T]) -> Callable[P, T]:
        """The same, asked again when the tracker was away, or wants us to wait."""

        def asked(*args: P.args, **kwargs: P.kwargs) -> T:
            soon = iter(_SOON)
            while True:
                try:
                    return ask(*args, **kwargs)
                except Unavailable as away:
                    seconds = _until(away.retry_at) if away.retry_at else next(soon, None)
                    if seconds is None:
                        raise
                    self._waits(seconds, str(away))

        return asked


def _until(at: datetime) -> float:
    return max((at - datetime.now(UTC)).total_seconds(), 0.1)


class Modest:
    """A `Pace` that leaves the service its share: half of each budget, and of the requests that an hour has.

    The hour is counted here, too: on an admin's own machine there may be no Redis, and the token is the service's.
    """

    def __init__(self, pace: Pace) -> None:
        self._pace, self._asked = pace, deque[float]()

    def enter(
        self, rests: Sequence[str], windows: Sequence[Window], lane: Lane | None = None, look: bool = False
    ) -> float:  # fmt: skip
        """Counted with all others, and in a window of our own beside each."""
        own = [one._replace(name=f"{one.name}:what-if", limit=max(1, int(one.limit * SHARE))) for one in windows]
        if rests[0].startswith("github:"):
            own.append(Window(f"{rests[0]}:what-if:hourly", 1, HOURLY, 3600))
        wait = self._pace.enter(rests, [*windows, *own], lane, look)
        return wait or (self._by_ourselves(look) if rests[0].startswith("github:") else 0.0)

    def _by_ourselves(self, look: bool) -> float:
        now = time.monotonic()
        while self._asked and self._asked[0] <= now - 3600:
            self._asked.popleft()
        if len(self._asked) >= HOURLY:
            return self._asked[0] + 3600 - now
        if not look:
            self._asked.append(now)
        return 0.0

    def leave(self, lane: Lane) -> None:
        """Be under way no more."""
        self._pace.leave(lane)

    def rest(self, name: str, seconds: float | None) -> float:
        """The tracker has spoken to all of us."""
        return self._pace.rest(name, seconds)


def readings(settings: Settings, waits: Callable[[float, str], None]) -> dict[tuple[str, str], Reading]:
    """The trackers that are configured, as what can be read. What they keep between requests is not ours to fill."""
    from integration.trackers.github import GitHub
    from integration.trackers.jira import Jira

    pace = Modest(Traffic.connect(settings.redis_url, settings.marker_key))
    found = {("jira", site.site): Reading(Jira(site, pace=pace), waits) for site in settings.jira}
    if settings.github:
        found["github", ""] = Reading(GitHub(settings.github, pace=pace), waits)
    return found


# --- reading them -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Read:
    """What came of it. `refused`: issues and places that could not be read, each with the reason."""

    places: list[str] = field(default_factory=list)
    read: int = 0
    as_they_were: int = 0
    gone: int = 0
    refused: dict[str, str] = field(default_factory=dict)


class Progress(Protocol):
    """Told how the reading goes."""

    def of(self, what: str, how_many: int) -> None:
        """So many are to be read now."""

    def step(self) -> None:
        """One of them is done."""


class Reader:
    """Brings the store up to date with the trackers."""

    def __init__(
        self, ledger: Ledger, trackers: Mapping[tuple[str, str], Reading], wanted: Wanted, around: frozenset[str],
        progress: Progress,
    ) -> None:  # fmt: skip
        self.ledger, self.trackers, self.wanted, self.around, self.progress = ledger, trackers, wanted, around, progress
        self.done = Read()

    def read(self) -> Read:
        """All places that are asked for. Raises `Unavailable` when a tracker stays away; what is read is kept."""
        for tracker, site in self.wanted.trackers(self.trackers):
            reading = self.trackers[tracker, site]
            for place in reading.places(self.wanted.patterns((tracker, site))):
                where = Ref(tracker, site, place, 0)
                if self.wanted.covers(where):
                    self._place(reading, where)
        return self.done

    def _place(self, reading: Reading, where: Ref) -> None:
        name, now = place_name(where.tracker, where.site, where.place), datetime.now(UTC)
        reach, since = self.ledger.histories.reach(name), self.wanted.span.since
        joins = reach is not None and reach.since <= since <= reach.until
        begins = reach.until - OVERLAP if reach and joins else since
        try:
            self._names(reading, where)
            listed = self._listed(reading, where, begins)
        except (Refused, Gone) as no:
            self.done.refused[name] = str(no)
            return
        self.done.places.append(name)
        self._fetch_all(reading, name, self._missing(listed))
        self.ledger.histories.reached(name, Reach(reach.since if reach and joins else since, now))
        if self.around:  # those that have not changed may have been read without what is around them
            self._fetch_all(reading, name, self._without_around(where))

    def _names(self, reading: Reading, where: Ref) -> None:
        """What the place's labels are called: as the service learns it, once."""
        if where.tracker == "github" and not self.ledger.known_names(where.place):
            self.ledger.learn_names(where.place, reading.label_names(where), datetime.now(UTC))

    def _listed(self, reading: Reading, where: Ref, begins: datetime) -> dict[Ref, Listed]:
        found, onward = dict[Ref, Listed](), ""
        while True:
            page = reading.changed(where.place, begins, onward)
            found |= {one.ref: one for one in page.found if self.wanted.covers(one.ref, one.is_pull_request)}
            onward = page.onward
            if not onward:
                return found

    def _missing(self, listed: Mapping[Ref, Listed]) -> list[Ref]:
        """Those of which the store does not have what the list tells of, those that changed first before others."""
        known = self._known(list(listed))
        fresh = [ref for ref, one in listed.items() if ref in known and known[ref].holds(one.updated, self.around)]
        self.done.as_they_were += len(fresh)
        return [ref for ref in listed if ref not in set(fresh)]

    def _without_around(self, where: Ref) -> list[Ref]:
        refs = [ref for ref in self.ledger.histories.changed(self.wanted.span.since) if replace(ref, number=0) == where]
        return [ref for ref, one in self._known(refs).items() if not one.around >= self.around]

    def _known(self, refs: Sequence[Ref]) -> dict[Ref, Kept]:
        found: dict[Ref, Kept] = {}
        for start in range(0, len(refs), _AT_ONCE):
            found |= self.ledger.histories.known(refs[start : start + _AT_ONCE])
        return found

    def _fetch_all(self, reading: Reading, name: str, refs: Sequence[Ref]) -> None:
        if refs:
            self.progress.of(name, len(refs))
        for ref in refs:
            self._fetch(reading, ref)
            self.progress.step()

    def _fetch(self, reading: Reading, ref: Ref) -> None:
        try:
            issue, around = reading.fetch(ref, True), frozenset[str]()
            if self.around:
                issue, around = self._with_related(reading, issue)
        except Gone:
            self.ledger.histories.drop(ref)
            self.done.gone += 1
            return
        except Refused as no:
            self.done.refused[str(ref)] = str(no)
            return
        self.ledger.histories.keep([issue], around, datetime.now(UTC))
        self.done.read += 1

    def _with_related(self, reading: Reading, issue: Issue) -> tuple[Issue, frozenset[str]]:
        """With what it is tied to; where that may not be known, it is asked for again the next time."""
        try:
            return replace(issue, related=reading.related(issue.ref, issue, self.around)), self.around
        except Refused as no:
            log.warning("related issues unreadable", ref=str(issue.ref), reason=str(no))
            return issue, frozenset()
