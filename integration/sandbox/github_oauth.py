"""The sandbox's GitHub lets people in elsewhere: a page on which one allows it as somebody of the cast, and tokens."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, g, jsonify, redirect, render_template, request
from werkzeug import Response as Answer

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github_ground import ForbiddenError, NotThereError
from integration.sandbox.github_model import Caller, Grant, Repo
from integration.sandbox.people import ORG, now
from integration.sandbox.world import World

if TYPE_CHECKING:
    from integration.sandbox.github_api import Answer as Told
    from integration.sandbox.github_api import GitHubApi

_GOOD_FOR = timedelta(minutes=10)
_ASKED = ("client_id", "redirect_uri", "state", "scope", "code_challenge")


def oauth_pages(world: World) -> Blueprint:
    """The pages at the addresses that an Enterprise server has for them."""
    pages, kept = Blueprint("oauth", __name__, template_folder="templates"), world.github.oauth

    @pages.get("/login/oauth/authorize")
    def authorize() -> str:
        wanted = {name: request.args.get(name, "") for name in _ASKED}
        if wanted["client_id"] not in kept.clients:
            abort(404)
        people = [one for one in world.people.values() if not one.bot]
        return render_template("github_authorize.html", wanted=wanted, people=people)

    @pages.post("/login/oauth/authorize")
    def allow() -> Answer:
        asked = request.form
        if asked.get("who") not in world.people:
            return redirect(_onward(asked["redirect_uri"], error="access_denied", state=asked["state"]), 302)
        code = secrets.token_hex(10)
        scopes = frozenset(asked["scope"].replace(",", " ").split())
        with world.lock:
            kept.handed_out.append(code)
            kept.codes[code] = Grant(asked["who"], scopes, asked["redirect_uri"], asked["code_challenge"])
        return redirect(_onward(asked["redirect_uri"], code=code, state=asked["state"]), 302)

    @pages.post("/login/oauth/access_token")
    def access_token() -> Response:
        with world.lock:
            return jsonify(_exchanged(world))

    return pages


def _onward(address: str, **said: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(said)}"


def _exchanged(world: World) -> dict[str, Any]:
    """A token for a code. What is wrong GitHub tells with status 200."""
    kept, basic = world.github.oauth, request.authorization
    name = (basic.username if basic else request.form.get("client_id")) or ""
    secret = (basic.password if basic else request.form.get("client_secret")) or ""
    if not secret or kept.clients.get(name) != secret:
        return {"error": "incorrect_client_credentials", "error_description": "The client_id and/or client_secret"}
    grant = kept.codes.pop(request.form.get("code", ""), None)
    if grant is None or now() - grant.made > _GOOD_FOR or not _proves(grant):
        return {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
    token = f"gho_{secrets.token_hex(18)}"
    kept.handed_out.append(token)
    kept.tokens[token] = grant
    return {"access_token": token, "scope": ",".join(sorted(grant.scopes)), "token_type": "bearer"}


def _proves(grant: Grant) -> bool:
    digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return request.form.get("redirect_uri") == grant.redirect_uri and grant.challenge in ("", challenge)


def reaches(caller: Caller, repo: Repo) -> bool:
    """Whether the token, not its owner, goes as far as this repository."""
    return not repo.private or caller.scopes is None or "repo" in caller.scopes


def may_read_teams(caller: Caller) -> None:
    """A token that may not is told that there is no team."""
    if caller.scopes is not None and "read:org" not in caller.scopes:
        raise NotThereError("team")


def membership_routes(api: GitHubApi) -> None:
    """Add to the API what somebody's own token may ask of where they are."""
    world, state = api.world, api.state

    def may_read() -> None:
        if g.caller.scopes is not None and "read:org" not in g.caller.scopes:
            raise ForbiddenError("You need at least read:org scope to list your organizations.")

    @api.route("GET", "/user/memberships/orgs/<org>", "members=read")
    def membership(org: str) -> Told:
        may_read()
        one = world.people.get(g.caller.login)
        if org.lower() != ORG or one is None or not one.in_org:
            raise NotThereError("membership")
        return {"state": "active", "role": "member", "organization": shapes.organization(state)}

    @api.route("GET", "/user/orgs", "")
    def organisations() -> Told:
        may_read()
        one = world.people.get(g.caller.login)
        return api.page([shapes.organization(state)] if one and one.in_org else [])

    @api.route("GET", "/user/teams", "")
    def teams() -> Told:
        may_read()
        mine = [one for one in state.teams.values() if g.caller.login in one.members]
        return api.page([shapes.team(state, one) | {"organization": shapes.organization(state)} for one in mine])
