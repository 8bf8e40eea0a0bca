"""The five reports: what each asks of the ledger, the tables that come of it, and what its chart draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache

from markupsafe import Markup

from integration.memory.board import Eyes
from integration.memory.reports import Over
from integration.stages.file.mappings import Rule
from integration.stages.planning.attempts import EXPIRES
from integration.stages.reports import answers, escapes, gates, stays, tables
from integration.stages.reports.facts import Period
from integration.stages.reports.tables import Table
from integration.web.pages import charts
from integration.web.pages.books import Books
from integration.web.pages.charts import Series
from integration.web.pages.shown import Shown
from integration.web.pages.turns import Turned

_FIRST_YEAR = 1970  # nothing is older, and there is room before it
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a report is asked of: a time, and what narrows it. Empty: all."""

    books: Books
    shown: Shown
    period: Period
    eyes: Eyes
    place: str = ""
    party: str = ""
    stage: str = ""
    rule: str = ""

    @property
    def over(self) -> Over:
        """The entries of that time."""
        return Over(self.eyes, self.place, self.period.since, self.period.until, self.stage)


@dataclass(frozen=True, slots=True)
class Report:
    """What a report says: a sentence, a chart, and tables; the chart draws the first of them."""

    says: str
    chart: Markup
    legend: tuple[str, ...]
    tables: tuple[Table, ...]

    def table(self, key: str) -> Table | None:
        """The table of that key."""
        return next((one for one in self.tables if one.key == key), None)


# --- escapes ----------------------------------------------------------------------------------------------------------


def escaped(asked: Asked) -> Report:
    """What came into a stage without notice, a view or soak, or stands there blocked."""
    found = [one for one in _escapes(asked) if asked.period.has(one.at) and _is_of(one, asked)]
    by_month = tables.escapes_by_month(found, asked.shown.zone)
    many = tables.arrivals(found)
    says = f"{_many(many, 'feature')} went into a stage before its time" if many else "Nothing has escaped"
    names = tuple(tables.CALLED.values())
    series = [Series(name, _column(by_month, 2 + place)) for place, name in enumerate(names)]
    labels = [asked.shown.month(str(line.cells[0])) for line in by_month.lines]
    chart = charts.over_time("Escapes by month and kind; the table below has the numbers", labels, series)
    listed = (by_month, tables.escapes_by_party(found), tables.escapes_by_place(found), tables.each_escape(found))
    return Report(f"{says}.", chart, names, listed)


def _escapes(asked: Asked) -> Sequence[escapes.Escape]:
    """Of what stands blocked the verdict may be older than the time that is asked for: it is read from there on."""
    reports, over = asked.books.ledger.reports, asked.over
    earlier = replace(over, since=over.since and over.since - EXPIRES)
    judged = escapes.escapes(reports.let_in(earlier), _rules(asked.books))
    return [*judged, *escapes.escaped_before(reports.came_before(Over(over.eyes, over.place)))]


def _is_of(one: escapes.Escape, asked: Asked) -> bool:
    return (not asked.party or one.party == asked.party) and (not asked.stage or one.stage == asked.stage)


def _rules(books: Books) -> Callable[[str], Mapping[str, Rule]]:
    @cache
    def of(version: str) -> Mapping[str, Rule]:
        known = books.version(version)
        return {rule.id: rule for rule in known.rules} if known else {}

    return of


# --- answers ----------------------------------------------------------------------------------------------------------


def answered(asked: Asked) -> Report:
    """How long parties took to answer."""
    found = timed_answers(asked)
    mappings = asked.books.mappings
    known = mappings.parties if mappings else {}
    within = {key: party.respond_within for key, party in known.items() if party.respond_within}
    by_party = tables.answers_by_party(found, within)
    labels = [asked.shown.party(str(line.cells[0])) for line in by_party.lines]
    legend = ("Median", "90th percentile")
    series = [Series(name, _hours(by_party, 2 + place)) for place, name in enumerate(legend)]
    chart = charts.side_by_side(
        "Working hours until each party answers; the table below has the numbers", labels, series, "{:.3g} h".format
    )
    return Report(
        f"{_many(len(found), 'answer')}, timed in each party's own working hours.",
        chart, legend, (by_party, tables.each_answer(found)),
    )  # fmt: skip


def timed_answers(asked: Asked) -> list[answers.Timed]:
    """The answers of that time, each measured: what they answer may have been told long before."""
    return answers_among(asked.books.turns(Over(asked.eyes, asked.place)), asked)


