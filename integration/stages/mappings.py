"""mappings.yaml as objects; every fault of a file is named by line and column, with what is allowed.

`read(text, name)` answers with a `Mappings` or raises `Faulty` that lists every fault of the file at once. The classes
below are the file's shape: what they do not name is a fault. What no single class can see is in `sense.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, StrictInt, Tag
from pydantic import ValidationError as _Invalid

from integration.stages import sense
from integration.stages.calendars import Calendar
from integration.stages.explained import explain
from integration.stages.forms import (
    CalendarName,
    Filled,
    GlobOfProjects,
    GlobOfRepositories,
    Identifier,
    Length,
    Listed,
    Login,
    Moment,
    Names,
    PartyName,
    StageName,
    Team,
    Text,
    ZoneName,
    arguments,
    which,
)
from integration.stages.model import Carrier, Ref
from integration.stages.written import Fault, Faulty, parse

__all__ = ["REQUIREMENTS", "Calendar", "Fault", "Faulty", "Mappings", "Requirement", "Rule", "Shown", "at", "read"]


class Part(BaseModel):
    """A part of the file: frozen, and a key that is not named here is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Level(StrEnum):
    """What a rule does when it fails: note it, say it, or put the issue back."""

    OBSERVE = "observe"
    WARN = "warn"
    BLOCK = "block"


# --- parties ----------------------------------------------------------------------------------------------------


class GitHubPeople(Part):
    """Who a party is on GitHub."""

    team: Team | None = None
    users: Listed[Login] = ()
    fallback: Listed[Login] = ()


class JiraPeople(Part):
    """Who a party is on Jira: account ids (Data Center: user names), and a group for membership."""

    users: Listed[Text] = ()
    group: Text | None = None
    fallback: Listed[Text] = ()


class Party(Part):
    """People who must know: Support, Growth, Docs."""

    name: Text | None = None
    github: GitHubPeople | None = None
    jira: JiraPeople | None = None
    calendar: CalendarName | None = None
    respond_within: Length | None = None
    escalate_to: Escalation | None = None

    def on(self, tracker: str) -> GitHubPeople | JiraPeople | None:
        """Who the party is on that tracker."""
        return self.github if tracker == "github" else self.jira


class Escalation(Part):
    """Who is asked when a party does not answer, or when a gate is fought over."""

    github: Listed[Login] = ()
    jira: Listed[Text] = ()


# --- sources ----------------------------------------------------------------------------------------------------


class GitHubSource(Part):
    """Where GitHub shows a stage: labels. `repositories` are names or globs such as `acme/*`."""

    repositories: Filled[GlobOfRepositories]
    labels: dict[StageName, Filled[Text]]  # stage -> label names
    pull_requests: StrictBool = False


class JiraSource(Part):
    """Where Jira shows a stage: statuses (names or ids), or labels."""

    site: Text = "main"
    projects: Filled[GlobOfProjects]
    statuses: dict[StageName, Filled[Text]] = Field(default_factory=dict)
    labels: dict[StageName, Filled[Text]] = Field(default_factory=dict)


class Source(Part):
    """One place that shows stages; exactly one of the two is given."""

    github: GitHubSource | None = None
    jira: JiraSource | None = None


# --- requirements: one class for the arguments of each; rules.py has the function of the same name --------------------


class Notified(Part):
    """The party was told, provably; `ahead` that long before; `within_stage` while the feature stood in that stage."""

    party: PartyName
    ahead: Length | None = None
    within_stage: StageName | None = None


class Acknowledged(Part):
    """At least `by` people of the party have seen it."""

    party: PartyName
    by: StrictInt = Field(default=1, ge=1)


class Approved(Part):
    """At least `by` people of the party agree; with `not_author`, whoever opened the issue does not count."""

    party: PartyName
    by: StrictInt = Field(default=1, ge=1)
    not_author: StrictBool = False


class Visited(Part):
    """The feature has been in that stage."""

    stage: StageName


class Spent(Part):
    """The feature has been in that stage for so long, all its stays together."""

    stage: StageName
    at_least: Length


class Labelled(Part):
    """One of these labels is on the issue. In the file: a name, or a list of names."""

    labels: Filled[Text]


class NotLabelled(Part):
    """None of these labels is on the issue. In the file: a name, or a list of names."""

    labels: Filled[Text]


class Described(Part):
    """A heading of the body, or a Jira field, is filled in; exactly one of the two is given."""

    section: Text | None = None
    field: Text | None = None


class Checklist(Part):
    """Every tick box under that heading (of the whole body where none is given) is ticked, and there is one."""

    section: Text | None = None


class NotOnHold(Part):
    """Nobody holds the feature. In the file: `not_on_hold` alone, or `not_on_hold: {}`."""


class Any(Part):
    """At least one of these."""

    items: Filled[Requirement]


class All(Part):
    """All of these."""

    items: Filled[Requirement]


class None_(Part):  # noqa: N801  `None` is taken
    """Not one of these."""

    items: Filled[Requirement]


Requirement = Annotated[
    Annotated[Notified, arguments(), Tag("notified")]
    | Annotated[Acknowledged, arguments(), Tag("acknowledged")]
    | Annotated[Approved, arguments(), Tag("approved")]
    | Annotated[Visited, arguments(), Tag("visited")]
    | Annotated[Spent, arguments(), Tag("spent")]
    | Annotated[Labelled, arguments("labels"), Tag("labelled")]
    | Annotated[NotLabelled, arguments("labels"), Tag("not_labelled")]
    | Annotated[Described, arguments(), Tag("described")]
    | Annotated[Checklist, arguments(), Tag("checklist")]
    | Annotated[NotOnHold, arguments(), Tag("not_on_hold")]
    | Annotated[Any, arguments("items"), Tag("any")]
    | Annotated[All, arguments("items"), Tag("all")]
    | Annotated[None_, arguments("items"), Tag("none")],
    Discriminator(lambda value: _which(value)),
]

