"""When people of the seeded world work: it is London, from nine to half past five."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from functools import lru_cache
from random import Random

from integration.stages.calendars import Calendar, Duration, later, next_open

CALENDAR = Calendar(time_zone="Europe/London", hours=(time(9), time(17, 30)), holidays="GB-ENG")
DAY = timedelta(hours=8, minutes=30)  # a working day
_STEP = timedelta(days=1)


def after(at: datetime, hours: float) -> datetime:
    """So many working hours later: a moment at which somebody is there."""
    whole = int(hours)
    if whole:
        at = later(at, Duration(whole, "working hour"), CALENDAR)
    at = next_open(at, CALENDAR)
    return next_open(at + timedelta(seconds=round(3600 * (hours - whole))), CALENDAR)


def days_after(at: datetime, days: int) -> datetime:
    """So many working days later."""
    return later(at, Duration(days, "working day"), CALENDAR)


def in_hours(at: datetime, dice: Random) -> datetime:
    """At some minute of working time, that moment or soon after."""
    return next_open(at, CALENDAR) + timedelta(seconds=dice.randrange(40, 2400))


def working_time(begin: datetime, end: datetime) -> timedelta:
    """The working time between two moments."""
    total, at = timedelta(), next_open(begin, CALENDAR)
    while at < end:
        closes = _closes(at)
        total += max(timedelta(), min(end, closes) - at)
        at = next_open(closes, CALENDAR)
    return total


@lru_cache(maxsize=1024)
def _closing(day: int) -> datetime:
    from datetime import UTC

    begin = datetime.fromordinal(day).replace(hour=10, tzinfo=UTC)
    opens = next_open(begin - timedelta(hours=3), CALENDAR)
    return opens + DAY


def _closes(at: datetime) -> datetime:
    """When the day of an open moment ends."""
    return _closing(at.toordinal())
