"""The catalogue: one small pure function for each requirement, and the table of their names.

Each answers with a `Finding`: what is asked for, whether it is so, why, and by which evidence. docs/rules.md has a
paragraph for each.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any as Anything
from zoneinfo import ZoneInfo

from integration.stages import mappings as m
from integration.stages.calendars import later
from integration.stages.entries import Acknowledged, Approved, Evidence, Finding, Held, NeedsWork, Noticed
from integration.stages.model import Issue
from integration.stages.moves import Stay

ANY = "at least one of these"

REPLY_SETTLES = timedelta(minutes=15)
"""A plain reply counts as seen after this long, so that somebody can still say `hold`."""


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

    def party(self, name: str) -> str:
        """The party's name as people say it."""
        party = self.mappings.parties.get(name)
        return (party.name if party else None) or name.replace("-", " ").capitalize()

    def stage(self, name: str | None) -> str:
        """The stage's name as people say it."""
        return self.mappings.stages.get(name, name) if name else "no stage"

    def when(self, at: datetime, party: str = "") -> str:
        """A time as the party reads it on its own clock: `Mon 23 Nov, 15:02 GMT`."""
        known = self.mappings.parties.get(party)
        calendar = self.mappings.calendars.get(known.calendar) if known and known.calendar else None
        zone = calendar.time_zone if calendar else self.mappings.time_zone
        local = at.astimezone(ZoneInfo(zone))
        year = "" if local.year == self.now.astimezone(ZoneInfo(zone)).year else f" {local.year}"
        name = local.tzname() or zone
        return f"{local:%a} {local.day} {local:%b}{year}, {local:%H:%M} {name if name.isalpha() else 'UTC' + name}"


def evaluate(asked: m.Requirement, case: Case) -> Finding:
    """Look the requirement's function up and call it."""
    return CATALOGUE[type(asked)](asked, case)


# --- told, seen, agreed ---------------------------------------------------------------------------------------------


def notified(asked: m.Notified, case: Case) -> Finding:
    """May enter if the party was provably told, so long ahead."""
    party = case.party(asked.party)
    says = f"{party} has been told" + (f", {asked.ahead} ahead" if asked.ahead else "")
    notices = [one for one in case.evidence if isinstance(one, Noticed) and one.party == asked.party]
    if asked.within_stage:
        says += f", while it was in {case.stage(asked.within_stage)}"
        notices = [one for one in notices if _stood_in(asked.within_stage, one.at, case)]
    seen = [] if asked.within_stage else _voices(asked.party, case, (Acknowledged, Approved))
    proofs = [one for one in notices if not one.unreached and not one.fallback] + seen
    if not proofs:
        unreached = next((one for one in reversed(notices) if one.unreached), None)
        why = "nobody has told them yet"
        if unreached:
            why = f"the mention did not reach them ({unreached.unreached}); it counts once one of them has answered"
        return Finding(says, False, why, asked.party, tuple(one.url for one in notices if one.url))
    first = min(proofs, key=lambda one: one.at)
    told = f"told on {case.when(first.at, asked.party)}" if first.comment else "this comment tells them"
    links = (first.url,) if first.url else ()
    if asked.ahead is None:
        return Finding(says, True, told, asked.party, links)
    due = later(first.at, asked.ahead, _calendar(asked.party, case))
    if case.now >= due:
        return Finding(says, True, told, asked.party, links)
    return Finding(says, False, f"{told}; long enough on {case.when(due, asked.party)}", "", links, due)


def acknowledged(asked: m.Acknowledged, case: Case) -> Finding:
    """May enter if so many people of the party have seen it."""
    party = case.party(asked.party)
    says = f"{_people(asked.by, party)} seen it"
    if turned_back := _needs_work(asked.party, case):
        return _handed_back(says, turned_back, case)
    voices = _distinct(_voices(asked.party, case, (Acknowledged, Approved)))
    settled = [one for one in voices if not _settling(one, case)]
    reason = ", ".join(f"{one.by} on {case.when(one.at, asked.party)}" for one in voices)
    links = tuple(one.url for one in voices if one.url)
    if len(settled) >= asked.by:
        return Finding(says, True, f"seen by {reason}", asked.party, links)
    if len(voices) >= asked.by:
        opens = max(one.at for one in voices if _settling(one, case)) + REPLY_SETTLES
        wait = f"a plain reply counts from {case.when(opens, asked.party)}, so that somebody can still say hold"
        return Finding(says, False, f"seen by {reason}; {wait}", "", links, opens)
    return _unmet(says, asked.party, case, f"seen by {reason}; {asked.by} needed" if voices else "not yet", links)


