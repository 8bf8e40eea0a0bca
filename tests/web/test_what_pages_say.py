"""That pages say what is so: no stale thanks, no stale looks as if they were of now, and a page for whoever is lost."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import redis

from integration.memory.board import Feature
from integration.memory.inbox import Inbox
from integration.memory.ledger import Card, Ledger
from integration.stages.entries import Finding, GateResult, Heard
from integration.web.pages.board import chips
from integration.web.pages.shown import Shown, coded
from tests.web.recorded import APP, ERIN, NOON, TITLES, Pages, fill, make_pages

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
def ledger_of_pages(ledger_file: Path) -> Ledger:
    ledger = Ledger.open(f"sqlite:///{ledger_file}", now=NOON)
    fill(ledger)
    return ledger


@pytest.fixture
def pages(
    ledger_of_pages: Ledger, ledger_file: Path, redis_client: redis.Redis, redis_url: str, tmp_path: Path
) -> Pages:
    return make_pages(tmp_path, f"sqlite:///{ledger_file}", redis_client, redis_url)


# --- whoever is lost --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "status"), [("/nowhere", 404), ("/board/", 404), ("/operations/destroy", 404)])
def test_a_browser_that_is_lost_gets_a_page_and_a_machine_a_line(pages: Pages, path: str, status: int) -> None:
    seen = pages.get(path, headers=HTML)
    assert (seen.status_code, seen.mimetype) == (status, "text/html")
    assert "There is nothing here" in seen.text
    assert 'aria-label="Pages"' in seen.text, "and all pages are one click away"
    for accept in ("*/*", "application/json"):
        told = pages.get(path, headers={"Accept": accept})
        assert (told.status_code, told.mimetype) == (status, "application/json")


def test_the_wrong_method_is_told_and_which_would_be_right(pages: Pages) -> None:
    assert pages.get("/operations/retry", headers=HTML).status_code == 405
    assert "POST" in pages.get("/operations/retry").headers["Allow"]


# --- what was a moment ago --------------------------------------------------------------------------------------------


def test_it_is_being_looked_at_until_it_was(pages: Pages, ledger_of_pages: Ledger) -> None:
    sent = pages.post("/feature/acme/app%2312/check", "/feature/acme/app%2312")
    assert sent.status_code == 303
    assert "It is being looked at" in pages.text(sent.location)
    card = Card(TITLES[APP], "https://t.example/1", "beta", "erin", wanted="public")
    later = datetime.now(UTC) + timedelta(seconds=2)
    ledger_of_pages.append(APP, [Heard(later, "c9", ERIN)], 3, later, card)
    assert "It is being looked at" not in pages.text(sent.location), "the same address, reloaded"
    assert "It is being looked at" not in pages.text("/feature/acme/app%2312")


def test_thanks_are_said_while_a_word_is_on_its_way_and_not_for_ever(pages: Pages) -> None:
    assert "Thank you" not in pages.text("/party/support?said=github:acme/app%2312")


def banner(pages: Pages) -> str:
    """What the board says of itself, once it has been looked for beside the page."""
    for _ in range(100):
        if found := re.search(r'<p class="bad behind">([^<]*)', pages.text("/")):
            return found[1]
        time.sleep(0.05)
    return ""


def test_the_board_says_when_it_may_be_old_and_names_nothing(pages: Pages, redis_client: redis.Redis) -> None:
    Inbox(redis_client).hint(APP, now=datetime.now(UTC) - timedelta(hours=3, minutes=1))
    said = banner(pages)
    assert said.startswith("Changes have waited for 3 hours to be looked at")
    assert "acme" not in said


def test_the_board_says_that_redis_is_away_and_is_shown_all_the_same(
    ledger_of_pages: Ledger, ledger_file: Path, tmp_path: Path
) -> None:
    away = "redis://127.0.0.1:1"
    pages = make_pages(tmp_path, f"sqlite:///{ledger_file}", redis.Redis.from_url(away), away)
    assert "Redis is away" in banner(pages)
    assert "Dark" in pages.text("/")


# --- in few words -----------------------------------------------------------------------------------------------------


def gate(rule: str, *findings: Finding) -> GateResult:
    return GateResult(rule, "public", "block", False, findings)


OPENS = Finding("it has been in Beta for 2 days", False, look_again_at=NOON)


@pytest.mark.parametrize(
    ("gates", "awaited", "says"),
    [
        ((gate("docs-first", Finding("a", False)), gate("needs-work", Finding("b", False))), (), ["needs work"]),
        ((gate("not-on-hold", Finding("a", False)), gate("hold", Finding("b", False))), (), ["on hold"]),
        (
            (gate("hold", Finding("b", False)), gate("soak", OPENS)),
            ("docs",),
            ["on hold", "Docs", "opens at 12:00 UTC"],
        ),
        ((gate("docs-first", Finding("a", False)),), (), ["docs-first"]),
    ],
)  # fmt: skip
def test_a_card_says_first_that_it_is_on_hold_and_no_rule_beside_that(
    gates: tuple[GateResult, ...], awaited: tuple[str, ...], says: list[str]
) -> None:
    feature: Any = SimpleNamespace(awaited=awaited, wanted="public", seen=SimpleNamespace(gates=gates))
    assert [one.says for one in chips(cast(Feature, feature), Shown(None, NOON))] == says


def test_a_day_is_until_its_end_on_the_files_clock() -> None:
    shown = Shown(None, NOON)
    shown.zone = ZoneInfo("America/New_York")
    assert shown.until(datetime(2026, 11, 28, 5, tzinfo=UTC)) == "27 Nov 2026"
    assert shown.until(datetime(2026, 11, 28, 15, tzinfo=UTC)) == "28 Nov 2026, 10:00 EST"


def test_commands_in_our_own_words_are_marked_and_nothing_else() -> None:
    assert coded("then `release-stages failed retry <x>`.") == (
        "then <code>release-stages failed retry &lt;x&gt;</code>."
    )
    assert coded("<b>") == "&lt;b&gt;"
