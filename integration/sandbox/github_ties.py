"""How issues of the sandbox's GitHub hang together, and what stands out on them: parts, blockers, types, pins.

As GitHub, these acts leave an issue's `updated_at` alone, but for its type: a tie is told by its webhooks and by the
counts in the issue itself.
"""

from __future__ import annotations

from datetime import datetime

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github_ground import GitHubGround, NotThereError, UnprocessableError, locked, second
from integration.sandbox.github_model import Comment, Issue, Repo


class GitHubTies(GitHubGround):
    """What people do to how issues hang together. The other issue is looked for in `elsewhere`, else in `repo`."""

    # -- parts ---------------------------------------------------------------------------------------------------

    @locked
    def add_sub_issue(
        self,
        repo: str | Repo,
        number: int,
        part: int,
        by: str,
        elsewhere: str | Repo | None = None,
        replace_parent: bool = False,
        at: datetime | None = None,
    ) -> None:
        """Make an issue part of another. Raises `UnprocessableError` where it is part of one already."""
        (repo, above), (there, below) = self._two(repo, number, elsewhere, part)
        if above is below or below.id in above.parts:
            raise UnprocessableError("Issue", "sub_issue_id", "custom", "Sub issue may not be itself or there already")
        if below.parent and not replace_parent:
            raise UnprocessableError("Issue", "sub_issue_id", "custom", "Sub issue may only have one parent")
        if below.parent:
            was, former = self.by_id(below.parent)
            self._take_part(was, former, there, below, by, second(at))
        above.parts.append(below.id)
        below.parent = above.id
        self._tell_part("added", repo, above, there, below, by, second(at))

    @locked
    def remove_sub_issue(
        self, repo: str | Repo, number: int, part: int, by: str, elsewhere: str | Repo | None = None
    ) -> None:
        """Make it part no more. Raises `NotThereError` where it is none."""
        (repo, above), (there, below) = self._two(repo, number, elsewhere, part)
        if below.id not in above.parts:
            raise NotThereError(f"sub-issue {part} of {number}")
        self._take_part(repo, above, there, below, by, second(None))

    def _take_part(self, repo: Repo, above: Issue, there: Repo, below: Issue, by: str, when: datetime) -> None:
        above.parts.remove(below.id)
        below.parent = 0
        self._tell_part("removed", repo, above, there, below, by, when)

    def _tell_part(
        self, what: str, repo: Repo, above: Issue, there: Repo, below: Issue, by: str, when: datetime
    ) -> None:
        above.timeline.append(self._event(f"sub_issue_{what}", by, when))
        below.timeline.append(self._event(f"parent_issue_{what}", by, when))
        both = {
            "parent_issue_id": above.id,
            "parent_issue": self._shape(repo, above),
            "sub_issue_id": below.id,
            "sub_issue": self._shape(there, below),
        }
        here, away = shapes.repository(self, repo), shapes.repository(self, there)
        self._send("sub_issues", f"sub_issue_{what}", repo, by, sub_issue_repo=away, **both)
        self._send("sub_issues", f"parent_issue_{what}", there, by, parent_issue_repo=here, **both)

    # -- blockers ------------------------------------------------------------------------------------------------

    @locked
    def block_by(
        self,
        repo: str | Repo,
        number: int,
        blocker: int,
        by: str,
        elsewhere: str | Repo | None = None,
        at: datetime | None = None,
    ) -> None:
        """Say that an issue waits for another. Raises `UnprocessableError` where it was said already."""
        (repo, blocked), (there, other) = self._two(repo, number, elsewhere, blocker)
        if blocked is other or other.id in blocked.blocked_by:
            raise UnprocessableError("Issue", "issue_id", "custom", "Target issue has already been taken")
        blocked.blocked_by.append(other.id)
        other.blocking.append(blocked.id)
        self._tell_blocker("added", repo, blocked, there, other, by, second(at))

    @locked
    def unblock(
        self, repo: str | Repo, number: int, blocker: int, by: str, elsewhere: str | Repo | None = None
    ) -> None:
        """Say that it waits for it no more. Raises `NotThereError` where it did not."""
        (repo, blocked), (there, other) = self._two(repo, number, elsewhere, blocker)
        if other.id not in blocked.blocked_by:
            raise NotThereError(f"blocker {blocker} of {number}")
        blocked.blocked_by.remove(other.id)
        other.blocking.remove(blocked.id)
        self._tell_blocker("removed", repo, blocked, there, other, by, second(None))

    def _tell_blocker(
        self, what: str, repo: Repo, blocked: Issue, there: Repo, other: Issue, by: str, when: datetime
    ) -> None:
        blocked.timeline.append(self._event(f"blocked_by_{what}", by, when))
        other.timeline.append(self._event(f"blocking_{what}", by, when))
        both = {
            "blocked_issue_id": blocked.id,
            "blocked_issue": self._shape(repo, blocked),
            "blocking_issue_id": other.id,
            "blocking_issue": self._shape(there, other),
        }
        here, away = shapes.repository(self, repo), shapes.repository(self, there)
        self._send("issue_dependencies", f"blocked_by_{what}", repo, by, blocking_issue_repo=away, **both)
        self._send("issue_dependencies", f"blocking_{what}", there, by, blocked_issue_repo=here, **both)

    def _two(
        self, repo: str | Repo, number: int, elsewhere: str | Repo | None, other: int
    ) -> tuple[tuple[Repo, Issue], tuple[Repo, Issue]]:
        return self._act_on(repo, number), self._both(repo if elsewhere is None else elsewhere, other)

    def _renumber(self, was: int, issue: Issue, now: int) -> None:
        """A transferred issue has a new id, and a deleted one none (0): who is tied to it follows."""
        for _, part in self.tied(issue.parts):
            part.parent = now
        for _, other in self.tied([issue.parent, *issue.blocking, *issue.blocked_by]):
            for ids in (other.parts, other.blocking, other.blocked_by):
                ids[:] = [one for each in ids if (one := now if each == was else each)]
        for repo in self.repos.values():
            for event in (event for other in repo.issues.values() for event in other.events):
                event.source = now if event.source == was and now else event.source

    # -- types ---------------------------------------------------------------------------------------------------

    @locked
    def set_type(self, repo: str | Repo, number: int, name: str | None, by: str, at: datetime | None = None) -> Issue:
        """Say what kind of issue it is (Task, Bug, Feature), or None. Raises `UnprocessableError` for another."""
        repo, issue = self._act_on(repo, number)
        kind = next((one for one in shapes.TYPES if name and one.lower() == name.lower()), "")
        if name and not kind:
            raise UnprocessableError("Issue", "type", "invalid")
        if kind == issue.type:
            return issue
        was, issue.type, when = issue.type, kind, second(at)
        event = "issue_type_removed" if not kind else "issue_type_changed" if was else "issue_type_added"
        issue.timeline.append(self._event(event, by, when))
        self._touch(issue, when)
        if was:
            self._tell_issue("untyped", repo, issue, by, type=shapes.issue_type(was))
        if kind:
            self._tell_issue("typed", repo, issue, by, type=shapes.issue_type(kind))
        return issue

    # -- pins ----------------------------------------------------------------------------------------------------

    @locked
    def pin(self, repo: str | Repo, comment_id: int, by: str, at: datetime | None = None) -> Comment:
        """Keep a comment at the top of its issue, in the place of the one that is there; not on a pull request."""
        repo = self._repo(repo)
        issue, comment = self.find_comment(repo, comment_id)
        self._writable(repo)
        if issue.pull_request:
            words = "Comment pinning is not supported on Pull Requests"
            raise UnprocessableError("IssueComment", "pin", "custom", words)
        if issue.pinned is comment:
            return comment
        if issue.pinned:
            self.unpin(repo, issue.pinned.id, by)
        comment.pinned, comment.pinned_by = second(at), by
        self._tell_comment("pinned", repo, issue, comment, by)
        return comment

    @locked
    def unpin(self, repo: str | Repo, comment_id: int, by: str) -> None:
        """Let a comment go back to its place. Raises `NotThereError` where it is not pinned."""
        repo = self._repo(repo)
        issue, comment = self.find_comment(repo, comment_id)
        self._writable(repo)
        if comment.pinned is None:
            raise NotThereError(f"pin of comment {comment_id}")
        comment.pinned, comment.pinned_by = None, ""
        self._tell_comment("unpinned", repo, issue, comment, by)
