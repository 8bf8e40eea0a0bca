"""The store of histories: what is kept comes back as it was, and what another release has packed is not believed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest
from sqlalchemy import update

from integration.memory import packed, tables
from integration.memory.histories import Kept, Reach
from integration.memory.ledger import Ledger
from integration.stages.model import Ref, Related, Tie
from tests.stages.histories import MONDAY, Story

NOON = datetime(2026, 6, 2, 12, 0, tzinfo=UTC)
AROUND = frozenset({"issues"})


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    with closing(Ledger.open(database_url, now=NOON)) as opened:
        yield opened


def story(number: int = 1) -> Story:
    said = "Fine, \0 and ünusual 🎉 [x|http://x]"
    told = Story.on_jira(number).moves("beta").later(hours=1).says(said, "sam", "erin")
    return told.later(hours=1).moves("public")


def test_a_history_comes_back_as_it_was(ledger: Ledger) -> None:
    blocker = Related("APP-9", "A bug", "https://x/9", Tie.BLOCKING, True, Ref.parse("APP-9"), labels=("bug",))
    issue = replace(story().issue(), fields=MappingProxyType({"Audience": "all"}), related=(blocker,))

    ledger.histories.keep([issue], AROUND, NOON)

    (kept,) = ledger.histories.packed([issue.ref])
    assert packed.unpack(kept) == issue
    assert ledger.histories.known([issue.ref]) == {issue.ref: Kept(issue.watermark, AROUND)}
    assert ledger.histories.read_at() == NOON


def test_what_is_read_later_takes_the_place_of_what_was_read_before(ledger: Ledger) -> None:
    early, late = story().issue(), story().later(days=1).moves("beta").issue()

    ledger.histories.keep([early], frozenset(), NOON)
    ledger.histories.keep([late], AROUND, NOON + timedelta(days=1))

    assert [packed.unpack(one) for one in ledger.histories.packed([late.ref])] == [late]


def test_only_what_has_changed_since_is_listed(ledger: Ledger) -> None:
    issues = [replace(story(number).issue(), watermark=MONDAY + timedelta(days=number)) for number in (1, 2, 3)]
    ledger.histories.keep(issues, frozenset(), NOON)

    assert ledger.histories.changed(MONDAY + timedelta(days=2)) == (Ref.parse("APP-2"), Ref.parse("APP-3"))

    ledger.histories.drop(Ref.parse("APP-2"))
    assert ledger.histories.changed(MONDAY) == (Ref.parse("APP-1"), Ref.parse("APP-3"))


@pytest.mark.parametrize(
    ("updated", "around", "holds"),
    [(NOON, AROUND, True), (NOON + timedelta(seconds=1), AROUND, False), (NOON, AROUND | {"pages"}, False)],
)
def test_a_history_holds_while_the_issue_has_not_changed_and_no_more_is_wanted_around_it(
    updated: datetime, around: frozenset[str], holds: bool
) -> None:
    assert Kept(NOON, AROUND).holds(updated, around) is holds


def test_what_was_packed_in_another_form_is_as_good_as_not_there(ledger: Ledger) -> None:
    ledger.histories.keep([story().issue()], AROUND, NOON)
    with ledger._engine.begin() as connection:
        connection.execute(update(tables.histories).values(form="older"))

    assert ledger.histories.known([Ref.parse("APP-1")]) == {}
    assert ledger.histories.changed(MONDAY) == ()


@pytest.mark.parametrize("spoilt", [b"", b"nonsense", packed.pack(story().issue())[:-9]])
def test_what_is_spoilt_says_so(spoilt: bytes) -> None:
    with pytest.raises(packed.Spoilt):
        packed.unpack(spoilt)


def test_how_far_the_reading_has_come_and_what_was_answered_is_kept_until_it_is_forgotten(ledger: Ledger) -> None:
    reach, histories = Reach(MONDAY, NOON), ledger.histories
    assert histories.reach("jira:main/APP") is None

    histories.reached("jira:main/APP", Reach(MONDAY, MONDAY))
    histories.reached("jira:main/APP", reach)
    histories.learn({"a": True, "b": ["sam", "sofia"]}, MONDAY)
    histories.learn({"a": False}, NOON)
    histories.keep([story().issue()], AROUND, NOON)

    assert histories.reach("jira:main/APP") == reach
    assert histories.answers(MONDAY) == {"a": False, "b": ["sam", "sofia"]}
    assert histories.answers(NOON) == {"a": False}

    assert histories.forget() == 1
    assert (histories.reach("jira:main/APP"), histories.answers(MONDAY), histories.changed(MONDAY)) == (None, {}, ())
