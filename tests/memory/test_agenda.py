"""What is open over all features, what waits for what, and how far a digest has come; on both databases."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from integration.memory.agenda import State, written
from integration.memory.ledger import Card, Ledger
from integration.stages.entries import Frozen, Judged, Outcome
from integration.stages.model import ClosedAs, Move, Person, Ref

APP, OTHER, MOBILE = Ref.parse("acme/app#12"), Ref.parse("acme/other#3"), Ref.parse("APP-7")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
ERIN = Person("1", "erin", "Erin")


def judged(to: str = "public", at: datetime = NOON, outcome: Outcome = Outcome.ADMITTED) -> Judged:
    return Judged(at, Move("m1", "labels:0", "beta", to, ERIN, at), outcome)


def keep(ledger: Ledger, ref: Ref, card: Card, *entries: Judged | Frozen) -> None:
    ledger.append(ref, entries, ledger.read(ref).seq, NOON, card)


def found(ledger: Ledger, party: str, *stages: str) -> list[Ref]:
    return [one.ref for one in ledger.agenda.open_for(party, stages)]


# --- cards --------------------------------------------------------------------------------------------------------


def test_a_card_says_what_is_asked_for_and_who_is_awaited_and_the_next_card_replaces_all_of_it(ledger: Ledger) -> None:
    card = Card("Dark mode", "https://x/12", "beta", wanted="public", awaited=("support", "growth"), owing=("docs",))
    keep(ledger, APP, card, judged())
    (one,) = ledger.agenda.open_for("support", ())
    assert (one.ref, one.title, one.url, one.stage) == (APP, "Dark mode", "https://x/12", "beta")
    assert (one.wanted, one.awaited, one.owing) == ("public", ("support", "growth"), ("docs",))
    keep(ledger, APP, Card("Dark mode", "https://x/12", "public"))
    assert found(ledger, "support", "public") == found(ledger, "docs", "public") == []


@pytest.mark.parametrize(
    ("party", "stages", "expected"),
    [
        ("support", (), [APP]),  # awaited
        ("docs", (), [MOBILE]),  # owes
        ("docs", ("public",), [APP, MOBILE]),
        ("growth", ("public", "beta"), [APP, OTHER]),
        ("growth", (), []),
        ("sup", (), []),  # part of a name is another name
        ("support_eu", (), []),
        ("support%", (), []),
    ],
)
def test_features_are_open_for_those_who_are_awaited_who_owe_or_whose_stage_is_asked_for(
    ledger: Ledger, party: str, stages: tuple[str, ...], expected: list[Ref]
) -> None:
    keep(ledger, APP, Card("a", "u", wanted="public", awaited=("support", "support-eu")), judged())
    keep(ledger, OTHER, Card("b", "u", wanted="beta"), judged())
    keep(ledger, MOBILE, Card("c", "u", owing=("docs",)), judged())
    assert found(ledger, party, *stages) == expected


def test_a_feature_whose_issue_is_gone_is_open_for_nobody_and_waits_for_nothing(ledger: Ledger) -> None:
    card = Card("a", "u", wanted="public", awaited=("support",), waits_for=(str(OTHER),))
    keep(ledger, APP, card, judged())
    assert ledger.waiting_on(OTHER) == (APP,)
    ledger.append(APP, [Frozen(NOON, "deleted")], 1, NOON)
    assert (found(ledger, "support"), ledger.waiting_on(OTHER)) == ([], ())


@pytest.mark.parametrize("closed", [ClosedAs.DONE, ClosedAs.NOT_PLANNED])
def test_of_a_closed_issue_only_what_was_promised_is_still_open(ledger: Ledger, closed: ClosedAs) -> None:
    keep(ledger, APP, Card("a", "u", wanted="public", awaited=("support",), closed=closed), judged())
    keep(ledger, OTHER, Card("b", "u", wanted="public", owing=("support",), closed=closed), judged())
    assert found(ledger, "support", "public") == [OTHER]
    assert [one.is_closed for one in ledger.agenda.open_for("support", ())] == [True]


def test_parties_are_written_with_blanks_around_each_once() -> None:
    assert (written(()), written(["support", "growth", "support"])) == ("", " support growth ")


# --- waiting for another issue ----------------------------------------------------------------------------------------


def test_a_feature_waits_for_the_issues_of_its_last_card_and_for_no_other(ledger: Ledger) -> None:
    keep(ledger, APP, Card("a", "u", waits_for=(str(OTHER), str(MOBILE), str(OTHER))), judged())
    keep(ledger, MOBILE, Card("b", "u", waits_for=(str(OTHER),)), judged())
    assert ledger.waiting_on(OTHER) == (APP, MOBILE)
    assert ledger.waiting_on(MOBILE) == (APP,)
    keep(ledger, APP, Card("a", "u", waits_for=(str(MOBILE),)))
    assert ledger.waiting_on(OTHER) == (MOBILE,)
    ledger.append(APP, [judged()], 1, NOON)  # without a card nothing changes
    assert ledger.waiting_on(MOBILE) == (APP,)


NO_REFS = ("no ref", "", "acme/a\0pp#1", "acme/a\ud800pp#1", f"acme/{'x' * 600}#1", f"acme/app#{'9' * 5000}")


def test_what_is_no_name_of_an_issue_is_waited_for_by_nobody_and_breaks_nothing(ledger: Ledger) -> None:
    keep(ledger, APP, Card("a", "u", waits_for=(*NO_REFS, "acme/other#3", str(MOBILE))), judged())
    assert ledger.waiting_on(OTHER) == (APP,)
    assert ledger.waiting_on(MOBILE) == (APP,)


def test_a_feature_waits_for_a_hundred_issues_at_most_and_for_the_first_of_them(ledger: Ledger) -> None:
    many = [replace(OTHER, number=number) for number in range(1, 150)]
    keep(ledger, APP, Card("a", "u", waits_for=("no ref", *map(str, many))), judged())
    assert [bool(ledger.waiting_on(one)) for one in many] == [True] * 100 + [False] * 49


@pytest.mark.parametrize("both", [False, True])
def test_who_waits_for_an_issue_that_moved_waits_for_it_where_it_is_now(ledger: Ledger, both: bool) -> None:
    new = replace(OTHER, number=99)
    keep(ledger, OTHER, Card("b", "u"), judged())
    keep(ledger, APP, Card("a", "u", waits_for=(str(OTHER), str(new)) if both else (str(OTHER),)), judged())
    ledger.carry(OTHER, new, NOON)
    assert (ledger.waiting_on(OTHER), ledger.waiting_on(new)) == ((), (APP,))


def test_the_old_one_of_two_that_became_one_is_open_no_more(ledger: Ledger) -> None:
    card = Card("a", "u", wanted="public", awaited=("support",), waits_for=(str(MOBILE),))
    keep(ledger, OTHER, card, judged())
    keep(ledger, APP, card, judged())
    ledger.carry(OTHER, APP, NOON)
    assert (found(ledger, "support", "public"), ledger.waiting_on(MOBILE)) == ([APP], (APP,))


# --- what moved -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "until", "stages", "there"),
    [
        (NOON - MINUTE, NOON, ["public"], True),
        (NOON, NOON + MINUTE, ["public"], False),
        (NOON - 2 * MINUTE, NOON - MINUTE, ["public"], False),
        (NOON - MINUTE, NOON, ["beta"], False),
        (NOON - MINUTE, NOON, [], False),
    ],
)
def test_a_feature_is_among_the_judged_of_a_time_and_a_stage(
    ledger: Ledger, after: datetime, until: datetime, stages: list[str], there: bool
) -> None:
    keep(ledger, APP, Card("a", "u", "public"), judged(), judged())
    assert [one.ref for one in ledger.agenda.judged(stages, after, until)] == [APP] * there


# --- digests ----------------------------------------------------------------------------------------------------------


def test_a_digest_is_awaited_until_each_of_its_channels_has_come_to_an_end(ledger: Ledger) -> None:
    agenda = ledger.agenda
    assert agenda.awaits("support", NOON, NOON)
    comment, mail = agenda.plan("support", NOON, ["comment", "mail"], NOON)
    assert agenda.step(comment, State.TRIED, NOON + MINUTE)
    tried = replace(comment, state=State.TRIED, at=NOON + MINUTE)
    agenda.put_off(tried, NOON + 5 * MINUTE)
    assert not agenda.awaits("support", NOON, NOON + 4 * MINUTE)
    assert agenda.awaits("support", NOON, NOON + 5 * MINUTE)
    assert agenda.step(tried, State.SENT, NOON + 6 * MINUTE, note="https://x/c")
    assert (agenda.awaits("support", NOON, NOON), agenda.is_over("support", NOON)) == (True, False)
    assert agenda.step(mail, State.FAILED, NOON + 6 * MINUTE, note="no \0 answer")
    assert (agenda.awaits("support", NOON, NOON), agenda.is_over("support", NOON)) == (False, True)
    assert [(one.state, one.note) for one in agenda.sendings("support", NOON)] == [
        (State.SENT, "https://x/c"), (State.FAILED, "no  answer"),
    ]  # fmt: skip
    assert agenda.awaits("growth", NOON, NOON)
    assert agenda.awaits("support", NOON + MINUTE, NOON)


def test_a_digest_whose_successor_was_begun_is_over(ledger: Ledger) -> None:
    ledger.agenda.plan("support", NOON, ["comment"], NOON)
    ledger.agenda.plan("support", NOON + MINUTE, ["comment"], NOON)
    assert ledger.agenda.is_over("support", NOON)
    assert not ledger.agenda.is_over("support", NOON + MINUTE)


def test_planning_again_keeps_what_has_come_further(ledger: Ledger) -> None:
    (one,) = ledger.agenda.plan("support", NOON, ["comment"], NOON)
    ledger.agenda.step(one, State.SENT, NOON)
    kept = ledger.agenda.plan("support", NOON, ["comment", "mail"], NOON + MINUTE)
    assert [(one.channel, one.state) for one in kept] == [("comment", State.SENT), ("mail", State.PLANNED)]


@pytest.mark.parametrize(
    ("state", "covers"),
    [(State.SENT, True), (State.NOTHING, True), (State.FAILED, False), (State.TRIED, False)],
)
def test_what_arrived_and_what_had_nothing_to_say_is_covered(ledger: Ledger, state: State, covers: bool) -> None:
    covered = ledger.agenda.covered
    assert covered("support", "comment", NOON + MINUTE) is None
    (one,) = ledger.agenda.plan("support", NOON, ["comment"], NOON)
    ledger.agenda.step(one, state, NOON)
    assert covered("support", "comment", NOON + MINUTE) == (NOON if covers else None)
    assert covered("support", "comment", NOON) is None
    assert covered("growth", "comment", NOON + MINUTE) is None


def test_what_arrived_on_one_channel_is_not_covered_on_another(ledger: Ledger) -> None:
    for one, state in zip(
        ledger.agenda.plan("support", NOON, ["comment", "mail"], NOON), (State.SENT, State.FAILED), strict=True
    ):
        ledger.agenda.step(one, state, NOON)
    assert ledger.agenda.covered("support", "comment", NOON + MINUTE) == NOON
    assert ledger.agenda.covered("support", "mail", NOON + MINUTE) is None


def test_an_order_stands_since_it_was_noted_first_and_anew_when_it_changes_or_comes_back(ledger: Ledger) -> None:
    agenda, later = ledger.agenda, NOON + MINUTE
    assert agenda.ordered("support") is None
    agenda.note_orders({"support": "mon", "docs": "tue"}, NOON)
    agenda.note_orders({"support": "mon", "docs": "fri"}, later)
    assert (agenda.ordered("support"), agenda.ordered("docs")) == (("mon", NOON), ("fri", later))
    agenda.note_orders({"docs": "fri"}, later)
    assert (agenda.ordered("support"), agenda.ordered("docs")) == (None, ("fri", later))
    agenda.note_orders({"support": "mon", "docs": "fri"}, later + MINUTE)
    assert agenda.ordered("support") == ("mon", later + MINUTE)


@pytest.mark.parametrize(
    ("state", "out"), [(State.SENT, True), (State.TRIED, True), (State.FAILED, False), (State.NOTHING, False)]
)
def test_a_digest_went_out_when_it_was_sent_or_may_have_been(ledger: Ledger, state: State, out: bool) -> None:
    (one,) = ledger.agenda.plan("support", NOON, ["comment"], NOON)
    ledger.agenda.step(one, state, NOON)
    assert ledger.agenda.went_out("support", NOON, NOON + MINUTE) is out
    assert not ledger.agenda.went_out("support", NOON - MINUTE, NOON)
    assert not ledger.agenda.went_out("support", NOON + MINUTE, NOON + 2 * MINUTE)
    assert not ledger.agenda.went_out("docs", NOON, NOON + MINUTE)


def test_of_many_workers_exactly_one_takes_a_digest_further(ledger: Ledger) -> None:
    (one,) = ledger.agenda.plan("support", NOON, ["comment"], NOON)
    start, won = threading.Barrier(5), []

    def take() -> None:
        start.wait()
        won.append(ledger.agenda.step(one, State.TRIED, NOON + MINUTE))

    threads = [threading.Thread(target=take, daemon=True) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(won) == [False] * 4 + [True]


def test_a_digest_makes_no_feature(ledger: Ledger) -> None:
    ledger.agenda.plan("support", NOON, ["comment"], NOON)
    assert ledger.refs() == ()
