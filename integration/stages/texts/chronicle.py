"""What the ledger's entries say, one sentence each: for the history of a feature, the audit, and evidence packs.

Pure, and without markup: whoever shows it writes it as plain text. Names of stages and parties are those of the file in
force; a key that it names no more is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal

from integration.stages.entries import (
    Acknowledged,
    Agreed,
    Approved,
    AttemptEnded,
    AttemptJoined,
    AttemptOpened,
    Carried,
    Done,
    Doubted,
    Ended,
    Entry,
    Failed,
    Frozen,
    HandedOver,
    Heard,
    Held,
    Intended,
    Judged,
    LabelVanished,
    NeedsWork,
    Noticed,
    Outcome,
    Owed,
    Proposed,
    Resumed,
    Routed,
    Standing,
    Tried,
    Voided,
    Waived,
)
from integration.stages.model import NOBODY, Person
from integration.stages.rules.gate import is_open

Mark = Literal["move", "told", "seen", "agreed", "shut", "waived", "held", "owed", "route", "done", "trouble", "note"]
"""What kind of thing it is, as pages mark it."""


@dataclass(frozen=True, slots=True)
class Told:
    """An entry in words. `small`: the service's own bookkeeping, which a history may leave out."""

    at: datetime
    mark: Mark
    says: str
    by: str = ""
    url: str = ""
    small: bool = False


def never(ref: str) -> bool:
    """Nothing is kept from whoever may see all."""
    return False


def last_day(end: datetime, zone: tzinfo) -> date:
    """The day with which something ends: a day is over at the next one's first moment."""
    return (end.astimezone(zone) - timedelta(microseconds=1)).date()


@dataclass(frozen=True, slots=True)
class Names:
    """What people call stages and parties."""

    stages: Mapping[str, str]
    parties: Mapping[str, str]
    zone: tzinfo = UTC  # of dates
    hides: Callable[[str], bool] = never  # which issues, as refs, whoever reads it may not know of

    def stage(self, key: str | None) -> str:
        """A stage; or that there is none."""
        return self.stages.get(key, key) if key else "no stage"

    def party(self, key: str) -> str:
        """A party."""
        return self.parties.get(key, key)

    def until(self, at: datetime | None) -> str:
        """` until 2026-11-27`, where something ends with that day; nothing where it has no end."""
        return f" until {last_day(at, self.zone):%Y-%m-%d}" if at else ""


def told(entry: Entry, names: Names) -> Told:
    """The entry in words."""
    match entry:
        case Judged():
            return _judged(entry, names)
        case AttemptOpened() | AttemptJoined() | AttemptEnded() | Standing():
            return _attempt(entry, names)
        case Noticed() | Acknowledged() | Approved() | NeedsWork() | HandedOver() | Voided():
            return _word(entry, names)
        case Owed() | Proposed() | Agreed() | Routed() | Held() | Resumed() | Waived():
            return _agreement(entry, names)
        case Heard() | Intended() | Tried() | Done() | Failed():
            return _work(entry, names)
        case _:
            return _fate(entry, names)


def _judged(entry: Judged, names: Names) -> Told:
    move = entry.move
    where = f"{names.stage(move.was)} → {names.stage(move.to)}"
    shut = ", ".join(gate.rule for gate in entry.gates if not is_open(gate) and gate.level != "observe")
    waived = ", ".join(gate.rule for gate in entry.gates if gate.waived)
    says = {
        Outcome.ADMITTED: f"{where}: admitted",
        Outcome.WARNED: f"{where}: admitted with a warning ({shut})" if shut else f"{where}: admitted with a warning",
        Outcome.BLOCKED: f"{where}: blocked by {shut}" if shut else f"{where}: blocked",
        Outcome.ADOPTED: f"{where}: from before this ledger began; never judged",
    }[entry.outcome]
    says += f"; waived: {waived}" if waived else ""
    return Told(entry.at, "shut" if entry.outcome is Outcome.BLOCKED else "move", says, _name(move.actor))


def _attempt(entry: AttemptOpened | AttemptJoined | AttemptEnded | Standing, names: Names) -> Told:
    match entry:
        case AttemptOpened():
            return Told(entry.at, "move", f"asked for {names.stage(entry.to)}", _name(entry.by))
        case AttemptJoined():
            return Told(entry.at, "move", f"asked for {names.stage(entry.to)} as well", _name(entry.by))
        case Standing() if not entry.reason:
            return Told(entry.at, "note", "it does not stand there blocked any more", small=True)
        case Standing():
            return Told(entry.at, "trouble", f"it stands there blocked, and was not put back: {entry.reason}")
    how = {
        Ended.ADMITTED: "was let in",
        Ended.CANCELLED: "was withdrawn",
        Ended.MOVED: "ended, as the feature was moved elsewhere",
        Ended.EXPIRED: "ended, as it was not met in time",
        Ended.NOT_PLANNED: "ended, as the issue was closed as not planned",
    }[entry.how]
    return Told(entry.at, "move", f"the request for {names.stage(entry.stage)} {how}", entry.by)


