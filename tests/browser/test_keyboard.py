"""Whoever goes by keyboard, or listens, keeps their place while the board brings itself up to date."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from integration.memory.board import Wanted
from integration.memory.ledger import Card
from integration.stages.entries import Heard
from integration.stages.model import Person
from tests.browser.conftest import Served, Visit


def test_a_change_elsewhere_on_the_board_takes_the_focus_from_nobody(visit: Visit, served: Served) -> None:
    some, other = served.ledger.board.features(Wanted(stage="development"), None, 2)
    visit.page.clock.install()
    page = visit.open("/")
    link = page.locator(f"#f-{some.row.id} a")
    link.focus()

    def call_it(title: str, minutes: int) -> None:
        at, seq = other.checked_at + timedelta(minutes=minutes), served.ledger.read(other.ref).seq
        card = Card(title, other.url, other.stage, other.owner, seen=other.seen)
        served.ledger.append(other.ref, [Heard(at, f"c{minutes}", Person("1", "erin", "Erin"))], seq, at, card)

    call_it("Another name altogether", 1)
    page.clock.fast_forward(21_000)
    expect(page.locator(f"#f-{other.row.id}")).to_contain_text("Another name altogether")
    expect(link).to_be_focused()
    call_it(other.title, 2)
