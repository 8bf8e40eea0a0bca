"""The door before all pages: who asks is decided before a route is reached, and what is not known to be fine is not.

Through it without a visitor come: /healthz, /readyz and /metrics, static files, the pages that sign people in, and
/setup/github, which has a key of its own. Webhooks never come here (`web/front.py`).
"""

from __future__ import annotations

import logging
import re
import time
from datetime import timedelta
from urllib.parse import quote, urlsplit

from flask import Flask, Response, g, jsonify, make_response, redirect, render_template, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect
from werkzeug import Response as Answer

from integration.admission import Admission, on_loopback
from integration.memory.visits import Visits
from integration.settings import Settings
from integration.web.entrance import by_proxy
from integration.web.entrance.identity import Identity, Unreadable, Withdrawn, is_let_in, is_listed
from integration.web.entrance.keys import derived
from integration.web.entrance.parties import NoParties, Parties
from integration.web.entrance.places import Places
from integration.web.entrance.visitors import WHOM_TO_ASK, Role, Visitor, refusal

LASTS = timedelta(hours=8)
FREE = frozenset({"static", "standing.healthz", "standing.readyz"})
FREE_ROOMS = frozenset({"setup", "entrance"})
_TRACES = (  # of whoever passed a request on
    "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server",
    "X-Forwarded-Prefix", "X-Forwarded-User", "X-Real-Ip", "Via", "Cf-Connecting-Ip", "True-Client-Ip",
)  # fmt: skip

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d+)?")


def install(app: Flask, settings: Settings, parties: Parties | None = None, visits: Visits | None = None) -> None:
    """Set the door before all that the application has, and will get.

    `parties` tells for which parties of the file in force somebody speaks; without it nobody speaks for any. `visits`
    remembers who has left, and what only we may know of who is here.
    """
    parties = parties or NoParties()
    visits = visits or Visits.connect(settings.redis_url, settings.marker_key)
    admission = settings.admission
    logging.getLogger("authlib").setLevel(logging.INFO)  # at DEBUG it writes what proves that it was us who asked
    _set_up_sessions(app, settings)
    app.config[WHOM_TO_ASK] = _whom_to_ask(admission)
    door = Door(settings, parties, visits, Places(admission, visits))
    app.before_request(door.look_who_asks)
    app.after_request(door.sign_out_of_sight)
    app.context_processor(lambda: {"visitor": g.get("visitor"), "way_in": admission.way})
    CSRFProtect(app)
    app.register_error_handler(CSRFError, _stale)
    if admission.way in ("github", "openid"):
        from integration.web.entrance.signing_in import signing_in  # loads what only who signs in needs

        signing_in(app, settings, parties.names, door.places, visits)


def _set_up_sessions(app: Flask, settings: Settings) -> None:
    secure = settings.admission.secure
    app.secret_key = derived(settings.marker_key, "session")
    app.config.update(
        SESSION_COOKIE_NAME="__Host-release-stages" if secure else "release-stages",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=LASTS,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # our pages tell no referrer
    )


def _whom_to_ask(admission: Admission) -> str:
    listed = ", ".join(one.removeprefix("user:") for one in admission.admins)
    return f"an admin ({listed})" if listed else "whoever runs this service: SIGN_IN_ADMINS names no admin yet"


