"""Documents (ADF), as Jira Cloud's REST API v3 takes and gives comments: checked, and turned into markup and back.

What is kept of a comment is the wiki markup that v2 reads. Signs of a text that the renderer of this sandbox would take
for a format are escaped in it; where no backslash helps, an invisible word joiner keeps them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

Node = Mapping[str, Any]

_JOINER = "\u2060"
_LISTS = ("bulletList", "orderedList")
_IN_ENTRIES = ("paragraph", *_LISTS, "codeBlock")
_BLOCKS = ("paragraph", "heading", "blockquote", "rule", "panel", *_IN_ENTRIES)
_INLINE = ("text", "mention", "hardBreak", "emoji", "inlineCard")
_INSIDE: Mapping[str, tuple[str, ...]] = {
    "doc": _BLOCKS,
    "paragraph": _INLINE,
    "heading": _INLINE,
    "bulletList": ("listItem",),
    "orderedList": ("listItem",),
    "listItem": _IN_ENTRIES,
    "blockquote": ("paragraph", *_LISTS, "codeBlock"),
    "panel": ("paragraph", "heading", *_LISTS),
    "codeBlock": ("text",),
}
_NEVER_EMPTY = (*_LISTS, "listItem", "blockquote", "panel")
_ATTRIBUTES: Mapping[str, Callable[[Node], bool]] = {
    "mention": lambda given: _filled(given.get("id")),
    "heading": lambda given: given.get("level") in range(1, 7),
    "emoji": lambda given: _filled(given.get("shortName")),
    "inlineCard": lambda given: _filled(given.get("url")),
}
_MARKS: Mapping[str, Callable[[Node], bool]] = {
    "strong": lambda _: True,
    "em": lambda _: True,
    "strike": lambda _: True,
    "underline": lambda _: True,
    "code": lambda _: True,
    "link": lambda given: bool(re.match(r"(?:https?|ftp)://[^/]|mailto:.|/|#", str(given.get("href")))),
    "textColor": lambda given: bool(re.fullmatch("#[0-9a-fA-F]{6}", str(given.get("color")))),
}
_WITH_CODE = {"code", "link"}


# -- checking --------------------------------------------------------------------------------------------------------


def fault(document: Any) -> str:
    """What Jira would not take of a document, by its place; empty where it is sound."""
    if not isinstance(document, Mapping) or document.get("version") != 1 or document.get("type") != "doc":
        return "it is no document of version 1"
    return _fault(document, "doc")


def _fault(node: Node, place: str) -> str:
    kind, inside = node["type"], node.get("content", [])
    if extra := node.keys() - {"type", "content", "attrs", "text", "marks", *(("version",) if kind == "doc" else ())}:
        return f"{place} holds {min(extra)}"
    if kind in _ATTRIBUTES and not _ATTRIBUTES[kind](node.get("attrs") or {}):
        return f"{place} lacks attributes"
    if kind == "text":
        return _fault_of_text(node, place)
    if not isinstance(inside, list) or (inside and kind not in _INSIDE) or (not inside and kind in _NEVER_EMPTY):
        return f"{place} has not the content that it should have"
    for number, child in enumerate(inside):
        if not isinstance(child, Mapping) or child.get("type") not in _INSIDE[kind]:
            return f"{place}[{number}] may not stand there"
        if found := _fault(child, f"{place}[{number}].{child['type']}"):
            return found
    return f"{place} begins with a list" if kind == "listItem" and inside[0]["type"] in _LISTS else ""


def _fault_of_text(node: Node, place: str) -> str:
    marks = node.get("marks", [])
    if not _filled(node.get("text")):
        return f"{place} is empty"
    if not isinstance(marks, list) or not all(isinstance(one, Mapping) and one.get("type") in _MARKS for one in marks):
        return f"{place} has an unknown mark"
    names = [one["type"] for one in marks]
    if not all(_MARKS[one["type"]](one.get("attrs") or {}) for one in marks) or len(set(names)) < len(names):
        return f"{place} has a mark that makes no sense"
    if "code" in names and not set(names) <= _WITH_CODE:
        return f"{place} joins code with another mark"
    return f"{place} joins a colour with a link" if {"textColor", "link"} <= set(names) else ""


def _filled(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


# -- to markup -------------------------------------------------------------------------------------------------------


def to_wiki(document: Node) -> str:
    """A sound document as the wiki markup that v2 reads."""
    return "\n\n".join(written for block in document["content"] if (written := _block(block)).strip())


def _block(node: Node) -> str:
    inside: list[Node] = node.get("content", [])
    match node["type"]:
        case "heading":
            return f"h{node['attrs']['level']}. {_line(inside)}"
        case "bulletList" | "orderedList":
            return "\n".join(_list(node, ""))
        case "codeBlock":
            return "{code}\n" + "".join(one["text"] for one in inside) + "\n{code}"
        case "rule":
            return "----"
        case "blockquote" | "panel" as kind:
            macro = "quote" if kind == "blockquote" else "panel"
            return f"{{{macro}}}\n" + "\n\n".join(_block(one) for one in inside) + f"\n{{{macro}}}"
    line = _line(inside)
    return _JOINER + line if re.match(r"h[1-6]\.|bq\.", line) else line


def _list(node: Node, signs: str) -> Iterable[str]:
    signs += "*" if node["type"] == "bulletList" else "#"
    for entry in node["content"]:
        first, *rest = entry["content"]
        yield f"{signs} {_block(first)}"
        for child in rest:
            yield from _list(child, signs) if child["type"] in _LISTS else [_block(child)]


def _line(nodes: Iterable[Node]) -> str:
    """One line; neighbours of one colour are one coloured run."""
    written = ""
    for colour, run in groupby(nodes, key=_colour):
        inside = ""
        for node in run:
            part = _inline(node)
            touching = part and inside and ((inside[-1].isalnum() and part[0] in "*_-+") or
                                            (inside[-1] in "*_-+" and part[0].isalnum()))  # fmt: skip
            inside += _JOINER + part if touching else part
        written += f"{{color:{colour}}}{inside}{{color}}" if colour else inside
    return written


def _colour(node: Node) -> str:
    return next((str(one["attrs"]["color"]) for one in node.get("marks", ()) if one["type"] == "textColor"), "")


def _inline(node: Node) -> str:
    match node["type"]:
        case "mention":
            return f"[~accountid:{node['attrs']['id']}]"
        case "hardBreak":
            return "\n"
        case "emoji":
            return escaped(str(node["attrs"].get("text") or node["attrs"]["shortName"]))
        case "inlineCard":
            return f"[{node['attrs']['url']}]"
    marks = {one["type"]: one.get("attrs") or {} for one in node.get("marks", ())}
    words = escaped(node["text"].replace("|", "¦") if "link" in marks else node["text"])
    if "code" in marks:
        inner = words.strip()
        words = f"{{{{{_JOINER if inner[:1] == chr(92) else ''}{inner}{_JOINER if inner[-1:] in '{}' else ''}}}}}"
    for name, sign in (("strong", "*"), ("em", "_"), ("strike", "-"), ("underline", "+")):
        if name in marks and words.strip():
            words = re.sub(r"^(\s*)(.*?)(\s*)$", rf"\1{sign}\2{sign}\3", words, flags=re.S)
    if "link" in marks:
        return f"[{words}|{marks['link']['href'].translate(_IN_ADDRESS)}]"
    return words


_IN_ADDRESS = str.maketrans({"|": "%7C", "[": "%5B", "]": "%5D", " ": "%20"})


def escaped(text: str) -> str:
    """Plain words as markup that shows just them."""
    return "".join(_sign(text, place) for place in range(len(text)))


def _sign(text: str, place: int) -> str:
    sign, before, after = text[place], text[place - 1 : place], text[place + 1 : place + 2]
    if sign in "*_+^~!|[]{}":
        return f"\\{sign}{_JOINER}" if sign in "[{" else f"\\{sign}"
    if sign == "-":
        inner = before.isalnum() and after.isalnum()
        return (f"-{_JOINER}" if after.isdigit() else "-") if inner else "\\-"
    if sign == "\\" or (sign in ":;(?&" and not after.isspace()):
        return (_JOINER if sign == ":" and before.isalnum() else "") + sign + _JOINER
    return sign if sign != "#" or place else f"\\{sign}"


# -- back ------------------------------------------------------------------------------------------------------------


def from_wiki(text: str) -> dict[str, Any]:
    """Markup as a document that shows it: its lines as paragraphs, and of all formats only mentions."""
    return {"version": 1, "type": "doc", "content": [
        {"type": "paragraph", "content": list(_pieces(line))} for line in text.split("\n")
    ]}  # fmt: skip


def _pieces(line: str) -> Iterable[dict[str, Any]]:
    for number, part in enumerate(re.split(r"(?<!\\)\[~accountid:([^\]|]+)\]", line)):
        if number % 2:
            yield {"type": "mention", "attrs": {"id": part, "text": ""}}
        elif part:
            yield {"type": "text", "text": part}
