"""The small forms of which mappings.yaml is made: names, lists, lengths of time, dates; each says what is allowed.

A name is checked against the file's own stages, parties and calendars only while a file is read: `Names` is what the
file names, and comes to the checks as pydantic's validation context.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    GetJsonSchemaHandler,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, PydanticCustomError

from integration.stages.calendars import Duration, read_date, read_days, read_hours, zone_name
from integration.stages.file.allowed import instead, shown
from integration.stages.file.written import moment

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Names:
    """What a file names, as far as it can be told before the file is known to be right."""

    stages: tuple[str, ...]
    parties: tuple[str, ...]
    calendars: tuple[str, ...]
    zone: ZoneInfo
    links: tuple[str, ...] = ()
    windows: tuple[str, ...] = ()
    freezes: tuple[str, ...] = ()

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Names:
        """Read them off the plain values."""

        def keys(part: str) -> tuple[str, ...]:
            value = raw.get(part)
            return tuple(str(key) for key in value) if isinstance(value, dict) else ()

        try:
            zone = ZoneInfo(zone_name(str(raw.get("time_zone", "UTC"))))
        except ValueError:  # a fault of its own; the dates are read all the same
            zone = ZoneInfo("UTC")
        more = (keys("links"), keys("windows"), keys("freezes"))
        return cls(keys("stages"), keys("parties"), keys("calendars"), zone, *more)


def _known(what: str, names: Callable[[Names], tuple[str, ...]]) -> AfterValidator:
    """A check that the file has something of that name."""

    def check(value: str, during: ValidationInfo) -> str:
        if isinstance(during.context, Names) and value not in names(during.context):
            hint = instead(value, names(during.context))
            raise PydanticCustomError("said", "{says}", {"says": f"no {what} {shown(value)}{hint}"})
        return value

    return AfterValidator(check)


def _shaped(pattern: str, says: str) -> AfterValidator:
    """A check of a text's shape, while a file is read. `says` goes on after the quoted text."""
    shape = re.compile(pattern)
    return _checked(lambda value: shape.fullmatch(value) is not None, says)


def _checked(fits: Callable[[str], bool], says: str) -> AfterValidator:
    def check(value: str, during: ValidationInfo) -> str:
        if isinstance(during.context, Names) and not fits(value):
            quoted = shown(_PASSWORD.sub("//…@", value))
            raise PydanticCustomError("said", "{says}", {"says": f"{quoted} {says}"})
        return value

    return AfterValidator(check)


_PASSWORD = re.compile(r"//[^/]*@")
_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
NO_LOGIN = "is no GitHub login; write it without @, such as support-lead"


def is_login(text: str) -> bool:
    """Whether a GitHub account could be called that."""
    return re.fullmatch(_OWNER, text) is not None


def _is_address(text: str) -> bool:
    """A web address as far as its host and port; no name and no password, which would be a secret in the file."""
    try:
        parts = urlsplit(text)
        sound = parts.port is None or parts.port > 0  # reading it raises where it is no number
    except ValueError:
        return False
    plain = text.isprintable() and " " not in text and "@" not in parts.netloc
    return sound and plain and parts.scheme in ("http", "https") and bool(parts.hostname)


Text = Annotated[str, Field(min_length=1)]
Identifier = Annotated[
    Text, _shaped(r"[a-z0-9][a-z0-9_-]*", "is no name; use small letters, digits and -, such as support-before-public")
]
StageName = Annotated[str, _known("stage", lambda names: names.stages)]
PartyName = Annotated[str, _known("party", lambda names: names.parties)]
CalendarName = Annotated[str, _known("calendar", lambda names: names.calendars)]
LinkName = Annotated[str, _known("kind of link", lambda names: names.links)]
WindowName = Annotated[str, _known("window", lambda names: names.windows)]
FreezeName = Annotated[str, _known("freeze", lambda names: names.freezes)]
IssueName = Annotated[Text, _shaped(r"[^\s/#]+/[^\s/#]+#\d+|(?:[\w-]+/)?[A-Z][A-Z0-9_]*-\d+",
                                    "names no issue; write owner/name#12, or APP-7")]  # fmt: skip
WebAddress = Annotated[Text, _checked(_is_address, "is no address; write https://…, without a password")]
EntryPoint = Annotated[
    Text,
    _shaped(r"[a-z0-9][a-z0-9_.-]*", "is no name of a check; use small letters, digits, - and ., such as acme.budget"),
]
Pattern = Annotated[Text, _shaped(r"https?://\S+", "is no pattern of addresses; write https://docs.example.com/*")]
ZoneName = Annotated[str, AfterValidator(zone_name)]
Login = Annotated[Text, _checked(is_login, NO_LOGIN)]
Team = Annotated[Text, _shaped(rf"{_OWNER}/[A-Za-z0-9_.-]+", "is no team; write organisation/team, without @")]
GlobOfRepositories = Annotated[
    Text,
    _shaped(
        r"[A-Za-z0-9_.*?-]{1,100}/[A-Za-z0-9_.*?-]{1,100}", "names no repository; write owner/name, or owner/* for all"
    ),
]
GlobOfProjects = Annotated[
    Text, _shaped(r"[A-Z*?][A-Z0-9_*?]{0,99}", "is no project key; keys are in capitals, such as APP")
]


def _as_list(value: object) -> object:
    return list(value) if isinstance(value, list | tuple) else [value]


