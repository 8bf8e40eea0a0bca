"""The board: a column for each stage, a card for each feature, and what narrows them, which is in the address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import urlencode

from flask import Response, make_response, render_template, request

from integration.memory.board import Feature, Wanted
from integration.stages.entries import GateResult
from integration.stages.file.mappings import Level
from integration.stages.rules.gate import is_open, leaves
from integration.web.entrance.visitors import Visitor, current
from integration.web.pages.books import Books
from integration.web.pages.shown import Shown, page

PER_COLUMN = 25
PER_LIST = 100  # where one stage is looked at alone
CLOSED_FOR = timedelta(days=30)  # so long a closed issue stays on the board
_VERSION = "as-it-stands"  # in the template: what the browser tells us that it has
_ALWAYS = {"hold": "on hold", "needs-work": "needs work"}  # gates that are there without a rule
ONLY = {
    "mine": "waiting for me",
    "blocked": "blocked",
    "asked": "asked for",
    "disagree": "sources disagree",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A stage's cards. `count` is of all of them, also of those that are not shown."""

    stage: str | None
    name: str
    hue: str
    count: int
    features: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class Chip:
    """What a request waits for, in a word or two."""

    says: str
    kind: str  # party, time, open, unknown, bad


def show(books: Books) -> Response:
    """The page; or, where the page itself asks for news of the board, that part of it."""
    shown, visitor = Shown.of(books), current()
    wanted = _wanted(shown, visitor)
    columns = tuple(_columns(books, shown, wanted, visitor))
    part = render_template(
        "board_part.html", shown=shown, columns=columns, chips=chips, progress=progress, wanted=wanted, asked=_asked(),
        per=_per(wanted), offset=_offset(), behind=_behind(books),
    )  # fmt: skip
    version = hashlib.sha256(part.encode()).hexdigest()[:16]
    part = part.replace(_VERSION, version, 1)
    if request.headers.get("HX-Request") == "true":
        return _news(part, version)
    return make_response(
        page(
            "board.html", books, shown=shown, part=part, asked=_asked(), only=ONLY, wanted=wanted,
            places=[(one, place_name(one)) for one in books.ledger.board.places(visitor.places)],
            owners=[(one, one) for one in books.ledger.board.owners(visitor.places)],
        )
    )  # fmt: skip


def _behind(books: Books) -> str:
    """Why what is shown may be older than it looks; empty where somebody works, as far as is known."""
    looked = books.behind()
    return "".join(looked.found) if looked else ""


def place_name(place: str) -> str:
    """`github:acme/app` as people say it: acme/app; `jira:main/APP`: APP."""
    return place.partition(":")[2] if place.startswith("github:") else place.rpartition("/")[2]


def _news(part: str, version: str) -> Response:
    """The board alone; nothing where it is as it was."""
    if request.headers.get("If-None-Match") == version:
        return Response(status=204)
    answer = make_response(part)
    if request.headers.get("HX-Trigger") == "filters":
        answer.headers["HX-Push-Url"] = f"/?{_asked()}" if _asked() else "/"
    return answer


def _wanted(shown: Shown, visitor: Visitor) -> Wanted:
    asked, only = request.args, request.args.getlist("only")
    return Wanted(
        stage=asked.get("stage", ""),
        place=asked.get("place", ""),
        party=asked.get("party", ""),
        owner=asked.get("owner", ""),
        label=asked.get("label", "").strip(),
        blocked="blocked" in only,
        asked="asked" in only,
        disagrees="disagree" in only,
        awaits=tuple(sorted(visitor.parties)) or ("",) if "mine" in only else (),
        text=asked.get("q", "").strip()[:200],
        closed_since=None if "closed" in asked else shown.now - CLOSED_FOR,
    )


def _asked() -> str:
    """What narrows the board, as it stands in the address."""
    kept = ("q", "stage", "place", "party", "owner", "label", "only", "closed", "from")
    return urlencode([(name, one) for name in kept for one in request.args.getlist(name) if one.strip()])


def _offset() -> int:
    return min(request.args.get("from", 0, type=int), 1_000_000) if request.args.get("stage") else 0


def _per(wanted: Wanted) -> int:
    return PER_LIST if wanted.stage else PER_COLUMN


def _columns(books: Books, shown: Shown, wanted: Wanted, visitor: Visitor) -> Iterator[Column]:
    """Of the stages; then of what stands in none, where there is any: somebody has asked for a stage from there."""
    board = books.ledger.board
    counts = board.counts(wanted, visitor.places)
    stages = [one for one in shown.stages if wanted.stage in ("", one)]
    stages += [one for one in counts if one and one not in shown.stages and wanted.stage in ("", one)]
    for stage in stages:
        of_stage = replace(wanted, stage=stage)
        found = board.features(of_stage, visitor.places, _per(wanted), max(0, _offset())) if counts.get(stage) else ()
        yield Column(stage, shown.stage(stage), shown.hue(stage), counts.get(stage, 0), found)
    if not wanted.stage and (outside := board.outside(wanted, visitor.places, PER_COLUMN)):
        yield Column(None, "In no stage", "s-none", len(outside), outside)


# --- what a card tells ------------------------------------------------------------------------------------------------


def progress(feature: Feature) -> tuple[int, int]:
    """How many of the gates before the wanted stage are open, and how many there are."""
    gates = _told(feature)
    return sum(map(is_open, gates)), len(gates)


def chips(feature: Feature, shown: Shown) -> tuple[Chip, ...]:
    """What the request waits for: parties first, then time, then whoever asked."""
    found = dict.fromkeys(Chip(shown.party(party), "party") for party in feature.awaited)
    shut = [gate for gate in _told(feature) if not is_open(gate)]
    halted = [Chip(_ALWAYS[gate.rule], "bad") for gate in shut if gate.rule in _ALWAYS]
    of_rules = (chip for gate in shut if gate.rule not in _ALWAYS for chip in _of(gate, shown))
    found |= dict.fromkeys(chip for chip in of_rules if chip.kind != "open" or not halted)  # it says why
    return (*dict.fromkeys(halted), *found)


def _of(gate: GateResult, shown: Shown) -> Iterator[Chip]:
    for finding in (leaf for one in gate.findings for leaf in leaves(one)):
        if finding.ok is None:
            yield Chip("could not be read", "unknown")
        elif finding.look_again_at:
            yield Chip(f"opens {shown.soon(finding.look_again_at)}", "time")
        elif finding.party:
            yield Chip(shown.party(finding.party), "party")
        else:
            yield Chip(gate.rule, "open")


def _told(feature: Feature) -> list[GateResult]:
    """The gates that people are told of."""
    return [gate for gate in feature.seen.gates if gate.level != Level.OBSERVE] if feature.wanted else []
