"""The requirements on what was settled around a feature: windows and freezes, its route, debts, and your own checks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import islice
from typing import TypeGuard

from integration.stages.entries import Finding, Owed, Proposed
from integration.stages.file import mappings as m
from integration.stages.model import Ref, Unnamed
from integration.stages.moves import rank
from integration.stages.rules.case import Case, unmet
from integration.stages.rules.sections import cut
from integration.stages.rules.shows import labels_on
from integration.stages.rules.windows import is_in, next_change

# So much is kept of what a requirement of somebody's own finds: who reads it reads it on an issue.
_LETTERS, _PARTS, _LINKS, _ADDRESS, _ISSUES, _REF = 500, 20, 10, 2000, 100, 100
_FAR = timedelta(days=3660)


def not_on_hold(asked: m.NotOnHold, case: Case) -> Finding:
    """May enter if nobody holds the feature."""
    hold = case.hold
    if hold is None:
        return Finding("nobody holds it", True)
    until = f" until {case.when(hold.until)}" if hold.until else ""
    return Finding(
        "nobody holds it", False, f"{hold.by} holds it{until}: {hold.why} (/stage resume ends it)", "", (), hold.until
    )


# --- windows and freezes --------------------------------------------------------------------------------------------


def within(asked: m.Within, case: Case) -> Finding:
    """May enter while that window is open."""
    return _in_time(f"the window {asked.window} is open", case.mappings.windows[asked.window], True, case)


def outside(asked: m.Outside, case: Case) -> Finding:
    """May enter while that freeze is not on."""
    return _in_time(f"the freeze {asked.freeze} is not on", case.mappings.freezes[asked.freeze], False, case)


def _in_time(says: str, window: m.Window, inside: bool, case: Case) -> Finding:
    """Now, or when the move was made: a webhook that comes late must not cost anybody the window."""
    if why := _exception(window, case):
        return Finding(says, True, f"an exception: {why}")
    zone = window.time_zone or case.mappings.time_zone
    if is_in(window, case.now, zone) is inside:
        return Finding(says, True)
    if case.made_at is not None and is_in(window, case.made_at, zone) is inside:
        return Finding(says, True, f"the move was made in time, on {case.when(case.made_at, zone=zone)}")
    opens = next_change(window, case.now, zone)
    if opens is None:
        return Finding(says, False, "it does not open again" if inside else "it has no end")
    changes = f"{'opens' if inside else 'ends'} on {case.when(opens, zone=zone)}"
    return Finding(says, False, changes, look_again_at=opens)


def _exception(window: m.Window, case: Case) -> str:
    """Why the window does not matter for this issue; empty where it does."""
    if on := labels_on(window.unless_labelled, case):
        return f"it is labelled {on[0]}"
    ref = case.issue.ref
    names = {name.casefold() for name in (ref.key, str(ref), f"{ref.site}/{ref.key}")}
    return next((why for name, why in window.unless.items() if name.casefold() in names), "")


# --- debts ----------------------------------------------------------------------------------------------------------


def put_off(says: str, party: str, case: Case) -> Finding | None:
    """It passes for now: the rule allows it, and somebody has promised the party's word on this stage for later."""
    own = case.mappings.waivers.self_ == "allowed"
    for debt in case.promised if case.may_owe else ():
        promised = debt.who and (debt.until is None or case.now < debt.until)
        if promised and debt.party == party and (own or debt.by.id not in case.askers):
            until = f" until {case.until(debt.until)}" if debt.until else ""
            links = (debt.url,) if debt.url else ()
            return Finding(says, True, f"later, by {debt.name or debt.who}{until}", party, links, owed=True)
    return None


def no_debt(asked: m.NoDebt, case: Case) -> Finding:
    """May enter if no party, or not that one, owes its word on an earlier stage."""
    says = f"{case.party(asked.party)} owes nothing" if asked.party else "no party owes its word on an earlier stage"
    here = _rank(case.stage_asked, case)
    owed = [one for one in case.debts if asked.party in (None, one.party) and _rank(one.stage, case) < here]
    if len(owed) < 2:
        return replace(_owes(owed[0], case), says=says) if owed else Finding(says, True)
    return Finding(says, False, parts=tuple(_owes(debt, case) for debt in owed))


def _owes(debt: Owed, case: Case) -> Finding:
    party, stage = case.party(debt.party), case.stage(debt.stage)
    word = "approval of" if debt.asks == "approve" else "word on"
    what = f"{party}'s {word} {stage}"
    reason = f"{debt.name or debt.who} owes {what}" if debt.who else f"{what} is still owed"
    if debt.until is not None:
        late, ends = case.now >= debt.until, case.until(debt.until)
        reason += f", overdue since {ends}" if late else f" until {ends}"
    gives = "approved" if debt.asks == "approve" else "seen"
    return Finding(f"{party} has {gives} {stage}", False, reason, debt.party, (debt.url,) if debt.url else ())


def _rank(stage: str, case: Case) -> int:
    return rank(stage, list(case.mappings.stages))


# --- the route ------------------------------------------------------------------------------------------------------


