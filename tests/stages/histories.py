"""Histories of made-up features, as a tracker would show them today: for replays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from integration.stages.file.mappings import Mappings
from integration.stages.model import Carrier, ClosedAs, Comment, Happened, Issue, Label, Person, Ref, Sighting, Status
from integration.stages.planning.hearing import TRIAGE, Doubt

MONDAY = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
ME = Person("90", "release-stages", bot=True)
LABELS = {stage: f"stage: {stage}" for stage in ("development", "internal", "beta", "public")}
STATUSES = {"development": "In Progress", "internal": "Internal", "beta": "Beta", "public": "Released"}
IN = {"support": ("sam", "sofia"), "growth": ("gus", "gwen"), "docs": ("dora",), "release-managers": ("rhea",)}


def person(login: str) -> Person:
    return ME if login == ME.handle else Person(f"u-{login}", login)


class MemberOf(dict[Doubt, bool | None]):
    """Who speaks for whom in the made-up organisation: every question has its answer."""

    def __contains__(self, doubt: object) -> bool:
        return True

    def __getitem__(self, doubt: Doubt) -> bool | None:
        return doubt.person.handle in (("rhea",) if doubt.party == TRIAGE else IN.get(doubt.party, ()))


@dataclass
class Story:
    """One feature; each method is what somebody does, so long after the one before."""

    ref: Ref
    at: datetime = MONDAY
    author: str = "erin"
    title: str = "Export as PDF"
    body: str = ""
    sightings: list[Sighting] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    on: dict[str, str] = field(default_factory=dict)
    status: str = ""
    ids: int = 0

    @classmethod
    def on_github(cls, number: int = 1, place: str = "acme/app", **more: object) -> Story:
        return cls(Ref("github", "", place, number), **more)  # type: ignore[arg-type]

    @classmethod
    def on_jira(cls, number: int = 1, place: str = "APP", **more: object) -> Story:
        told = cls(Ref("jira", "main", place, number), **more)  # type: ignore[arg-type]
        told._became("To Do", person(told.author))
        return told

    def __post_init__(self) -> None:
        self.began = self.at

    def later(self, **delta: float) -> Story:
        self.at += timedelta(**delta)
        return self

    def moves(self, stage: str, by: str = "erin") -> Story:
        """As people do: the new label on and the old ones off, or a transition."""
        if self.ref.tracker == "jira":
            return self._became(STATUSES[stage], person(by))
        old = [name for name in self.on if name in LABELS.values() and name != LABELS[stage]]
        self.puts_on(LABELS[stage], by)
        for name in old:
            self.takes_off(name, by)
        return self

    def puts_on(self, name: str, by: str = "erin") -> Story:
        if name not in self.on:
            self.on[name] = name
            self._saw(person(by), Carrier.LABEL, Happened.ADDED, name)
        return self

    def takes_off(self, name: str, by: str = "erin") -> Story:
        self.on.pop(name)
        return self._saw(person(by), Carrier.LABEL, Happened.REMOVED, name)

    def becomes(self, status: str, by: str = "erin") -> Story:
        return self._became(status, person(by))

    def _became(self, status: str, by: Person) -> Story:
        was, self.status = self.status, status
        return self._saw(by, Carrier.STATUS, Happened.BECAME, status, was)

    def _saw(self, by: Person, carrier: Carrier, what: Happened, name: str, was: str = "") -> Story:
        self.ids += 1
        self.sightings.append(Sighting(str(self.ids), self.at, by, carrier, what, name, was_name=was))
        return self

    def says(self, text: str, by: str, mentions: str = "", token: str = "") -> Story:
        self.ids += 1
        named = frozenset(mentions.split())
        url = f"{self.url}#{self.ids}"
        self.comments.append(Comment(str(self.ids), self.at, person(by), text, url, mentions=named, token=token))
        return self

    @property
    def url(self) -> str:
        return f"https://{self.ref.tracker}.example/{self.ref.key}"

    def issue(self) -> Issue:
        return Issue(
            ref=self.ref, title=self.title, body=self.body, url=self.url, author=person(self.author), me=ME,
            created=self.began, watermark=self.at, closed=ClosedAs.DONE,
            labels=tuple(Label(f"id of {name}", name) for name in self.on),
            status=Status("", self.status) if self.status else None,
            sightings=tuple(self.sightings), comments=tuple(self.comments),
        )  # fmt: skip


def names(mappings: Mappings) -> Mapping[str, tuple[str, ...]]:
    """What the place's labels are called."""
    labels = [
        one for source in mappings.sources if source.github for each in source.github.labels.values() for one in each
    ]
    return {f"id of {name}": (name,) for name in labels}
