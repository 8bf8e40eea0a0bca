"""Evidence packs: one feature, or one period, as a page that stands by itself, for whoever has to prove it later.

It has all that it needs in it, no script, and loads nothing; an auditor re-computes the chain from what it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from flask import Response, abort, render_template, request

from integration.memory.audit import Anchored, Sealed
from integration.memory.board import Feature
from integration.stages.entries import Carried, Judged
from integration.stages.remembered import Remembered, remember
from integration.stages.rules.gate import is_open
from integration.stages.texts.chronicle import Told, told
from integration.web.entrance.visitors import current
from integration.web.pages.asked import day, sought
from integration.web.pages.audit import UNREADABLE
from integration.web.pages.board import place_name
from integration.web.pages.books import Books
from integration.web.pages.feature import found
from integration.web.pages.sheets import attached
from integration.web.pages.shown import Shown, called_version
from integration.web.pages.veil import is_veiled, veiled

WITHHELD = "withheld"
NOT_THERE = "This version's text is not in the ledger."
MOST = 100
"""Features of one pack: each has its whole history in it."""


@dataclass(frozen=True, slots=True)
class Proof:
    """One feature with all that is known of it. `fault`: at which entry its chain is broken."""

    feature: Feature
    past: Remembered
    history: tuple[tuple[Sealed, Told], ...]
    verdicts: tuple[tuple[Sealed, Judged], ...]
    ladder: tuple[tuple[object, Judged | None], ...]
    fault: int | None
    anchored: tuple[Anchored, ...]

    @property
    def versions(self) -> Iterator[str]:
        """The versions of the rules that judged it."""
        return (one.mappings for _, one in self.verdicts if one.mappings)


def of_feature(books: Books, name: str) -> Response:
    """The pack of one feature. Raises 404 for what is not there, or not for this visitor."""
    feature = found(books, name)
    return _pack(books, [feature], f"{feature.ref.key}: {feature.title}", f"evidence-{_plain(feature.ref.key)}")


def of_period(books: Books) -> Response:
    """The pack of all features that something happened to in a time. Aborts with 400 where no time is named."""
    since, until = (day(request.args.get(name, "")) for name in ("since", "until"))
    if since is None or until is None or until < since:
        abort(400, "An evidence pack is for a time: name the first day (since) and the last (until).")
    shown, after = Shown.of(books), request.args.get("after", 0, type=int)
    wanted = sought(request.args, shown.zone)
    features = books.ledger.audit.features(wanted, current().places, MOST + 1, max(0, min(after, 2**31)))
    title = f"{since.isoformat()} to {until.isoformat()}" + (f", {place_name(wanted.place)}" if wanted.place else "")
    rest = features[MOST - 1].row.id if len(features) > MOST else None
    return _pack(books, features[:MOST], title, f"evidence-{since.isoformat()}-{until.isoformat()}", rest)


def _pack(
    books: Books, features: Iterable[Feature], title: str, name: str, rest: int | None = None
) -> Response:  # fmt: skip
    shown = Shown.of(books)
    proofs = [_proof(books, feature, shown) for feature in features]
    body = render_template(
        "evidence.html", shown=shown, title=title, proofs=proofs, visitor=current(), made=datetime.now(UTC),
        born=books.ledger.born, rules=list(_rules(books, proofs)), is_open=is_open, rest=rest, most=MOST,
        args=request.args, gates=lambda some: veiled(some, current()), withheld=WITHHELD,
    )  # fmt: skip
    return attached(body, f"{name}.html", "text/html")


def _plain(key: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in key)


def _proof(books: Books, feature: Feature, shown: Shown) -> Proof:
    sealed, names = tuple(map(_shown_text, books.ledger.audit.sealed(feature))), shown.names()
    verdicts = tuple((one, one.entry) for one in sealed if isinstance(one.entry, Judged))
    by_move = {one.move.id: one for _, one in verdicts}
    moves = {one.id: one for one in feature.seen.moves}
    words = (
        told(one.entry, names) if one.entry else Told(one.recorded_at, "trouble", UNREADABLE) for one in sealed
    )  # fmt: skip
    return Proof(
        feature,
        remember(one.entry for one in sealed if one.entry),
        tuple(zip(sealed, words, strict=True)),
        verdicts,
        tuple((moves[id], by_move.get(id)) for id in reversed(feature.seen.rungs) if id in moves),
        books.ledger.verify(feature.ref),
        books.ledger.audit.anchored(feature),
    )


def _shown_text(one: Sealed) -> Sealed:
    """Its text is part of the chain, so it is there as a whole or not at all."""
    return replace(one, text=WITHHELD) if is_veiled(one.entry, current()) else one


def _rules(books: Books, proofs: Sequence[Proof]) -> Iterator[tuple[str, str, str]]:
    """Of each version that judged: its name, what it is, its text. A repository's own rules are a text of their own."""
    versions = books.ledger.versions
    names = dict.fromkeys(name for proof in proofs for name in proof.versions)
    for part in dict.fromkeys(part for name in names for part in called_version(name)):
        if not part.startswith("+"):
            yield part, "mappings.yaml", versions.text(part) or NOT_THERE
        elif all(_came_from_elsewhere(one) for one in proofs if any(part in name for name in one.versions)):
            yield part, "a repository's own rules", "They are of a repository that is not shown to you."
        else:
            yield part, "a repository's own rules", versions.own_text_of(part[1:]) or NOT_THERE


def _came_from_elsewhere(proof: Proof) -> bool:
    """Did it live where this visitor may not look, and was it judged by what stands there?"""
    return any(isinstance(one.entry, Carried) and is_veiled(one.entry, current()) for one, _ in proof.history)
