"""The rules: the file in force in sentences and as it is written, its versions and what is different in them.

Whoever is let in may read all of mappings.yaml: it is what everybody is judged by. Of repositories' own rules those are
shown whose repository the visitor may see.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from flask import Response, abort, make_response, render_template

from integration.stages.file.mappings import Mappings
from integration.stages.health.faring import Fate
from integration.stages.texts.rulebook import Book
from integration.web.entrance.visitors import Role, current
from integration.web.pages.books import Books
from integration.web.pages.shown import Shown, called_version, page

CONTEXT = 3  # lines around what is different
_OWN = "+"


@dataclass(frozen=True, slots=True)
class Added:
    """What a repository has added."""

    place: str
    version: str
    read_at: datetime | None
    faulty: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """One line of a comparison: its numbers before and after (0: it is not there), and what it is."""

    kind: str  # same, out, in, gap
    before: int
    after: int
    text: str


def show(books: Books) -> Response:
    """The page: the file in force."""
    versions = books.ledger.versions
    hash = versions.in_force()
    text = versions.text(hash) if hash else None
    return make_response(
        page(
            "mappings.html", books, hash=hash, text=text, book=_book(books.mappings), versions=versions.listed(),
            added=list(_added(books)), health=health(books), may_try=current().role >= Role.MEMBER,
        )
    )  # fmt: skip


def health(books: Books) -> str:
    """How the rules fare: a part of the page, which asks again by itself until it is known.

    The figures are of all features, and so for those who may see all of them.
    """
    may_see = current().places is None
    return render_template(
        "health.html", shown=Shown.of(books), looked=books.health() if may_see else None, may_see=may_see,
        fates=list(Fate), now=datetime.now(UTC),
    )  # fmt: skip


def show_version(books: Books, name: str) -> Response:
    """One version as it is written; `a..b`: what is different between two. Aborts with 404 for what is not there."""
    old, dots, new = name.partition("..")
    if dots:
        return _compared(books, old, new)
    parts = [(part, _text(books, part)) for part in called_version(name)]
    listed = books.ledger.versions.listed()
    before = next((older for newer, older in pairwise(listed) if newer.hash == parts[0][0]), None)
    return make_response(
        page(
            "mappings_version.html", books, name=name, parts=parts, versions=listed, before=before,
            in_force=books.ledger.versions.in_force(), seen={one.hash: one.first_seen_at for one in listed},
        )
    )  # fmt: skip


def _compared(books: Books, old: str, new: str) -> Response:
    lines = list(changes(_text(books, old), _text(books, new)))
    return make_response(page("mappings_changes.html", books, old=old, new=new, lines=lines))


def changes(old: str, new: str) -> Iterator[Changed]:
    """What is different, with some lines around it."""
    before, after = old.splitlines(), new.splitlines()
    groups = difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(CONTEXT)
    for number, group in enumerate(groups):
        if number:
            yield Changed("gap", 0, 0, "")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (Changed("same", i + 1, i - i1 + j1 + 1, before[i]) for i in range(i1, i2))
                continue
            yield from (Changed("out", i + 1, 0, before[i]) for i in range(i1, i2))
            yield from (Changed("in", 0, j + 1, after[j]) for j in range(j1, j2))


def _book(mappings: Mappings | None) -> Book | None:
    return Book(mappings) if mappings else None


def _text(books: Books, name: str) -> str:
    """A version's text. A repository's own (`+…`) is shown to those who may see the repository: aborts with 404."""
    versions = books.ledger.versions
    if not name.startswith(_OWN):
        found = None if ":" in name else versions.text(name)
    elif current().places is None or any(name[1:] and one.version == name for one in _added(books)):
        found = versions.own_text_of(name[1:])
    else:
        found = None
    if found is None:
        abort(404, "No version of this name is known here, or it is not shown to you.")
    return found


def _added(books: Books) -> Iterator[Added]:
    """The repositories with rules of their own, of those that this visitor may see."""
    eyes = current().places
    seen = None if eyes is None else {place.casefold() for place in eyes}
    for place, own in books.ledger.versions.owns().items():
        if (own.digest or own.faulty) and (seen is None or f"github:{place}" in seen):
            yield Added(place, _OWN + own.digest[:12] if own.digest else "", own.read_at, own.faulty)
