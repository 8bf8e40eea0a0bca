"""What has happened, counted: tables that know what their columns hold, so that a page and a CSV write the same.

A row's `narrows` tells which questions of the report's address show what its figures count.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import TypeVar, overload

from integration.stages.calendars import Duration
from integration.stages.reports.answers import Timed, parties, percentile
from integration.stages.reports.escapes import Escape, Kind
from integration.stages.reports.facts import About
from integration.stages.reports.gates import Debt, Stopped, Waiver
from integration.stages.reports.stays import Stayed

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)
Cell = str | int | float | datetime | timedelta | About | None


class Holds(StrEnum):
    """What a column's cells are."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"  # of one
    LENGTH = "length"
    WORKING = "working"  # a length in working time
    MOMENT = "moment"
    MONTH = "month"
    FEATURE = "feature"
    STAGE = "stage"
    PARTY = "party"
    PLACE = "place"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in a CSV, what stands above it, and what its cells are."""

    key: str
    name: str
    holds: Holds


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table."""

    cells: tuple[Cell, ...]
    narrows: Mapping[str, str] | None = None


class Lines(Sequence[Line]):
    """Rows that are made when they are read: a page shows a hundred of ten thousand."""

    def __init__(self, found: Sequence[T], make: Callable[[T], Line]) -> None:
        self._found, self._make = found, make

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, place: int) -> Line: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Line, ...]: ...
    def __getitem__(self, place: int | slice) -> Line | tuple[Line, ...]:
        """One of them, or some."""
        return (
            tuple(map(self._make, self._found[place])) if isinstance(place, slice) else self._make(self._found[place])
        )


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `key` names it in an address."""

    key: str
    title: str
    columns: tuple[Column, ...]
    lines: Sequence[Line]


_COUNT, _LENGTH, _WORKING = Holds.COUNT, Holds.LENGTH, Holds.WORKING
_HOW = (
    (Kind.NOTICE, "no_notice", "Without notice"),
    (Kind.VIEW, "no_view", "Without a view"),
    (Kind.SOAK, "no_soak", "Without soak"),
    (Kind.STANDING, "standing", "Stood blocked"),
)
CALLED = {kind: name for kind, _, name in _HOW}
_FEATURE = Column("feature", "Feature", Holds.FEATURE)
_STAGE, _PARTY = Column("stage", "Stage", Holds.STAGE), Column("party", "Party", Holds.PARTY)
_RULE, _BY = Column("rule", "Rule", Holds.RULE), Column("by", "By", Holds.TEXT)


def _column(key: str, name: str, holds: Holds = _COUNT) -> Column:
    return Column(key, name, holds)


def _when(one: Escape | Stopped) -> datetime:
    return one.at


def grouped(found: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Those of each key together, in the order in which the keys are met."""
    groups: dict[K, list[T]] = {}
    for one in found:
        groups.setdefault(key(one), []).append(one)
    return groups


# --- escapes ----------------------------------------------------------------------------------------------------------


def arrivals(found: Iterable[Escape]) -> int:
    """How many times a feature escaped: one that lacked three things in one move has escaped once."""
    return len({(one.about.ref, one.move) for one in found})


def _kinds(found: Sequence[Escape]) -> tuple[int, ...]:
    return tuple(arrivals(one for one in found if one.kind is kind) for kind, _, _ in _HOW)


def escapes_by_month(found: Sequence[Escape], zone: tzinfo) -> Table:
    """Over time; a month in which nothing escaped, between two others, is there with its zeros."""
    months = grouped(found, lambda one: _month(one.at, zone))
    lines = [_escaped(month, months.get(month, []), _days(month)) for month in _between(months)]
    how = tuple(_column(key, name) for _, key, name in _HOW)
    before = _column("before", "Of all: before the service")
    columns = (_column("month", "Month", Holds.MONTH), _column("escaped", "Escaped"), *how, before)
    return Table("by-month", "Over time", columns, tuple(lines))


def escapes_by_party(found: Sequence[Escape]) -> Table:
    """By whom one had not told, or heard."""
    parted = grouped((one for one in found if one.party), lambda one: one.party)
    lines = [
        Line((party, *_kinds(some)[:2]), {"party": party})
        for party, some in sorted(parted.items(), key=lambda one: (-arrivals(one[1]), one[0]))
    ]
    columns = (_PARTY, *(_column(key, name) for _, key, name in _HOW[:2]))
    return Table("by-party", "By party", columns, tuple(lines))


