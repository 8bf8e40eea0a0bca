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

from integration.stages.allowed import instead, shown
from integration.stages.calendars import Duration, zone_name
from integration.stages.written import moment

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Names:
    """What a file names, as far as it can be told before the file is known to be right."""

    stages: tuple[str, ...]
    parties: tuple[str, ...]
    calendars: tuple[str, ...]
    zone: ZoneInfo

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
        return cls(keys("stages"), keys("parties"), keys("calendars"), zone)


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

    def check(value: str, during: ValidationInfo) -> str:
        if isinstance(during.context, Names) and not shape.fullmatch(value):
            raise PydanticCustomError("said", "{says}", {"says": f"{shown(value)} {says}"})
        return value

    return AfterValidator(check)


_OWNER = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"

Text = Annotated[str, Field(min_length=1)]
Identifier = Annotated[
    Text, _shaped(r"[a-z0-9][a-z0-9_-]*", "is no name; use small letters, digits and -, such as support-before-public")
]
StageName = Annotated[str, _known("stage", lambda names: names.stages)]
PartyName = Annotated[str, _known("party", lambda names: names.parties)]
CalendarName = Annotated[str, _known("calendar", lambda names: names.calendars)]
ZoneName = Annotated[str, AfterValidator(zone_name)]
Login = Annotated[Text, _shaped(_OWNER, "is no GitHub login; write it without @, such as support-lead")]
Team = Annotated[Text, _shaped(rf"{_OWNER}/[A-Za-z0-9_.-]+", "is no team; write organisation/team, without @")]
GlobOfRepositories = Annotated[
    Text, _shaped(r"[A-Za-z0-9_.*?-]+/[A-Za-z0-9_.*?-]+", "names no repository; write owner/name, or owner/* for all")
]
GlobOfProjects = Annotated[
    Text, _shaped(r"[A-Z*?][A-Z0-9_*?]*", "is no project key; keys are in capitals, such as APP")
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


def _moment(value: object, during: ValidationInfo) -> datetime:
    """A date means its first moment in the file's time zone; a time without a zone is meant in the file's as well."""
    found = moment(value) if isinstance(value, str) else value
    if not isinstance(found, date):
        raise ValueError(f"{shown(value)} is no date; write it as 2026-12-01, or with a time as 2026-12-01T09:00")
    zone = during.context.zone if isinstance(during.context, Names) else ZoneInfo("UTC")
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
