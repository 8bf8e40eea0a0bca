"""mappings.yaml as objects; every fault of a file is named by line and column, with what is allowed.

`read(text, name)` answers with a `Mappings` or raises `Faulty` that lists every fault of the file at once. The classes
below are the file's shape: what they do not name is a fault. What no single class can see is in `sense.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Annotated, Literal
from typing import Any as Anything

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StrictBool, StrictInt, Tag
from pydantic import ValidationError as _Invalid

from integration.stages.calendars import Calendar, Duration
from integration.stages.file import sense
from integration.stages.file.explained import explain
from integration.stages.file.forms import (
    CalendarName,
    ClockTime,
    Day,
    Days,
    EntryPoint,
    Filled,
    FreezeName,
    GlobOfProjects,
    GlobOfRepositories,
    Hours,
    Identifier,
    IssueName,
    Length,
    LinkName,
    Listed,
    Login,
    Moment,
    Names,
    PartyName,
    Pattern,
    StageName,
    Team,
    Text,
    Trial,
    Turn,
    WebAddress,
    WindowName,
    ZoneName,
    arguments,
    fact,
    named,
    which,
)
from integration.stages.file.written import Fault, Faulty, parse
from integration.stages.model import Carrier, Ref

__all__ = [
    "REQUIREMENTS", "Calendar", "Fault", "Faulty", "Mappings", "Requirement", "Rule", "Shown", "at", "prevented",
    "read",
]  # fmt: skip


class Part(BaseModel):
    """A part of the file: frozen, and a key that is not named here is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Level(StrEnum):
    """What a rule does when it fails: note it, say it, or put the issue back."""

    OBSERVE = "observe"
    WARN = "warn"
    BLOCK = "block"


# --- parties ----------------------------------------------------------------------------------------------------


class Rota(Part):
    """Who of a party is on duty: `people` take turns, or a `url` answers with the name of the one who is.

    The first of the people begins on the day `starts`, and each has one `turn`.
    """

    people: Listed[Text] = ()
    starts: Day | None = None
    turn: Turn = Duration(1, "week")
    url: WebAddress | None = None


class GitHubPeople(Part):
    """Who a party is on GitHub. With a `rota`, the one on duty is mentioned, and the team only on escalation."""

    team: Team | None = None
    users: Listed[Login] = ()
    fallback: Listed[Login] = ()
    rota: Rota | None = None


class JiraPeople(Part):
    """Who a party is on Jira: account ids (Data Center: user names), and a group for membership."""

    users: Listed[Text] = ()
    group: Text | None = None
    fallback: Listed[Text] = ()
    rota: Rota | None = None


class BriefingItem(Part):
    """One line of a briefing: a heading of the body or a Jira field, whichever is filled in, under a title.

    In the file: a bare text is the title and the heading. `otherwise: asker` names whoever asked where nothing is.
    """

    title: Text
    section: Text | None = None
    field: Text | None = None
    otherwise: Literal["asker"] | None = None

    @property
    def heading(self) -> str:
        """The heading of the body that holds it, where no field does."""
        return self.section or self.title


class Digest(Part):
    """On which days a party gets its digest: at the opening of its day, or `at` another time; `issue` takes it."""

    days: Days
    at: ClockTime | None = None
    issue: IssueName | None = None


class Party(Part):
    """People who must know: Support, Growth, Docs."""

    name: Text | None = None
    github: GitHubPeople | None = None
    jira: JiraPeople | None = None
    calendar: CalendarName | None = None
    respond_within: Length | None = None
    escalate_to: Escalation | None = None
    briefing: Listed[Annotated[BriefingItem, named("title")]] = ()
    digest: Digest | None = None

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
    """Where Jira shows a stage: statuses (names or ids), or labels.

    `prevent` names for a stage the field that is filled just while the stage may be entered: Jira's own workflow asks
    for it, and so refuses a move before it is made.
    """

    site: Text = "main"
    projects: Filled[GlobOfProjects]
    statuses: dict[StageName, Filled[Text]] = Field(default_factory=dict)
    labels: dict[StageName, Filled[Text]] = Field(default_factory=dict)
    prevent: dict[StageName, Text] = Field(default_factory=dict)  # stage -> the field's name, or its id


class Source(Part):
    """One place that shows stages; exactly one of the two is given."""

    github: GitHubSource | None = None
    jira: JiraSource | None = None


# --- routes, links, windows -------------------------------------------------------------------------------------


class Routes(Part):
    """Who agrees which stages a feature visits, and where a route can be proposed beside `/stage route`."""

    agreed_by: Filled[PartyName]
    section: Text = "Release stages"
    field: Text | None = None
    effective: Moment  # an older issue's text proposes nothing by itself


