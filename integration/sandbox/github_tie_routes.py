"""How issues hang together, and pinned comments, over REST: a part of github_api.py that is a page of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Response, g, request

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github_ground import NotThereError, UnprocessableError
from integration.sandbox.github_model import Issue, Repo

if TYPE_CHECKING:
    from integration.sandbox.github_api import Answer, GitHubApi

_READ, _WRITE = "issues=read", "issues=write"


def tie_routes(api: GitHubApi) -> None:
    """Add the routes to the API's others."""
    _parts(api)
    _blockers(api)
    _pins(api)


def _parts(api: GitHubApi) -> None:
    state = api.state

    @api.in_repo("GET", "/issues/<int:number>/sub_issues", _READ)
    def parts(repo: Repo, number: int) -> Answer:
        return _listed(api, repo, _known(api, repo, number).parts)

    @api.in_repo("GET", "/issues/<int:number>/parent", _READ)
    def parent(repo: Repo, number: int) -> Answer:
        for place, above in state.tied([_known(api, repo, number).parent], g.caller.login):
            return _shown(api, place, above)
        raise NotThereError("parent")

    @api.in_repo("POST", "/issues/<int:number>/sub_issues", _WRITE, role="triage")
    def add(repo: Repo, number: int) -> Answer:
        above, (there, below) = _known(api, repo, number), _asked_for(api, "sub_issue_id")
        replace = bool(request.get_json(force=True).get("replace_parent"))
        state.add_sub_issue(repo, number, below.number, g.caller.login, there, replace)
        return shapes.issue(state, repo, above), 201

    @api.in_repo("DELETE", "/issues/<int:number>/sub_issue", _WRITE, role="triage")
    def remove(repo: Repo, number: int) -> Answer:
        above, (there, below) = _known(api, repo, number), _asked_for(api, "sub_issue_id")
        state.remove_sub_issue(repo, number, below.number, g.caller.login, there)
        return shapes.issue(state, repo, above)


def _blockers(api: GitHubApi) -> None:
    state = api.state

    @api.in_repo("GET", "/issues/<int:number>/dependencies/blocked_by", _READ)
    def blockers(repo: Repo, number: int) -> Answer:
        return _listed(api, repo, _known(api, repo, number).blocked_by)

    @api.in_repo("GET", "/issues/<int:number>/dependencies/blocking", _READ)
    def blocked(repo: Repo, number: int) -> Answer:
        return _listed(api, repo, _known(api, repo, number).blocking)

    @api.in_repo("POST", "/issues/<int:number>/dependencies/blocked_by", _WRITE, role="triage")
    def block(repo: Repo, number: int) -> Answer:
        issue, (there, other) = _known(api, repo, number), _asked_for(api, "issue_id")
        state.block_by(repo, number, other.number, g.caller.login, there)
        return shapes.issue(state, repo, issue), 201

    @api.in_repo("DELETE", "/issues/<int:number>/dependencies/blocked_by/<int:issue_id>", _WRITE, role="triage")
    def unblock(repo: Repo, number: int, issue_id: int) -> Answer:
        issue, (there, other) = _known(api, repo, number), state.by_id(issue_id)
        state.unblock(repo, number, other.number, g.caller.login, there)
        return shapes.issue(state, repo, issue)


def _pins(api: GitHubApi) -> None:
    state = api.state

    @api.in_repo("PUT", "/issues/comments/<int:number>/pin", _WRITE, role="triage")
    def pin(repo: Repo, number: int) -> Answer:
        issue, _ = state.find_comment(repo, number)
        return shapes.comment(state, repo, issue, state.pin(repo, number, g.caller.login))

    @api.in_repo("DELETE", "/issues/comments/<int:number>/pin", _WRITE, role="triage")
    def unpin(repo: Repo, number: int) -> Answer:
        state.unpin(repo, number, g.caller.login)
        return "", 204


def _known(api: GitHubApi, repo: Repo, number: int) -> Issue:
    """The issue, on a server that knows of ties. A pull request has none."""
    issue = api.state.issue(repo, number)
    if issue.pull_request or not api.state.knows_ties:
        raise NotThereError(f"ties of {number}")
    return issue


def _asked_for(api: GitHubApi, field: str) -> tuple[Repo, Issue]:
    """The issue that the body names by its id, if it is for the caller to see."""
    asked = request.get_json(force=True)
    number = asked.get(field) if isinstance(asked, dict) else None
    found = api.state.tied([number], g.caller.login) if isinstance(number, int) else []
    if not found:
        raise UnprocessableError("Issue", field, "invalid")
    return found[0]


def _listed(api: GitHubApi, repo: Repo, ids: list[int]) -> Response:
    seen = api.state.tied(ids, g.caller.login)
    return api.page([_shown(api, place, issue) for place, issue in seen], repo)


def _shown(api: GitHubApi, repo: Repo, issue: Issue) -> dict[str, Any]:
    return shapes.issue(api.state, repo, issue) | {"repository": shapes.repository(api.state, repo)}
