"""Signed webhooks as GitHub sends them, 12.5 KB each, written down once so that a load generator has little to do.

A request is two pieces with the delivery's id between them: the signature is over the body alone, so each request can
have an id of its own without being signed anew.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

SECRET = "bench-webhook-secret"
SIZE = 12_500
ISSUES = 500
OLD = "2026-01-01T00:00:00Z"  # an issue that was changed lately has caught up with it

_LIKE = Path(__file__).with_name("labeled.json").read_text("utf-8")  # with every field that GitHub sends


def body(number: int, place: str = "acme/app", updated: str = OLD, size: int = SIZE) -> bytes:
    """`issues.labeled`: somebody put `stage: public` on the issue."""
    payload = json.loads(_LIKE)
    issue, repository = payload["issue"], payload["repository"]
    issue |= {"number": number, "id": 88_000 + number, "updated_at": updated}
    repository |= {"full_name": place, "name": place.partition("/")[2]}
    issue["body"] += "A customer exports the table. " * (size // 30)
    too_much = len(json.dumps(payload)) - size
    issue["body"] = issue["body"][: len(issue["body"]) - too_much]
    return json.dumps(payload).encode()


def signature(of: bytes) -> str:
    """As X-Hub-Signature-256 has it."""
    return "sha256=" + hmac.new(SECRET.encode(), of, hashlib.sha256).hexdigest()


def headers(of: bytes) -> dict[str, str]:
    """All of a delivery's headers but its id."""
    return {
        "Host": "127.0.0.1",
        "Accept": "*/*",
        "User-Agent": "GitHub-Hookshot/1a2b3c4",
        "Content-Type": "application/json",
        "Content-Length": str(len(of)),
        "X-GitHub-Event": "issues",
        "X-GitHub-Hook-ID": "480011",
        "X-GitHub-Hook-Installation-Target-ID": "501",
        "X-GitHub-Hook-Installation-Target-Type": "repository",
        "X-Hub-Signature-256": signature(of),
    }


def pieces(path: str, of: bytes) -> tuple[bytes, bytes]:
    """The request before its delivery's id, and after it."""
    told = "".join(f"{name}: {value}\r\n" for name, value in headers(of).items())
    return f"POST {path} HTTP/1.1\r\n{told}X-GitHub-Delivery: ".encode(), b"\r\n\r\n" + of


def write_down(at: Path, path: str, numbers: range) -> None:
    """For each issue the two pieces of its request, each behind its length; wrk.lua and load.py read it."""
    with at.open("wb") as out:
        for number in numbers:
            for piece in pieces(path, body(number)):
                out.write(b"%d\n" % len(piece) + piece)


def read_back(at: Path) -> list[tuple[bytes, bytes]]:
    """What `write_down` wrote."""
    found: list[bytes] = []
    with at.open("rb") as written:
        while length := written.readline():
            found.append(written.read(int(length)))
    return list(zip(found[::2], found[1::2], strict=True))


def id_of(round: int, number: int) -> str:
    """A delivery's id, which no other request of the run has; wrk.lua makes the same."""
    return f"{round:08x}-0000-4000-8000-{number:012d}"
