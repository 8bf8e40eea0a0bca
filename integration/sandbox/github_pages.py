"""The sandbox's GitHub as pages: be anybody, click labels on and off, write comments, and watch the thread."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, abort, g, make_response, redirect, render_template, request
from markupsafe import Markup

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github import GitHubState
from integration.sandbox.github_ground import (
    ROLES,
    STAGE_LABELS,
    ForbiddenError,
    GoneError,
    MovedError,
    NotThereError,
    UnprocessableError,
    via_app,
)
from integration.sandbox.github_model import Comment, Event, Issue, Repo
from integration.sandbox.people import PEOPLE, SERVICE, Someone
from integration.sandbox.world import World

_COOKIE = "who"
_SIGNS = {"+1": "👍", "-1": "👎", "confused": "😕", "eyes": "👀", "heart": "❤️", "rocket": "🚀"}
_WORDS = {
    "labeled": "put on",
    "unlabeled": "took off",
    "closed": "closed this",
    "reopened": "opened this again",
    "renamed": "changed the title",
    "transferred": "transferred this",
    "locked": "locked the conversation",
    "unlocked": "unlocked the conversation",
    "cross-referenced": "mentioned this in",
    "sub_issue_added": "added a sub-issue",
    "sub_issue_removed": "removed a sub-issue",
    "parent_issue_added": "made this a part of another issue",
    "parent_issue_removed": "made this a part no more",
    "blocked_by_added": "marked this as blocked",
    "blocked_by_removed": "marked this as no longer blocked by an issue",
    "blocking_added": "marked this as blocking another issue",
    "blocking_removed": "marked this as no longer blocking an issue",
    "issue_type_added": "set the type",
    "issue_type_changed": "changed the type",
    "issue_type_removed": "took off the type",
}
_OTHER = re.compile(r"^\s*(?:(?P<place>[\w.-]+/[\w.-]+)?#)?(?P<number>\d{1,9})\s*$")


class _MayNotError(Exception):
    """Somebody clicked what their role does not allow; the page says so."""


def blueprint(world: World) -> Blueprint:
    """The pages of one world."""
    pages, state = Blueprint("github_pages", __name__), world.github

    @pages.before_request
    def who() -> None:
        via_app.set(False)
        chosen = request.cookies.get(_COOKIE, "")
        g.me = world.people.get("" if chosen == SERVICE else chosen, PEOPLE["erin"])

    @pages.post("/who")
    def become() -> Response:
        answer = _back(request.form.get("back", "/"))
        answer.set_cookie(_COOKIE, request.form.get("who", "erin"), samesite="Lax")
        return answer

    @pages.errorhandler(NotThereError)
    def not_there(error: NotThereError) -> Any:
        if not isinstance(error, MovedError):
            abort(410 if isinstance(error, GoneError) else 404)
        return redirect(state.page(error.repo, error.number))

    @pages.get("/<owner>/<name>")
    def repository(owner: str, name: str) -> str:
        with world.lock:
            return _repo_page(state, _readable(state, f"{owner}/{name}"))

    @pages.get("/<owner>/<name>/issues/<int:number>")
    def issue(owner: str, name: str, number: int) -> str:
        with world.lock:
            repo = _readable(state, f"{owner}/{name}")
            return _issue_page(state, repo, state.issue(repo, number))

    @pages.get("/<owner>/<name>/issues/<int:number>/mark")
    def mark(owner: str, name: str, number: int) -> str:
        with world.lock:
            return _mark(state.issue(_readable(state, f"{owner}/{name}"), number))

    _acts(pages, state)
    _ties(pages, state)
    return pages


def _acts(pages: Blueprint, state: GitHubState) -> None:
    @pages.post("/<owner>/<name>/issues")
    def open_issue(owner: str, name: str) -> Response:
        repo, labels = _readable(state, f"{owner}/{name}"), [one for one in [request.form.get("label")] if one]

        def act() -> None:
            _need(state, repo, "triage" if labels else "read")
            state.open_issue(repo, request.form.get("title", ""), _me().login, _words("body"), labels)

        return _done(act, f"/github/{repo.full_name}")

    @pages.post("/<owner>/<name>/issues/<int:number>/comments")
    def comment(owner: str, name: str, number: int) -> Response:
        repo = _readable(state, f"{owner}/{name}")
        return _done(lambda: state.comment(repo, number, _words("body"), _me().login), _path(repo, number))

    @pages.post("/<owner>/<name>/issues/<int:number>/labels")
    def labels(owner: str, name: str, number: int) -> Response:
        repo, form = _readable(state, f"{owner}/{name}"), request.form

        def act() -> None:
            _need(state, repo, "triage")
            if "put" in form:
                state.label(repo, number, form["put"], _me().login)
            else:
                state.unlabel(repo, number, form.get("take", ""), _me().login)

        return _done(act, _path(repo, number))

    @pages.post("/<owner>/<name>/issues/<int:number>/state")
    def set_state(owner: str, name: str, number: int) -> Response:
        repo, wanted = _readable(state, f"{owner}/{name}"), request.form.get("do", "")

        def act() -> None:
            if state.issue(repo, number).by != _me().login:
                _need(state, repo, "triage")
            if wanted == "reopen":
                state.reopen(repo, number, _me().login)
            else:
                state.close(repo, number, _me().login, wanted)

        return _done(act, _path(repo, number))


def _ties(pages: Blueprint, state: GitHubState) -> None:
    @pages.post("/<owner>/<name>/issues/<int:number>/body")
    def body(owner: str, name: str, number: int) -> Response:
        repo = _readable(state, f"{owner}/{name}")

        def act() -> None:
            if state.issue(repo, number).by != _me().login:
                _need(state, repo, "triage")
            state.edit(repo, number, _me().login, body=_words("body"))

        return _done(act, _path(repo, number))

    @pages.post("/<owner>/<name>/issues/<int:number>/type")
    def set_type(owner: str, name: str, number: int) -> Response:
        repo = _readable(state, f"{owner}/{name}")

        def act() -> None:
            _need(state, repo, "triage")
            state.set_type(repo, number, request.form.get("type") or None, _me().login)

        return _done(act, _path(repo, number))

    @pages.post("/<owner>/<name>/issues/<int:number>/ties")
    def ties(owner: str, name: str, number: int) -> Response:
        repo, wanted = _readable(state, f"{owner}/{name}"), request.form.get("do", "")
        acts: dict[str, Callable[..., None]] = {
            "part": state.add_sub_issue,
            "no-part": state.remove_sub_issue,
            "block": state.block_by,
            "unblock": state.unblock,
        }

        def act() -> None:
            _need(state, repo, "triage")
            found = _OTHER.match(request.form.get("other", ""))
            if not found or wanted not in acts:
                raise _MayNotError("Which issue? Write its number, or acme/web#3 for one elsewhere.")
            there = _readable(state, found["place"]) if found["place"] else repo
            acts[wanted](repo, number, int(found["number"]), _me().login, there)

        return _done(act, _path(repo, number))

    @pages.post("/<owner>/<name>/issues/<int:number>/pin")
    def pin(owner: str, name: str, number: int) -> Response:
        repo, comment = _readable(state, f"{owner}/{name}"), request.form.get("comment", 0, int)

        def act() -> None:
            _need(state, repo, "triage")
            (state.unpin if "off" in request.form else state.pin)(repo, comment, _me().login)

        return _done(act, _path(repo, number))


def _me() -> Someone:
    me: Someone = g.me
    return me


def _words(name: str) -> str:
    """What was typed, with the line ends that an API client would send."""
    return request.form.get(name, "").replace("\r\n", "\n")


def _readable(state: GitHubState, full_name: str) -> Repo:
    repo = state.renamed_to(full_name) or state.repo(full_name)
    if state.role(repo, _me().login) == "none":
        abort(404)
    return repo


def _need(state: GitHubState, repo: Repo, role: str) -> None:
    has = state.role(repo, _me().login)
    if ROLES.index(has) < ROLES.index(role):
        raise _MayNotError(f"{_me().name} may not do that in {repo.full_name}: it takes the role {role}, not {has}.")


def _done(act: Callable[[], object], back: str) -> Response:
    try:
        act()
    except (_MayNotError, ForbiddenError, UnprocessableError) as error:
        return _back(f"{back}?wrong={quote(str(error))}")
    except NotThereError:  # somebody was quicker; the page shows how things stand
        pass
    return _back(back)


def _back(path: str) -> Response:
    inside = path.startswith("/") and not path.startswith(("//", "/\\"))
    return make_response(redirect(path if inside else "/", 303))


def _path(repo: Repo, number: int) -> str:
    return f"/github/{repo.full_name}/issues/{number}"


# --- showing --------------------------------------------------------------------------------------------------------


def colours(color: str) -> str:
    """A label's colour as CSS, with black or white letters, whichever can be read on it."""
    red, green, blue = (int(color[start : start + 2], 16) for start in (0, 2, 4))
    dark = red * 0.299 + green * 0.587 + blue * 0.114 < 140
    return f"background:#{color};color:{'#fff' if dark else '#1f2328'}"


