"""Rounds keep their place: whatever dies, the next one goes on, and what was asked for is not asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integration.memory.ledger import Card, Ledger
from integration.memory.rounds import Delivery, Known, Standing
from integration.stages.entries import Frozen
from integration.stages.model import Ref
from tests.whole import some

NOON = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIVE = 5 * MINUTE
HOOK = "/app/hook"
EXAMPLES = count()


def test_a_round_that_was_never_begun_is_due_at_once_and_stands_nowhere(ledger: Ledger) -> None:
    assert ledger.rounds.stand() == ()
    assert ledger.rounds.of("sweep:github") == Standing("sweep:github")
    assert Standing("sweep:github").is_due(FIVE, NOON)


def test_a_round_goes_over_its_stretches_and_counts_what_it_saw(ledger: Ledger) -> None:
    rounds = ledger.rounds
    rounds.begin("sweep:github", ["acme/app", "acme/web", "acme/app"], NOON)
    assert [one.name for one in rounds.left("sweep:github")] == ["acme/app", "acme/web"]
    rounds.reached("sweep:github", "acme/web", "page 2", NOON - FIVE, looked=100, found=3)
    assert [one.name for one in rounds.left("sweep:github")] == ["acme/web", "acme/app"], "what is in hand comes first"
    rounds.reached("sweep:github", "acme/web", None, NOON - MINUTE, looked=7)
    rounds.reached("sweep:github", "acme/app", None, None)
    assert rounds.left("sweep:github") == ()
    assert rounds.of("sweep:github").under_way
    rounds.finish("sweep:github", NOON + MINUTE)
    (standing,) = rounds.stand()
    assert (standing.looked, standing.found, standing.under_way) == (107, 3, False)
    assert standing.finished_at == NOON + MINUTE
    assert {one.name: one.reached_at for one in rounds.stretches("sweep:github")} == {
        "acme/app": None,
        "acme/web": NOON - MINUTE,
    }


def test_one_that_is_under_way_is_not_begun_again_and_a_new_one_begins_where_the_last_one_came_to(
    ledger: Ledger,
) -> None:
    rounds = ledger.rounds
    rounds.begin("sweep:github", ["acme/app", "acme/old"], NOON)
    rounds.reached("sweep:github", "acme/app", "page 2", NOON)
    rounds.begin("sweep:github", ["acme/app"], NOON + MINUTE)
    assert {one.name: one.cursor for one in rounds.left("sweep:github")} == {"acme/app": "page 2", "acme/old": ""}
    for name in ("acme/app", "acme/old"):
        rounds.reached("sweep:github", name, None, None)
    rounds.finish("sweep:github", NOON + MINUTE)
    rounds.begin("sweep:github", ["acme/app"], NOON + FIVE)
    (left,) = rounds.left("sweep:github")
    assert (left.name, left.cursor, left.reached_at) == ("acme/app", "", NOON)
    assert rounds.of("sweep:github").looked == 0


def test_what_was_looked_at_is_never_forgotten_by_a_step_that_comes_late(ledger: Ledger) -> None:
    ledger.rounds.begin("sweep:github", ["acme/app"], NOON)
    ledger.rounds.reached("sweep:github", "acme/app", "2", NOON)
    ledger.rounds.reached("sweep:github", "acme/app", "1", NOON - FIVE)
    assert ledger.rounds.left("sweep:github")[0].reached_at == NOON


def test_a_hindrance_is_news_once_and_over_when_a_whole_round_meets_it_no_more(ledger: Ledger) -> None:
    rounds = ledger.rounds
    rounds.begin("sweep:github", [], NOON)
    assert rounds.hinder("sweep:github", "no permission")
    assert not rounds.hinder("sweep:github", "no permission")
    assert rounds.hinder("sweep:github", "nor here")
    rounds.finish("sweep:github", NOON)
    assert rounds.of("sweep:github").hindrance == "no permission\nnor here"
    assert "no permission; nor here; last done" in rounds.told()["sweep:github"]
    rounds.begin("sweep:github", [], NOON + FIVE)
    assert not rounds.hinder("sweep:github", "no permission"), "it was told in the round before"
    rounds.finish("sweep:github", NOON + FIVE)
    assert rounds.of("sweep:github").hindrance == "no permission"
    rounds.begin("sweep:github", [], NOON + 2 * FIVE)
    rounds.finish("sweep:github", NOON + 2 * FIVE)
    assert rounds.told()["sweep:github"].startswith("ok; last done 2026-12-07 12:10Z")


def test_of_very_many_hindrances_the_first_are_kept_and_none_is_longer_than_fits(ledger: Ledger) -> None:
    for number in range(40):
        ledger.rounds.hinder("sweep:github", f"{number} {'x' * 9000}\0\nsecond line")
    lines = ledger.rounds.of("sweep:github").hindrance.split("\n")
    assert len(lines) == 5
    assert max(map(len, lines)) == 500


def test_a_round_that_has_to_wait_is_not_due_and_waiting_is_over_when_it_ends(ledger: Ledger) -> None:
    rounds = ledger.rounds
    rounds.begin("sweep:github", ["acme/app"], NOON)
    rounds.hinder("sweep:github", "asks us to wait", NOON + FIVE)
    assert not rounds.of("sweep:github").is_due(MINUTE, NOON + FIVE - MINUTE)
    assert rounds.of("sweep:github").is_due(MINUTE, NOON + FIVE)
    rounds.finish("sweep:github", NOON + FIVE)
    assert rounds.of("sweep:github").hindrance == ""
    assert not rounds.of("sweep:github").is_due(2 * FIVE, NOON + FIVE)
    assert rounds.of("sweep:github").is_due(2 * FIVE, NOON + 2 * FIVE)


def test_rounds_of_a_tracker_that_is_no_longer_there_are_dropped(ledger: Ledger) -> None:
    for name in ("sweep:github", "sweep:jira/main"):
        ledger.rounds.begin(name, ["place"], NOON)
    ledger.rounds.drop({"sweep:github"})
    assert [one.name for one in ledger.rounds.stand()] == ["sweep:jira/main"]
    assert ledger.rounds.stretches("sweep:github") == ()


# --- what a sweep compares with ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watermark", "updated", "older"),
    [
        (NOON, NOON, False),
        (NOON, NOON + timedelta(milliseconds=1), True),
        (None, NOON - FIVE, False),
        (None, NOON - MINUTE, True),
    ],
)
def test_an_issue_is_looked_at_again_when_it_is_newer_than_what_the_last_look_saw(
    watermark: datetime | None, updated: datetime, older: bool
) -> None:
    assert Known("beta", NOON, watermark).is_older_than(updated) is older


def test_the_ledger_tells_what_the_last_look_saw_and_who_waits_for_whom(ledger: Ledger) -> None:
    app, bug, gone = (Ref.parse(f"acme/app#{number}") for number in (1, 2, 3))
    waits = Card("Dark mode", "u", "beta", watermark=NOON - MINUTE, waits_for=(str(bug),))
    ledger.append(app, [Frozen(NOON, "x")], 0, NOON, waits)
    ledger.append(app, [], 1, NOON, waits)
    ledger.append(gone, [Frozen(NOON, "deleted")], 0, NOON, Card("Old", "u", waits_for=(str(bug),)))
    assert ledger.rounds.known([app, bug]) == {app: Known("beta", NOON, NOON - MINUTE)}
    assert ledger.rounds.waiting({bug: NOON + MINUTE, app: NOON}) == (app,)
    assert ledger.rounds.waiting({bug: NOON - FIVE}) == ()


# --- deliveries -------------------------------------------------------------------------------------------------------


def attempt(id: int, guid: str, ok: bool, again: bool = False) -> Delivery:
    return Delivery(id, guid, NOON + id * MINUTE, ok, again)


def asked_for(ledger: Ledger, now: datetime = NOON) -> list[int]:
    return [one.id for one in ledger.rounds.to_ask(HOOK, now, 99)]


def test_what_failed_is_asked_for_once_for_each_attempt_and_ever_more_rarely(ledger: Ledger) -> None:
    rounds = ledger.rounds
    rounds.note(HOOK, [attempt(3, "c", True), attempt(2, "b", False), attempt(1, "a", False)])
    assert asked_for(ledger) == [2, 1], "the newest first"
    rounds.asked(HOOK, attempt(2, "b", False), NOON, FIVE)
    assert asked_for(ledger) == [1]
    assert asked_for(ledger, NOON + FIVE) == [1, 2]
    rounds.note(HOOK, [attempt(4, "b", False, again=True)])
    rounds.asked(HOOK, attempt(4, "b", False), NOON + FIVE, FIVE)
    assert asked_for(ledger, NOON + 3 * FIVE - MINUTE) == [1]
    assert asked_for(ledger, NOON + 3 * FIVE) == [1, 4]
    rounds.note(HOOK, [attempt(5, "b", True, again=True)])
    assert asked_for(ledger, NOON + 99 * FIVE) == [1]
    assert rounds.failed() == 1
    assert rounds.to_ask("/orgs/acme/hooks/1", NOON, 9) == (), "each webhook for itself"


def test_what_github_keeps_no_more_is_settled_and_then_forgotten(ledger: Ledger) -> None:
    ledger.rounds.note(HOOK, [attempt(1, "a", False), attempt(9, "b", False)])
    ledger.rounds.settle(HOOK, "a")
    assert asked_for(ledger) == [9]
    ledger.rounds.forget(NOON + 10 * MINUTE)
    assert asked_for(ledger) == []


@settings(max_examples=some(40), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_in_whatever_pages_and_order_attempts_are_listed_what_never_arrived_is_known(
    sqlite_ledger: Ledger, data: st.DataObject
) -> None:
    """A delivery has a first attempt, and more only while none of them went well."""
    rounds, hook = sqlite_ledger.rounds, f"/orgs/acme/hooks/{next(EXAMPLES)}"
    listed, owed, number = [], {}, 0
    for guid in data.draw(st.lists(st.sampled_from("abcdef"), unique=True)):
        tries = [*data.draw(st.lists(st.just(False), max_size=3)), data.draw(st.booleans())]
        for place, ok in enumerate(tries):
            number += 1
            listed.append(attempt(number, guid, ok, again=place > 0))
        if not tries[-1]:
            owed[guid] = number
    shuffled = data.draw(st.permutations(listed))
    size = data.draw(st.integers(1, 4))
    for start in range(0, len(shuffled), size):
        rounds.note(hook, shuffled[start : start + size])
        if data.draw(st.booleans()):
            rounds.note(hook, shuffled[:start])  # a page that is read twice
    assert sorted(one.id for one in rounds.to_ask(hook, NOON, 99)) == sorted(owed.values())


@pytest.fixture
def sqlite_ledger(ledger_file: Path) -> Iterator[Ledger]:
    opened = Ledger.open(f"sqlite:///{ledger_file}", now=NOON)
    yield opened
    opened.close()
