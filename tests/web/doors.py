"""A door to knock at: the application with a page for each role, and people who sign in for real over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import redis
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.sandbox.serving import Served
from integration.settings import Settings
from integration.stages.file import mappings
from integration.stages.file.mappings import Mappings
from integration.web.app import create_app
from integration.web.entrance.of_file import PartiesOfFile
from integration.web.entrance.visitors import Role, current, needs

FILE = Path(__file__).parents[2] / "integration" / "sandbox" / "mappings.yaml"
OURS = "http://127.0.0.1:8000"
SECRET = "sandbox-client-secret"


@cache
def rules() -> Mappings:
    return mappings.read(FILE.read_text("utf-8"), FILE.name)


def settings(tmp_path: Path, admission: Admission, redis_url: str, **more: object) -> Settings:
    return Settings(
        tmp_path,
        tmp_path / "m.yaml",
        redis_url,
        "sqlite://",
        b"k" * 32,
        admission=admission,
        **more,  # type: ignore[arg-type]
    )


def with_pages(one: Settings, redis_client: redis.Redis) -> Flask:
    """The application, and three pages more: one for everybody, one for members, one for admins."""
    app = create_app(one, Inbox(redis_client), dict, parties=PartiesOfFile(rules))

    def told() -> dict[str, object]:
        who = current()
        return {
            "id": who.id, "name": who.name, "handle": who.handle, "role": who.role.name, "how": who.how,
            "parties": sorted(who.parties), "places": None if who.places is None else sorted(who.places),
            "email": who.email,
        }  # fmt: skip

    app.add_url_rule("/board", "board", told, methods=["GET", "POST"])
    app.add_url_rule("/party", "party", needs(Role.MEMBER)(told))
    app.add_url_rule("/for-admins", "operations", needs(Role.ADMIN)(told), methods=["GET", "POST"])
    return app


def by_github(served: Served, *allow: str, admins: tuple[str, ...] = (), **more: object) -> Admission:
    return Admission(
        "github", allow or ("acme",), admins, "sandbox-client", SECRET, served.github_url, address=OURS,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


def by_openid(served: Served, *allow: str, admins: tuple[str, ...] = (), **more: object) -> Admission:
    return Admission(
        "openid", allow or ("@acme.example",), admins, "sandbox-client", SECRET, issuer=f"{served.url}/openid",
        address=OURS, **more,  # type: ignore[arg-type]
    )  # fmt: skip


@dataclass
class Way:
    """The way to a provider and back, step by step."""

    client: FlaskClient

    def begin(self, back: str = "") -> str:
        """To the provider: the address at which the browser is sent there."""
        begun = self.client.get("/sign-in/begin", query_string={"next": back} if back else {})
        assert begun.status_code == 302, begun.text
        return str(begun.location)

    def allow(self, there: str, who: str) -> str:
        """At the provider, as somebody of the cast; the address to which one is sent back."""
        page = requests.get(there, timeout=5)
        assert page.status_code == 200, page.text
        asked = dict.fromkeys(("nonce", "scope", "state", "code_challenge"), "") | dict(
            parse_qsl(urlsplit(there).query)
        )
        done = requests.post(there, data={**asked, "who": who}, allow_redirects=False, timeout=5)
        return done.headers["Location"]

    def back(self, here: str) -> TestResponse:
        """Back here."""
        parts = urlsplit(here)
        assert f"{parts.scheme}://{parts.netloc}" == OURS
        return self.client.get(f"{parts.path}?{parts.query}")

    def go(self, who: str, back: str = "") -> TestResponse:
        """All of it."""
        return self.back(self.allow(self.begin(back), who))
