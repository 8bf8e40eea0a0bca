"""What shuts people out on the sandbox's GitHub: a locked conversation, an archived repository."""

from __future__ import annotations

from integration.sandbox.github_ground import UnprocessableError, locked, second
from integration.sandbox.github_model import Issue, Repo
from integration.sandbox.github_ties import GitHubTies

LOCK_REASONS = ("off-topic", "too heated", "resolved", "spam")


class GitHubLocks(GitHubTies):
    """Locks, which leave the labels to people, and archives, which leave nothing but reading."""

    @locked
    def lock(self, repo: str | Repo, number: int, by: str, reason: str | None = None) -> Issue:
        """Lock the conversation of an issue, for one of `LOCK_REASONS` or for none."""
        repo, issue = self._act_on(repo, number)
        if reason is not None and reason not in LOCK_REASONS:
            raise UnprocessableError("Issue", "lock_reason", "invalid")
        if not issue.locked:
            issue.locked, issue.lock_reason = True, reason
            self._note_lock("locked", repo, issue, by)
        return issue

    @locked
    def unlock(self, repo: str | Repo, number: int, by: str) -> Issue:
        """Let people speak again."""
        repo, issue = self._act_on(repo, number)
        if issue.locked:
            issue.locked, issue.lock_reason = False, None
            self._note_lock("unlocked", repo, issue, by)
        return issue

    def _note_lock(self, what: str, repo: Repo, issue: Issue, by: str) -> None:
        when = second(None)
        issue.timeline.append(self._event(what, by, when, extra={"lock_reason": issue.lock_reason}))
        self._touch(issue, when)
        self._tell_issue(what, repo, issue, by)

    @locked
    def archive(self, repo: str | Repo, by: str) -> Repo:
        """Make a repository read-only, with all its issues; it can be read as before."""
        repo = self._repo(repo)
        if not repo.archived:
            repo.archived = True
            self._send("repository", "archived", repo, by)
        return repo

    @locked
    def unarchive(self, repo: str | Repo, by: str) -> Repo:
        """Give it back to those who work on it."""
        repo = self._repo(repo)
        if repo.archived:
            repo.archived = False
            self._send("repository", "unarchived", repo, by)
        return repo
