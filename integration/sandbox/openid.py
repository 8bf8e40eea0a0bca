"""The sandbox's OpenID provider: discovery, a page on which one is somebody of the cast, tokens that it signs."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request
from joserfc import jwt

from integration.sandbox.consent import Consent, consent_page, is_the_client, redeemed
from integration.sandbox.openid_model import signing_key
from integration.sandbox.people import Someone, now
from integration.sandbox.world import World

_GOOD_FOR = 600  # seconds, of a token


def issuer(world: World) -> str:
    """What it calls itself."""
    return f"{world.url}/openid"


def openid_pages(world: World) -> Blueprint:
    """The provider's endpoints."""
    pages, kept = Blueprint("openid", __name__, template_folder="templates"), world.openid

    @pages.get("/.well-known/openid-configuration")
    def discovery() -> Response:
        return jsonify(_discovery(world) | kept.discovered)

    consent_page(pages, "/authorize", world, kept, needed="openid")

    @pages.post("/token")
    def token() -> tuple[Response, int]:
        with world.lock:
            consent = redeemed(kept, is_the_client(kept))
            if consent is None:
                return jsonify(error="invalid_grant"), 400
            access = kept.hand_out(secrets.token_hex(20))
            kept.tokens[access] = consent
            signed = kept.hand_out(_signed(world, consent, access))
        told = {"access_token": access, "token_type": "Bearer", "expires_in": _GOOD_FOR, "id_token": signed}
        return jsonify(told), 200

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
