"""/metrics: who is told, what is told, and what is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from prometheus_client.parser import text_string_to_metric_families

from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.settings import Misconfigured, Settings
from integration.stages.model import Hint
from tests.web.recorded import APP, NOON, Pages, fill, make_pages

TOKEN = "a-token-of-a-monitor"


def told(pages: Pages, **headers: str) -> dict[str, float]:
    """Name and labels of each figure, and its value."""
    answer = pages.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    families = text_string_to_metric_families(answer.get_data(as_text=True))
    return {
        one.name.removeprefix("release_stages_") + "".join(f" {value}" for value in one.labels.values()): one.value
        for family in families
        for one in family.samples
    }


@pytest.fixture
def url(ledger_file: Path) -> str:
    found = f"sqlite:///{ledger_file}"
    ledger = Ledger.open(found, now=NOON)
    fill(ledger)
    ledger.close()
    return found


def test_it_tells_how_the_service_stands_and_names_nobody_and_nothing(
    tmp_path: Path, url: str, redis_client: redis.Redis, redis_url: str
) -> None:
    pages, inbox = make_pages(tmp_path, url, redis_client, redis_url), Inbox(redis_client)
    inbox.accept_all([("guid:1", [Hint(APP)], "issues")], datetime.now(UTC))
    found = told(pages)
    assert (found["up redis"], found["up ledger"], found["waiting"]) == (1, 1, 1)
    assert (found["features beta"], found["entries_total"], found["features_open asked"]) == (2, 6, 2)
    assert found["failures dead"] == 0
    assert "last_delivery_timestamp_seconds github" in found
    text = pages.text("/metrics")
    assert not [word for word in ("acme", "Dark", "Hidden", "erin", "Erin", "sam", "secret") if word in text]


def test_what_redis_cannot_tell_is_absent(tmp_path: Path, url: str) -> None:
    away = "redis://:hidden@127.0.0.1:1"
    found = told(make_pages(tmp_path, url, redis.Redis.from_url(away), away))
    assert (found["up redis"], found["up ledger"], found["features beta"]) == (0, 1, 2)
    assert "waiting" not in found


def test_what_the_ledger_cannot_tell_is_absent(tmp_path: Path, redis_client: redis.Redis, redis_url: str) -> None:
    found = told(make_pages(tmp_path, "postgresql://erin:hidden@127.0.0.1:1/x", redis_client, redis_url))
    assert (found["up redis"], found["up ledger"], found["waiting"]) == (1, 0, 0)
    assert not [name for name in found if name.startswith(("features", "failures", "entries"))]


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-For": "203.0.113.9"}, {"Forwarded": "for=203.0.113.9"}, {"Host": "stages.acme.example"}],
)
def test_without_a_token_only_this_machine_is_told(
    tmp_path: Path, url: str, redis_client: redis.Redis, redis_url: str, headers: dict[str, str]
) -> None:
    pages = make_pages(tmp_path, url, redis_client, redis_url)
    assert pages.get("/metrics").status_code == 200
    assert pages.get("/metrics", headers=headers).status_code == 401
    assert pages.get("/metrics", environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 401


def test_with_a_token_it_alone_counts(tmp_path: Path, url: str, redis_client: redis.Redis, redis_url: str) -> None:
    pages = make_pages(tmp_path, url, redis_client, redis_url, metrics_token=TOKEN)
    asked = {"Authorization": f"Bearer {TOKEN}", "X-Forwarded-For": "203.0.113.9"}
    assert pages.get("/metrics", headers=asked).status_code == 200
    for wrong in (
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer é"},
    ):
        answer = pages.get("/metrics", headers=wrong)
        assert answer.status_code == 401
        assert TOKEN not in answer.get_data(as_text=True)
    assert TOKEN not in repr(Settings(tmp_path, tmp_path, "", "", b"", metrics_token=TOKEN))


@pytest.mark.parametrize("said", ["Xy7-abc", "has a blank in its midst", "ünusual-letters-here"])
def test_a_token_that_is_none_is_a_fault_that_does_not_repeat_it(tmp_path: Path, said: str) -> None:
    with pytest.raises(Misconfigured) as wrong:
        Settings.read({"DATA_DIR": str(tmp_path), "SANDBOX": "1", "METRICS_TOKEN": said})
    assert "METRICS_TOKEN" in str(wrong.value)
    assert said not in str(wrong.value)
