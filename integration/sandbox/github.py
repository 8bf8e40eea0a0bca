"""The sandbox's GitHub: its repositories, issues, labels and teams, and what people do to them.

Every act below changes the state, writes the issue's timeline and sends the webhooks that GitHub would send. `by` is a
login. `at` backdates an act; under `quietly()` nothing is sent, which is how a long history is made.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github_files import GitHubFiles
from integration.sandbox.github_ground import (
    ForbiddenError,
    NotThereError,
    UnprocessableError,
    locked,
    second,
    via_app,
)
from integration.sandbox.github_locks import GitHubLocks
from integration.sandbox.github_model import Comment, Event, Issue, Label, Reaction, Repo

__all__ = ["Event", "GitHubState"]

BODY_LIMIT = 65536


class GitHubState(GitHubLocks, GitHubFiles):
    """All of the sandbox's GitHub. Its switches are at the top of `GitHubGround.__init__`."""

    def limit(self, points: int = 900, new: int = 80, new_hourly: int = 500, at_once: int = 100) -> None:
        """Enforce GitHub's secondary limits from now on: points and new comments a minute, comments an hour."""
        each = {"points": (points, 60.0), "new": (new, 60.0), "new hourly": (new_hourly, 3600.0)}
        self.limits.enforce(each, at_once)

    # -- issues --------------------------------------------------------------------------------------------------

    @locked
    def open_issue(
        self,
        repo: str | Repo,
        title: str,
        by: str,
        body: str = "",
        labels: Iterable[str] = (),
        at: datetime | None = None,
        pull_request: bool = False,
    ) -> Issue:
        """Open an issue (or a pull request) with these labels on."""
        repo = self._repo(repo)
        self._writable(repo)
        if not title.strip():
            raise UnprocessableError("Issue", "title", "missing_field")
        _check_body("Issue", body)
        when = second(at)
        repo.last_number += 1
        issue = Issue(self._id("issue"), repo.last_number, title, body, by, when, when, pull_request)
        self._settle(repo, issue)
        self._mention(repo, issue, body, by, when)
        put = [self._put(repo, issue, name, by, when) for name in labels]
        self._tell_issue("opened", repo, issue, by)
        for label in put:
            if label:
                self._tell_issue("labeled", repo, issue, by, label=shapes.label(self, repo, label))
        return issue

    @locked
    def edit(
        self,
        repo: str | Repo,
        number: int,
        by: str,
        title: str | None = None,
        body: str | None = None,
        at: datetime | None = None,
    ) -> Issue:
        """Change the title, the body, or both."""
        repo, issue = self._act_on(repo, number)
        when, changes = second(at), {}
        if title is not None and title != issue.title:
            changes["title"] = {"from": issue.title}
            renamed = {"rename": {"from": issue.title, "to": title}}
            issue.timeline.append(self._event("renamed", by, when, extra=renamed))
            issue.title = title
        if body is not None and body != issue.body:
            _check_body("Issue", body)
            changes["body"] = {"from": issue.body}
            issue.body = body
            self._mention(repo, issue, body, by, when)
        if changes:
            self._touch(issue, when)
            self._tell_issue("edited", repo, issue, by, changes=changes)
        return issue

    @locked
    def close(
        self, repo: str | Repo, number: int, by: str, reason: str = "completed", at: datetime | None = None
    ) -> Issue:
        """Close an issue as `completed` or as `not_planned`."""
        repo, issue = self._act_on(repo, number)
        if issue.state == "closed" and issue.state_reason == reason:
            return issue
        when = second(at)
        issue.state, issue.state_reason, issue.closed, issue.closed_by = "closed", reason, when, by
        issue.timeline.append(self._event("closed", by, when, extra={"state_reason": _reason(reason)}))
        self._touch(issue, when)
        self._tell_issue("closed", repo, issue, by)
        return issue

    @locked
    def reopen(self, repo: str | Repo, number: int, by: str, at: datetime | None = None) -> Issue:
        """Open a closed issue again."""
        repo, issue = self._act_on(repo, number)
        if issue.state == "open":
            return issue
        when = second(at)
        issue.state, issue.state_reason, issue.closed, issue.closed_by = "open", "reopened", None, None
        issue.timeline.append(self._event("reopened", by, when, extra={"state_reason": "reopened"}))
        self._touch(issue, when)
        self._tell_issue("reopened", repo, issue, by)
        return issue

    @locked
    def delete_issue(self, repo: str | Repo, number: int, by: str) -> None:
        """Delete an issue; from then on it is answered with 410."""
        repo, issue = self._act_on(repo, number)
        shape = self._shape(repo, issue)
        self._renumber(issue.id, issue, 0)
        del repo.issues[number]
        repo.deleted.add(number)
        self._send("issues", "deleted", repo, by, issue=shape)

    @locked
    def transfer(self, repo: str | Repo, number: int, to: str | Repo, by: str) -> Issue:
        """Move an issue to another repository: a new number there, its comments and history, its labels by name."""
        repo, issue = self._act_on(repo, number)
        there = self._repo(to)
        when, names, was = second(None), self.label_names(repo, number), self._shape(repo, issue)
        there.last_number += 1
        repo.moved[number] = (there.id, there.last_number)
        self._renumber(issue.id, issue, now := self._id("issue"))
        del repo.issues[number]
        issue.id, issue.number = now, there.last_number
        issue.labels = [label.id for name in names if (label := there.label(name))]
        issue.timeline.append(self._event("transferred", by, when))
        self._settle(there, issue)
        self._touch(issue, when)
        new = {"new_issue": self._shape(there, issue), "new_repository": shapes.repository(self, there)}
        self._send("issues", "transferred", repo, by, issue=was, changes=new)
        old = {"old_issue": was, "old_repository": shapes.repository(self, repo)}
        self._tell_issue("opened", there, issue, by, changes=old)
        return issue

    # -- labels on an issue --------------------------------------------------------------------------------------

    @locked
    def label(self, repo: str | Repo, number: int, name: str, by: str, at: datetime | None = None) -> Issue:
        """Put a label on; one that the repository does not have is made."""
        repo, issue = self._act_on(repo, number)
        put = self._put(repo, issue, name, by, second(at))
        if put:
            self._tell_issue("labeled", repo, issue, by, label=shapes.label(self, repo, put))
        return issue

    @locked
    def unlabel(self, repo: str | Repo, number: int, name: str, by: str, at: datetime | None = None) -> Issue:
        """Take a label off. Raises `NotThereError` where it is not on."""
        repo, issue = self._act_on(repo, number)
        label, when = repo.label(name), second(at)
        if label is None or label.id not in issue.labels:
            raise NotThereError(f"label '{name}' on {repo.full_name}#{number}")
        issue.labels.remove(label.id)
        issue.timeline.append(self._event("unlabeled", by, when, label=label))
        self._touch(issue, when)
        self._tell_issue("unlabeled", repo, issue, by, label=shapes.label(self, repo, label))
        return issue

    # -- comments ------------------------------------------------------------------------------------------------

    @locked
    def comment(self, repo: str | Repo, number: int, body: str, by: str, at: datetime | None = None) -> Comment:
        """Write a comment."""
        repo, issue = self._act_on(repo, number)
        self._may_speak(repo, issue, by)
        _check_body("IssueComment", body, empty=False)
        when = second(at)
        comment = Comment(self._id("comment"), by, body, when, when, via_app.get())
        issue.timeline.append(comment)
        self._mention(repo, issue, body, by, when)
        self._touch(issue, when)
        self._tell_comment("created", repo, issue, comment, by)
        return comment

    @locked
    def edit_comment(
        self, repo: str | Repo, comment_id: int, body: str, by: str, at: datetime | None = None
    ) -> Comment:
        """Write a comment anew."""
        repo = self._repo(repo)
        issue, comment = self.find_comment(repo, comment_id)
        self._may_speak(repo, issue, by)
        _check_body("IssueComment", body, empty=False)
        was, comment.body, comment.updated = comment.body, body, second(at)
        self._mention(repo, issue, body, comment.by, comment.updated)
        self._touch(issue, comment.updated)
        self._tell_comment("edited", repo, issue, comment, by, changes={"body": {"from": was}})
        return comment

    @locked
    def delete_comment(self, repo: str | Repo, comment_id: int, by: str) -> None:
        """Delete a comment; the timeline forgets it."""
        repo = self._repo(repo)
        issue, comment = self.find_comment(repo, comment_id)
        self._may_speak(repo, issue, by)
        issue.timeline.remove(comment)
        self._touch(issue, second(None))
        self._tell_comment("deleted", repo, issue, comment, by)

    @locked
    def react(self, repo: str | Repo, comment_id: int, content: str, by: str) -> tuple[Reaction, bool]:
        """Put a sign on a comment; the answer says whether it is new. No webhook tells of it."""
        repo = self._repo(repo)
        issue, comment = self.find_comment(repo, comment_id)
        self._writable(repo)
        if issue.locked:
            raise ForbiddenError("Reactions are disabled on a locked conversation.")
        if content not in shapes.REACTIONS:
            raise UnprocessableError("Reaction", "content", "invalid")
        for reaction in comment.reactions:
            if (reaction.by, reaction.content) == (by, content):
                return reaction, False
        reaction = Reaction(self._id("reaction"), by, content, second(None))
        comment.reactions.append(reaction)
        return reaction, True

    # -- labels of a repository ----------------------------------------------------------------------------------

    @locked
    def create_label(
        self, repo: str | Repo, name: str, by: str, color: str = "ededed", description: str | None = None
    ) -> Label:
        """Make a label. Raises `UnprocessableError` where there is one of that name."""
        repo = self._repo(repo)
        self._writable(repo)
        if not name.strip() or len(name) > 50:
            raise UnprocessableError("Label", "name", "invalid")
        if repo.label(name):
            raise UnprocessableError("Label", "name", "already_exists")
        label = Label(self._id("label"), name, color.lstrip("#"), description)
        repo.labels[label.id] = label
        self._send("label", "created", repo, by, label=shapes.label(self, repo, label))
        return label

    @locked
    def rename_label(self, repo: str | Repo, name: str, to: str, by: str) -> Label:
        """Give a label another name; issues keep it, and no timeline tells of it."""
        repo = self._repo(repo)
        label = repo.label(name)
        if label is None:
            raise NotThereError(f"label '{name}'")
        taken = repo.label(to)
        if taken and taken is not label:
            raise UnprocessableError("Label", "name", "already_exists")
        was, label.name = label.name, to
        changes = {"name": {"from": was}}
        self._send("label", "edited", repo, by, label=shapes.label(self, repo, label), changes=changes)
        return label

    @locked
    def delete_label(self, repo: str | Repo, name: str, by: str) -> None:
        """Delete a label: it goes from all issues, no timeline tells of it, and each issue's webhook names no label."""
        repo = self._repo(repo)
        label = repo.label(name)
        if label is None:
            raise NotThereError(f"label '{name}'")
        del repo.labels[label.id]
        bare = [issue for issue in repo.issues.values() if label.id in issue.labels]
        for issue in bare:
            issue.labels.remove(label.id)
            self._touch(issue, second(None))
        self._send("label", "deleted", repo, by, label=shapes.label(self, repo, label))
        for issue in bare:
            self._tell_issue("unlabeled", repo, issue, by)

    # -- repositories --------------------------------------------------------------------------------------------

    @locked
    def rename_repo(self, repo: str | Repo, name: str, by: str) -> Repo:
        """Give a repository another name; the old one is answered with a redirect."""
        repo = self._repo(repo)
        was = repo.name
        self.old_names[repo.full_name.lower()] = repo.id
        repo.name = name
        self.old_names.pop(repo.full_name.lower(), None)
        self._send("repository", "renamed", repo, by, changes={"repository": {"name": {"from": was}}})
        return repo

    # -- inside --------------------------------------------------------------------------------------------------

    def _put(self, repo: Repo, issue: Issue, name: str, by: str, when: datetime) -> Label | None:
        label = repo.label(name) or self.create_label(repo, name, by)
        if label.id in issue.labels:
            return None
        issue.labels.append(label.id)
        issue.timeline.append(self._event("labeled", by, when, label=label))
        self._touch(issue, when)
        return label


def _reason(reason: str) -> str | None:
    return None if reason == "completed" else reason


def _check_body(resource: str, body: str, empty: bool = True) -> None:
    if not empty and not body.strip():
        raise UnprocessableError(resource, "body", "missing_field" if not body else "custom", "Body cannot be blank")
    if len(body) > BODY_LIMIT:
        code, place = ("unprocessable", "data") if resource == "IssueComment" else ("custom", "body")
        raise UnprocessableError(resource, place, code, f"Body is too long (maximum is {BODY_LIMIT} characters)")