def approved(asked: m.Approved, case: Case) -> Finding:
    """May enter if so many people of the party agree."""
    says = f"{_people(asked.by, case.party(asked.party))} approved it"
    if turned_back := _needs_work(asked.party, case):
        return _handed_back(says, turned_back, case)
    voices = _distinct(_voices(asked.party, case, (Approved,)))
    if asked.not_author:
        says += " (not its author)"
        voices = [one for one in voices if one.by.id != case.issue.author.id]
    reason = ", ".join(f"{one.by} on {case.when(one.at, asked.party)}" for one in voices)
    links = tuple(one.url for one in voices if one.url)
    if len(voices) >= asked.by:
        return Finding(says, True, f"approved by {reason}", asked.party, links)
    return _unmet(says, asked.party, case, f"approved by {reason}; {asked.by} needed" if voices else "not yet", links)


def _unmet(says: str, party: str, case: Case, reason: str, links: tuple[str, ...]) -> Finding:
    """Not so; or nobody can know, where the party's members could not be read."""
    if party in case.unreadable:
        return Finding(says, None, f"who is in {case.party(party)} could not be read", party, links)
    return Finding(says, False, reason, party, links)


def _handed_back(says: str, needs_work: NeedsWork, case: Case) -> Finding:
    reason = f"{needs_work.by} says that it needs work: {needs_work.what}"
    return Finding(says, False, reason, "", (needs_work.url,) if needs_work.url else ())


def handed_back(party: str, case: Case) -> Finding | None:
    """What the party wants mended first, if it has said so and not spoken for the feature since."""
    needs_work = _needs_work(party, case)
    return _handed_back(f"{case.party(party)} has nothing more to ask for", needs_work, case) if needs_work else None


def _needs_work(party: str, case: Case) -> NeedsWork | None:
    """What the party handed back, unless it has spoken for the feature since."""
    asked = [one for one in case.evidence if isinstance(one, NeedsWork) and one.party == party]
    if not asked or _voices(party, case, (Acknowledged, Approved)):
        return None
    return asked[-1]


def _voices(party: str, case: Case, kinds: tuple[type, ...]) -> list[Acknowledged | Approved]:
    """What the party's people said, after the last "needs work"; whoever asked for the move has no voice."""
    back = max((one.at for one in case.evidence if isinstance(one, NeedsWork) and one.party == party), default=None)
    return [
        one
        for one in case.evidence
        if isinstance(one, Acknowledged | Approved)
        and isinstance(one, kinds)
        and one.party == party
        and one.by.id not in case.askers
        and (back is None or (one.at > back and not (isinstance(one, Acknowledged) and one.plain)))
    ]


def _distinct(voices: Iterable[Acknowledged | Approved]) -> list[Acknowledged | Approved]:
    """One voice for each person: the one that counts first, so an explicit word beats a plain reply."""
    best: dict[str, Acknowledged | Approved] = {}
    for one in sorted(voices, key=lambda one: (isinstance(one, Acknowledged) and one.plain, one.at)):
        best.setdefault(one.by.id, one)
    return list(best.values())


def _settling(one: Acknowledged | Approved, case: Case) -> bool:
    return isinstance(one, Acknowledged) and one.plain and case.now < one.at + REPLY_SETTLES


def _people(count: int, party: str) -> str:
    return f"{party} has" if count == 1 else f"{count} people of {party} have"


def _calendar(party: str, case: Case) -> m.Calendar | None:
    known = case.mappings.parties.get(party)
    return case.mappings.calendars.get(known.calendar) if known and known.calendar else None


def _stood_in(stage: str, at: datetime, case: Case) -> bool:
    return any(
        stay.stage == stage and stay.since <= at and (stay.until is None or at <= stay.until) for stay in case.stays
    )


# --- where the feature has been ---------------------------------------------------------------------------------------


def visited(asked: m.Visited, case: Case) -> Finding:
    """May enter if the feature has been in that stage."""
    found = next((stay for stay in case.stays if stay.stage == asked.stage), None)
    says = f"it has been in {case.stage(asked.stage)}"
    return Finding(says, found is not None, f"since {case.when(found.since)}" if found else "it never was")


def spent(asked: m.Spent, case: Case) -> Finding:
    """May enter if the feature has been in that stage for so long, all its stays together."""
    stage = case.stage(asked.stage)
    says = f"it has spent {asked.at_least} in {stage}"
    there = [stay for stay in case.stays if stay.stage == asked.stage]
    if not there:
        return Finding(says, False, f"it has not been in {stage} yet")
    before = sum((stay.until - stay.since for stay in there if stay.until), timedelta())
    last = there[-1]
    counted_from = (last.since if last.until is None else last.until) - before
    due = later(counted_from, asked.at_least, None)
    if (last.until or case.now) >= due:
        return Finding(says, True, f"there since {case.when(there[0].since)}")
    if last.until is not None:
        return Finding(says, False, f"it has left {stage} too early; it counts on when it is back there")
    return Finding(says, False, f"there since {case.when(last.since)}; long enough on {case.when(due)}", "", (), due)


# --- what the issue shows ---------------------------------------------------------------------------------------------


def labelled(asked: m.Labelled, case: Case) -> Finding:
    """May enter if one of these labels is on."""
    on = _labels_on(asked.labels, case)
    names = " or ".join(asked.labels)
    return Finding(f"it is labelled {names}", bool(on), "" if on else "the label is not on")