class Door:
    """Decides for each request who asks. One for an application, for all its threads."""

    def __init__(self, settings: Settings, parties: Parties, visits: Visits, places: Places) -> None:
        self._settings, self._admission = settings, settings.admission
        self._parties, self._visits, self.places = parties, visits, places

    def look_who_asks(self) -> Answer | None:
        """None lets the request through, with `g.visitor` set wherever there is a visitor."""
        g.pop("visitor", None)
        if request.endpoint in FREE or request.blueprint in FREE_ROOMS or request.path == "/metrics":
            return None  # what a monitor asks for has a token of its own
        if request.endpoint is None and request.path.startswith("/setup/"):
            return None  # nothing is there any more, and that is no secret
        ways = {"open": self._open, "off": self._off, "proxy": self._by_proxy}
        return ways.get(self._admission.way, self._signed_in)()

    def sign_out_of_sight(self, answer: Response) -> Response:
        """What was shown to somebody is kept nowhere; and over https nobody comes back without it."""
        if self._admission.secure:
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if g.get("visitor"):
            answer.headers["Cache-Control"] = "no-store"
            answer.vary.add("Cookie")
        return answer

    # --- the ways -----------------------------------------------------------------------------------------------

    def _off(self) -> Answer:
        page = make_response(render_template("signed_off.html"))
        page.status_code = 200 if request.path == "/" else 404
        return page

    def _open(self) -> Answer | None:
        """For whoever sits at this machine, and for nobody who comes through a tunnel or a proxy to it."""
        trace = _trace()
        if not is_at_this_machine():
            why = f"it carries {trace}" if trace else f"it is for {_host() or 'no host'}"
            return refusal(
                "These pages are open on this machine only",
                f"SIGN_IN is open, which is for a trial at one machine; this request comes from elsewhere ({why}).",
                "To open them to others, set up signing in: docs/signing-in.md tells how.",
            )
        # Nobody is known here, so nobody speaks for a party, except where all of it is a play.
        parties = self._parties.all() if self._settings.sandbox else frozenset()
        g.visitor = Visitor("open", "Somebody at this machine", "", Role.ADMIN, parties, "open", None)
        return None

    def _by_proxy(self) -> Answer | None:
        found = by_proxy.identity(self._admission, request.remote_addr or "", request.headers)
        if found is None:
            return refusal(
                "You are not signed in",
                "People are signed in by a proxy before this service, and this request did not come through it.",
                f"Open {self._admission.address}/ instead." if self._settings.public_url else "Come through the proxy.",
                401,
            )
        return self._let_in(found, None)

    def _signed_in(self) -> Answer | None:
        try:
            identity, number = self._kept()
            everything = not self._admission.per_repository or is_listed(identity, self._admission.admins)
            return self._let_in(identity, None if everything else self.places.of(number))
        except Withdrawn:
            if "in" in session:
                session.clear()
            return _to_sign_in()
        except Unreadable as why:
            return refusal("It cannot be told what you may see", str(why), "Try again in a minute.", 503, request.path)

    def _kept(self) -> tuple[Identity, str]:
        """Who it is, and the session's number. Raises `Withdrawn` where it is no session that still counts."""
        try:
            kept = session["in"]
            identity, number, since = Identity.found(kept["who"]), str(kept["sid"]), float(kept["since"])
        except (KeyError, TypeError, ValueError):
            raise Withdrawn from None  # none, or one that another release has made
        of_age = 0 <= time.time() - since < LASTS.total_seconds()
        if identity.how != self._admission.way or not of_age or self._visits.has_left(number):
            raise Withdrawn
        return identity, number

    def _let_in(self, identity: Identity, places: frozenset[str] | None) -> Answer | None:
        """Judged at each request, so that what an admin changes counts at once."""
        if not is_let_in(identity, self._admission):
            ask = _whom_to_ask(self._admission)
            why = f"You are signed in as {identity.handle}, and that account is not among those who may come in."
            return refusal("You are not let in", why, f"Ask {ask} to be added to SIGN_IN_ALLOW.", signed_in=True)
        parties = self._parties.of(identity)
        admin = is_listed(identity, self._admission.admins)
        role = Role.ADMIN if admin else Role.MEMBER if parties else Role.READER
        seen = None if places is None else places | self._admission.jira_projects
        g.visitor = Visitor(
            identity.id, identity.name or identity.handle, identity.handle, role, parties, identity.how, seen,
            identity.email,
        )  # fmt: skip
        return None


def is_at_this_machine() -> bool:
    """Does the request come from here, for here, and as far as can be seen through nobody's hands?"""
    return not _trace() and on_loopback(_host()) and on_loopback(request.remote_addr or "")


def _trace() -> str:
    """A header that whoever passed a request on has left; empty where there is none."""
    return next((name for name in _TRACES if name in request.headers), "")


def _host() -> str:
    """The host that the request is for, without its port; nothing where it is no host."""
    found = _HOST.fullmatch(request.headers.get("Host", ""))
    return found["name"].strip("[]") if found else ""


def _to_sign_in() -> Answer:
    """People are led to signing in and back; whatever else asks is told."""
    here = request.full_path.rstrip("?") if request.method in ("GET", "HEAD") else "/"
    if request.headers.get("HX-Request"):
        there = urlsplit(request.headers.get("HX-Current-URL", ""))
        answer = make_response("", 401)
        answer.headers["HX-Redirect"] = _page(f"{there.path}?{there.query}" if there.query else there.path)
        return answer
    if request.method in ("GET", "HEAD") and request.accept_mimetypes.accept_html:
        return redirect(_page(here), 302)
    answer = jsonify(error="nobody is signed in; open /sign-in first")
    answer.status_code = 401
    return answer


def _page(back: str) -> str:
    return "/sign-in" if back in ("", "/") else f"/sign-in?next={quote(back, safe='/')}"


def _stale(error: CSRFError) -> Answer:
    return refusal(
        "This form is too old", "It does not belong to your session, so nothing was done.",
        "Open the page again, and send it from there.", 400, again="/",
    )  # fmt: skip
