"""Working time: what "1 working day before" means for a party, with its time zone, days, hours and holidays.

First how people write these things, then the calendar itself, then what is worked out from it. The clock's changes
are dealt with here once, for whatever else counts in days and hours.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache, partial
from itertools import islice
from typing import Annotated, Literal, cast, get_args
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from integration.stages.file.allowed import instead, shown

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

Hours = tuple[time, time]


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
        if not timedelta() < amount * rough(unit) <= _LONGEST:
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


def rough(unit: Unit) -> timedelta:
    """The unit's length by the clock; for working units, that of the plain one."""
    return _EXACT[unit.removeprefix("working ")]


def _meant(text: str) -> str:
    """What somebody probably wanted to write: `; did you mean "1 day"?`, else an example of every unit."""
    if found := _NEARLY.fullmatch(text.strip()):
        amount = int(found["amount"]) if found["amount"].isdigit() else 1
        hint = instead(found["unit"].strip().removesuffix("s"), _UNITS)
        if "did you mean" in hint:
            return f'; did you mean "{Duration(amount, cast(Unit, hint.split(chr(34))[1]))}"?'
    return f'; write a number and a unit, such as "1 working day"; units: {", ".join(f"{unit}s" for unit in _UNITS)}'


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


def read_days(value: object) -> tuple[int, ...]:
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


def read_hours(value: object, *, what: str = "working hours") -> Hours:
    """`09:00-17:30`; a closing time of 24:00 is kept as 00:00. `what` is what a fault calls them."""
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, time) for each in value):
        opening, closing = value
    elif isinstance(value, str) and (found := _HOURS.fullmatch(value.strip())):
        h1, m1, h2, m2 = (int(number) for number in found.groups())
        if h1 > 23 or m1 > 59 or (h2, m2) > (24, 0) or m2 > 59:
            raise ValueError(f"{shown(value)} are no hours of a day; write them from 00:00 to 24:00")
        opening, closing = time(h1, m1), time(h2 % 24, m2)
    else:
        raise ValueError(f'{shown(value)} are no {what}; write them as "09:00-17:30", in quotes')
    if since_midnight(opening) >= closing_time(closing):
        raise ValueError(f"{what} end after they begin, on the same day; {shown(value)} do not")
    return opening, closing


def _read_quiet(value: object) -> Hours:
    """One span of a day; a night is two of them, and the fault says which."""
    try:
        return read_hours(value, what="quiet hours")
    except ValueError as wrong:
        night = _HOURS.fullmatch(str(value).strip())
        if night and "on the same day" in str(wrong) and int(night[1]) > int(night[3]):
            two = f'"{night[1]}:{night[2]}-24:00" and "00:00-{night[3]}:{night[4]}"'
            raise ValueError(f"{wrong}; write {two}") from None
        raise


def since_midnight(at: time) -> timedelta:
    """A clock time as the time since midnight on the clock's face."""
    return datetime.combine(date.min, at) - datetime.combine(date.min, time())


def closing_time(at: time) -> timedelta:
    """The same for the end of hours, where 00:00 is midnight at the day's end."""
    return since_midnight(at) or _WHOLE_DAY


