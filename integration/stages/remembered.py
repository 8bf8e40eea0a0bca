"""What a feature's entries add up to: `remember(entries) -> Remembered`, all of the past that `plan.py` looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from integration.stages.entries import (
    Acknowledged,
    Agreed,
    Approved,
    AttemptEnded,
    AttemptJoined,
    AttemptOpened,
    Carried,
    Done,
    Doubted,
    Ended,
    Entry,
    Evidence,
    Failed,
    Frozen,
    HandedOver,
    Heard,
    Held,
    Intended,
    Judged,
    LabelVanished,
    NeedsWork,
    Noticed,
    Outcome,
    Owed,
    Proposed,
    Resumed,
    Routed,
    Standing,
    Tried,
    Voided,
    Waived,
)
from integration.stages.model import Person


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
    return Memory(entries).result(seq)


class Memory:
    """The state of `remember` on its way through the entries: more can be added, and costs no more than it is."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
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
        for entry in entries:
            self.take(entry)

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

    def result(self, seq: int = 0) -> Remembered:
        """What it adds up to now; what is added later does not change it."""
        return Remembered(
            seq=seq,
            verdicts=dict(self.verdicts),
            attempt=self.attempt,
            ended=tuple(self.ended),
            ended_at=dict(self.ended_at),
            evidence=tuple(self.evidence),
            hold=self.hold,
            resumed_at=self.resumed_at,
            intents=dict(self.intents),
            heard=dict(self.heard),
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
