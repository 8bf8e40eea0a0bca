"""What can be said and done to an issue, as data: a plan lists it, and a job carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from integration.stages.entries import Intended
from integration.stages.model import Comment, Person
from integration.stages.texts.markup import Text

Why = Literal["told", "reminded", "escalated"]
"""What a comment of ours is for a party."""


@dataclass(frozen=True, slots=True)
class Say:
    """Post a comment. `tells` are the parties that it is a notice for, with the handles that it mentions."""

    key: str
    text: Text
    token: str
    stage: str = ""
    tells: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Edit:
    """Bring a comment of our own up to date."""

    key: str
    comment: str
    text: Text
    token: str
    digest: str


@dataclass(frozen=True, slots=True)
class React:
    """Answer a comment with a sign."""

    key: str
    comment: str
    sign: str


@dataclass(frozen=True, slots=True)
class Pin:
    """Keep a comment of our own in sight, where the tracker can."""

    key: str
    comment: str


@dataclass(frozen=True, slots=True)
class Remove:
    """Take away a comment of our own that says what another one says already: the tracker had lost an answer."""

    key: str
    comment: str


@dataclass(frozen=True, slots=True)
class Shift:
    """Change the stage: first `put` these labels on and then `take` those off, or go to one of these statuses."""

    key: str
    intended: Intended
    put: tuple[str, ...] = ()
    take: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tidy:
    """Take superseded stage labels off, so that the issue shows one stage."""

    take: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """Write a field of ours, which the tracker's own workflow asks for; an empty text empties it."""

    key: str
    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Prove:
    """Find out whether a comment has reached a party, and write the notice down."""

    comment: Comment
    party: str
    handles: tuple[str, ...]
    stage: str
    by: Person
    fallback: bool = False
    why: Why = "told"


Action = Say | Edit | React | Pin | Remove | Shift | Tidy | Fill | Prove


def why(key: str) -> Why:
    """What a comment of ours is for a party, by the key of its intent."""
    return "reminded" if key.startswith("remind:") else "escalated" if key.startswith("escalate:") else "told"


def is_beside(key: str) -> bool:
    """Does a comment with this key name other people than the party itself, so that it is no notice to the party?"""
    return key.startswith(("fallback:", "escalate:"))
