"""A small ledger with one feature that everybody may see and one that is secret, and the pages over it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import redis
from flask import Flask, g

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.memory.ledger import Card, Ledger
from integration.memory.versions import Own
from integration.settings import Settings
from integration.stages.entries import Acknowledged, Finding, GateResult, Judged, Noticed, Outcome
from integration.stages.last_look import LastLook
from integration.stages.model import Move, Person, Ref
from integration.web.app import create_app
from integration.web.entrance.visitors import Role, Visitor

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
APP, SECRET = Ref.parse("acme/app#12"), Ref.parse("acme/secret#3")
ERIN = Person("1", "erin", "Erin")
TITLES = {APP: '=HYPERLINK("x") <b>Dark</b> mode', SECRET: "Hidden plan"}
OWN = "d" * 64
BEHIND = Finding(
    "at least one of these", False, parts=(Finding(
        "no linked issue is open", False, "still open: acme/secret#3 Hidden plan",
        evidence=("https://t.example/acme/secret/issues/3",), waits_for=(str(SECRET),),
    ),),
)  # fmt: skip
"""One feature waits for an issue that not everybody may see."""

RULES = """version: 1
time_zone: Europe/London
stages: {beta: Beta Release, public: Public Release}
parties:
  support: {name: Support, github: {team: acme/support}}
sources: [{github: {repositories: ["acme/*"], labels: {beta: "stage: beta", public: "stage: public"}}}]
rules:
  - id: support-first
    entering: public
    require: [notified: {party: support, ahead: 2 days}, any: [visited: {stage: beta}, labelled: hotfix]]
    level: block
    effective: 2026-01-01
    because: <i>They</i> answer our customers.
"""
CHANGED = RULES.replace("2 days", "3 days")


def fill(ledger: Ledger) -> None:
    """Both features with a block, a notice and an answer; two versions of the rules, and a repository's own."""
    from integration.stages.file.mappings import read

    hashes = [read(text).hash for text in (RULES, CHANGED)]
    for at, hash, text in zip((-2, -1), hashes, (RULES, CHANGED), strict=True):
        ledger.versions.take(hash, text, NOON + timedelta(days=at))
    ledger.versions.keep_own("acme/secret", Own(OWN, NOON), "# a secret rule", NOON)
    for ref, title in TITLES.items():
        version = hashes[1] if ref == APP else f"{hashes[1]}+{OWN[:12]}"
        told = Finding("Support was told", False, "nobody told them", "support", ("https://t.example/c1",))
        gate = GateResult("support-first", "public", "block", False, (told, BEHIND) if ref == APP else (told,))
        move = Move(f"m:{ref}", "s", "beta", "public", ERIN, NOON)
        entries = [
            Judged(NOON, move, Outcome.BLOCKED, (gate,), mappings=version),
            Noticed(NOON + timedelta(hours=1), "support", "public", "c1", ERIN, "https://t.example/c1"),
            Acknowledged(NOON + timedelta(hours=2), "support", "public", Person("2", "+sam", "+sam"), "c2"),
        ]
        seen = LastLook(moves=(move,), rungs=(move.id,), gates=(gate,), ahead="public")
        card = Card(title, "https://t.example/1", "beta", "erin", wanted="public", seen=seen)
        ledger.append(ref, entries, 0, NOON + timedelta(hours=3), card)


def visitor(role: Role = Role.ADMIN, places: frozenset[str] | None = None) -> Visitor:
    """Somebody who was let in."""
    return Visitor("github:1", "Erin", "erin", role, frozenset(), "github", places)


MEMBER_OF_APP = visitor(Role.MEMBER, frozenset({"github:acme/app"}))


class Pages:
    """The pages, with whoever `who` is behind the door."""

    def __init__(self, app: Flask, database_url: str) -> None:
        self.who, self.database_url = visitor(), database_url
        app.before_request(self._let_in)
        self.app, self.client = app, app.test_client()

    def _let_in(self) -> None:
        if g.get("visitor"):
            g.visitor = self.who

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def text(self, path: str) -> str:
        return str(self.get(path).get_data(as_text=True))

    def post(self, path: str, page: str, **form: Any) -> Any:
        """As the page's form would send it."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.text(page))
        assert token, page
        return self.client.post(path, data={"csrf_token": token[1], **form}, content_type="multipart/form-data")


def make_pages(tmp_path: Path, database_url: str, redis_client: redis.Redis, redis_url: str, **more: Any) -> Pages:
    """Over this ledger and this Redis."""
    settings = Settings(
        tmp_path, tmp_path / "m.yaml", redis_url, database_url, b"k" * 32, admission=Admission("open"), **more
    )  # fmt: skip
    return Pages(create_app(settings, Inbox(redis_client), dict), database_url)
