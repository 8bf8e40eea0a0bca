"""How the rounds stand that look for what never arrived, as machines and people see it."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from rq import SimpleWorker

from integration.admission import Admission
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.web.app import create_app
from integration.web.readiness import Readiness
from integration.web.standing import Lately, Ready

NOON = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)
HINDERED = "we may not see all webhooks at GitHub: it takes the organisation permission webhooks: write"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str, ledger_file: Path) -> Settings:
    (tmp_path / "mappings.yaml").write_text(
        "version: 1\nstages: {a: A, b: B}\nsources: [{github: {repositories: [acme/app], labels: {a: a, b: b}}}]\n"
    )
    url = f"sqlite:///{ledger_file}"
    ledger = Ledger.open(url, now=NOON)
    ledger.rounds.begin("sweep:jira/main", ["APP"], NOON)
    ledger.rounds.reached("sweep:jira/main", "APP", None, NOON, looked=12, found=1)
    ledger.rounds.finish("sweep:jira/main", NOON)
    ledger.rounds.begin("catch-up:github", [], NOON)
    ledger.rounds.hinder("catch-up:github", HINDERED)
    ledger.close()
    return Settings(tmp_path, tmp_path / "mappings.yaml", redis_url, url, b"k", admission=Admission("open"))


@pytest.fixture
def client(settings: Settings, redis_client: Any) -> FlaskClient:
    inbox = Inbox(redis_client)
    SimpleWorker([inbox.queue], connection=redis_client, serializer="json").register_birth()
    return create_app(settings, inbox, Readiness(settings)).test_client()


def test_a_round_that_is_hindered_is_told_of_and_keeps_nobody_from_being_served(client: FlaskClient) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["ledger"]) == (200, "ok")  # type: ignore[index]
    assert answer.json["sweep:jira/main"] == "ok; last done 2026-12-07 12:00Z: 12 looked at, 1 found"  # type: ignore[index]
    assert answer.json["catch-up:github"].startswith(HINDERED)  # type: ignore[index]


def test_people_read_what_each_round_does_and_what_keeps_it_from_its_work(client: FlaskClient) -> None:
    page = client.get("/status").text
    assert "Jira (main): what has changed is compared with the ledger" in page
    assert "GitHub: deliveries that failed are asked for again" in page
    assert HINDERED in page


def test_healthz_tells_it_beside_alive(client: FlaskClient) -> None:
    until = time.monotonic() + 20
    while "rounds" not in (told := client.get("/healthz").json) and time.monotonic() < until:
        time.sleep(0.02)
    assert told["status"] == "alive"
    assert set(told["rounds"]) == {"sweep:jira/main", "catch-up:github"}


def test_whoever_asks_whether_we_live_waits_for_nobody() -> None:
    asked, answered = threading.Event(), threading.Event()

    def ready() -> dict[str, str]:
        asked.set()
        answered.wait(20)
        return {"sweep:github": "ok", "ledger": "ok"}

    lately = Lately(ready)
    assert lately() == {}
    assert asked.wait(20)
    assert lately() == {}, "the database still takes its time"
    answered.set()
    assert _told(lately) == {"sweep:github": "ok"}


def _told(lately: Lately) -> dict[str, str]:
    until = time.monotonic() + 20
    while not lately() and time.monotonic() < until:
        time.sleep(0.01)
    return lately()


def test_what_breaks_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.web.standing.FRESH", 0.0)
    answers: list[dict[str, str]] = [{"sweep:github": "ok"}]
    breaks = [True, True]

    def ready() -> dict[str, str]:
        if breaks:
            breaks.pop()
            raise RuntimeError("private")
        return answers[0]

    typed: Ready = ready
    assert _told(Lately(typed)) == {"sweep:github": "ok"}


def test_that_a_rule_may_be_raised_is_told_in_short_and_keeps_nobody_from_being_served(
    client: FlaskClient, settings: Settings
) -> None:
    said = "One rule may be raised a level: release-stages rules says which, and where."
    assert "ripe" not in client.get("/readyz").json  # type: ignore[operator]
    ledger = Ledger.open(settings.database_url)
    ledger.trials.tell("ripe-rules", said, NOON, NOON)
    ledger.close()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json["ripe"]) == (200, said)  # type: ignore[index]
    assert f"<p>{said}</p>" in client.get("/status").text, "it is no fault"
