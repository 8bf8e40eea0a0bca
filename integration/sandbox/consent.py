"""How somebody of the cast lets a service know who they are: one page, a code that is good once, a token.

The sandbox's GitHub and its OpenID provider do this alike; what a token then shows is for each of them to say.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlencode

from flask import Blueprint, abort, redirect, render_template, request
from werkzeug import Response

from integration.sandbox.ground import Ground
from integration.sandbox.people import now

GOOD_FOR = timedelta(minutes=10)
_ASKED = ("client_id", "redirect_uri", "state", "scope", "nonce", "code_challenge")


@dataclass
class Consent:
    """What somebody allowed a client: whose it is, how far it goes, and what the client said when it asked."""

    login: str
    client: str
    redirect_uri: str
    scopes: frozenset[str]
    nonce: str = ""
    challenge: str = field(default="", repr=False)  # PKCE, S256
    made: datetime = field(default_factory=now)


@dataclass
class Consents:
    """Which clients there are, and what people allowed them. A code is good once, a token until it is revoked."""

    clients: dict[str, str] = field(default_factory=lambda: {"sandbox-client": "sandbox-client-secret"}, repr=False)
    codes: dict[str, Consent] = field(default_factory=dict, repr=False)
    tokens: dict[str, Consent] = field(default_factory=dict, repr=False)
    handed_out: list[str] = field(default_factory=list, repr=False)  # every secret that ever was, for tests to look for

    def hand_out(self, secret: str) -> str:
        """Remember that it was."""
        self.handed_out.append(secret)
        return secret


def consent_page(pages: Blueprint, path: str, world: Ground, kept: Consents, needed: str = "") -> None:
    """The page on which one chooses who one is. A client that is not known, or lacks a scope, gets no further."""

    @pages.get(path)
    def authorize() -> str:
        wanted = {name: request.args.get(name, "") for name in _ASKED}
        if wanted["client_id"] not in kept.clients or (needed and needed not in _scopes(wanted["scope"])):
            abort(404)
        people = [one for one in world.people.values() if not one.bot]
        return render_template("consent.html", wanted=wanted, people=people)

    @pages.post(path)
    def allow() -> Response:
        asked = {name: request.form.get(name, "") for name in ("who", *_ASKED)}
        if asked["who"] not in world.people:
            return _back(asked, error="access_denied")
        with world.lock:
            code = kept.hand_out(secrets.token_hex(10))
            kept.codes[code] = Consent(
                asked["who"], asked["client_id"], asked["redirect_uri"], _scopes(asked["scope"]), asked["nonce"],
                asked["code_challenge"],
            )  # fmt: skip
        return _back(asked, code=code)


def is_the_client(kept: Consents) -> str:
    """Which client asks, by its secret; empty where it is none."""
    basic = request.authorization
    name = (basic.username if basic else request.form.get("client_id")) or ""
    secret = (basic.password if basic else request.form.get("client_secret")) or ""
    return name if secret and kept.clients.get(name) == secret else ""


def redeemed(kept: Consents, client: str) -> Consent | None:
    """What the code of this request stands for. It is gone then, also where somebody else has brought it."""
    found = kept.codes.pop(request.form.get("code", ""), None)
    if found is None or found.client != client or now() - found.made > GOOD_FOR:
        return None
    digest = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    same_place = request.form.get("redirect_uri") == found.redirect_uri
    return found if same_place and found.challenge in ("", challenge) else None


def _scopes(said: str) -> frozenset[str]:
    return frozenset(said.replace(",", " ").split())


def _back(asked: dict[str, str], **said: str) -> Response:
    onward = urlencode({**said, "state": asked["state"]})
    return redirect(f"{asked['redirect_uri']}{'&' if '?' in asked['redirect_uri'] else '?'}{onward}", 302)
