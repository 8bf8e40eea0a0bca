"""The catalogue: one small pure function for each requirement, and the table of their names.

Each answers with a `Finding`: what is asked for, whether it is so, why, and by which evidence. Here are told, seen and
agreed, where the feature has been, and any, all, none; `shows.py` has what the issue shows, `terms.py` what was settled
around it. docs/rules.md has a paragraph for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any as Anything

from integration.stages.calendars import later
from integration.stages.entries import Acknowledged, Approved, Finding, HandedOver, NeedsWork, Noticed
from integration.stages.file import mappings as m
from integration.stages.rules.case import Case, unmet
from integration.stages.rules.facts import changed
from integration.stages.rules.shows import checklist, described, labelled, linked, no_open, not_labelled
from integration.stages.rules.terms import custom, follows_route, no_debt, not_on_hold, outside, put_off, within

__all__ = [
    "ANY",
    "CATALOGUE",
    "REPLY_SETTLES",
    "evaluate",
    "handed_back",
]

ANY = "at least one of these"

REPLY_SETTLES = timedelta(minutes=15)
"""A plain reply counts as seen after this long, so that somebody can still say `hold`."""


def evaluate(asked: m.Requirement, case: Case) -> Finding:
    """Look the requirement's function up and call it."""
    return CATALOGUE[type(asked)](asked, case)


# --- told, seen, agreed ---------------------------------------------------------------------------------------------


def notified(asked: m.Notified, case: Case) -> Finding:
    """May enter if the party was provably told, so long ahead."""
    found = _told(asked, case)
    return found if found.ok is True else put_off(found.says, asked.party, case) or found


def _told(asked: m.Notified, case: Case) -> Finding:
    party, stage = case.party(asked.party), asked.within_stage
    says = f"{party} has been told" + (f", {asked.ahead} ahead" if asked.ahead else "")
    if stage and case.leaves_out(stage):
        stage = None
    notices = [one for one in case.evidence if isinstance(one, Noticed) and one.party == asked.party]
    if stage:
        says += f", while it was in {case.stage(stage)}"
        notices = [one for one in notices if _stood_in(stage, one.at, case)]
    seen = [] if stage else _voices(asked.party, case, (Acknowledged, Approved))
    proofs = [one for one in notices if not one.unreached and not one.fallback] + seen
    if not proofs:
        return _untold(says, asked.party, notices)
    first = min(proofs, key=lambda one: one.at)
    told = f"told on {case.when(first.at, asked.party)}" if first.comment else "this comment tells them"
    links = (first.url,) if first.url else ()
    if asked.ahead is None:
        return Finding(says, True, told, asked.party, links)
    due = later(first.at, asked.ahead, case.mappings.calendar_of(asked.party))
    if case.now >= due:
        return Finding(says, True, told, asked.party, links)
    return Finding(says, False, f"{told}; that is enough from {case.when(due, asked.party)}", "", links, due)


def _untold(says: str, party: str, notices: list[Noticed]) -> Finding:
    unreached = next((one for one in reversed(notices) if one.unreached), None)
    why = "nobody has told them yet"
    if unreached:
        why = f"the mention did not reach them ({unreached.unreached}); it counts once one of them has answered"
    return Finding(says, False, why, party, tuple(one.url for one in notices if one.url))


def acknowledged(asked: m.Acknowledged, case: Case) -> Finding:
    """May enter if so many people of the party have seen it."""
    party = case.party(asked.party)
    says = f"{_people(asked.by, party)} seen it"
    if turned_back := _needs_work(asked.party, case):
        return _handed_back(says, turned_back, case)
    voices = _distinct(_voices(asked.party, case, (Acknowledged, Approved)))
    settled = [one for one in voices if not _settling(one, case)]
    reason = _by_whom(voices, asked.party, case)
    links = tuple(one.url for one in voices if one.url)
    if len(settled) >= asked.by:
        return Finding(says, True, f"seen by {reason}", asked.party, links)
    if owed := put_off(says, asked.party, case):
        return owed
    if len(voices) >= asked.by:
        opens = max(one.at for one in voices if _settling(one, case)) + REPLY_SETTLES
        wait = f"a plain reply counts from {case.when(opens, asked.party)}, so that somebody can still say hold"
        return Finding(says, False, f"seen by {reason}; {wait}", "", links, opens)
    return unmet(says, asked.party, case, f"seen by {reason}; {asked.by} needed" if voices else "not yet", links)


