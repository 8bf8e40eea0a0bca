"""The pages of the sandbox's Jira: pick who you are, then move, label and discuss issues as that person."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, abort, g, redirect, render_template, request, url_for
from markupsafe import Markup
from werkzeug import Response

from integration.sandbox import jira_bodies as bodies
from integration.sandbox.jira_state import JiraIssue, JiraSaysNo, JiraState
from integration.sandbox.jira_workflow import RESOLUTIONS
from integration.sandbox.people import SERVICE

Act = Callable[[JiraState, JiraIssue], None]
_COOKIE = "who"  # the same person as on the GitHub pages


def pages(state: JiraState) -> Blueprint:
    """All pages of the site."""
    site = Blueprint("pages", __name__)

    @site.before_request
    def be_somebody() -> None:
        asked = request.values.get("as") or request.cookies.get(_COOKIE) or ""
        g.login = asked if asked in state.world.people else "erin"

    @site.post("/who")
    def become() -> Response:
        back = request.form.get("back", "")
        answer = redirect(back if back.startswith("/jira/") else url_for(".overview"), 303)
        answer.set_cookie(_COOKIE, g.login, samesite="Lax")
        return answer

    @site.get("/")
    def overview() -> str:
        with state.world.lock:
            return render_template("jira_overview.html", **_common(state), projects=_overview(state))

    @site.get("/browse/<key>")
    def show(key: str) -> str | Response:
        with state.world.lock:
            issue = _seen(state, key)
            return _page(state, issue) if issue.key == key else redirect(url_for(".show", key=issue.key))

    @site.get("/browse/<key>/mark")
    def mark(key: str) -> str:
        with state.world.lock:
            return _mark(_seen(state, key))

    _acts(site, state)
    return site


def _acts(site: Blueprint, state: JiraState) -> None:
    @site.post("/new")
    def create() -> Response:
        with state.world.lock:
            project, summary = request.form.get("project", ""), request.form.get("summary", "").strip()
            place = state.projects.get(project)
            if not summary or place is None or not state.may(g.login, "CREATE_ISSUES", place):
                abort(400, f"An issue needs a summary, and {g.login} the right to create one.")
            description = request.form.get("description", "").replace("\r\n", "\n")
            key = state.create_issue(project, summary, g.login, description)
            return redirect(url_for(".show", key=key), 303)

    @site.post("/browse/<key>/<act>")
    def act(key: str, act: str) -> Any:
        with state.world.lock:
            issue = _seen(state, key)
            try:
                _ACTS.get(act, _unknown)(state, issue)
            except JiraSaysNo as refusal:
                return _page(state, issue, str(refusal)), refusal.status
            return redirect(url_for(".show", key=issue.key), 303)


def _seen(state: JiraState, key: str) -> JiraIssue:
    issue = state.find(key)
    if issue is None or not state.may(g.login, "BROWSE_PROJECTS", issue):
        abort(404, f"There is no issue {key}, or {state.world.people[g.login].name} may not see it.")
    return issue


def _mark(issue: JiraIssue) -> str:
    """Something that differs after each change."""
    return f"{issue.updated.isoformat()} {len(issue.history)} {len(issue.comments)}"


def _common(state: JiraState) -> dict[str, Any]:
    return {
        "me": state.world.people[g.login],
        "groups": state.groups_of(g.login),
        "people": list(state.world.people.values()),
        "state": state,
        "here": url_for(".overview"),
    }


def _overview(state: JiraState) -> list[dict[str, Any]]:
    made = []
    for project in state.projects.values():
        if not state.may(g.login, "BROWSE_PROJECTS", project):
            continue
        issues = [one for one in state.issues.values() if one.project is project]
        issues = [one for one in issues if state.may(g.login, "BROWSE_PROJECTS", one)]
        columns = [(status, [one for one in issues if one.status is status]) for status in state.statuses.values()]
        made.append({"project": project, "columns": columns, "count": len(issues)})
    return made


def _page(state: JiraState, issue: JiraIssue, refusal: str = "") -> str:
    shown = {
        "issue": issue,
        "here": url_for(".show", key=issue.key),
        "description": _html(state, issue.description),
        "thread": _thread(state, issue),
        "ties": _ties(state, issue),
        "ways": state.ways(issue, g.login),
        "resolutions": list(RESOLUTIONS),
        "may": {name: state.may(g.login, name, issue) for name in ("EDIT_ISSUES", "ADD_COMMENTS", "TRANSITION_ISSUES")},
        "mention": lambda one: f"accountid:{one.account_id}" if state.cloud else bodies.user_name(one),
        "service": SERVICE,
        "mark": _mark(issue),
        "refusal": refusal,
    }
    return render_template("jira_issue.html", **(_common(state) | shown))


def _html(state: JiraState, text: str) -> Markup:
    return Markup(bodies.wiki(state).render(text))  # noqa: S704  the renderer escapes what is not markup


def _ties(state: JiraState, issue: JiraIssue) -> list[dict[str, Any]]:
    """What the issue is tied to, as far as whoever looks may see it."""
    found = [("sub-task of", issue.parent or 0)]
    found += [("sub-task", one.id) for one in state.issues.values() if one.parent == issue.id]
    found += [(link.type.outward, link.ends) for link in state.links.values() if link.begins == issue.id]
    found += [(link.type.inward, link.begins) for link in state.links.values() if link.ends == issue.id]
    issues = [(words, state.issues[number]) for words, number in found if number in state.issues]
    return [
        {"words": words, "key": one.key, "title": one.summary, "url": url_for(".show", key=one.key)}
        | {"status": one.status}
        for words, one in issues
        if state.may(g.login, "BROWSE_PROJECTS", one)
    ] + [{"words": one.relationship or "links to", "key": one.title, "url": one.url} for one in issue.pages
         if one.url.startswith(("http://", "https://"))]  # fmt: skip


def _thread(state: JiraState, issue: JiraIssue) -> list[dict[str, Any]]:
    """Comments and changes together, by their time."""
    said: list[dict[str, Any]] = [
        {"by": one.author, "at": one.created, "id": one.id, "edited": one.updated != one.created}
        | {"html": _html(state, one.body)}
        for one in issue.comments
    ]
    changed = [
        {"by": one.author, "at": one.at, "id": one.id, "told": [_told(item) for item in one.items]}
        for one in issue.history
    ]
    return sorted(said + changed, key=lambda entry: (entry["at"], entry["id"]))


def _told(item: Mapping[str, Any]) -> tuple[str, str, str]:
    return item["field"], item["fromString"] or "nothing", item["toString"] or "nothing"


# -- what a click does -------------------------------------------------------------------------------------------


def _transition(state: JiraState, issue: JiraIssue) -> None:
    way = request.form.get("way", "")
    needs = next((one.needs for one in issue.project.transitions if one.id == way), ())
    fields: dict[str, Any] = {name: request.form[name] for name in needs if request.form.get(name)}
    if "resolution" in fields:
        fields["resolution"] = {"name": fields["resolution"]}
    state.transition(issue.key, "", g.login, way=way, fields=fields)


def _edit(state: JiraState, issue: JiraIssue) -> None:
    if not state.may(g.login, "EDIT_ISSUES", issue):
        raise JiraSaysNo(403, f"{state.world.people[g.login].name} may not edit this issue.")
    given = {name: request.form[name] for name in request.form if name in state.fields}
    fields: dict[str, Any] = {name: value.replace("\r\n", "\n") for name, value in given.items()}
    if "labels" in fields:
        fields["labels"] = fields["labels"].split()
    state.edit(issue.key, g.login, **fields)


def _comment(state: JiraState, issue: JiraIssue) -> None:
    if not state.may(g.login, "ADD_COMMENTS", issue):
        raise JiraSaysNo(403, f"{state.world.people[g.login].name} may not comment on this issue.")
    state.comment(issue.key, request.form.get("body", "").replace("\r\n", "\n"), g.login)


def _unknown(state: JiraState, issue: JiraIssue) -> None:
    raise JiraSaysNo(404, "The sandbox has no such button.")


_ACTS: dict[str, Act] = {"transition": _transition, "edit": _edit, "comment": _comment}
