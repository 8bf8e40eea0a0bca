"""What the ledger remembers of one feature: entries, appended and never changed, and what they add up to.

`remember(entries)` folds them to a `Remembered`, the only thing of the past that `plan.py` looks at. Told, seen and
agreed are three facts, never one: `Noticed`, `Acknowledged`, `Approved`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal

from integration.stages.model import Move, Person


class Outcome(StrEnum):
    """What a verdict says. `adopted` stands from before the ledger was born; it was never judged."""

    ADMITTED = "admitted"
    WARNED = "warned"
    BLOCKED = "blocked"
    ADOPTED = "adopted"


class Ended(StrEnum):
    """How an attempt ended."""

    ADMITTED = "admitted"
    CANCELLED = "cancelled"
    MOVED = "moved elsewhere"
    EXPIRED = "expired"
    NOT_PLANNED = "not planned"


@dataclass(frozen=True, slots=True)
class Finding:
    """One requirement's outcome. `ok` None: it could not be evaluated. `look_again_at`: when time alone changes it."""

    says: str
    ok: bool | None
    reason: str = ""
    party: str = ""  # who can mend it; empty: whoever asked
    evidence: tuple[str, ...] = ()  # addresses of comments or events
    look_again_at: datetime | None = None
    parts: tuple[Finding, ...] = ()
    negated: bool = False  # the parts must not be so
    owed: bool = False  # passes for now, as a named person has promised it for later
    waits_for: tuple[str, ...] = ()  # refs of issues whose change may change this
    route: str = ""  # it is about agreeing to this route, and to nothing else


@dataclass(frozen=True, slots=True)
class GateResult:
    """One rule, as its text was, applied to one move."""

    rule: str
    stage: str
    level: str
    ok: bool | None
    findings: tuple[Finding, ...]
    because: str = ""
    when_cleared: str = "apply"
    on_error: str = "closed"
    waived: str = ""  # by whom and why


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict. Once given for a move it stays (law 2), unless it was `blocked`: then the attempt goes on."""

    at: datetime
    move: Move
    outcome: Outcome
    gates: tuple[GateResult, ...] = ()
    mappings: str = ""
    attempt: str = ""
    kind: Literal["judged"] = "judged"


@dataclass(frozen=True, slots=True)
class AttemptOpened:
    """Somebody wants a stage that its gates do not give yet. `attempt` is the id of the move that asked first."""

    at: datetime
    attempt: str
    source: str
    was: str | None
    to: str
    by: Person
    asked_at: datetime
    kind: Literal["attempt_opened"] = "attempt_opened"


@dataclass(frozen=True, slots=True)
class AttemptJoined:
    """The same attempt was asked for again, or for a higher stage."""

    at: datetime
    attempt: str
    move: str
    to: str
    by: Person
    kind: Literal["attempt_joined"] = "attempt_joined"


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    """The attempt is over. What was given for it does not count for a later one."""

    at: datetime
    attempt: str
    stage: str
    how: Ended
    by: str = ""
    kind: Literal["attempt_ended"] = "attempt_ended"


@dataclass(frozen=True, slots=True)
class Standing:
    """A blocked move that we could not or may not put back: an escape, never admitted by persistence."""

    at: datetime
    attempt: str
    reason: str
    next_try: datetime | None = None
    kind: Literal["standing"] = "standing"


@dataclass(frozen=True, slots=True)
class Noticed:
    """A party was mentioned. `unreached` says why the mention cannot have reached them; empty: it was resolved."""

    at: datetime
    party: str
    stage: str
    comment: str
    by: Person
    url: str = ""
    unreached: str = ""
    fallback: bool = False
    handles: tuple[str, ...] = ()  # those that were mentioned
    why: Literal["told", "reminded", "escalated"] = "told"
    kind: Literal["noticed"] = "noticed"


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A member of the party has seen it. `plain` when a reply said so, not a command."""

    at: datetime
    party: str
    stage: str
    by: Person
    comment: str
    url: str = ""
    plain: bool = False
    kind: Literal["acknowledged"] = "acknowledged"


