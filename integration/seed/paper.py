"""An issue on paper: what a tracker would hold of it. People's acts change it, and so do ours, as a tracker would."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from integration.seed import cast
from integration.seed.house_rules import LABELS, STATUSES
from integration.stages.model import (
    Carrier,
    ClosedAs,
    Comment,
    Happened,
    Issue,
    Label,
    Ref,
    Sighting,
    Status,
)
from integration.stages.planning.actions import Say, Shift

_IDS_EACH = 1_000  # of comments and events: no issue of this world has as many
TRACKERS = {"github": "https://github.example", "jira": "https://jira.example"}


def label_id(place: str, name: str) -> str:
    """What tells a label from others; on Jira it is the name."""
    return f"{place}/{name}" if "/" in place else name


@dataclass
class Paper:
    """One issue. `number` counts the issues of this world: it makes the ids of all of them differ."""

    ref: Ref
    number: int
    author: str
    title: str
    body: str
    created: datetime
    one_way: bool = False  # its workflow has no way back
    unreached: Mapping[str, str] = field(default_factory=dict)  # handles whose mention is no link, and why

    def __post_init__(self) -> None:
        self.changed = self.created
        self.closed = ClosedAs.OPEN
        self.labels: list[str] = []
        self.status = ""
        self._sightings: list[Sighting] = []
        self._comments: list[Comment] = []
        self._ids = self.number * _IDS_EACH
        if self.ref.tracker == "jira":
            self.becomes("To Do", self.author, self.created)

    @property
    def url(self) -> str:
        """Its address; of an invented host, which nobody can have."""
        if self.ref.tracker == "jira":
            return f"{TRACKERS['jira']}/browse/{self.ref.key}"
        return f"{TRACKERS['github']}/{self.ref.place}/issues/{self.ref.number}"

    def issue(self) -> Issue:
        """As an adapter would answer now."""
        place = self.ref.place
        return Issue(
            self.ref, self.title, self.body, self.url, cast.person(self.author, self.ref.tracker),
            cast.person(cast.ME, self.ref.tracker), self.created, self.changed, self.closed,
            tuple(Label(label_id(place, one), one) for one in self.labels),
            Status("", self.status) if self.status else None,
            tuple(self._sightings), tuple(self._comments),
            fields={},  # a plain one: it goes from one process to another
            type="Story" if self.status else "",
        )  # fmt: skip

    # --- what people do

    def moves(self, stage: str, by: str, at: datetime) -> None:
        """As people do: the new label on and the old ones off, or a transition."""
        if self.ref.tracker == "jira":
            self.becomes(STATUSES[stage], by, at)
            return
        old = [one for one in self.labels if one in LABELS.values() and one != LABELS[stage]]
        self.puts_on(LABELS[stage], by, at)
        for one in old:
            self.takes_off(one, by, at)

    def puts_on(self, label: str, by: str, at: datetime) -> None:
        """A label, if it is not there."""
        if label not in self.labels:
            self.labels.append(label)
            self._saw(by, at, Carrier.LABEL, Happened.ADDED, label)

    def takes_off(self, label: str, by: str, at: datetime) -> None:
        """A label, if it is there."""
        if label in self.labels:
            self.labels.remove(label)
            self._saw(by, at, Carrier.LABEL, Happened.REMOVED, label)

    def becomes(self, status: str, by: str, at: datetime) -> None:
        """Another status of Jira's."""
        was, self.status = self.status, status
        self._saw(by, at, Carrier.STATUS, Happened.BECAME, status, was)

    def says(self, text: str, by: str, at: datetime, mentions: tuple[str, ...] = (), token: str = "") -> Comment:
        """A comment, and whom the tracker has made a link of."""
        number = self._next(at)
        anchor = f"?focusedCommentId={number}" if self.ref.tracker == "jira" else f"#issuecomment-{number}"
        linked = frozenset(one.lower() for one in mentions if one not in self.unreached)
        writer = cast.person(by, self.ref.tracker)
        comment = Comment(number, at, writer, text, self.url + anchor, mentions=linked, token=token)
        self._comments.append(comment)
        return comment

    def closes(self, how: ClosedAs, at: datetime) -> None:
        """It is done, or will never be."""
        self.closed, self.changed = how, at

    # --- what we do

    def is_told(self, say: Say, at: datetime) -> Comment:
        """A comment of ours; its text is nobody's to read again, as what it says is in the ledger."""
        mentions = tuple(one for handles in say.tells.values() for one in handles)
        return self.says("", cast.ME, at, mentions, say.token)

    def shifts(self, shift: Shift, at: datetime) -> str:
        """Another stage, by our hand; why not, where the tracker refuses it."""
        if shift.statuses and self.one_way and shift.key.startswith("put-back:"):
            return f"the workflow has no transition from {self.status} to {' or '.join(shift.statuses)}"
        for label in shift.put:
            self.puts_on(label, cast.ME, at)
        for label in shift.take:
            self.takes_off(label, cast.ME, at)
        if shift.statuses:
            self.becomes(shift.statuses[0], cast.ME, at)
        return ""

    def _saw(
        self, by: str, at: datetime, carrier: Carrier, what: Happened, name: str, was: str = ""
    ) -> None:  # fmt: skip
        actor = cast.person(by, self.ref.tracker)
        self._sightings.append(Sighting(self._next(at), at, actor, carrier, what, name, was_name=was))

    def _next(self, at: datetime) -> str:
        self._ids, self.changed = self._ids + 1, at
        return str(self._ids)