class Links(Part):
    """One kind of link: addresses that fit one of these patterns, or links of these types in Jira."""

    urls: Listed[Pattern] = ()
    types: Listed[Text] = ()


class Window(Part):
    """A time that recurs (`days`, `hours`), or lies between `from` and `until`, or both.

    Named exceptions: features with one of the labels `unless_labelled`, and the issues that `unless` lists with why.
    """

    time_zone: ZoneName | None = None  # of days and hours; else the file's
    days: Days | None = None
    hours: Hours | None = None
    from_: Annotated[Moment | None, Field(alias="from")] = None
    until: Moment | None = None
    unless_labelled: Listed[Text] = ()
    unless: dict[IssueName, Text] = Field(default_factory=dict)


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


class Fact(Part):
    """Something an approval is given for: `title`, `description`, a `section`, a Jira `field`, links of a kind.

    In the file: `title`, `description`, `docs link`, {section: How to undo}, {field: Audience}.
    """

    title: Literal[True] | None = None
    description: Literal[True] | None = None
    section: Text | None = None
    field: Text | None = None
    link: LinkName | None = None

    def __str__(self) -> str:
        if self.link:
            return f"{self.link} link"
        return self.section or self.field or ("title" if self.title else "description")


class Approved(Part):
    """At least `by` people of the party agree; with `not_author`, whoever opened the issue does not count.

    An approval falls when one of the facts in `voided_by` has changed since.
    """

    party: PartyName
    by: StrictInt = Field(default=1, ge=1)
    not_author: StrictBool = False
    voided_by: Listed[Annotated[Fact, fact()]] = ()


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
    """A heading of the body, a Jira field, or all of a party's briefing is filled in; exactly one is given."""

    section: Text | None = None
    field: Text | None = None
    briefing: PartyName | None = None


class Linked(Part):
    """The issue links to such a place: a kind of `links` by name, a pattern of addresses, or a type of Jira's links."""

    to: LinkName | None = None
    url: Pattern | None = None
    type: Text | None = None


class NoOpen(Part):
    """No related issue of these is open; narrowed to those with one of the labels, and of one of the types.

    Linked ones only where they are named: on GitHub anybody links an issue by mentioning it.
    """

    among: Filled[Literal["sub-issues", "blocking", "linked"]] = ("sub-issues", "blocking")
    labelled: Listed[Text] = ()
    type: Listed[Text] = ()


class Within(Part):
    """It is now within that window."""

    window: WindowName


class Outside(Part):
    """It is now outside of that freeze."""

    freeze: FreezeName


class NoDebt(Part):
    """No party owes its word on an earlier stage. In the file: `no_debt` alone, or with a `party`."""

    party: PartyName | None = None


class FollowsRoute(Part):
    """The stage is on the feature's agreed route. In the file: `follows_route` alone."""


class Custom(Part):
    """A check of your own: a Python entry point by its name, with options that it understands."""

    name: EntryPoint
    options: dict[str, Anything] = Field(default_factory=dict)


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
    | Annotated[Linked, arguments(), Tag("linked")]
    | Annotated[NoOpen, arguments(), Tag("no_open")]
    | Annotated[NotOnHold, arguments(), Tag("not_on_hold")]
    | Annotated[Within, arguments(), Tag("within")]
    | Annotated[Outside, arguments(), Tag("outside")]
    | Annotated[NoDebt, arguments(), Tag("no_debt")]
    | Annotated[FollowsRoute, arguments(), Tag("follows_route")]
    | Annotated[Custom, arguments(), Tag("custom")]
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
    "linked": Linked,
    "no_open": NoOpen,
    "not_on_hold": NotOnHold,
    "within": Within,
    "outside": Outside,
    "no_debt": NoDebt,
    "follows_route": FollowsRoute,
    "custom": Custom,
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
    later: Length | None = None  # a party's word may be put off so long, by a named person: `/stage later`
    effective: Moment | None = None  # aware; a date in the file means 00:00 in its time zone
    on_error: Literal["open", "closed"] = "closed"
    raise_after: Trial | None = None  # a raise is proposed after so long in its level; never: not at all
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


class Additions(Part):
    """Whether repositories may have rules of their own, in `.github/release-stages.yaml` of their default branch.

    They can only add rules, and raise levels. `repositories`: those alone (none named: all that the sources name).
    `custom`: the checks of your own that they may use.
    """

    allowed: StrictBool
    repositories: Listed[GlobOfRepositories] = ()
    custom: Listed[EntryPoint] = ()


