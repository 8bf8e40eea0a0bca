"""The nouns of the sandbox's GitHub: repositories, issues, comments, labels, teams, and what a timeline is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from integration.sandbox.people import ORG, now


@dataclass
class Label:
    """A label of a repository."""

    id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass
class Reaction:
    """A small sign on a comment."""

    id: int
    by: str
    content: str
    created: datetime


@dataclass
class Comment:
    """A comment on an issue."""

    id: int
    by: str
    body: str
    created: datetime
    updated: datetime
    app: bool = False
    reactions: list[Reaction] = field(default_factory=list)
    pinned: datetime | None = None
    pinned_by: str = ""


@dataclass
class Event:
    """An entry of an issue's timeline that is no comment. `label` is as it was; `label_id` finds it today.

    `source` is the id of the issue that mentions this one.
    """

    id: int
    event: str
    by: str
    created: datetime
    app: bool = False
    label_id: int = 0
    label: str = ""
    color: str = ""
    source: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass
class Issue:
    """An issue or a pull request. `parent`, `parts` and what it waits for are other issues' ids."""

    id: int
    number: int
    title: str
    body: str
    by: str
    created: datetime
    updated: datetime
    pull_request: bool = False
    state: Literal["open", "closed"] = "open"
    state_reason: str | None = None
    closed: datetime | None = None
    closed_by: str | None = None
    labels: list[int] = field(default_factory=list)
    timeline: list[Event | Comment] = field(default_factory=list)
    type: str = ""
    locked: bool = False
    lock_reason: str | None = None
    parent: int = 0
    parts: list[int] = field(default_factory=list)
    blocked_by: list[int] = field(default_factory=list)
    blocking: list[int] = field(default_factory=list)

    @property
    def comments(self) -> list[Comment]:
        """The comments, oldest first."""
        return sorted((entry for entry in self.timeline if isinstance(entry, Comment)), key=lambda entry: entry.id)

    @property
    def events(self) -> list[Event]:
        """The timeline without the comments."""
        return [entry for entry in self.timeline if isinstance(entry, Event)]

    @property
    def pinned(self) -> Comment | None:
        """The comment that is kept at the top."""
        return next((entry for entry in self.timeline if isinstance(entry, Comment) and entry.pinned), None)

    @property
    def history(self) -> list[Event | Comment]:
        """The timeline as GitHub lists it: by time, then as it was written."""
        return sorted(self.timeline, key=lambda entry: entry.created)


@dataclass
class Repo:
    """A repository of the organisation acme. `teams` and `people` say which role they have there."""

    id: int
    name: str
    private: bool = False
    archived: bool = False
    labels: dict[int, Label] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    moved: dict[int, tuple[int, int]] = field(default_factory=dict)
    deleted: set[int] = field(default_factory=set)
    files: dict[str, bytes] = field(default_factory=dict)  # of the default branch
    head: str = ""  # its newest commit
    last_number: int = 0
    updated: datetime = field(default_factory=now)

    @property
    def full_name(self) -> str:
        """`acme/app`."""
        return f"{ORG}/{self.name}"

    def label(self, name: str) -> Label | None:
        """A label by its name; GitHub does not mind the case."""
        return next((label for label in self.labels.values() if label.name.lower() == name.lower()), None)


@dataclass
class Team:
    """A team of the organisation acme."""

    id: int
    slug: str
    name: str
    members: dict[str, str]  # login -> member | maintainer
    notification_setting: str = "notifications_enabled"
    privacy: str = "closed"
    pending: set[str] = field(default_factory=set)


@dataclass
class Draft:
    """An App that somebody is about to make, or has made: `code` is what its maker is sent back with, good once."""

    owner: str
    manifest: dict[str, Any]
    state: str
    made: datetime | None = None
    code: str = field(default="", repr=False)


@dataclass
class Manifests:
    """All drafts, by a number that only the page of each knows."""

    drafts: dict[str, Draft] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list, repr=False)  # every secret that was handed out, for tests to look for


@dataclass(frozen=True)
class Caller:
    """Who asks. `app` for an installation's token, `jwt` for the App itself, which has no account.

    `scopes` are those of an OAuth App's token; None for a token that may do what its owner may.
    """

    login: str
    app: bool = False
    jwt: bool = False
    scopes: frozenset[str] | None = None
