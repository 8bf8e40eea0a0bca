"""What a file names of the world: places, labels, statuses, people, fields; each with where it stands.

`check --live` compares these with the trackers. They are taken from the text itself, not from `Mappings`, so that the
sound parts of a file that has faults are compared as well: what is no name at all is a fault of the file already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from integration.stages.file.forms import is_login
from integration.stages.file.written import Faulty, Loc, Written, parse, path_of

_TEAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9_.-]+")
_PLACE = re.compile(r"[A-Za-z0-9_.*?-]{1,100}/[A-Za-z0-9_.*?-]{1,100}")
_PROJECT = re.compile(r"[A-Z*?][A-Z0-9_*?]{0,99}")
_ISSUE = re.compile(r"[^\s/#]+/[^\s/#]+#\d+|(?:[\w-]+/)?[A-Z][A-Z0-9_]*-\d+")
_ADDRESS = re.compile(r"https?://[^\s@]+")


@dataclass(frozen=True, slots=True)
class Name:
    """A name in the file, and where it stands: counted from 1, and by its path."""

    text: str
    line: int = 0
    column: int = 0
    path: str = ""

    def __str__(self) -> str:
        return self.text


Signs = Mapping[str, tuple[Name, ...]]  # stage -> what shows it


@dataclass(frozen=True, slots=True)
class OnGitHub:
    """A source on GitHub."""

    repositories: tuple[Name, ...] = ()
    labels: Signs = field(default_factory=dict)
    pull_requests: bool = False


@dataclass(frozen=True, slots=True)
class OnJira:
    """A source on Jira."""

    site: Name
    projects: tuple[Name, ...] = ()
    statuses: Signs = field(default_factory=dict)
    labels: Signs = field(default_factory=dict)
    prevent: tuple[Name, ...] = ()  # fields that hold the way to a stage


@dataclass(frozen=True, slots=True)
class People:
    """Who a party is on one tracker. `team` is a Jira group, too; `above` are asked when the party does not answer."""

    party: str
    team: Name | None = None
    users: tuple[Name, ...] = ()
    fallback: tuple[Name, ...] = ()
    turns: tuple[Name, ...] = ()
    above: tuple[Name, ...] = ()
    duty: Name | None = None

    @property
    def everybody(self) -> tuple[Name, ...]:
        """All that are named one by one, each once."""
        found: dict[str, Name] = {}
        for one in (*self.users, *self.fallback, *self.turns, *self.above):
            found.setdefault(one.text.casefold(), one)
        return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Named:
    """All of it. `guarded` are the stages that a rule of level block keeps shut."""

    stages: Mapping[str, str] = field(default_factory=dict)
    github: tuple[OnGitHub, ...] = ()
    jira: tuple[OnJira, ...] = ()
    people: Mapping[str, tuple[People, ...]] = field(default_factory=dict)  # by tracker
    guarded: frozenset[str] = frozenset()
    labels: tuple[Name, ...] = ()  # that rules look at
    fields: tuple[Name, ...] = ()  # of Jira
    issues: tuple[Name, ...] = ()  # that take digests
    looks_around: bool = False  # a rule looks at other issues
    additions: bool = False  # repositories may add rules
    adding: tuple[Name, ...] = ()  # those alone; none: all of them

    @property
    def teams(self) -> dict[str, list[Name]]:
        """The teams and groups of all parties, by tracker."""
        return {tracker: [one.team for one in found if one.team] for tracker, found in self.people.items()}


def names_in(text: str, name: str = "mappings.yaml") -> Named:
    """What the text names. A text that is no YAML names nothing."""
    try:
        written, _ = parse(text, name)
    except Faulty:
        return Named()
    return _named(_Part(written, ()))


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the file, right or wrong; what is not there is an empty one."""

    written: Written | None
    loc: Loc

    def __getitem__(self, key: str | int) -> _Part:
        inside = self.written.parts.get(key) if self.written else None
        return _Part(inside, (*self.loc, key))

    @property
    def value(self) -> Any:
        return self.written.value if self.written else None

    def entries(self) -> Iterator[_Part]:
        """What is in a list; a single value stands for a list of one."""
        if isinstance(self.value, list):
            yield from (self[number] for number in range(len(self.value)))
        elif self.written is not None:
            yield self

    def items(self) -> Iterator[tuple[str, _Part]]:
        """What is in a mapping."""
        if isinstance(self.value, dict):
            yield from ((str(key), self[key]) for key in self.value)

    def name(self, shape: re.Pattern[str] | None = None) -> Name | None:
        """The text that stands here, where it is one and has that shape."""
        text = self.value
        if self.written is None or not isinstance(text, str) or not text.strip():
            return None
        if shape is not None and not shape.fullmatch(text):
            return None
        return Name(text, self.written.line, self.written.column, path_of(self.loc))

    def names(self, shape: re.Pattern[str] | None = None) -> tuple[Name, ...]:
        """All of them, of a list or a single value."""
        return tuple(one for part in self.entries() if (one := part.name(shape)))

    def deep(self, *keys: str) -> Iterator[_Part]:
        """All parts of these names in here, however deep."""
        for key, part in self.items():
            if key in keys:
                yield part
            yield from part.deep(*keys)
        if isinstance(self.value, list):
            for part in self.entries():
                yield from part.deep(*keys)