@dataclass(frozen=True, slots=True)
class Approved:
    """A member of the party agrees."""

    at: datetime
    party: str
    stage: str
    by: Person
    comment: str
    url: str = ""
    facts: tuple[tuple[str, str], ...] = ()  # name and digest of each fact that it was given for
    kind: Literal["approved"] = "approved"


@dataclass(frozen=True, slots=True)
class NeedsWork:
    """A member of the party says what is missing; undoes what the party gave before, until it gives it again."""

    at: datetime
    party: str
    stage: str
    by: Person
    what: str
    comment: str
    url: str = ""
    kind: Literal["needs_work"] = "needs_work"


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What a party handed back has been seen to: the turn is the party's again, and its clock runs anew."""

    at: datetime
    party: str
    stage: str
    by: Person
    comment: str = ""
    kind: Literal["handed_over"] = "handed_over"


@dataclass(frozen=True, slots=True)
class Voided:
    """An approval fell, as facts that it was given for have changed. `facts` are their names."""

    at: datetime
    party: str
    stage: str
    approval: str  # the comment that gave it
    facts: tuple[str, ...]
    kind: Literal["voided"] = "voided"


@dataclass(frozen=True, slots=True)
class Owed:
    """A debt: the party's word on a stage comes later, by a named person. Paid when the party gives it.

    `who` is that person's handle; `until` None: no date was set. `asks` is the word that pays it.
    """

    at: datetime
    party: str
    stage: str
    by: Person
    who: str
    until: datetime | None = None
    asks: Literal["ack", "approve"] = "ack"
    comment: str = ""
    url: str = ""
    name: str = ""  # what `who` is called
    askers: tuple[str, ...] = ()  # ids of those who asked for the request it was made for: they cannot pay it
    kind: Literal["owed"] = "owed"


@dataclass(frozen=True, slots=True)
class Proposed:
    """A route: the stages that this feature is to visit. `origin` is where it was written."""

    at: datetime
    route: str  # names it for ever
    stages: tuple[str, ...]
    by: Person
    origin: Literal["command", "text"] = "command"
    comment: str = ""
    url: str = ""
    kind: Literal["proposed"] = "proposed"


@dataclass(frozen=True, slots=True)
class Agreed:
    """A party agrees to a route."""

    at: datetime
    route: str
    party: str
    by: Person
    comment: str
    url: str = ""
    kind: Literal["agreed"] = "agreed"


@dataclass(frozen=True, slots=True)
class Routed:
    """From now on this is the feature's route: everybody who has to has agreed, or it changes nothing ahead."""

    at: datetime
    route: str
    stages: tuple[str, ...]
    kind: Literal["routed"] = "routed"


@dataclass(frozen=True, slots=True)
class Held:
    """Nothing goes forward until somebody resumes it, or until the date."""

    at: datetime
    by: Person
    why: str
    comment: str
    parties: tuple[str, ...] = ()  # of the holder
    until: datetime | None = None
    kind: Literal["held"] = "held"


@dataclass(frozen=True, slots=True)
class Resumed:
    """The hold is over."""

    at: datetime
    by: Person
    comment: str
    kind: Literal["resumed"] = "resumed"


@dataclass(frozen=True, slots=True)
class Waived:
    """One rule is waived for one attempt on one stage."""

    at: datetime
    rule: str
    stage: str
    by: Person
    why: str
    comment: str
    until: datetime | None = None
    kind: Literal["waived"] = "waived"


@dataclass(frozen=True, slots=True)
class Heard:
    """A comment was read; what it was then is what counts. `answer` names the reply that it got."""

    at: datetime
    comment: str
    by: Person
    command: str = ""
    allowed: bool = True
    reply: str = ""
    kind: Literal["heard"] = "heard"


