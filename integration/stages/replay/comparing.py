"""One history under two files: what becomes of each move under either, and how that adds up over many histories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from integration.stages.entries import Finding, GateResult, Outcome
from integration.stages.file.mappings import Level, Mappings
from integration.stages.model import Issue, Move, Ref
from integration.stages.planning.hearing import Doubt
from integration.stages.replay.played import End, Known, Played, Weighed
from integration.stages.replay.playing import all_along, play
from integration.stages.replay.weighing import Weighing
from integration.stages.rules.gate import Verdict, is_open, leaves
from integration.stages.rules.sections import cut

_TITLE, _REASON, _REASONS = 120, 160, 3
_HEIGHT = {Outcome.ADMITTED: 0, Outcome.ADOPTED: 0, Outcome.WARNED: 1, Outcome.BLOCKED: 2}
_FOR_EVER = timedelta.max

Place = tuple[str, str, str]
"""Tracker, site, place."""


class Kind(StrEnum):
    """In which way a move fares otherwise under the new file."""

    BLOCKED = "newly blocked"
    LONGER = "held up longer"
    WARNED = "newly warned of"
    FREED = "freed"
    SHORTER = "held up shorter"
    UNWARNED = "no longer warned of"


@dataclass(frozen=True, slots=True)
class Fate:
    """What one file makes of a move. `end` and `wait` are those of the request, where it was blocked."""

    outcome: Outcome
    end: End | None = None
    wait: timedelta | None = None

    @property
    def held(self) -> timedelta:
        """For how long it would have been kept out."""
        if self.outcome is not Outcome.BLOCKED:
            return timedelta()
        return self.wait if self.end is End.OPENED and self.wait is not None else _FOR_EVER


@dataclass(frozen=True, slots=True)
class Change:
    """A move that fares otherwise. `rules` and `reasons` are what kept it out, or would; of the stricter file.

    `by_today`: that hangs on what the issue shows today, as its past is not known. `old` or `new` is None where that
    file knows nothing of the move.
    """

    kind: Kind
    ref: Ref
    title: str
    url: str
    move: Move
    old: Fate | None
    new: Fate | None
    rules: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    by_today: bool = False
    named: tuple[str, ...] = ()  # refs of other issues that the reasons may name


@dataclass(slots=True)
class RuleTally:
    """How a rule fared: moves that it was about, that found it shut, that could not be judged, and what came of it."""

    about: int = 0
    shut: int = 0
    unknown: int = 0
    opened: int = 0  # of those shut that block: all gates opened in the end
    by_today: int = 0  # verdicts that hang on what the issue shows today

    def add(self, other: RuleTally) -> None:
        """Count the other's, too."""
        self.about += other.about
        self.shut += other.shut
        self.unknown += other.unknown
        self.opened += other.opened
        self.by_today += other.by_today


@dataclass(slots=True)
class Tally:
    """How the moves fared under one file. A party's mentions are counted by the week (its Monday)."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    ends: Counter[End] = field(default_factory=Counter)
    rules: dict[str, RuleTally] = field(default_factory=dict)
    asked: dict[str, Counter[date]] = field(default_factory=dict)
    told: dict[str, Counter[date]] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        """Count the other's, too."""
        self.outcomes += other.outcomes
        self.ends += other.ends
        for id, tally in other.rules.items():
            self.rules.setdefault(id, RuleTally()).add(tally)
        for mine, theirs in ((self.asked, other.asked), (self.told, other.told)):
            for party, weeks in theirs.items():
                mine[party] = mine.get(party, Counter()) + weeks


@dataclass(slots=True)
class Compared:
    """What came of all histories so far. `seen` are the labels and statuses that they show, in small letters."""

    issues: int = 0
    moves: int = 0
    changes: list[Change] = field(default_factory=list)
    old: Tally = field(default_factory=Tally)
    new: Tally = field(default_factory=Tally)
    seen: dict[Place, set[str]] = field(default_factory=dict)
    edited: int = 0  # comments that were edited: what they said at first is not known
    doubts: set[Doubt] = field(default_factory=set)
    wants: set[str] = field(default_factory=set)

    def add(self, other: Compared) -> None:
        """Count the other's, too."""
        self.issues += other.issues
        self.moves += other.moves
        self.changes += other.changes
        self.old.add(other.old)
        self.new.add(other.new)
        for place, names in other.seen.items():
            self.seen.setdefault(place, set()).update(names)
        self.edited += other.edited
        self.doubts |= other.doubts
        self.wants |= other.wants


@dataclass(frozen=True, slots=True)
class Span:
    """From when until when moves are reported. Histories are gone through from their beginning all the same."""

    since: datetime
    until: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.since <= at <= self.until


