"""How rules fare, as the ledger has it; since when a rule has stood so; what is told once; on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from integration.memory.ledger import Card, Ledger
from integration.stages.entries import Acknowledged, AttemptEnded, Ended, Entry, Judged, Met, Noticed, Outcome
from integration.stages.model import Move, Person, Ref

APP, MOBILE = Ref.parse("acme/app#12"), Ref.parse("APP-7")
NOON = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ERIN = Person("1", "erin", "Erin")


def judged(id: str = "m1", at: datetime = NOON) -> Judged:
    return Judged(at, Move(id, "labels:0", "beta", "public", ERIN, at), Outcome.WARNED)


def keep(ledger: Ledger, ref: Ref, *entries: Entry, met: tuple[Met, ...] = (), now: datetime = NOON) -> None:
    card = Card("Export", f"https://x/{ref.number}", "public", met=met)
    ledger.append(ref, entries, ledger.read(ref).seq, now, card)


def test_features_of_which_something_was_judged_since_come_with_all_that_their_figures_need(ledger: Ledger) -> None:
    noticed = Noticed(NOON - DAY, "support", "public", "c1", ERIN)
    ended = AttemptEnded(NOON + DAY, "m1", "public", Ended.CANCELLED)
    keep(ledger, APP, noticed, judged(), Acknowledged(NOON, "support", "public", ERIN, "c2"), ended)
    keep(ledger, MOBILE, judged(at=NOON - 9 * DAY))
    (found,) = ledger.trials.featured(NOON)
    assert (found.ref, found.title, found.url) == (APP, "Export", "https://x/12")
    assert found.entries == (noticed, judged(), ended), "also what was before; but not what no figure asks for"
    assert [one.ref for one in ledger.trials.featured(NOON - 9 * DAY)] == [APP, MOBILE]
    assert list(ledger.trials.featured(NOON + DAY)) == []


def test_a_gate_that_is_met_is_noted_once_with_the_first_time(ledger: Ledger) -> None:
    keep(ledger, APP, judged(), met=(Met("m1", "seen"),))
    keep(ledger, APP, met=(Met("m1", "seen"), Met("m1", "soak")), now=NOON + DAY)
    keep(ledger, APP, now=NOON + 2 * DAY)
    (found,) = ledger.trials.featured(NOON)
    assert found.met == {("m1", "seen"): NOON, ("m1", "soak"): NOON + DAY}
    assert ledger.verify(APP) is None


def test_more_features_than_are_read_at_once_all_come(ledger: Ledger) -> None:
    for number in range(1, 204):
        keep(ledger, Ref("github", "", "acme/app", number), judged(f"m{number}"))
    assert [one.ref.number for one in ledger.trials.featured(NOON)] == list(range(1, 204))


def test_a_rule_has_stood_so_since_it_was_noted_and_at_first_since_its_version_was_there(ledger: Ledger) -> None:
    ledger.versions.take("v1", "version: 1", NOON - 30 * DAY)
    assert ledger.trials.standing({"a": "1"}, "v1", NOON) == {"a": NOON - 30 * DAY}, "before any clock noted it"
    assert ledger.trials.met_known_since() is None
    assert ledger.trials.note_terms({"a": "1", "b": "1"}, "v1", NOON)
    assert ledger.trials.standing({"a": "1"}, "v1", NOON) == {"a": NOON - 30 * DAY}
    assert ledger.trials.met_known_since() == NOON
    ledger.versions.take("v2", "version: 2", NOON)
    assert ledger.trials.note_terms({"a": "2", "b": "1"}, "v2", NOON)
    assert not ledger.trials.note_terms({"a": "2", "b": "1"}, "v2", NOON + DAY)
    stands = {"a": NOON, "b": NOON - 30 * DAY}
    assert ledger.trials.standing({"a": "2", "b": "1"}, "v2", NOON + DAY) == stands
    assert ledger.trials.note_terms({"a": "1", "b": "1"}, "v1", NOON + 2 * DAY), "back again"
    assert ledger.trials.standing({"a": "1"}, "v1", NOON + 3 * DAY) == {"a": NOON + 2 * DAY}, "and it counts anew"


def test_a_rule_that_went_and_came_back_counts_anew(ledger: Ledger) -> None:
    ledger.trials.note_terms({"a": "1", "b": "1"}, "v1", NOON)
    ledger.trials.note_terms({"b": "1"}, "v2", NOON + DAY)
    ledger.trials.note_terms({"a": "1", "b": "1"}, "v3", NOON + 2 * DAY)
    assert ledger.trials.standing({"a": "1", "b": "1"}, "v3", NOON + 3 * DAY) == {"a": NOON + 2 * DAY, "b": NOON}


def test_of_many_clocks_one_tells_it_and_none_again_within_the_week(ledger: Ledger) -> None:
    told: list[bool] = []
    ready = threading.Barrier(6)

    def clock(number: int) -> None:
        ready.wait()
        told.append(ledger.trials.tell("ripe-rules", f"clock {number}", NOON, NOON + DAY))

    clocks = [threading.Thread(target=clock, args=(number,)) for number in range(6)]
    for one in clocks:
        one.start()
    for one in clocks:
        one.join()
    assert sorted(told) == [False] * 5 + [True]
    assert ledger.trials.was_told("ripe-rules", NOON)
    assert not ledger.trials.was_told("ripe-rules", NOON + 7 * DAY)
    assert ledger.trials.says("ripe-rules").startswith("clock ")
    assert ledger.trials.tell("ripe-rules", "", NOON + 7 * DAY, NOON + 7 * DAY)
    assert ledger.trials.says("ripe-rules") == ""


def test_what_is_not_so_any_more_is_taken_back_and_counts_as_told(ledger: Ledger) -> None:
    assert not ledger.trials.was_told("ripe-rules", NOON)
    assert ledger.trials.says("ripe-rules") == ""
    ledger.trials.tell("ripe-rules", "One rule", NOON, NOON)
    ledger.trials.unsay("ripe-rules")
    assert ledger.trials.says("ripe-rules") == ""
    assert ledger.trials.was_told("ripe-rules", NOON)
