"""When people of the seeded world work: it is London, from nine to half past five.

Counted in seconds, and day by day: a world of ten thousand features asks often.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from random import Random
from zoneinfo import ZoneInfo

from integration.stages.calendars import Calendar, instant, since_midnight

CALENDAR = Calendar(time_zone="Europe/London", hours=(time(9), time(17, 30)), holidays="GB-ENG")
_ZONE = ZoneInfo(CALENDAR.time_zone)
_DAY = timedelta(days=1)
Hours = tuple[datetime, datetime]


@lru_cache(maxsize=4096)
def _hours(day: date) -> Hours | None:
    """When they come and go on that day; None where they do not."""
    if not CALENDAR.works(day):
        return None
    begin, end = (instant(day, since_midnight(one), _ZONE) for one in CALENDAR.hours)
    return begin, end


def _from(at: datetime) -> Hours:
    """The rest of the day of that moment, or the next day on which they work."""
    day = at.date()
    while True:
        hours = _hours(day)
        if hours and at < hours[1]:
            return max(at, hours[0]), hours[1]
        day += _DAY


def after(at: datetime, hours: float) -> datetime:
    """So many working hours later: a moment at which somebody is there."""
    left = timedelta(seconds=round(3600 * hours))
    begin, end = _from(at)
    while begin + left >= end:
        left -= end - begin
        begin, end = _from(end)
    return begin + left


def days_after(at: datetime, days: int) -> datetime:
    """The same time of the day, so many working days later."""
    begin, _ = _from(at)
    into = begin - _from(begin.replace(hour=0, minute=0))[0]
    for _ in range(days):
        begin, _ = _from(begin.replace(hour=23))
    return begin + into


def in_hours(at: datetime, dice: Random) -> datetime:
    """At some minute of working time, that moment or soon after."""
    return _from(at)[0] + timedelta(seconds=dice.randrange(40, 2400))


def working_time(begin: datetime, end: datetime) -> timedelta:
    """The working time between two moments."""
    total = timedelta()
    begin, closes = _from(begin)
    while begin < end:
        total += min(end, closes) - begin
        begin, closes = _from(closes)
    return total
