"""What is to be said about moves: to whom it is blocked, what was missing, who is told of a stage and of its end.

Each thing is said once; its key names it for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from integration.stages.entries import Acknowledged, Approved, Evidence, HandedOver, Judged, Noticed, Outcome, Waived
from integration.stages.model import Move
from integration.stages.moves import SETTLING, Track, rank
from integration.stages.planning.hearing import ASKED
from integration.stages.planning.scene import Scene
from integration.stages.remembered import Attempt, Step
from integration.stages.rules.gate import CaseFor, Verdict, judge
from integration.stages.texts import words
from integration.stages.texts.markup import Text


class Saying:
    """The comments that want something of somebody."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def speak(self) -> None:
        """Say what is not said yet."""
        if self.scene.attempt and self.scene.verdict and self.scene.verdict.outcome is not None:
            self._say_blocked(self.scene.attempt, self.scene.verdict)
            self._say_fallback(self.scene.attempt)
        self._say_admitted()
        self._say_back()

    def _say_blocked(self, attempt: Attempt, verdict: Verdict) -> None:
        key = f"block:{attempt.id}"
        awaited = list(verdict.awaited)
        if verdict.outcome is not Outcome.BLOCKED:
            return
        if not self.scene.past.is_done(key):
            told = list(dict.fromkeys((*awaited, *self._told_on_entering(attempt))))
            write, route = self._blocked(attempt, verdict, told), self._route_asked(verdict)
            self.scene.say(key, write, attempt.to, told, route=route)
            return
        late = [party for party in awaited if party not in self._told_for(attempt, verdict)]
        if late:
            voice = self.scene.voice(late, attempt.askers)
            key = f"block:{attempt.id}:{attempt.to}:{'+'.join(late)}"
            self.scene.say(key, lambda: words.also_needed(voice, attempt, verdict, late), attempt.to, late)

    def _blocked(self, attempt: Attempt, verdict: Verdict, told: Sequence[str]) -> Callable[[], Text]:
        def write() -> Text:
            voice, shown = self.scene.voice(told, attempt.askers), self._as_told(attempt, verdict, told)
            stays_put = attempt.standing is not None or attempt.asks[-1].startswith(ASKED)
            return words.blocked(voice, attempt, shown, stays_put)

        return write

    def _told_on_entering(self, attempt: Attempt) -> list[str]:
        """Who would be told once the stage is entered hears of it with those who are awaited: one notice, not two."""
        ask = Move(attempt.id, attempt.source, attempt.was, attempt.to, attempt.by, attempt.asked_at)
        return self._to_tell(ask)

    def _route_asked(self, verdict: Verdict) -> str:
        """The route to which this comment asks those it awaits to agree."""
        return next((one.route for one in verdict.missing if one.route), "")

    def _told_for(self, attempt: Attempt, verdict: Verdict) -> set[str]:
        """The parties that were told, by a notice or a comment of ours, of the stage that is asked for."""
        noticed = (one for one in self.scene.past.evidence if isinstance(one, Noticed))
        told = {one.party for one in noticed if one.at >= attempt.asked_at and one.stage == attempt.to}
        said = (one for one in self.scene.past.intents.values() if one.step is Step.DONE)
        meant = (one.intended for one in said if one.key.startswith(f"block:{attempt.id}"))
        told |= {party for one in meant if one and one.stage == attempt.to for party in one.tells}
        told |= self._told_before_the_loss(attempt)
        back = (one for one in self.scene.past.evidence if isinstance(one, HandedOver) and one.stage == attempt.to)
        return told | {one.party for one in back if one.at >= attempt.asked_at} | set(verdict.agreeing)

    def _told_before_the_loss(self, attempt: Attempt) -> set[str]:
        """Whom our own comments mention of which the ledger has lost whom they told: their proof is on its way."""
        scene, intents = self.scene, self.scene.past.intents
        of_attempt = (key for key in scene.own if key.startswith(f"block:{attempt.id}") and key in intents)
        comments = [scene.own[key] for key in of_attempt if intents[key].intended is None]
        return {
            party
            for comment in comments
            for party in scene.mappings.parties
            if any(one.casefold() in comment.mentions for one in scene.names(party, comment.at))
        }

    def _as_told(self, attempt: Attempt, verdict: Verdict, mentioned: Sequence[str]) -> Verdict:
        """The verdict as it is once this very comment has told those that it mentions."""
        told = [Noticed(self.scene.now, party, attempt.to, "", self.scene.issue.me) for party in mentioned]
        case = replace(self.scene.case(attempt.askers), evidence=(*self.scene.past.evidence, *told))
        asked = self.scene.ask_of(attempt)
        shown = judge(asked, self.scene.mappings, CaseFor(case, attempt.to, self.scene.since()))
        return replace(shown, awaiting=tuple(mentioned))

    def _say_fallback(self, attempt: Attempt) -> None:
        """The mention reached nobody: name the people who are there for that case, once."""
        for notice in self.scene.past.evidence:
            unreached = isinstance(notice, Noticed) and notice.unreached and not notice.fallback
            if isinstance(notice, Noticed) and unreached and notice.stage == attempt.to:
                people = self.scene.fallback(notice.party)
                own = notice.by.id == self.scene.issue.me.id and notice.at >= attempt.asked_at
                if people and own:
                    self._say_to_fallback(attempt, notice, people)

    def _say_to_fallback(self, attempt: Attempt, notice: Noticed, people: tuple[str, ...]) -> None:
        voice = self.scene.voice()
        self.scene.say(
            f"fallback:{attempt.id}:{notice.party}",
            lambda: words.fallback(voice, attempt, notice.party, people, notice.unreached),
            attempt.to,
            handles={notice.party: people},
        )

    def _say_admitted(self) -> None:
        """Warnings, and those who are told without being asked, for each rung that stands."""
        for rung in self.scene.all_rungs:
            verdict = self.scene.past.verdicts.get(rung.id)
            if verdict is None or verdict.outcome not in (Outcome.ADMITTED, Outcome.WARNED):
                continue
            if verdict.outcome is Outcome.WARNED:
                self._say_warned(rung, verdict)
            self._say_entered(rung, verdict)

    def _say_warned(self, rung: Move, judged: Judged) -> None:
        """Unless the attempt was blocked first: then all of it was said."""
        if not judged.attempt:
            told = tuple(dict.fromkeys((*_verdict_of(judged).awaited, *self._to_tell(rung))))
            verdict = replace(_verdict_of(judged), awaiting=told)
            self.scene.say(
                f"warn:{rung.id}",
                lambda: words.warned(
                    replace(self.scene.voice(told), asker=str(rung.actor)), rung.actor.handle, rung.to or "", verdict
                ),
                rung.to or "",
                told,
                route=self._route_asked(verdict),
            )

    def _say_entered(self, rung: Move, verdict: Judged) -> None:
        parties = [party for party in self._to_tell(rung) if not self._knows(party, rung, verdict)]
        if not parties:
            return
        opened = self.scene.opened(verdict.attempt)
        by = opened.by if opened else rung.actor
        who = words.moved_by(str(by), bool(verdict.attempt), verdict.outcome is Outcome.ADMITTED)
        self.scene.say(
            f"entered:{rung.id}",
            lambda: words.entered(replace(self.scene.voice(parties), asker=str(by)), rung.to or "", parties, who),
            rung.to or "",
            parties,
        )

    def _to_tell(self, rung: Move) -> list[str]:
        """The parties that the file has told of the stages that this move enters or jumps over."""
        low, high = rank(rung.was, self.scene.stages), rank(rung.to, self.scene.stages)
        return list(
            dict.fromkeys(
                party
                for rule in self.scene.mappings.notify
                if rule.entering and low < rank(rule.entering, self.scene.stages) <= high
                if self.scene.route is None or rule.entering == rung.to or rule.entering in self.scene.route
                if rule.level == "post" and (rule.effective is None or rung.at >= rule.effective)
                for party in rule.parties
            )
        )

    def _knows(self, party: str, rung: Move, verdict: Judged) -> bool:
        """Who was told or answered on the way to this stage knows already; so does whom a warning has just told."""
        warned = self.scene.past.intents.get(f"warn:{rung.id}")
        if warned and warned.intended and party in warned.intended.tells:
            return True
        opened = self.scene.opened(verdict.attempt)
        if opened is None:
            return False
        if self._is_to_be_proved(party, rung.to or "", opened.attempt):
            return True  # the next pass knows whether the comment on the request has reached them
        since = [one for one in self.scene.past.evidence if one.at >= opened.asked_at and self._of(one) == party]
        ours = self.scene.issue.me.id
        return any(
            (isinstance(one, Acknowledged | Approved) and one.stage == rung.to)
            or (isinstance(one, Noticed) and one.stage == rung.to and one.by.id == ours and not one.unreached)
            for one in since
        )

    def _is_to_be_proved(self, party: str, stage: str, attempt: str) -> bool:
        """Has a comment on this request told the party of the stage, and is its proof not written down yet?"""
        past, shown = self.scene.past, {comment.id for comment in self.scene.issue.comments}
        return any(
            one.step is Step.DONE and one.intended and one.intended.stage == stage and party in one.intended.tells
            and one.comment in shown and (one.comment, party) not in past.proved
            for one in past.intents.values() if one.key.startswith(f"block:{attempt}")
        )  # fmt: skip

    @staticmethod
    def _of(one: Evidence) -> str:
        return "" if isinstance(one, Waived) else one.party

    def _say_back(self) -> None:
        """Those who were told of a stage hear that the feature has left it, once it is settled (law 1)."""
        track = self.scene.track
        if track is None or not track.changes or self.scene.attempt is not None:
            return
        here = rank(track.stage, self.scene.stages)
        for id, judged in self.scene.past.verdicts.items():
            left = (
                judged.outcome in (Outcome.ADMITTED, Outcome.WARNED) and rank(judged.move.to, self.scene.stages) > here
            )
            parties = self._told_of(judged) if left else []
            if parties and f"back:{id}" not in self.scene.past.intents and self._gone_back_later(judged):
                continue
            if parties and self._settled(track):
                voice, stage = self.scene.voice(parties), judged.move.to or ""
                say = self._went_back(voice, stage, parties)
                self.scene.say(f"back:{id}", say, track.stage or "", parties)

    def _went_back(self, voice: words.Voice, stage: str, parties: Sequence[str]) -> Callable[[], Text]:
        return lambda: words.went_back(voice, stage, parties)

    def _gone_back_later(self, judged: Judged) -> bool:
        """A later verdict on the same stage stands for this one."""
        return any(
            one.move.to == judged.move.to and one.at > judged.at and one.outcome is not Outcome.BLOCKED
            for one in self.scene.past.verdicts.values()
        )

    def _settled(self, track: Track) -> bool:
        """Backward is told only when nobody has set it right within the settling time."""
        settles = track.changes[-1].at + SETTLING
        self.scene.look(settles)
        return self.scene.now >= settles and track.settles_at is None

    def _told_of(self, judged: Judged) -> list[str]:
        """Whom we told of this stage, and those that a person told, where the file posts to them on the way back."""
        scene, stages = self.scene, self.scene.stages
        left = next(
            (one.at for one in scene.tracks[judged.move.source].moves
             if one.at > judged.move.at and rank(one.to, stages) < rank(judged.move.to, stages)), scene.now,
        ) if judged.move.source in scene.tracks else scene.now  # fmt: skip
        in_force = (rule for rule in scene.mappings.notify if rule.backward)
        levels = {
            party: rule.level for rule in in_force if rule.effective is None or rule.effective <= left
            for party in rule.parties
        }  # fmt: skip
        opened = scene.opened(judged.attempt)
        since = opened.asked_at if opened else min(judged.move.at, judged.at)
        told = (
            one.party
            for one in scene.past.evidence
            if isinstance(one, Noticed) and one.stage == judged.move.to and since <= one.at <= left + SETTLING
            if levels.get(one.party, "post" if one.by.id == scene.issue.me.id else "observe") == "post"
        )
        return list(dict.fromkeys(told))


def _verdict_of(judged: Judged) -> Verdict:
    """What was judged then, as a verdict that words can be made of."""
    return Verdict(judged.outcome, judged.gates)
