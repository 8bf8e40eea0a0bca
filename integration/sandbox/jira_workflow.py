"""Workflows and fields of the sandbox's Jira: where an issue may go, who may send it there, and what that asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_URL, uuid5


@dataclass(frozen=True)
class Status:
    """A status, as all projects share it. `category` is Jira's: new, indeterminate, done."""

    id: str
    name: str
    category: str


STATUSES = (
    Status("10000", "To Do", "new"),
    Status("3", "In Progress", "indeterminate"),
    Status("10001", "In Review", "indeterminate"),
    Status("10002", "Internal", "indeterminate"),
    Status("10003", "Beta", "indeterminate"),
    Status("10004", "Released", "done"),
)
CATEGORIES: Mapping[str, tuple[int, str, str]] = {
    "new": (2, "To Do", "blue-gray"),
    "indeterminate": (4, "In Progress", "yellow"),
    "done": (3, "Done", "green"),
}
RESOLUTIONS: Mapping[str, str] = {"Done": "10000", "Won't Do": "10001", "Duplicate": "10002"}


@dataclass(frozen=True)
class Field:
    """A field of an issue. `kind` is the type of Jira's schema; one that is on no edit screen is not to be edited."""

    id: str
    name: str
    kind: str
    items: str = ""
    on_edit_screen: bool = True

    @property
    def custom(self) -> bool:
        """Whether an admin made it."""
        return self.id.startswith("customfield_")

    def schema(self) -> dict[str, Any]:
        """Its type, as Jira describes it."""
        made: dict[str, Any] = {"type": self.kind} | ({"items": self.items} if self.items else {})
        if not self.custom:
            return made | {"system": self.id}
        kind = "com.atlassian.jira.plugin.system.customfieldtypes:textarea"
        return made | {"custom": kind, "customId": int(self.id.removeprefix("customfield_"))}


NOTES, HELP_PAGE, REASON = "customfield_10100", "customfield_10101", "customfield_10102"
FIELDS = (
    Field("summary", "Summary", "string"),
    Field("description", "Description", "string"),
    Field("status", "Status", "status"),
    Field("resolution", "Resolution", "resolution"),
    Field("labels", "Labels", "array", "string"),
    Field("reporter", "Reporter", "user"),
    Field("creator", "Creator", "user"),
    Field("assignee", "Assignee", "user"),
    Field("issuetype", "Issue Type", "issuetype"),
    Field("parent", "Parent", "issuelink"),
    Field("subtasks", "Sub-tasks", "array", "issuelinks"),
    Field("issuelinks", "Linked Issues", "array", "issuelinks"),
    Field("project", "Project", "project"),
    Field("priority", "Priority", "priority"),
    Field("created", "Created", "datetime"),
    Field("updated", "Updated", "datetime"),
    Field("resolutiondate", "Resolved", "datetime"),
    Field("comment", "Comment", "comments-page"),
    Field(NOTES, "Release notes", "string"),
    Field(HELP_PAGE, "Help page", "string"),
    Field(REASON, "Reason for going back", "string"),
)


@dataclass(frozen=True)
class Rule:
    """A rule of a transition, native to Jira: who may make it (a condition), or what must be so then (a validator)."""

    id: str
    key: str
    parameters: Mapping[str, str]


@dataclass
class Screen:
    """A screen: which fields a transition shows."""

    id: str
    name: str
    description: str = ""
    fields: list[str] = field(default_factory=list)


@dataclass
class Transition:
    """A way to a status; without `to` it leads to where the issue stands. `sources` None: from everywhere else.

    `needs` are fields that must be given or be filled, `screen` is the id of the screen that it shows.
    """

    id: str
    name: str
    to: str
    sources: frozenset[str] | None = None
    needs: tuple[str, ...] = ()
    hidden_from: set[str] = field(default_factory=set)
    conditions: tuple[Rule, ...] = ()
    validators: tuple[Rule, ...] = ()
    screen: str = ""

    def starts_at(self, status: str) -> bool:
        """Whether it leads away from this status."""
        return status != self.to if self.sources is None else status in self.sources


@dataclass
class Workflow:
    """What projects go by; several may go by the same. Each change gives it another `version`."""

    id: str
    name: str
    transitions: list[Transition]
    version: int = 1


@dataclass
class Project:
    """A project with its workflow. `closed_to` are the logins that may not browse it."""

    id: str
    key: str
    name: str
    about: str
    workflow: Workflow
    closed_to: set[str] = field(default_factory=set)
    last_number: int = 0

    @property
    def transitions(self) -> list[Transition]:
        """The ways of its workflow."""
        return self.workflow.transitions

    def ways(self, status: str, login: str) -> list[Transition]:
        """The transitions that the workflow offers this person from this status."""
        return [way for way in self.transitions if way.starts_at(status) and login not in way.hidden_from]


def _company() -> list[Transition]:
    # No transition is called like the status that it leads to: a name finds the one or the other, never both.
    return [
        Transition("11", "Put back on the list", "To Do"),
        Transition("21", "Start work", "In Progress"),
        Transition("31", "Send to review", "In Review"),
        Transition("41", "Release internally", "Internal"),
        Transition("51", "Start beta", "Beta"),
        Transition("61", "Release to everyone", "Released"),
    ]


def _one_way() -> list[Transition]:
    before = frozenset({"To Do", "In Progress", "In Review", "Internal", "Beta"})
    ways = _company()
    for way in ways:
        way.sources = before - {way.to}
    return ways


def _guarded(service: str) -> list[Transition]:
    """Two ways to Beta, the first of which asks for a reason; Released asks for a resolution; a way we may not go."""
    ways = [way for way in _company() if way.to not in ("Beta", "Released", "Internal")]
    return [
        *ways,
        Transition("41", "Release internally", "Internal", hidden_from={service}),
        Transition("52", "Go back to beta", "Beta", frozenset({"Released"}), (REASON,)),
        Transition("51", "Start beta", "Beta"),
        Transition("61", "Release to everyone", "Released", needs=("resolution",)),
    ]


def projects(service: str) -> list[Project]:
    """The projects of a new site: one as most have it, one without a way back, one that asks and hides."""
    hides = "Asks for fields, and hides a transition from the service"
    return [
        Project("10010", "APP", "App", "From every status to every other", _workflow("APP", _company())),
        Project("10011", "ONE", "One way", "Nothing leads away from Released", _workflow("ONE", _one_way())),
        Project("10012", "GUARD", "Guarded", hides, _workflow("GUARD", _guarded(service))),
    ]


def _workflow(key: str, transitions: list[Transition]) -> Workflow:
    name = f"Software Simplified Workflow for Project {key}"
    return Workflow(str(uuid5(NAMESPACE_URL, name)), name, transitions)