def _common(state: GitHubState, repo: Repo) -> dict[str, Any]:
    return {
        "repo": repo,
        "repos": list(state.repos.values()),
        "people": [one for one in state.world.people.values() if one.login != SERVICE],
        "me": _me(),
        "role": state.role(repo, _me().login),
        "service": SERVICE,
        "colours": colours,
    }


def _repo_page(state: GitHubState, repo: Repo) -> str:
    issues = sorted(repo.issues.values(), key=lambda issue: (issue.state != "open", -issue.number))
    return render_template(
        "github_repo.html",
        issues=issues,
        stages=STAGE_LABELS,
        labels_of=lambda issue: [repo.labels[number] for number in issue.labels],
        **_common(state, repo),
    )


def _issue_page(state: GitHubState, repo: Repo, issue: Issue) -> str:
    labels = [
        {"name": label.name, "color": label.color, "style": colours(label.color), "on": label.id in issue.labels}
        for label in repo.labels.values()
    ]
    return render_template(
        "github_issue.html",
        issue=issue,
        body=Markup(state.rendered(repo, issue.body, issue.by).html),  # noqa: S704  sanitised by rendering.py
        thread=[_entry(state, repo, entry) for entry in issue.history if state.shows(entry, _me().login)],
        pinned=_entry(state, repo, pinned) if (pinned := issue.pinned) else None,
        ties=[
            ("Sub-issues", "no-part", _tied(state, repo, issue.parts)),
            ("Blocked by", "unblock", _tied(state, repo, issue.blocked_by)),
            ("Blocks", "", _tied(state, repo, issue.blocking)),
            ("Part of", "", _tied(state, repo, [issue.parent])),
        ],
        types=shapes.TYPES,
        labels=labels,
        mark=_mark(issue),
        **_common(state, repo),
    )


