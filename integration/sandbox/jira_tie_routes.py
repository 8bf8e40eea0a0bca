"""The REST routes of the sandbox's Jira for what issues are tied to: links between them, and pages elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import g, request

from integration.sandbox import jira_bodies as bodies
from integration.sandbox.jira_state import JiraIssue, JiraSaysNo, JiraState
from integration.sandbox.jira_ties import LINK_TYPES, RemoteLink

Answer = Any


def _seen(state: JiraState, named: Any) -> JiraIssue:
    name = str(named.get("key") or named.get("id") or "") if isinstance(named, Mapping) else str(named)
    issue = state.find(name)
    if issue is None or not state.may(g.login, "BROWSE_PROJECTS", issue):
        raise JiraSaysNo(404, "Issue does not exist or you do not have permission to see it.")
    return issue


def _sent() -> dict[str, Any]:
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise JiraSaysNo(400, "The body of the request is no JSON object.")
    return sent


def _may_link(state: JiraState, issue: JiraIssue) -> None:
    if not state.may(g.login, "EDIT_ISSUES", issue):
        raise JiraSaysNo(401, f"No Link Issue Permission for issue '{issue.key}'")


def _link_types(state: JiraState) -> Answer:
    return {"issueLinkTypes": [bodies.link_type(state, one) for one in LINK_TYPES.values()]}


def _add_link(state: JiraState) -> Answer:
    """The link begins at `inwardIssue`, which reads outward: with `Blocks` it blocks the `outwardIssue`."""
    sent = _sent()
    begins, ends = _seen(state, sent.get("inwardIssue")), _seen(state, sent.get("outwardIssue"))
    named = sent.get("type")
    kind = named if isinstance(named, Mapping) else {}
    type_ = next((one for one in LINK_TYPES.values() if kind.get("name") == one.name or kind.get("id") == one.id), None)
    if type_ is None:
        raise JiraSaysNo(404, f"No issue link type with name '{kind.get('name')}' found.")
    _may_link(state, begins)
    state.link(begins.key, type_.name, ends.key, g.login)
    return "", 201


def _drop_link(state: JiraState, link_id: str) -> Answer:
    state.unlink(link_id, g.login)
    return "", 204


def _pages(state: JiraState, key: str) -> Answer:
    issue, wanted = _seen(state, key), request.args.get("globalId")
    return [bodies.remote_link(state, issue, one) for one in issue.pages if wanted in (None, one.global_id)]


def _page(state: JiraState, key: str, link_id: str) -> Answer:
    issue = _seen(state, key)
    return bodies.remote_link(state, issue, _of(issue, link_id))


def _of(issue: JiraIssue, link_id: str) -> RemoteLink:
    for one in issue.pages:
        if str(one.id) == link_id:
            return one
    raise JiraSaysNo(404, f"No remote link with id '{link_id}' exists.")


def _add_page(state: JiraState, key: str) -> Answer:
    """A new one, or one of the same global id anew."""
    issue, sent = _seen(state, key), _sent()
    _may_link(state, issue)
    there = sent.get("object")
    url, title = (str(there.get(name) or "") for name in ("url", "title")) if isinstance(there, Mapping) else ("", "")
    if missing := [name for name, given in (("url", url), ("title", title)) if not given]:
        raise JiraSaysNo(400, errors={name: f"'{name}' is required." for name in missing})
    words, global_id = str(sent.get("relationship") or ""), str(sent.get("globalId") or "")
    old = next((one for one in issue.pages if global_id and one.global_id == global_id), None)
    if old:
        old.url, old.title, old.relationship = url, title, words
    made = old or _of(issue, state.add_remote_link(issue.key, url, title, g.login, words))
    made.global_id = global_id
    return {"id": made.id, "self": bodies.remote_link(state, issue, made)["self"]}, 200 if old else 201


def _drop_page(state: JiraState, key: str, link_id: str) -> Answer:
    issue = _seen(state, key)
    _may_link(state, issue)
    state.take_remote_link(issue.key, link_id, g.login)
    return "", 204


TIE_ROUTES: dict[str, Callable[..., Answer]] = {
    "GET /issueLinkType": _link_types,
    "POST /issueLink": _add_link,
    "DELETE /issueLink/<link_id>": _drop_link,
    "GET /issue/<key>/remotelink": _pages,
    "POST /issue/<key>/remotelink": _add_page,
    "GET /issue/<key>/remotelink/<link_id>": _page,
    "DELETE /issue/<key>/remotelink/<link_id>": _drop_page,
}
