"""Rotas: who of a party is on duty, and until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from integration.stages.calendars import as_utc, day_of, instant, rough
from integration.stages.file.mappings import Rota

_MIDNIGHT = timedelta()
_WHOLE_DAYS = ("day", "week", "working day")


def on_duty(rota: Rota, at: datetime, zone: str) -> str | None:
    """Whose turn it is: the first of the people until the first turn is over; None where the file names nobody.

    `zone` is the file's time zone, in which turns of days and weeks begin at midnight.
    """
    if not rota.people:
        return None
    return rota.people[_turn(rota, at, ZoneInfo(zone)) % len(rota.people)]


def until(rota: Rota, at: datetime, zone: str) -> datetime | None:
    """When the present turn ends (UTC); None where nobody takes turns."""
    if not rota.people or rota.starts is None:
        return None
    place = ZoneInfo(zone)
    turns = _turn(rota, at, place) + 1
    length = turns * rota.turn.amount * rough(rota.turn.unit)
    if rota.turn.unit in _WHOLE_DAYS:
        return instant(rota.starts + length, _MIDNIGHT, place)
    return instant(rota.starts, _MIDNIGHT, place) + length


def _turn(rota: Rota, at: datetime, zone: ZoneInfo) -> int:
    """How many turns are over. Days are counted on the calendar, so that a clock's change never shifts midnight."""
    at = as_utc(at)
    if rota.starts is None:
        return 0
    if rota.turn.unit in _WHOLE_DAYS:
        gone = day_of(at, zone) - rota.starts
    else:
        gone = at - instant(rota.starts, _MIDNIGHT, zone)
    return max(0, gone // (rota.turn.amount * rough(rota.turn.unit)))