def _word(
    entry: Noticed | Acknowledged | Approved | NeedsWork | HandedOver | Voided, names: Names
) -> Told:  # fmt: skip
    party, stage = names.party(entry.party), names.stage(entry.stage)
    match entry:
        case Noticed():
            how = {"told": "was told of", "reminded": "was reminded of", "escalated": "was asked once more about"}
            if entry.unreached:
                says = f"{party} was mentioned for {stage}, and not reached: {entry.unreached}"
                return Told(entry.at, "trouble", says, _name(entry.by), entry.url)
            return Told(entry.at, "told", f"{party} {how[entry.why]} {stage}", _name(entry.by), entry.url)
        case Acknowledged():
            how_said = "by a reply" if entry.plain else "said so"
            return Told(entry.at, "seen", f"{party} has seen it ({stage}), {how_said}", _name(entry.by), entry.url)
        case Approved():
            return Told(entry.at, "agreed", f"{party} agrees to {stage}", _name(entry.by), entry.url)
        case NeedsWork():
            return Told(
                entry.at, "shut", f"{party} wants work before {stage}: {entry.what}", _name(entry.by), entry.url
            )
        case HandedOver():
            return Told(entry.at, "note", f"seen to; it is {party}'s turn again ({stage})", _name(entry.by))
        case Voided():
            why = ", ".join(entry.facts)
            return Told(entry.at, "trouble", f"{party}'s approval of {stage} fell: {why} changed")


def _agreement(entry: Owed | Proposed | Agreed | Routed | Held | Resumed | Waived, names: Names) -> Told:
    match entry:
        case Owed():
            says = (
                f"{names.party(entry.party)}'s word on {names.stage(entry.stage)} is owed by {entry.name or entry.who}"
            )
            return Told(entry.at, "owed", f"{says}{names.until(entry.until)}", _name(entry.by), entry.url)
        case Proposed():
            stages = ", ".join(map(names.stage, entry.stages))
            return Told(entry.at, "route", f"proposed a route: {stages}", _name(entry.by), entry.url)
        case Agreed():
            return Told(
                entry.at, "route", f"{names.party(entry.party)} agrees to the route", _name(entry.by), entry.url
            )
        case Routed():
            return Told(entry.at, "route", f"its route is {', '.join(map(names.stage, entry.stages))}")
        case Held():
            return Told(entry.at, "held", f"on hold{names.until(entry.until)}: {entry.why}", _name(entry.by))
        case Resumed():
            return Told(entry.at, "held", "the hold is over", _name(entry.by))
        case Waived():
            says = f"waived {entry.rule} for {names.stage(entry.stage)}: {entry.why}"
            return Told(entry.at, "waived", says, _name(entry.by))


def _work(entry: Heard | Intended | Tried | Done | Failed, names: Names) -> Told:
    match entry:
        case Heard():
            said = f"wrote /stage {entry.command}" if entry.command else "wrote a comment that was read"
            refused = "" if entry.allowed else "; not allowed to"
            return Told(entry.at, "note", f"{said}{refused}", _name(entry.by), small=not entry.command)
        case Intended() if entry.what == "shift":
            says = f"meant to move it: {names.stage(entry.was)} → {names.stage(entry.to)} ({_what(entry.key)})"
            return Told(entry.at, "done", says, small=True)
        case Intended():
            return Told(entry.at, "done", f"meant to do: {_what(entry.key)}", small=True)
        case Tried():
            return Told(entry.at, "done", f"sent: {_what(entry.key)}", small=True)
        case Done():
            if entry.key.startswith(("put-back:", "apply:")):
                did = (
                    "put the issue back"
                    if entry.key.startswith("put-back:")
                    else "applied the stage that was asked for"
                )
                return Told(entry.at, "done", f"the service {did}")
            return Told(entry.at, "done", f"done: {_what(entry.key)}", small=True)
        case Failed():
            return Told(entry.at, "trouble", f"the tracker refused: {_what(entry.key)} ({entry.reason})")


_WHAT = {
    "again": "say again that it is blocked",
    "apply": "apply the stage that was asked for",
    "back": "tell that it has gone back",
    "block": "say that it is blocked, and who can open it",
    "cleared": "say that the way is free",
    "double": "take away a comment that stood there twice",
    "entered": "tell that it has entered its stage",
    "escalate": "ask the people who are named for that case",
    "fallback": "name other people, as the mention reached nobody",
    "fill": "write the field that the workflow asks for",
    "living": "keep the comment that tells how it stands",
    "pin": "keep that comment in sight",
    "put-back": "put the issue back",
    "remind": "remind those who have not answered",
    "reply": "answer a command",
    "route": "ask for agreement to the route",
    "sign": "give a sign under a comment",
    "standing": "say that it stands though its gates are shut",
    "voided": "say that an approval fell",
    "warn": "say what was missing",
    "word": "say what a party has said on its page",
}


def _what(key: str) -> str:
    """What an intent is about, by its key."""
    return _WHAT.get(key.partition(":")[0], key)


def _fate(entry: Doubted | Frozen | Carried | LabelVanished, names: Names) -> Told:
    match entry:
        case Doubted():
            says = "everything can be judged again" if entry.over else "something could not be judged from here on"
            return Told(entry.at, "trouble", says, small=entry.over)
        case Frozen():
            return Told(entry.at, "trouble", f"it rests: {entry.reason}")
        case Carried() if names.hides(entry.was) or names.hides(entry.now):
            return Told(entry.at, "note", "it lives elsewhere now than before")
        case Carried():
            return Told(entry.at, "note", f"it lives at {entry.now} now; before, at {entry.was}")
        case LabelVanished():
            says = f"the label {entry.label} ({names.stage(entry.stage)}) was deleted from its place"
            return Told(entry.at, "trouble", says)


def _name(by: Person) -> str:
    return "" if by == NOBODY else str(by)
