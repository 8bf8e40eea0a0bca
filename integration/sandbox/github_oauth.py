"""The sandbox's GitHub lets people in elsewhere: a page on which one allows it as somebody of the cast, and tokens."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, g, jsonify

from integration.sandbox import github_shapes as shapes
from integration.sandbox.consent import consent_page, is_the_client, redeemed
from integration.sandbox.github_ground import ForbiddenError, NotThereError
from integration.sandbox.github_model import Caller, Repo
from integration.sandbox.people import ORG
from integration.sandbox.world import World

if TYPE_CHECKING:
    from integration.sandbox.github_api import Answer as Told
    from integration.sandbox.github_api import GitHubApi


def oauth_pages(world: World) -> Blueprint:
    """The pages at the addresses that an Enterprise server has for them."""
    pages, kept = Blueprint("oauth", __name__, template_folder="templates"), world.github.oauth

    consent_page(pages, "/login/oauth/authorize", world, kept)

    @pages.post("/login/oauth/access_token")
    def access_token() -> Response:
        with world.lock:
            return jsonify(_exchanged(world))

    return pages


def _exchanged(world: World) -> dict[str, Any]:
    """A token for a code. What is wrong GitHub tells with status 200."""
    kept = world.github.oauth
    client = is_the_client(kept)
    if not client:
        return {"error": "incorrect_client_credentials", "error_description": "The client_id and/or client_secret"}
    consent = redeemed(kept, client)
    if consent is None:
        return {"error": "bad_verification_code", "error_description": "The code passed is incorrect or expired."}
    token = kept.hand_out(f"gho_{secrets.token_hex(18)}")
    kept.tokens[token] = consent
    return {"access_token": token, "scope": ",".join(sorted(consent.scopes)), "token_type": "bearer"}


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