def escapes_by_place(found: Sequence[Escape]) -> Table:
    """By repository or project."""
    placed = sorted(grouped(found, lambda one: one.about.place).items(), key=lambda one: (-arrivals(one[1]), one[0]))
    lines = [_escaped(place, some, {"place": place}) for place, some in placed]
    how = tuple(_column(key, name) for _, key, name in _HOW)
    columns = (_column("place", "Repository or project", Holds.PLACE), _column("escaped", "Escaped"), *how,
               _column("before", "Of all: before the service"))  # fmt: skip
    return Table("by-place", "By repository or project", columns, tuple(lines))


def _escaped(first: str, some: Sequence[Escape], narrows: Mapping[str, str]) -> Line:
    return Line((first, arrivals(some), *_kinds(some), arrivals(one for one in some if one.before)), narrows)


def each_escape(found: Sequence[Escape]) -> Table:
    """One by one, the newest first."""
    lines = Lines(sorted(found, key=_when, reverse=True), lambda one: Line(
        (one.at, one.about, one.stage, CALLED[one.kind], one.party, one.rule, one.by, "yes" if one.before else "")
    ))  # fmt: skip
    columns = (_column("at", "When", Holds.MOMENT), _FEATURE, _STAGE, _column("how", "How", Holds.TEXT), _PARTY, _RULE,
               _BY, _column("before", "Before the service", Holds.TEXT))  # fmt: skip
    return Table("each", "Each escape", columns, lines)


# --- answers ----------------------------------------------------------------------------------------------------------


def answers_by_party(found: Sequence[Timed], within: Mapping[str, Duration]) -> Table:
    """How long each party takes: half of its answers, and nine of ten, were there by then."""
    lines = []
    for party, some in sorted(parties(found).items()):
        working, wall = [one.working for one in some], [one.answer.took for one in some]
        judged = [one.in_time for one in some if one.in_time is not None]
        share = sum(judged) / len(judged) if judged else None
        asked = str(within[party]) if party in within else ""
        halves = (percentile(working, 0.5), percentile(working, 0.9), asked, share)
        lines.append(Line((party, len(some), *halves, percentile(wall, 0.5), percentile(wall, 0.9)), {"party": party}))
    columns = (
        _PARTY, _column("answers", "Answers"), _column("median_working", "Median", _WORKING),
        _column("p90_working", "90th percentile", _WORKING), _column("respond_within", "Asked for", Holds.TEXT),
        _column("in_time", "In time", Holds.SHARE), _column("median_wall", "Median, by the clock", _LENGTH),
        _column("p90_wall", "90th percentile, by the clock", _LENGTH),
    )  # fmt: skip
    return Table("by-party", "By party", columns, tuple(lines))


def each_answer(found: Sequence[Timed]) -> Table:
    """One by one, the newest first."""
    said = {True: "yes", False: "late", None: ""}
    lines = Lines(sorted(found, key=lambda one: one.answer.answered, reverse=True), lambda one: Line(
        (one.answer.answered, one.answer.about, one.answer.party, one.answer.stage, one.answer.told, one.working,
         one.answer.took, said[one.in_time])
    ))  # fmt: skip
    columns = (
        _column("answered", "Answered", Holds.MOMENT), _FEATURE, _PARTY, _STAGE, _column("told", "Told", Holds.MOMENT),
        _column("working", "Working time", _WORKING), _column("wall", "By the clock", _LENGTH),
        _column("in_time", "In time", Holds.TEXT),
    )  # fmt: skip
    return Table("each", "Each answer", columns, lines)


# --- stays ------------------------------------------------------------------------------------------------------------


def stays_by_stage(found: Sequence[Stayed], stages: Sequence[str], now: datetime) -> Table:
    """How long features stay: those that have left, and, beside them, those that are there now."""
    groups = grouped(found, lambda one: one.stage)
    lines = []
    for stage in [*(one for one in stages if one in groups), *(one for one in groups if one not in stages)]:
        left = [one.took(now) for one in groups[stage] if one.until is not None]
        here = [one.took(now) for one in groups[stage] if one.until is None]
        took = (len(left), percentile(left, 0.5), percentile(left, 0.9))
        lines.append(Line((stage, *took, len(here), percentile(here, 0.5)), {"stage": stage}))
    columns = (
        _STAGE, _column("left", "Have left"), _column("median", "Median", _LENGTH),
        _column("p90", "90th percentile", _LENGTH), _column("here", "There now"),
        _column("median_here", "Median so far", _LENGTH),
    )  # fmt: skip
    return Table("by-stage", "By stage", columns, tuple(lines))


