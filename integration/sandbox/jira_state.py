"""The sandbox's Jira site in memory: issues with their whole history, who may do what, and a webhook for each change.

Its methods are what people do: the REST routes, the pages and the tests all act through them, in somebody's name.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from integration.sandbox import jira_bodies, jira_rules
from integration.sandbox.ground import Ground
from integration.sandbox.jira_ties import ISSUE_TYPES, SUBTASK_LINK, IssueType, Link, RemoteLink, read_as, told
from integration.sandbox.jira_workflow import (
    FIELDS,
    RESOLUTIONS,
    STATUSES,
    Field,
    Project,
    Screen,
    Status,
    Transition,
    projects,
)
from integration.sandbox.limits import Calls, Limits
from integration.sandbox.people import SERVICE, Someone, now

LONGEST = 32_767
EDITABLE = ("summary", "description", "labels")
PERMISSIONS: Mapping[str, str] = {
    "BROWSE_PROJECTS": "Browse Projects",
    "TRANSITION_ISSUES": "Transition Issues",
    "EDIT_ISSUES": "Edit Issues",
    "CREATE_ISSUES": "Create Issues",
    "DELETE_ISSUES": "Delete Issues",
    "MOVE_ISSUES": "Move Issues",
    "ADD_COMMENTS": "Add Comments",
    "EDIT_OWN_COMMENTS": "Edit Own Comments",
    "DELETE_OWN_COMMENTS": "Delete Own Comments",
    "ADMINISTER_PROJECTS": "Administer Projects",
    "USER_PICKER": "Browse users and groups",
    "ADMINISTER": "Administer Jira",
}


class JiraSaysNo(Exception):
    """What Jira refuses, with the status and the two lists of reasons that its answer carries."""

    def __init__(self, status: int, *messages: str, errors: Mapping[str, str] | None = None) -> None:
        super().__init__(" ".join([*messages, *(errors or {}).values()]))
        self.status = status
        self.messages = list(messages)
        self.errors = dict(errors or {})


@dataclass(frozen=True)
class Change:
    """One entry of an issue's history. `items` are as the changelog shows them on Cloud."""

    id: int
    author: str
    at: datetime
    items: tuple[Mapping[str, Any], ...]


@dataclass
class JiraComment:
    """A comment, with its hidden properties. `adf` is the document that it was written as, if it was one."""

    id: int
    author: str
    body: str
    created: datetime
    updated: datetime
    update_author: str
    properties: dict[str, Any] = field(default_factory=dict)
    adf: Mapping[str, Any] | None = None


@dataclass
class JiraIssue:
    """An issue as it is now, and how it came to be so. People are logins."""

    id: int
    key: str
    project: Project
    summary: str
    description: str
    status: Status
    reporter: str
    created: datetime
    updated: datetime
    labels: list[str] = field(default_factory=list)
    resolution: str | None = None
    resolved: datetime | None = None
    custom: dict[str, str] = field(default_factory=dict)
    history: list[Change] = field(default_factory=list)
    comments: list[JiraComment] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    closed_to: set[str] = field(default_factory=set)
    archived: bool = False
    type: IssueType = ISSUE_TYPES["Story"]
    parent: int | None = None
    pages: list[RemoteLink] = field(default_factory=list)