@dataclass(frozen=True, slots=True)
class Intended:
    """Something is to be said or done, once: `key` names it for ever. `was` and `to` are a shift's."""

    at: datetime
    key: str
    what: Literal["say", "shift", "react"]
    was: str | None = None
    to: str | None = None
    source: str = ""
    after: str = ""  # the last sighting read before: ours is the first such sighting after it
    tells: tuple[str, ...] = ()  # a say's: the parties that it mentions
    handles: tuple[tuple[str, ...], ...] = ()  # and by which handles, in the same order
    stage: str = ""  # a say's: what they are told of
    route: str = ""  # a say's: the route that it asks them to agree to, too
    outcome: Outcome | None = None  # an apply's: the verdict that the move will carry
    gates: tuple[GateResult, ...] = ()
    kind: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Tried:
    """The request is about to leave. Without a `Done` behind it, what became of it is unknown."""

    at: datetime
    key: str
    kind: Literal["tried"] = "tried"


@dataclass(frozen=True, slots=True)
class Done:
    """It was said or done. `comment` is the comment's id, `digest` of a text that is edited in place."""

    at: datetime
    key: str
    comment: str = ""
    digest: str = ""
    kind: Literal["done"] = "done"


@dataclass(frozen=True, slots=True)
class Failed:
    """The tracker refused it, for a reason in words; it is not tried again before somebody or time changes that."""

    at: datetime
    key: str
    reason: str
    kind: Literal["failed"] = "failed"


@dataclass(frozen=True, slots=True)
class Doubted:
    """Something cannot be evaluated, from now on; or, where it is `over`, all of it can be again."""

    at: datetime
    over: bool = False
    kind: Literal["doubted"] = "doubted"


@dataclass(frozen=True, slots=True)
class Frozen:
    """The issue was deleted, or is out of our sight."""

    at: datetime
    reason: str
    kind: Literal["frozen"] = "frozen"


@dataclass(frozen=True, slots=True)
class Carried:
    """The issue lives elsewhere now; all that was recorded goes with it."""

    at: datetime
    was: str
    now: str
    kind: Literal["carried"] = "carried"


@dataclass(frozen=True, slots=True)
class LabelVanished:
    """A stage's label was deleted from the place: nobody is told, the admin is."""

    at: datetime
    label: str
    stage: str
    kind: Literal["label_vanished"] = "label_vanished"


Entry = (
    Judged
    | AttemptOpened
    | AttemptJoined
    | AttemptEnded
    | Standing
    | Noticed
    | Acknowledged
    | Approved
    | NeedsWork
    | HandedOver
    | Voided
    | Owed
    | Proposed
    | Agreed
    | Routed
    | Held
    | Resumed
    | Waived
    | Heard
    | Intended
    | Tried
    | Done
    | Failed
    | Doubted
    | Frozen
    | Carried
    | LabelVanished
)

Evidence = Noticed | Acknowledged | Approved | NeedsWork | HandedOver | Waived


class Step(StrEnum):
    """How far an intent has come. `tried` without an end: what became of it is unknown."""

    OPEN = "open"
    TRIED = "tried"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that is said or done once, and how far it has come."""

    key: str
    step: Step
    at: datetime  # of the last step
    comment: str = ""
    digest: str = ""
    reason: str = ""
    intended: Intended | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A stage that somebody still wants. `asks` are the ids of the moves that asked for it, the first one first."""

    id: str
    source: str
    was: str | None
    to: str
    by: Person
    asked_at: datetime
    asks: tuple[str, ...]
    askers: frozenset[str]  # ids of the people who asked
    standing: Standing | None = None
    raised_at: datetime | None = None  # when a higher stage was asked for