def approved(asked: m.Approved, case: Case) -> Finding:
    """May enter if so many people of the party agree, and to what it says now."""
    says = f"{_people(asked.by, case.party(asked.party))} approved it"
    says += " (not its author)" if asked.not_author else ""
    if turned_back := _needs_work(asked.party, case):
        return _handed_back(says, turned_back, case)
    given = [one for one in _voices(asked.party, case, (Approved,)) if isinstance(one, Approved)]
    if asked.not_author:
        given = [one for one in given if one.by.id != case.issue.author.id]
    fallen = {one.comment: changed(one.facts, asked.voided_by, case.issue, case.mappings) for one in given}
    voices = _distinct(one for one in given if not fallen[one.comment])
    links = tuple(one.url for one in voices if one.url)
    reason = f"approved by {_by_whom(voices, asked.party, case)}"
    if len(voices) >= asked.by:
        return Finding(says, True, reason, asked.party, links)
    if owed := put_off(says, asked.party, case):
        return owed
    reasons = [f"{reason}; {asked.by} needed"] if voices else []
    for one in _distinct(one for one in given if one.by.id not in {voice.by.id for voice in voices}):
        reasons.append(_fallen(one, fallen[one.comment], asked.party, case))
        links += (one.url,) if one.url else ()
    return unmet(says, asked.party, case, "; ".join(reasons) or "not yet", links)


def _fallen(one: Acknowledged | Approved, facts: Iterable[m.Fact], party: str, case: Case) -> str:
    names = [f'"{fact}"' if fact.section or fact.field else f"the {fact}" for fact in facts]
    have = "has" if len(names) == 1 else "have"
    return f"approved by {one.by} on {case.when(one.at, party)}, but {' and '.join(names)} {have} changed since"


def _by_whom(voices: Iterable[Acknowledged | Approved], party: str, case: Case) -> str:
    return ", ".join(f"{one.by} on {case.when(one.at, party)}" for one in voices)


def _handed_back(says: str, needs_work: NeedsWork, case: Case) -> Finding:
    """Whose turn it is: of whoever asked, until they say that it has been seen to; then the party's again."""
    party = needs_work.party
    over = [one for one in case.evidence if isinstance(one, HandedOver) and one.party == party]
    if over and over[-1].at >= needs_work.at:
        reason = f"{over[-1].by} says it has been seen to; {case.party(party)} looks again"
        return Finding(says, False, reason, party, (needs_work.url,) if needs_work.url else ())
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


def _stood_in(stage: str, at: datetime, case: Case) -> bool:
    return any(
        stay.stage == stage and stay.since <= at and (stay.until is None or at <= stay.until) for stay in case.stays
    )


# --- where the feature has been ---------------------------------------------------------------------------------------


def visited(asked: m.Visited, case: Case) -> Finding:
    """May enter if the feature has been in that stage."""
    says = f"it has been in {case.stage(asked.stage)}"
    if case.leaves_out(asked.stage):
        return _left_out(says, asked.stage, case)
    found = next((stay for stay in case.stays if stay.stage == asked.stage), None)
    return Finding(says, found is not None, f"since {case.when(found.since)}" if found else "it never was")


def spent(asked: m.Spent, case: Case) -> Finding:
    """May enter if the feature has been in that stage for so long, all its stays together."""
    stage = case.stage(asked.stage)
    says = f"it has spent {asked.at_least} in {stage}"
    if case.leaves_out(asked.stage):
        return _left_out(says, asked.stage, case)
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
    return Finding(
        says, False, f"there since {case.when(last.since)}; that is enough from {case.when(due)}", "", (), due
    )


def _left_out(says: str, stage: str, case: Case) -> Finding:
    """What the agreed route leaves out is not asked for."""
    return Finding(says, True, f"the agreed route leaves out {case.stage(stage)}")


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
    m.Linked: linked,
    m.NoOpen: no_open,
    m.NotOnHold: not_on_hold,
    m.Within: within,
    m.Outside: outside,
    m.NoDebt: no_debt,
    m.FollowsRoute: follows_route,
    m.Custom: custom,
    m.Any: any_of,
    m.All: all_of,
    m.None_: none_of,
}
