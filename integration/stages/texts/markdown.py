"""A `Text` as GitHub Markdown, so that only what we mean as a mention, a link or a format is one.

GitHub reads a comment in two steps. Markdown comes first: entities and backslashes keep plain words out of it. Then
the text that is left is searched for mentions, numbers, commits, addresses and emoji: an invisible word joiner in each
place where one would begin stops that, and leaves the words as readable as they were.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from urllib.parse import quote

from integration.stages.texts.addresses import of_the_web
from integration.stages.texts.markup import (
    Block,
    Bold,
    Code,
    Heading,
    Items,
    Line,
    Link,
    Mention,
    Paragraph,
    Piece,
    Quoted,
    Small,
    Text,
)

JOINER = "\u2060"

_DROPPED = frozenset({"Cc", "Cs"})  # control characters and halves of characters
_TURNING = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
)  # change direction
_LETTERS = {
    **{sign: f"\\{sign}" for sign in "\\*_[]~|"},
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    "`": "&#96;",
    "$": "&#36;",
}
_BEGINNINGS = re.compile(
    r"""[@\#]                              # @sam, #12, acme/app#12, sam@example.org
      | :(?=\S)                            # https://, mailto:, :tada:
      | (?<![^\W_])www(?=\.)               # www.example.org
      | (?<=[^\W\d_])-(?=\d)               # GH-12, and the prefixes that a repository may link
      | (?<![^\W_])(?:GHSA|CVE)(?=-)       # advisories
      | [0-9a-f]{6}(?=[0-9a-f])            # a commit, whole or shortened
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LIST_OR_RULE = re.compile(r"^(?:(?P<bullet>[-+=])|(?P<number>\d{1,9})(?=[.)]))")
_HANDLE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]*(?:\[bot\])?(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?$")
_BREAKS = re.compile(r"(?:[\w/@.&+`-]|&amp;|&#96;)$")
_LENGTHENS = re.compile(r"\\?[\w/@`-]|&#96;|\.+\w")
_KEPT_IN_URLS = ":/?#@!$&+,;=%~-._"


def markdown(text: Text) -> str:
    """Write the text as GitHub Markdown."""
    return "\n\n".join(written for block in text if (written := _block(block)))


def _block(block: Block) -> str:
    match block:
        case Items():
            return _items(block)
        case Heading():
            return _around("### ", _line(block.line), "")
        case Small():
            return _around("<sub>", _line(block.line), "</sub>")
        case Paragraph():
            return _line(block.line)


def _around(before: str, line: str, after: str) -> str:
    return f"{before}{line}{after}" if line else ""


def _items(block: Items) -> str:
    """One line for each; an item is never deeper than one step below the one before, or it would be no item."""
    lines, depth = [], -1
    for item in block.items:
        depth = min(max(item.depth, 0), depth + 1)
        box = "" if item.done is None else "[x] " if item.done else "[ ] "
        lines.append(f"{'  ' * depth}- {box}{_line(item.line)}".rstrip())
    return "\n".join(lines)


def _line(line: Line) -> str:
    """One line of Markdown. Plain pieces that touch are read as one, so that no link can arise where they meet."""
    out, mentioned = "", False
    for plain, group in groupby(line, key=lambda piece: isinstance(piece, str | Quoted)):
        pieces = list(group)
        for piece in ["".join(map(_words, pieces))] if plain else pieces:
            mention = isinstance(piece, Mention)
            out = _meet(out, _piece(piece), mentioned, mention)
            mentioned = mention
    return _LIST_OR_RULE.sub(_as_words, out.strip(" "))


def _words(piece: Piece) -> str:
    return piece if isinstance(piece, str) else piece.text if isinstance(piece, Quoted) else ""


def _as_words(found: re.Match[str]) -> str:
    """What would begin a list or a rule at the start of a line, as plain words."""
    return f"\\{found['bullet']}" if found["bullet"] else f"{found['number']}\\"


def _meet(before: str, after: str, mention_before: bool, mention_after: bool) -> str:
    """Two written pieces side by side: words neither break nor lengthen a mention, and "!" makes no image of a link."""
    if (mention_after and _BREAKS.search(before)) or (mention_before and _LENGTHENS.match(after)):
        return f"{before}{JOINER}{after}"
    if before.endswith("!") and after.startswith("["):
        return f"{before[:-1]}\\!{after}"
    return before + after


def _piece(piece: Piece) -> str:
    match piece:
        case Bold(text):
            return _around("**", inert(text).strip(" "), "**")
        case Code(text):
            return _code(text)
        case Link(text, url):
            safe = _address(url)
            return f"[{inert(text).strip(' ')}]({safe})" if safe else inert(text)
        case Mention(handle):
            return f"@{handle}" if _HANDLE.match(handle) else inert(f"@{handle}")
        case Quoted(text):
            return inert(text)
        case str():
            return inert(piece)


def inert(words: str) -> str:
    """Plain words that mention, link and format nothing, on one line. They need not start the line."""
    joined = _BEGINNINGS.sub(lambda found: f"{found[0]}{JOINER}", readable(words))
    return "".join(_LETTERS.get(letter, letter) for letter in joined)


def readable(words: str) -> str:
    """On one line, without HTML comments and without what cannot be seen but does something."""
    one_line = re.sub(r"\s", " ", words)
    seen = "".join(
        letter for letter in one_line if letter not in _TURNING and unicodedata.category(letter) not in _DROPPED
    )
    return re.sub(" +", " ", _without_comments(seen))


def _without_comments(words: str) -> str:
    kept, rest = [], words
    while (start := rest.find("<!--")) >= 0 and (end := rest.find("-->", start + 4)) >= 0:
        kept.append(rest[:start])
        rest = rest[end + 3 :]
    return "".join([*kept, rest])


def _code(text: str) -> str:
    """Typewriter letters, in a fence that is longer than any inside."""
    words = readable(text).strip(" ")
    if not words:
        return ""
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", words)), default=0))
    room = " " if "`" in (words[0], words[-1]) else ""
    return f"{fence}{room}{words}{room}{fence}"


def _address(url: str) -> str:
    """The address as it may stand in a link; empty when it is not plainly one of the web."""
    address = url.strip()
    return quote(address, safe=_KEPT_IN_URLS).replace("&", "&amp;") if of_the_web(address) else ""