@dataclass(frozen=True, slots=True)
class Remembered:
    """All that the ledger remembers of one feature. `seq` is the head that the next append must build on."""

    seq: int = 0
    verdicts: Mapping[str, Judged] = field(default_factory=dict)
    attempt: Attempt | None = None
    ended: tuple[AttemptEnded, ...] = ()
    ended_at: Mapping[str, datetime] = field(default_factory=dict)  # stage -> end of the last attempt on it
    evidence: tuple[Evidence, ...] = ()
    hold: Held | None = None
    resumed_at: datetime | None = None  # when the last hold ended
    intents: Mapping[str, Intent] = field(default_factory=dict)
    heard: Mapping[str, Heard] = field(default_factory=dict)  # by comment id
    proved: frozenset[tuple[str, str]] = frozenset()  # (comment, party) whose notice is recorded
    vanished: frozenset[str] = frozenset()
    frozen: bool = False
    doubted_since: datetime | None = None  # since when something could not be evaluated
    debts: tuple[Owed, ...] = ()  # those that are not paid
    voided: frozenset[str] = frozenset()  # approvals that have fallen, by their comment
    proposed: Proposed | None = None  # the last route that was proposed
    agreements: tuple[Agreed, ...] = ()  # to that one
    route: Routed | None = None  # the one that is in force
    former: tuple[str, ...] = ()  # refs that the issue had before
    carried_at: datetime | None = None  # when it came from the last of them

    @property
    def shifts(self) -> tuple[Intended, ...]:
        """What we meant to do to the stage, and tried."""
        tried = (Step.TRIED, Step.DONE, Step.FAILED)  # what was refused half-way may have begun
        found = (one.intended for one in self.intents.values() if one.step in tried)
        return tuple(one for one in found if one is not None and one.what == "shift")

    def is_done(self, key: str) -> bool:
        """Was it said or done?"""
        return key in self.intents and self.intents[key].step is Step.DONE


def remember(entries: Iterable[Entry], seq: int = 0) -> Remembered:
    """Fold a feature's entries to what they add up to now. A hold's date is not looked at here: there is no clock."""
    fold = _Fold()
    for entry in entries:
        fold.take(entry)
    return fold.result(seq)


