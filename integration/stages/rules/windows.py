"""Windows and freezes: whether a moment lies in one, and when that changes next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from integration.stages.calendars import Hours, as_utc, closing_time, day_of, instant, since_midnight
from integration.stages.file.mappings import Window

_WHOLE_DAY: Hours = (time(), time())
_EVERY_DAY = tuple(range(7))
# A weekly window opens again within a week, or in the week after if a clock that is put forward swallowed it whole.
_FAR_ENOUGH = 16


def is_in(window: Window, at: datetime, zone: str) -> bool:
    """Whether the moment lies in the window: between `from` and `until`, on one of the days, within the hours.

    `zone` is the file's time zone, for a window that names none. What ends belongs no longer to it.
    """
    at = as_utc(at)
    if window.from_ is not None and at < window.from_:
        return False
    if window.until is not None and at >= window.until:
        return False
    if not _recurs(window):
        return True
    begin, end = next(_times(window, at, zone))
    return begin <= at < end


def next_change(window: Window, at: datetime, zone: str) -> datetime | None:
    """The next moment (UTC) after `at` at which `is_in` changes; None if it never does again."""
    at = as_utc(at)
    now = is_in(window, at, zone)
    return next((turn for turn in _turns(window, at, zone) if turn > at and is_in(window, turn, zone) != now), None)


def _recurs(window: Window) -> bool:
    return window.days is not None or window.hours is not None


def _turns(window: Window, at: datetime, zone: str) -> list[datetime]:
    """Every moment, in order, at which something about the window may change next."""
    turns = [as_utc(edge) for edge in (window.from_, window.until) if edge is not None]
    if _recurs(window):
        begin = max(at, window.from_ or at)
        for number, (opens, closes) in enumerate(_times(window, begin, zone)):
            turns += [opens, closes]
            if number >= _FAR_ENOUGH:
                break
    return sorted(turns)


def _times(window: Window, at: datetime, zone: str) -> Iterator[tuple[datetime, datetime]]:
    """The times of the days and hours from the day of `at` on, as the moments (UTC) at which each begins and ends."""
    place = ZoneInfo(window.time_zone or zone)
    opens, closes = window.hours or _WHOLE_DAY
    day = day_of(at, place)
    while True:
        if day.weekday() in (window.days or _EVERY_DAY):
            yield instant(day, since_midnight(opens), place), instant(day, closing_time(closes), place)
        day += timedelta(days=1)
