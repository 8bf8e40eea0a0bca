"""What is to be done to the stage: put back, apply, tidy; what stands although it is blocked; doubles taken away.

Only what this look has judged is moved, and only by mapped labels and statuses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from integration.stages.entries import Failed, GateResult, Intended, Outcome, Standing
from integration.stages.file.mappings import Level
from integration.stages.model import Carrier, Move
from integration.stages.moves import Track, is_forward, rank
from integration.stages.planning.actions import Remove, Shift, Tidy
from integration.stages.planning.scene import UNKNOWN_FOR, Scene
from integration.stages.remembered import Attempt, Intent, Step
from integration.stages.rules.gate import only_tells
from integration.stages.texts import words

WAR = 3
"""After so many put-backs of one attempt in a day we stop: blocked, standing."""
_DAY = timedelta(days=1)


class Doing:
    """The acts on the source that moved."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def act(self) -> None:
        """Move the issue where it belongs, or tidy it where it stands."""
        self._shift()
        self._tidy()
        self._remove_doubles()

    def _remove_doubles(self) -> None:
        """A tracker that lost an answer may have posted twice. What is left of it is taken away, and counted."""
        for comment in self.scene.doubles:
            if (key := f"double:{comment.id}") not in self.scene.past.intents:
                self.scene.actions.append(Remove(key, comment.id))

    def _put_back_unasked(self) -> None:
        """A blocked move that still stands though nobody asks for it any more: withdrawn, or expired."""
        for rung in self.scene.all_rungs:
            judged = self.scene.past.verdicts.get(rung.id)
            track = self.scene.tracks[rung.source]
            if judged and judged.outcome is Outcome.BLOCKED and track.settles_at is None:
                self._put_back_once_more(rung, track)
                return

    def _put_back_once_more(self, rung: Move, track: Track) -> None:
        tries = self._tries(rung.id)
        done = [one.at for one in tries if one.step is Step.DONE]
        if done and self.scene.now - max(done) < UNKNOWN_FOR:
            self.scene.look(max(done) + UNKNOWN_FOR)  # not to be seen at the tracker yet
        elif failed := [one.at for one in tries if one.step is Step.FAILED]:
            self.scene.look(max(failed) + _DAY)
            if self.scene.now - max(failed) >= _DAY:
                self._do_put_back(rung.id, rung.was, track, tries)
        elif len(tries) < WAR:
            self._do_put_back(rung.id, rung.was, track, tries)

    def _tries(self, asked: str) -> list[Intent]:
        return [one for one in self.scene.past.intents.values() if one.key.startswith(f"put-back:{asked}:")]

    def _shift(self) -> None:
        attempt = self.scene.attempt
        track = self.scene.tracks.get(attempt.source) if attempt else None
        if attempt is None:
            self._put_back_unasked()
            return
        if track is None or self.scene.verdict is None or self.scene.verdict.outcome is None:
            return
        above = rank(track.stage, self.scene.stages) >= rank(attempt.to, self.scene.stages)
        if self.scene.is_clear:
            self._apply(attempt, track)
        elif above and track.settles_at is None:  # within a gap nothing is on, and it may be set right
            self._put_back(attempt, track)

    def _apply(self, attempt: Attempt, track: Track) -> None:
        """The last gate has opened: the stage that was asked for is set, or whoever asked is told."""
        voice, key = self.scene.voice(askers=attempt.askers), f"apply:{attempt.id}"
        known = self.scene.past.intents.get(key)
        tell = only_tells(self._gates_then(attempt))
        if tell or (known and known.step is Step.FAILED):
            why_not = known.reason if known and not tell else ""
            self.scene.say(f"cleared:{attempt.id}", lambda: words.cleared(voice, attempt, why_not))
        elif track.stage == attempt.was and track.settles_at is None and self.scene.may_try(key) and self.scene.verdict:
            intended = Intended(
                self.scene.now, key, "shift", attempt.was, attempt.to, attempt.source, self.scene.last_sighting(),
                outcome=self.scene.verdict.outcome, gates=self.scene.verdict.gates,
            )  # fmt: skip
            self._do(intended, track)
        elif known and known.step is Step.DONE:
            self.scene.look(self.scene.now + timedelta(seconds=10))  # not to be seen at the tracker yet

    def _gates_then(self, attempt: Attempt) -> Iterable[GateResult]:
        judged = self.scene.past.verdicts.get(attempt.id)
        return judged.gates if judged else self.scene.verdict.gates if self.scene.verdict else ()

    def _put_back(self, attempt: Attempt, track: Track) -> None:
        """Say comes before do: the block comment stands, or is on its way before this."""
        said = self.scene.past.intents.get(f"block:{attempt.id}")
        if said is None or said.step in (Step.OPEN, Step.TRIED):
            return
        standing = attempt.standing
        if said.step is Step.FAILED and not standing:
            self._stand(attempt, f"I could not say why on the issue ({said.reason})", again=False)
            return
        if standing and (standing.next_try is None or self.scene.now < standing.next_try):
            self.scene.look(standing.next_try)
            self._say_standing(attempt, standing)
            return
        tries = self._tries(attempt.id)
        last = max(tries, key=lambda one: one.at, default=None)
        if last and (reason := self._why_not(attempt, tries, last)):
            self._stand(attempt, reason, again=standing is not None)
        elif last and last.step is Step.DONE and self._not_seen_yet(attempt, last):
            self.scene.look(self.scene.now + timedelta(seconds=10))
        else:
            self._do_put_back(attempt.id, attempt.was, track, tries)

    def _why_not(self, attempt: Attempt, tries: Sequence[Intent], last: Intent) -> str:
        """Refused, or set again too often: what has happened since it was last said to stand."""
        standing = attempt.standing
        if standing and last.at <= standing.at:
            return ""
        if last.step is Step.FAILED:
            return f"there is no way back ({last.reason})"
        lately = sum(one.step is Step.DONE and self.scene.now - one.at < _DAY for one in tries)
        fought = last.step is Step.DONE and (standing or lately >= WAR) and not self._not_seen_yet(attempt, last)
        if not fought:
            return ""
        return standing.reason if standing else f"it was put back {lately} times within a day and set again each time"

    def _do_put_back(self, asked: str, to: str | None, track: Track, tries: Sequence[Intent]) -> None:
        waiting = next((one for one in tries if one.step in (Step.OPEN, Step.TRIED)), None)
        key = waiting.key if waiting else f"put-back:{asked}:{len(tries) + 1}"
        if self.scene.may_try(key):
            after = self.scene.last_sighting()
            self._do(Intended(self.scene.now, key, "shift", track.stage, to, track.source.id, after), track)

    def _not_seen_yet(self, attempt: Attempt, last: Intent) -> bool:
        """The tracker may show our own act a little later; an ask that came after it is a new one."""
        after = last.intended.after if last.intended else ""
        order = [one.id for one in sorted(self.scene.issue.sightings, key=lambda one: one.order)]
        seen = order[order.index(after) + 1 :] if after in order else order
        acted = any(one.id in seen and one.ours for one in self.scene.tracks[attempt.source].changes)
        return not acted and self.scene.now - last.at < UNKNOWN_FOR

    def _stand(self, attempt: Attempt, reason: str, again: bool) -> None:
        """Blocked, standing: tried again after an hour, then daily; against a bot only when a person says so."""
        wait = None if attempt.by.bot else _DAY if again else timedelta(hours=1)
        standing = Standing(self.scene.now, attempt.id, reason, self.scene.now + wait if wait else None)
        self.scene.note(standing)
        self.scene.look(standing.next_try)
        if self.scene.attempt:
            self._say_standing(self.scene.attempt, standing)

    def _say_standing(self, attempt: Attempt, standing: Standing) -> None:
        people = self.scene.escalation(self.scene.verdict.awaited if self.scene.verdict else ())
        voice = self.scene.voice(askers=attempt.askers)
        self.scene.say(f"standing:{attempt.id}", lambda: words.standing(voice, attempt, standing.reason, people))

    def _do(self, intended: Intended, track: Track) -> None:
        """Labels: put the one on if it is missing, then take the other off. Statuses: back to where it came from."""
        known = self.scene.past.intents.get(intended.key)
        if known is None or known.step is Step.OPEN:
            self.scene.note(intended)
        if track.source.carrier is Carrier.STATUS:
            if statuses := self._statuses(intended, track):
                self.scene.actions.append(Shift(intended.key, intended, statuses=statuses))
            else:
                self.scene.note(Failed(self.scene.now, intended.key, "its former status is not known"))
            return
        on = {stage for _, stage in track.on}
        wanted = track.source.names.get(intended.to, ()) if intended.to else ()
        put = (self._present_name(wanted[0]),) if wanted and intended.to not in on else ()
        target = rank(intended.to, self.scene.stages)
        take = [name for name, stage in track.on if stage != intended.to and
                (stage == intended.was or rank(stage, self.scene.stages) > target)]  # fmt: skip
        # The label of the stage that is shown goes last: then the stage changes once, from `was` to `to`.
        take.sort(key=lambda name: dict(track.on)[name] == track.stage)
        self.scene.actions.append(Shift(intended.key, intended, put=put, take=tuple(take)))

    def _present_name(self, mapped: str) -> str:
        """What a mapped label is called now, should somebody have renamed it."""
        for had in self.scene.given.names.values():
            if mapped.casefold() in (name.casefold() for name in had):
                return had[-1]
        return mapped

    def _statuses(self, intended: Intended, track: Track) -> tuple[str, ...]:
        came_from: tuple[str, ...] = ()
        if rank(intended.to, self.scene.stages) < rank(intended.was, self.scene.stages):
            fits = [one for one in track.changes if one.was == intended.to and is_forward(one, self.scene.stages)]
            here = self.scene.issue.status
            came_from = fits[-1].came_from if fits else ()
            if here and {here.id, here.name} & set(came_from) - {""}:
                came_from = ()  # it is there already, and that has not changed the stage
        return tuple(dict.fromkeys((*came_from, *(track.source.names.get(intended.to or "", ())))))

    def _tidy(self) -> None:
        """An issue shows one stage, once the move that leads to it is settled and the file has a say in it."""
        track = self.scene.track
        if track is None or track.settles_at or not track.changes or track.stage is None:
            return
        if self.scene.attempt and (self.scene.is_clear or track.stage != self.scene.attempt.was):
            return
        last = track.changes[-1]
        extra = tuple(name for name, stage in track.on if stage != track.stage)
        judged = [self.scene.past.verdicts[one.id] for one in self.scene.rungs if one.id in self.scene.past.verdicts]
        settled = len(judged) == len(self.scene.rungs)
        if extra and settled and last.at >= self.scene.given.born and self._speaks(last.at):
            self.scene.actions.append(Tidy(extra))

    def _speaks(self, when: datetime) -> bool:
        """Does any rule or notice of the file, in force then, do more than observe?"""
        effective = [one.effective for one in self.scene.mappings.rules if one.level is not Level.OBSERVE]
        effective += [one.effective for one in self.scene.mappings.notify if one.level == "post"]
        return any(one is None or one <= when for one in effective)
