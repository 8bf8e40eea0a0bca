"""Tables as CSV, for spreadsheets.

UTF-8 with a byte order mark: without it Excel reads names like Zoë as two letters each, and everything else skips it. A
cell that a spreadsheet would take for a formula gets an apostrophe before it: titles and reasons are written by people.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from io import StringIO

from flask import Response

from integration.stages.reports.facts import About
from integration.stages.reports.tables import Cell, Holds, Table
from integration.web.pages.shown import Shown

_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BOM = "\ufeff"


def sheet(table: Table, shown: Shown, name: str) -> Response:
    """The table as a file to download."""
    answer = Response(_BOM + written(table, shown), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def written(table: Table, shown: Shown) -> str:
    """The table as text. A feature takes two columns, its issue and its title; lengths are in hours, times in UTC."""
    lines = StringIO()
    rows = csv.writer(lines)
    rows.writerow([key for one in table.columns for key in _keys(one.key, one.holds)])
    for line in table.lines:
        cells = zip(table.columns, line.cells, strict=True)
        rows.writerow([harmless(text) for column, cell in cells for text in _texts(cell, column.holds, shown)])
    return lines.getvalue()


def harmless(text: str) -> str:
    """The text, so that no spreadsheet calculates it."""
    return f"'{text}" if text.startswith(_BEGINS) or text.lstrip().startswith(_BEGINS) else text


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
