"""Who has been asked and has not answered: one reminder in the party's working time, then those it escalates to.

Everything hangs on due times that the ledger keeps (`look_again_at`), so a clock that was dead for days misses nothing.
Whose turn it is not, is not reminded: a hold, a closed issue and a party's "needs work" stop the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Literal

from integration.stages.calendars import Duration, later, next_open
from integration.stages.entries import Acknowledged, Approved, HandedOver, Noticed, Outcome, Owed, Voided
from integration.stages.file.mappings import Approved as AskedApproval
from integration.stages.model import ClosedAs
from integration.stages.planning.scene import Scene
from integration.stages.remembered import Step
from integration.stages.rules.facts import changed
from integration.stages.texts import letters
from integration.stages.texts.letters import Waiting
from integration.stages.texts.markup import Text
from integration.stages.texts.words import Voice

SETTLED = timedelta(minutes=5)
"""Who edits a description often does so twice: only then those are told whose approval has fallen."""

_A_DAY = Duration(1, "working day")


@dataclass(frozen=True, slots=True)
class Turn:
    """A party's turn. `scope` is what it is about, `round` counts how often the turn came back to the party."""

    scope: str
    round: int
    waiting: Waiting
    due: datetime | None = None  # where a date was set; else the party's `respond_within` decides

    @property
    def name(self) -> str:
        """What names this turn in the key of a reminder."""
        return f"{self.waiting.party}.{self.round}"


