"""The shape of a text, and how each tracker writes it. What we quote can mention, link and format nothing.

A `Text` is built by `words.py` out of the pieces below and written out by `markdown()` for GitHub and `wiki()` for
Jira (wiki markup, API v2).
"""

from __future__ import annotations

from dataclasses import dataclass


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