class Mappings(Part):
    """One whole file that has no fault. `stages` are in order, lowest first. `hash` names this version of the text."""

    version: Literal[1]
    time_zone: ZoneName = "UTC"
    raise_after: Trial | None = None  # of all rules that say nothing of it themselves
    stages: dict[Identifier, Text] = Field(min_length=2)
    calendars: dict[Identifier, Calendar] = Field(default_factory=dict)
    parties: dict[Identifier, Party] = Field(default_factory=dict)
    sources: tuple[Source, ...] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    notify: tuple[Notify, ...] = ()
    routes: Routes | None = None
    links: dict[Identifier, Links] = Field(default_factory=dict)
    windows: dict[Identifier, Window] = Field(default_factory=dict)
    freezes: dict[Identifier, Window] = Field(default_factory=dict)
    waivers: Waivers = Waivers()
    additions: Additions = Additions(allowed=False)
    hash: str = ""

    def calendar_of(self, party: str) -> Calendar | None:
        """When the party works; None where the file does not say."""
        known = self.parties.get(party)
        return self.calendars.get(known.calendar) if known and known.calendar else None

    def trial_of(self, rule: Rule) -> Duration | None:
        """After how long in its level a raise is proposed; None where none is."""
        trial = rule.raise_after if rule.raise_after is not None else self.raise_after
        return trial if isinstance(trial, Duration) and rule.level is not Level.BLOCK else None

    def has_added(self, rule: str) -> bool:
        """Whether the rule of that id is the repository's own; in the organisation's file none is."""
        return False

    def has_raised(self, rule: str) -> bool:
        """Whether the repository has raised the level of the rule of that id."""
        return False

    def asked(self) -> tuple[Part, ...]:
        """Every requirement of the file, however deep."""
        return tuple(one for rule in self.rules for top in (*rule.when, *rule.require) for one in _deep(top))

    def asked_by(self, rule: Rule) -> tuple[Part, ...]:
        """Every requirement of one rule that it can need, however deep."""
        return tuple(one for top in rule.require for one in _deep(top))


def _deep(asked: Part) -> tuple[Part, ...]:
    inside = asked.items if isinstance(asked, Any | All | None_) else ()
    return (asked, *(below for one in inside for below in _deep(one)))


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


known = lru_cache(maxsize=16)(read)
"""A version that this process has read before is not read again; one that is copied from it has them, too."""


# --- where an issue shows its stage ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """One way in which an issue's place shows stages. `id` counts the sources of one kind at that place."""

    id: str  # labels:0, statuses:1
    carrier: Carrier
    names: Mapping[str, tuple[str, ...]]  # stage -> names, and for statuses also ids
    _stages: Mapping[str, str] = field(init=False, repr=False, compare=False)  # the other way round, in small letters

    def __post_init__(self) -> None:
        each = ((name.casefold(), stage) for stage, names in reversed(list(self.names.items())) for name in names)
        object.__setattr__(self, "_stages", dict(each))

    def stage_of(self, name: str, value_id: str = "") -> str | None:
        """The stage that this label or status shows, if it shows one; capitals do not count."""
        found = self._stages.get(name.casefold())
        if self.carrier is Carrier.STATUS and value_id:
            by_id = self._stages.get(value_id.casefold())
            if by_id and found and by_id != found:  # the file says both: the lower stage counts
                return next(stage for stage in self.names if stage in (by_id, found))
            return by_id or found
        return found


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


def may_add(mappings: Mappings, ref: Ref) -> bool:
    """Whether the place of this issue may have rules of its own."""
    added = mappings.additions
    named = not added.repositories or _fits(ref.place.casefold(), added.repositories)
    return added.allowed and named and ref.tracker == "github" and bool(at(mappings, ref))


def prevented(mappings: Mappings, ref: Ref) -> dict[str, str]:
    """The stages, lowest first, that the workflow where this issue lives guards by a field of ours, and that field."""
    found: dict[str, str] = {}
    for source in mappings.sources:
        if source.jira and _is_of(source.jira, ref):
            found |= source.jira.prevent
    return {stage: found[stage] for stage in mappings.stages if stage in found}


def _is_of(source: JiraSource, ref: Ref) -> bool:
    """Is the issue's project one of this source's?"""
    on_site = ref.tracker == "jira" and ref.site.casefold() == source.site.casefold()
    return on_site and _fits(ref.place.casefold(), source.projects)


def _shows(source: Source, ref: Ref) -> list[tuple[Carrier, Mapping[str, tuple[str, ...]]]]:
    """In what this source shows stages of the issue, if it is about the issue's place."""
    github, jira = source.github, source.jira
    if github is not None and ref.tracker == "github" and _fits(ref.place.casefold(), github.repositories):
        return [(Carrier.LABEL, github.labels)]
    if jira is not None and _is_of(jira, ref):
        both = ((Carrier.STATUS, jira.statuses), (Carrier.LABEL, jira.labels))
        return [(carrier, names) for carrier, names in both if names]
    return []


def _fits(place: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(place, pattern.casefold()) for pattern in patterns)
