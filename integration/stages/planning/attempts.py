"""What somebody wants and does not have yet: how an attempt opens, is judged anew, and ends.

Forward moves are judged from the lowest rung; the first that is blocked opens an attempt. It lives in the ledger, and
in the living comment's marker.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from integration.stages.entries import (
    Acknowledged,
    Approved,
    AttemptEnded,
    AttemptJoined,
    AttemptOpened,
    Ended,
    Finding,
    GateResult,
    HandedOver,
    Judged,
    NeedsWork,
    Outcome,
    Owed,
)
from integration.stages.file.mappings import Level
from integration.stages.model import NEVER, NOBODY, ClosedAs, Move, Person
from integration.stages.moves import is_forward, rank
from integration.stages.planning.hearing import ASKED
from integration.stages.planning.scene import Scene
from integration.stages.remembered import Attempt
from integration.stages.rules.gate import Ask, Verdict, is_open, leaves

EXPIRES = timedelta(days=14)


class Attempts:
    """The open attempt, and the rungs that have no verdict."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def follow(self) -> None:
        """What became of the attempt since: asked for again, applied by us, or ended by a person's move."""
        if self.scene.issue.closed is ClosedAs.NOT_PLANNED:
            self._end(Ended.NOT_PLANNED)
        attempt = self.scene.attempt
        if attempt is None:
            return
        if attempt.source not in self.scene.tracks or attempt.to not in self.scene.stages:
            self._end(Ended.MOVED)  # the file names its source, or its stage, no more
            return
        for change in _after(self.scene.tracks[attempt.source].changes, attempt):
            if self.scene.attempt is None:
                return
            if change.ours:
                self._followed_ours(self.scene.attempt, change)
            elif change.to is not None:
                self._followed_theirs(self.scene.attempt, change)
        settled = self.scene.tracks[attempt.source]
        if self.scene.attempt and settled.stage is None and attempt.was is not None and settled.settles_at is None:
            self._end(Ended.MOVED)
        if self.scene.attempt and self.scene.now >= attempt.asked_at + EXPIRES:
            self._end(Ended.EXPIRED)

    def _followed_ours(self, attempt: Attempt, change: Move) -> None:
        """Our forward move completes the attempt, and carries the verdict that the intent has held since before."""
        applied = next((one for one in self.scene.past.shifts if one.key == f"apply:{attempt.id}"), None)
        if applied and (change.was, change.to) == (applied.was, applied.to) and is_forward(change, self.scene.stages):
            outcome = applied.outcome or Outcome.ADMITTED
            self._judged(change, outcome, applied.gates, attempt.id)
            self._owe(Verdict(outcome, applied.gates), change.to or "", attempt.askers)
            self._end(Ended.ADMITTED)

    def _followed_theirs(self, attempt: Attempt, change: Move) -> None:
        if rank(change.to, self.scene.stages) >= rank(attempt.to, self.scene.stages):
            if change.id not in attempt.asks:
                to = change.to or attempt.to
                by = attempt.by if self._was_left_to_people(attempt, to) else change.actor
                self.scene.note(AttemptJoined(self.scene.now, attempt.id, change.id, to, by))
        else:
            self._end(Ended.MOVED, change.actor)

    def hand_over(self) -> None:
        """Who asks again after a party's "needs work" says that it has been seen to."""
        attempt = self.scene.attempt
        if attempt is None:
            return
        words, since = (NeedsWork, HandedOver, Acknowledged, Approved), self.scene.since().get(attempt.to, NEVER)
        given = [one for one in self.scene.past.evidence if isinstance(one, words) and one.stage == attempt.to]
        for party, word in {one.party: one for one in given if one.at > since}.items():
            again = [ask for ask in self._asks_here(attempt) if ask.at > word.at]
            if isinstance(word, NeedsWork) and again:
                self.scene.note(HandedOver(again[-1].at, party, attempt.to, again[-1].actor))

    def _was_left_to_people(self, attempt: Attempt, to: str) -> bool:
        """Its gates are open, and whoever makes the move now only carries it out: their own word stays good."""
        self.scene.verdict = self.scene.judge(self.scene.ask_of(attempt), attempt.askers)
        return to == attempt.to and self.scene.is_clear

    def _end(self, how: Ended, by: Person | None = None) -> None:
        if attempt := self.scene.attempt:
            self.scene.note(AttemptEnded(self.scene.now, attempt.id, attempt.to, how, str(by) if by else ""))

    def judge_rungs(self) -> None:
        """Judge what has no verdict, each source for itself, from the lowest; the first that is blocked decides."""
        for one in sorted(self.scene.tracks.values(), key=lambda one: one.moved_at or NEVER):
            if one.settles_at is None:
                self._judge_ladder(self.scene.rungs_of(one))

    def _judge_ladder(self, rungs: Sequence[Move]) -> None:
        unjudged = [one for one in rungs if one.id not in self.scene.past.verdicts]
        for number, rung in enumerate(unjudged):
            if self._is_wanted_already(rung):
                return
            if rung.at < self._known_since() and not rung.ours:
                self._judged(rung, Outcome.ADOPTED)
            elif not self._admit(rung, unjudged[number:]):
                return

    def _is_wanted_already(self, rung: Move) -> bool:
        """Does the open attempt speak for this rung?"""
        attempt = self.scene.attempt
        if attempt is None or attempt.source != rung.source:
            return False
        stages = self.scene.stages
        return rung.id in attempt.asks or rank(rung.to, stages) > rank(attempt.was, stages)

    def _known_since(self) -> datetime:
        """What stood before the ledger was born, or before the issue came here from elsewhere, is adopted."""
        return max(self.scene.given.born, self.scene.past.carried_at or NEVER)

    def _admit(self, rung: Move, above: Sequence[Move]) -> bool:
        """Judge one rung; False when it does not get through, and an attempt is open instead."""
        verdict = self.scene.judge(Ask(rung.was, rung.to or "", rung.at), frozenset({rung.actor.id}), rung.at)
        if verdict.outcome is None:
            self.scene.verdict = verdict
            self.scene.look(verdict.look_again_at)
            return False
        if verdict.outcome is not Outcome.BLOCKED:
            self.scene.verdict = verdict
            self._judged(rung, verdict.outcome, verdict.gates)
            self._owe(verdict, rung.to or "", {rung.actor.id})
            return True
        self._end(Ended.MOVED, rung.actor)  # at most one is open: this one asks on another source
        self.scene.note(
            AttemptOpened(self.scene.now, rung.id, rung.source, rung.was, rung.to or "", rung.actor, rung.at),
            *(AttemptJoined(self.scene.now, rung.id, one.id, one.to or "", one.actor) for one in above[1:]),
        )
        for one in above:
            self._judged(one, Outcome.BLOCKED, verdict.gates, rung.id)
        return False

    def review(self) -> None:
        """Judge the open attempt anew: it may be open now, by what people said or by time."""
        attempt = self.scene.attempt
        if attempt is None:
            return
        self.scene.verdict = self.scene.judge(self.scene.ask_of(attempt), attempt.askers)
        self.scene.look(self.scene.verdict.look_again_at)
        self.scene.look(attempt.asked_at + EXPIRES)
        self.scene.look(self.scene.now + timedelta(hours=6))
        if self.scene.hold and self.scene.hold.until:
            self.scene.look(self.scene.hold.until)
        if self.scene.verdict.outcome is None:
            return
        gates, track = self.scene.verdict.gates, self.scene.tracks.get(attempt.source)
        is_new = attempt.id.startswith(ASKED) and attempt.id not in self.scene.past.verdicts
        if is_new and not self.scene.is_clear:
            asked = Move(attempt.id, attempt.source, attempt.was, attempt.to, attempt.by, attempt.asked_at)
            self._judged(asked, Outcome.BLOCKED, gates, attempt.id)  # what it is said of, as of a move put back
        for ask in self._asks_here(attempt):
            if ask.id not in self.scene.past.verdicts:
                self._judged(ask, Outcome.BLOCKED, gates, attempt.id)
        if self._is_let_in(attempt) and track and track.stage == attempt.to and track.settles_at is None:
            still = {rung.id for rung in self.scene.rungs_of(track)}
            asks = self._asks_here(attempt)
            for ask in asks:  # several quick moves are let in together
                if ask.id in still or ask is asks[-1]:
                    self._judged(ask, self.scene.verdict.outcome, gates, attempt.id)
            self._owe(self.scene.verdict, attempt.to, attempt.askers)
            self._end(Ended.ADMITTED)

    def _is_let_in(self, attempt: Attempt) -> bool:
        """Its gates are open. A hold alone keeps out no person's own move, where no gate has ever kept it out."""
        verdict, never_shut = self.scene.verdict, f"block:{attempt.id}" not in self.scene.past.intents
        is_open = verdict is not None and verdict.outcome in (Outcome.ADMITTED, Outcome.WARNED)
        return self.scene.is_clear or (is_open and never_shut and attempt.id.startswith(ASKED))

    def _owe(self, verdict: Verdict, stage: str, askers: Collection[str]) -> None:
        """What let it through and is still to be given: a promised word, which whoever asked cannot give; and what
        nobody could read, where `on_error: open` makes it a warning and a debt."""
        owed = {(leaf.party, gate.stage) for gate in verdict.gates for one in gate.findings for leaf in _promised(one)}
        for debt in self.scene.past.debts:
            more = tuple(dict.fromkeys((*debt.askers, *sorted(askers))))
            if (debt.party, debt.stage) in owed and more != debt.askers:
                self.scene.note(replace(debt, askers=more))
        for gate in verdict.gates:
            if gate.level == Level.BLOCK and gate.ok is None and not is_open(gate):
                unread = (leaf for finding in gate.findings for leaf in leaves(finding))
                for party in dict.fromkeys(leaf.party for leaf in unread if leaf.ok is None and leaf.party):
                    self.scene.note(Owed(self.scene.now, party, stage, NOBODY, "", askers=tuple(sorted(askers))))

    def _judged(self, move: Move, outcome: Outcome, gates: tuple[GateResult, ...] = (), attempt: str = "") -> None:
        self.scene.note(Judged(self.scene.now, move, outcome, gates, self.scene.mappings.hash, attempt))

    def _asks_here(self, attempt: Attempt) -> list[Move]:
        track = self.scene.tracks.get(attempt.source)
        return [one for one in track.changes if one.id in attempt.asks] if track else []


def _after(changes: Sequence[Move], attempt: Attempt) -> list[Move]:
    """The changes behind the attempt's last ask."""
    places = [number for number, one in enumerate(changes) if one.id in attempt.asks]
    if places:
        return list(changes[max(places) + 1 :])
    return [one for one in changes if one.at > attempt.asked_at]


def _promised(finding: Finding) -> Iterator[Finding]:
    """The findings that pass because a word was promised for later."""
    if finding.owed:
        yield finding
    for part in finding.parts:
        yield from _promised(part)
