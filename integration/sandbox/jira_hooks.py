"""The sandbox's Jira: webhooks, as an admin registers them over REST.

Cloud has them at one place, Data Center since its version 10 at another, where a secret is given by hand alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import g, request

from integration.sandbox.hooks import Hook
from integration.sandbox.jira_jql import search
from integration.sandbox.jira_state import JiraSaysNo, JiraState
from integration.sandbox.people import now

Answer = Any
_JQL = "issue-related-events-section"
EVENTS = {
    "jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_updated",
    "comment_deleted", "issue_property_set", "issue_property_deleted", "issuelink_created", "issuelink_deleted",
}  # fmt: skip


def _here(state: JiraState) -> None:
    """Only at the place that this kind of site has for them, and only for an admin."""
    if state.cloud is not ("/rest/webhooks/" in request.path):
        raise JiraSaysNo(404, "null for uri: " + request.path)
    if not state.may(g.login, "ADMINISTER"):
        raise JiraSaysNo(403, "You are not authorized to perform this operation.")


def _shape(state: JiraState, hook: Hook) -> dict[str, Any]:
    someone = state.world.people["rhea"]
    made = {
        "name": hook.name, "url": hook.url, "excludeBody": False, "filters": {_JQL: hook.jql},
        "events": list(hook.events),
    }  # fmt: skip
    if not state.cloud:
        return made | {"id": hook.id, "active": hook.active}
    address = f"{state.url}/rest/webhooks/1.0/webhook/{hook.id}"
    return made | {
        "enabled": hook.active, "self": address, "lastUpdatedUser": someone.account_id,
        "lastUpdatedDisplayName": someone.name, "lastUpdated": int(now().timestamp() * 1000),
        "isSigned": bool(hook.secret),
    }  # fmt: skip


def _asked(state: JiraState, sent: Any) -> dict[str, Any]:
    """What was sent, as fields of a webhook. Raises `JiraSaysNo` (400)."""
    sent = sent if isinstance(sent, Mapping) else {}
    events, jql = tuple(sent.get("events") or ()), str((sent.get("filters") or {}).get(_JQL) or "")
    if not sent.get("name") or not str(sent.get("url") or "").startswith(("http://", "https://")):
        raise JiraSaysNo(400, "The name and the URL of a webhook have to be given.")
    if unknown := [one for one in events if one not in EVENTS]:
        raise JiraSaysNo(400, f"There is no such event: {unknown[0]}")
    asked: dict[str, Any] = {"name": sent["name"], "url": sent["url"], "events": events, "jql": jql,
                             "active": sent.get("enabled", True), "fits": _fits(state, jql)}  # fmt: skip
    return asked | ({"secret": str(sent["secret"])} if state.cloud and sent.get("secret") else {})


def _fits(state: JiraState, jql: str) -> Callable[[Mapping[str, Any]], bool] | None:
    """Does a search find the issue that an event is about? One that is gone is looked for no more."""
    if not jql:
        return None
    search(jql, [])

    def fits(payload: Mapping[str, Any]) -> bool:
        issue = state.issues.get(int((payload.get("issue") or {}).get("id") or 0))
        return issue is None or bool(search(jql, [issue], strict=False))

    return fits


def _found(state: JiraState, number: int) -> Hook:
    _here(state)
    for one in state.world.hooks.hooks("jira"):
        if one.id == number:
            return one
    raise JiraSaysNo(404, f"The webhook with id {number} does not exist.")


def _listed(state: JiraState) -> Answer:
    _here(state)
    return [_shape(state, one) for one in state.world.hooks.hooks("jira")]


def _make(state: JiraState) -> Answer:
    _here(state)
    asked = _asked(state, request.get_json(silent=True))
    hook = state.world.hooks.register(asked.pop("url"), asked.pop("secret", ""), "jira", **asked)
    return _shape(state, hook), 201


def _change(state: JiraState, number: int) -> Answer:
    hook = _found(state, number)
    return _shape(state, state.world.hooks.change(hook, **_asked(state, request.get_json(silent=True))))


def _forget(state: JiraState, number: int) -> Answer:
    state.world.hooks.forget(_found(state, number))
    return "", 204


_ROUTES: dict[str, Callable[..., Answer]] = {
    "GET ": _listed,
    "POST ": _make,
    "GET /<int:number>": lambda state, number: _shape(state, _found(state, number)),
    "PUT /<int:number>": _change,
    "DELETE /<int:number>": _forget,
}
CLOUD_ROUTES, SERVER_ROUTES = (
    {line.replace(" ", f" {place}", 1): view for line, view in _ROUTES.items()} for place in ("/webhook", "/webhooks")
)