def read_date(value: object) -> date:
    """A date, or its text as `2026-12-24`."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{shown(value)} is no date; write it as 2026-12-24") from None


def _read_weekday_or_date(key: object) -> int | date:
    """`fri`, or `2026-12-24`; a number (Monday is 0) only from code."""
    if isinstance(key, date) or (type(key) is int and 0 <= key <= 6):
        return key if type(key) is int else read_date(key)
    word = str(key).strip().lower()
    if any(sign.isdigit() for sign in word):
        return read_date(word)
    if any(sign in word for sign in "-,"):
        raise ValueError(f"{shown(key)} are several days; give each of them a line of its own, such as fri")
    return _read_day(word)


def _read_holidays(code: str) -> str:
    """The code itself, if the `holidays` library knows it; else a ValueError with what was probably meant."""
    import holidays  # here: a file without holidays need not pay for all of them

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
    import holidays

    country, _, part = code.partition("-")
    return frozenset(holidays.country_holidays(country, subdiv=part or None, years=year))


class Calendar(BaseModel):
    """When a party works.

    In the file: `{time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}`, and where it is
    not always the same, `hours_on: {fri: "09:00-13:00", "2026-12-24": "09:00-12:00"}` and `quiet_hours: "12:00-13:30"`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    time_zone: str = "UTC"
    days: tuple[int, ...] = (0, 1, 2, 3, 4)  # Monday is 0; in the file `mon-fri`, `sun-thu`, `mon,tue,thu`
    hours: Hours = (time(9), time(17))  # a closing time of 00:00 is midnight at the day's end (24:00)
    holidays: str | None = None  # a country, or country-subdivision, that the `holidays` library knows
    closed: tuple[date, ...] = ()  # the party's own days off
    hours_on: dict[  # other hours on a weekday, or on a date, which wins; a date named here is a working day
        Annotated[int | date, BeforeValidator(_read_weekday_or_date)], Annotated[Hours, BeforeValidator(read_hours)]
    ] = Field(default_factory=dict)
    quiet_hours: tuple[Annotated[Hours, BeforeValidator(_read_quiet)], ...] = ()  # nobody is reminded, nothing counts

    @field_validator("time_zone")
    @classmethod
    def _zone(cls, value: str) -> str:
        return zone_name(value)

    @field_validator("days", mode="before")
    @classmethod
    def _days(cls, value: object) -> tuple[int, ...]:
        return read_days(value)

    @field_validator("hours", mode="before")
    @classmethod
    def _hours(cls, value: object) -> Hours:
        return read_hours(value)

    @field_validator("holidays")
    @classmethod
    def _holidays(cls, value: str | None) -> str | None:
        return _read_holidays(value) if value is not None else None

    @field_validator("closed", mode="before")
    @classmethod
    def _closed(cls, value: object) -> tuple[date, ...]:
        return tuple(read_date(day) for day in (value if isinstance(value, list | tuple) else [value]))

    @field_validator("hours_on", mode="wrap")
    @classmethod
    def _each_once(cls, value: object, read: ValidatorFunctionWrapHandler) -> dict[int | date, Hours]:
        found: dict[int | date, Hours] = read(value)
        first: dict[int | date, object] = {}
        for key in value if isinstance(value, dict) else ():
            same = first.setdefault(_read_weekday_or_date(key), key)
            if same is not key:
                raise ValueError(f"{shown(same)} and {shown(key)} are the same day; keep one of them")
        return found

    @field_validator("hours_on")
    @classmethod
    def _on_their_days(cls, value: dict[int | date, Hours], so_far: ValidationInfo) -> dict[int | date, Hours]:
        days = so_far.data.get("days", range(7))
        if idle := [_SHORT[day] for day in value if isinstance(day, int) and day not in days]:
            raise ValueError(f"nobody works on {idle[0]}; add {idle[0]} to the days, or leave its hours out")
        return value

    @field_validator("quiet_hours", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        one = isinstance(value, str) or (isinstance(value, tuple) and any(isinstance(each, time) for each in value))
        return [value] if one else value

    @field_validator("quiet_hours")
    @classmethod
    def _leave_some(cls, value: tuple[Hours, ...], so_far: ValidationInfo) -> tuple[Hours, ...]:
        quiet = tuple(sorted(value))
        if {"days", "hours", "hours_on"} <= so_far.data.keys():
            own = so_far.data["hours_on"]
            usual = {None: so_far.data["hours"]} if any(day not in own for day in so_far.data["days"]) else {}
            for day, hours in {**usual, **own}.items():
                if not _not_quiet(hours, quiet):
                    raise ValueError(
                        f"quiet hours leave nothing of the working hours {_written(hours, day)}; shorten them"
                    )
        return quiet

    def __hash__(self) -> int:
        return hash((self.time_zone, self.days, self.hours, self.holidays, self.closed, self.quiet_hours))

    def works(self, day: date) -> bool:
        """Whether anybody is there on that day: named in `hours_on`, or a weekday of theirs, no holiday, no day off."""
        if day in self.hours_on:
            return True
        if day.weekday() not in self.days or day in self.closed:
            return False
        return self.holidays is None or day not in _holidays_of(self.holidays, day.year)

    def hours_of(self, day: date) -> Hours:
        """The hours of a working day, quiet ones included."""
        return self.hours_on.get(day) or self.hours_on.get(day.weekday()) or self.hours

    def open_at(self, at: datetime) -> bool:
        """Whether somebody is there at that moment; the closing minute is no working time, nor are quiet hours."""
        return next_open(at, self) == at

    def quiet_at(self, at: datetime) -> bool:
        """Whether that moment lies in the quiet hours, which are those of every day."""
        if not self.quiet_hours:
            return False
        zone = ZoneInfo(self.time_zone)
        day = day_of(at, zone)
        return any(
            instant(day, since_midnight(begin), zone) <= at < instant(day, closing_time(end), zone)
            for begin, end in self.quiet_hours
        )


@lru_cache(maxsize=256)
def _not_quiet(hours: Hours, quiet: tuple[Hours, ...]) -> tuple[tuple[timedelta, timedelta], ...]:
    """What sorted quiet hours leave of a day's hours, as times since midnight."""
    begin, end = since_midnight(hours[0]), closing_time(hours[1])
    parts = []
    for first, last in quiet:
        parts.append((begin, min(end, since_midnight(first))))
        begin = max(begin, closing_time(last))
    parts.append((begin, end))
    return tuple((begin, end) for begin, end in parts if begin < end)


def _written(hours: Hours, day: int | date | None) -> str:
    """`09:00-13:00 on fri`."""
    closing = "24:00" if hours[1] == time() else f"{hours[1]:%H:%M}"
    on = "" if day is None else f" on {day if isinstance(day, date) else _SHORT[day]}"
    return f"{hours[0]:%H:%M}-{closing}{on}"


def later(at: datetime, by: Duration, calendar: Calendar | None) -> datetime:
    """`at` plus `by`; working units count in the calendar (mon-fri, 09:00-17:00 UTC where there is none).

    A working day later is the same clock time on the next working day; what begins outside the working hours begins
    at the next opening, and what would end in quiet hours ends when somebody is there again. Plain units are exact
    lengths (a day is 24 hours). The answer is in UTC.
    """
    at = as_utc(at)
    if by.unit in _EXACT:
        return at + by.amount * _EXACT[by.unit]
    calendar = calendar or Calendar()
    if by.unit == "working hour":
        end = _working_hours_later(at, timedelta(hours=by.amount), calendar)
    else:
        end = _working_days_later(at, by.amount, calendar)
    return next_open(end, calendar) if calendar.quiet_at(end) else end


def next_open(at: datetime, calendar: Calendar | None) -> datetime:
    """`at` itself if somebody is there, else the next moment at which somebody is; in UTC.

    Where there is no calendar, work is mon-fri, 09:00-17:00 UTC.
    """
    at = as_utc(at)
    calendar = calendar or Calendar()
    return next(max(at, open_.begin) for open_ in _stretches(at, calendar) if at < open_.end)


def worked(begin: datetime, end: datetime, calendar: Calendar | None) -> timedelta:
    """How much working time lies between two moments; where there is no calendar, work is mon-fri, 09:00-17:00 UTC."""
    begin, end, total = as_utc(begin), as_utc(end), timedelta()
    for open_ in _stretches(begin, calendar or Calendar()):
        if open_.begin >= end:
            break
        total += max(timedelta(), min(end, open_.end) - max(begin, open_.begin))
    return total


def as_utc(at: datetime) -> datetime:
    """The moment in UTC."""
    if at.utcoffset() is None:
        raise ValueError(f"{at!r} has no time zone; times are aware")
    return at.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class _Open:
    """A stretch of a day in which somebody is there: what the clock shows at its begin, and its two moments (UTC)."""

    day: date
    clock: timedelta
    begin: datetime
    end: datetime


def _working_hours_later(at: datetime, left: timedelta, calendar: Calendar) -> datetime:
    """Spend `left` of open time; ends at a closing rather than at the opening after it."""
    for open_ in _stretches(at, calendar):
        begin = max(at, open_.begin)
        if begin < open_.end:
            if begin + left <= open_.end:
                return begin + left
            left -= open_.end - begin
    raise AssertionError("openings have no end")


def _working_days_later(at: datetime, days: int, calendar: Calendar) -> datetime:
    """The same clock time, so many working days on."""
    openings = _openings(at, calendar)
    first = next(open_ for day in openings for open_ in day if at < open_.end)
    begin = max(at, first.begin)
    if days == 0:
        return begin
    zone = ZoneInfo(calendar.time_zone)
    clock = first.clock if begin == first.begin else _face(begin, first.day, zone)
    last = next(islice(openings, days - 1, None))
    return min(max(instant(last[0].day, clock, zone), last[0].begin), last[-1].end)


def _stretches(at: datetime, calendar: Calendar) -> Iterator[_Open]:
    return (open_ for day in _openings(at, calendar) for open_ in day)


def _openings(at: datetime, calendar: Calendar) -> Iterator[tuple[_Open, ...]]:
    """Every working day from that of `at` on, as the stretches in which somebody is there."""
    day, open_on = day_of(at, ZoneInfo(calendar.time_zone)), _days_of(calendar)
    while True:
        if there := open_on(day):
            yield there
        day += _WHOLE_DAY


@lru_cache(32)
def _days_of(calendar: Calendar) -> Callable[[date], tuple[_Open, ...]]:
    """Its days, each worked out once: reports count the hours of thousands of answers, in a few hundred days."""
    return lru_cache(2048)(partial(_open_on, calendar=calendar))


def _open_on(day: date, calendar: Calendar) -> tuple[_Open, ...]:
    """The stretches of a day in which somebody is there; none where the party does not work."""
    if not calendar.works(day):
        return ()
    zone = ZoneInfo(calendar.time_zone)
    parts = _not_quiet(calendar.hours_of(day), calendar.quiet_hours)
    stretches = (_Open(day, begin, instant(day, begin, zone), instant(day, end, zone)) for begin, end in parts)
    # a clock that is put forward can swallow a short stretch whole
    return tuple(open_ for open_ in stretches if open_.begin < open_.end)


# --- days and clocks ------------------------------------------------------------------------------------------------


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day that a moment belongs to there: the last that has begun, also where a clock goes back over midnight."""
    local = at.astimezone(zone)
    day = local.date()
    if not local.fold:  # the clock shows it for the first time, so no later day has begun
        return day
    following = day + timedelta(days=1)
    return following if instant(following, timedelta(), zone) <= at else day


def instant(day: date, clock: timedelta, zone: ZoneInfo) -> datetime:
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
