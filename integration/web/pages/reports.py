"""Reports: a chart, the tables under it, each of them as CSV; the time and the filters are in the address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

from flask import Response, abort, make_response, request

from integration.stages.reports.facts import Period
from integration.web.entrance.visitors import current
from integration.web.pages import figures, sheets
from integration.web.pages.board import place_name
from integration.web.pages.books import Books
from integration.web.pages.figures import Asked, Report, begin_of
from integration.web.pages.shown import Shown, page

SINCE = timedelta(days=180)
_FILTERS = ("since", "until", "place", "party", "stage", "rule")
ROWS = 100
"""So many lines of a table are on the page; its CSV has all."""


@dataclass(frozen=True, slots=True)
class About:
    """A report: its name, what makes it, and which filters narrow it."""

    name: str
    make: Callable[[Asked], Report]
    narrows: tuple[str, ...]
    explains: str


REPORTS = {
    "escapes": About(
        "Escapes", figures.escaped, ("stage", "party"),
        "A feature came into a stage although somebody was not told, nobody had looked at it, or it was too early; or "
        "it was blocked and stands there all the same. What was put back at once, or waived, is not counted.",
    ),
    "answers": About(
        "Response times", figures.answered, ("party", "stage"),
        "From the first notice that a party has not answered to its next word: seen, agreed, or what is missing. Half "
        "of the answers were there by the median, nine of ten by the 90th percentile.",
    ),
    "stages": About(
        "Time in stage", figures.stayed, ("stage",),
        "How long features stay in a stage, by the moves that their trackers show. What was put back at once was not "
        "there.",
    ),
    "blocks": About(
        "Blocks by rule", figures.blocked, ("rule", "stage"),
        "Which rules were not met when somebody moved a feature, and what they did: they blocked it, warned, or only "
        "watched.",
    ),
    "waivers": About(
        "Waivers and debts", figures.waived, ("rule", "party", "stage"),
        "Rules that somebody waived, and words that were promised for later. What is still owed is listed whenever it "
        "was promised.",
    ),
}  # fmt: skip


def show(books: Books, name: str) -> Response:
    """The page. Raises 404 where there is no such report."""
    about, asked = _about(name), _asked(books, name)
    report = about.make(asked)
    return make_response(
        page(
            "reports.html", books, shown=asked.shown, reports=REPORTS, name=name, about=about, report=report,
            asked=asked, rows=ROWS, sheet_address=lambda table: _address(f"{name}.csv", _FILTERS, table=table),
            other_address=lambda other: _address(other, ("since", "until", "place")),
            place_name=place_name, since=_day(asked.shown, "since"), until=_day(asked.shown, "until"),
            places=[(one, place_name(one)) for one in books.ledger.board.places(asked.eyes)],
        )
    )  # fmt: skip


def sheet(books: Books, name: str) -> Response:
    """One of its tables as CSV: the one that is asked for, else the one that lists each."""
    asked = _asked(books, name)
    report, key = _about(name).make(asked), request.args.get("table", "each")
    table = report.table(key)
    if table is None:
        abort(404, f"This report has these tables: {', '.join(one.key for one in report.tables)}.")
    called = name if key == "each" else f"{name}-{key}"
    return sheets.attached(sheets.of_table(table, asked.shown), f"{called}.csv")


def _address(name: str, keep: tuple[str, ...], **more: str) -> str:
    """The address of a report, or of its CSV, with those of the filters that are to stay."""
    asked = urlencode({**{one: request.args[one] for one in keep if one in request.args}, **more})
    return f"/reports/{name}{'?' if asked else ''}{asked}"


def _about(name: str) -> About:
    found = REPORTS.get(name)
    if found is None:
        abort(404, f"There are these reports: {', '.join(REPORTS)}.")
    return found


def _asked(books: Books, name: str) -> Asked:
    """Escapes are those into the last stage, where nobody has asked for another."""
    shown, given = Shown.of(books), request.args
    usual = next(reversed(shown.stages), "") if name == "escapes" else ""
    period = Period(begin_of(_day(shown, "since"), shown), begin_of(_day(shown, "until"), shown, 1))
    return Asked(
        books, shown, period, current().places, given.get("place", ""), given.get("party", ""),
        given.get("stage", usual), given.get("rule", "").strip()[:200],
    )  # fmt: skip


def _day(shown: Shown, name: str) -> str:
    """The day that the address names, else the one that is usual: half a year ago, and today."""
    given = request.args.get(name, "")
    if begin_of(given, shown) is not None:
        return given
    usual = shown.now - (SINCE if name == "since" else timedelta())
    return f"{usual.astimezone(shown.zone):%Y-%m-%d}"
