"""Windows and freezes: whether a moment lies in one, and when that changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.stages.file.mappings import Window
from integration.stages.rules.windows import is_in, next_change
from tests.whole import some

ZONE = "Europe/London"


def window(**parts: Any) -> Window:
    """As the file has it; moments are written as they are in London."""
    edges = {name: local(parts.pop(name)) for name in ("from", "until") if name in parts}
    return Window.model_validate(parts | edges)


def local(text: str, zone: str = ZONE, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


WORKDAYS = window(days="mon-fri")
MORNINGS = window(hours="09:00-12:00")
RELEASES = window(days="tue, thu", hours="10:00-16:00")
EVENINGS = window(days="fri", hours="18:00-24:00")
ALL_WEEK = window(days="mon-sun", hours="00:00-24:00")
FREEZE = window(**{"from": "2026-12-18", "until": "2027-01-04T09:00"})
WEEKENDS_OF_THE_FREEZE = window(days="sat-sun", **{"from": "2026-12-18", "until": "2027-01-04"})
FROM_ON = window(**{"from": "2026-12-18T12:00"}, days="mon-fri", hours="09:00-17:00")
UNTIL = window(until="2026-12-18T12:00")
IN_SYDNEY = window(time_zone="Australia/Sydney", days="mon", hours="08:00-09:00")
EARLY_SUNDAYS = window(days="sun", hours="01:15-01:45")
NEVER = window(**{"from": "2026-12-18", "until": "2026-12-18"})

CASES = [
    # what it shows, window, at (in London), whether it lies in, when that changes next (None: never)
    ("days alone are whole days", WORKDAYS, "2026-11-13T23:59", True, "2026-11-14T00:00"),
    ("the weekend is out", WORKDAYS, "2026-11-14T00:00", False, "2026-11-16T00:00"),
    ("days that follow one another are one stretch", WORKDAYS, "2026-11-09T00:00", True, "2026-11-14T00:00"),
    ("hours alone are on every day", MORNINGS, "2026-11-14T09:00", True, "2026-11-14T12:00"),
    ("the last minute is out", MORNINGS, "2026-11-14T12:00", False, "2026-11-15T09:00"),
    ("the right day at the wrong hour", RELEASES, "2026-11-10T09:59", False, "2026-11-10T10:00"),
    ("the right hour on the wrong day", RELEASES, "2026-11-11T11:00", False, "2026-11-12T10:00"),
    ("the right hour on the right day", RELEASES, "2026-11-10T15:00", True, "2026-11-10T16:00"),
    ("over the week's end", RELEASES, "2026-11-12T16:00", False, "2026-11-17T10:00"),
    ("24:00 is midnight at the day's end", EVENINGS, "2026-11-13T23:59:59", True, "2026-11-14T00:00"),
    ("midnight itself is out", EVENINGS, "2026-11-14T00:00", False, "2026-11-20T18:00"),
    ("always", ALL_WEEK, "2026-11-14T00:00", True, None),
    ("before a freeze", FREEZE, "2026-12-17T23:59", False, "2026-12-18T00:00"),
    ("in a freeze", FREEZE, "2026-12-18T00:00", True, "2027-01-04T09:00"),
    ("after a freeze", FREEZE, "2027-01-04T09:00", False, None),
    ("long before", WEEKENDS_OF_THE_FREEZE, "2026-01-01T00:00", False, "2026-12-19T00:00"),
    ("in the freeze, on a weekday", WEEKENDS_OF_THE_FREEZE, "2026-12-18T10:00", False, "2026-12-19T00:00"),
    ("in the freeze, at a weekend", WEEKENDS_OF_THE_FREEZE, "2026-12-19T10:00", True, "2026-12-21T00:00"),
    ("its last weekend", WEEKENDS_OF_THE_FREEZE, "2027-01-03T10:00", True, "2027-01-04T00:00"),
    ("the weekend after", WEEKENDS_OF_THE_FREEZE, "2027-01-09T10:00", False, None),
    ("it begins within the hours", FROM_ON, "2026-12-18T10:00", False, "2026-12-18T12:00"),
    ("and goes on", FROM_ON, "2026-12-18T12:00", True, "2026-12-18T17:00"),
    ("only until then", UNTIL, "2026-12-18T11:59", True, "2026-12-18T12:00"),
    ("never after", UNTIL, "2026-12-18T12:00", False, None),
    ("never at all", NEVER, "2026-12-01T12:00", False, None),
    ("without any part it is always", window(), "2026-12-01T12:00", True, None),
    ("a time zone of its own, where it is Monday already", IN_SYDNEY, "2026-11-15T21:30", True, "2026-11-15T22:00"),
    ("clocks there go forward in October", IN_SYDNEY, "2026-09-30T12:00", False, "2026-10-04T22:00"),
    ("a Sunday is an hour short in March", window(days="sun"), "2026-03-29T00:00", True, "2026-03-30T00:00"),
    ("hours that are skipped: not that week", EARLY_SUNDAYS, "2026-03-28T12:00", False, "2026-04-05T01:15"),
    ("hours that come twice: the first time", EARLY_SUNDAYS, "2026-10-25T01:30", True, "2026-10-25T01:45"),
]


@pytest.mark.parametrize(("period", "at", "inside", "then"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_whether_a_moment_lies_in_a_window_and_when_that_changes(
    period: Window, at: str, inside: bool, then: str | None
) -> None:
    assert is_in(period, local(at), ZONE) is inside
    assert next_change(period, local(at), ZONE) == (local(then).astimezone(UTC) if then else None)


def test_hours_that_come_twice_are_over_the_second_time() -> None:
    assert not is_in(EARLY_SUNDAYS, local("2026-10-25T01:30", fold=1), ZONE)


def test_a_day_that_has_begun_goes_on_when_the_clock_goes_back_over_midnight() -> None:
    sundays, zone = window(days="sun"), "America/St_Johns"  # in 2010 at 00:01, to 23:01 of the Saturday
    again = local("2010-11-06T23:30", zone, fold=1)
    assert is_in(sundays, again, zone)
    assert not is_in(sundays, again - timedelta(hours=1), zone)
    assert next_change(sundays, again - timedelta(hours=1), zone) == local("2010-11-07T00:00", zone).astimezone(UTC)
    assert next_change(sundays, again, zone) == local("2010-11-08T00:00", zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "inside"), [("2026-11-10T14:59", False), ("2026-11-10T15:00", True), ("2026-11-10T21:00", False)]
)
def test_a_window_without_a_time_zone_is_in_the_files(at: str, inside: bool) -> None:
    assert is_in(RELEASES, local(at), "America/New_York") is inside


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/London", "2026-03-29", 23), ("Europe/London", "2026-10-25", 25), ("America/Havana", "2026-03-08", 23)],
)
def test_a_whole_day_lasts_as_long_as_it_does_there(zone: str, day: str, hours: int) -> None:
    sundays = window(days="sun")
    begin = next_change(sundays, local(day, zone) - timedelta(days=1), zone)
    assert begin is not None
    assert begin.tzinfo is UTC
    end = next_change(sundays, begin, zone)
    assert end == begin + timedelta(hours=hours)
    assert end == local(day, zone).replace(hour=0) + timedelta(days=1)  # on the clock


@pytest.mark.parametrize("ask", [is_in, next_change])
def test_a_moment_without_a_zone_is_refused(ask: Any) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        ask(RELEASES, datetime(2026, 11, 10, 10, 0), ZONE)  # noqa: DTZ001


moments = st.integers(0, 2 * 366 * 24 * 60).map(lambda n: datetime(2025, 12, 1, tzinfo=UTC) + timedelta(minutes=n))
near_changes = st.sampled_from(
    ["2026-03-08", "2026-03-28", "2026-03-29", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-25", "2026-11-01"]
).flatmap(
    lambda day: st.integers(0, 36 * 60).map(
        lambda n: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=n)
    )
)
times = moments | near_changes
zones = st.sampled_from(["Europe/London", "America/New_York", "Asia/Dubai", "Australia/Adelaide", "America/Havana"])
clocks = st.lists(st.integers(0, 48), min_size=2, max_size=2, unique=True).map(
    lambda halves: "-".join(f"{half // 2:02}:{half % 2 * 30:02}" for half in sorted(halves))
)
windows = st.fixed_dictionaries(
    {},
    optional={
        "days": st.lists(st.sampled_from(["mon", "wed", "fri", "sat", "sun"]), min_size=1),
        "hours": clocks,
        "from": times,
        "until": times,
        "time_zone": zones,
    },
).map(Window.model_validate)


@settings(max_examples=some(300), deadline=None)
@given(windows, times, zones, st.lists(st.integers(0, 999), min_size=3, max_size=3))
def test_nothing_changes_before_the_next_change_and_then_it_does(
    period: Window, at: datetime, zone: str, thousandths: list[int]
) -> None:
    now, then = is_in(period, at, zone), next_change(period, at, zone)
    last = then or at + timedelta(days=500)
    if then:
        assert then > at
        assert is_in(period, then, zone) is not now
        assert is_in(period, then - timedelta(microseconds=1), zone) is now
    assert all(is_in(period, at + (last - at) * part // 1000, zone) is now for part in thousandths)


@settings(max_examples=some(300), deadline=None)
@given(windows, times, zones)
def test_a_moment_lies_in_by_what_the_clock_on_the_wall_shows(period: Window, at: datetime, zone: str) -> None:
    clock = at.astimezone(ZoneInfo(period.time_zone or zone))
    changes = {(clock + timedelta(hours=hours)).utcoffset() for hours in (-3, 0, 3)}
    by_the_clock = (
        (period.days is None or clock.weekday() in period.days)
        and (
            period.hours is None
            or period.hours[0] <= clock.time() < (period.hours[1] if period.hours[1] != time() else time.max)
        )
        and (period.from_ is None or period.from_ <= at)
        and (period.until is None or at < period.until)
    )
    assert len(changes) > 1 or is_in(period, at, zone) is by_the_clock