class Chasing:
    """Reminders, escalations, and the word that the turn has come back."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def chase(self) -> None:
        """Say what time has made due."""
        if self.scene.issue.closed is ClosedAs.NOT_PLANNED or self.scene.hold:
            return
        self._say_voided()
        self._say_handed_over()
        for step in ("remind", "escalate"):
            due = sorted((one for one in self._turns() if self._is_due(one, step)), key=lambda one: one.scope)
            for scope, turns in groupby(due, key=lambda one: one.scope):
                self._say(step, scope, list(turns))

    # --- whose turn it is ---

    def _turns(self) -> Iterator[Turn]:
        """A closed issue waits for nobody; what is owed is owed all the same."""
        if self.scene.issue.closed is ClosedAs.OPEN:
            yield from self._on_attempt()
            yield from self._on_route()
        for scope, debt in self._debts().items():
            if debt.until and debt.until <= self.scene.now:
                yield Turn(scope, 0, Waiting(debt.party, debt.stage, debt.at, debt.asks), debt.until)
            elif debt.until:
                self.scene.look(debt.until)

    def _debts(self) -> dict[str, Owed]:
        """What is owed, by what names it; what one word has put off for several stages is asked for once."""
        return {f"debt-{one.comment}-{one.party}": one for one in self.scene.past.debts}

    def _on_attempt(self) -> Iterator[Turn]:
        attempt, verdict = self.scene.attempt, self.scene.verdict
        if attempt is None or verdict is None or verdict.outcome is not Outcome.BLOCKED:
            return
        owing = {debt.party for debt in self.scene.past.debts if debt.stage == attempt.to}
        for party in verdict.awaited:
            asked = [one for one in verdict.shut if one.party == party]
            told = self._told(party, attempt.to, attempt.asked_at)
            if asked and told and party not in owing:
                back = [one.at for one in self._returns(party, attempt.to, attempt.asked_at)]
                word: Literal["ack", "approve"] = "approve" if any("approved" in one.says for one in asked) else "ack"
                since = max((told.at, *back, self.scene.past.resumed_at or told.at))
                waiting = Waiting(party, attempt.to, since, word, self._within(party), told.url)
                yield Turn(f"{attempt.id}-{attempt.to}", len(back), waiting)

    def _on_route(self) -> Iterator[Turn]:
        proposed = self.scene.pending_route
        if proposed is None:
            return
        on_attempt = {turn.waiting.party for turn in self._on_attempt()}
        for party in self.scene.case().to_agree:
            told = self._told(party, "", proposed.at)
            if told and party not in on_attempt:
                since = max(told.at, self.scene.past.resumed_at or told.at)
                waiting = Waiting(party, "", since, "ack", self._within(party), told.url)
                yield Turn(f"route-{proposed.route}", 0, waiting)

    def _told(self, party: str, stage: str, since: datetime) -> Noticed | None:
        """The notice with which the party's clock began."""
        noticed = (one for one in self.scene.past.evidence if isinstance(one, Noticed) and one.why == "told")
        return next((one for one in noticed if (one.party, one.stage) == (party, stage) and one.at >= since), None)

    def _returns(self, party: str, stage: str, since: datetime) -> list[HandedOver | Voided]:
        """Each time that the turn came back to the party."""
        return [
            one
            for one in self.scene.history
            if isinstance(one, HandedOver | Voided) and (one.party, one.stage) == (party, stage) and one.at >= since
        ]

    def _within(self, party: str) -> str:
        known = self.scene.mappings.parties.get(party)
        return str(known.respond_within) if known and known.respond_within else ""

    # --- when it is due ---

    def _is_due(self, turn: Turn, step: str) -> bool:
        """Now, and somebody of the party is there to read it; else when to look again."""
        party, now = turn.waiting.party, self.scene.now
        calendar = self.scene.calendar(party)
        due = self._due_at(turn, step)
        if due is None:
            return False
        due = next_open(max(due, now), calendar)
        self.scene.look(due)
        return due <= now

    def _due_at(self, turn: Turn, step: str) -> datetime | None:
        """When this step is due; None: never, not yet, or it was taken already."""
        party = turn.waiting.party
        known, calendar = self.scene.mappings.parties.get(party), self.scene.calendar(party)
        within = known.respond_within if known else None
        if self._taken(step, turn):
            return None
        if step == "remind":
            return turn.due or (later(turn.waiting.since, within, calendar) if within else None)
        reminded = self._taken("remind", turn)
        above = self.scene.escalation([party]) if turn.due else self._to_ask(party)
        if reminded is None or not above:
            return None
        return later(max(reminded, turn.waiting.since), within or _A_DAY, calendar)

    def _taken(self, step: str, turn: Turn) -> datetime | None:
        """When the party was reminded of this turn, or others were asked; also while nobody knows what became of it."""
        for key, intent in self.scene.past.intents.items():
            named = key.startswith(f"{step}:{turn.scope}:") and turn.name in key.rpartition(":")[2].split("+")
            if named and (intent.step in (Step.DONE, Step.FAILED) or not self.scene.may_try(key)):
                return intent.at
        return None

    def _to_ask(self, party: str) -> tuple[str, ...]:
        """Who is asked beside the one on duty, or instead of the party."""
        people = self.scene.people(party)
        whole = self.scene.whole(party) if people and people.rota else ()
        return tuple(dict.fromkeys((*self.scene.escalation([party]), *whole)))

    # --- what is said ---

    def _say(self, step: str, scope: str, turns: Sequence[Turn]) -> None:
        parties = [turn.waiting.party for turn in turns]
        waiting = [turn.waiting for turn in turns]
        key = f"{step}:{scope}:{'+'.join(turn.name for turn in turns)}"
        stage, debt = waiting[0].stage, self._debts().get(scope)
        if debt:
            above = () if step == "remind" else self.scene.escalation([debt.party])
            named = {debt.party: tuple(dict.fromkeys((*above, debt.who)))}
            self.scene.say(key, lambda: self._of_debt(step, debt), stage, handles=named)
        elif step == "remind":
            voice = self.scene.voice(parties)
            self.scene.say(key, lambda: self._reminder(voice, scope, waiting), stage, parties)
        else:
            people = {party: self.scene.escalation([party]) for party in parties}
            named = {party: self._to_ask(party) for party in parties}
            self.scene.say(key, lambda: self._escalation(parties, scope, waiting, people), stage, handles=named)

    def _of_debt(self, step: str, debt: Owed) -> Text:
        voice = self.scene.voice()
        if step == "remind":
            return letters.debt_due(voice, debt)
        return letters.debt_escalated(voice, debt, self.scene.escalation([debt.party]))

    def _reminder(self, voice: Voice, scope: str, waiting: Sequence[Waiting]) -> Text:
        proposed = self.scene.pending_route
        if proposed and scope == f"route-{proposed.route}":
            return letters.route_reminded(voice, proposed.stages, waiting)
        return letters.reminded(voice, self._asker(), waiting)

    def _escalation(
        self, parties: Sequence[str], scope: str, waiting: Sequence[Waiting], people: dict[str, tuple[str, ...]]
    ) -> Text:
        voice, proposed = self.scene.voice_to_all(parties), self.scene.pending_route
        if proposed and scope == f"route-{proposed.route}":
            return letters.route_escalated(voice, proposed.stages, waiting, people)
        return letters.escalated(voice, self._asker(), waiting, people)

    def _asker(self) -> str:
        return str(self.scene.attempt.by) if self.scene.attempt else ""

    # --- the turn has come back ---

    def _say_handed_over(self) -> None:
        """What a party handed back has been seen to: it hears so, once for each time."""
        attempt, verdict = self.scene.attempt, self.scene.verdict
        if attempt is None or verdict is None or verdict.outcome is not Outcome.BLOCKED:
            return
        back = [one for party in verdict.awaited for one in self._returns(party, attempt.to, attempt.asked_at)]
        handed = [one for one in back if isinstance(one, HandedOver)]
        for at, group in groupby(sorted(handed, key=lambda one: one.at), key=lambda one: one.at):
            ones = list(group)
            parties = [one.party for one in ones if not self._spoke_since(one.party, at)]
            key = f"again:{attempt.id}:{at.isoformat()}"
            if parties:
                voice, by = self.scene.voice(parties), str(ones[0].by)
                write = self._handed_over(voice, by, attempt.to, parties)
                self.scene.say(key, write, attempt.to, parties)

    def _handed_over(self, voice: Voice, by: str, stage: str, parties: Sequence[str]) -> Callable[[], Text]:
        return lambda: letters.handed_over(voice, by, stage, parties)

    def _spoke_since(self, party: str, at: datetime, words: tuple[type, ...] = (Acknowledged, Approved)) -> bool:
        spoken = (one for one in self.scene.past.evidence if isinstance(one, Acknowledged | Approved))
        return any(isinstance(one, words) and one.party == party and one.at > at for one in spoken)

    def _say_voided(self) -> None:
        """Approvals that have fallen: noted at once, said when the text has come to rest and they are still needed."""
        attempt, verdict = self.scene.attempt, self.scene.verdict
        if attempt is None or verdict is None:
            return
        for approval in self.scene.past.evidence:
            if not isinstance(approval, Approved) or approval.stage != attempt.to or approval.at < attempt.asked_at:
                continue
            others = self._changed(approval)
            if others and approval.comment not in self.scene.past.voided:
                fallen = Voided(self.scene.now, approval.party, approval.stage, approval.comment, others)
                self.scene.note(fallen)
            if others and approval.party in verdict.awaited:
                self._say_fallen(approval, others)

    def _say_fallen(self, approval: Approved, facts: tuple[str, ...]) -> None:
        noted = next(one for one in self.scene.history if isinstance(one, Voided) and one.approval == approval.comment)
        self.scene.look(noted.at + SETTLED)
        if self.scene.now >= noted.at + SETTLED and not self._spoke_since(approval.party, noted.at, (Approved,)):
            voice, party = self.scene.voice([approval.party]), approval.party
            self.scene.say(
                f"voided:{approval.comment}",
                lambda: letters.voided(voice, approval.stage, party, str(approval.by), facts),
                approval.stage,
                [party],
            )

    def _changed(self, approval: Approved) -> tuple[str, ...]:
        """The facts that it was given for, that void it for a gate on the way, and that are others now."""
        mappings, verdict = self.scene.mappings, self.scene.verdict
        crossed = {gate.rule for gate in verdict.gates} if verdict else set()
        wanted = (one for rule in mappings.rules if rule.id in crossed for one in mappings.asked_by(rule))
        asked = (one for one in wanted if isinstance(one, AskedApproval) and one.party == approval.party)
        facts = dict.fromkeys(fact for one in asked for fact in one.voided_by)
        return tuple(str(fact) for fact in changed(approval.facts, facts, self.scene.issue, mappings))
