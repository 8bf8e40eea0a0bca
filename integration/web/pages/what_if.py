"""What if: somebody tries a file over real histories before it is in force. Faults at once; else a job, and its report.

Whoever asks learns of the places that they may see, and of no other: the job is asked for these alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response, abort, make_response, redirect, render_template, request

from integration.memory.what_ifs import Full, Question, Stand, WhatIfs
from integration.stages.file import mappings
from integration.stages.file.written import Fault, Faulty
from integration.web.entrance.visitors import Role, current
from integration.web.pages.books import Books
from integration.web.pages.sheets import attached
from integration.web.pages.shown import Shown, page
from integration.web.pages.veil import VEILED, hides

SPANS = (("30", "the last month"), ("90", "the last three months"), ("180", "the last half year"),
         ("365", "the last year"))  # fmt: skip
SHOWN = 100  # moves of each kind; the file has all of them


def ask(books: Books) -> Response:
    """The page that asks; it begins with the file in force."""
    text = books.ledger.versions.text(books.ledger.versions.in_force()) or ""
    return _form(books, text)


def _form(books: Books, text: str, faults: tuple[Fault, ...] = (), status: int = 200, trouble: str = "") -> Response:
    latest = books.what_ifs.latest(current().id, datetime.now(UTC))
    by_line: dict[int, list[Fault]] = {}
    for fault in faults:
        by_line.setdefault(fault.line, []).append(fault)
    answer = make_response(
        page(
            "what_if.html", books, text=text, faults=faults, by_line=by_line, spans=SPANS, latest=latest,
            since=request.form.get("since", "180"), is_admin=current().role is Role.ADMIN, trouble=trouble,
            unread=books.ledger.histories.read_at() is None,
        )
    )  # fmt: skip
    answer.status_code = status
    return answer


def begin(books: Books) -> Response:
    """Read the file; what is wrong with it is shown at its lines, else the histories are put under it."""
    try:
        text = _text()
        mappings.read(text, "mappings.yaml")
    except Faulty as wrong:
        return _form(books, _given(), wrong.faults, 422)
    visitor, now = current(), datetime.now(UTC)
    question = Question(
        visitor.id, visitor.name, text, now - timedelta(days=_days()),
        None if visitor.places is None else tuple(sorted(visitor.places)),
        visitor.role is Role.ADMIN and "read_new" in request.form,
    )  # fmt: skip
    try:
        id = books.what_ifs.ask(question, now)
    except Full:
        return _form(books, text, (), 503, "Too many wait already. Try it again in some minutes.")
    return make_response(redirect(f"/mappings/what-if/{id}", 303))


def _days() -> int:
    said = request.form.get("since", "180")
    return int(said) if said in dict(SPANS) else 180


def _text() -> str:
    """The file that was chosen, else what stands in the field. Raises `Faulty` for bytes that are no text."""
    file = request.files.get("file")
    if not file or not file.filename:
        return _given()
    try:
        return str(file.read(), "utf-8-sig")
    except UnicodeDecodeError:
        says = "the file is not UTF-8; save it as UTF-8"
        raise Faulty([Fault(1, 1, "", says)]) from None


def _given() -> str:
    """What stands in the field; browsers send lines' ends as the network has them."""
    file = request.files.get("file")
    if file and file.filename:
        file.seek(0)
        return str(file.read(), "utf-8-sig", "replace")
    return request.form.get("text", "").replace("\r\n", "\n")


def show(books: Books, id: str) -> Response:
    """How far it has come, or what came of it; the page itself asks for news of it."""
    stand = _mine(books.what_ifs, id)
    report = _seen(books.what_ifs.report(id)) if stand.state == "done" else None
    part = render_template("what_if_part.html", shown=Shown.of(books), stand=stand, report=report, most=SHOWN)
    if request.headers.get("HX-Request") == "true":
        return make_response(part)
    return make_response(page("what_if_report.html", books, stand=stand, part=part))


def as_json(books: Books, id: str) -> Response:
    """The report, all of it, for machines."""
    _mine(books.what_ifs, id)
    report = _seen(books.what_ifs.report(id))
    if report is None:
        abort(404, "There is no report yet.")
    return attached(json.dumps(report, indent=2, ensure_ascii=False), "what-if.json", "application/json")


def _mine(what_ifs: WhatIfs, id: str) -> Stand:
    """Of one's own, or for an admin anybody's. Aborts with 404."""
    stand = what_ifs.stand(id, datetime.now(UTC)) if id.isalnum() else None
    if stand is None or (stand.who != current().id and current().role is not Role.ADMIN):
        abort(404, "There is no such what-if any more, or it is somebody else's: they are kept for a day.")
    return stand


def _seen(report: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Without what this visitor may not see by now."""
    if report is None:
        return None
    return {**report, "changes": [_told(one) for one in report["changes"] if _may_see(one["ref"])]}


def _told(change: Mapping[str, Any]) -> dict[str, Any]:
    """Its reasons may name other issues by their titles."""
    told = {name: value for name, value in change.items() if name != "named"}
    return told if all(map(_may_see, change.get("named", ()))) else told | {"reasons": [VEILED]}


def _may_see(name: str) -> bool:
    return not hides(current())(name)
