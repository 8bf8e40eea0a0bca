"""How long parties take: from the first notice that is not answered to their next word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.stages.calendars import Calendar, Duration, later, worked
from integration.stages.entries import (
    Acknowledged,
    Approved,
    AttemptEnded,
    Ended,
    Entry,
    HandedOver,
    NeedsWork,
    Outcome,
)
from integration.stages.model import NEVER
from integration.stages.reports.answers import follow, percentile
from tests.stages.reports.parts import APP, ERIN, SAM, at, judged, noticed, turns

LONDON = Calendar(time_zone="Europe/London", holidays="GB-ENG")


def seen(hours: float, party: str = "support", stage: str = "public") -> Acknowledged:
    return Acknowledged(at(hours), party, stage, SAM, f"a{hours}")


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([noticed("support", 0), seen(3)], [(0, 3)]),
        ([noticed("support", 0), noticed("support", 1), seen(3)], [(0, 3)]),  # the first that was not answered
        ([noticed("support", 0, unreached="no link"), noticed("support", 1), seen(3)], [(1, 3)]),
        ([noticed("support", 0, unreached="no link"), seen(3)], []),
        ([seen(3)], []),
        ([noticed("growth", 0), seen(3)], []),
        ([noticed("support", 0, "beta"), seen(3)], []),
        ([noticed("support", 0), Approved(at(2), "support", "public", SAM, "a"), seen(3)], [(0, 2)]),
        (
            [noticed("support", 0), NeedsWork(at(2), "support", "public", SAM, "x", "a"),
             HandedOver(at(5), "support", "public", ERIN), seen(6)],
            [(0, 2), (5, 6)],
        ),
        ([noticed("support", 0), judged(Outcome.WARNED, hours=1), seen(3)], []),  # it went in without them
        ([noticed("support", 0), judged(Outcome.BLOCKED, hours=1), seen(3)], [(0, 3)]),
        ([noticed("support", 0), AttemptEnded(at(1), "1", "public", Ended.CANCELLED), seen(3)], []),
        ([noticed("support", 0), AttemptEnded(at(1), "1", "public", Ended.CANCELLED), noticed("support", 2), seen(3)],
         [(2, 3)]),
    ],
)  # fmt: skip
def test_an_answer_is_the_next_word_after_the_first_notice_that_nobody_has_answered(
    entries: list[Entry], found: list[tuple[float, float]]
) -> None:
    known, _ = follow(APP, turns(*entries), NEVER)
    assert [(one.told, one.answered) for one in known] == [(at(a), at(b)) for a, b in found]


def test_what_was_told_before_the_ledger_was_born_is_left_out() -> None:
    assert follow(APP, turns(noticed("support", 0), seen(3)), at(1)) == ([], {})


def test_what_is_not_answered_waits_since_it_was_first_told() -> None:
    told = turns(noticed("support", 0), seen(1), noticed("support", 2), noticed("support", 4), noticed("growth", 3))
    assert follow(APP, told, NEVER)[1] == {("support", "public"): at(2), ("growth", "public"): at(3)}


def test_a_percentile_lies_between_its_neighbours_in_proportion() -> None:
    hours = [timedelta(hours=n) for n in (1, 2, 3, 10)]
    assert percentile(hours, 0.5) == timedelta(hours=2.5)
    assert percentile(hours, 0.9) == timedelta(hours=7.9)
    assert percentile(hours[:1], 0.9) == timedelta(hours=1)
    assert percentile([], 0.5) is None


@given(st.lists(st.integers(0, 10_000), min_size=1), st.floats(0, 1))
def test_a_percentile_is_never_beyond_what_it_is_of(seconds: list[int], part: float) -> None:
    found = percentile([timedelta(seconds=n) for n in seconds], part)
    assert found is not None
    assert timedelta(seconds=min(seconds)) <= found <= timedelta(seconds=max(seconds))


@given(st.integers(0, 60 * 24 * 40), st.integers(0, 400))
def test_working_time_counts_what_working_hours_later_adds(minutes: int, hours: int) -> None:
    begin = at() + timedelta(minutes=minutes)
    assert worked(begin, later(begin, Duration(hours, "working hour"), LONDON), LONDON) == timedelta(hours=hours)


@given(st.lists(st.integers(0, 60 * 24 * 30), min_size=3, max_size=3).map(sorted))
def test_working_time_adds_up_and_is_no_longer_than_the_clock_s(minutes: list[int]) -> None:
    first, middle, last = (at() + timedelta(minutes=one) for one in minutes)
    assert worked(first, middle, LONDON) + worked(middle, last, LONDON) == worked(first, last, LONDON)
    assert timedelta() <= worked(first, last, LONDON) <= last - first
