"""Working time: what "1 working day before" means for a party, with its time zone, days, hours and holidays."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count
from typing import Literal, cast, get_args
from zoneinfo import ZoneInfo, available_timezones

import holidays
from pydantic import BaseModel, ConfigDict, field_validator

from integration.stages.allowed import instead, shown

Unit = Literal["second", "minute", "hour", "day", "week", "working hour", "working day"]

_UNITS: tuple[str, ...] = get_args(Unit)
_EXACT = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_LONGEST = timedelta(days=3660)
_LENGTH = re.compile(r"(?P<amount>[0-9]{1,9})\s+(?P<unit>[a-z]+(?:\s+[a-z]+)?)", re.IGNORECASE)
_NEARLY = re.compile(r"(?P<amount>[0-9]{1,9}|an?\b|one\b)\s*(?P<unit>[a-z ]+)", re.IGNORECASE)

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SHORT = tuple(day[:3] for day in _WEEK)
_HOURS = re.compile(r"(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})")
_COUNTRY = re.compile(r"[A-Z]{2,3}")
_WHOLE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time as people write it: `1 working day`, `4 working hours`, `30 minutes`, `5 days`."""

    amount: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read it; raises ValueError whose message says what is allowed."""
        found = _LENGTH.fullmatch(text.strip())
        unit = _unit(found["unit"]) if found else None
        if not found or not unit:
            raise ValueError(f"{shown(text)} is no length of time{_meant(text)}")
        amount = int(found["amount"])
        if not timedelta() < amount * _rough(unit) <= _LONGEST:
            raise ValueError(
                f"{shown(text)} is out of bounds; a length of time is more than nothing and at most ten years"
            )
        return cls(amount, unit)

    def __str__(self) -> str:
        return f"{self.amount} {self.unit}{'' if self.amount == 1 else 's'}"


def _unit(text: str) -> Unit | None:
    """The unit that this word, singular or plural, names."""
    words = " ".join(text.lower().split())
    for unit in _UNITS:
        if words in (unit, f"{unit}s"):
            return cast(Unit, unit)
    return None


def _rough(unit: Unit) -> timedelta:
    return _EXACT[unit.removeprefix("working ")]


def _meant(text: str) -> str:
    """What somebody probably wanted to write: `; did you mean "1 day"?`, else an example of every unit."""
    if found := _NEARLY.fullmatch(text.strip()):
        amount = int(found["amount"]) if found["amount"].isdigit() else 1
        hint = instead(found["unit"].strip().removesuffix("s"), _UNITS)
        if "did you mean" in hint:
            return f'; did you mean "{Duration(amount, cast(Unit, hint.split(chr(34))[1]))}"?'
    return f'; write a number and a unit, such as "1 working day"; units: {", ".join(f"{unit}s" for unit in _UNITS)}'


class Calendar(BaseModel):
    """When a party works.

    In the file: `{time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: str = "UTC"
    days: tuple[int, ...] = (0, 1, 2, 3, 4)  # Monday is 0; in the file `mon-fri`, `sun-thu`, `mon,tue,thu`
    hours: tuple[time, time] = (time(9), time(17))  # a closing time of 00:00 is midnight at the day's end (24:00)
    holidays: str | None = None  # a country, or country-subdivision, that the `holidays` library knows
    closed: tuple[date, ...] = ()  # the party's own days off

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return zone_name(value)

    @field_validator("days", mode="before")
    @classmethod
    def _days(cls, value: object) -> tuple[int, ...]:
        return _read_days(value)

    @field_validator("hours", mode="before")
    @classmethod
    def _hours(cls, value: object) -> tuple[time, time]:
        return _read_hours(value)

    @field_validator("holidays")
    @classmethod
    def _holidays(cls, value: str | None) -> str | None:
        return _read_holidays(value) if value is not None else None

    @field_validator("closed", mode="before")
    @classmethod
    def _closed(cls, value: object) -> tuple[date, ...]:
        return tuple(_read_date(day) for day in (value if isinstance(value, list | tuple) else [value]))

    def works(self, day: date) -> bool:
        """Whether anybody is there on that day: a weekday of theirs, no holiday, not one of their own days off."""
        if day.weekday() not in self.days or day in self.closed:
            return False
        return self.holidays is None or day not in _holidays_of(self.holidays, day.year)

    def open_at(self, at: datetime) -> bool:
        """Whether somebody is there at that moment; the closing minute is no longer working time."""
        at = at.astimezone(UTC)
        day = at.astimezone(ZoneInfo(self.time_zone)).date()
        on, opening, closing = next(_openings(day, self))
        return on == day and opening <= at < closing


def zone_name(value: str) -> str:
    """The name itself, if it is a time zone's; else a ValueError that says which one was probably meant."""
    known = _zones()
    if value in known:
        return value
    hint = instead(value, known) or '; write one such as "Europe/London" or "UTC"'
    raise ValueError(f"no time zone {shown(value)}{hint}")


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _read_days(value: object) -> tuple[int, ...]:
    """`mon-fri`, `sun-thu`, `mon,tue,thu`, or a list of such; numbers (Monday is 0) only from code."""
    if isinstance(value, tuple) and value and all(isinstance(day, int) and 0 <= day <= 6 for day in value):
        return tuple(sorted(set(value)))
    parts: list[object] = list(value.split(",")) if isinstance(value, str) else value if isinstance(value, list) else []
    days = {day for part in parts for day in _read_span(part)}
    if not days:
        raise ValueError("days are missing; write mon-fri, sun-thu, or a list such as [mon, tue, thu]")
    return tuple(sorted(days))


def _read_span(part: object) -> list[int]:
    """One weekday, or a span of them that may go over the week's end."""
    first, dash, last = str(part).strip().lower().partition("-")
    begin = _read_day(first)
    return [(begin + step) % 7 for step in range((_read_day(last) - begin) % 7 + 1)] if dash else [begin]


def _read_day(word: str) -> int:
    word = word.strip()
    for names in (_SHORT, _WEEK):
        if word in names:
            return names.index(word)
    raise ValueError(f"no weekday {shown(word)}{instead(word[:3], _SHORT)}")


def _read_hours(value: object) -> tuple[time, time]:
    """`09:00-17:30`; a closing time of 24:00 is kept as 00:00."""
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, time) for each in value):
        opening, closing = value
    elif isinstance(value, str) and (found := _HOURS.fullmatch(value.strip())):
        h1, m1, h2, m2 = (int(number) for number in found.groups())
        if h1 > 23 or m1 > 59 or (h2, m2) > (24, 0) or m2 > 59:
            raise ValueError(f"{shown(value)} are no hours of a day; write them from 00:00 to 24:00")
        opening, closing = time(h1, m1), time(h2 % 24, m2)
    else:
        raise ValueError(f'{shown(value)} are no working hours; write them as "09:00-17:30", in quotes')
    if _clock(opening) >= _closing_clock(closing):
        raise ValueError(f"working hours end after they begin, on the same day; {shown(value)} do not")
    return opening, closing


def _clock(at: time) -> timedelta:
    """A clock time as the time since midnight on the clock's face."""
    return datetime.combine(date.min, at) - datetime.combine(date.min, time())


def _closing_clock(at: time) -> timedelta:
    return _clock(at) or _WHOLE_DAY


def _read_date(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{shown(value)} is no date; write it as 2026-12-24") from None


def _read_holidays(code: str) -> str:
    """The code itself, if the `holidays` library knows it; else a ValueError with what was probably meant."""
    country, _, part = code.partition("-")
    try:
        if _COUNTRY.fullmatch(country):
            holidays.country_holidays(country, subdiv=part or None)
            return code
    except NotImplementedError:
        pass
    known = holidays.list_supported_countries()
    if known.get(country):
        raise ValueError(f"no part {shown(part)} of {country}{_nearest_part(part, country, known[country])}")
    if country in known:
        raise ValueError(f'{country} has no parts with holidays of their own; write "{country}"')
    codes = [*known, *(f"{c}-{p}" for c in known for p in known[c] if len(p) <= 3)]
    hint = instead(code, codes) if len(code) <= 3 or re.match("[A-Za-z]{2}[-_ ]", code) else ""
    raise ValueError(
        f"no holidays for {shown(code)}{hint or '; write a country such as GB, or GB-ENG for a part of one'}"
    )


def _nearest_part(part: str, country: str, parts: list[str]) -> str:
    hint = instead(part, parts)
    if "did you mean" in hint:
        return hint.replace('mean "', f'mean "{country}-')
    return f"; allowed: {', '.join(f'{country}-{each}' for each in parts[:20])}{', …' if len(parts) > 20 else ''}"


@lru_cache(maxsize=256)
def _holidays_of(code: str, year: int) -> frozenset[date]:
    """One year's public holidays. Frozen for each year: the library's own object grows while it is asked."""
    country, _, part = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


def later(at: datetime, by: Duration, calendar: Calendar | None) -> datetime:
    """`at` plus `by`; working units count in the calendar (mon-fri, 09:00-17:00 UTC where there is none).

    A working day later is the same clock time on the next working day; what begins outside the working hours begins
    at the next opening. Plain units are exact lengths (a day is 24 hours). The answer is in UTC.
    """
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone; times are aware")
    at = at.astimezone(UTC)
    if by.unit in _EXACT:
        return at + by.amount * _EXACT[by.unit]
    calendar = calendar or Calendar()
    if by.unit == "working hour":
        return _working_hours_later(at, timedelta(hours=by.amount), calendar)
    return _working_days_later(at, by.amount, calendar)


def _working_hours_later(at: datetime, left: timedelta, calendar: Calendar) -> datetime:
    """Spend `left` of open time; ends at a closing rather than at the opening after it."""
    for _, opening, closing in _openings(_local_day(at, calendar), calendar):
        begin = max(at, opening)
        if begin < closing:
            if begin + left <= closing:
                return begin + left
            left -= closing - begin
    raise AssertionError("openings have no end")


def _working_days_later(at: datetime, days: int, calendar: Calendar) -> datetime:
    """The same clock time, so many working days on."""
    openings = _openings(_local_day(at, calendar), calendar)
    day, opening, closing = next(each for each in openings if at < each[2])
    begin = max(at, opening)
    if days == 0:
        return begin
    zone = ZoneInfo(calendar.time_zone)
    clock = _clock(calendar.hours[0]) if begin == opening else _face(begin, day, zone)
    for _ in range(days):
        day, opening, closing = next(openings)
    return min(max(_instant(day, clock, zone), opening), closing)


def _local_day(at: datetime, calendar: Calendar) -> date:
    return at.astimezone(ZoneInfo(calendar.time_zone)).date()


def _openings(first: date, calendar: Calendar) -> Iterator[tuple[date, datetime, datetime]]:
    """Every working day from `first` on, with the moments (UTC) at which it opens and closes."""
    zone = ZoneInfo(calendar.time_zone)
    for day in (first + timedelta(days=n) for n in count()):
        if calendar.works(day):
            opening = _instant(day, _clock(calendar.hours[0]), zone)
            closing = _instant(day, _closing_clock(calendar.hours[1]), zone)
            if opening < closing:  # a clock that is put forward can swallow a short day whole
                yield day, opening, closing


def _instant(day: date, clock: timedelta, zone: ZoneInfo) -> datetime:
    """When the clock shows that time: the first of two such moments; when it skips it, the moment of the skip."""
    wall = datetime.combine(day, time()) + clock
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    skipped = moment.astimezone(zone).replace(tzinfo=None) != wall
    return _clock_change(wall, zone) if skipped else moment


def _face(moment: datetime, day: date, zone: ZoneInfo) -> timedelta:
    """What the clock shows, since midnight of `day`; while it repeats an hour, what it had already reached."""
    local = moment.astimezone(zone)
    wall = local.replace(tzinfo=None)
    if local.fold:
        change = _clock_change(wall, zone)
        last_before = (change - timedelta(seconds=1)).astimezone(zone)
        wall = last_before.replace(tzinfo=None) + timedelta(seconds=1)
    return wall - datetime.combine(day, time())


def _clock_change(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment at which the clock was changed, for a time on it that this change skipped or repeated."""
    early, late = sorted(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))

    def offset(second: int) -> timedelta | None:
        return datetime.fromtimestamp(second, zone).utcoffset()

    seconds = range(int(early.timestamp()), int(late.timestamp()) + 2)
    return datetime.fromtimestamp(
        bisect_left(seconds, True, key=lambda s: offset(s) != offset(seconds[0])) + seconds[0], UTC
    )