def follows_route(asked: m.FollowsRoute, case: Case) -> Finding:
    """May enter if the stage is on the feature's agreed route. The lowest stage is on every route."""
    says = f"{case.stage(case.stage_asked)} is on its agreed route"
    if case.route is not None and case.stage_asked in (*case.route, next(iter(case.mappings.stages))):
        return Finding(says, True, f"agreed: {case.stages(case.route)}")
    proposed = case.proposed
    if proposed is not None and case.stage_asked in proposed.stages:
        return _to_be_agreed(says, proposed, case)
    if case.route is not None:
        return Finding(says, False, f"the agreed route is {_instead(case.route, case)} proposes another")
    if proposed is not None:
        links = (proposed.url,) if proposed.url else ()
        reason = f"the proposed route is {_instead(proposed.stages, case)} proposes another"
        return Finding(says, False, reason, evidence=links)
    return Finding(says, False, "no route is agreed; /stage route STAGE, STAGE proposes one")


def _instead(stages: tuple[str, ...], case: Case) -> str:
    """A route that lacks the stage, and the command that would add it."""
    with_it = [stage for stage in case.mappings.stages if stage in (*stages, case.stage_asked)]
    return f"{case.stages(stages)}, without {case.stage(case.stage_asked)}; /stage route {', '.join(with_it)}"


def _to_be_agreed(says: str, proposed: Proposed, case: Case) -> Finding:
    """A route on which the stage is, and who has agreed to it."""
    routes = case.mappings.routes
    parties: Sequence[str] = routes.agreed_by if routes else ()
    parts = tuple(_agrees(party, proposed, case) for party in parties)
    oks = [part.ok for part in parts]
    ok = False if False in oks else None if None in oks else True
    reason = f"proposed by {proposed.by} on {case.when(proposed.at)}"
    return Finding(says, ok, reason, evidence=(proposed.url,) if proposed.url else (), parts=parts)


def _agrees(party: str, proposed: Proposed, case: Case) -> Finding:
    says = f"{case.party(party)} has agreed to the route {case.stages(proposed.stages)}"
    given = next((one for one in case.agreements if (one.party, one.route) == (party, proposed.route)), None)
    if given is None:
        return replace(unmet(says, party, case, "not yet"), route=proposed.route)
    reason = f"{given.by} on {case.when(given.at, party)}"
    return Finding(says, True, reason, party, (given.url,) if given.url else ())


# --- your own -------------------------------------------------------------------------------------------------------


def custom(asked: m.Custom, case: Case) -> Finding:
    """May enter if a requirement of somebody's own says so; what it answers is kept within bounds."""
    check = case.custom.get(asked.name)
    if check is None:
        missing = f"no requirement named {asked.name} is installed where the workers run"
        return Finding(asked.name, None, f"{missing}; `pip install` the package that has it")
    answer = check(case.issue, asked.options, case.now)
    found = _kept(answer, case, _PARTS)
    if found is None:
        kind = type(answer).__name__
        return Finding(asked.name, None, cut(f"it answered with something that is no finding: {kind}", _LETTERS))
    return replace(found, says=found.says or asked.name)


def _kept(found: object, case: Case, room: int) -> Finding | None:
    """What of it can be kept and shown, with so many parts below it at most; None where it is no finding.

    Of parties and times those that somebody can be told by: a party of the file, a time that is still to come.
    """
    if not _is_sound(found):
        return None
    parts = list[Finding]()
    for part in found.parts:
        left = len(found.parts) - len(parts)
        below = room - (1 if left == 1 else 2)  # itself, and the line for those that are left out
        if below < 0:
            parts += [Finding(f"and {left} more", found.ok)] * min(room, 1)
            break
        kept = _kept(part, case, below)
        if kept is None:
            return None
        parts.append(kept)
        room -= _count(kept)
    later = found.look_again_at
    return Finding(
        cut(found.says, _LETTERS),
        found.ok,
        cut(found.reason, _LETTERS),
        found.party if found.party in case.mappings.parties else "",
        tuple(url for url in found.evidence[:_LINKS] if len(url) <= _ADDRESS),
        later if later and case.now < later < case.now + _FAR else None,
        tuple(parts),
        found.negated is True,
        waits_for=tuple(islice(_refs(found.waits_for), _ISSUES)),
    )


def _count(found: Finding) -> int:
    """The finding, and all of its parts."""
    return 1 + sum(map(_count, found.parts))


def _refs(texts: Sequence[str]) -> Iterator[str]:
    """The issues among them, written as hints name them."""
    for text in texts:
        with suppress(Unnamed):
            ref = Ref.parse(text) if len(text) <= _REF else None
            if ref and ref.number:
                yield str(ref)


def _is_sound(found: object) -> TypeGuard[Finding]:
    """Is it a finding, with texts where texts belong, and a time with its zone? Its parts are not looked at."""
    return (
        isinstance(found, Finding)
        and (found.ok is None or isinstance(found.ok, bool))
        and all(isinstance(text, str) for text in (found.says, found.reason, found.party))
        and all(_is_texts(texts) for texts in (found.evidence, found.waits_for))
        and (found.look_again_at is None or _is_time(found.look_again_at))
        and isinstance(found.parts, tuple)
    )


def _is_texts(texts: object) -> bool:
    return isinstance(texts, tuple) and all(isinstance(text, str) for text in texts)


def _is_time(at: object) -> bool:
    return isinstance(at, datetime) and at.utcoffset() is not None
