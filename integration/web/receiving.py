"""Webhooks come in: `deliveries` judges the bytes, the inbox keeps the hints, and the answer tells what became of them.

The answer is 202 only when the hints are written down. 401, 400, 408, 413 and 503 store nothing; 503 makes Jira come
again. Nothing of a body and no secret gets into an answer or the log: one line for each delivery, with id, event,
issues and what became of it.

One function for each delivery, without a framework around it: what is asked comes as method, path, headers and a way to
read the body, the answer goes back as status and JSON. What HTTP wants beside that is `front`'s.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec
import structlog

from integration.memory.away import Away
from integration.settings import JiraSettings, Settings
from integration.trackers.deliveries import (
    FORM,
    Delivery,
    Headers,
    Malformed,
    Misfit,
    Unsigned,
    github,
    jira,
    mask,
    same_secret,
)

RETRY_AFTER = "30"  # seconds
JSON = "application/json"

log = structlog.get_logger(__name__)

_HARMLESS = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_JSON_TYPE = re.compile(r"application/(?:[a-z0-9.-]+\+)?json")
_encode = msgspec.json.encode

Keep = Callable[[Delivery], Awaitable[bool]]


class Declined(Exception):
    """A refusal with its status and its reason in one line."""

    def __init__(self, status: int, outcome: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.outcome = outcome


class Named(Headers, Protocol):
    """Headers by their names in lower case."""

    def get(self, key: str, default: str, /) -> str:
        """The value, or the default."""


@dataclass(slots=True)
class Asked:
    """One request. `body()` reads all of it, or raises `Declined`."""

    method: str
    path: str
    headers: Named
    body: Callable[[], Awaitable[bytes]]


@dataclass(slots=True)
class Answer:
    """What goes back: JSON in `body`, and what the protocol wants beside it."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Door:
    """Where one tracker's deliveries come in."""

    tracker: str
    site: JiraSettings | None = None
    secret: str | None = None  # that stood in the address


class Receiving:
    """Call `receive` with each request under /webhooks.

    `keep` writes a delivery's hints down, or raises `Away`; `tell` writes a line for each that was accepted.
    """

    def __init__(self, settings: Settings, keep: Keep, tell: Callable[..., None] | None = None) -> None:
        self._tell = tell or log.info
        self._github_secrets = settings.github.webhook_secrets if settings.github else ()
        self._sites = {each.site.lower(): each for each in settings.jira}
        self._keep = keep

    async def receive(self, asked: Asked) -> Answer:
        """One delivery from its bytes to its answer and its line in the log."""
        told: dict[str, Any] = {}
        try:
            door = self._door(asked.path)
            told["tracker"] = door.tracker
            delivery = self._read(door, asked.headers, await _body(asked, door))
            told |= {"id": delivery.id, "what": delivery.event, "refs": [str(hint.ref) for hint in delivery.hints]}
            new = await self._keep(delivery) if delivery.hints else True
        except Declined as no:
            return _declined(no, told, asked.headers)
        except Away:
            return _declined(_AWAY, told, asked.headers)
        except Exception as error:
            path = mask(asked.path, tuple(self._sites))
            log.error("unexpected error", method=asked.method, path=path, exc_info=error)
            return Answer(500, _encode({"error": "something unexpected went wrong; the log says what"}))
        return self._accepted(delivery, new, told)

    def _accepted(self, delivery: Delivery, new: bool, told: dict[str, Any]) -> Answer:
        outcome = "nothing to do" if not delivery.hints else "accepted" if new else "seen before"
        dropped = {"dropped": delivery.dropped} if delivery.dropped else {}
        self._tell("delivery", **told, outcome=outcome, **dropped)
        return Answer(202, _encode({"accepted": len(delivery.hints) if new else 0, **dropped}))

    def _door(self, path: str) -> _Door:
        """Which tracker's address it is. A name that is no site's is not repeated: it may be a misplaced secret."""
        match path.removesuffix("/").split("/")[2:]:
            case ["github"]:
                return _Door("github")
            case ["jira", *rest] if len(rest) <= 2:
                name, secret = (*(rest or ["main"]), None)[:2]
                if found := self._sites.get(str(name).lower()):
                    return _Door(f"jira/{found.site}", found, secret)
                raise Declined(404, "unknown site", _NOTHING)
        raise Declined(404, "", _NOTHING)

    def _read(self, door: _Door, headers: Named, body: bytes) -> Delivery:
        """The delivery; where it told no length, a body that was cut off is known by its signature alone."""
        try:
            if door.site is None:
                return github(headers, body, self._github_secrets)
            return _read_jira(door.site, door.secret, headers, body)
        except Misfit as error:
            if headers.get("content-length", ""):
                raise Declined(401, "unsigned", str(error)) from error
            raise Declined(400, "unsigned", f"{error}, or the body was cut off") from error
        except Unsigned as error:
            raise Declined(401, "unsigned", str(error)) from error
        except Malformed as error:
            raise Declined(400, "malformed", str(error)) from error


_NOTHING = "there is nothing here"
_AWAY = Declined(503, "redis away", "nothing was stored, because Redis is away; send it again later")


def _read_jira(site: JiraSettings, secret: str | None, headers: Named, body: bytes) -> Delivery:
    """A secret in the address counts only for a site that has no signing secret, and has one for the address."""
    if secret is not None and any(site.webhook_secrets):
        raise Unsigned(f"this site signs its deliveries: let the webhook use /webhooks/jira/{site.site}")
    if secret is not None and not same_secret(secret, site.path_secret):
        raise Unsigned("the secret in the address is not right")
    return jira(headers, body, site.site, site.webhook_secrets, path_secret_ok=secret is not None)


async def _body(asked: Asked, door: _Door) -> bytes:
    """The raw bytes, once it is clear that they may be a delivery."""
    if asked.method != "POST":
        raise Declined(405, "", "use another method here")
    body = await asked.body()
    type_ = asked.headers.get("content-type", "").partition(";")[0].strip().lower()
    forms = door.site is None
    if body and not (_JSON_TYPE.fullmatch(type_) or (forms and type_ == FORM)):
        raise Declined(415, "wrong type", f"send {JSON}" + (f" or {FORM}" if forms else ""))
    return body


def _declined(no: Declined, told: dict[str, Any], headers: Named) -> Answer:
    if no.outcome:
        told = {"tracker": "jira"} | _claimed(headers) | told if told else {"tracker": "jira"}
        log.warning("delivery", **told, outcome=no.outcome, reason=str(no))
    beside = {503: {"Retry-After": RETRY_AFTER}, 405: {"Allow": "POST"}}
    return Answer(no.status, _encode({"error": str(no)}), beside.get(no.status, {}))


def _claimed(headers: Named) -> dict[str, str]:
    """What the headers say of a delivery that nobody has checked yet, as far as it is fit for a log."""
    named = headers.get("x-github-delivery", "") or headers.get("x-atlassian-webhook-identifier", "")
    found = {"id": named, "what": headers.get("x-github-event", "")}
    return {name: value for name, value in found.items() if _HARMLESS.fullmatch(value)}
