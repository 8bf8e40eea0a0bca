"""The audit: the append-only log over all features, searched, narrowed, turned page by page, taken away as a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Response, make_response, render_template, request

from integration.memory.audit import Line
from integration.stages.entries import Judged
from integration.stages.texts.chronicle import Names, Told, told
from integration.web.entrance.visitors import current
from integration.web.pages.asked import KINDS, key_of, name_of, sought
from integration.web.pages.board import place_name
from integration.web.pages.books import Books
from integration.web.pages.sheets import attached, written
from integration.web.pages.shown import Shown, page

PER_PAGE = 50
EXPORTED = 20_000
"""Lines of one file: it is made in memory, and answered at once."""
ANCHORS = 7

UNREADABLE = "this entry cannot be read: it was changed, or a later release wrote it"
HEAD = (
    "at", "recorded_at", "issue", "title", "number", "kind", "says", "by", "stage", "party", "rule", "comment",
    "rules_version", "hash", "previous_hash",
)  # fmt: skip
_NARROWS = ("q", "kind", "stage", "party", "person", "rule", "place", "since", "until")


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the log, and what it says."""

    line: Line
    told: Told

    @property
    def version(self) -> str:
        """The version of the rules that a verdict was given by."""
        return version_of(self.line)


def version_of(line: Line) -> str:
    """The version of the rules; empty for what is no verdict."""
    return line.entry.mappings if isinstance(line.entry, Judged) else ""


def show(books: Books) -> Response:
    """The page."""
    shown, eyes = Shown.of(books), current().places
    before = key_of(request.args.get("before", ""))
    lines = books.ledger.audit.lines(sought(request.args, shown.zone), eyes, PER_PAGE + 1, before)
    more = name_of(lines[PER_PAGE - 1].key) if len(lines) > PER_PAGE else ""
    mappings = books.mappings
    return make_response(
        page(
            "audit.html", books, shown=shown, rows=list(_rows(lines[:PER_PAGE], shown.names())), more=more,
            kinds=[(key, name) for key, (name, _) in KINDS.items()], limit=EXPORTED, before=before,
            rules=[rule.id for rule in mappings.rules] if mappings else [], asked=narrowed(),
            places=[(one, place_name(one)) for one in books.ledger.board.places(eyes)], anchors=anchors(books, shown),
        )
    )  # fmt: skip


def narrowed() -> dict[str, str]:
    """What narrows the log, as it stands in the address."""
    return {name: one for name in _NARROWS if (one := request.args.get(name, "").strip())}


def anchors(books: Books, shown: Shown | None = None) -> str:
    """What is known of the anchors: a part of the page, which asks again by itself until it is known.

    What does not fit is told in full to whoever may see all features: it names them.
    """
    return render_template(
        "anchors.html", shown=shown or Shown.of(books), anchors=books.ledger.audit.anchors(ANCHORS),
        looked=books.anchors(), all=current().places is None,
    )  # fmt: skip


def _rows(lines: tuple[Line, ...], names: Names) -> Iterator[Row]:
    for line in lines:
        words = told(line.entry, names) if line.entry else Told(line.key.at, "trouble", UNREADABLE)
        yield Row(line, words)


# --- as a file --------------------------------------------------------------------------------------------------------


def as_csv(books: Books) -> Response:
    """The newest of what is sought, for spreadsheets."""
    rows, name = _exported(books)
    return attached(written(HEAD, (tuple(_values(row).values()) for row in rows)), f"{name}.csv")


def as_json(books: Books) -> Response:
    """The same as JSON lines: also each entry whole, as the ledger has it."""
    rows, name = _exported(books)
    body = "".join(f"{json.dumps(_values(row), ensure_ascii=False)}\n" for row in rows)
    return attached(body, f"{name}.jsonl", "application/x-ndjson")


def _exported(books: Books) -> tuple[list[Row], str]:
    shown = Shown.of(books)
    before = key_of(request.args.get("before", ""))
    lines = books.ledger.audit.lines(sought(request.args, shown.zone), current().places, EXPORTED, before)
    return list(_rows(lines, shown.names())), f"audit-{datetime.now(UTC):%Y-%m-%d}"


def _values(row: Row) -> dict[str, object]:
    line, entry = row.line, row.line.entry
    found = (
        _iso(line.key.at), _iso(line.recorded_at), str(line.ref), line.title, line.key.seq,
        entry.kind if entry else "", row.told.says, row.told.by, _of(entry, "stage"), _of(entry, "party"),
        _of(entry, "rule"), row.told.url, row.version, line.hash, line.previous,
    )  # fmt: skip
    return dict(zip(HEAD, found, strict=True))


def _of(entry: object, name: str) -> str:
    if isinstance(entry, Judged):
        shut = ", ".join(gate.rule for gate in entry.gates if not gate.ok and not gate.waived)
        return {"stage": entry.move.to or "", "rule": shut}.get(name, "")
    return str(getattr(entry, name, None) or "")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
