"""The nouns: what a tracker shows of one issue, and what we make of it.

Everything here is frozen and is built by the tracker adapters or by the folds of `moves.py`; from here on nobody
knows which tracker it was. All times are aware and in UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Unnamed(ValueError):
    """A text that should name an issue does not; the message says how one is named."""


_NUMBER = r"(?P<number>[0-9]{1,15})"
_GITHUB = re.compile(rf"(?:github:)?(?P<place>[A-Za-z0-9._-]{{1,100}}/[A-Za-z0-9._-]{{1,100}})#{_NUMBER}")
_JIRA = re.compile(rf"(?:jira:)?(?:(?P<site>[A-Za-z0-9_-]{{1,100}})/)?(?P<place>[A-Z][A-Z0-9_]{{0,99}})-{_NUMBER}")
_PARTY = re.compile(r"party:(?P<place>[a-z0-9][a-z0-9_-]{0,200})")
ADDITIONS, ADDITIONS_FILE = "additions", ".github/release-stages.yaml"
_ADDITIONS = re.compile(rf"{ADDITIONS}:(?P<place>[A-Za-z0-9._-]{{1,100}}/[A-Za-z0-9._-]{{1,100}})")
ROUNDS = ("catch-up", "sweep", "full-sweep", "live-check")
_ROUND = re.compile(rf"(?P<kind>{'|'.join(ROUNDS)}):(?P<place>github|jira/[A-Za-z0-9_-]{{1,100}})")


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which issue: `github:acme/app#12`, or `jira:main/APP-7` where `main` is the site's name in the environment.

    Number 0 is no issue: `github:acme/app#0` is the place itself, `party:support` a party whose digest is due,
    `sweep:jira/main` a round over all that a tracker has, `additions:acme/app` the rules that a repository has added.
    """

    tracker: str
    site: str
    place: str
    number: int

    @property
    def key(self) -> str:
        """The issue's name as its tracker's people write it: `acme/app#12`, `APP-7`."""
        if self.tracker in ("party", ADDITIONS, *ROUNDS):
            return self.place
        return f"{self.place}#{self.number}" if self.tracker == "github" else f"{self.place}-{self.number}"

    @property
    def of_place(self) -> str:
        """Where it lives, as text: `github:acme/app`, `jira:main/APP`."""
        return f"{self.tracker}:{self.site}/{self.place}" if self.tracker == "jira" else f"{self.tracker}:{self.place}"

    def __str__(self) -> str:
        site = f"{self.site}/" if self.tracker == "jira" else ""
        return f"{self.tracker}:{site}{self.key}"

    @classmethod
    def of_party(cls, name: str) -> Ref:
        """The party itself, as a hint names it."""
        return cls("party", "", name, 0)

    @classmethod
    def of_additions(cls, place: str) -> Ref:
        """The rules that a repository of GitHub's has added, as a hint names them."""
        return cls(ADDITIONS, "", place, 0)

    @classmethod
    def of_round(cls, kind: str, tracker: str, site: str = "") -> Ref:
        """A round (one of `ROUNDS`) over a tracker, as a hint names it."""
        return cls(kind, "", f"{tracker}/{site}" if site else tracker, 0)

    @classmethod
    def parse(cls, text: str) -> Ref:
        """Read a ref as `str()` writes it, or shorter: `acme/app#12`, `APP-7` (site `main`). Raises `Unnamed`."""
        if found := _GITHUB.fullmatch(text):
            return cls("github", "", found["place"], int(found["number"]))
        if found := _JIRA.fullmatch(text):
            return cls("jira", found["site"] or "main", found["place"], int(found["number"]))
        if found := _PARTY.fullmatch(text):
            return cls.of_party(found["place"])
        if found := _ADDITIONS.fullmatch(text):
            return cls.of_additions(found["place"])
        if found := _ROUND.fullmatch(text):
            return cls(found["kind"], "", found["place"], 0)
        raise Unnamed(f"{text[:80]!r} names no issue; write acme/app#12 for GitHub, APP-7 or SITE/APP-7 for Jira")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts. `handle` is what a mention and `mappings.yaml` name: a login, or a Jira account id or name."""

    id: str
    handle: str
    name: str = ""
    bot: bool = False

    def __str__(self) -> str:
        return self.name or self.handle


NOBODY = Person("", "")


@dataclass(frozen=True, slots=True)
class Label:
    """A label that is on the issue now. On Jira, where labels have no id, both are the same."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Status:
    """A Jira status."""

    id: str
    name: str


