"""Tables as CSV, for spreadsheets: what a cell holds is shown there, and never obeyed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from flask import Response

_OBEYED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BOM = "\ufeff"  # without it Excel takes UTF-8 for something else


def cell(value: object) -> str:
    """As text; one that a spreadsheet would take for a formula gets a mark before it."""
    if value is None or isinstance(value, bool | int | float):
        return "" if value is None else str(value)
    text = str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_OBEYED) else text


def written(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """All of it."""
    out = StringIO()
    sheet = csv.writer(out, lineterminator="\r\n")
    sheet.writerow(head)
    sheet.writerows([cell(value) for value in row] for row in rows)
    return _BOM + out.getvalue()


def attached(body: str, name: str, kind: str) -> Response:
    """As a file to be kept."""
    answer = Response(body.encode("utf-8", "replace"), content_type=f"{kind}; charset=utf-8")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