REQUIREMENTS: Mapping[str, type[Part]] = {
    "notified": Notified,
    "acknowledged": Acknowledged,
    "approved": Approved,
    "visited": Visited,
    "spent": Spent,
    "labelled": Labelled,
    "not_labelled": NotLabelled,
    "described": Described,
    "checklist": Checklist,
    "not_on_hold": NotOnHold,
    "any": Any,
    "all": All,
    "none": None_,
}


_NAMES: Mapping[type, str] = {part: name for name, part in REQUIREMENTS.items()}


def _which(value: object) -> str | None:
    """The name that a requirement goes by, in the file's form or as an object."""
    return _NAMES.get(type(value)) or which(value)


# --- rules ------------------------------------------------------------------------------------------------------


class Rule(Part):
    """Completes the sentence: "may enter Public if …". Exactly one of `entering` and `leaving` is given."""

    id: Identifier
    entering: StageName | None = None
    leaving: StageName | None = None
    from_: Annotated[StageName | None, Field(alias="from")] = None
    when: Listed[Requirement] = ()  # in the file: one requirement, or a list of them (all of)
    require: Filled[Requirement]
    level: Level
    when_cleared: Literal["apply", "tell"] = "apply"
    effective: Moment | None = None  # aware; a date in the file means 00:00 in its time zone
    on_error: Literal["open", "closed"] = "closed"
    because: str = ""


class Notify(Part):
    """Who is told without being asked: on entering a stage, or on any backward move."""

    entering: StageName | None = None
    backward: StrictBool = False
    parties: Filled[PartyName]
    level: Literal["observe", "post"]
    effective: Moment | None = None


class Waivers(Part):
    """Who may waive a rule for one attempt: the members of these parties."""

    allowed: Listed[PartyName] = ()
    reason: Literal["required", "optional"] = "required"
    self_: Annotated[Literal["allowed", "forbidden"], Field(alias="self")] = "forbidden"


class Mappings(Part):
    """One whole file that has no fault. `stages` are in order, lowest first. `hash` names this version of the text."""

    version: Literal[1]
    time_zone: ZoneName = "UTC"
    stages: dict[Identifier, Text] = Field(min_length=2)
    calendars: dict[Identifier, Calendar] = Field(default_factory=dict)
    parties: dict[Identifier, Party] = Field(default_factory=dict)
    sources: tuple[Source, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    notify: tuple[Notify, ...] = ()
    waivers: Waivers = Waivers()
    hash: str = ""


# --- reading ----------------------------------------------------------------------------------------------------


def read(text: str, name: str = "mappings.yaml") -> Mappings:
    """The file's text as objects. Raises `Faulty` with every fault of the file; `name` is what the faults call it."""
    written, faults = parse(text, name)
    raw = written.value
    if not isinstance(raw, dict):
        raise Faulty([Fault(written.line, written.column, "", "the file is no mapping; begin with `version: 1`", name)])
    faults += [Fault(*written.find(loc, at_key), says, name) for loc, says, at_key in sense.faults(raw)]
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    try:
        found = Mappings.model_validate(raw, context=Names.of(raw), by_alias=True, by_name=False)
    except _Invalid as wrong:
        faults += [
            Fault(*written.find(loc, at_key), says, name)
            for loc, says, at_key in explain(wrong, Mappings, REQUIREMENTS)
        ]
    if faults:
        raise Faulty(faults)
    return found.model_copy(update={"hash": version})


# --- where an issue shows its stage ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One way in which an issue's place shows stages. `id` counts the sources of one kind at that place."""

    id: str  # labels:0, statuses:1
    carrier: Carrier
    names: Mapping[str, tuple[str, ...]]  # stage -> names, and for statuses also ids

    def stage_of(self, name: str, value_id: str = "") -> str | None:
        """The stage that this label or status shows, if it shows one; capitals do not count."""
        wanted = {name.casefold()}
        if self.carrier is Carrier.STATUS and value_id:
            wanted.add(value_id.casefold())
        return next(
            (stage for stage, names in self.names.items() if wanted & {each.casefold() for each in names}), None
        )


def at(mappings: Mappings, ref: Ref, pull_request: bool = False) -> tuple[Shown, ...]:
    """All that shows stages where this issue lives; nothing when the file does not name its place.

    A pull request counts only where the source says `pull_requests: true`.
    """
    found: list[Shown] = []
    for source in mappings.sources:
        if pull_request and not (source.github and source.github.pull_requests):
            continue
        for carrier, names in _shows(source, ref):
            kind = "labels" if carrier is Carrier.LABEL else "statuses"
            number = sum(one.carrier is carrier for one in found)
            found.append(Shown(f"{kind}:{number}", carrier, names))
    return tuple(found)


def _shows(source: Source, ref: Ref) -> list[tuple[Carrier, Mapping[str, tuple[str, ...]]]]:
    """In what this source shows stages of the issue, if it is about the issue's place."""
    github, jira = source.github, source.jira
    if github is not None and ref.tracker == "github" and _fits(ref.place.casefold(), github.repositories):
        return [(Carrier.LABEL, github.labels)]
    if jira is not None and ref.tracker == "jira" and ref.site.casefold() == jira.site.casefold():
        both = ((Carrier.STATUS, jira.statuses), (Carrier.LABEL, jira.labels))
        return [(carrier, names) for carrier, names in both if names and _fits(ref.place.casefold(), jira.projects)]
    return []


def _fits(place: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(place, pattern.casefold()) for pattern in patterns)