class Carrier(StrEnum):
    """In what a tracker shows a stage."""

    LABEL = "label"
    STATUS = "status"


class Happened(StrEnum):
    """What one entry of a tracker's history tells."""

    ADDED = "added"  # a label was put on
    REMOVED = "removed"  # a label was taken off
    BECAME = "became"  # the status changed


@dataclass(frozen=True, slots=True)
class Sighting:
    """One entry of a tracker's history that may carry a stage.

    `name` is the label's name, or the new status's, as the tracker tells it now or told it then; `value_id` the raw id
    where the tracker gives one. `was_*` is the status before. `app` is the id of the App that acted, if one did.
    """

    id: str
    at: datetime
    actor: Person
    carrier: Carrier
    what: Happened
    name: str
    value_id: str = ""
    was_name: str = ""
    was_id: str = ""
    app: str = ""

    @property
    def order(self) -> tuple[datetime, int, str]:
        """Sort key: time, then event id (a longer number is a later one)."""
        return (self.at, len(self.id), self.id)


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as the tracker shows it now.

    `body` is the raw markup without our token. `mentions` are the handles (lower case: `acme/support`, `sam`, an
    account id) that the tracker itself rendered as links to people: the only mentions that can have reached somebody.
    `token` is what stands in our marker's place; it proves nothing before `markers.read` has checked it.
    """

    id: str
    at: datetime
    author: Person
    body: str
    url: str = ""
    edited: bool = False
    mentions: frozenset[str] = frozenset()
    token: str = ""


class Tie(StrEnum):
    """How another issue is tied to this one."""

    SUB_ISSUE = "sub-issue"  # a part of it; a sub-task on Jira
    BLOCKING = "blocking"  # it has to be done first
    LINKED = "linked"  # any other link
    PAGE = "page"  # no issue, but a page that the tracker shows as linked


@dataclass(frozen=True, slots=True)
class Related:
    """An issue, or a page, that is tied to this one.

    `key` is its name as people write it (`acme/app#12`, `APP-7`); `via` the link's type in the tracker's words (`is
    blocked by`). `ref` is None for a page and for an issue of another tracker.
    """

    key: str
    title: str
    url: str
    tie: Tie
    is_open: bool = False
    ref: Ref | None = None
    via: str = ""
    type: str = ""
    labels: tuple[str, ...] = ()


class ClosedAs(StrEnum):
    """How an issue stands with its tracker."""

    OPEN = "open"
    DONE = "done"
    NOT_PLANNED = "not planned"


@dataclass(frozen=True, slots=True)
class Issue:
    """One frozen snapshot of an issue with its whole history. `watermark` is when the tracker last changed it."""

    ref: Ref
    title: str
    body: str
    url: str
    author: Person
    me: Person  # our own account, as this tracker knows it
    created: datetime
    watermark: datetime
    closed: ClosedAs = ClosedAs.OPEN
    labels: tuple[Label, ...] = ()
    status: Status | None = None
    sightings: tuple[Sighting, ...] = ()
    comments: tuple[Comment, ...] = ()
    fields: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # Jira: by id and by name
    is_pull_request: bool = False
    deleted_labels: frozenset[str] = frozenset()  # names that history says are on, but that exist no more
    type: str = ""  # Bug, Story: as the tracker calls it
    related: tuple[Related, ...] | None = None  # None: not read, or not to be read; see `Tracker.related`

    def name_of(self, handle: str) -> str:
        """What the person of this handle is called, as far as they have left a trace here; else the handle itself."""
        seen = (self.author, *(one.author for one in self.comments), *(one.actor for one in self.sightings))
        return next((str(one) for one in seen if one.handle.casefold() == handle.casefold()), handle)


@dataclass(frozen=True, slots=True)
class Move:
    """A change of stage. `was` or `to` is None outside the stages. `ours` when the ledger's intent names it.

    `came_from` is the status that the issue had before (id, name), where a status carries the stage.
    """

    id: str
    source: str
    was: str | None
    to: str | None
    actor: Person
    at: datetime
    ours: bool = False
    came_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """ "Look at this issue, not older than this." A ref with number 0 means the place itself: its labels changed.

    `cause` says what made it, where nobody at a tracker did: `time`, `sweep`, `labels`, `import`. What one such cause
    does is limited (`memory/breaker.py`).
    """

    ref: Ref
    watermark: datetime | None = None
    cause: str = ""
