"""Writes a `Text` as Jira wiki markup (API v2), so that what we quote can mention, link and format nothing.

Two means make a text inert. Where one sign alone starts a format, a backslash takes that from it. Where it takes
several signs in a row (`https://`, `APP-7`, `:)`, `??`, `&lt;`), an invisible word joiner parts them, which holds for
every renderer: Data Center's, Cloud's conversion, and the mail that is sent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final
from urllib.parse import quote

from integration.stages.texts.addresses import of_the_web, unbroken
from integration.stages.texts.markup import (
    Block,
    Bold,
    Code,
    Heading,
    Item,
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

JOINER: Final = "\u2060"
GREY: Final = "#6b778c"

_ALONE = frozenset("*_+^~!|[]{}")  # each starts or ends a format by itself
_IN_A_ROW = frozenset(":;(?&@#")  # harmless as soon as the next sign is kept apart
_DROPPED = frozenset("\u061c\u200b\u200e\u200f\u2060\ufeff") | {
    chr(code) for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
}
_LINE_START = re.compile(r"(?:[*#-]+\s|h[1-6]\.|bq\.|\||-{4,})")
ACCOUNT_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z:_-]*")
_USER_NAME = re.compile(r"[^\s\[\]{}|\\^~!][^\[\]{}|\\^!\x00-\x1f]*")
_IN_LINK = str.maketrans({"[": "(", "]": ")", "|": "¦"})


def wiki(text: Text, cloud: bool) -> str:
    """Write it. `cloud` decides how people are mentioned: by account id, or by user name on Data Center."""
    return "\n\n".join(written for block in text if (written := _block(block, cloud)))


def _block(block: Block, cloud: bool) -> str:
    if isinstance(block, Items):
        return "\n".join(_item(item, cloud) for item in block.items)
    line = _line(block.line, cloud)
    if not line or isinstance(block, Paragraph):
        return line
    if isinstance(block, Heading):
        return f"h3. {line}"
    # Wiki markup knows no small print; grey is what both renderers show.
    assert isinstance(block, Small)  # noqa: S101
    return f"{{color:{GREY}}}{line}{{color}}"


def _item(item: Item, cloud: bool) -> str:
    # Boxes, not (/) and (x): a red cross reads as a failure where something is only still awaited.
    box = "" if item.done is None else "☑ " if item.done else "☐ "
    return f"{'*' * (item.depth + 1)} {box}{_line(item.line, cloud)}"


def _line(line: Line, cloud: bool) -> str:
    written = ""
    for piece in line:
        part = _piece(piece, cloud)
        # A bold word directly behind a letter would not be bold, but two asterisks.
        apart = part and written and (isinstance(piece, Bold) and written[-1].isalnum())
        apart = apart or (part and written.endswith("*") and part[0].isalnum())
        written += JOINER + part if apart else part
    written = written.strip()
    return JOINER + written if _LINE_START.match(written) else written


def _piece(piece: Piece, cloud: bool) -> str:
    match piece:
        case str():
            return _escaped(piece, inert=False)
        case Quoted(text):
            return quoted(text)
        case Bold(text):
            bold = _escaped(text, inert=False).strip()
            return f"*{bold}*" if bold else ""
        case Code(text):
            return _code(text)
        case Link(text, url):
            return _link(text, url)
        case Mention(handle):
            return _mention(handle, cloud)


def quoted(text: str) -> str:
    """Somebody else's words as one line of plain text; a joiner at either end keeps neighbours from completing it."""
    inert = _escaped(text, inert=True)
    return f"{JOINER}{inert}{JOINER}" if inert else ""


def _code(text: str) -> str:
    """In typewriter letters. Joiners are spared, as people copy commands out of it."""
    inert = _escaped(text, inert=True)
    if not inert:
        return ""
    return f"{{{{{JOINER if inert[0] == chr(92) else ''}{inert}{JOINER if inert[-1] in '{}' else ''}}}}}"


def _link(text: str, url: str) -> str:
    address = _safe(url)
    words = _escaped(text.translate(_IN_LINK), inert=True)
    if not address:
        return quoted(text)
    return f"[{words}|{address}]" if words else f"[{address}]"


def _safe(url: str) -> str:
    """The address, if it is one that may be linked, without the signs that end a link."""
    parts = of_the_web(url) if unbroken(url) else None
    return quote(url, safe="%/:=&?~#+-._,;$@") if parts and "[" not in parts.netloc else ""


def _mention(handle: str, cloud: bool) -> str:
    if cloud and ACCOUNT_ID.fullmatch(handle):
        return f"[~accountid:{handle}]"
    if not cloud and _USER_NAME.fullmatch(handle):
        return f"[~{handle}]"
    return quoted(handle)


def _escaped(text: str, inert: bool) -> str:
    """Plain text, in one line. Only our own words (not `inert`) may hold an issue's key that Jira makes a link of."""
    signs = one_line(text)
    if inert:
        signs = signs.strip()
    return "".join(_sign(signs, place, inert) for place in range(len(signs)))


def one_line(text: str) -> str:
    """White space becomes a blank; control signs, bidi overrides and our joiner are dropped."""
    return "".join(_cleaned(text))


def _cleaned(text: str) -> Iterator[str]:
    blank = False
    for sign in text:
        if sign.isspace():
            if not blank:
                yield " "
            blank = True
        elif sign not in _DROPPED and unicodedata.category(sign) not in ("Cc", "Cs"):
            yield sign
            blank = False


def _sign(signs: str, place: int, inert: bool) -> str:
    """One sign of the text, written so that it stands for itself."""
    sign, before, after = signs[place], signs[place - 1 : place], signs[place + 1 : place + 2]
    if sign == "-":
        return _dash(before, after, inert)
    if sign in _ALONE:
        return f"\\{sign}{JOINER}" if sign in "[{" else f"\\{sign}"
    if sign == "\\":
        return sign + JOINER
    if sign == ".":
        return JOINER + sign if signs[max(0, place - 3) : place].lower() == "www" else sign
    if sign == ":" and before.isalnum() and after != " ":
        return JOINER + sign + JOINER  # a renderer may take anything behind `mailto:` for an address
    return sign if sign not in _IN_A_ROW or after in ("", " ") else sign + JOINER


def _dash(before: str, after: str, inert: bool) -> str:
    if not (before.isalnum() and after.isalnum()):
        return "\\-"
    return f"-{JOINER}" if inert and after.isdigit() else "-"