def not_labelled(asked: m.NotLabelled, case: Case) -> Finding:
    """May enter if none of these labels is on."""
    on = _labels_on(asked.labels, case)
    return Finding(f"it is not labelled {' or '.join(asked.labels)}", not on, f"{', '.join(on)} is on" if on else "")


def _labels_on(names: Iterable[str], case: Case) -> list[str]:
    wanted = {name.casefold() for name in names}
    return [label.name for label in case.issue.labels if label.name.casefold() in wanted]


_HEADING = re.compile(r"^(?:(?P<hashes>#{1,6})\s+(?P<md>.+?)\s*#*|h(?P<level>[1-6])\.\s*(?P<wiki>.+?))\s*$")
_EMPTY = re.compile(r"^\W*(?:_?no response_?|tbd|todo|tba|n/?a|none yet)?\W*$", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_BOX = re.compile(r"^\s*(?:[-*+#]|\d+\.)\s*\[(?P<tick>[ xX])\]\s*(?P<text>.*)$", re.MULTILINE)


def section(body: str, title: str) -> str | None:
    """The text under a heading (Markdown or wiki markup) up to the next of its level; None where there is none."""
    lines = _COMMENT.sub("", body).splitlines()
    depth, found = 0, None
    for line in lines:
        heading = _HEADING.match(line)
        level = (len(heading["hashes"] or "") or int(heading["level"] or 0)) if heading else 0
        if found is None:
            if heading and (heading["md"] or heading["wiki"]).strip(" *_:").casefold() == title.strip().casefold():
                depth, found = level, list[str]()
        elif heading and level <= depth:
            break
        else:
            found.append(line)
    return None if found is None else "\n".join(found).strip()


def described(asked: m.Described, case: Case) -> Finding:
    """May enter if that heading of the body, or that Jira field, is filled in."""
    if asked.field:
        filled = not _EMPTY.match(case.issue.fields.get(asked.field, ""))
        return Finding(f'the field "{asked.field}" is filled in', filled, "" if filled else "it is empty")
    title = asked.section or ""
    text = section(case.issue.body, title)
    says = f'the section "{title}" is filled in'
    if text is None:
        return Finding(says, False, "the description has no such heading")
    filled = any(not _EMPTY.match(line) for line in text.splitlines())
    return Finding(says, filled, "" if filled else "the section is empty")


def checklist(asked: m.Checklist, case: Case) -> Finding:
    """May enter if every tick box is ticked, and there is one."""
    where = f'the checklist under "{asked.section}"' if asked.section else "the checklist"
    text = section(case.issue.body, asked.section) if asked.section else _COMMENT.sub("", case.issue.body)
    boxes = list(_BOX.finditer(text or ""))
    if not boxes:
        return Finding(f"{where} is done", False, "there is no tick box")
    open_ones = [box["text"].strip() for box in boxes if box["tick"] == " "]
    return Finding(f"{where} is done", not open_ones, f"still open: {'; '.join(open_ones)}" if open_ones else "")


def not_on_hold(asked: m.NotOnHold, case: Case) -> Finding:
    """May enter if nobody holds the feature."""
    hold = case.hold
    if hold is None:
        return Finding("nobody holds it", True)
    until = f" until {case.when(hold.until)}" if hold.until else ""
    return Finding(
        "nobody holds it", False, f"{hold.by} holds it{until}: {hold.why} (/stage resume ends it)", "", (), hold.until
    )


# --- any, all, none ---------------------------------------------------------------------------------------------------


def any_of(asked: m.Any, case: Case) -> Finding:
    """May enter if at least one of these holds."""
    parts = tuple(evaluate(one, case) for one in asked.items)
    return Finding(ANY, _either([part.ok for part in parts]), parts=parts)


def all_of(asked: m.All, case: Case) -> Finding:
    """May enter if all of these hold."""
    parts = tuple(evaluate(one, case) for one in asked.items)
    return Finding("all of these", _each([part.ok for part in parts]), parts=parts)


def none_of(asked: m.None_, case: Case) -> Finding:
    """May enter if not one of these holds."""
    parts = tuple(evaluate(one, case) for one in asked.items)
    either = _either([part.ok for part in parts])
    return Finding("none of these", None if either is None else not either, parts=parts, negated=True)


def _either(oks: list[bool | None]) -> bool | None:
    return True if True in oks else None if None in oks else False


def _each(oks: list[bool | None]) -> bool | None:
    return False if False in oks else None if None in oks else True


CATALOGUE: Mapping[type, Callable[[Anything, Case], Finding]] = {
    m.Notified: notified,
    m.Acknowledged: acknowledged,
    m.Approved: approved,
    m.Visited: visited,
    m.Spent: spent,
    m.Labelled: labelled,
    m.NotLabelled: not_labelled,
    m.Described: described,
    m.Checklist: checklist,
    m.NotOnHold: not_on_hold,
    m.Any: any_of,
    m.All: all_of,
    m.None_: none_of,
}
