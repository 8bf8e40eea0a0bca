"""Whose turn it was: kept as long as a feature has no more entries, and asked the same of both databases."""

from __future__ import annotations

from datetime import timedelta

from integration.memory.ledger import Card, Ledger
from integration.memory.reports import Over
from integration.stages.entries import Acknowledged, Entry, GateResult, Judged, Noticed, Outcome
from integration.stages.last_look import Arrival, LastLook
from integration.stages.model import Move, Person, Ref
from integration.web.pages.turns import Turned, Turns
from tests.conftest import BORN

APP, MOBILE = Ref.parse("acme/app#12"), Ref.parse("APP-7")
NOON, HOUR = BORN + timedelta(days=7), timedelta(hours=1)
SAM = Person("2", "sam", "Sam")
ALL = Over(None)
SHUT = GateResult("told", "public", "block", False, ())


def keep(ledger: Ledger, ref: Ref, *entries: Entry, title: str = "Export", seen: LastLook | None = None) -> None:
    card = Card(
        title, "https://x/1", "beta", wanted="public", awaited=("support",), seen=seen or LastLook(ahead="public")
    )
    ledger.append(ref, entries, ledger.read(ref).seq, NOON, card)


def noticed(hours: int, unreached: str = "") -> Noticed:
    return Noticed(NOON + hours * HOUR, "support", "public", "c", SAM, unreached=unreached)


def seen(hours: int) -> Acknowledged:
    return Acknowledged(NOON + hours * HOUR, "support", "public", SAM, "a")


def judged(outcome: Outcome, hours: int, *gates: GateResult) -> Judged:
    at = NOON + hours * HOUR
    return Judged(at, Move(f"m{hours}", "labels:0", "beta", "public", SAM, at), outcome, gates)


def of(turns: Turns, ledger: Ledger) -> list[Turned]:
    return [*turns.of(ledger, None, ALL).values()]


def hours(one: Turned) -> list[float]:
    return [each.answer.took / HOUR for each in one.answers]


def test_what_was_read_is_kept_until_a_feature_has_more(ledger: Ledger) -> None:
    turns = Turns()
    keep(ledger, APP, noticed(0, "no link"), noticed(1), judged(Outcome.BLOCKED, 2, SHUT), seen(3), noticed(4))
    keep(ledger, MOBILE, noticed(0), judged(Outcome.WARNED, 1, SHUT), seen(2))
    app, mobile = of(turns, ledger)
    assert (hours(app), dict(app.waits)) == ([2], {("support", "public"): NOON + 4 * HOUR})
    assert (hours(mobile), dict(mobile.waits)) == ([], {}), "it went in without them"
    assert of(turns, ledger)[1] is mobile
    keep(ledger, APP, seen(5))
    keep(ledger, MOBILE, title="Export it all")
    app, mobile = of(turns, ledger)
    assert (hours(app), dict(app.waits)) == ([2, 1], {})
    assert mobile.head[2] == "Export it all"
    assert [one.about.title for one in (each.answer for each in app.answers)] == ["Export", "Export"]


def test_nobody_s_turn_is_told_of_where_it_may_not_be_seen(ledger: Ledger) -> None:
    turns = Turns()
    keep(ledger, APP, noticed(1), seen(3))
    assert len(turns.of(ledger, None, Over({"github:acme/app"}))) == 1
    assert turns.of(ledger, None, Over({"github:acme/web"})) == {}


def test_a_report_reads_of_a_last_look_only_what_it_tells(ledger: Ledger) -> None:
    before = Arrival("m0", "beta", BORN - HOUR, "Sam", ())
    keep(ledger, APP, noticed(1), seen=LastLook(ahead="public", before=(before,)))
    keep(ledger, MOBILE, judged(Outcome.BLOCKED, 2, SHUT))
    reports = ledger.reports
    assert [(one.about.ref, one.before) for one in reports.came_before(ALL)] == [(APP, (before,))]
    assert [one.about.ref for one in reports.moved(ALL)] == [APP, MOBILE]
    assert [one.entry for one in reports.shut(ALL)] == [judged(Outcome.BLOCKED, 2, SHUT)]
    assert [one.entry for one in reports.of_party(ALL, "support", ("noticed",), 5, 0)] == [noticed(1)]
    coming, many = reports.coming(None, {"public"}, ["public"], "growth", 1)
    assert ([one.ahead for one in coming], many) == (["public"], 2)
    assert reports.coming(None, {"public"}, ["public"], "support", 1) == ([], 0), "it waits for it"
