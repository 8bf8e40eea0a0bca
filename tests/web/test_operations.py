"""Operations as admins see them, and what becomes of what they do there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest
import redis

from integration.memory.failures import Failure, Kind, State
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.stages.model import Hint, Ref
from tests.web.recorded import APP, NOON, SECRET, Pages, fill, make_pages, visitor

NOW = datetime.now(UTC)


@pytest.fixture
def ledger(ledger_file: Path) -> Ledger:
    opened = Ledger.open(f"sqlite:///{ledger_file}", now=NOON)
    fill(opened)
    for ref, state in ((APP, State.DEAD), (SECRET, State.RETRYING)):
        opened.failures.keep(Failure(ref, Kind.ADMIN, state, f"<b>why</b> {ref.key}", NOON, NOW, step="mend REF"))
    return opened


@pytest.fixture
def inbox(redis_client: redis.Redis) -> Inbox:
    return Inbox(redis_client)


@pytest.fixture
def pages(ledger: Ledger, ledger_file: Path, redis_client: redis.Redis, redis_url: str, tmp_path: Path) -> Pages:
    return make_pages(tmp_path, f"sqlite:///{ledger_file}", redis_client, redis_url)


def words(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_it_tells_what_failed_why_and_what_to_do(pages: Pages) -> None:
    told = pages.text("/operations")
    assert "&lt;b&gt;why&lt;/b&gt; acme/app#12" in told
    assert "Next: mend acme/app#12." in told


def test_it_tells_what_became_of_each_delivery(pages: Pages, inbox: Inbox, ledger: Ledger) -> None:
    other, waits = Ref.parse("acme/other#1"), Ref.parse("acme/app#99")
    before = NOW - timedelta(minutes=5)
    for number, ref in enumerate((APP, other, waits)):
        inbox.accept_all([(f"guid:{number}", [Hint(ref)], "issues.labeled")], before)
    inbox.accept_all([("guid:0", [Hint(APP)], "issues.labeled")], before)
    for ref in (APP, other):
        run = inbox.begin(ref)
        assert run
        inbox.finish(run)
    ledger.failures.clear(APP)
    ledger.append(APP, [], 3, NOW)
    rows = [words(row) for row in re.findall(r"<tr><td><time.*?</tr>", pages.text("/operations"), re.DOTALL)]
    told = {row.split()[-1]: row for row in rows if "guid:" in row}
    assert "seen before" in next(row for row in rows if "guid:0" in row)
    assert "looked at" in [row for row in rows if "guid:0" in row][1]
    assert "it is no feature" in told["guid:1"]
    assert "waits since" in told["guid:2"]


def test_deliveries_are_turned_page_by_page(pages: Pages, inbox: Inbox) -> None:
    inbox.accept_all([(f"guid:{number}", [Hint(APP)], "issues") for number in range(70)], NOW)
    onward = re.search(r'href="(/operations\?before=[\d-]+)', pages.text("/operations"))
    assert onward
    assert "guid:69" in pages.text("/operations")
    assert "guid:69" not in pages.text(onward[1])
    assert "guid:0<" in pages.text(onward[1])
    assert pages.get("/operations?before=x").status_code == 400


def test_to_try_again_makes_a_hint_and_is_recorded_with_who_did_it(pages: Pages, inbox: Inbox, ledger: Ledger) -> None:
    pages.who = visitor()
    assert pages.post("/operations/retry", "/operations", name=str(APP)).status_code == 303
    failure = ledger.failures.of(APP)
    assert failure
    assert failure.state is State.RETRYING
    assert [one.name for one in inbox.waiting(9)] == [str(APP)]
    (act,) = inbox.acts.latest(9)
    assert (act.by, act.what, act.name) == ("Erin (erin)", "retry", str(APP))
    assert "Erin (erin), retry" in words(pages.text("/operations"))


def test_all_that_is_open_is_tried_again_at_once(pages: Pages, inbox: Inbox) -> None:
    pages.post("/operations/retry", "/operations", name="all")
    assert {one.name for one in inbox.waiting(9)} == {str(APP), str(SECRET)}


def test_to_drop_needs_a_reason_and_says_who_did_it(pages: Pages, inbox: Inbox, ledger: Ledger) -> None:
    inbox.hint(APP)
    assert pages.post("/operations/drop", "/operations", name=str(APP), why="  ").status_code == 400
    assert ledger.failures.of(APP).state is State.DEAD  # type: ignore[union-attr]
    pages.post("/operations/drop", "/operations", name=str(APP), why="moved away")
    dropped = ledger.failures.of(APP)
    assert dropped
    assert (dropped.state, dropped.dropped_by, dropped.because) == (State.DROPPED, "Erin (erin)", "moved away")
    assert inbox.depth() == 0
    assert inbox.acts.latest(1)[0].why == "moved away"


def test_what_the_breaker_holds_is_let_go_on(pages: Pages, inbox: Inbox) -> None:
    for _ in range(21):
        inbox.breaker.let("sweep", NOW)
    assert "Held: sweep" in pages.text("/operations")
    pages.post("/operations/release", "/operations", name="sweep")
    assert not inbox.breaker.tripped("sweep")


def test_what_did_not_fail_and_what_came_without_a_token_change_nothing(pages: Pages, inbox: Inbox) -> None:
    assert pages.post("/operations/retry", "/operations", name="acme/app#1000").status_code == 404
    assert pages.client.post("/operations/retry", data={"name": str(APP)}).status_code == 400
    assert pages.get("/operations/retry").status_code == 405
    assert inbox.depth() == 0
    assert inbox.acts.latest(9) == ()


def test_without_redis_it_tells_so_and_what_the_ledger_knows(
    ledger: Ledger, ledger_file: Path, tmp_path: Path, redis_client: redis.Redis
) -> None:
    away = "redis://127.0.0.1:1"
    pages = make_pages(tmp_path, f"sqlite:///{ledger_file}", redis_client, away)
    gone = redis.Redis.from_url(away)
    pages = make_pages(tmp_path, f"sqlite:///{ledger_file}", gone, away)
    told = pages.text("/operations")
    assert "Redis is away" in told
    assert "mend acme/app#12" in told
    assert pages.post("/operations/retry", "/operations", name=str(APP)).status_code == 503
    assert ledger.failures.of(APP).state is State.DEAD  # type: ignore[union-attr]
