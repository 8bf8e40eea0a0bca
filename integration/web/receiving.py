"""Webhooks come in: read the bytes within limits, let `deliveries` judge them, let the inbox keep the hints, answer.

The answer is 202 only when the hints are written down. 401, 400, 413 and 503 store nothing; 503 makes Jira come again.
Nothing of a body and no secret gets into an answer or the log: one line for each delivery, with id, event, issues and
what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import structlog
from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import HTTPException, NotFound

from integration.memory.inbox import Away, Inbox
from integration.settings import JiraSettings, Settings
from integration.trackers.deliveries import FORM, Delivery, Malformed, Unsigned, github, jira, same_secret

LARGEST_BODY = 25 * 1024 * 1024  # GitHub sends no more
RETRY_AFTER = "30"  # seconds

log = structlog.get_logger(__name__)

_HARMLESS = re.compile(r"[A-Za-z0-9_.:-]{1,100}")


class Declined(Exception):
    """A refusal with its status and its reason in one line."""

    def __init__(self, status: int, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.outcome = outcome


def receiving(settings: Settings, inbox: Inbox) -> Blueprint:
    """The routes under /webhooks."""
    routes = Blueprint("receiving", __name__, url_prefix="/webhooks")
    sites = {each.site.lower(): each for each in settings.jira}

    @routes.post("/github")
    def from_github() -> Response:
        secrets = settings.github.webhook_secrets if settings.github else ()
        return _receive(inbox, "github", lambda body: github(dict(request.headers), body, secrets), forms=True)

    @routes.post("/jira")
    @routes.post("/jira/<site>")
    @routes.post("/jira/<site>/<secret>")
    def from_jira(site: str = "main", secret: str | None = None) -> Response:
        found = sites.get(site.lower())
        if found is None:  # the name is not repeated: it may be a secret that stands where the site should
            log.warning("delivery", tracker="jira", outcome="unknown site")
            raise NotFound
        return _receive(inbox, f"jira/{found.site}", lambda body: _read_jira(found, secret, body))

    return routes


def _read_jira(site: JiraSettings, secret: str | None, body: bytes) -> Delivery:
    """A secret in the address counts only for a site that has no signing secret, and has one for the address."""
    if secret is not None and any(site.webhook_secrets):
        raise Unsigned(f"this site signs its deliveries: let the webhook use /webhooks/jira/{site.site}")
    if secret is not None and not same_secret(secret, site.path_secret):
        raise Unsigned("the secret in the address is not right")
    return jira(dict(request.headers), body, site.site, site.webhook_secrets, path_secret_ok=secret is not None)


def _receive(inbox: Inbox, tracker: str, read: Callable[[bytes], Delivery], forms: bool = False) -> Response:
    """One delivery from its bytes to its answer and its line in the log."""
    told: dict[str, Any] = {"tracker": tracker, **_claimed()}
    try:
        delivery = _read(read, forms)
        told |= {"id": delivery.id, "what": delivery.event, "refs": [str(hint.ref) for hint in delivery.hints]}
        new = _keep(inbox, delivery)
    except Declined as no:
        log.warning("delivery", **told, outcome=no.outcome, reason=str(no))
        return _declined(no)
    outcome = "nothing to do" if not delivery.hints else "accepted" if new else "seen before"
    dropped = {"dropped": delivery.dropped} if delivery.dropped else {}
    log.info("delivery", **told, outcome=outcome, **dropped)
    answer = jsonify(accepted=len(delivery.hints) if new else 0, **dropped)
    answer.status_code = 202
    return answer


def _read(read: Callable[[bytes], Delivery], forms: bool) -> Delivery:
    body = _body()
    if body and not (request.is_json or (forms and request.mimetype == FORM)):
        raise Declined(415, "wrong type", "send application/json" + (f" or {FORM}" if forms else ""))
    try:
        return read(body)
    except Unsigned as error:
        raise Declined(401, "unsigned", str(error)) from error
    except Malformed as error:
        raise Declined(400, "malformed", str(error)) from error


def _body() -> bytes:
    """The raw bytes, whatever the type says; the limit holds for the length that is told and for what really comes."""
    told = request.content_length or 0
    try:
        body = b"" if told > LARGEST_BODY else request.get_data(cache=False)
    except (HTTPException, OSError) as error:
        raise Declined(400, "cut off", "the body ended before its end") from error
    if max(told, len(body)) > LARGEST_BODY:
        raise Declined(413, "too large", "the body is larger than 25 MB")
    if len(body) < told:  # granian ends the stream without a word when the sender is gone
        raise Declined(400, "cut off", "the body ended before its end")
    return body


def _keep(inbox: Inbox, delivery: Delivery) -> bool:
    try:
        return inbox.accept(delivery.id, delivery.hints)
    except Away as error:
        raise Declined(503, "redis away", "nothing was stored, because Redis is away; send it again later") from error


def _declined(no: Declined) -> Response:
    answer = jsonify(error=str(no))
    answer.status_code = no.status
    if no.status == 503:
        answer.headers["Retry-After"] = RETRY_AFTER
    return answer


def _claimed() -> dict[str, str]:
    """What the headers say of a delivery that nobody has checked yet, as far as it is fit for a log."""
    headers = {"id": ("X-GitHub-Delivery", "X-Atlassian-Webhook-Identifier"), "what": ("X-GitHub-Event",)}
    found = {name: next(filter(None, map(request.headers.get, keys)), "") for name, keys in headers.items()}
    return {name: value for name, value in found.items() if _HARMLESS.fullmatch(value)}
