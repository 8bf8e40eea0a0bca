"""The pages that sign people in and out, through Authlib: /sign-in, the way to the provider and back, /sign-out."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from flask import Blueprint, Flask, redirect, render_template, request, session, url_for
from flask_limiter import Limiter, RateLimitExceeded
from joserfc.errors import JoseError
from werkzeug import Response

from integration.admission import Admission
from integration.memory.away import Away
from integration.memory.visits import Visits
from integration.settings import Settings
from integration.web.entrance import by_github, by_openid
from integration.web.entrance.by_proxy import is_the_proxy
from integration.web.entrance.identity import Identity, Unreadable, Withdrawn, is_let_in, is_listed
from integration.web.entrance.places import Places
from integration.web.entrance.visitors import refusal

OFTEN = "20 per minute; 100 per hour"  # from one address

Names = Callable[[], frozenset[str]]

log = structlog.get_logger(__name__)


def signing_in(app: Flask, settings: Settings, names: Names, places: Places, visits: Visits) -> None:
    """Add them. `names` are the teams and groups of which it matters whether somebody is in them."""
    one = SigningIn(settings.admission, _client(app, settings.admission), names, places, visits)
    limit = _limiter(app, settings).shared_limit(OFTEN, scope="sign-in")
    routes = Blueprint("entrance", __name__)
    routes.add_url_rule("/sign-in", "page", one.page)
    routes.add_url_rule("/sign-in/begin", "begin", limit(one.begin))
    routes.add_url_rule("/sign-in/back", "back", limit(one.back))
    routes.add_url_rule("/sign-out", "leave", one.leave, methods=["POST"])
    app.register_blueprint(routes)
    app.register_error_handler(RateLimitExceeded, _too_often)


def _client(app: Flask, admission: Admission) -> FlaskOAuth2App:
    """Authlib's half of it: state, nonce and PKCE, the code for a token, the token's signature."""
    shared = {"client_id": admission.client_id, "client_secret": admission.client_secret}
    patience = {"code_challenge_method": "S256", "default_timeout": by_github.PATIENCE}
    if admission.way == "github":
        scope = by_github.SCOPES_FOR_PLACES if admission.per_repository else by_github.SCOPES
        made = OAuth(app).register(
            "github", **shared, **by_github.endpoints(admission), client_kwargs={"scope": scope, **patience}
        )
    else:
        made = OAuth(app).register(
            "openid", **shared, server_metadata_url=by_openid.discovery(admission),
            client_kwargs={"scope": by_openid.SCOPES, **patience},
        )  # fmt: skip
    assert isinstance(made, FlaskOAuth2App)  # noqa: S101 - tells the type checker
    return made


def _limiter(app: Flask, settings: Settings) -> Limiter:
    """Counted in Redis for all web processes; in this one's memory while Redis is away."""
    url = settings.redis_url or "memory://"
    counted_in = f"redis+{url}" if url.startswith("unix://") else url
    patience: dict[str, Any] = {} if url == "memory://" else {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
    return Limiter(
        lambda: _asker(settings.admission), app=app, storage_uri=counted_in, storage_options=patience,
        in_memory_fallback_enabled=True, key_prefix="release-stages",
    )  # fmt: skip


def _asker(admission: Admission) -> str:
    """Whose tries are counted: an address; behind the proxy that SIGN_IN_PROXY_FROM names, the one that it has seen."""
    address = request.remote_addr or "nowhere"
    seen = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    return seen[:64] if seen and is_the_proxy(admission, address) else address


class SigningIn:
    """From the first click to a session, and out again."""

    def __init__(
        self, admission: Admission, client: FlaskOAuth2App, names: Names, places: Places, visits: Visits
    ) -> None:
        self._admission, self._client, self._names = admission, client, names
        self._places, self._visits = places, visits

    def page(self) -> str:
        """Says where one signs in, and leads there."""
        return render_template("sign_in.html", provider=self._provider, back=local(request.args.get("next", "")))

    def begin(self) -> Response:
        """To the provider, with a state that only this browser has."""
        session["next"] = local(request.args.get("next", ""))
        try:
            if self._admission.way == "openid":
                by_openid.meet(self._client, self._admission)
            answer: Response = self._client.authorize_redirect(f"{self._admission.address}/sign-in/back")
        except (OSError, AuthlibBaseError, Unreadable, ValueError, RuntimeError) as error:
            return self._failed("the provider cannot be asked", error, 503)
        return answer

    def back(self) -> Response:
        """From the provider, with a code."""
        back = session.get("next", "/")
        try:
            identity, token = self._proved()
        except (Unreadable, OSError) as error:
            return self._failed("the provider cannot be asked", error, 503)
        except (AuthlibBaseError, JoseError, Withdrawn, ValueError, KeyError, TypeError, RuntimeError) as error:
            return self._failed("what came back proves nothing", error, 403)
        if not is_let_in(identity, self._admission):
            log.warning("somebody was not let in", who=identity.id, handle=identity.handle)
            session.clear()
            return _not_among(identity, self._admission)
        try:
            self._let_in(identity, token)
        except (Unreadable, Withdrawn) as error:
            session.clear()
            return self._failed("what you may see cannot be told", error, 503)
        return redirect(local(str(back)), 302)

    def leave(self) -> Response:
        """The session is over, also where somebody has copied its cookie."""
        kept = session.get("in") or {}
        session.clear()
        try:
            if "sid" in kept:
                self._visits.leave(kept["sid"])
        except Away:
            log.warning("a session was signed out while Redis was away: a copy of its cookie counts until its end")
        return redirect(url_for("entrance.page"), 303)

    def _proved(self) -> tuple[Identity, str]:
        wanted = self._names() | {*self._admission.allow, *self._admission.admins}
        if self._admission.way == "github":
            token = str(self._client.authorize_access_token()["access_token"])
            return by_github.identity(self._admission, token, wanted), token
        by_openid.meet(self._client, self._admission)
        found = self._client.authorize_access_token(claims_options=by_openid.claims_wanted(self._admission))
        return by_openid.identity(self._client, self._admission, found, wanted), ""

    def _let_in(self, identity: Identity, token: str) -> None:
        """A new session: nothing of the one before is in it, so nobody can have prepared it."""
        number = secrets.token_urlsafe(32)
        if self._admission.per_repository and not is_listed(identity, self._admission.admins):
            self._places.begin(number, token)
        counted = self._names() | {*self._admission.allow, *self._admission.admins}
        session.clear()
        session.permanent = True
        session["in"] = {"sid": number, "since": int(time.time()), "who": identity.kept(counted)}
        log.info("somebody signed in", who=identity.id, handle=identity.handle)

    def _failed(self, what: str, error: Exception, status: int) -> Response:
        """Not let in. The log has the kind of the error alone: its words may hold what the browser sent."""
        log.warning("signing in failed", reason=what, error=type(error).__name__)
        session.clear()
        why = str(error) if isinstance(error, Unreadable) else f"It did not work: {what}."
        return refusal("You are not signed in", why, "Try again.", status, url_for("entrance.page"))

    @property
    def _provider(self) -> str:
        if self._admission.way == "github":
            return "GitHub" if self._admission.github_api_url == "https://api.github.com" else "GitHub Enterprise"
        return urlsplit(self._admission.issuer).hostname or ""


def local(address: str) -> str:
    """A path of ours, with its query; "/" for all that might lead elsewhere, and for the way in and out itself."""
    fits = address.startswith("/") and not address.startswith(("//", "/\\", "/sign-"))
    if not fits or "\\" in address or not address.isprintable() or len(address) > 2000:
        return "/"
    return address


def _not_among(identity: Identity, admission: Admission) -> Response:
    unverified = admission.way == "openid" and not identity.email and any("@" in each for each in admission.allow)
    more = " The provider has not verified an e-mail of yours, so it does not count." if unverified else ""
    why = f"You are signed in there as {identity.handle}, and that account is not among those who may come in.{more}"
    return refusal("You are not let in", why, "Ask an admin to be added.", 403, url_for("entrance.page"))


def _too_often(error: RateLimitExceeded) -> Response:
    why = "There were too many tries to sign in from your address."
    return refusal("Wait a little", why, "Try again in some minutes.", 429, url_for("entrance.page"))