def each_stay(found: Sequence[Stayed], now: datetime) -> Table:
    """One by one, the longest first."""
    longest_first = sorted(found, key=lambda one: one.took(now), reverse=True)
    lines = Lines(longest_first, lambda one: Line((one.about, one.stage, one.since, one.until, one.took(now))))
    columns = (_FEATURE, _STAGE, _column("since", "Since", Holds.MOMENT), _column("until", "Until", Holds.MOMENT),
               _column("took", "How long", _LENGTH))  # fmt: skip
    return Table("each", "Each stay, the longest first", columns, lines)


# --- blocks, waivers, debts -------------------------------------------------------------------------------------------

_LEVELS = (("block", "blocked", "Blocked"), ("warn", "warned", "Warned of"), ("observe", "observed", "On trial: unmet"))


def stopped_by_rule(found: Sequence[Stopped]) -> Table:
    """Which rules were not met, and what they did about it."""
    counted = {
        rule: tuple(sum(one.level == level for one in some) for level, _, _ in _LEVELS)
        for rule, some in grouped(found, lambda one: one.rule).items()
    }
    lines = [
        Line((rule, *many), {"rule": rule})
        for rule, many in sorted(counted.items(), key=lambda one: (tuple(-many for many in one[1]), one[0]))
    ]
    columns = (_RULE, *(_column(key, name) for _, key, name in _LEVELS))
    return Table("by-rule", "By rule", columns, tuple(lines))


def each_stop(found: Sequence[Stopped]) -> Table:
    """One by one, the newest first."""
    called = {level: name for level, _, name in _LEVELS}
    lines = Lines(sorted(found, key=_when, reverse=True), lambda one: Line(
        (one.at, one.about, one.stage, one.rule, called.get(one.level, one.level), one.by)
    ))  # fmt: skip
    columns = (_column("at", "When", Holds.MOMENT), _FEATURE, _STAGE, _RULE,
               _column("level", "What it did", Holds.TEXT), _BY)  # fmt: skip
    return Table("each", "Each", columns, lines)


def waivers_by_rule(found: Sequence[Waiver]) -> Table:
    """Which rules were waived, and how often."""
    groups = sorted(grouped(found, lambda one: one.entry.rule).items(), key=lambda one: (-len(one[1]), one[0]))
    lines = [Line((rule, len(some)), {"rule": rule}) for rule, some in groups]
    return Table("by-rule", "Waivers by rule", (_RULE, _column("waived", "Waived")), tuple(lines))


def each_waiver(found: Sequence[Waiver]) -> Table:
    """One by one, the newest first."""
    lines = [
        Line((one.entry.at, one.about, one.entry.stage, one.entry.rule, str(one.entry.by), one.entry.why,
              one.entry.until))
        for one in sorted(found, key=lambda one: (one.entry.at, str(one.about.ref)), reverse=True)
    ]  # fmt: skip
    columns = (_column("at", "When", Holds.MOMENT), _FEATURE, _STAGE, _RULE, _BY, _column("why", "Why", Holds.TEXT),
               _column("until", "Until", Holds.MOMENT))  # fmt: skip
    return Table("each", "Each waiver", columns, tuple(lines))


def each_debt(found: Sequence[Debt], now: datetime) -> Table:
    """What was promised: what is still owed first, the oldest promise first."""
    lines = [
        Line((one.entry.at, one.about, one.entry.party, one.entry.stage, one.entry.name or one.entry.who,
              one.entry.until, _stands(one, now), one.paid))
        for one in sorted(found, key=lambda one: (not one.is_open, one.entry.at, str(one.about.ref)))
    ]  # fmt: skip
    columns = (
        _column("at", "Promised", Holds.MOMENT), _FEATURE, _PARTY, _STAGE, _column("who", "By whom", Holds.TEXT),
        _column("until", "Until", Holds.MOMENT), _column("state", "Now", Holds.TEXT),
        _column("paid", "Given", Holds.MOMENT),
    )  # fmt: skip
    return Table("debts", "Promised for later", columns, tuple(lines))


def _stands(debt: Debt, now: datetime) -> str:
    if debt.paid:
        return "given"
    if not debt.is_open:
        return "not needed any more"
    return "overdue" if debt.entry.until and debt.entry.until < now else "owed"


# --- months -----------------------------------------------------------------------------------------------------------


def _month(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).strftime("%Y-%m")


def _between(months: Iterable[str]) -> list[str]:
    """All months from the first to the last of them."""
    known = sorted(months)
    found = known[:1]
    while found and found[-1] < known[-1]:
        found.append(_next(found[-1]))
    return found


def _next(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def _days(month: str) -> Mapping[str, str]:
    """The questions that narrow a report to a month; both days are in it."""
    last = datetime.fromisoformat(f"{_next(month)}-01") - timedelta(days=1)
    return {"since": f"{month}-01", "until": f"{last:%Y-%m-%d}"}
