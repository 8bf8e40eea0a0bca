"""Working time, by tables and by its laws."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from integration.stages.calendars import Calendar, Duration, later, next_open
from tests.whole import some

LONDON = Calendar.model_validate(
    {"time_zone": "Europe/London", "days": "mon-fri", "hours": "09:00-17:30", "holidays": "GB-ENG"}
)
MUNICH = Calendar.model_validate(
    {"time_zone": "Europe/Berlin", "days": "mon-fri", "hours": "08:00-16:00", "holidays": "DE-BY"}
)
NEW_YORK = Calendar.model_validate(
    {"time_zone": "America/New_York", "days": ["mon-fri"], "hours": "9:00-17:00", "holidays": "US"}
)
DUBAI = Calendar.model_validate(
    {"time_zone": "Asia/Dubai", "days": "sun-thu", "hours": "09:00-18:00", "holidays": "AE"}
)
DELHI = Calendar.model_validate(
    {"time_zone": "Asia/Kolkata", "days": "sun-thu", "hours": "10:00-18:30", "holidays": "IN"}
)
NIGHTS = Calendar.model_validate({"time_zone": "Europe/London", "days": "mon-sun", "hours": "00:30-06:00"})
ALWAYS = Calendar.model_validate({"time_zone": "Europe/London", "days": "mon-sun", "hours": "00:00-24:00"})
TOKYO = Calendar.model_validate(
    {
        "time_zone": "Asia/Tokyo",
        "days": "mon-fri",
        "hours": "10:00-19:00",
        "holidays": "JP",
        "quiet_hours": "12:00-13:00",
    }
)
ADELAIDE = Calendar.model_validate({"time_zone": "Australia/Adelaide", "hours": "08:30-16:30"})
HALF_FRIDAYS = Calendar.model_validate(
    {
        "time_zone": "Europe/London",
        "days": "mon-fri",
        "hours": "09:00-17:30",
        "holidays": "GB-ENG",
        "closed": ["2026-11-20", "2026-11-27"],
        "hours_on": {
            "fri": "09:00-13:00",
            "2026-11-27": "14:00-16:00",  # a Friday, and a day off of theirs
            "2026-12-24": "09:00-12:00",
            date(2026, 12, 28): "10:00-11:00",  # a public holiday
            "2026-11-14": "10:00-12:00",  # a Saturday
        },
        "quiet_hours": "12:00-12:30",
    }
)
LUNCH = Calendar.model_validate(
    {"time_zone": "Europe/London", "hours": "09:00-17:00", "quiet_hours": ["15:00-15:30", "12:00-13:30"]}
)
EVENINGS = Calendar.model_validate(  # quiet at both ends of the day, and over its midnight
    {
        "time_zone": "Europe/London",
        "days": "mon-sat",
        "hours": "08:00-24:00",
        "hours_on": {"wed": "08:00-16:00", "fri": "00:00-24:00"},
        "quiet_hours": ["22:00-24:00", "00:00-07:00", "15:00-17:00", "16:00-17:30", "08:00-09:00"],
    }
)
SHORT_NIGHTS = Calendar.model_validate({"time_zone": "Europe/London", "days": "mon-sun", "hours": "01:15-01:45"})
LATE_NIGHTS = Calendar.model_validate({"time_zone": "Europe/London", "days": "mon-sun", "hours": "01:30-06:00"})
NIGHTS_WITH_A_BREAK = Calendar.model_validate(  # the break lies where clocks change
    {"time_zone": "Europe/London", "days": "mon-sun", "hours": "00:30-06:00", "quiet_hours": "01:15-01:45"}
)
PLAIN = [LONDON, MUNICH, NEW_YORK, DUBAI, DELHI, NIGHTS, ALWAYS, Calendar(), ADELAIDE, SHORT_NIGHTS, LATE_NIGHTS]
WITH_QUIET_HOURS = [TOKYO, HALF_FRIDAYS, LUNCH, EVENINGS, NIGHTS_WITH_A_BREAK]
CALENDARS = [*PLAIN, *WITH_QUIET_HOURS]


def local(text: str, calendar: Calendar, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(calendar.time_zone), fold=fold)


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("1 working day", 1, "working day"),
        ("4 working hours", 4, "working hour"),
        ("30 minutes", 30, "minute"),
        ("5 days", 5, "day"),
        ("20 seconds", 20, "second"),
        ("2 weeks", 2, "week"),
        ("1 hour", 1, "hour"),
        ("  3   Working  Days ", 3, "working day"),
    ],
)
def test_a_length_of_time_is_read_as_people_write_it(text: str, amount: int, unit: str) -> None:
    found = Duration.parse(text)
    assert (found.amount, found.unit) == (amount, unit)
    assert Duration.parse(str(found)) == found


UNITS = "units: seconds, minutes, hours, days, weeks, working hours, working days"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a day", '"a day" is no length of time; did you mean "1 day"?'),
        ("1day", '"1day" is no length of time; did you mean "1 day"?'),
        ("2 wokring days", '"2 wokring days" is no length of time; did you mean "2 working days"?'),
        ("5 working weeks", '"5 working weeks" is no length of time; did you mean "5 working days"?'),
        ("soon", f'"soon" is no length of time; write a number and a unit, such as "1 working day"; {UNITS}'),
        ("", f'"" is no length of time; write a number and a unit, such as "1 working day"; {UNITS}'),
        ("-1 days", f'"-1 days" is no length of time; write a number and a unit, such as "1 working day"; {UNITS}'),
        ("0 days", '"0 days" is out of bounds; a length of time is more than nothing and at most ten years'),
        ("600 weeks", '"600 weeks" is out of bounds; a length of time is more than nothing and at most ten years'),
    ],
)
def test_what_is_no_length_of_time_is_refused_with_what_is_allowed(text: str, says: str) -> None:
    with pytest.raises(ValueError) as refused:
        Duration.parse(text)
    assert str(refused.value) == says


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("sun-thu", (0, 1, 2, 3, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("mon,tue, thu", (0, 1, 3)),
        (["Mon", "tuesday", "sat-sun"], (0, 1, 5, 6)),
    ],
)
def test_days_are_spans_and_lists_that_may_go_over_the_weeks_end(written: object, days: tuple[int, ...]) -> None:
    assert Calendar.model_validate({"days": written}).days == days


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ({"days": "mon-fry"}, 'no weekday "fry"; did you mean "fri"?'),
        ({"days": "1-5"}, 'no weekday "1"; allowed: mon, tue, wed, thu, fri, sat, sun'),
        ({"days": []}, "days are missing; write mon-fri, sun-thu, or a list such as [mon, tue, thu]"),
        ({"hours": "9-17"}, '"9-17" are no working hours; write them as "09:00-17:30", in quotes'),
        ({"hours": "09:00-25:00"}, '"09:00-25:00" are no hours of a day; write them from 00:00 to 24:00'),
        ({"hours": "22:00-06:00"}, 'working hours end after they begin, on the same day; "22:00-06:00" do not'),
        ({"holidays": "GB-EGN"}, 'no part "EGN" of GB; did you mean "GB-ENG"?'),
        ({"holidays": "AE-XX"}, 'AE has no parts with holidays of their own; write "AE"'),
        ({"holidays": "DE_BY"}, 'no holidays for "DE_BY"; did you mean "DE-BY"?'),
        ({"holidays": "Germany"}, 'no holidays for "Germany"; write a country such as GB, or GB-ENG for a part of one'),
        ({"time_zone": "Europe/Lodnon"}, 'no time zone "Europe/Lodnon"; did you mean "Europe/London"?'),
        ({"time_zone": "../etc"}, 'no time zone "../etc"; write one such as "Europe/London" or "UTC"'),
        ({"closed": ["24.12.2026"]}, '"24.12.2026" is no date; write it as 2026-12-24'),
        ({"hours_on": {"fry": "09:00-13:00"}}, 'no weekday "fry"; did you mean "fri"?'),
        ({"hours_on": {"24.12.2026": "09:00-13:00"}}, '"24.12.2026" is no date; write it as 2026-12-24'),
        (
            {"hours_on": {"mon-thu": "09:00-13:00"}},
            '"mon-thu" are several days; give each of them a line of its own, such as fri',
        ),
        ({"hours_on": {"fri": "9-13"}}, '"9-13" are no working hours; write them as "09:00-17:30", in quotes'),
        (
            {"hours_on": {"fri": "09:00-13:00", "Friday": "09:00-12:00"}},
            '"fri" and "Friday" are the same day; keep one of them',
        ),
        (
            {"hours_on": {date(2026, 12, 24): "09:00-13:00", "2026-12-24": "09:00-12:00"}},
            '"2026-12-24" and "2026-12-24" are the same day; keep one of them',
        ),
        ({"hours_on": {"sat": "09:00-13:00"}}, "nobody works on sat; add sat to the days, or leave its hours out"),
        ({"quiet_hours": "noon"}, '"noon" are no quiet hours; write them as "09:00-17:30", in quotes'),
        ({"quiet_hours": ["12-13"]}, '"12-13" are no quiet hours; write them as "09:00-17:30", in quotes'),
        (
            {"quiet_hours": "22:00-06:00"},
            'quiet hours end after they begin, on the same day; "22:00-06:00" do not; '
            'write "22:00-24:00" and "00:00-06:00"',
        ),
        ({"quiet_hours": "13:00-13:00"}, 'quiet hours end after they begin, on the same day; "13:00-13:00" do not'),
        (
            {"quiet_hours": "00:00-24:00"},
            "quiet hours leave nothing of the working hours 09:00-17:00; shorten them",
        ),
        (
            {"hours": "12:00-24:00", "quiet_hours": ["18:00-24:00", "12:00-15:00", "14:00-18:00"]},
            "quiet hours leave nothing of the working hours 12:00-24:00; shorten them",
        ),
        (
            {"hours_on": {"fri": "12:30-13:30"}, "quiet_hours": "12:00-14:00"},
            "quiet hours leave nothing of the working hours 12:30-13:30 on fri; shorten them",
        ),
        (
            {"hours_on": {"2026-12-24": "12:00-14:00"}, "quiet_hours": "12:00-14:00"},
            "quiet hours leave nothing of the working hours 12:00-14:00 on 2026-12-24; shorten them",
        ),
    ],
)
def test_each_fault_of_a_calendar_says_what_is_allowed(part: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Calendar.model_validate(part)
    assert [str(error["ctx"]["error"]) for error in refused.value.errors()] == [says]


WORKING_DAYS = [
    # what it shows, calendar, from, working days, to (both as the party's clock shows them)
    ("an ordinary day", LONDON, "2026-11-10T10:15", 1, "2026-11-11T10:15"),
    ("over a weekend", LONDON, "2026-11-13T10:15", 1, "2026-11-16T10:15"),
    ("before opening", LONDON, "2026-11-10T07:00", 1, "2026-11-11T09:00"),
    ("at closing it is the next day's", LONDON, "2026-11-10T17:30", 1, "2026-11-12T09:00"),
    ("on friday evening", LONDON, "2026-11-13T18:00", 1, "2026-11-17T09:00"),
    ("on a weekend", LONDON, "2026-11-14T12:00", 1, "2026-11-17T09:00"),
    ("over Christmas, whose Saturday is made good on Monday", LONDON, "2026-12-24T15:00", 1, "2026-12-29T15:00"),
    ("from Christmas Day", LONDON, "2026-12-25T10:00", 1, "2026-12-30T09:00"),
    ("over Easter in Bavaria", MUNICH, "2026-04-02T09:00", 1, "2026-04-07T09:00"),
    ("Epiphany is kept in Bavaria", MUNICH, "2026-01-05T09:00", 1, "2026-01-07T09:00"),
    ("Christmas Eve is half a holiday there and counts", MUNICH, "2026-12-23T09:00", 1, "2026-12-24T09:00"),
    ("Independence Day, observed on the Friday before", NEW_YORK, "2026-07-02T10:00", 1, "2026-07-06T10:00"),
    ("a New Year that is observed in the old one", NEW_YORK, "2027-12-30T10:00", 1, "2028-01-03T10:00"),
    ("Thanksgiving", NEW_YORK, "2026-11-25T10:00", 1, "2026-11-27T10:00"),
    ("a weekend of Friday and Saturday", DUBAI, "2026-11-12T10:00", 1, "2026-11-15T10:00"),
    ("National Day, two days long", DUBAI, "2026-12-01T10:00", 1, "2026-12-06T10:00"),
    ("Republic Day", DELHI, "2026-01-25T11:00", 1, "2026-01-27T11:00"),
    ("a whole week", LONDON, "2026-11-10T10:15", 5, "2026-11-17T10:15"),
    ("clocks go forward between", LONDON, "2026-03-27T10:00", 1, "2026-03-30T10:00"),
    ("clocks go back between", LONDON, "2026-10-23T10:00", 1, "2026-10-26T10:00"),
    ("New Year in Japan, and the weekend after it", TOKYO, "2026-12-31T15:00", 1, "2027-01-04T15:00"),
    ("Golden Week", TOKYO, "2026-04-30T11:00", 3, "2026-05-08T11:00"),
    ("a year's end with a weekend", LONDON, "2026-12-31T12:00", 1, "2027-01-04T12:00"),
    ("half an hour off the full hours", ADELAIDE, "2026-11-10T09:00", 1, "2026-11-11T09:00"),
    ("clocks go back there in April", ADELAIDE, "2026-04-03T16:00", 1, "2026-04-06T16:00"),
    ("clocks go forward there in October", ADELAIDE, "2026-10-02T16:00", 1, "2026-10-05T16:00"),
    ("clocks go forward in New York", NEW_YORK, "2026-03-06T10:00", 1, "2026-03-09T10:00"),
    ("clocks go back in New York", NEW_YORK, "2026-10-30T10:00", 1, "2026-11-02T10:00"),
    ("into a half day: its closing", HALF_FRIDAYS, "2026-12-03T15:00", 1, "2026-12-04T13:00"),
    ("out of a half day, after it closed", HALF_FRIDAYS, "2026-12-04T14:00", 1, "2026-12-08T09:00"),
    ("out of a half day, while it is open", HALF_FRIDAYS, "2026-12-04T11:00", 1, "2026-12-07T11:00"),
    ("a day off of theirs that is named: its opening", HALF_FRIDAYS, "2026-11-26T10:00", 1, "2026-11-27T14:00"),
    ("a day off that is only a half one stays off", HALF_FRIDAYS, "2026-11-19T10:00", 1, "2026-11-23T10:00"),
    ("a Saturday that is named", HALF_FRIDAYS, "2026-11-13T11:00", 1, "2026-11-14T11:00"),
    ("a holiday that is named: until its closing", HALF_FRIDAYS, "2026-12-23T11:30", 2, "2026-12-28T11:00"),
    ("a holiday that is not named stays off", HALF_FRIDAYS, "2026-12-28T10:30", 1, "2026-12-29T10:30"),
    ("into quiet hours: their end", LUNCH, "2026-11-10T12:00", 1, "2026-11-11T13:30"),
    ("a closing at which it becomes quiet: the next opening", HALF_FRIDAYS, "2026-12-23T15:00", 1, "2026-12-28T10:00"),
    (
        "into quiet hours that last until the closing: the next opening",
        EVENINGS,
        "2026-11-10T18:00",
        1,
        "2026-11-12T09:00",
    ),
    ("the hour that is skipped: at the skip", NIGHTS, "2026-03-28T01:30", 1, "2026-03-29T02:00"),
    ("a night that is skipped whole does not count", SHORT_NIGHTS, "2026-03-28T01:20", 1, "2026-03-30T01:20"),
    ("from an opening that is skipped to the next opening", LATE_NIGHTS, "2026-03-29T00:30", 1, "2026-03-30T01:30"),
    ("the hour that comes twice: the first", NIGHTS, "2026-10-24T01:30", 1, "2026-10-25T01:30"),
]


@pytest.mark.parametrize(
    ("calendar", "start", "days", "end"), [row[1:] for row in WORKING_DAYS], ids=[row[0] for row in WORKING_DAYS]
)
def test_working_days_keep_the_clock_time(calendar: Calendar, start: str, days: int, end: str) -> None:
    found = later(local(start, calendar), Duration(days, "working day"), calendar)
    assert found.tzinfo is UTC
    assert found == local(end, calendar).astimezone(UTC)


WORKING_HOURS = [
    ("within a day", LONDON, "2026-11-10T10:15", 4, "2026-11-10T14:15"),
    ("exactly to the closing", LONDON, "2026-11-10T13:30", 4, "2026-11-10T17:30"),
    ("into the next day", LONDON, "2026-11-10T16:30", 4, "2026-11-11T12:00"),
    ("over the weekend, from the evening", LONDON, "2026-11-13T20:00", 1, "2026-11-16T10:00"),
    ("over several days", LONDON, "2026-11-10T09:00", 20, "2026-11-12T12:00"),
    ("not over lunch", LUNCH, "2026-11-10T11:00", 2, "2026-11-10T14:30"),
    ("what would end when lunch begins ends after it", LUNCH, "2026-11-10T11:00", 1, "2026-11-10T13:30"),
    ("what begins at lunch begins after it", LUNCH, "2026-11-10T12:45", 1, "2026-11-10T14:30"),
    ("a whole day with two breaks has six", LUNCH, "2026-11-10T09:00", 6, "2026-11-10T17:00"),
    ("a half day", HALF_FRIDAYS, "2026-12-04T10:00", 4, "2026-12-07T10:30"),
    ("Christmas Eve, when it is open until noon", HALF_FRIDAYS, "2026-12-24T09:00", 4, "2026-12-28T11:00"),
    ("quiet until the closing: the next opening", EVENINGS, "2026-11-11T09:00", 6, "2026-11-12T09:00"),
    ("what would end at midnight, when it is quiet", EVENINGS, "2026-11-10T17:30", 5, "2026-11-11T09:30"),
    ("over a weekend of Friday and Saturday", DUBAI, "2026-11-12T17:00", 2, "2026-11-15T10:00"),
    ("over the year's end in Japan", TOKYO, "2026-12-31T18:00", 2, "2027-01-04T11:00"),
    ("half an hour off the full hours", ADELAIDE, "2026-11-10T16:00", 1, "2026-11-11T09:00"),
    ("a break that the skipped hour swallows", NIGHTS_WITH_A_BREAK, "2026-03-29T00:30", 4, "2026-03-29T05:30"),
    (
        "a break in the hour that comes twice, the first time",
        NIGHTS_WITH_A_BREAK,
        "2026-10-25T00:30",
        4,
        "2026-10-25T04:00",
    ),
    ("a night that is an hour short", NIGHTS, "2026-03-29T00:30", 4, "2026-03-29T05:30"),
    ("a night that is an hour long", NIGHTS, "2026-10-25T00:30", 4, "2026-10-25T03:30"),
]


@pytest.mark.parametrize(
    ("calendar", "start", "hours", "end"), [row[1:] for row in WORKING_HOURS], ids=[row[0] for row in WORKING_HOURS]
)
def test_working_hours_are_spent_while_somebody_is_there(calendar: Calendar, start: str, hours: int, end: str) -> None:
    found = later(local(start, calendar), Duration(hours, "working hour"), calendar)
    assert found == local(end, calendar).astimezone(UTC)


@pytest.mark.parametrize(
    ("by", "length"),
    [
        (Duration(20, "second"), timedelta(seconds=20)),
        (Duration(30, "minute"), timedelta(minutes=30)),
        (Duration(4, "hour"), timedelta(hours=4)),
        (Duration(5, "day"), timedelta(hours=120)),
        (Duration(2, "week"), timedelta(days=14)),
    ],
)
def test_plain_units_are_exact_also_over_a_change_of_the_clock(by: Duration, length: timedelta) -> None:
    start = local("2026-03-28T12:00", LONDON)
    assert later(start, by, LONDON) - start.astimezone(UTC) == length


def test_without_a_calendar_work_is_monday_to_friday_nine_to_five_in_utc() -> None:
    friday = datetime(2026, 11, 13, 16, 0, tzinfo=UTC)
    assert later(friday, Duration(2, "working hour"), None) == datetime(2026, 11, 16, 10, 0, tzinfo=UTC)


def test_the_partys_own_days_off_are_no_working_days() -> None:
    calendar = Calendar.model_validate({"closed": [date(2026, 11, 11), "2026-11-12"]})
    start = datetime(2026, 11, 10, 10, 0, tzinfo=UTC)
    assert later(start, Duration(1, "working day"), calendar) == datetime(2026, 11, 13, 10, 0, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        later(datetime(2026, 11, 10, 10, 0), Duration(1, "day"), None)  # noqa: DTZ001


def test_midnight_can_be_a_closing_time() -> None:
    assert ALWAYS.hours == (time(0), time(0))
    start = local("2026-11-10T23:59", ALWAYS)
    assert later(start, Duration(1, "working day"), ALWAYS) == local("2026-11-11T23:59", ALWAYS)


NEXT_OPEN = [
    # what it shows, calendar, from, then (both as the party's clock shows them)
    ("somebody is there", LONDON, "2026-11-10T10:15", "2026-11-10T10:15"),
    ("at the opening", LONDON, "2026-11-10T09:00", "2026-11-10T09:00"),
    ("early in the morning", LONDON, "2026-11-10T05:00", "2026-11-10T09:00"),
    ("at the closing", LONDON, "2026-11-10T17:30", "2026-11-11T09:00"),
    ("on Friday evening", LONDON, "2026-11-13T17:30", "2026-11-16T09:00"),
    ("on Christmas Eve in the evening", LONDON, "2026-12-24T18:00", "2026-12-29T09:00"),
    ("on Thursday evening, before their weekend", DUBAI, "2026-11-12T18:00", "2026-11-15T09:00"),
    ("at the year's end", TOKYO, "2026-12-31T19:00", "2027-01-04T10:00"),
    ("at lunch", TOKYO, "2026-11-10T12:00", "2026-11-10T13:00"),
    ("before the clock goes forward", NEW_YORK, "2026-03-06T17:00", "2026-03-09T09:00"),
    ("after a half day", HALF_FRIDAYS, "2026-12-04T13:00", "2026-12-07T09:00"),
    ("before a day with hours of its own", HALF_FRIDAYS, "2026-11-27T09:00", "2026-11-27T14:00"),
    ("a date that is named, though a holiday", HALF_FRIDAYS, "2026-12-28T10:30", "2026-12-28T10:30"),
    ("quiet at the opening", EVENINGS, "2026-11-10T08:00", "2026-11-10T09:00"),
    ("quiet hours that overlap", EVENINGS, "2026-11-10T15:30", "2026-11-10T17:30"),
    ("quiet until the closing", EVENINGS, "2026-11-11T15:00", "2026-11-12T09:00"),
    ("in the hour that is skipped", NIGHTS, "2026-03-29T00:15", "2026-03-29T00:30"),
]


@pytest.mark.parametrize(
    ("calendar", "start", "then"), [row[1:] for row in NEXT_OPEN], ids=[row[0] for row in NEXT_OPEN]
)
def test_who_is_not_there_is_there_at_the_next_opening(calendar: Calendar, start: str, then: str) -> None:
    found = next_open(local(start, calendar), calendar)
    assert found.tzinfo is UTC
    assert found == local(then, calendar)


def test_without_a_calendar_somebody_is_there_on_weekdays_from_nine_to_five_in_utc() -> None:
    assert next_open(datetime(2026, 11, 13, 17, 0, tzinfo=UTC), None) == datetime(2026, 11, 16, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "there"),
    [
        ("11:59", True),
        ("12:00", False),
        ("13:29", False),
        ("13:30", True),
        ("15:00", False),
        ("15:30", True),
        ("16:59", True),
        ("17:00", False),
    ],
)
def test_nobody_is_there_in_quiet_hours(at: str, there: bool) -> None:
    assert LUNCH.open_at(local(f"2026-11-10T{at}", LUNCH)) is there


@pytest.mark.parametrize(
    ("at", "quiet"),
    [("2026-11-10T12:00", True), ("2026-11-10T13:30", False), ("2026-11-14T12:00", True), ("2026-11-14T11:59", False)],
)
def test_quiet_hours_are_those_of_every_day_and_end_before_their_end(at: str, quiet: bool) -> None:
    assert LUNCH.quiet_at(local(at, LUNCH)) is quiet


def test_a_calendar_can_be_compared_and_hashed() -> None:
    again = HALF_FRIDAYS.model_copy()
    assert again == HALF_FRIDAYS
    assert len({again, HALF_FRIDAYS, LUNCH}) == 2


@pytest.mark.parametrize(
    ("written", "spans"),
    [
        ("12:00-13:30", ((time(12), time(13, 30)),)),
        (["22:00-24:00", "00:00-07:30"], ((time(0), time(7, 30)), (time(22), time(0)))),
        ((time(12), time(13)), ((time(12), time(13)),)),
        ([], ()),
    ],
)
def test_quiet_hours_are_one_span_or_a_list(written: object, spans: object) -> None:
    calendar = Calendar.model_validate({"hours": "00:00-24:00", "quiet_hours": written})
    assert calendar.quiet_hours == spans


def test_usual_hours_that_no_day_keeps_may_be_quiet() -> None:
    found = Calendar.model_validate(
        {"days": "fri", "hours": "12:00-13:00", "hours_on": {"fri": "09:00-13:00"}, "quiet_hours": "12:00-13:00"}
    )
    friday_noon = datetime(2026, 11, 13, 12, 0, tzinfo=UTC)
    assert next_open(friday_noon, found) == datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def test_a_fault_in_one_days_hours_names_that_day() -> None:
    with pytest.raises(ValidationError) as refused:
        Calendar.model_validate({"hours_on": {"thu": "09:00-13:00", "fri": "13"}, "quiet_hours": ["12:00-13:00", "1"]})
    assert [error["loc"] for error in refused.value.errors()] == [("hours_on", "fri"), ("quiet_hours", 1)]


moments = st.integers(0, 4 * 366 * 24 * 60).map(lambda n: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
near_changes = st.sampled_from(
    ["2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25", "2026-03-08", "2026-11-01"]
).flatmap(
    lambda day: st.integers(0, 26 * 60).map(
        lambda n: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(minutes=n)
    )
)
times = moments | near_changes
working = st.builds(Duration, st.integers(0, 12), st.sampled_from(["working hour", "working day"]))
calendars = st.sampled_from(CALENDARS)


@settings(max_examples=some(300), deadline=None)
@given(times, times, working, calendars)
def test_what_begins_later_does_not_end_earlier(one: datetime, other: datetime, by: Duration, at: Calendar) -> None:
    first, second = sorted((one, other))
    assert later(first, by, at) <= later(second, by, at)


@settings(max_examples=some(200), deadline=None)
@given(near_changes, st.integers(1, 90), working, st.sampled_from([NIGHTS, ALWAYS]))
def test_nor_does_it_around_a_change_of_the_clock(one: datetime, minutes: int, by: Duration, at: Calendar) -> None:
    assert later(one, by, at) <= later(one + timedelta(minutes=minutes), by, at)


@settings(max_examples=some(300), deadline=None)
@given(times, working, calendars)
def test_working_units_end_in_working_time(start: datetime, by: Duration, at: Calendar) -> None:
    end = later(start, by, at)
    assert at.open_at(end) or at.open_at(end - timedelta(microseconds=1))
    assert end >= start


@settings(max_examples=some(200), deadline=None)
@given(times, calendars, st.sampled_from(["working hour", "working day"]))
def test_nothing_later_is_the_same_moment_in_working_time_else_the_next_opening(
    start: datetime, at: Calendar, unit: str
) -> None:
    end = later(start, Duration(0, unit), at)  # type: ignore[arg-type]
    assert end == start if at.open_at(start) else not at.open_at(end - timedelta(microseconds=1)) and at.open_at(end)


@settings(max_examples=some(300), deadline=None)
@given(times, calendars)
def test_the_next_opening_is_open_and_not_before(start: datetime, at: Calendar) -> None:
    then = next_open(start, at)
    assert then >= start
    assert at.open_at(then)
    assert then == start or not at.open_at(then - timedelta(microseconds=1))


@settings(max_examples=some(300), deadline=None)
@given(times, times, calendars)
def test_nobody_is_there_before_the_next_opening(start: datetime, other: datetime, at: Calendar) -> None:
    then = next_open(start, at)
    between = start + (other - datetime(2025, 1, 1, tzinfo=UTC)) % max(then - start, timedelta(microseconds=1))
    assert then == start or not at.open_at(between)


@settings(max_examples=some(400), deadline=None)
@given(times, working, st.sampled_from(WITH_QUIET_HOURS))
def test_what_comes_later_never_ends_in_quiet_hours(start: datetime, by: Duration, at: Calendar) -> None:
    end = later(start, by, at)
    clock = end.astimezone(ZoneInfo(at.time_zone))
    if clock.fold or (clock + timedelta(hours=1)).dst() != (clock - timedelta(hours=1)).dst():
        assert not at.quiet_at(end)
    else:  # by the clock on the wall, to which the calendar's own reckoning has to come
        minutes = clock.replace(tzinfo=None).time()
        assert not any(begin <= minutes and (minutes < last or last == time()) for begin, last in at.quiet_hours)
