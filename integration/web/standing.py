"""How the service stands: for machines (/healthz, /readyz), and a small page for people."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Lock, Thread

import structlog
from flask import Blueprint, Response, jsonify, render_template

from integration.memory.inbox import Away, Inbox
from integration.settings import Settings
from integration.web.entrance.visitors import Role, current

OK = "ok"
Ready = Callable[[], dict[str, str]]

PARTS = {
    "redis": ("Redis", "keeps what is still to be done"),
    "ledger": ("Ledger", "remembers what was decided, said and done"),
    "mappings": ("Mappings", "the rules, from mappings.yaml"),
    "workers": ("Workers", "read the trackers, judge, and answer on the issue"),
}

BESIDE = ("in_force", "copies", "additions", "ripe")  # of the rules; told where there is anything to tell

ROUNDS = {
    "catch-up": "deliveries that failed are asked for again",
    "sweep": "what has changed is compared with the ledger",
    "full-sweep": "all that shows a stage is compared with the ledger, once a day",
    "live-check": "mappings.yaml is compared with what is there, once a day",
    "import": "all that shows a stage is read into the ledger, when an admin wants it",
}
FRESH = 10.0  # seconds

log = structlog.get_logger(__name__)


def standing(settings: Settings, inbox: Inbox, ready: Ready) -> Blueprint:
    """The routes that only read."""
    routes = Blueprint("standing", __name__)
    lately = Lately(ready)

    @routes.get("/healthz")
    def healthz() -> Response:
        told = lately()
        return jsonify(status="alive", rounds=told) if told else jsonify(status="alive")

    @routes.get("/readyz")
    def readyz() -> Response:
        found = stand(inbox, ready)
        parts = {name: found[name] for name in PARTS}
        beside = {name: found[name] for name in BESIDE if name in found}
        answer = jsonify(parts | beside | rounds(found))  # what is hindered beside keeps nobody from being served
        answer.status_code = 200 if all(state == OK for state in parts.values()) else 503
        return answer

    @routes.get("/status")
    def status() -> str:
        parts = stand(inbox, ready)
        rows = [(name, what, parts[key]) for key, (name, what) in PARTS.items()]
        shown = {"waiting": _waiting(inbox), "rounds": _shown(rounds(parts)), "hooks": _hooks(settings)}
        beside = {name: parts.get(name, "") for name in (*BESIDE, "failing")}
        return render_template("status.html", is_admin=current().role is Role.ADMIN, rows=rows, **beside, **shown)

    return routes


def rounds(told: Mapping[str, str]) -> dict[str, str]:
    """Of what is told, how the rounds stand that look for what never arrived: `sweep:github` and the like."""
    return {name: state for name, state in told.items() if ":" in name}


def _shown(told: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Each round for people: what it does, at which tracker, how it stands."""
    found = []
    for name, state in told.items():
        kind, _, place = name.partition(":")
        tracker, _, site = place.partition("/")
        where = f"Jira ({site})" if tracker == "jira" else "GitHub"
        found.append((where, ROUNDS.get(kind, kind), state))
    return found


class Lately:
    """How the rounds stood a moment ago. Asked for beside the request, as nobody who asks whether we live may wait."""

    def __init__(self, ready: Ready) -> None:
        self._ready = ready
        self._told: dict[str, str] = {}
        self._due = 0.0
        self._asking = Lock()

    def __call__(self) -> dict[str, str]:
        """What is known; it is asked for anew where that is old."""
        if time.monotonic() >= self._due and self._asking.acquire(blocking=False):
            Thread(target=self._ask, name="rounds", daemon=True).start()
        return self._told

    def _ask(self) -> None:
        try:
            self._told = rounds(self._ready())
        except Exception as error:
            log.warning("how the rounds stand could not be told", error=type(error).__name__)
        finally:
            self._due = time.monotonic() + FRESH
            self._asking.release()


def stand(inbox: Inbox, ready: Ready) -> dict[str, str]:
    """Each part: "ok", or the reason why not, in words that hold no secret; under `failing`, what failed, if it did."""
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
    return parts


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
