"""How rules fared: the fold of what the ledger has, request by request, as a table; and its laws over any history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.stages.entries import (
    AttemptEnded,
    AttemptJoined,
    AttemptOpened,
    Ended,
    Entry,
    Finding,
    GateResult,
    Judged,
    Noticed,
    Outcome,
)
from integration.stages.health.faring import Crossing, Fared, Fate, Featured, fare
from integration.stages.model import Move, Person, Ref

NOON = datetime(2026, 12, 7, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ERIN, SAM = Person("1", "erin"), Person("2", "sam")
REF = Ref.parse("acme/app#12")
NOT_YET = Finding("Support has seen it", False, "not yet", "support")
NO_TEXT = Finding("How to undo is described", False, "it is empty")
TOO_EARLY = Finding("it has spent 5 days in Beta", False, "since today", look_again_at=NOON + 5 * DAY)


def gate(
    level: str = "warn", ok: bool | None = False, rule: str = "r", waived: str = "", *found: Finding
) -> GateResult:
    findings = found or (() if ok else (replace(NOT_YET, ok=ok),))
    return GateResult(rule, "public", level, ok, findings, waived=waived)


def move(id: str = "m1", at: datetime = NOON) -> Move:
    return Move(id, "labels:0", "beta", "public", ERIN, at)


def judged(outcome: Outcome, *gates: GateResult, id: str = "m1", at: datetime = NOON, attempt: str = "") -> Judged:
    return Judged(at, move(id, at), outcome, gates, "v1", attempt)


def blocked(*gates: GateResult, id: str = "m1", at: datetime = NOON) -> tuple[Entry, ...]:
    opened = AttemptOpened(at, id, "labels:0", "beta", "public", ERIN, at)
    return opened, judged(Outcome.BLOCKED, *(gates or (gate("block"),)), id=id, at=at, attempt=id)


def ended(how: Ended, attempt: str = "m1", at: datetime = NOON + DAY) -> AttemptEnded:
    return AttemptEnded(at, attempt, "public", how)


def noticed(party: str = "support", stage: str = "public", unreached: str = "") -> Noticed:
    return Noticed(NOON, party, stage, "c1", ERIN, unreached=unreached)


def featured(*entries: Entry, met: Mapping[tuple[str, str], datetime] | None = None, ref: Ref = REF) -> Featured:
    return Featured(ref, "Export as PDF", "https://x/12", entries, met or {})


def of(*features: Featured, now: datetime = NOON + 20 * DAY, since: datetime = NOON - DAY, rule: str = "r") -> Fared:
    return fare(features, now, lambda rule: since).get(rule, Fared())


def the_one(*entries: Entry, met: Mapping[tuple[str, str], datetime] | None = None, **more: datetime) -> Crossing:
    (found,) = of(featured(*entries, met=met), **more).crossings
    return found


MET = {("m1", "r"): NOON + DAY}
WARNED, ADMITTED = Outcome.WARNED, Outcome.ADMITTED
OPENED = judged(ADMITTED, gate("block", True), id="m3", attempt="m1")
LET_PASS = judged(ADMITTED, gate("block", waived="by rhea"), id="m3", attempt="m1")


@pytest.mark.parametrize(
    ("entries", "met", "fate"),
    [
        ((judged(ADMITTED, gate(ok=True)),), {}, None),
        ((judged(WARNED, gate()),), {}, Fate.NEVER),
        ((judged(WARNED, gate()),), MET, Fate.MET),
        ((judged(WARNED, gate()),), {("m1", "other"): NOON}, Fate.NEVER),
        ((judged(ADMITTED, gate("observe")),), MET, Fate.MET),
        ((judged(WARNED, gate("warn", False, "r", "", TOO_EARLY)),), {}, Fate.TIME),
        ((judged(WARNED, gate("warn", False, "r", "", TOO_EARLY, NOT_YET)),), {}, Fate.NEVER),
        ((judged(ADMITTED, gate(waived="waived by rhea")),), {}, Fate.WAIVED),
        (blocked(), {}, Fate.OPEN),
        ((*blocked(), ended(Ended.EXPIRED)), {}, Fate.NEVER),
        ((*blocked(), ended(Ended.CANCELLED)), {}, Fate.NEVER),
        ((*blocked(), OPENED, ended(Ended.ADMITTED)), {}, Fate.MET),
        ((*blocked(), LET_PASS, ended(Ended.ADMITTED)), {}, Fate.WAIVED),
        (  # put back by another rule, and let through with a warning of this one
            (
                *blocked(gate("warn"), gate("block", rule="b")),
                judged(WARNED, gate("warn"), gate("block", True, "b"), id="m3", attempt="m1"),
                ended(Ended.ADMITTED),
            ),
            {("m3", "r"): NOON + DAY},
            Fate.MET,
        ),
    ],
)  # fmt: skip
def test_what_becomes_of_a_request_at_a_shut_gate(
    entries: tuple[Entry, ...], met: Mapping[tuple[str, str], datetime], fate: Fate | None
) -> None:
    assert the_one(*entries, met=met).fate == fate


def test_what_was_let_through_a_few_days_ago_may_still_be_met() -> None:
    let_through = judged(WARNED, gate())
    assert the_one(let_through, now=NOON + 13 * DAY).fate is Fate.OPEN
    assert the_one(let_through, now=NOON + 14 * DAY).fate is Fate.NEVER


def test_a_gate_that_could_not_be_judged_is_no_stop() -> None:
    fared = of(featured(judged(WARNED, gate("block", ok=None))))
    assert (fared.judged, fared.unknown, fared.stops) == (1, 1, ())


def test_a_request_is_one_crossing_of_each_gate_however_many_moves_and_verdicts_it_has() -> None:
    quick = judged(Outcome.BLOCKED, gate("block"), gate("warn", rule="b"), id="m2", attempt="m1")
    opened = judged(ADMITTED, gate("block", True), gate("warn", True, "b"), id="m3", attempt="m1")
    found = fare([featured(*blocked(gate("block"), gate("warn", rule="b")), quick, opened)], NOON, lambda rule: NOON)
    assert {rule: one.judged for rule, one in found.items()} == {"r": 1, "b": 1}
    assert found["r"].blocked == 1
    assert found["b"].blocked == 0


def test_the_same_request_made_again_and_a_later_one_of_the_same_feature_are_repeats() -> None:
    joined = AttemptJoined(NOON + timedelta(hours=1), "m1", "m2", "public", ERIN)
    at_once = AttemptJoined(NOON, "m1", "m0", "public", ERIN)  # two quick moves: no repetition
    later = blocked(id="m9", at=NOON + 3 * DAY)
    fared = of(featured(*blocked(), at_once, joined, ended(Ended.CANCELLED), *later))
    assert [(one.again, one.asked_again) for one in fared.crossings] == [(False, 1), (True, 0)]
    assert fared.repeats == 2
    other = of(featured(*blocked()), featured(*blocked(), ref=Ref.parse("APP-7")))
    assert other.repeats == 0, "another feature is no repetition"


@pytest.mark.parametrize(
    ("level", "missing", "notice", "told"),
    [
        ("observe", NOT_YET, None, False),
        ("observe", NOT_YET, noticed(), True),
        ("observe", NOT_YET, noticed("growth"), False),
        ("observe", NOT_YET, noticed(stage="beta"), False),
        ("observe", NOT_YET, noticed(unreached="a secret team"), False),
        ("observe", NO_TEXT, noticed(), False),
        ("warn", NO_TEXT, None, True),
        ("block", NOT_YET, None, True),
    ],
)
def test_a_rule_that_only_observes_tells_nobody_so_that_silence_says_nothing(
    level: str, missing: Finding, notice: Noticed | None, told: bool
) -> None:
    entries = (judged(WARNED, gate(level, False, "r", "", missing)), *((notice,) if notice else ()))
    found = the_one(*entries)
    assert (found.fate, found.told) == (Fate.NEVER, told)
    assert of(featured(*entries)).in_vain == int(told)


def test_holds_and_adopted_moves_and_what_was_before_are_no_crossings() -> None:
    hold = judged(WARNED, gate("block", rule="hold"), gate("block", rule="needs-work"), gate())
    assert set(fare([featured(hold)], NOON, lambda rule: NOON)) == {"r"}
    assert fare([featured(judged(Outcome.ADOPTED))], NOON, lambda rule: NOON) == {}
    assert of(featured(hold), since=NOON + DAY).judged == 0


def test_what_is_missing_is_told_in_the_findings_own_words() -> None:
    found = the_one(judged(WARNED, gate("warn", False, "r", "", NOT_YET, NO_TEXT, Finding("fine", True))))
    assert found.missing == ("Support has seen it: not yet", "How to undo is described: it is empty")


# --- laws ---------------------------------------------------------------------------------------------------------

GATES = st.builds(
    gate, st.sampled_from(["observe", "warn", "block"]), st.sampled_from([True, False, None]),
    st.sampled_from(["r", "b", "hold"]), st.sampled_from(["", "by rhea"]),
)  # fmt: skip
TIMES = st.integers(0, 40).map(lambda days: NOON + days * DAY)
IDS = st.sampled_from(["m1", "m2", "m3"])
VERDICTS = st.builds(
    lambda outcome, gates, id, at, attempt: judged(outcome, *gates, id=id, at=at, attempt=attempt),
    st.sampled_from(Outcome), st.lists(GATES, max_size=3), IDS, TIMES, st.sampled_from(["", "m1", "m2"]),
)  # fmt: skip
ENTRIES = st.one_of(
    VERDICTS,
    st.builds(ended, st.sampled_from(Ended), IDS, TIMES),
    st.builds(lambda id, at: AttemptJoined(at, id, "again", "public", ERIN), IDS, TIMES),
    st.builds(noticed, st.sampled_from(["support", "growth"])),
)
FEATURES = st.lists(
    st.builds(
        lambda number, entries, met: featured(*entries, met=met, ref=Ref("github", "", "acme/app", number)),
        st.integers(1, 4), st.lists(ENTRIES, max_size=8), st.dictionaries(st.tuples(IDS, st.just("r")), TIMES),
    ),
    max_size=4, unique_by=lambda one: one.ref,
)  # fmt: skip


@given(FEATURES, TIMES, TIMES)
def test_every_figure_adds_up_whatever_the_ledger_holds(
    features: list[Featured], now: datetime, since: datetime
) -> None:
    for fared in fare(features, now, lambda rule: since).values():
        met_at_once = sum(bool(one.ok) and one.fate is None for one in fared.crossings)
        assert fared.judged == met_at_once + fared.unknown + len(fared.stops)
        assert len(fared.stops) == sum(fared.count(fate) for fate in Fate)
        assert fared.in_vain <= fared.count(Fate.NEVER)
        assert fared.blocked <= len(fared.stops)
        assert [one.at for one in fared.crossings] == sorted(one.at for one in fared.crossings)
        assert all(one.at >= since for one in fared.crossings)


@given(FEATURES, TIMES)
def test_features_are_counted_apart_and_in_any_order(features: list[Featured], now: datetime) -> None:
    together = fare(features, now, lambda rule: NOON)
    assert fare(features[::-1], now, lambda rule: NOON) == together
    alone = [fare([one], now, lambda rule: NOON) for one in features]
    for rule, fared in together.items():
        assert fared.judged == sum(one[rule].judged for one in alone if rule in one)
        assert fared.repeats == sum(one[rule].repeats for one in alone if rule in one)


@given(FEATURES, TIMES, TIMES)
def test_a_shorter_time_never_counts_more(features: list[Featured], first: datetime, second: datetime) -> None:
    earlier, later = sorted((first, second))
    long, short = (fare(features, NOON + 90 * DAY, lambda rule, at=at: at) for at in (earlier, later))  # type: ignore[misc]
    for rule, fared in short.items():
        assert fared.judged <= long[rule].judged
        assert len(fared.stops) <= len(long[rule].stops)
