"""Webhooks and what became of their deliveries, over REST; and the lists of places that a sweep goes over.

A delivery that was lost is listed as one that timed out; what was never attempted is not listed.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Response, g, jsonify, request

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github_ground import NotThereError, UnprocessableError
from integration.sandbox.github_model import Repo
from integration.sandbox.github_oauth import reaches
from integration.sandbox.hooks import Delivery, Hook
from integration.sandbox.people import ORG, now

if TYPE_CHECKING:
    from integration.sandbox.github_api import Answer, GitHubApi

_KEPT = timedelta(days=3)
_REPOSITORY, _ORGANISATION = "repository_hooks=write", "organization_hooks=write"


def delivery_routes(api: GitHubApi) -> None:
    """Add the routes to the API's others."""
    _places(api)
    _of_app(api)
    _of_organisation(api)
    _of_repository(api)


def _places(api: GitHubApi) -> None:
    state = api.state

    def seen() -> list[Repo]:
        return [repo for repo in state.repos.values() if g.caller.app or state.role(repo, g.caller.login) != "none"]

    @api.route("GET", "/app/installations", "")
    def installations() -> Answer:
        api.jwt_only()
        return api.page([shapes.installation(state)])

    @api.route("GET", "/installation/repositories", "")
    def installed() -> Answer:
        paged = api.page([shapes.repository(state, repo, g.caller.login) for repo in seen()])
        shown = jsonify({"total_count": len(seen()), "repositories": paged.get_json()})
        shown.headers.extend({"Link": paged.headers["Link"]} if "Link" in paged.headers else {})
        return shown

    @api.route("GET", "/user/repos", "")
    def ours() -> Answer:
        shown = [repo for repo in seen() if reaches(g.caller, repo)]
        return api.page([shapes.repository(state, repo, g.caller.login) for repo in shown])


def _of_app(api: GitHubApi) -> None:
    @api.route("GET", "/app/hook/config", "")
    def config() -> Answer:
        api.jwt_only()
        shown: dict[str, Any] = shapes.hook(_hook(api, ""))["config"]
        return shown

    @api.route("GET", "/app/hook/deliveries", "")
    def listed() -> Answer:
        api.jwt_only()
        return _listed(api, _hook(api, ""))

    @api.route("POST", "/app/hook/deliveries/<int:number>/attempts", "")
    def again(number: int) -> Answer:
        api.jwt_only()
        return _again(api, _hook(api, ""), number)


def _of_organisation(api: GitHubApi) -> None:
    @api.route("GET", f"/orgs/{ORG}/hooks", _ORGANISATION)
    def hooks() -> Answer:
        return _hooks(api, ORG)

    @api.route("GET", f"/orgs/{ORG}/hooks/<int:hook>", _ORGANISATION)
    def one_hook(hook: int) -> Answer:
        return shapes.hook(_hook(api, ORG, hook)) | {"type": "Organization"}

    @api.route("POST", f"/orgs/{ORG}/hooks", _ORGANISATION)
    def make() -> Answer:
        return _make(api, ORG)

    @api.route("PATCH", f"/orgs/{ORG}/hooks/<int:hook>", _ORGANISATION)
    def change(hook: int) -> Answer:
        return _change(api, _hook(api, ORG, hook))

    @api.route("GET", f"/orgs/{ORG}/hooks/<int:hook>/deliveries", _ORGANISATION)
    def listed(hook: int) -> Answer:
        return _listed(api, _hook(api, ORG, hook))

    @api.route("POST", f"/orgs/{ORG}/hooks/<int:hook>/deliveries/<int:number>/attempts", _ORGANISATION)
    def again(hook: int, number: int) -> Answer:
        return _again(api, _hook(api, ORG, hook), number)


def _of_repository(api: GitHubApi) -> None:
    @api.in_repo("GET", "/hooks", _REPOSITORY)
    def hooks(repo: Repo) -> Answer:
        return _hooks(api, repo.full_name)

    @api.in_repo("GET", "/hooks/<int:hook>", _REPOSITORY)
    def one_hook(repo: Repo, hook: int) -> Answer:
        return shapes.hook(_hook(api, repo.full_name, hook)) | {"type": "Repository"}

    @api.in_repo("POST", "/hooks", _REPOSITORY)
    def make(repo: Repo) -> Answer:
        return _make(api, repo.full_name)

    @api.in_repo("PATCH", "/hooks/<int:hook>", _REPOSITORY)
    def change(repo: Repo, hook: int) -> Answer:
        return _change(api, _hook(api, repo.full_name, hook))

    @api.in_repo("GET", "/hooks/<int:hook>/deliveries", _REPOSITORY)
    def listed(repo: Repo, hook: int) -> Answer:
        return _listed(api, _hook(api, repo.full_name, hook))

    @api.in_repo("POST", "/hooks/<int:hook>/deliveries/<int:number>/attempts", _REPOSITORY)
    def again(repo: Repo, hook: int, number: int) -> Answer:
        return _again(api, _hook(api, repo.full_name, hook), number)


