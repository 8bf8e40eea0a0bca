"""Rotas: whose turn it is, and until when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.stages.calendars import Duration
from integration.stages.file.mappings import Rota
from integration.stages.planning.rotas import on_duty, until
from tests.whole import some

ZONE = "Europe/London"
PEOPLE = ["erin", "sam", "sofia"]


def rota(*, turn: str = "1 week", **parts: Any) -> Rota:
    """As the file has it; only code may ask for turns of hours."""
    read = Rota.model_validate({"people": PEOPLE, "starts": "2026-11-02"} | parts)
    return read.model_copy(update={"turn": Duration.parse(turn)})


def local(text: str, zone: str = ZONE, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


WEEKS = rota()
DAYS = rota(turn="1 day")
FORTNIGHTS = rota(turn="2 weeks")
OVER_OCTOBER = rota(turn="1 day", starts="2026-10-24")
OVER_MARCH = rota(turn="1 day", starts="2026-03-28")
SHIFTS = rota(turn="8 hours", starts="2026-10-24")
ALONE = rota(people="gus")

CASES = [
    # what it shows, rota, at, who, until when (both as London's clocks show them)
    ("the first day", WEEKS, "2026-11-02T00:00", "erin", "2026-11-09T00:00"),
    ("the last minute of the first week", WEEKS, "2026-11-08T23:59", "erin", "2026-11-09T00:00"),
    ("the second week", WEEKS, "2026-11-09T00:00", "sam", "2026-11-16T00:00"),
    ("the third week", WEEKS, "2026-11-18T12:00", "sofia", "2026-11-23T00:00"),
    ("and round again", WEEKS, "2026-11-23T00:00", "erin", "2026-11-30T00:00"),
    ("over the year's end", WEEKS, "2027-01-01T00:00", "sofia", "2027-01-04T00:00"),
    ("before it starts: the first, until their turn is over", WEEKS, "2026-10-01T12:00", "erin", "2026-11-09T00:00"),
    ("a minute before it starts", DAYS, "2026-11-01T23:59", "erin", "2026-11-03T00:00"),
    ("days", DAYS, "2026-11-04T08:00", "sofia", "2026-11-05T00:00"),
    ("two weeks each", FORTNIGHTS, "2026-11-16T00:00", "sam", "2026-11-30T00:00"),
    ("a week in which clocks go back", rota(starts="2026-10-19"), "2026-10-25T23:30", "erin", "2026-10-26T00:00"),
    ("a day that is an hour long", OVER_OCTOBER, "2026-10-25T23:59", "sam", "2026-10-26T00:00"),
    ("the day after it", OVER_OCTOBER, "2026-10-26T00:00", "sofia", "2026-10-27T00:00"),
    ("a day that is an hour short", OVER_MARCH, "2026-03-29T23:59", "sam", "2026-03-30T00:00"),
    ("the day after that", OVER_MARCH, "2026-03-30T00:00", "sofia", "2026-03-31T00:00"),
    ("hours are exact", SHIFTS, "2026-10-24T08:00", "sam", "2026-10-24T16:00"),
    ("also when clocks go back", SHIFTS, "2026-10-25T06:59", "erin", "2026-10-25T07:00"),
    ("and afterwards", SHIFTS, "2026-10-25T07:00", "sam", "2026-10-25T15:00"),
    ("one person alone", ALONE, "2026-11-20T12:00", "gus", "2026-11-23T00:00"),
    ("without a beginning it stays the first", rota(starts=None), "2026-11-20T12:00", "erin", None),
    ("nobody", Rota(), "2026-11-20T12:00", None, None),
    ("whoever an address names is nobody here", Rota(url="https://rota.example.com"), "2026-11-20T12:00", None, None),
]


@pytest.mark.parametrize(("turns", "at", "who", "end"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_people_take_turns(turns: Rota, at: str, who: str | None, end: str | None) -> None:
    assert on_duty(turns, local(at), ZONE) == who
    assert until(turns, local(at), ZONE) == (local(end).astimezone(UTC) if end else None)


@pytest.mark.parametrize(
    ("zone", "who"), [("Asia/Tokyo", "sam"), ("Europe/London", "erin"), ("America/New_York", "erin")]
)
def test_a_turn_begins_at_midnight_of_the_files_time_zone(zone: str, who: str) -> None:
    assert on_duty(WEEKS, datetime(2026, 11, 8, 15, 0, tzinfo=UTC), zone) == who


def test_a_turn_that_has_begun_goes_on_when_the_clock_goes_back_over_midnight() -> None:
    zone = "America/St_Johns"  # in 2010 at 00:01 of the Sunday, to 23:01 of the Saturday
    days = rota(turn="1 day", starts="2010-11-06")
    assert on_duty(days, local("2010-11-06T23:30", zone), zone) == "erin"
    assert on_duty(days, local("2010-11-06T23:30", zone, fold=1), zone) == "sam"


@pytest.mark.parametrize("ask", [on_duty, until])
def test_a_moment_without_a_zone_is_refused(ask: Any) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        ask(WEEKS, datetime(2026, 11, 10, 10, 0), ZONE)  # noqa: DTZ001


moments = st.integers(0, 2 * 366 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
turns = st.builds(
    lambda turn, starts: rota(turn=turn, starts=starts),
    st.sampled_from(["1 day", "3 days", "1 week", "12 hours", "90 minutes", "1 working day"]),
    st.sampled_from(["2026-03-07", "2026-03-28", "2026-10-25", "2027-01-01"]),
)
zones = st.sampled_from([ZONE, "America/New_York", "Australia/Adelaide", "America/Havana", "Pacific/Apia"])


@settings(max_examples=some(300), deadline=None)
@given(turns, moments, zones, st.integers(0, 999))
def test_a_turn_lasts_until_its_end_and_then_the_next_person_has_theirs(
    given: Rota, at: datetime, zone: str, thousandths: int
) -> None:
    who, end = on_duty(given, at, zone), until(given, at, zone)
    assert who is not None
    assert end is not None
    assert end > at
    between = at + (end - at) * thousandths // 1000
    assert (on_duty(given, between, zone), until(given, between, zone)) == (who, end)
    assert on_duty(given, end, zone) == PEOPLE[(PEOPLE.index(who) + 1) % len(PEOPLE)]
