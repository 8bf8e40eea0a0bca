"""One feature: where it stands and what is next, its life as a picture, its gates with their evidence, its history."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from flask import Response, abort, make_response, redirect, request

from integration.memory.board import Feature
from integration.stages.entries import Entry, Judged, Owed, Routed
from integration.stages.file.mappings import Level
from integration.stages.model import Ref, Unnamed
from integration.stages.remembered import remember
from integration.stages.rules.gate import is_open
from integration.stages.texts.chronicle import told
from integration.web.entrance.visitors import current
from integration.web.pages.books import Books
from integration.web.pages.life import life
from integration.web.pages.shown import Shown, address, page
from integration.web.pages.veil import veiled


def show(books: Books, name: str) -> Response:
    """The page. Raises 404 for what is not there, and alike for what this visitor may not see."""
    feature, shown = found(books, name), Shown.of(books)
    entries = books.ledger.board.history(feature)
    names = shown.names()
    history = [(seq, told(entry, names)) for seq, _, entry in entries]
    past = remember(entry for _, _, entry in entries)
    mappings = books.mappings
    because = {rule.id: rule.because for rule in mappings.rules} if mappings else {}
    return make_response(
        page(
            "feature.html", books, shown=shown, feature=feature, seen=feature.seen, past=past, history=history[::-1],
            life=life(feature.seen.moves, [one for _, one in history], shown.now), gates=_gates(feature),
            ladder=_ladder(feature, entries), because=because, is_open=is_open,
            hold=past.hold if past.hold and (past.hold.until is None or shown.now < past.hold.until) else None,
            route=_last(entries, Routed), debts=past.debts, trouble=books.ledger.failures.of(feature.ref),
            broken=books.ledger.verify(feature.ref), checking=_is_being_checked(feature),
        )
    )  # fmt: skip


def check(books: Books, name: str) -> Response:
    """Have it looked at again now. Raises `Away` when Redis does not take the wish."""
    feature = found(books, name)
    books.inbox.hint(feature.ref, now=datetime.now(UTC))
    return make_response(redirect(f"{address(feature.ref)}?checking={int(time.time()) + 1}", 303))


def _is_being_checked(feature: Feature) -> bool:
    """Has somebody asked for a look here, and none was made since?"""
    return feature.checked_at.timestamp() < request.args.get("checking", 0, type=int)


def found(books: Books, name: str) -> Feature:
    """The feature of this name. Raises 404 for what is not there, and alike for what this visitor may not see."""
    try:
        ref = Ref.parse(name)
    except (Unnamed, ValueError):
        abort(404, "That names no issue: a feature's address ends like /feature/acme/app%2312 or /feature/APP-7.")
    feature = books.ledger.board.feature(ref, current().places)
    if feature is None:
        abort(404, "No feature of this name is known here, or it is not shown to you.")
    return feature


def _gates(feature: Feature) -> list[tuple[str, list[object]]]:
    """The gates ahead: those that block, those that warn, and those that only observe."""
    says = {Level.BLOCK: "Blocks", Level.WARN: "Warns", Level.OBSERVE: "On trial: tells nobody"}
    ahead = veiled(feature.seen.gates, current())
    groups = ((says[level], [one for one in ahead if one.level == level]) for level in says)
    return [(name, list[object](found)) for name, found in groups if found]


def _ladder(feature: Feature, entries: tuple[tuple[int, datetime, Entry], ...]) -> list[tuple[object, Judged | None]]:
    """The forward moves that hold, the highest first, each with its verdict."""
    verdicts = {entry.move.id: entry for _, _, entry in entries if isinstance(entry, Judged)}
    moves = {one.id: one for one in feature.seen.moves}
    return [(moves.get(id), verdicts.get(id)) for id in reversed(feature.seen.rungs)]


def _last(entries: tuple[tuple[int, datetime, Entry], ...], kind: type[Routed | Owed]) -> Entry | None:
    return next((entry for _, _, entry in reversed(entries) if isinstance(entry, kind)), None)
