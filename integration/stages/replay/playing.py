"""One history under one mappings.yaml: every move that people made, judged when and where it was made.

The service is set beside the history from the day the issue was opened, with a ledger in memory. It looks when the
stage changes, when somebody writes a command, and, while a request is blocked, whenever anything may open its gates.
What it says is written down as said; what it would do to the stage is not done: the history goes on as it went (see
reality.py). So a move is judged from where the issue really stood, and a block falls on no later move.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import ChainMap
from collections.abc import Iterator, MutableMapping
from datetime import datetime, timedelta
from typing import cast

from integration.stages.entries import (
    AttemptEnded,
    AttemptOpened,
    Done,
    Ended,
    Entry,
    Judged,
    Noticed,
    Outcome,
)
from integration.stages.file.mappings import Mappings, Notified, Spent, Visited
from integration.stages.model import NEVER, Issue, Sighting
from integration.stages.moves import SETTLING, is_forward
from integration.stages.planning.actions import Prove, Say, is_beside
from integration.stages.planning.answering import Answering
from integration.stages.planning.attempts import EXPIRES
from integration.stages.planning.hearing import Doubt, Unanswered
from integration.stages.planning.plan import decide
from integration.stages.planning.routing import Routing
from integration.stages.planning.saying import Saying
from integration.stages.planning.scene import Given, Scene
from integration.stages.remembered import Attempt
from integration.stages.replay.past import AFTERWARDS, US, Past
from integration.stages.replay.played import Asked, End, Known, Played, Request, Weighed
from integration.stages.replay.reality import Reality, as_put_back
from integration.stages.rules.gate import PATIENCE, Verdict, only_tells
from integration.stages.texts.markup import Text

MOMENT = timedelta(microseconds=1)
"""What we say comes after the judgement that makes us say it."""

PASSES = 4  # of one look: what we say may open a gate itself


def all_along(mappings: Mappings) -> Mappings:
    """The file as if all of it had been in force for ever."""
    routes = mappings.routes.model_copy(update={"effective": NEVER}) if mappings.routes else None
    return mappings.model_copy(
        update={
            "rules": tuple(one.model_copy(update={"effective": None}) for one in mappings.rules),
            "notify": tuple(one.model_copy(update={"effective": None}) for one in mappings.notify),
            "routes": routes,
        }
    )


def play(issue: Issue, mappings: Mappings, known: Known, until: datetime) -> Played:
    """Play it to its end, or until then. The file is taken as it is: see `all_along`."""
    return _Play(issue, mappings, known, until).played()


class _Silent(Scene):
    """A scene whose texts nobody reads: they are not written."""

    def written(self, write: object) -> Text:
        return ()


class _Play:
    """One history under one file."""

    def __init__(self, issue: Issue, mappings: Mappings, known: Known, until: datetime) -> None:
        self.past = Past(issue, mappings, known.names)
        self.mappings, self.known, self.until = mappings, known, until
        self.answers = ChainMap(dict[Doubt, bool | None](), cast(MutableMapping[Doubt, bool | None], known.answers))
        self.entries: tuple[Entry, ...] = ()
        self.now = self.heard = NEVER
        self.due: datetime | None = None
        self.attempt: Attempt | None = None
        self.counts_stays = any(isinstance(one, Spent | Notified | Visited) for one in mappings.asked())
        self.put_back: tuple[Sighting, ...] = ()  # ours, of the open attempt, where reality let it through
        self.followed: set[str] = set()  # the changes that are behind us
        self.ahead: dict[str, str] = {}
        self.weighed: dict[str, Weighed] = {}
        self.requests: dict[str, Request] = {}
        self.asked: list[Asked] = []
        self.doubts: set[Doubt] = set()
        self.wants: set[str] = set()

    def played(self) -> Played:
        while (now := self._next()) is not None:
            self._look(now)
        return Played(
            self.weighed, self.requests, tuple(self.asked), frozenset(self.doubts), frozenset(self.wants)
        )  # fmt: skip

    # --- when to look

    def _next(self) -> datetime | None:
        """The next moment at which there may be something to see."""
        past = self.past
        lists = (past.entries, past.words) if self.attempt else (past.turns, past.commands)
        places = ((times, bisect_right(times, self.now)) for times in lists)
        moments = [times[place] for times, place in places if place < len(times)]
        moments += [self.due] if self.due else []
        return min((at for at in moments if at <= self.until), default=None)

    def _look(self, now: datetime) -> None:
        if bisect_right(self.past.turns, now) > bisect_right(self.past.turns, self.now):
            self.put_back = ()  # something has really happened to the stage: that is what is followed
        issue, self.now = self.past.at(now, self.heard, self.put_back), now
        for _ in range(PASSES):
            scene = self._decided(issue)
            told = self._said(scene)
            self._take(scene)
            if not told or self.attempt is None:
                break
        if not scene.unreadable:  # else what was written waits, and is looked at again
            self.heard = now
        if self.attempt is None:
            self.put_back = ()
        elif not self.put_back:
            self.put_back = as_put_back(scene, self.attempt)
            if self.put_back and self.counts_stays:  # time may open it now, where it stood on in its stage
                self.due = now + 2 * AFTERWARDS

    def _decided(self, issue: Issue) -> Scene:
        """One look, by the house's own rooms. A right to speak that is not known counts as none for now."""
        while True:
            scene = _Silent(self._given(issue))
            try:
                Reality(scene, self.followed, self.ahead, self.requests, self.weighed).follow()
                self._prove(scene)
                decide(scene)
            except Unanswered as question:
                self.doubts.add(question.doubt)
                self.answers[question.doubt] = None if self.known.blind else False
                continue
            return scene

    def _given(self, issue: Issue) -> Given:
        """Nobody knows who was on duty by an address then: all of the party are."""
        nobody, known = dict.fromkeys(self.mappings.parties, ""), self.known
        return Given(
            issue, self.mappings, self.entries, self.now, NEVER, b"", known.names, self.answers, known.handles, nobody,
            custom=known.custom,
        )  # fmt: skip

    # --- told, and who was

    def _prove(self, scene: Scene) -> None:
        """People's own mentions count as soon as they stand there; a link is taken for one that reached them."""
        Answering(scene).prove()
        for action in scene.actions:
            if isinstance(action, Prove):
                one, handles = action.comment, action.handles
                scene.note(Noticed(one.at, action.party, action.stage, one.id, action.by, one.url, handles=handles))
        scene.actions.clear()

    def _said(self, scene: Scene) -> bool:
        """Say what is to be said, on paper; True where that told a party."""
        Saying(scene).speak()
        Routing(scene).say()
        told = False
        for number, say in enumerate(one for one in scene.actions if isinstance(one, Say)):
            comment, at = f"said-{len(scene.history)}-{number}", self.now + MOMENT
            scene.note(Done(self.now, say.key, comment))
            for party, handles in say.tells.items():
                scene.note(
                    Noticed(at, party, say.stage, comment, US, fallback=is_beside(say.key), handles=handles)
                )  # fmt: skip
                told = True
                if not say.key.startswith("back:"):
                    asks = say.key.startswith("route:") or party in _awaited(scene, say.key)
                    self.asked.append(Asked(party, self.now, say.stage, asks))
        return told

    # --- what came of it

    def _take(self, scene: Scene) -> None:
        """Keep what this look has found, and see when to look again."""
        if scene.attempt and scene.is_clear:
            self._cleared(scene, scene.attempt)
        for entry in scene.entries:
            match entry:
                case Judged(move=move, outcome=outcome) if move.actor is not US and outcome is not Outcome.ADOPTED:
                    self.weighed.setdefault(move.id, Weighed(move, outcome, entry.gates, entry.attempt))
                case AttemptOpened():
                    self.requests[entry.attempt] = Request(entry.attempt)
                case AttemptEnded() if entry.attempt in self.requests:
                    self._ended(self.requests[entry.attempt], entry)
                case _:
                    pass
        self.entries, self.attempt = scene.history, scene.attempt
        self.followed |= {change.id for track in scene.tracks.values() for change in track.changes}
        self.wants |= scene.wants
        self.due = min((at for at in _due(scene) if at > self.now), default=None)

    def _cleared(self, scene: Scene, attempt: Attempt) -> None:
        """Its gates are open, and it stands elsewhere: it would be applied now, or left to people."""
        if request := self.requests.get(attempt.id):
            request.end, request.at = End.OPENED, request.at or self.now
        verdicts = scene.past.verdicts
        judged = verdicts.get(attempt.id)
        if self.put_back:  # in reality it stands there already
            moves = (verdicts[ask].move for ask in attempt.asks if ask in verdicts)
            scene.note(*(Judged(self.now, move, Outcome.ADOPTED) for move in moves))
        elif judged and only_tells(judged.gates):
            return
        else:
            self.ahead[attempt.source] = attempt.to
        scene.note(AttemptEnded(self.now, attempt.id, attempt.to, Ended.ADMITTED))

    @staticmethod
    def _ended(request: Request, entry: AttemptEnded) -> None:
        if request.end is End.OPEN:
            request.end = End.OPENED if entry.how is Ended.ADMITTED else End.OVER
            request.at = entry.at


def _awaited(scene: Scene, key: str) -> tuple[str, ...]:
    """Whose answer this comment of ours wants."""
    if key.startswith("block:"):
        return scene.verdict.awaited if scene.verdict else ()
    if key.startswith("warn:"):
        judged = scene.past.verdicts.get(key.removeprefix("warn:"))
        return Verdict(judged.outcome, judged.gates).awaited if judged else ()
    return ()


def _due(scene: Scene) -> Iterator[datetime]:
    """When time alone may change something: a gap closes, a gate opens, a hold or a request is over."""
    for track in scene.tracks.values():
        yield from (track.settles_at,) if track.settles_at else ()
        if track.changes and not is_forward(track.changes[-1], scene.stages):  # then it is told that it has gone back
            yield track.changes[-1].at + SETTLING
    verdict, hold = scene.verdict, scene.past.hold
    if verdict and verdict.outcome is None:
        yield scene.now + PATIENCE
    if scene.attempt is None:
        return
    yield scene.attempt.asked_at + EXPIRES
    if verdict and verdict.look_again_at:
        yield verdict.look_again_at
    if hold and hold.until:
        yield hold.until
