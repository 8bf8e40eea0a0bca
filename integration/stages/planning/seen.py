"""What a look has seen of a feature, for the pages: the end of a plan, from the same scene, without a question more."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from integration.stages.entries import GateResult, Outcome
from integration.stages.file.mappings import (
    Acknowledged,
    All,
    Any,
    Approved,
    Custom,
    GitHubPeople,
    Notified,
    Requirement,
    Spent,
    Visited,
)
from integration.stages.last_look import Arrival, Lacking, LastLook
from integration.stages.model import Carrier, Move
from integration.stages.moves import Stay, rank, stays
from integration.stages.planning.living import life
from integration.stages.planning.scene import Scene
from integration.stages.rules.case import Case
from integration.stages.rules.catalogue import evaluate
from integration.stages.rules.gate import Ask, crossed
from integration.stages.rules.lacks import kind
from integration.stages.texts.markup import said
from integration.stages.texts.words import next_step


def last_look(scene: Scene) -> LastLook:
    """What was seen."""
    track, attempt = scene.track, scene.attempt
    moves = (move for one in scene.tracks.values() for move in one.moves)
    ahead = attempt.to if attempt else _next_stage(scene)
    verdict = scene.verdict if attempt else None
    return LastLook(
        since=next((one.at for one in reversed(track.moves) if one.to == track.stage), None) if track else None,
        shown=tuple((_called(scene, id), one.stage) for id, one in scene.tracks.items()),
        moves=tuple(sorted(moves, key=lambda one: one.at)),
        rungs=tuple(one.id for one in scene.rungs),
        ahead=ahead,
        gates=verdict.gates if verdict else () if attempt else _gates_ahead(scene, ahead),
        blocked=verdict is not None and verdict.outcome is Outcome.BLOCKED,
        step=said(next_step(scene.voice(), life(scene))),
        stands=attempt.standing.reason if attempt and attempt.standing else "",
        labels=tuple(one.name for one in scene.issue.labels),
        before=tuple(_before(scene)),
    )


def _called(scene: Scene, id: str) -> str:
    return "labels" if scene.tracks[id].source.carrier is Carrier.LABEL else "status"


def _next_stage(scene: Scene) -> str:
    """The stage that comes next on its route; empty where there is none."""
    here = rank(scene.track.stage if scene.track else None, scene.stages)
    ahead = (one for one in scene.stages[here + 1 :] if scene.route is None or one in scene.route)
    return next(ahead, "")


def _gates_ahead(scene: Scene, ahead: str) -> tuple[GateResult, ...]:
    """The gates of a stage that nobody has asked for. A check of somebody's own is run where it is asked for alone."""
    if not ahead or any(isinstance(one, Custom) for one in scene.mappings.asked()):
        return ()
    here = scene.track.stage if scene.track else None
    return scene.judge(Ask(here, ahead, scene.now), frozenset()).gates


# --- from before the ledger was born ----------------------------------------------------------------------------------


def _before(scene: Scene) -> Iterator[Arrival]:
    """The adopted arrivals, and what they lacked by the rules of today: as far as the issue's history tells."""
    for move in scene.all_rungs:
        judged = scene.past.verdicts.get(move.id)
        if judged and judged.outcome is Outcome.ADOPTED and move.to is not None:
            yield Arrival(move.id, move.to, move.at, str(move.actor), tuple(dict.fromkeys(_lacking(scene, move))))


def _lacking(scene: Scene, move: Move) -> Iterator[Lacking]:
    ask = Ask(move.was, move.to or "", move.at)
    earlier = [one for track in scene.tracks.values() for one in track.moves if one.at < move.at]
    case = replace(scene.case(), now=move.at, stays=_ended(stays(earlier, frozenset()), move.at))
    for rule in scene.mappings.rules:
        timeless = rule.model_copy(update={"effective": None})
        applies = crossed(timeless, ask, scene.stages, scene.route)
        if applies and not any(evaluate(one, case).ok is False for one in rule.when):
            for one in (part for asked in rule.require for part in _all_of(asked)):
                if _is_missing(scene, one, case):
                    yield Lacking(kind(one, rule), rule.id, getattr(one, "party", ""))


def _ended(found: tuple[Stay, ...], at: datetime) -> tuple[Stay, ...]:
    """As they were known then: the last of them ends with the move that is looked at."""
    return tuple(replace(one, until=min(one.until or at, at)) for one in found)


def _all_of(asked: Requirement) -> Iterator[Requirement]:
    if isinstance(asked, All):
        for one in asked.items:
            yield from _all_of(one)
    else:
        yield asked


def _is_missing(scene: Scene, asked: Requirement, case: Case) -> bool:
    """Is it known that this was not so then? What nobody can know any more is not held against anybody."""
    match asked:
        case Any():
            return all(_is_missing(scene, one, case) for one in asked.items)
        case Notified():
            return _named_before(scene, asked.party, case.now) is False
        case Acknowledged() | Approved():
            named = _named_before(scene, asked.party, case.now)
            return named is False and not _spoke_before(scene, asked.party, case.now)
        case Spent() | Visited():
            return evaluate(asked, case).ok is False
        case _:
            return False


def _named_before(scene: Scene, party: str, at: datetime) -> bool | None:
    """Did a comment mention the party before that? None where its people are not known here."""
    handles = _handles(scene, party)
    if not handles:
        return None
    return any(one.at < at and handles & one.mentions for one in scene.issue.comments)


def _spoke_before(scene: Scene, party: str, at: datetime) -> bool:
    """Did somebody write who is known to be of the party, or who may be, as a team's members are not listed here?"""
    handles = _handles(scene, party) or frozenset()
    return any(one.at < at and one.author.handle.casefold() in handles for one in scene.issue.comments)


def _handles(scene: Scene, party: str) -> frozenset[str] | None:
    """By which handles a party can be told from others without asking the tracker."""
    people = scene.people(party)
    if people is None:
        return None
    rota = people.rota.people if people.rota else ()
    if isinstance(people, GitHubPeople):
        known = (*((people.team,) if people.team else ()), *people.users, *rota, *people.fallback)
    elif people.group and not people.users:
        known = scene.given.handles.get(party, ())
    else:
        known = (*people.users, *rota, *people.fallback)
    return frozenset(one.casefold() for one in known) or None
