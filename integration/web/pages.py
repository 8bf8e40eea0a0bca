"""How the service stands: for machines (/healthz, /readyz), and a small page for people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog
from flask import Blueprint, Response, jsonify, render_template

from integration.memory.inbox import Away, Inbox
from integration.settings import Settings
from integration.web.readiness import OK

Ready = Callable[[], dict[str, str]]

PARTS = {
    "redis": ("Redis", "keeps what is still to be done"),
    "ledger": ("Ledger", "remembers what was decided, said and done"),
    "mappings": ("Mappings", "the rules, from mappings.yaml"),
    "workers": ("Workers", "read the trackers, judge, and answer on the issue"),
}

log = structlog.get_logger(__name__)


def pages(settings: Settings, inbox: Inbox, ready: Ready) -> Blueprint:
    """The routes that only read."""
    routes = Blueprint("pages", __name__)

    @routes.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @routes.get("/readyz")
    def readyz() -> Response:
        parts = stand(inbox, ready)
        answer = jsonify(parts)
        answer.status_code = 200 if all(state == OK for state in parts.values()) else 503
        return answer

    @routes.get("/")
    def home() -> str:
        parts = stand(inbox, ready)
        rows = [(name, what, parts[key]) for key, (name, what) in PARTS.items()]
        return render_template("home.html", rows=rows, waiting=_waiting(inbox), hooks=_hooks(settings))

    return routes


def stand(inbox: Inbox, ready: Ready) -> dict[str, str]:
    """Each part: "ok", or the reason why not, in words that hold no secret."""
    try:
        told = ready()
    except Exception as error:
        log.error("readiness could not be told", exc_info=error)
        told = {}
    parts = {name: told.get(name, "cannot be told; the log says why") for name in ("ledger", "mappings")}
    parts |= told | {"redis": OK}
    try:
        seen = inbox.workers_seen()
        parts["workers"] = OK if seen else "no worker has given a sign of life; start one: release-stages worker"
    except Away as error:
        parts |= {"redis": str(error), "workers": "cannot be told without Redis"}
    return {name: parts[name] for name in PARTS}


def _waiting(inbox: Inbox) -> str:
    """How much there is to do, in words."""
    try:
        depth, oldest = inbox.depth(), inbox.oldest(datetime.now(UTC))
    except Away:
        return "How much waits cannot be told without Redis."
    if not depth or oldest is None:
        return "Nothing waits."
    issues = "One issue waits" if depth == 1 else f"{depth} issues wait"
    return f"{issues}, the longest for {_length(oldest)}."


def _length(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            return f"{seconds // size} {unit}{'' if seconds // size == 1 else 's'}"
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def _hooks(settings: Settings) -> list[tuple[str, str]]:
    """Where each configured tracker sends its webhooks; never with a secret."""
    hooks = [("GitHub", "/webhooks/github")] if settings.github else []
    return hooks + [(f"Jira ({each.site})", f"/webhooks/jira/{each.site}") for each in settings.jira]
