"""What is to be said and done that is not yet said and done: one pure function from all that is known to a `Plan`.

The walk: recover what was lost, see how the attempt fares, hear what people wrote, judge the rungs that have no
verdict, and list the actions that the ledger does not know as done. Say comes before do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from integration.stages.entries import Doubted, Entry, LabelVanished, Met, Owed, Resumed
from integration.stages.file.mappings import at
from integration.stages.last_look import UNSEEN, LastLook
from integration.stages.model import NOBODY, Move
from integration.stages.planning.actions import Action
from integration.stages.planning.answering import Answering
from integration.stages.planning.attempts import Attempts
from integration.stages.planning.chasing import Chasing
from integration.stages.planning.doing import Doing
from integration.stages.planning.hearing import Heed, hear
from integration.stages.planning.living import Living
from integration.stages.planning.mending import Mending
from integration.stages.planning.preventing import Preventing
from integration.stages.planning.routing import Routing
from integration.stages.planning.saying import Saying
from integration.stages.planning.scene import Given, Scene
from integration.stages.planning.seen import last_look
from integration.stages.remembered import Attempt
from integration.stages.rules.gate import PATIENCE, Verdict


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write down, and then what to say and do. `wants` names parties whose people must be read first.

    `waits_for` are the issues (as refs) whose change may open a gate that matters here. `met` are gates that were shut
    when a move was let through, and are open by now.
    """

    entries: tuple[Entry, ...] = ()
    actions: tuple[Action, ...] = ()
    look_again_at: datetime | None = None
    stage: str | None = None
    rungs: tuple[Move, ...] = ()
    attempt: Attempt | None = None
    verdict: Verdict | None = None
    wants: frozenset[str] = frozenset()
    debts: tuple[Owed, ...] = ()
    waits_for: tuple[str, ...] = ()
    met: tuple[Met, ...] = ()
    seen: LastLook = UNSEEN


def make(given: Given) -> Plan:
    """The plan. Raises `hearing.Unanswered` when somebody's right to speak must be asked for first."""
    if not at(given.mappings, given.issue.ref, given.issue.is_pull_request):
        return Plan()
    scene = Scene(given)
    living = Living(scene)
    living.restore()
    living.recover()
    decide(scene)
    Answering(scene).answer()
    Saying(scene).speak()
    Routing(scene).say()
    Chasing(scene).chase()
    waits_for = Preventing(scene).keep()
    Doing(scene).act()
    living.keep()
    _note_vanished(scene)
    met = Mending(scene).met()
    for one in scene.tracks.values():
        scene.look(one.settles_at)
    return Plan(
        entries=tuple(scene.entries),
        actions=tuple(scene.actions),
        look_again_at=min((one for one in scene.looks if one > scene.now), default=None),
        stage=scene.track.stage if scene.track else None,
        rungs=scene.rungs,
        attempt=scene.attempt,
        verdict=scene.verdict,
        wants=frozenset(scene.wants),
        debts=scene.past.debts,
        waits_for=tuple(dict.fromkeys((*_attempt_waits_for(scene), *waits_for))),
        met=met,
        seen=last_look(scene),
    )


def _attempt_waits_for(scene: Scene) -> tuple[str, ...]:
    return scene.verdict.waits_for if scene.attempt and scene.verdict else ()


def decide(scene: Scene) -> None:
    """All that is judged, before anything is said or done. A replay of what lies back decides by the very same."""
    attempts = Attempts(scene)
    attempts.follow()
    if _hear(scene, _unjudged_since(scene)):
        attempts.judge_rungs()
        _hear(scene)
    attempts.hand_over()
    Routing(scene).follow()
    _end_hold(scene)
    attempts.judge_rungs()
    attempts.review()
    _note_doubt(scene)


def _unjudged_since(scene: Scene) -> datetime | None:
    """When the first move was made that has no verdict, where one can be given."""
    settled = (track for track in scene.tracks.values() if track.settles_at is None)
    rungs = (rung for track in settled for rung in scene.rungs_of(track))
    return min((rung.at for rung in rungs if rung.id not in scene.past.verdicts), default=None)


def _hear(scene: Scene, unjudged: datetime | None = None) -> bool:
    """What people wrote since the last look, and whose right to write it could not be read; True where one waits."""
    given = scene.given
    heed = Heed(
        scene.issue, scene.mappings, scene.history, scene.stage_in_play, given.answers, given.born, scene.now,
        given.called, scene.stands_in, scene.source, unjudged,
    )  # fmt: skip
    said = hear(heed)
    scene.unreadable = dict(said.unreadable)
    scene.note(*said.entries)
    if scene.unreadable:
        newest = max(scene.unreadable.values())
        scene.look(scene.now + timedelta(minutes=1 if scene.now - newest < PATIENCE else 60))
    return said.waits


def _end_hold(scene: Scene) -> None:
    """A hold with a date ends by itself, and that is on record."""
    hold = scene.past.hold
    if hold and hold.until:
        if scene.now >= hold.until:
            scene.note(Resumed(hold.until, NOBODY, hold.comment))
        scene.look(hold.until)


def _note_doubt(scene: Scene) -> None:
    """Since when something cannot be evaluated: patience is counted from there."""
    unknown, since = scene.verdict is not None and scene.verdict.unknown, scene.past.doubted_since
    if unknown and since is None:
        scene.note(Doubted(scene.now))
    elif since is not None and not unknown:
        scene.note(Doubted(scene.now, over=True))


def _note_vanished(scene: Scene) -> None:
    """A stage's label that was deleted: for the admin, once."""
    for one in scene.tracks.values():
        for label, stage in one.vanished:
            if label not in scene.past.vanished:
                scene.note(LabelVanished(scene.now, label, stage))