def _named(root: _Part) -> Named:
    sources, rules = list(root["sources"].entries()), list(root["rules"].entries())
    asked = [part for rule in rules for part in (rule["when"], rule["require"])]
    parties = dict(root["parties"].items())
    return Named(
        stages={key: part.value if isinstance(part.value, str) else key for key, part in root["stages"].items()},
        github=tuple(_on_github(one["github"]) for one in sources if one["github"].value),
        jira=tuple(_on_jira(one["jira"]) for one in sources if one["jira"].value),
        people={tracker: tuple(_people(parties, tracker)) for tracker in ("github", "jira")},
        guarded=frozenset(_guarded(root, rules)),
        labels=tuple(_labels(root, asked)),
        fields=tuple(_fields(root, asked, parties)),
        issues=tuple(one for party in parties.values() if (one := party["digest"]["issue"].name(_ISSUE))),
        looks_around=any(_looks_around(part) for part in asked),
        additions=root["additions"]["allowed"].value is True,
        adding=root["additions"]["repositories"].names(_PLACE),
    )


def _on_github(part: _Part) -> OnGitHub:
    labels = {stage: found.names() for stage, found in part["labels"].items()}
    return OnGitHub(part["repositories"].names(_PLACE), labels, part["pull_requests"].value is True)


def _on_jira(part: _Part) -> OnJira:
    statuses, labels = (
        {stage: found.names() for stage, found in part[carrier].items()} for carrier in ("statuses", "labels")
    )
    here = part.written
    main = Name("main", here.line if here else 0, here.column if here else 0, path_of(part.loc))
    prevent = tuple(one for _, found in part["prevent"].items() if (one := found.name()))
    return OnJira(part["site"].name() or main, part["projects"].names(_PROJECT), statuses, labels, prevent)


def _people(parties: Mapping[str, _Part], tracker: str) -> Iterator[People]:
    for party, part in parties.items():
        here = part[tracker]
        if not isinstance(here.value, dict) and not part["escalate_to"][tracker].value:
            continue
        team = here["team"].name(_TEAM) if tracker == "github" else here["group"].name()
        lists = (here["users"], here["fallback"], here["rota"]["people"], part["escalate_to"][tracker])
        users, fallback, turns, above = (_handles(one, tracker) for one in lists)
        yield People(party, team, users, fallback, turns, above, here["rota"]["url"].name(_ADDRESS))


def _handles(part: _Part, tracker: str) -> tuple[Name, ...]:
    return tuple(one for one in part.names() if tracker == "jira" or is_login(one.text))


def _guarded(root: _Part, rules: list[_Part]) -> Iterator[str]:
    """The stages that a move is put back from: those that are entered, and all above one that is left."""
    stages = [stage for stage, _ in root["stages"].items()]
    for rule in rules:
        entering, leaving = rule["entering"].value, rule["leaving"].value
        if rule["level"].value == "block" and entering in stages:
            yield entering
        elif rule["level"].value == "block" and leaving in stages:
            yield from stages[stages.index(leaving) + 1 :]


def _looks_around(part: _Part) -> bool:
    """Does it look at other issues? A requirement of one's own may."""
    bare = any(one.text == "no_open" for one in part.names())
    return bare or any(True for _ in part.deep("no_open", "custom"))


def _labels(root: _Part, asked: list[_Part]) -> Iterator[Name]:
    for part in (*asked, root["windows"], root["freezes"]):
        for found in part.deep("labelled", "not_labelled", "unless_labelled"):
            yield from found.names()


def _fields(root: _Part, asked: list[_Part], parties: Mapping[str, _Part]) -> Iterator[Name]:
    for part in (*asked, *(party["briefing"] for party in parties.values()), root["routes"]):
        for found in part.deep("field"):
            yield from found.names()