class _Fold:
    """The state of `remember` on its way through the entries."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Judged] = {}
        self.attempt: Attempt | None = None
        self.ended: list[AttemptEnded] = []
        self.ended_at: dict[str, datetime] = {}
        self.evidence: list[Evidence] = []
        self.hold: Held | None = None
        self.resumed_at: datetime | None = None
        self.intents: dict[str, Intent] = {}
        self.heard: dict[str, Heard] = {}
        self.vanished: set[str] = set()
        self.frozen = False
        self.doubted_since: datetime | None = None
        self.debts: list[Owed] = []
        self.voided: set[str] = set()
        self.proposed: Proposed | None = None
        self.agreements: list[Agreed] = []
        self.route: Routed | None = None
        self.former: list[str] = []
        self.carried_at: datetime | None = None

    def take(self, entry: Entry) -> None:
        """Add one entry."""
        match entry:
            case Judged():
                self._judged(entry)
            case AttemptOpened():
                self.attempt = Attempt(
                    entry.attempt,
                    entry.source,
                    entry.was,
                    entry.to,
                    entry.by,
                    entry.asked_at,
                    (entry.attempt,),
                    frozenset({entry.by.id}),
                )
            case AttemptJoined() if self.attempt:
                asks = tuple(dict.fromkeys((*self.attempt.asks, entry.move)))
                askers = self.attempt.askers | {entry.by.id}
                self.attempt = replace(self.attempt, asks=asks, askers=askers)
                if entry.to != self.attempt.to:
                    self.attempt = replace(self.attempt, to=entry.to, by=entry.by, raised_at=entry.at)
            case Standing() if self.attempt:
                self.attempt = replace(self.attempt, standing=entry if entry.reason else None)
            case AttemptEnded():
                self._ended(entry)
            case Noticed() | NeedsWork() | HandedOver() | Waived():
                self.evidence.append(entry)
            case Acknowledged() | Approved():
                self.evidence.append(entry)
                self.debts = [one for one in self.debts if not _pays(entry, one)]
            case Owed() | Voided() | Proposed() | Agreed() | Routed():
                self._between_people(entry)
            case Held():
                self.hold = entry
            case Resumed():
                self.hold, self.resumed_at = None, entry.at
            case Heard():
                self.heard[entry.comment] = entry
            case Intended() | Tried() | Done() | Failed():
                self._step(entry)
            case Doubted():
                self.doubted_since = None if entry.over else entry.at
            case Frozen():
                self.frozen = True
            case Carried():
                self.frozen = False
                self.former.append(entry.was)
                self.carried_at = entry.at
            case LabelVanished():
                self.vanished.add(entry.label)
            case _:
                pass  # a Standing or AttemptJoined that came after its attempt had ended

    def _ended(self, entry: AttemptEnded) -> None:
        """What was put off on the way to a stage that it did not reach is owed no more."""
        if self.attempt and entry.how is not Ended.ADMITTED:
            since = self.attempt.asked_at
            self.debts = [one for one in self.debts if one.at < since]
        self.ended.append(entry)
        self.ended_at[entry.stage] = entry.at
        self.attempt = None

    def _between_people(self, entry: Owed | Voided | Proposed | Agreed | Routed) -> None:
        match entry:
            case Owed():
                same = (entry.party, entry.stage)
                self.debts = [one for one in self.debts if (one.party, one.stage) != same] + [entry]
            case Voided():
                self.voided.add(entry.approval)
            case Proposed():
                self.proposed, self.agreements = entry, []
            case Agreed() if self.proposed and self.proposed.route == entry.route:
                self.agreements.append(entry)
            case Routed():
                self.route = entry
            case _:
                pass  # agreement to a route that is not proposed any more

    def _judged(self, entry: Judged) -> None:
        self.verdicts[entry.move.id] = entry
        if entry.outcome is not Outcome.BLOCKED and entry.move.to is not None:
            self.ended_at[entry.move.to] = max(entry.at, self.ended_at.get(entry.move.to, entry.at))

    def _step(self, entry: Intended | Tried | Done | Failed) -> None:
        known = self.intents.get(entry.key)
        intended = known.intended if known else None
        match entry:
            case Intended():
                self.intents[entry.key] = Intent(entry.key, Step.OPEN, entry.at, intended=entry)
            case Tried():
                self.intents[entry.key] = Intent(entry.key, Step.TRIED, entry.at, intended=intended)
            case Done():
                self.intents[entry.key] = Intent(
                    entry.key, Step.DONE, entry.at, entry.comment, entry.digest, intended=intended
                )
            case Failed():
                self.intents[entry.key] = Intent(
                    entry.key, Step.FAILED, entry.at, reason=entry.reason, intended=intended
                )

    def result(self, seq: int) -> Remembered:
        """What it adds up to."""
        return Remembered(
            seq=seq,
            verdicts=self.verdicts,
            attempt=self.attempt,
            ended=tuple(self.ended),
            ended_at=self.ended_at,
            evidence=tuple(self.evidence),
            hold=self.hold,
            resumed_at=self.resumed_at,
            intents=self.intents,
            heard=self.heard,
            proved=frozenset((one.comment, one.party) for one in self.evidence if isinstance(one, Noticed)),
            vanished=frozenset(self.vanished),
            frozen=self.frozen,
            doubted_since=self.doubted_since,
            debts=tuple(self.debts),
            voided=frozenset(self.voided),
            proposed=self.proposed,
            agreements=tuple(self.agreements),
            route=self.route,
            former=tuple(self.former),
            carried_at=self.carried_at,
        )


def _pays(word: Acknowledged | Approved, debt: Owed) -> bool:
    """Is this the word that was owed?"""
    fits = (word.party, word.stage) == (debt.party, debt.stage) and word.at > debt.at
    fits = fits and word.by.id not in debt.askers
    return fits and (debt.asks == "ack" or isinstance(word, Approved))


def asked_to_agree(past: Remembered, route: str, parties: Iterable[str]) -> set[str]:
    """Those of the parties that a comment of ours has asked to agree to this route.

    A comment of which the ledger has lost whom it asked, has asked them all.
    """
    asked: set[str] = set()
    for one in past.intents.values():
        if one.intended is None and one.step is Step.DONE and one.key.split(":")[:2] == ["route", route]:
            return set(parties)
        if one.intended and one.intended.route == route:
            on_its_way = one.key.startswith(("block:", "warn:")) and one.step in (Step.OPEN, Step.TRIED)
            asked |= set(one.intended.tells) if on_its_way or one.step is Step.DONE else set()
    return asked & set(parties)
