"""The pages, as a Flask application: routes, limits, answers to errors, headers that keep browsers safe."""

from __future__ import annotations

import structlog
from flask import Blueprint, Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, InternalServerError

from integration.memory.inbox import Inbox
from integration.settings import Settings
from integration.web.entrance import door
from integration.web.entrance.parties import Parties
from integration.web.entrance.visitors import refusal
from integration.web.pages.routes import nav, pages
from integration.web.standing import Ready, standing

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

LARGEST_FORM = 1024 * 1024

log = structlog.get_logger(__name__)


def create_app(
    settings: Settings,
    inbox: Inbox,
    ready: Ready,
    set_up: Blueprint | None = None,
    parties: Parties | None = None,
) -> Flask:
    """Build it. `ready` says of the ledger and the mappings "ok" or what is wrong; of the rest the inbox knows.

    `set_up` are the pages that are there while a tracker is not configured. `parties` tells who speaks for whom.
    """
    app = bare_app()
    door.install(app, settings, parties)
    app.register_error_handler(HTTPException, _told)
    app.context_processor(lambda: {"nav": nav()})
    app.register_blueprint(standing(settings, inbox, ready))
    app.register_blueprint(pages(settings, inbox))
    if set_up:
        app.register_blueprint(set_up)
    return app


def bare_app() -> Flask:
    """One without pages: limits, answers to errors, safe headers."""
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_FORM
    app.config["SEND_FILE_MAX_AGE_DEFAULT"] = 3600
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _broken)
    app.after_request(_safe)
    return app


def _refused(error: HTTPException) -> Response:
    """Every refusal is one line of JSON with the reason; what the protocol wants stays."""
    reasons = {404: "there is nothing here", 405: "use another method here", 413: "the body is larger than 1 MB"}
    answer = jsonify(error=reasons.get(error.code or 500) or " ".join((error.description or error.name).split()))
    answer.status_code = error.code or 500
    for name, value in error.get_headers():
        if name.lower() != "content-type":
            answer.headers[name] = value
    return answer


def _told(error: HTTPException) -> ResponseReturnValue:
    """For somebody who has mistyped an address in a browser a page with a way on; for all else the line of JSON."""
    if error.code == 404 and request.accept_mimetypes.best_match(("application/json", "text/html")) == "text/html":
        return refusal("There is nothing here", "No page has this address.", "The board is at /.", 404)
    return _refused(error)


def _broken(error: Exception) -> tuple[dict[str, str], int]:
    log.error("unexpected error", method=request.method, path=request.path, exc_info=error)
    return {"error": "something unexpected went wrong; the log says what"}, InternalServerError.code


def _safe(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    if not answer.cache_control:
        answer.headers["Cache-Control"] = "no-store"
    return answer
