"""Real-shaped payloads with one thing wrong, and what may be wrong with a thing."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent.parent / "fixtures"
GITHUB_SECRET, JIRA_SECRET, PATH_SECRET = "fuzz-github-secret", "fuzz-jira-secret", "fuzz-path-secret-0123"

GONE = object()
Path_ = tuple[str | int, ...]

HOSTILE: tuple[Any, ...] = (
    GONE, None, [], {}, True, False, "", " ", 0, -1, 2**31, 2**63, -(2**63) - 1, 10**30, 1e308, -0.0, 1.5, "\ud800",
    "\x00", "a\r\nX-Injected: yes", "\x1b[2J", "\u202e\u2066", "../../etc/passwd", "acme/app\n", "x" * 70_000, [[[[]]]],
    {"id": {"id": {"id": []}}}, ["acme/app", 12], {"number": "12", "full_name": ["acme/app"]}, "9" * 5000,
    "2026-99-99T99:99:99Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "١٢", "acme/ａpp", "${jndi:ldap://x}",
    "' OR 1=1 --", "<script>alert(1)</script>", "constructor", "__proto__", "https://x/rest/api/2/issue/%00/comment/1",
)  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One recorded delivery: which tracker's, its headers and its payload."""

    tracker: str
    name: str
    headers: dict[str, str]
    body: dict[str, Any]

    def fields(self) -> list[Path_]:
        """The way to each thing in the payload, things within things included."""
        return list(_ways(self.body, ()))

    def with_one(self, way: Path_, value: Any) -> bytes:
        """The payload with another value there, or with nothing."""
        changed = copy.deepcopy(self.body)
        inner: Any = changed
        for step in way[:-1]:
            inner = inner[step]
        if value is GONE:
            del inner[way[-1]]
        else:
            inner[way[-1]] = value
        return as_bytes(changed)

    @property
    def path(self) -> str:
        """Where it is delivered to."""
        return "/webhooks/github" if self.tracker == "github" else "/webhooks/jira"

    def signed(self, body: bytes) -> dict[str, str]:
        """Its headers, with the signature of this body."""
        if self.tracker == "github":
            kept = {name: value for name, value in self.headers.items() if name.lower() != "x-hub-signature-256"}
            return {**kept, "X-Hub-Signature-256": sign(body, GITHUB_SECRET)}
        kept = {name: value for name, value in self.headers.items() if name.lower() != "x-hub-signature"}
        return {**kept, "X-Hub-Signature": sign(body, JIRA_SECRET)}


def as_bytes(payload: Any) -> bytes:
    """As a tracker writes it; a lone half of a sign as JSON escapes it."""
    return json.dumps(payload).encode()


def sign(body: bytes, secret: str) -> str:
    """As both trackers sign."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _ways(value: Any, way: Path_) -> Iterator[Path_]:
    if way:
        yield way
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, part in inner:
        yield from _ways(part, (*way, step))


def recorded() -> list[Told]:
    """Every recorded delivery."""
    found = []
    for file in sorted(FIXTURES.glob("*/*.json")):
        told = json.loads(file.read_text("utf-8"))
        found.append(Told(file.parent.name, file.stem, told["headers"], told["body"]))
    return found


def good(told: Told, guid: str) -> tuple[dict[str, str], bytes]:
    """The delivery as it should be, under a name of its own."""
    body = as_bytes(told.body)
    named = "X-GitHub-Delivery" if told.tracker == "github" else "X-Atlassian-Webhook-Identifier"
    kept = {name: value for name, value in told.signed(body).items() if name.lower() != named.lower()}
    return {**kept, named: guid}, body
