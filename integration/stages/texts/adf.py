"""A `Text` as an Atlassian Document Format document, which Jira Cloud's REST API v3 takes for a comment.

A document is a tree, so words are never parsed: what we quote is a text node, which can mention, link and format
nothing. What is left to mind is the schema: a text is never empty, `code` stands alone, a colour goes with neither code
nor link, and a list is nested inside an entry of the list above.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
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
from integration.stages.texts.wiki import ACCOUNT_ID, GREY, one_line

Node = dict[str, Any]

_KEPT_IN_URLS: Final = "%/:=&?~#+-._,;$@!'()*[]"
_GREY: Final[Node] = {"type": "textColor", "attrs": {"color": GREY}}


def adf(text: Text) -> Node:
    """Write the whole document."""
    return {"version": 1, "type": "doc", "content": [node for block in text if (node := _block(block))]}


def _block(block: Block) -> Node | None:
    match block:
        case Items(items):
            return _lists(items)
        case Heading(line):
            inside, extra = _line(line), {"attrs": {"level": 3}}
            return {"type": "heading", **extra, "content": inside} if inside else None
        case Small(line):
            inside = _line(line, _GREY)
        case Paragraph(line):
            inside = _line(line)
    return {"type": "paragraph", "content": inside} if inside else None


def _lists(items: tuple[Item, ...]) -> Node | None:
    """Lists in lists; an item is never deeper than one step below the one before, or it would stand in nothing."""
    open_lists: list[list[Node]] = [[]]
    for item in items:
        depth = min(max(item.depth, 0), len(open_lists) if open_lists[-1] else 0)
        if depth == len(open_lists):
            below: list[Node] = []
            open_lists[-1][-1]["content"].append({"type": "bulletList", "content": below})
            open_lists.append(below)
        del open_lists[depth + 1 :]
        open_lists[depth].append({"type": "listItem", "content": [{"type": "paragraph", "content": _entry(item)}]})
    return {"type": "bulletList", "content": open_lists[0]} if open_lists[0] else None


def _entry(item: Item) -> list[Node]:
    # Boxes as signs: task lists keep a state of their own, and a comment may not hold them everywhere.
    box = "" if item.done is None else "☑ " if item.done else "☐ "
    return _line((box, *item.line))


def _line(line: Line, *marks: Node) -> list[Node]:
    """The nodes of one line, without blanks at its ends; neighbours that look alike are one."""
    nodes: list[Node] = []
    for node in (node for piece in line for node in _piece(piece, marks)):
        if nodes and "text" in node and "text" in nodes[-1] and node.get("marks") == nodes[-1].get("marks"):
            node = {**node, "text": one_line(nodes.pop()["text"] + node["text"])}
        nodes.append(node)
    return _trimmed(nodes)


def _trimmed(nodes: list[Node]) -> list[Node]:
    for end, strip in ((0, str.lstrip), (-1, str.rstrip)):
        while nodes and "text" in nodes[end]:
            if left := strip(nodes[end]["text"]):
                nodes[end] = {**nodes[end], "text": left}
                break
            del nodes[end]
    return nodes


def _piece(piece: Piece, marks: tuple[Node, ...]) -> Iterator[Node]:
    match piece:
        case Mention(handle) if ACCOUNT_ID.fullmatch(handle):
            yield {"type": "mention", "attrs": {"id": handle}}  # without a name: Jira puts in the one of today
        case Mention(handle):
            yield from _words(one_line(handle).strip(), *marks)
        case Bold(words):
            yield from _words(one_line(words).strip(), {"type": "strong"}, *marks)
        case Code(words):
            yield from _words(one_line(words).strip(), {"type": "code"})
        case Link(words, url):
            address = _address(url)
            shown = one_line(words).strip() or address
            link = ({"type": "link", "attrs": {"href": address}},) if address else marks
            yield from _words(shown, *link)
        case Quoted(words):
            yield from _words(one_line(words).strip(), *marks)
        case str():
            yield from _words(one_line(piece), *marks)


def _words(words: str, *marks: Node) -> Iterator[Node]:
    """One text node, or none where there is nothing to be seen."""
    if words:
        yield {"type": "text", "text": words} | ({"marks": list(marks)} if marks else {})


def _address(url: str) -> str:
    """The address as a link may hold it; empty where it is not plainly one of the web."""
    return quote(url, safe=_KEPT_IN_URLS) if unbroken(url) and of_the_web(url) else ""