class JiraState:
    """One Jira site. Tests turn its knobs; everything else goes through its methods.

    `flavour` decides the bodies (Cloud, or Data Center: "server"); `embedded_histories` and `embedded_comments` are how
    many of each Cloud puts into an issue (the newest histories, the oldest comments), `page_size` the most that a page
    of a listing holds; `bare_comment_hooks`: Data Center's comment webhooks name no issue; `conflicts`: so many
    transitions answer 409; `denied`: pairs of login and permission that are taken away; `admins`: who may set it up.
    """

    def __init__(self, world: Ground, flavour: Literal["cloud", "server"] = "cloud") -> None:
        self.world = world
        self.flavour: Literal["cloud", "server"] = flavour
        self.limits, self.calls = Limits(), Calls()
        self.embedded_histories = 100
        self.embedded_comments = 5000
        self.page_size = 100
        self.bare_comment_hooks = True
        self.conflicts = 0
        self.denied: set[tuple[str, str]] = set()
        self.inactive: set[str] = set()
        self.groups: dict[str, list[str]] = _groups(world.people.values())
        self.projects: dict[str, Project] = {one.key: one for one in projects(SERVICE)}
        self.statuses: dict[str, Status] = {one.name: one for one in STATUSES}
        self.fields: dict[str, Field] = {one.id: one for one in FIELDS}
        self.screens: dict[str, Screen] = {}
        self.admins: set[str] = {"rhea"}
        self.issues: dict[int, JiraIssue] = {}
        self.links: dict[int, Link] = {}
        self.moved: dict[str, int] = {}
        self._last_id = 10_100

    def limit(self, get: int = 100, post: int = 100, put: int = 50, delete: int = 50) -> None:
        """Enforce Cloud's limits from now on: requests of each kind a second, and writes to one issue."""
        each = {"GET": (get, 1.0), "POST": (post, 1.0), "PUT": (put, 1.0), "DELETE": (delete, 1.0)}
        self.limits.enforce(each | {"issue": (20, 2.0), "issue, longer": (100, 30.0)})

    @property
    def cloud(self) -> bool:
        """Whether it is Atlassian's, not one's own."""
        return self.flavour == "cloud"

    @property
    def url(self) -> str:
        """Where this site is served."""
        return f"{self.world.url}/jira"

    # -- finding -------------------------------------------------------------------------------------------------

    def find(self, key_or_id: str) -> JiraIssue | None:
        """The issue of that key (also one that it had before it was moved) or id."""
        if key_or_id.isdigit():
            return self.issues.get(int(key_or_id))
        wanted = key_or_id.upper()
        return next((one for one in self.issues.values() if one.key == wanted), None) or self.issues.get(
            self.moved.get(wanted, 0)
        )

    def issue(self, key_or_id: str) -> JiraIssue:
        """The same. Raises `JiraSaysNo` (404)."""
        found = self.find(key_or_id)
        if found is None:
            raise JiraSaysNo(404, "Issue does not exist or you do not have permission to see it.")
        return found

    def find_comment(self, comment_id: str) -> tuple[JiraIssue, JiraComment]:
        """A comment of any issue, with its issue. Raises `JiraSaysNo` (404)."""
        for issue in self.issues.values():
            for comment in issue.comments:
                if str(comment.id) == comment_id:
                    return issue, comment
        raise JiraSaysNo(404, f"Can not find a comment for the id: {comment_id}.")

    def named(self, name: str) -> Someone | None:
        """The person of that account id (Cloud), or of that user name or key (Data Center)."""
        known = ("accountId",) if self.cloud else ("name", "key")
        for login, someone in self.world.people.items():
            if name in (jira_bodies.person(self, login)[what] for what in known):
                return someone
        return None

    def groups_of(self, login: str) -> list[str]:
        """The groups that this person is in, by name."""
        return sorted(name for name, members in self.groups.items() if login in members)

    def may(self, login: str, permission: str, place: JiraIssue | Project | None = None) -> bool:
        """Whether this person has a permission. Whoever is in no group may read and comment, and no more."""
        if login in self.inactive or (login, permission) in self.denied:
            return False
        project = place.project if isinstance(place, JiraIssue) else place
        shut = (project.closed_to if project else set()) | (place.closed_to if isinstance(place, JiraIssue) else set())
        if login in shut or (isinstance(place, JiraIssue) and place.archived and permission != "BROWSE_PROJECTS"):
            return False
        groups = self.groups_of(login)
        if permission == "ADMINISTER":
            return login in self.admins
        if permission == "ADMINISTER_PROJECTS":
            return login == SERVICE or "release-managers" in groups
        return bool(groups) or permission in ("BROWSE_PROJECTS", "ADD_COMMENTS")

    def ways(self, issue: JiraIssue, login: str) -> list[Transition]:
        """The transitions that this person may make now."""
        allowed = self.may(login, "TRANSITION_ISSUES", issue)
        ways = issue.project.ways(issue.status.name, login) if allowed else []
        return [way for way in ways if jira_rules.allows(self, issue, way, login)]

    # -- what people do ------------------------------------------------------------------------------------------

    def create_issue(
        self,
        project: str,
        summary: str,
        by: str,
        description: str = "",
        status: str | None = None,
        at: datetime | None = None,
        labels: Iterable[str] = (),
        custom: Mapping[str, str] | None = None,
        type: str = "Story",
        parent: str | None = None,
    ) -> str:
        """A new issue, in the workflow's first status unless another is given. Answers with its key."""
        with self.world.lock:
            place, when = self.projects[project], at or now()
            place.last_number += 1
            begin = self.statuses[status or "To Do"]
            issue = JiraIssue(
                self._next_id(), f"{project}-{place.last_number}", place, summary, description, begin, by, when, when,
                sorted(labels), custom=dict(custom or {}), type=ISSUE_TYPES[type],
                parent=self.issue(parent).id if parent else None,
            )  # fmt: skip
            self._resolve(issue, begin.name, None, when)
            self.issues[issue.id] = issue
            self._tell("jira:issue_created", issue, by, when, issue_event_type_name="issue_created")
            if issue.parent:
                link = Link(self._next_id(), SUBTASK_LINK, issue.parent, issue.id)
                self._tell_link("issuelink_created", link, when)
            return issue.key

    def transition(
        self,
        key: str,
        to: str,
        by: str,
        at: datetime | None = None,
        *,
        way: str | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> Change:
        """Send an issue to a status (or through the transition whose id is `way`). Raises `JiraSaysNo`."""
        with self.world.lock:
            issue = self.issue(key)
            fitting = [one for one in self.ways(issue, by) if (one.id == way if way else one.to == to)]
            if not fitting:
                named = next((one.name for one in issue.project.transitions if one.id == way), to)
                raise JiraSaysNo(400, _not_now(named, issue))
            if self.conflicts:
                self.conflicts -= 1
                raise JiraSaysNo(409, f"Another change of issue {issue.key} is under way. Please try again.")
            chosen = next((one for one in fitting if not one.needs), fitting[0])
            items = self._fill(issue, chosen, fields or {})
            return self._enter(issue, chosen, by, at or now(), items)

    def edit(self, key: str, by: str, at: datetime | None = None, **fields: Any) -> Change | None:
        """Set fields (`summary`, `description`, `labels`, custom ones); None where that changed nothing."""
        with self.world.lock:
            issue = self.issue(key)
            if hidden := [name for name in fields if name in self.fields and not self.fields[name].on_edit_screen]:
                raise JiraSaysNo(400, errors={name: _not_on_screen(name) for name in hidden})
            items = self._set_all(issue, fields)
            return self._log(issue, by, at or now(), items, "issue_updated") if items else None

    def set_description(self, key: str, text: str, by: str, at: datetime | None = None) -> Change | None:
        """Write the description anew."""
        return self.edit(key, by, at, description=text)

    def set_field(self, key: str, name: str, value: Any, by: str, at: datetime | None = None) -> Change | None:
        """Set one field, by its id or by the name that people see (`Help page`)."""
        known = next((one.id for one in self.fields.values() if one.name == name), name)
        return self.edit(key, by, at, **{known: value})

    def close(self, key: str, by: str, resolution: str = "Done", at: datetime | None = None) -> Change:
        """Send an issue to the status that is done, with that resolution, whatever else the way there asks for."""
        with self.world.lock:
            issue = self.issue(key)
            done = next(one for one in self.statuses.values() if one.category == "done")
            if issue.status is done:
                raise JiraSaysNo(400, _not_now(done.name, issue))
            items = [item for item in [self._resolve(issue, "", resolution, at or now())] if item]
            return self._enter(issue, Transition("0", "Close", done.name), by, at or now(), items)

    def reopen(self, key: str, by: str, at: datetime | None = None) -> Change:
        """Send an issue back to the first status."""
        return self.transition(key, "To Do", by, at)

    def link(self, key: str, type: str, other: str, by: str = "erin", at: datetime | None = None) -> str:
        """Link two issues so that one reads `key type other`: `APP-1 is blocked by APP-2`. Answers with the link's id.

        `type` is a type's name (which reads outward: `Blocks`) or its words in one direction. Raises `JiraSaysNo`.
        """
        with self.world.lock:
            issue, there, when = self.issue(key), self.issue(other), at or now()
            known = read_as(type)
            if known is None:
                raise JiraSaysNo(404, f"No issue link type with name '{type}' found.")
            begins, ends = (there, issue) if known[1] else (issue, there)
            link = Link(self._next_id(), known[0], begins.id, ends.id)
            self.links[link.id] = link
            self._note_link(link, by, when, made=True)
            self._tell_link("issuelink_created", link, when)
            return str(link.id)

    def unlink(self, link_id: str, by: str = "erin", at: datetime | None = None) -> None:
        """Take a link away. Raises `JiraSaysNo` (404)."""
        with self.world.lock:
            link, when = self.links.pop(int(link_id), None) if link_id.isdecimal() else None, at or now()
            if link is None:
                raise JiraSaysNo(404, f"No issue link with id '{link_id}' exists.")
            self._note_link(link, by, when, made=False)
            self._tell_link("issuelink_deleted", link, when)

    def add_subtask(self, key: str, summary: str, by: str = "erin", **more: Any) -> str:
        """A new sub-task of an issue; `more` as for `create_issue`. Answers with its key."""
        issue = self.issue(key)
        return self.create_issue(issue.project.key, summary, by, type="Sub-task", parent=issue.key, **more)

    def add_remote_link(
        self, key: str, url: str, title: str, by: str = "erin", relationship: str = "", at: datetime | None = None
    ) -> str:
        """Link an issue to a page elsewhere; answers with the link's id. No webhook tells of it."""
        with self.world.lock:
            issue = self.issue(key)
            page = RemoteLink(self._next_id(), url, title, relationship)
            issue.pages.append(page)
            self._note(issue, by, at or now(), [jira_bodies.item("RemoteIssueLink", None, None, str(page.id), title)])
            return str(page.id)

    def take_remote_link(self, key: str, link_id: str, by: str = "erin", at: datetime | None = None) -> None:
        """Take a page away from an issue. Raises `JiraSaysNo` (404)."""
        with self.world.lock:
            issue = self.issue(key)
            page = next((one for one in issue.pages if str(one.id) == link_id), None)
            if page is None:
                raise JiraSaysNo(404, f"No remote link with id '{link_id}' exists.")
            issue.pages.remove(page)
            gone = jira_bodies.item("RemoteIssueLink", link_id, page.title, None, None)
            self._note(issue, by, at or now(), [gone])

    def set_labels(self, key: str, labels: Iterable[str], by: str, at: datetime | None = None) -> Change | None:
        """Replace the labels."""
        return self.edit(key, by, at, labels=list(labels))

    def comment(
        self,
        key: str,
        body: str,
        by: str,
        at: datetime | None = None,
        properties: Mapping[str, Any] | None = None,
        adf: Mapping[str, Any] | None = None,
    ) -> str:
        """Write a comment; answers with its id. Raises `JiraSaysNo` for an empty or a too long one."""
        with self.world.lock:
            issue, when = self.issue(key), at or now()
            check_body(body)
            comment = JiraComment(self._next_id(), by, body, when, when, by, dict(properties or {}), adf)
            issue.comments.append(comment)
            self._tell_comment("comment_created", "issue_commented", issue, comment, by, when)
            return str(comment.id)

    def edit_comment(
        self,
        comment_id: str,
        body: str,
        by: str,
        at: datetime | None = None,
        adf: Mapping[str, Any] | None = None,
    ) -> None:
        """Write a comment anew."""
        with self.world.lock:
            issue, comment = self.find_comment(comment_id)
            check_body(body)
            comment.body, comment.updated, comment.update_author = body, at or now(), by
            comment.adf = adf
            self._tell_comment("comment_updated", "issue_comment_edited", issue, comment, by, comment.updated)

    def delete_comment(self, comment_id: str, by: str, at: datetime | None = None) -> None:
        """Take a comment away."""
        with self.world.lock:
            issue, comment = self.find_comment(comment_id)
            issue.comments.remove(comment)
            self._tell_comment("comment_deleted", "issue_comment_deleted", issue, comment, by, at or now())

    def delete_issue(self, key: str, by: str = "rhea", at: datetime | None = None) -> None:
        """Delete an issue for good."""
        with self.world.lock:
            issue = self.issue(key)
            when = at or now()
            for link in [one for one in self.links.values() if issue.id in (one.begins, one.ends)]:
                self.unlink(str(link.id), by, when)
            for child in [one for one in self.issues.values() if one.parent == issue.id]:
                self.delete_issue(child.key, by, when)
            del self.issues[issue.id]
            self._tell("jira:issue_deleted", issue, by, when, issue_event_type_name="issue_deleted")

    def move_issue(self, key: str, project: str, by: str = "rhea", at: datetime | None = None) -> str:
        """Move an issue to another project; the old key keeps leading to it. Answers with the new key."""
        with self.world.lock:
            issue, place = self.issue(key), self.projects[project]
            place.last_number += 1
            old, new = issue.key, f"{project}-{place.last_number}"
            items = [
                jira_bodies.item("project", issue.project.id, issue.project.name, place.id, place.name),
                jira_bodies.item("Key", None, old, None, new),
            ]
            self.moved[old] = issue.id
            issue.key, issue.project = new, place
            self._log(issue, by, at or now(), items, "issue_moved")
            return new

    # -- what admins do ------------------------------------------------------------------------------------------

    def deactivate(self, login: str) -> None:
        """This person can no longer sign in or browse; who they are stays known."""
        self.inactive.add(login)

    def forbid(self, login: str, place: str) -> None:
        """Keep this person from browsing a project, or one issue."""
        shut = self.projects[place] if place in self.projects else self.issue(place)
        shut.closed_to.add(login)

    def archive(self, key: str, archived: bool = True) -> None:
        """Archive an issue, or restore it. It can be read as before, no search finds it, and no answer says why."""
        self.issue(key).archived = archived

    def make_field(self, name: str, on_edit_screen: bool = False) -> str:
        """A new text field, which at first is on no screen; answers with its id."""
        with self.world.lock:
            made = Field(f"customfield_{10_103 + len(self.fields)}", name, "string", on_edit_screen=on_edit_screen)
            self.fields[made.id] = made
            return made.id

    def make_screen(self, name: str, description: str = "") -> Screen:
        """A new screen without fields."""
        with self.world.lock:
            made = Screen(str(10_200 + len(self.screens)), name, description)
            self.screens[made.id] = made
            return made

    def hide(self, project: str, to: str, login: str = SERVICE) -> None:
        """Hide every transition to that status from this person, as a workflow's condition does."""
        for way in self.projects[project].transitions:
            if way.to == to:
                way.hidden_from.add(login)

    def require(self, project: str, to: str, field_id: str) -> None:
        """Every transition to that status asks for this field from now on."""
        for way in self.projects[project].transitions:
            if way.to == to:
                way.needs = (*way.needs, field_id)

    # -- inner workings ------------------------------------------------------------------------------------------

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _fill(self, issue: JiraIssue, way: Transition, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        foreign = [name for name in given if name not in self.shown_on(way)]
        if foreign:
            raise JiraSaysNo(400, errors={name: _not_on_screen(name) for name in foreign})
        missing = [name for name in way.needs if not given.get(name) and not self._filled(issue, name)]
        if missing:
            raise JiraSaysNo(400, errors={name: f"{self.fields[name].name} is required." for name in missing})
        if said := list(jira_rules.refusals(self, issue, way, given)):
            raise JiraSaysNo(400, *said)
        return self._set_all(issue, given)

    def shown_on(self, way: Transition) -> tuple[str, ...]:
        """The fields that can be written on the way."""
        screen = self.screens.get(way.screen)
        return tuple(dict.fromkeys((*way.needs, *(screen.fields if screen else ()))))

    def _set_all(self, issue: JiraIssue, given: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Set all of these fields, or none of them where one is refused."""
        before = copy.deepcopy((issue.summary, issue.description, issue.labels, issue.custom, issue.resolution))
        try:
            return [item for name, value in given.items() if (item := self._set(issue, name, value))]
        except JiraSaysNo:
            issue.summary, issue.description, issue.labels, issue.custom, issue.resolution = before
            raise

    def _filled(self, issue: JiraIssue, name: str) -> bool:
        return bool(issue.resolution if name == "resolution" else issue.custom.get(name))

    def _set(self, issue: JiraIssue, name: str, value: Any) -> dict[str, Any] | None:
        """Set one field; its changelog item, or None where nothing changed. Raises `JiraSaysNo` (400)."""
        known = self.fields.get(name)
        if name == "resolution":
            return self._set_resolution(issue, value)
        if known is None or not (known.custom or name in EDITABLE):
            raise JiraSaysNo(400, errors={name: _not_on_screen(name)})
        if name == "labels":
            return _set_labels(issue, value)
        if not isinstance(value, str | None):
            raise JiraSaysNo(400, errors={name: "Operation value must be a string"})
        if name == "summary" and not (value or "").strip():
            raise JiraSaysNo(400, errors={name: "You must specify a summary of the issue."})
        was = issue.custom.get(name) if known.custom else getattr(issue, name)
        if (was or "") == (value or ""):
            return None
        if known.custom:
            issue.custom[name] = value or ""
        else:
            setattr(issue, name, value or "")
        return jira_bodies.item(name, None, was, None, value, shown=known.name if known.custom else name)

    def _set_resolution(self, issue: JiraIssue, value: Any) -> dict[str, Any] | None:
        name = value.get("name") if isinstance(value, Mapping) else None
        if name is None and isinstance(value, Mapping):
            name = next((known for known, its_id in RESOLUTIONS.items() if its_id == str(value.get("id"))), None)
        if name not in RESOLUTIONS:
            raise JiraSaysNo(400, errors={"resolution": "The resolution that was given is not known."})
        return self._resolve(issue, "", name, now())

    def _resolve(self, issue: JiraIssue, status: str, name: str | None, when: datetime) -> dict[str, Any] | None:
        """What entering a status does to the resolution: Released is Done, everything else is unresolved."""
        if status:
            done = self.statuses[status].category == "done"
            name = (issue.resolution or "Done") if done else None
        was, issue.resolution = issue.resolution, name
        if was == name:
            return None
        issue.resolved = when if name else None
        was_id, new_id = (RESOLUTIONS.get(one or "") for one in (was, name))
        return jira_bodies.item("resolution", was_id, was, new_id, name)

    def _enter(self, issue: JiraIssue, way: Transition, by: str, when: datetime, items: list[dict[str, Any]]) -> Change:
        if not way.to:
            return self._log(issue, by, when, items, "issue_generic")
        was, issue.status = issue.status, self.statuses[way.to]
        if cleared := self._resolve(issue, way.to, None, when):
            items.append(cleared)
        items.append(jira_bodies.item("status", was.id, was.name, issue.status.id, issue.status.name))
        return self._log(issue, by, when, items, "issue_generic")

    def _note(self, issue: JiraIssue, by: str, when: datetime, items: Sequence[Mapping[str, Any]]) -> Change:
        """Write into the issue's history, and tell nobody."""
        change = Change(self._next_id(), by, when, tuple(items))
        issue.history.append(change)
        issue.updated = max(issue.updated, when)
        return change

    def _note_link(self, link: Link, by: str, when: datetime, made: bool) -> None:
        """Jira writes a link into the history of both its issues; only `issuelink_…` is told of it."""
        for here, there, words in (
            (link.begins, link.ends, link.type.outward),
            (link.ends, link.begins, link.type.inward),
        ):
            if (issue := self.issues.get(here)) and (other := self.issues.get(there)):
                side = (other.key, f"This issue {words} {other.key}")
                gone, new = ((None, None), side) if made else (side, (None, None))
                self._note(issue, by, when, [jira_bodies.item("Link", *gone, *new)])

    def _tell_link(self, event: str, link: Link, when: datetime) -> None:
        stamp = int(when.timestamp() * 1000)
        self._send(event, {"timestamp": stamp, "webhookEvent": event, "issueLink": told(link)})

    def _log(self, issue: JiraIssue, by: str, when: datetime, items: Sequence[Mapping[str, Any]], kind: str) -> Change:
        change = self._note(issue, by, when, items)
        log = {"id": str(change.id), "items": jira_bodies.items(self, change)}
        self._tell("jira:issue_updated", issue, by, when, issue_event_type_name=kind, changelog=log)
        return change

    def _tell(self, event: str, issue: JiraIssue, by: str, when: datetime, **more: Any) -> None:
        payload = {
            "timestamp": int(when.timestamp() * 1000),
            "webhookEvent": event,
            **{name: value for name, value in more.items() if name == "issue_event_type_name"},
            "user": jira_bodies.person(self, by),
            "issue": jira_bodies.issue(self, issue),
            **{name: value for name, value in more.items() if name != "issue_event_type_name"},
        }
        self._send(event, payload)

    def _tell_comment(
        self, event: str, kind: str, issue: JiraIssue, comment: JiraComment, by: str, when: datetime
    ) -> None:
        issue.updated = max(issue.updated, when)
        body = jira_bodies.comment(self, issue, comment)
        payload: dict[str, Any] = {"timestamp": int(when.timestamp() * 1000), "webhookEvent": event, "comment": body}
        if self.cloud or not self.bare_comment_hooks:
            payload["issue"] = jira_bodies.brief(self, issue)
        self._send(event, payload)
        if not self.cloud:
            # Data Center tells of a comment twice; only this second delivery names the issue.
            self._tell("jira:issue_updated", issue, by, when, issue_event_type_name=kind, comment=body)

    def _send(self, event: str, payload: Mapping[str, Any]) -> None:
        bare = {
            "X-Atlassian-Webhook-Identifier": "",
            "X-Atlassian-Webhook-Flow": "",
            "User-Agent": "Atlassian HttpClient",
        }
        self.world.hooks.send("jira", event, payload, None if self.cloud else bare)


def _groups(people: Iterable[Someone]) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for someone in people:
        for name in someone.groups:
            made.setdefault(name, []).append(someone.login)
    return made


def _set_labels(issue: JiraIssue, value: Any) -> dict[str, Any] | None:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise JiraSaysNo(400, errors={"labels": "data was not an array"})
    if spaced := next((one for one in value if " " in one or not one), None):
        raise JiraSaysNo(400, errors={"labels": f"The label '{spaced}' contains spaces which is invalid."})
    was, issue.labels = issue.labels, sorted(set(value))
    if was == issue.labels:
        return None
    return jira_bodies.item("labels", None, " ".join(was), None, " ".join(issue.labels))


def check_body(body: str) -> None:
    """Raise `JiraSaysNo` (400) where Jira would not take this as a comment."""
    if not body.strip():
        raise JiraSaysNo(400, errors={"comment": "Comment body can not be empty!"})
    if len(body) > LONGEST:
        limit = f"The entered text is too long. It exceeds the allowed limit of {LONGEST:,} characters."
        raise JiraSaysNo(400, errors={"comment": limit})


def _not_on_screen(name: str) -> str:
    return f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."


def _not_now(wanted: str, issue: JiraIssue) -> str:
    return (
        f"It seems that you have tried to perform a workflow operation ({wanted}) that is not valid for the current "
        f"state of this issue ({issue.key}). The likely cause is that somebody has changed the issue recently, please "
        "look at the issue history for details."
    )
