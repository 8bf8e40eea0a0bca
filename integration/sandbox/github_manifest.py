"""The sandbox's GitHub makes Apps from manifests: the page that a form leads to, the way back, and the exchange.

What GitHub refuses is refused here, too: a permission or an event that it does not know, or an event for which a
permission is lacking.
"""

from __future__ import annotations

import json
import re
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from flask import Blueprint, abort, redirect, render_template, request
from werkzeug import Response

from integration.sandbox import github_shapes as shapes
from integration.sandbox.github_ground import NotThereError
from integration.sandbox.github_model import Draft
from integration.sandbox.people import ORG, now
from integration.sandbox.world import World

if TYPE_CHECKING:
    from integration.sandbox.github_api import Answer, GitHubApi

_GOOD_FOR = timedelta(hours=1)
_LEVELS = {"issues": "rw", "pull_requests": "rw", "metadata": "r", "members": "rw", "contents": "rw", "checks": "rw",
           "organization_projects": "rw", "repository_hooks": "rw", "organization_hooks": "rw"}  # fmt: skip
_NEEDS = {"issues": "issues", "issue_comment": "issues", "label": "metadata", "sub_issues": "issues",
          "issue_dependencies": "issues", "pull_request": "pull_requests", "repository": "metadata",
          "organization": "members", "push": "contents"}  # fmt: skip


def fault(manifest: Any) -> str:
    """What GitHub has against a manifest; empty when it would take it."""
    if not isinstance(manifest, dict):
        return "The manifest is no JSON object."
    hook, back = manifest.get("hook_attributes") or {}, manifest.get("redirect_url")
    for name, address in (
        ("url", manifest.get("url")),
        ("hook_attributes.url", hook.get("url")),
        ("redirect_url", back),
    ):
        if not re.match(r"https?://[^\s]+", str(address or "")):
            return f"{name} is no URL."
    asked, told = manifest.get("default_permissions") or {}, manifest.get("default_events") or []
    for name, level in asked.items():
        if str(level)[:1] not in _LEVELS.get(name, ""):
            return f"Default permission records resource is not included in the list: {name}: {level}"
    if bad := [one for one in told if _NEEDS.get(one) not in asked]:
        return f"Default events unsupported: {', '.join(bad)}"
    return ""


def manifest_pages(world: World) -> Blueprint:
    """The pages to which a manifest is sent, at the addresses that an Enterprise server has for them."""
    pages, kept = Blueprint("manifests", __name__, template_folder="templates"), world.github.manifests

    def ask(owner: str) -> str:
        try:
            manifest = json.loads(request.form.get("manifest", ""))
        except ValueError:
            manifest = None
        if why := fault(manifest):
            return render_template("github_manifest.html", owner=owner, why=why, draft=None)
        number = secrets.token_urlsafe(16)
        with world.lock:
            kept.drafts[number] = draft = Draft(owner, manifest, request.args.get("state", ""))
        return render_template("github_manifest.html", owner=owner, why="", draft=draft, number=number)

    @pages.post("/settings/apps/new")
    def of_mine() -> str:
        return ask("rhea")

    @pages.post("/organizations/<owner>/settings/apps/new")
    def of_organisation(owner: str) -> str:
        return ask(owner) if owner == ORG else abort(404)

    @pages.post("/settings/apps/manifest/<number>")
    def create(number: str) -> Response:
        with world.lock:
            draft = kept.drafts.get(number)
            if draft is None or draft.made:
                abort(404)
            draft.manifest["name"] = request.form.get("name") or draft.manifest.get("name")
            draft.made, draft.code = now(), secrets.token_hex(20)
        back = draft.manifest["redirect_url"]
        onward = urlencode({"code": draft.code} | ({"state": draft.state} if draft.state else {}))
        return redirect(f"{back}{'&' if '?' in back else '?'}{onward}", 302)

    @pages.get("/github/apps/<slug>/installations/new")
    def install(slug: str) -> str:
        return render_template("github_installed.html", slug=slug)

    return pages


def conversion_routes(api: GitHubApi) -> None:
    """Add the exchange to the API's routes; nobody signs in for it."""

    @api.route("POST", "/app-manifests/<code>/conversions", "")
    def convert(code: str) -> Answer:
        for draft in api.state.manifests.drafts.values():
            if draft.code == code and draft.made and now() - draft.made < _GOOD_FOR:
                draft.code = ""
                return _converted(api, draft), 201
        raise NotThereError("manifest")


def _converted(api: GitHubApi, draft: Draft) -> dict[str, Any]:
    """The App as its maker gets it. It takes the place of the sandbox's own App, with just what it asked for."""
    manifest, state = draft.manifest, api.state
    state.app_permissions = dict(manifest["default_permissions"])
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()
    secret, client_secret = secrets.token_hex(20), secrets.token_hex(20)
    state.manifests.keys += [pem, secret, client_secret]
    state.world.hooks.register(
        manifest["hook_attributes"]["url"], secret, "github", events=tuple(manifest["default_events"])
    )
    made = shapes.app(state) | {"name": manifest["name"], "external_url": manifest["url"]}
    made |= {"events": list(manifest["default_events"]), "description": manifest.get("description")}
    return made | {"client_secret": client_secret, "webhook_secret": secret, "pem": pem}
