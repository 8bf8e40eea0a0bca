"""What a requirement may look at: one issue before one gate, and the names and times that go with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integration.stages.entries import Agreed, Evidence, Finding, Held, Owed, Proposed
from integration.stages.file import mappings as m
from integration.stages.model import Issue
from integration.stages.moves import Stay

Custom = Callable[[Issue, Mapping[str, Any], datetime], Finding]
"""A requirement of somebody's own: the snapshot, the options of the file, and the time -> what it finds."""


@dataclass(frozen=True, slots=True)
class Case:
    """All that a requirement may look at. `evidence` is what counts for this gate."""

    issue: Issue
    mappings: m.Mappings
    now: datetime
    evidence: tuple[Evidence, ...] = ()
    stays: tuple[Stay, ...] = ()
    askers: frozenset[str] = frozenset()
    hold: Held | None = None
    unreadable: Mapping[str, datetime] = field(default_factory=dict)  # party -> since when
    doubted_since: datetime | None = None  # since when something could not be evaluated
    stage_asked: str = ""  # the stage whose gate this is
    route: tuple[str, ...] | None = None  # the stages of the route in force; None: there is none
    proposed: Proposed | None = None  # a route that not all have agreed to yet
    agreements: tuple[Agreed, ...] = ()  # to that one
    debts: tuple[Owed, ...] = ()  # not paid yet, of all stages
    promised: tuple[Owed, ...] = ()  # those of them that were made for this very gate
    may_owe: bool = False  # the rule lets a party's word come later
    made_at: datetime | None = None  # when the move was made, where it is judged for the first time
    custom: Mapping[str, Custom] = field(default_factory=dict)  # entry points by name

    def party(self, name: str) -> str:
        """The party's name as people say it."""
        party = self.mappings.parties.get(name)
        return (party.name if party else None) or name.replace("-", " ").capitalize()

    def stage(self, name: str | None) -> str:
        """The stage's name as people say it."""
        return self.mappings.stages.get(name, name) if name else "no stage"

    def stages(self, names: tuple[str, ...]) -> str:
        """Several stages as people say them."""
        return ", ".join(self.stage(name) for name in names)

    def leaves_out(self, stage: str) -> bool:
        """Is there an agreed route, and is the stage not on it?"""
        return self.route is not None and stage not in self.route

    @property
    def to_agree(self) -> tuple[str, ...]:
        """The parties that have not agreed to the route that is proposed."""
        routes, proposed = self.mappings.routes, self.proposed
        if routes is None or proposed is None:
            return ()
        agreed = {one.party for one in self.agreements if one.route == proposed.route}
        return tuple(party for party in routes.agreed_by if party not in agreed)

    def when(self, at: datetime, party: str = "", zone: str = "") -> str:
        """A time as the party reads it on its own clock, or as it is in the zone: `Mon 23 Nov, 15:02 GMT`."""
        return moment(at, self.now, zone or self._zone(party))

    def until(self, at: datetime) -> str:
        """An end, where dates are the file's: `Fri 27 Nov` where it is the end of that day, else with its hour."""
        local = at.astimezone(ZoneInfo(self.mappings.time_zone))
        if local.hour or local.minute:
            return self.when(at)
        return self.when(at - timedelta(minutes=1)).partition(",")[0]

    def _zone(self, party: str) -> str:
        calendar = self.mappings.calendar_of(party)
        return calendar.time_zone if calendar else self.mappings.time_zone


def moment(at: datetime, now: datetime, zone: str) -> str:
    """A time as a clock in that zone shows it: `Mon 23 Nov, 15:02 GMT`; with its year where that is not this one."""
    local = at.astimezone(ZoneInfo(zone))
    year = "" if local.year == now.astimezone(ZoneInfo(zone)).year else f" {local.year}"
    name = local.tzname() or zone
    return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M} {name if name.isalpha() else 'UTC' + name}"


def unmet(says: str, party: str, case: Case, reason: str, links: tuple[str, ...] = ()) -> Finding:
    """Not so; or nobody can know, where the party's members could not be read."""
    if party in case.unreadable:
        return Finding(says, None, f"who is in {case.party(party)} could not be read", party, links)
    return Finding(says, False, reason, party, links)
