"""The sandbox's OpenID provider: discovery, a page on which one is somebody of the cast, tokens that it signs."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, jsonify, redirect, render_template, request
from joserfc import jwt
from werkzeug import Response as Answer

from integration.sandbox.openid_model import Consent, signing_key
from integration.sandbox.people import Someone, now
from integration.sandbox.world import World

_GOOD_FOR = 600  # seconds


def issuer(world: World) -> str:
    """What it calls itself."""
    return f"{world.url}/openid"


def openid_pages(world: World) -> Blueprint:
    """The provider's endpoints."""
    pages, kept = Blueprint("openid", __name__, template_folder="templates"), world.openid

    @pages.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return jsonify(_discovery(world) | kept.discovered)

    @pages.get("/authorize")
    def authorize() -> str:
        wanted = {name: request.args.get(name, "") for name in _ASKED}
        if wanted["client_id"] not in kept.clients or "openid" not in wanted["scope"].split():
            abort(400)
        people = [one for one in world.people.values() if not one.bot]
        return render_template("openid_authorize.html", wanted=wanted, people=people)

    @pages.post("/authorize")
    def allow() -> Answer:
        asked = request.form
        if asked.get("who") not in world.people:
            return redirect(_onward(asked["redirect_uri"], error="access_denied", state=asked["state"]), 302)
        code = secrets.token_hex(16)
        with world.lock:
            kept.handed_out.append(code)
            kept.codes[code] = Consent(
                asked["who"], asked["client_id"], asked["redirect_uri"], asked["nonce"], asked["code_challenge"]
            )
        return redirect(_onward(asked["redirect_uri"], code=code, state=asked["state"]), 302)

    @pages.post("/token")
    def token() -> tuple[Response, int]:
        with world.lock:
            consent = kept.codes.pop(request.form.get("code", ""), None)
            if consent is None or not _is_the_client(world, consent) or not _proves(consent):
                return jsonify(error="invalid_grant"), 400
            access = secrets.token_hex(20)
            kept.handed_out.append(access)
            kept.tokens[access] = consent
            signed = _signed(world, consent, access)
        kept.handed_out.append(signed)
        return jsonify(access_token=access, token_type="Bearer", expires_in=_GOOD_FOR, id_token=signed), 200  # noqa: S106

    @pages.get("/jwks")
    def jwks() -> Response:
        return jsonify(keys=[signing_key().as_dict(private=False)])

    @pages.get("/userinfo")
    def userinfo() -> Response:
        consent = kept.tokens.get(request.headers.get("Authorization", "").removeprefix("Bearer "))
        if consent is None:
            abort(401)
        one = world.people[consent.login]
        return jsonify({"sub": one.account_id, "groups": [*one.groups, *one.teams]} | kept.shown)

    return pages


_ASKED = ("client_id", "redirect_uri", "state", "nonce", "scope", "code_challenge")


def _discovery(world: World) -> dict[str, Any]:
    root = issuer(world)
    places = {f"{name}_endpoint": f"{root}/{path}" for name, path in (
        ("authorization", "authorize"), ("token", "token"), ("userinfo", "userinfo"))}  # fmt: skip
    return places | {
        "issuer": root,
        "jwks_uri": f"{root}/jwks",
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
    }


def _onward(address: str, **said: str) -> str:
    return f"{address}{'&' if '?' in address else '?'}{urlencode(said)}"


def _is_the_client(world: World, consent: Consent) -> bool:
    basic = request.authorization
    name = (basic.username if basic else request.form.get("client_id")) or ""
    secret = (basic.password if basic else request.form.get("client_secret")) or ""
    return name == consent.client and world.openid.clients.get(name) == secret


def _proves(consent: Consent) -> bool:
    """That whoever brings the code is who asked for it (PKCE), and wants it at the same address."""
    digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return request.form.get("redirect_uri") == consent.redirect_uri and consent.challenge in ("", challenge)


def _signed(world: World, consent: Consent, access: str) -> str:
    claims = _claims(world, world.people[consent.login], consent, access) | world.openid.claims
    claims = {name: value for name, value in claims.items() if value is not None}
    if world.openid.forge:
        return world.openid.forge(claims)
    return jwt.encode({"alg": "RS256", "kid": "sandbox-1"}, claims, signing_key())


def _claims(world: World, one: Someone, consent: Consent, access: str) -> dict[str, Any]:
    issued = int(now().timestamp())
    half = hashlib.sha256(access.encode()).digest()[:16]
    return {
        "iss": issuer(world), "sub": one.account_id, "aud": consent.client, "iat": issued, "exp": issued + _GOOD_FOR,
        "nonce": consent.nonce, "name": one.name, "preferred_username": one.login, "email": one.email,
        "email_verified": True, "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
    }  # fmt: skip
