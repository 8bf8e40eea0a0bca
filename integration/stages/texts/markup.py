"""The shape of a text, and how each tracker writes it. What we quote can mention, link and format nothing.

A `Text` is built by `words.py` out of the pieces below and written out by `markdown()` for GitHub and `wiki()` for
Jira (wiki markup, API v2; a document, API v3). Trackers refuse what is too long: `fitted` shortens it before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from types import UnionType

from integration.stages.rules.sections import cut


@dataclass(frozen=True, slots=True)
class Quoted:
    """Somebody else's words (a title, a reason), shown as plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bold:
    """Our own words, in bold."""

    text: str


@dataclass(frozen=True, slots=True)
class Code:
    """A command, a rule's id, a label's name: in typewriter letters."""

    text: str


@dataclass(frozen=True, slots=True)
class Link:
    """A link with our words on it; only http and https addresses are written as one."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A mention that is meant to reach somebody: a login, `org/team`, or a Jira account."""

    handle: str


Piece = str | Quoted | Bold | Code | Link | Mention
Line = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph."""

    line: Line


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list. `done` None is a bullet; else a tick box that is ticked or open. `depth` nests it."""

    line: Line
    done: bool | None = None
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Heading:
    """A small heading."""

    line: Line


@dataclass(frozen=True, slots=True)
class Small:
    """A last line in small print."""

    line: Line


Block = Paragraph | Items | Heading | Small
Text = tuple[Block, ...]


# --- what is too long for a comment ---------------------------------------------------------------------------------

_ADDS = {str: 32, Quoted: 34, Bold: 70, Code: 72, Link: 110, Mention: 80}  # what a writer puts around a piece, at most
_ADDS_IN_SMALL, _ADDS_TO_A_BLOCK, _ADDS_TO_AN_ITEM = 80, 80, 160
_PLAIN = re.compile(r"[A-Za-z0-9 ]")
_PLAIN_IN_URLS = re.compile(r"[A-Za-z0-9/:?=._~#+,;@$%-]")
_QUOTES = (200, 60, 20)  # letters that are left of somebody else's words
_OURS, _ADDRESS = 200, 1000


def fitted(text: Text, most: int) -> Text:
    """The text, or as much of it as surely fits in so many letters, whoever writes it.

    Quotes are cut first, then lists. Headings, mentions outside of lists, and the next step stay.
    """
    if _room(text) <= most:
        return text
    short = text
    for letters in _QUOTES:
        short = _with_fewer_items(tuple(_cut_block(block, letters, Quoted) for block in text), most)
        if _room(short) <= most:
            return short
    return _with_fewer_blocks(tuple(_cut_block(block, _OURS, str | Bold | Code | Link) for block in short), most)


def _cut_block(block: Block, most: int, kinds: type | UnionType) -> Block:
    if isinstance(block, Items):
        return Items(tuple(replace(item, line=_cut_line(item.line, most, kinds)) for item in block.items))
    return replace(block, line=_cut_line(block.line, most, kinds))


def _cut_line(line: Line, most: int, kinds: type | UnionType) -> Line:
    return tuple(_cut_piece(piece, most) if isinstance(piece, kinds) else piece for piece in line)


def _cut_piece(piece: Piece, most: int) -> Piece:
    match piece:
        case str():
            return cut(piece, most)
        case Mention():
            return piece
        case Link(words, url) if len(url) > _ADDRESS:
            return Quoted(cut(words, most))
        case _:
            return replace(piece, text=cut(piece.text, most))


def _with_fewer_items(text: Text, most: int) -> Text:
    """Each list with as many items as fit; the shorter ones first, as what they do not need is the longer ones'."""
    kept = list(text)
    lists = [(_room_of_block(block), place) for place, block in enumerate(text) if isinstance(block, Items)]
    spare = most - _room(text) + sum(room for room, _ in lists)
    for left, (_, place) in zip(range(len(lists), 0, -1), sorted(lists), strict=True):
        kept[place] = _first_items(kept[place], spare // left)
        spare -= _room_of_block(kept[place])
    return tuple(kept)


def _first_items(block: Block, most: int) -> Block:
    """As many items as fit, and one that says how many are left out."""
    if not isinstance(block, Items) or not block.items or _room_of_block(block) <= most:
        return block
    room = most - _room_of_block(Items((_and_more(len(block.items)),)))
    fit = sum(used <= room for used in accumulate(map(_room_of_item, block.items)))
    return Items((*block.items[:fit], _and_more(len(block.items) - fit)))


def _and_more(count: int) -> Item:
    return Item((f"and {count} more",))


def _with_fewer_blocks(text: Text, most: int) -> Text:
    """Without the last of those that nobody needs in order to act."""
    kept = list(text)
    for place in range(len(kept) - 1, -1, -1):
        if _room(tuple(kept)) <= most:
            break
        if not _must_stay(kept[place]):
            del kept[place]
    return tuple(kept)


def _must_stay(block: Block) -> bool:
    if isinstance(block, Items):
        return False
    is_next = isinstance(block, Paragraph) and block.line[:1] == (Bold("Next:"),)
    return is_next or isinstance(block, Heading) or any(isinstance(piece, Mention) for piece in block.line)


def _room(text: Text) -> int:
    """So many letters are enough for the text, as Markdown, as wiki markup, and as a document in JSON."""
    return 60 + sum(map(_room_of_block, text))


def _room_of_block(block: Block) -> int:
    if isinstance(block, Items):
        return _ADDS_TO_A_BLOCK + sum(map(_room_of_item, block.items))
    small = _ADDS_IN_SMALL * len(block.line) if isinstance(block, Small) else 0
    return _ADDS_TO_A_BLOCK + small + sum(map(_room_of_piece, block.line))


def _room_of_item(item: Item) -> int:
    return _ADDS_TO_AN_ITEM + 2 * max(item.depth, 0) + sum(map(_room_of_piece, item.line))


def _room_of_piece(piece: Piece) -> int:
    match piece:
        case str():
            return _ADDS[str] + _room_of_words(piece)
        case Mention(handle):
            return _ADDS[Mention] + _room_of_words(handle)
        case Link(words, url):
            odd = len(url) - len(_PLAIN_IN_URLS.findall(url))  # `&amp;`, and up to four bytes as %XX
            return _ADDS[Link] + _room_of_words(words) + 2 * (len(url) + 11 * odd)
        case _:
            return _ADDS[type(piece)] + _room_of_words(piece.text)


def _room_of_words(words: str) -> int:
    """A sign may need `&#36;`, or `\\u2026` in JSON, one beyond the first plane two of those; a letter a joiner."""
    far = sum(sign > "\uffff" for sign in words)
    return 6 * len(words) - 4 * len(_PLAIN.findall(words)) + 6 * far


# --- phrases -----------------------------------------------------------------------------------------------------


def listed(lines: Sequence[Line], last: str = " and ") -> Line:
    """ "a, b and c"."""
    signs = [""] + [", "] * (len(lines) - 2) + [last] * (len(lines) > 1)
    return tuple(piece for sign, line in zip(signs, lines, strict=False) for piece in ((sign, *line) if sign else line))


def said(line: Line) -> str:
    """A line's words without any markup, for whoever shows them as text and nothing else."""
    return "".join(
        one if isinstance(one, str) else getattr(one, "text", "") or getattr(one, "handle", "") for one in line
    )


def joined(pieces: Sequence[Piece], between: str) -> Line:
    """The pieces with the same between each two."""
    return tuple(piece for n, one in enumerate(pieces) for piece in ((between, one) if n else (one,)))
