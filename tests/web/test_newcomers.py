"""What somebody meets who knows nothing of the pages yet: small worlds, short times, addresses that lead nowhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from integration.memory.ledger import Ledger
from integration.web.pages.shown import Shown, amount, hours
from tests.web.recorded import NOON, Pages, fill, make_pages


@pytest.fixture
def pages(ledger_file: Path, redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Pages:
    url = f"sqlite:///{ledger_file}"
    ledger = Ledger.open(url, now=NOON)
    fill(ledger)
    ledger.close()
    return make_pages(tmp_path, url, redis_client, redis_url)


def test_an_address_that_leads_nowhere_is_a_page_for_a_browser_and_json_for_all_else(pages: Pages) -> None:
    told = pages.get("/bord", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (told.status_code, told.mimetype) == (404, "text/html")
    assert 'href="/"' in told.get_data(as_text=True)
    for accept in ({}, {"Accept": "*/*"}, {"Accept": "application/json"}):
        assert pages.get("/bord", headers=accept).get_json() == {"error": "there is nothing here"}


def test_a_feature_that_is_not_there_is_told_once(pages: Pages) -> None:
    assert pages.text("/feature/acme/app%23999").count("not shown to you") == 1


def test_as_long_as_no_history_has_been_read_a_what_if_offers_to_read_them(pages: Pages) -> None:
    page = pages.text("/mappings/what-if")
    assert "No history has been read yet" in page
    assert 'name="read_new" value="yes" checked' in page


def test_what_opens_today_is_told_by_its_hour_and_all_else_by_its_day() -> None:
    now = datetime(2026, 11, 30, 22, 50, tzinfo=UTC)
    shown = Shown(None, now)
    assert shown.soon(now + timedelta(minutes=20)) == "at 23:10 UTC"
    assert shown.soon(now + timedelta(minutes=80)) == "1 Dec 2026"


@pytest.mark.parametrize(
    ("span", "says"),
    [
        (timedelta(), "0.0 h"),
        (timedelta(seconds=28), "under 1 min"),
        (timedelta(minutes=14, seconds=59), "14 min"),
        (timedelta(minutes=15), "0.2 h"),
        (timedelta(hours=5), "5.0 h"),
    ],
)
def test_a_short_time_is_told_in_minutes(span: timedelta, says: str) -> None:
    assert amount(span) == hours(span) == says
