"""Every page in a real browser: for eyes, for those who hear it, by keyboard, on a phone, by day and by night."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from integration.memory.board import Wanted
from integration.stages.entries import Judged, Outcome
from integration.stages.model import Ref
from integration.stages.texts.chronicle import Names, told
from tests.browser.conftest import FEATURES, Served, Visit

LOOKS = {"by day": ("desktop", "light"), "by night": ("desktop", "dark"), "on a phone": ("phone", "light")}


def address(ref: Ref) -> str:
    return f"/feature/{quote(str(ref))}"


def blocked(served: Served) -> str:
    """The address of a feature that is blocked."""
    found = served.ledger.board.features(Wanted(blocked=True), None, 1)
    return address(found[0].ref)


def well_travelled(served: Served) -> str:
    """The address of a feature that has come to Public after it was blocked."""
    for one in served.ledger.board.features(Wanted(stage="public"), None, 200):
        verdicts = [entry for _, _, entry in served.ledger.board.history(one) if isinstance(entry, Judged)]
        if any(entry.outcome is Outcome.BLOCKED for entry in verdicts):
            return address(one.ref)
    raise AssertionError("the seeded world has none")


ADDRESSES = {
    "board": lambda served: "/",
    "one stage": lambda served: "/?stage=public&closed=yes",
    "narrowed": lambda served: "/?only=blocked&party=support",
    "nothing fits": lambda served: "/?q=nothing+is+called+so",
    "blocked feature": blocked,
    "feature with a life": well_travelled,
    "parties": lambda served: "/parties",
    "party": lambda served: "/party/support",
    "escapes": lambda served: "/reports/escapes",
    "answers": lambda served: "/reports/answers",
    "time in stage": lambda served: "/reports/stages",
    "blocks": lambda served: "/reports/blocks",
    "waivers": lambda served: "/reports/waivers",
    "audit": lambda served: "/audit",
    "mappings": lambda served: "/mappings",
    "what if": lambda served: "/mappings/what-if",
    "a version": lambda served: f"/mappings/{served.ledger.versions.in_force()}",
    "operations": lambda served: "/operations",
    "status": lambda served: "/status",
    "no such page": lambda served: "/feature/acme/app%23999999",
}


PICTURED = {
    "board": "board",
    "feature with a life": "feature",
    "blocked feature": "blocked",
    "parties": "parties",
    "party": "party",
    "time in stage": "time-in-stage",
    "blocks": "blocks",
    "waivers": "waivers",
    "what if": "what-if",
    "status": "status",
    "escapes": "escapes",
    "answers": "answers",
    "audit": "audit",
    "mappings": "mappings",
    "operations": "operations",
}
"""Those of which docs/images has pictures, and by which name."""


@pytest.mark.parametrize("name", ADDRESSES)
def test_a_page_is_fit_for_everybody(visit: Visit, served: Served, name: str) -> None:
    """At a desk by day, at a desk by night, and on a phone: one page, looked at three times."""
    page = visit.open(ADDRESSES[name](served), status=404 if name == "no such page" else 200)
    for look, (size, colours) in LOOKS.items():
        visit.looks(size, colours)
        assert visit.violations() == [], f"axe-core objects, {look}"
        assert visit.overflow() <= 0, f"it is wider than the screen, {look}"
    assert visit.errors == [] or name == "no such page", "the console"
    assert visit.strangers == [], "it asks somebody else"
    expect(page.locator("h1")).to_have_count(1)


def test_no_line_of_a_history_shows_a_key_of_ours(served: Served) -> None:
    names = Names({}, {})
    for feature in served.ledger.board.features(Wanted(), None, FEATURES):
        lines = [told(entry, names).says for _, _, entry in served.ledger.board.history(feature)]
        assert [line for line in lines if re.search(r"\b[a-z-]+:[\w:]*\d", line)] == []


def titles(page: Page) -> Iterator[str]:
    yield from (one.inner_text() for one in page.locator(".card h3").all())


def test_the_board_is_narrowed_while_one_types_and_the_address_says_so(visit: Visit) -> None:
    page = visit.open("/")
    expect(page.get_by_role("link", name="Clear")).to_have_count(0)
    known = list(titles(page))
    word = known[0].split()[0]
    page.get_by_label("Search").press_sequentially(word)
    expect(page).to_have_url(re.compile(rf"\?q={word}"))
    found = list(titles(page))
    assert 0 < len(found) < len(known)
    assert all(word.casefold() in one.casefold() for one in found)
    page.reload()
    assert list(titles(page)) == found
    page.get_by_role("link", name="Clear").click()
    assert list(titles(page)) == known
    assert visit.errors == []


@pytest.mark.parametrize("visit", [("desktop", "light", "plain")], indirect=True)
def test_without_javascript_the_board_is_narrowed_by_its_button_and_a_feature_is_read(visit: Visit) -> None:
    page = visit.open("/")
    page.get_by_label("blocked", exact=True).check()
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("only=blocked"))
    cards = page.locator(".card")
    assert cards.count() == page.locator(".card.is-blocked").count() > 0
    cards.first.get_by_role("link").click()
    expect(page.get_by_role("heading", name="Gates before")).to_be_visible()


def test_by_keyboard_alone_one_comes_from_the_top_of_the_board_to_a_feature_and_back(visit: Visit) -> None:
    page = visit.open("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    first = page.locator(".card a").first
    for _ in range(40):
        page.keyboard.press("Tab")
        if first.evaluate("one => one === document.activeElement"):
            break
    else:
        raise AssertionError("no key leads to the first card")
    title = first.inner_text()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    page.go_back()
    expect(page.locator(".card").first).to_be_visible()


def test_the_board_brings_itself_up_to_date_without_losing_what_one_was_reading(visit: Visit, served: Served) -> None:
    visit.page.clock.install()
    page = visit.open("/")
    some = served.ledger.board.features(Wanted(stage="development"), None, 1)[0]
    link = page.locator(f"#f-{some.row.id} a")
    link.focus()
    served.ledger.put_off(some.ref, None)  # nothing that shows: then nothing is sent
    with page.expect_response(lambda answer: answer.status == 204):
        page.clock.fast_forward(21_000)
    expect(link).to_be_focused()


def test_a_press_on_check_again_has_the_feature_looked_at(visit: Visit, served: Served) -> None:
    from integration.memory.inbox import Inbox

    page = visit.open(blocked(served))
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("It is being looked at")).to_be_visible()
    assert Inbox.connect(served.settings.redis_url).depth() == 1
    long_ago = visit.open(f"{blocked(served)}?checking=1.0")
    expect(long_ago.get_by_text("It is being looked at")).to_have_count(0)