class _OneOrMany:
    """Tells the JSON Schema what `_as_list` accepts."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, schema_of: GetJsonSchemaHandler) -> dict[str, Any]:
        many = schema_of(core)
        return {"anyOf": [many["items"], many]}


Listed = Annotated[tuple[Item, ...], BeforeValidator(_as_list), _OneOrMany()]
Filled = Annotated[tuple[Item, ...], Field(min_length=1), BeforeValidator(_as_list), _OneOrMany()]


def _length(value: object) -> Duration:
    if isinstance(value, Duration):
        return value
    if not isinstance(value, str):
        raise ValueError(f'{shown(value)} is no length of time; write a number and a unit, such as "1 working day"')
    return Duration.parse(value)


Length = Annotated[
    Duration,
    PlainValidator(_length),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9]+ +(working +)?(second|minute|hour|day|week)s?$",
            "examples": ["1 working day", "4 working hours", "30 minutes", "5 days"],
        }
    ),
]


def _turn(value: object) -> Duration:
    turn = _length(value)
    if turn.unit not in ("day", "week"):
        raise ValueError(f"{shown(value)} is no turn; write whole days or weeks, such as 1 week")
    return turn


Turn = Annotated[
    Duration,
    PlainValidator(_turn),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+ +(day|week)s?$", "examples": ["1 week", "3 days"]}),
]


def _trial(value: object) -> Duration | str:
    if value == NEVER_RAISED:
        return NEVER_RAISED
    try:
        trial = _length(value)
    except ValueError as wrong:
        if "out of bounds" in str(wrong):
            raise
        trial = None
    if trial is None or trial.unit not in ("day", "week"):
        raise ValueError(f"{shown(value)} is no time to wait for; write days or weeks, such as 6 weeks, or never")
    return trial


NEVER_RAISED = "never"
Trial = Annotated[
    Duration | str,
    PlainValidator(_trial),
    WithJsonSchema(
        {"type": "string", "pattern": "^([0-9]+ +(day|week)s?|never)$", "examples": ["6 weeks", "30 days", "never"]}
    ),
]


def _moment(value: object, during: ValidationInfo) -> datetime:
    return read_moment(value, during.context.zone if isinstance(during.context, Names) else ZoneInfo("UTC"))


def read_moment(value: object, zone: ZoneInfo) -> datetime:
    """A date means its first moment in the file's time zone; a time without a zone is meant in the file's as well."""
    found = moment(value) if isinstance(value, str) else value
    if not isinstance(found, date):
        raise ValueError(f"{shown(value)} is no date; write it as 2026-12-01, or with a time as 2026-12-01T09:00")
    at = found if isinstance(found, datetime) else datetime.combine(found, time())
    try:
        return (at if at.utcoffset() is not None else at.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{shown(value)} is out of bounds") from None


Moment = Annotated[
    datetime,
    PlainValidator(_moment),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+(Z|[+-][0-9:]+)?)?$",
            "examples": ["2026-12-01", "2026-12-01T09:00"],
        }
    ),
]


Days = Annotated[
    tuple[int, ...],
    PlainValidator(read_days),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "examples": ["mon-fri", "tue, thu"]}),
]
Hours = Annotated[
    tuple[time, time],
    PlainValidator(lambda value: read_hours(value, what="hours")),
    WithJsonSchema({"type": "string", "pattern": "^ *[0-9]{1,2}:[0-9]{2} *[-–] *[0-9]{1,2}:[0-9]{2} *$"}),
]
Day = Annotated[
    date, PlainValidator(read_date), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
]


def _clock_time(value: object) -> time:
    if isinstance(value, time):
        return value
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,2}):(\d{2})", value, re.ASCII)):
        hour, minute = int(found[1]), int(found[2])
        if hour < 24 and minute < 60:
            return time(hour, minute)
    raise ValueError(f'{shown(value)} is no time of day; write it as "09:30", in quotes')


ClockTime = Annotated[
    time, PlainValidator(_clock_time), WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"})
]


_SINGLE = (str, bool, int, float, date)


def named(as_field: str) -> BeforeValidator:
    """A bare text stands for `{as_field: text}`; so does what was meant as one, to be told to put it in quotes."""
    return BeforeValidator(lambda value: {as_field: value} if isinstance(value, _SINGLE) else value)


def fact() -> BeforeValidator:
    """`title`, `description` or `docs link` as a text stand for the fact of that name."""

    def read(value: object) -> object:
        if not isinstance(value, str):
            return value
        words = value.split()
        if words in (["title"], ["description"]):
            return {words[0]: True}
        if len(words) == 2 and words[1] == "link":
            return {"link": words[0]}
        raise ValueError(
            f"{shown(value)} is no fact; write title, description, NAME link (a kind of `links`), "
            "{section: HEADING} or {field: NAME}"
        )

    return BeforeValidator(read)


def which(value: object) -> str | None:
    """The requirement that the file names: `{notified: {...}}` or a bare `not_on_hold`; None where it names not one."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and len(value) == 1:
        return str(next(iter(value)))
    return None


def arguments(as_field: str = "") -> BeforeValidator:
    """Takes the arguments out of `{name: arguments}`; `as_field` is what a list or a single name is the value of."""

    def unwrap(value: object) -> object:
        if isinstance(value, BaseModel):
            return value
        given = next(iter(value.values())) if isinstance(value, dict) else None
        if as_field:
            return {} if given is None else {as_field: given}
        return {} if given is None else given

    return BeforeValidator(unwrap)