def answers_among(turned: Mapping[int, Turned], asked: Asked) -> list[answers.Timed]:
    """The same, of what was looked up before."""
    return [
        one
        for each in turned.values()
        for one in each.answers
        if (not asked.party or one.answer.party == asked.party) and (not asked.stage or one.answer.stage == asked.stage)
        if asked.period.has(one.answer.answered)
    ]


# --- stages -----------------------------------------------------------------------------------------------------------


def stayed(asked: Asked) -> Report:
    """How long features were in their stages."""
    stages, now = list(asked.shown.stages), asked.shown.now
    every = stays.stays(asked.books.ledger.reports.moved(Over(asked.eyes, asked.place)), stages)
    found = [
        one
        for one in every
        if (one.until is None or asked.period.has(one.until)) and (not asked.stage or one.stage == asked.stage)
    ]
    by_stage = tables.stays_by_stage(found, stages, now)
    labels = [asked.shown.stage(str(line.cells[0])) for line in by_stage.lines]
    legend = ("Median", "90th percentile")
    series = [Series(name, _hours(by_stage, 2 + place, _DAY)) for place, name in enumerate(legend)]
    chart = charts.side_by_side(
        "Days that features stay in each stage; the table below has the numbers", labels, series, "{:.3g} d".format
    )
    left = sum(one.until is not None for one in found)
    says = f"{_many(left, 'stay')} came to an end in this time; {_many(len(found) - left, 'feature')} stand now."
    return Report(says, chart, legend, (by_stage, tables.each_stay(found, now)))


# --- blocks, waivers --------------------------------------------------------------------------------------------------


def blocked(asked: Asked) -> Report:
    """Which rules stopped what."""
    found = [
        one
        for one in gates.stopped(asked.books.ledger.reports.shut(asked.over))
        if (not asked.rule or one.rule == asked.rule) and (not asked.stage or one.stage == asked.stage)
    ]
    by_rule = tables.stopped_by_rule(found)
    legend = ("Blocked", "Warned of", "On trial: unmet")
    series = [Series(name, _column(by_rule, 1 + place)) for place, name in enumerate(legend)]
    labels = [str(line.cells[0]) for line in by_rule.lines]
    says = f"{_many(len({(one.about.ref, one.move) for one in found if one.level == 'block'}), 'request')} blocked."
    chart = charts.side_by_side(
        "How often each rule was not met; the table below has the numbers", labels, series, charts.whole, stacked=True
    )
    return Report(says, chart, legend, (by_rule, tables.each_stop(found)))


def waived(asked: Asked) -> Report:
    """What was let pass, and what is owed."""
    reports = asked.books.ledger.reports
    given = [
        one
        for one in gates.waivers(reports.facts(asked.over, "waived"))
        if (not asked.rule or one.entry.rule == asked.rule) and (not asked.stage or one.entry.stage == asked.stage)
    ]
    owed = [one for one in _debts(asked) if one.is_open or asked.period.has(one.entry.at)]
    by_rule = tables.waivers_by_rule(given)
    series = [Series("Waived", _column(by_rule, 1))]
    labels = [str(line.cells[0]) for line in by_rule.lines]
    chart = charts.side_by_side(
        "How often each rule was waived; the table below has the numbers", labels, series, charts.whole
    )
    says = f"{_many(len(given), 'waiver')}; {_many(sum(one.is_open for one in owed), 'promised word')} still owed."
    return Report(
        says, chart, ("Waived",), (by_rule, tables.each_waiver(given), tables.each_debt(owed, asked.shown.now))
    )


OWED = ("owed", "acknowledged", "approved", "attempt_opened", "attempt_ended")
"""Kinds of entries that tell what became of a promise."""


def _debts(asked: Asked) -> list[gates.Debt]:
    found = gates.debts(asked.books.ledger.reports.around(asked.over, "owed", *OWED))
    return [
        one
        for one in found
        if (not asked.party or one.entry.party == asked.party) and (not asked.stage or one.entry.stage == asked.stage)
    ]


# --- small parts ------------------------------------------------------------------------------------------------------


def _column(table: Table, place: int) -> tuple[float | None, ...]:
    return tuple(float(cell) if isinstance(cell := line.cells[place], int) else None for line in table.lines)


def _hours(table: Table, place: int, unit: timedelta = _HOUR) -> tuple[float | None, ...]:
    return tuple(cell / unit if isinstance(cell := line.cells[place], timedelta) else None for line in table.lines)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def begin_of(text: str, shown: Shown, days_later: int = 0) -> datetime | None:
    """Midnight of a day as the address names it, on the file's clock; None where it names none."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=shown.zone)
        return day + timedelta(days=days_later) if day.year >= _FIRST_YEAR else None
    except (ValueError, OverflowError):
        return None
