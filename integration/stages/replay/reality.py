"""What really became of the stage, beside what a file would have made of it.

A replay changes no stage. What we did at the time, under whatever file was in force, is taken for what it was; what
stood although this file blocks it, is where the next move begins; and while a request that reality let through is shut
here, it is looked at as if it had been put back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, MutableMapping
from datetime import datetime

from integration.stages.entries import AttemptEnded, Done, Ended, Intended, Judged, Outcome
from integration.stages.model import Carrier, Happened, Move, Sighting
from integration.stages.moves import SETTLING, Track, is_forward, rank
from integration.stages.planning.scene import Scene
from integration.stages.remembered import Attempt
from integration.stages.replay.past import AFTERWARDS, US
from integration.stages.replay.played import AGAIN, End, Request, Weighed


class Reality:
    """The history's own course, followed before anything is decided.

    `ahead` tells for a source where it would stand under this file, where it is we who have put it lower since.
    """

    def __init__(
        self, scene: Scene, followed: Collection[str], ahead: MutableMapping[str, str],
        requests: MutableMapping[str, Request], weighed: MutableMapping[str, Weighed],
    ) -> None:  # fmt: skip
        self.scene, self.followed, self.ahead, self.requests, self.weighed = scene, followed, ahead, requests, weighed

    def follow(self) -> None:
        """Go through the changes that this look sees for the first time."""
        self._mean_what_we_did()
        for track in self.scene.tracks.values():
            for change in track.changes:
                if change.id in self.followed:
                    continue
                if change.actor is US:
                    self._ours(change, track)
                elif is_forward(change, self.scene.stages):
                    self._theirs(change, track)
                else:
                    self.ahead.pop(track.source.id, None)

    # --- what we did

    def _mean_what_we_did(self) -> None:
        """The ledger of that time knew our intents, and this one is to know them, too."""
        order = [one.id for one in self.scene.issue.sightings]
        before = dict(zip(order, ["", *order], strict=False))
        for track in self.scene.tracks.values():
            for change in track.changes:
                if change.actor is US and not change.ours:
                    self._mean(change.id, change.was, change.to, track, before.get(change.id, ""))
            for one in self._leading_nowhere(track):
                attempt = self.scene.attempt
                to = attempt.was if attempt else track.changes[-1].was
                self._mean(one.id, track.stage, to, track, before[one.id])
        if self.scene.entries:
            self.scene.fold()

    def _leading_nowhere(self, track: Track) -> Iterator[Sighting]:
        """Our acts that led to a status which shows no stage: they were put-backs to where it had come from."""
        if track.source.carrier is Carrier.STATUS and track.changes:
            for one in self.scene.issue.sightings:
                is_ours = one.actor is US and one.carrier is Carrier.STATUS and f"history:{one.id}" not in self._known
                if is_ours and track.source.stage_of(one.name, one.value_id) is None:
                    yield one

    @property
    def _known(self) -> Collection[str]:
        return self.scene.past.intents

    def _mean(self, id: str, was: str | None, to: str | None, track: Track, after: str) -> None:
        key, at = f"history:{id}", self.scene.now
        self.scene.note(Intended(at, key, "shift", was, to, track.source.id, after), Done(at, key))

    def _ours(self, change: Move, track: Track) -> None:
        """We put it back, which this file would perhaps not have done; or we applied it, which this one has not yet."""
        if is_forward(change, self.scene.stages):
            self.ahead.pop(track.source.id, None)
            self._adopt(track, change)
            return
        verdicts = self.scene.past.verdicts
        led_there = [one.id for one in track.moves if one.to == change.was and one.id != change.id]
        last = verdicts.get(led_there[-1]) if led_there else None
        if last and last.outcome is not Outcome.BLOCKED:
            self.ahead[track.source.id] = change.was or ""

    # --- what people did

    def _theirs(self, change: Move, track: Track) -> None:
        """Somebody goes on from where it stands, or asks anew for what this file has let in already."""
        ahead, stages = self.ahead.get(track.source.id), self.scene.stages
        if ahead and rank(change.to, stages) <= rank(ahead, stages):
            self.scene.note(Judged(self.scene.now, change, Outcome.ADOPTED))
            self.weighed.setdefault(change.id, Weighed(change, Outcome.ADMITTED, request=AGAIN))
            return
        self.ahead.pop(track.source.id, None)
        attempt = self.scene.attempt
        if attempt and attempt.source == track.source.id:
            stood = rank(change.was, stages) >= rank(attempt.to, stages)
            if not stood or change.at - attempt.asked_at <= SETTLING:
                return  # it was put back, or is still the same quick move: the attempt follows it
        self._adopt(track, change)

    def _adopt(self, track: Track, change: Move) -> None:
        """What stands although it was blocked, stands: that is where the history goes on from."""
        verdicts = self.scene.past.verdicts
        for rung in self.scene.rungs_of(track):
            below = self._rank(rung.to) <= self._rank(change.was)
            blocked = rung.id in verdicts and verdicts[rung.id].outcome is Outcome.BLOCKED
            if (below and blocked) or (rung.actor is US and rung.id not in verdicts):
                self.scene.note(Judged(self.scene.now, rung, Outcome.ADOPTED))
        attempt = self.scene.attempt
        if attempt and attempt.source == track.source.id:
            reached = change.to if change.actor is US else change.was
            if self._rank(reached) >= self._rank(attempt.to):
                if request := self.requests.get(attempt.id):
                    request.end, request.at = End.WENT_ON, change.at
                self.scene.note(AttemptEnded(change.at, attempt.id, attempt.to, Ended.ADMITTED))

    def _rank(self, stage: str | None) -> int:
        return rank(stage, self.scene.stages)


def as_put_back(scene: Scene, attempt: Attempt) -> tuple[Sighting, ...]:
    """What the tracker would show, did we put it back now; nothing where it does not stand there."""
    track = scene.tracks.get(attempt.source)
    if track is None or track.settles_at or rank(track.stage, scene.stages) < rank(attempt.to, scene.stages):
        return ()
    at, names = scene.now + AFTERWARDS, track.source.names.get(attempt.was or "", ())
    if track.source.carrier is Carrier.STATUS:
        return (_sighting(attempt, 0, at, Carrier.STATUS, Happened.BECAME, names[0] if names else ""),)
    on, floor = dict(track.on), rank(attempt.was, scene.stages)
    put = [names[0]] if names and attempt.was not in on.values() else []
    take = [name for name, stage in on.items() if rank(stage, scene.stages) > floor]
    take.sort(key=lambda name: on[name] == track.stage)  # as we do it: what is shown goes last
    acts = [(Happened.ADDED, name) for name in put] + [(Happened.REMOVED, name) for name in take]
    return tuple(_sighting(attempt, n, at, Carrier.LABEL, what, name) for n, (what, name) in enumerate(acts))


def _sighting(attempt: Attempt, number: int, at: datetime, carrier: Carrier, what: Happened, name: str) -> Sighting:
    return Sighting(f"put-back-{attempt.id}-{len(attempt.asks)}-{number}", at, US, carrier, what, name)