def _hooks(api: GitHubApi, place: str) -> Answer:
    _administers(api)
    return api.page([_whole(one) for one in api.world.hooks.hooks("github") if one.place == place])


def _whole(one: Hook) -> dict[str, Any]:
    return shapes.hook(one) | {"type": "Repository" if "/" in one.place else "Organization"}


def _make(api: GitHubApi, place: str) -> Answer:
    """A new webhook, which is greeted. GitHub makes no second one of the same address."""
    _administers(api)
    asked = request.get_json(force=True)
    told = _told(asked.get("config") or {})
    if not told.get("url"):
        raise UnprocessableError("Hook", "url", "missing_field")
    if any(one.place == place and one.url == told["url"] for one in api.world.hooks.hooks("github")):
        raise UnprocessableError("Hook", "url", "custom", "Hook already exists on this repository")
    events, active = tuple(asked.get("events") or ["push"]), asked.get("active", True)
    hook = api.world.hooks.register(
        told.pop("url"), told.pop("secret", ""), "github", place=place, events=events, active=active, **told
    )
    payload = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": shapes.hook(hook)}
    api.world.hooks.send("github", "ping", payload, only=hook)
    return _whole(hook), 201


def _change(api: GitHubApi, hook: Hook) -> Answer:
    """As GitHub does: a `config` without the secret takes the secret away."""
    asked = request.get_json(force=True)
    changes: dict[str, Any] = {"secret": ""} | _told(asked["config"]) if "config" in asked else {}
    changes |= {"events": tuple(asked["events"])} if "events" in asked else {}
    changes |= {"active": asked["active"]} if "active" in asked else {}
    return _whole(api.world.hooks.change(hook, **changes))


def _told(config: dict[str, Any]) -> dict[str, Any]:
    made = {name: config[name] for name in ("url", "secret") if config.get(name)}
    if "content_type" in config:
        made["form"] = config["content_type"] == "form"
    return made | ({"insecure": str(config["insecure_ssl"]) == "1"} if "insecure_ssl" in config else {})


def _administers(api: GitHubApi) -> None:
    """Who may not see webhooks is told that there are none."""
    if not g.caller.app and g.caller.login not in api.state.hook_readers:
        raise NotThereError("hooks")


def _hook(api: GitHubApi, place: str, number: int = 0) -> Hook:
    if place:
        _administers(api)
    for one in api.world.hooks.hooks("github"):
        if one.place == place and number in (0, one.id):
            return one
    raise NotThereError("hook")


def _kept(api: GitHubApi, hook: Hook) -> list[Delivery]:
    """What was tried, the newest first."""
    tried = [one for one in api.world.hooks.deliveries if one.hook.id == hook.id and one.status is not None]
    return [one for one in reversed(tried) if one.at >= now() - _KEPT]


def _listed(api: GitHubApi, hook: Hook) -> Response:
    size, start = min(request.args.get("per_page", 30, int), 100), request.args.get("cursor", "")
    found = [one for one in _kept(api, hook) if not start or one.id <= int(start)]
    answer = jsonify([_shape(api, one) for one in found[:size]])
    if len(found) > size:
        onward = urlencode({**request.args, "cursor": str(found[size].id)})
        answer.headers["Link"] = f'<{request.base_url}?{onward}>; rel="next"'
    return answer


def _again(api: GitHubApi, hook: Hook, number: int) -> Answer:
    if not any(one.id == number for one in _kept(api, hook)):
        raise NotThereError("delivery")
    api.world.hooks.redeliver(number)
    return {}, 202


def _shape(api: GitHubApi, one: Delivery) -> dict[str, Any]:
    status = one.status or 0
    words = "OK" if 200 <= status < 300 else f"Invalid HTTP Response: {status}" if status else "timed out"
    return {
        "id": one.id,
        "guid": one.guid,
        "delivered_at": shapes.stamp(one.at),
        "redelivery": one.again,
        "duration": 0.03,
        "status": words,
        "status_code": status,
        "event": one.event,
        "action": None,
        "installation_id": shapes.INSTALLATION_ID,
        "repository_id": None,
        "throttled_at": None,
    }
