"""Tables as CSV, for spreadsheets: what a cell holds is shown there, and never obeyed.

UTF-8 with a byte order mark: without it Excel reads names like Zoë as two letters each, and everything else skips it. A
cell that a spreadsheet would take for a formula gets an apostrophe before it: titles and reasons are written by people.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO

from flask import Response

from integration.stages.reports.facts import About
from integration.stages.reports.tables import Cell, Holds, Table
from integration.web.pages.shown import Shown

_OBEYED = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BOM = "\ufeff"


def cell(value: object) -> str:
    """As text; one that a spreadsheet would calculate gets a mark before it."""
    if value is None or isinstance(value, bool | int | float):
        return "" if value is None else str(value)
    text = str(value)
    return f"'{text}" if text.startswith(_OBEYED) or text.lstrip().startswith(_OBEYED) else text


def written(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """All of it."""
    out = StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(head)
    sheet.writerows([cell(value) for value in row] for row in rows)
    return _BOM + out.getvalue()


def attached(body: str, name: str, kind: str = "text/csv") -> Response:
    """As a file to be kept."""
    answer = Response(body.encode("utf-8", "replace"), content_type=f"{kind}; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


# --- a report's table -------------------------------------------------------------------------------------------------


def of_table(table: Table, shown: Shown) -> str:
    """A feature takes two columns, its issue and its title; lengths are in hours, times in UTC."""
    head = [key for one in table.columns for key in _keys(one.key, one.holds)]
    rows = ([*zip(table.columns, line.cells, strict=True)] for line in table.lines)
    return written(head, ([text for column, one in row for text in _texts(one, column.holds, shown)] for row in rows))


def _keys(key: str, holds: Holds) -> tuple[str, ...]:
    if holds is Holds.FEATURE:
        return key, "title"
    return (f"{key}_hours",) if holds in (Holds.LENGTH, Holds.WORKING) else (key,)


def _texts(cell: Cell, holds: Holds, shown: Shown) -> tuple[str, ...]:
    match cell:
        case About():
            return str(cell.ref), cell.title
        case None:
            return ("", "") if holds is Holds.FEATURE else ("",)
        case datetime():
            return (cell.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),)
        case timedelta():
            return (f"{cell / timedelta(hours=1):.2f}",)
        case float():
            return (f"{cell:.4f}",)
        case str() if holds is Holds.PARTY:
            return (shown.party(cell) if cell else "",)
        case str() if holds is Holds.STAGE:
            return (shown.stage(cell) if cell else "",)
        case _:
            return (str(cell),)