def _tied(state: GitHubState, repo: Repo, ids: list[int]) -> list[dict[str, Any]]:
    return [
        {
            "name": f"#{other.number}" if there is repo else f"{there.full_name}#{other.number}",
            "url": state.page(there, other.number),
            "title": other.title,
            "state": other.state,
        }
        for there, other in state.tied(ids, _me().login)
    ]


def _entry(state: GitHubState, repo: Repo, entry: Comment | Event) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": entry.id, "by": entry.by, "created": entry.created}
    if isinstance(entry, Comment):
        html = Markup(state.rendered(repo, entry.body, entry.by).html)  # noqa: S704  sanitised by rendering.py
        signs = [f"{_SIGNS.get(one.content, one.content)} {one.by}" for one in entry.reactions]
        edited = entry.updated != entry.created
        return shown | {"html": html, "edited": edited, "reactions": signs, "pinned": entry.pinned}
    label = repo.labels.get(entry.label_id)
    name = label.name if label and state.rename_history else entry.label
    style = colours(entry.color) if entry.color else ""
    source = _tied(state, repo, [entry.source]) if entry.source else []
    words = _WORDS.get(entry.event, entry.event)
    return shown | {"words": words, "label": name, "style": style, "source": source}


def _mark(issue: Issue) -> str:
    edits = sum(entry.updated.timestamp() + len(entry.body) for entry in issue.comments)
    pinned = issue.pinned.id if issue.pinned else 0
    return f"{len(issue.timeline)}-{edits:.0f}-{sorted(issue.labels)}-{issue.state}-{pinned}-{len(issue.body)}"
