"""What people write into an issue, in Markdown or wiki markup: sections, tick boxes, fields, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from integration.stages.file import mappings as m
from integration.stages.model import Issue, Related

_HEADING = re.compile(r"(?:(?P<hashes>#{1,6})[ \t]+|h(?P<level>[1-6])\.)(?P<title>.*)")
_EMPTY = re.compile(r"^\W*(?:(?:_?no response_?|tbd|todo|tba|n/?a|none yet)\W*)?$", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BOX = re.compile(r"^[ \t]*(?:[-*+#]|\d{1,9}\.)[ \t]*\[(?P<tick>[ xX])\](?P<text>.*)$", re.MULTILINE)
_FENCE = re.compile(r"^[ ]{0,3}(?P<fence>`{3,}|~{3,})(?P<more>.*)$")
_JIRA_BLOCK = re.compile(r"\{(code|noformat)(?::[^{}\n]{0,200})?\}", re.IGNORECASE)
_JIRA_INLINE = re.compile(r"\{\{[^{}\n]*\}\}")
_TICKS = re.compile(r"`+")
_BLANK = re.compile(r"\n[ \t]*\n")
_ADDRESS = re.compile(r"https?://[^\s<>\"'`|\\^{}\[\]]+", re.IGNORECASE)
_TAIL = ".,;:!?*_~"


def section(body: str, title: str) -> str | None:
    """The text under a heading (Markdown or wiki markup) up to the next of its level; None where there is none."""
    lines = _COMMENT.sub("", body).splitlines()
    depth, found = 0, None
    for line in lines:
        level, heading = _heading(line)
        if found is None:
            if level and heading.strip(" *_:").casefold() == title.strip().casefold():
                depth, found = level, list[str]()
        elif level and level <= depth:
            break
        else:
            found.append(line)
    return None if found is None else "\n".join(found).strip()


def _heading(line: str) -> tuple[int, str]:
    """Its level and its title; 0 where the line is none."""
    found = _HEADING.match(line)
    if not found or not (title := found["title"].strip()):
        return 0, ""
    return (len(found["hashes"]), title.rstrip("#").rstrip()) if found["hashes"] else (int(found["level"]), title)


def is_filled(text: str) -> bool:
    """Does it say anything, beside TBD and the like?"""
    return any(not _EMPTY.match(line) for line in text.splitlines())


def field_of(issue: Issue, name: str) -> str:
    """What a Jira field holds; capitals in its name do not count. Empty where there is no such field."""
    if name in issue.fields:
        return issue.fields[name]
    return next((text for key, text in issue.fields.items() if key.casefold() == name.casefold()), "")


@dataclass(frozen=True, slots=True)
class Box:
    """One tick box of a list."""

    text: str
    ticked: bool


def boxes(body: str, under: str | None) -> list[Box]:
    """The tick boxes under a heading, or of the whole text."""
    text = section(body, under) if under else _COMMENT.sub("", body)
    return [Box(one["text"].strip(), one["tick"] != " ") for one in _BOX.finditer(text or "")]


# --- what is no code ------------------------------------------------------------------------------------------------


def _prose(body: str) -> str:
    """The body without hidden comments and code. One pass each, as a body may hold anything, many times."""
    text = _outside_blocks(_outside_fences(_COMMENT.sub("", body)))
    return "\n\n".join(_outside_ticks(each) for each in _BLANK.split(_JIRA_INLINE.sub(" ", text)))


def _outside_fences(text: str) -> str:
    kept, fence = list[str](), ""
    for line in text.splitlines():
        found = _FENCE.match(line)
        if not fence and found and not (found["fence"][0] == "`" and "`" in found["more"]):
            fence = found["fence"]
        elif not fence:
            kept.append(line)
        elif found and found["fence"].startswith(fence) and not found["more"].strip():
            fence = ""
    return "\n".join(kept)


def _outside_blocks(text: str) -> str:
    """Without Jira's {code} and {noformat}; each ends with its like, or with the text."""
    kept, at, inside = list[str](), 0, ""
    for found in _JIRA_BLOCK.finditer(text):
        if not inside:
            kept.append(text[at : found.start()])
            inside = found[1].casefold()
        elif found[0].casefold() == f"{{{inside}}}":
            at, inside = found.end(), ""
    return " ".join(kept if inside else [*kept, text[at:]])


def _outside_ticks(paragraph: str) -> str:
    """Without code between backticks: it ends with as many of them as it began."""
    runs = list(_TICKS.finditer(paragraph))
    closing: dict[int, int] = {}  # index of a run -> index of the next of its length
    last: dict[int, int] = {}
    for index in reversed(range(len(runs))):
        length = len(runs[index][0])
        if length in last:
            closing[index] = last[length]
        last[length] = index
    kept, at, index = list[str](), 0, 0
    while index < len(runs):
        if index in closing:
            kept.append(paragraph[at : runs[index].start()])
            index = closing[index]
            at = runs[index].end()
        index += 1
    return " ".join([*kept, paragraph[at:]])


# --- addresses ------------------------------------------------------------------------------------------------------


def addresses(issue: Issue) -> Iterator[str]:
    """Those that the body names, outside of comments and code, and those in Jira's fields."""
    for text in (_prose(issue.body), *issue.fields.values()):
        yield from (_trimmed(found[0]) for found in _ADDRESS.finditer(text))


def _trimmed(address: str) -> str:
    """The address without the sentence around it: a bracket that it did not open, a full stop."""
    end, spare = len(address), address.count(")") - address.count("(")
    while end and (address[end - 1] in _TAIL or (address[end - 1] == ")" and spare > 0)):
        spare -= address[end - 1] == ")"
        end -= 1
    return address[:end]


def fitting(issue: Issue, kind: m.Links) -> Iterator[str]:
    """The addresses of that kind: in the text, in a field, or of what the tracker shows as tied to the issue."""
    yield from (one for one in addresses(issue) if _fits(one, kind.urls))
    yield from (one.url for one in issue.related or () if one.url and _is_of(one, kind))


def _is_of(related: Related, kind: m.Links) -> bool:
    return _fits(related.url, kind.urls) or related.via.casefold() in {one.casefold() for one in kind.types}


def _fits(address: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(address.casefold(), pattern.casefold()) for pattern in patterns)


def cut(words: str, most: int) -> str:
    """So many letters at most, the last one "…" where some are missing."""
    return words if len(words) <= most else f"{words[: most - 1].rstrip()}…"