class WhatIf:
    """Two files, and the question what would be otherwise; `old` None: there was none, and everything was let through.

    Both are judged as if they had been in force all along.
    """

    def __init__(self, old: Mappings | None, new: Mappings, span: Span) -> None:
        self.span = span
        self.old, self.new = (all_along(old) if old else None), all_along(new)
        self._weighing = {"old": Weighing(old) if old else None, "new": Weighing(new)}

    def compare(self, issue: Issue, of_old: Known, of_new: Known) -> Compared:
        """One history. What had to be known of the parties and was not is named in the answer."""
        new = play(issue, self.new, of_new, self.span.until)
        old = play(issue, self.old, of_old, self.span.until) if self.old else _let_through(new)
        found = Compared(issues=1, seen=_seen(issue), edited=sum(one.edited for one in issue.comments))
        found.doubts, found.wants = set(old.doubts | new.doubts), set(old.wants | new.wants)
        found.old, found.new = self._tally(old, "old"), self._tally(new, "new")
        told = [id for id in dict.fromkeys((*old.weighed, *new.weighed)) if self._is_told(id, old, new)]
        found.moves = len(told)
        found.changes = [change for id in told if (change := self._change(issue, id, old, new))]
        return found

    def _is_told(self, id: str, old: Played, new: Played) -> bool:
        """Is it one of the time that is asked about, and no repetition of a request under both?"""
        both = [one.weighed[id] for one in (old, new) if id in one.weighed]
        return both[0].move.at in self.span and any(one.is_first for one in both)

    # --- one move

    def _change(self, issue: Issue, id: str, old: Played, new: Played) -> Change | None:
        before, after = _fate(id, old), _fate(id, new)
        kind = _kind(before, after)
        if kind is None:
            return None
        of_new = kind in (Kind.BLOCKED, Kind.LONGER, Kind.WARNED)
        weighed = (new if of_new else old).weighed[id]
        shut = _deciding(weighed)
        weighing = self._weighing["new" if of_new else "old"]
        return Change(
            kind, issue.ref, cut(issue.title, _TITLE), issue.url, weighed.move, before, after,
            tuple(dict.fromkeys(gate.rule for gate in shut)), _reasons(shut),
            bool(weighing and shut and all(weighing.is_by_today(gate) for gate in shut)),
            tuple(dict.fromkeys(ref for one in _leaves(shut) for ref in one.waits_for)),
        )  # fmt: skip

    # --- all of them

    def _tally(self, played: Played, which: str) -> Tally:
        tally, weighing = Tally(), self._weighing[which]
        for weighed in played.weighed.values():
            if weighed.is_first and weighed.move.at in self.span:
                tally.outcomes[weighed.outcome] += 1
                request = played.requests.get(weighed.request)
                if request:
                    tally.ends[request.end] += 1
                for gate in weighed.gates:
                    one = tally.rules.setdefault(gate.rule, RuleTally())
                    blocked = gate.level == Level.BLOCK and not is_open(gate)
                    one.add(
                        RuleTally(
                            1, gate.ok is False and not gate.waived, gate.ok is None and not gate.waived,
                            blocked and request is not None and request.end is End.OPENED,
                            weighing is not None and weighing.is_by_today(gate),
                        )
                    )  # fmt: skip
        for asked in played.asked:
            if asked.at in self.span:
                weeks = (tally.asked if asked.asks else tally.told).setdefault(asked.party, Counter())
                weeks[asked.at.date() - timedelta(days=asked.at.weekday())] += 1
        return tally


def _let_through(new: Played) -> Played:
    """What no file at all makes of the same moves."""
    return Played({id: Weighed(one.move, Outcome.ADMITTED) for id, one in new.weighed.items() if one.is_first})


def _fate(id: str, played: Played) -> Fate | None:
    weighed = played.weighed.get(id)
    if weighed is None:
        return None
    request = played.requests.get(weighed.request)
    wait = request.at - weighed.move.at if request and request.at else None
    return Fate(weighed.outcome, request.end if request else None, wait)


def _kind(old: Fate | None, new: Fate | None) -> Kind | None:
    """How it fares otherwise; None where it does not. What a file does not see, it lets through."""
    before, after = (_HEIGHT[one.outcome] if one else 0 for one in (old, new))
    if before != after:
        if 2 in (before, after):
            return Kind.BLOCKED if after == 2 else Kind.FREED
        return Kind.WARNED if after else Kind.UNWARNED
    if old is None or new is None or old.held == new.held:
        return None
    return Kind.LONGER if new.held > old.held else Kind.SHORTER


def _deciding(weighed: Weighed) -> tuple[GateResult, ...]:
    """The gates that made the verdict what it is: those that failed at the strictest level."""
    failing = Verdict(weighed.outcome, weighed.gates).failing
    strictest = [gate for gate in failing if gate.level == Level.BLOCK]
    return tuple(strictest) if weighed.outcome is Outcome.BLOCKED and strictest else failing


def _reasons(shut: Iterable[GateResult]) -> tuple[str, ...]:
    said = dict.fromkeys(f"{one.says}: {one.reason}" if one.reason else one.says for one in _leaves(shut))
    return tuple(cut(one, _REASON) for one in list(said)[:_REASONS])


def _leaves(shut: Iterable[GateResult]) -> Iterator[Finding]:
    return (leaf for gate in shut for finding in gate.findings for leaf in leaves(finding))


def _seen(issue: Issue) -> dict[Place, set[str]]:
    names = {label.name for label in issue.labels}
    for one in issue.sightings:
        names |= {one.name, one.value_id, one.was_name, one.was_id}
    if issue.status:
        names |= {issue.status.name, issue.status.id}
    return {place_of(issue.ref): {name.casefold() for name in names if name}}


def place_of(ref: Ref) -> Place:
    """Where an issue lives."""
    return ref.tracker, ref.site, ref.place


def busiest(weeks: Mapping[date, int]) -> int:
    """The most in one week."""
    return max(weeks.values(), default=0)
