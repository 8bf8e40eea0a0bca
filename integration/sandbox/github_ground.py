"""What the acts of the sandbox's GitHub stand on: its repositories and teams, finding things, telling of changes."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Concatenate, ParamSpec, TypeVar

from integration.sandbox import github_shapes as shapes
from integration.sandbox.consent import Consents
from integration.sandbox.github_model import Comment, Event, Issue, Label, Manifests, Repo, Team
from integration.sandbox.ground import Ground
from integration.sandbox.limits import Calls, Limits
from integration.sandbox.people import ORG, PEOPLE, SERVICE, now
from integration.sandbox.rendering import Rendered, render

S = TypeVar("S", bound="GitHubGround")
P = ParamSpec("P")
R = TypeVar("R")
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
STAGE_LABELS = {
    "stage: development": "c5def5",
    "stage: internal": "bfd4f2",
    "stage: beta": "fbca04",
    "stage: public": "0e8a16",
}
OTHER_LABELS = {"bug": "d73a4a", "internal-only": "ededed"}

via_app: ContextVar[bool] = ContextVar("via_app", default=False)
"""Is the act under way one of an App's installation? Timeline and comments then name the App."""


def locked(act: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """An act that nobody else's comes between."""

    @functools.wraps(act)
    def under_lock(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.world.lock:
            return act(self, *args, **kwargs)

    return under_lock


class NotThereError(Exception):
    """What was asked for is not there."""


class GoneError(NotThereError):
    """The issue was deleted."""


class MovedError(NotThereError):
    """The issue lives elsewhere now."""

    def __init__(self, repo: Repo, number: int) -> None:
        super().__init__(f"moved to {repo.full_name}#{number}")
        self.repo = repo
        self.number = number


class ForbiddenError(Exception):
    """GitHub's 403 for what nobody, or not everybody, may do here at this time: the conversation is locked, …"""


class UnprocessableError(Exception):
    """GitHub's 422: a field that it refuses."""

    def __init__(self, resource: str, field: str, code: str, message: str = "") -> None:
        super().__init__(message or f"{resource}.{field}: {code}")
        self.resource, self.field, self.code, self.message = resource, field, code, message


class GitHubGround:
    """The state, and what every act on it needs. The switches at the top of `__init__` are for tests and for pages."""

    def __init__(self, world: Ground) -> None:
        self.rename_history = True  # does a label's new name show in old timeline entries too?
        self.knows_ties = True  # False: an older Enterprise server, without sub-issues and dependencies
        self.team_visible: dict[str, bool] = {}  # False: a mention of that team does not resolve
        self.app_permissions = {"metadata": "read", "issues": "write", "pull_requests": "write", "members": "read"}
        self.app_events = [*_APP_EVENTS]
        self.token_scopes: tuple[str, ...] | None = ("repo", "read:org", "admin:repo_hook", "admin:org_hook")
        self.limits, self.calls = Limits(), Calls()
        self.hook_readers = {SERVICE}  # who may see webhooks, as an administrator does
        self.other_users = {"octocat"}  # logins that exist but belong to nobody in the cast
        self.manifests = Manifests()
        self.oauth = Consents()
        self.world = world
        self.repos: dict[int, Repo] = {}
        self.old_names: dict[str, int] = {}
        self.teams = {team.slug: team for team in _teams()}
        self._ids = {kind: itertools.count(first) for kind, first in _FIRST_IDS.items()}
        self._living: dict[int, tuple[int, int]] = {}  # an issue's id -> its repository's id and its number
        self._quiet = False
        for name, private in (("app", False), ("web", False), ("secret", True)):
            self._found_repo(name, private)

    # -- finding -------------------------------------------------------------------------------------------------

    def repo(self, full_name: str) -> Repo:
        """A repository by the name it has today. Raises `NotThereError`."""
        for repo in self.repos.values():
            if repo.full_name.lower() == full_name.lower():
                return repo
        raise NotThereError(full_name)

    def renamed_to(self, full_name: str) -> Repo | None:
        """The repository that once had this name."""
        return self.repos.get(self.old_names.get(full_name.lower(), 0))

    def issue(self, repo: str | Repo, number: int) -> Issue:
        """An issue. Raises `MovedError`, `GoneError` or `NotThereError`."""
        repo = self._repo(repo)
        if number in repo.moved:
            place, there = repo.moved[number]
            raise MovedError(self.repos[place], there)
        if number in repo.deleted:
            raise GoneError(f"{repo.full_name}#{number}")
        if number not in repo.issues:
            raise NotThereError(f"{repo.full_name}#{number}")
        return repo.issues[number]

    def by_id(self, issue_id: int) -> tuple[Repo, Issue]:
        """An issue by its id, and where it lives. Raises `NotThereError`."""
        place, number = self._living.get(issue_id, (0, 0))
        if place not in self.repos or number not in self.repos[place].issues:
            raise NotThereError(f"issue {issue_id}")
        return self.repos[place], self.repos[place].issues[number]

    def tied(self, ids: list[int], viewer: str = "") -> list[tuple[Repo, Issue]]:
        """Those of these issues that are still there; with a viewer, those that they may see."""
        found = []
        for one in ids:
            try:
                repo, issue = self.by_id(one)
            except NotThereError:
                continue
            if not viewer or self.role(repo, viewer) != "none":
                found.append((repo, issue))
        return found

    def shows(self, entry: Event | Comment, viewer: str) -> bool:
        """May they see this entry of a timeline? A mention in what they may not read is not shown."""
        return isinstance(entry, Comment) or not entry.source or bool(self.tied([entry.source], viewer))

    def find_comment(self, repo: str | Repo, comment_id: int) -> tuple[Issue, Comment]:
        """A comment and its issue. Raises `NotThereError`."""
        for issue in self._repo(repo).issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        raise NotThereError(f"comment {comment_id}")

    def label_names(self, repo: str | Repo, number: int) -> list[str]:
        """The names of the labels that are on an issue now."""
        repo = self._repo(repo)
        return [repo.labels[label].name for label in self.issue(repo, number).labels]

    def role(self, repo: str | Repo, login: str) -> str:
        """The highest role somebody has at a repository: none, read, triage, write, maintain or admin."""
        repo = self._repo(repo)
        roles = {repo.people.get(login, "none"), "none" if repo.private else "read"}
        roles |= {role for slug, role in repo.teams.items() if login in self.teams[slug].members}
        return max(roles, key=ROLES.index)

    def is_collaborator(self, repo: str | Repo, login: str) -> bool:
        """Has somebody been given access, by name or through a team?"""
        repo = self._repo(repo)
        return login in repo.people or any(login in self.teams[slug].members for slug in repo.teams)

    def page(self, repo: Repo, number: int) -> str:
        """The address of an issue's page."""
        return f"{self.world.url}/github/{repo.full_name}/issues/{number}"

    def rendered(self, repo: Repo, body: str, author: str) -> Rendered:
        """A body as GitHub shows it."""
        return render(body, _Known(self, repo, author))

    # -- webhooks ------------------------------------------------------------------------------------------------

    def ping(self) -> None:
        """Send the greeting that a new webhook gets; an App's has no repository."""
        for hook in self.world.hooks.hooks("github"):
            payload = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": shapes.hook(hook)}
            self.world.hooks.send("github", "ping", payload)

    def installation(self, action: str, by: str = "rhea") -> None:
        """Tell that the App was installed (`created`), removed (`deleted`), and so on."""
        payload = {
            "action": action,
            "installation": shapes.installation(self),
            "repositories": [shapes.short_repository(repo) for repo in self.repos.values()],
            "sender": shapes.user(self, by),
        }
        self.world.hooks.send("github", "installation", payload)

    @contextmanager
    def quietly(self) -> Iterator[None]:
        """Send no webhooks for the length of the block: history is being made."""
        was, self._quiet = self._quiet, True
        try:
            yield
        finally:
            self._quiet = was

    # -- for the acts --------------------------------------------------------------------------------------------

    def _repo(self, repo: str | Repo) -> Repo:
        return repo if isinstance(repo, Repo) else self.repo(repo)

    def _both(self, repo: str | Repo, number: int) -> tuple[Repo, Issue]:
        repo = self._repo(repo)
        return repo, self.issue(repo, number)

    def _act_on(self, repo: str | Repo, number: int) -> tuple[Repo, Issue]:
        """An issue that is to be changed. Raises `ForbiddenError` where the repository is archived."""
        repo, issue = self._both(repo, number)
        self._writable(repo)
        return repo, issue

    def _writable(self, repo: Repo) -> None:
        if repo.archived:
            raise ForbiddenError("Repository was archived so is read-only.")

    def _may_speak(self, repo: Repo, issue: Issue, by: str) -> None:
        """On a locked conversation only those who may write to the repository speak; an App never does."""
        self._writable(repo)
        if issue.locked and (via_app.get() or ROLES.index(self.role(repo, by)) < ROLES.index("write")):
            raise ForbiddenError("Unable to create comment because issue is locked.")

    def _id(self, kind: str) -> int:
        return next(self._ids[kind])

    def _found_repo(self, name: str, private: bool) -> None:
        repo = Repo(self._id("repo"), name, private)
        for label, color in (STAGE_LABELS | OTHER_LABELS).items():
            made = Label(self._id("label"), label, color)
            repo.labels[made.id] = made
        repo.people = {"erin": "write", "evan": "write", SERVICE: "write", "stale-bot[bot]": "triage"}
        repo.teams = {"release-managers": "maintain"}
        if not private:
            repo.teams |= {"support": "triage", "growth": "read", "docs": "read"}
        self.repos[repo.id] = repo

    def _settle(self, repo: Repo, issue: Issue) -> None:
        """From now on the issue lives here."""
        repo.issues[issue.number] = issue
        self._living[issue.id] = (repo.id, issue.number)

    def _event(
        self,
        event: str,
        by: str,
        when: datetime,
        label: Label | None = None,
        extra: dict[str, Any] | None = None,
    ) -> Event:
        made = Event(self._id("event"), event, by, when, via_app.get(), extra=extra or {})
        if label:
            made.label_id, made.label, made.color = label.id, label.name, label.color
        return made

    def _touch(self, issue: Issue, when: datetime) -> None:
        issue.updated = max(issue.updated, when)

    def _mention(self, repo: Repo, issue: Issue, body: str, by: str, when: datetime) -> None:
        """Tell each issue that a body links to, once, that this one mentions it. No webhook tells of it."""
        if not _MAY_MENTION.search(body):
            return
        for place, number in re.findall(_ADDRESS, self.rendered(repo, body, by).html):
            try:
                there, other = self._both(place, int(number))
            except NotThereError:
                continue
            known = any(entry.source == issue.id for entry in other.events)
            if other is not issue and not known and self.role(there, by) != "none":
                event = self._event("cross-referenced", by, when)
                event.source = issue.id
                other.timeline.append(event)

    def _shape(self, repo: Repo, issue: Issue) -> dict[str, Any]:
        return shapes.issue(self, repo, issue)

    def _tell_issue(self, action: str, repo: Repo, issue: Issue, by: str, **more: Any) -> None:
        if issue.pull_request:
            more["number"] = issue.number
            self._send("pull_request", action, repo, by, pull_request=shapes.pull_request(self, repo, issue), **more)
        else:
            self._send("issues", action, repo, by, issue=self._shape(repo, issue), **more)

    def _tell_comment(self, action: str, repo: Repo, issue: Issue, comment: Comment, by: str, **more: Any) -> None:
        shape = shapes.comment(self, repo, issue, comment)
        self._send("issue_comment", action, repo, by, issue=self._shape(repo, issue), comment=shape, **more)

    def _send(self, event: str, action: str, repo: Repo, by: str, **parts: Any) -> None:
        repo.updated = second(None)
        if self._quiet:
            return
        payload = {"action": action, **parts, "repository": shapes.repository(self, repo)}
        payload |= {"organization": shapes.organization(self), "sender": shapes.user(self, by)}
        payload["installation"] = {"id": 1, "node_id": "MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9uMQ=="}
        self.world.hooks.send("github", event, payload)


_APP_EVENTS = (
    "issues", "issue_comment", "issue_dependencies", "label", "pull_request", "push", "repository", "sub_issues",
)  # fmt: skip
_MAY_MENTION = re.compile(r"#\d|gh-\d|/issues/\d", re.IGNORECASE)  # worth rendering, which a long history would feel
_ADDRESS = re.compile(rf'href="[^"]*/github/({ORG}/[\w.-]+)/issues/(\d+)(?:[#?][^"]*)?"')
_FIRST_IDS = {
    "repo": 101,
    "label": 5_000_000_001,
    "issue": 3_000_000_001,
    "comment": 2_000_000_001,
    "event": 9_000_000_001,
    "reaction": 400_000_001,
}


def _teams() -> list[Team]:
    names = {"support": "Support", "growth": "Growth", "docs": "Docs", "release-managers": "Release managers"}
    teams = []
    for number, (slug, name) in enumerate(names.items(), 11):
        members = {one.login: "member" for one in PEOPLE.values() if slug in one.teams}
        if "support-lead" in members:
            members["support-lead"] = "maintainer"
        teams.append(Team(number, slug, name, members))
    return teams


def second(at: datetime | None) -> datetime:
    """A time, now if none is given, as exact as GitHub writes it."""
    return (at or now()).replace(microsecond=0)


class _Known:
    """What a comment's author can link to."""

    def __init__(self, state: GitHubGround, repo: Repo, author: str) -> None:
        self.state, self.repo, self.author = state, repo, author

    def user(self, login: str) -> str | None:
        logins = [one for one in self.state.world.people if not one.endswith("[bot]")] + sorted(self.state.other_users)
        return next((one for one in logins if one.lower() == login.lower()), None)

    def team(self, org: str, slug: str) -> bool:
        team = self.state.teams.get(slug)
        if org != ORG or team is None or not self.state.team_visible.get(slug, True):
            return False
        if self.author in team.members:
            return True
        author = self.state.world.people.get(self.author)
        if author is None or author.bot:
            return author is not None and "members" in self.state.app_permissions
        return team.privacy == "closed" and author.in_org

    def issue(self, place: str, number: int) -> str | None:
        try:
            repo = self.state.repo(place) if place else self.repo
        except NotThereError:
            return None
        if self.state.role(repo, self.author) == "none" or number not in repo.issues:
            return None
        return self.state.page(repo, number)

    def commit(self, sha: str) -> str:
        return f"https://github.com/{self.repo.full_name}/commit/{sha}"
