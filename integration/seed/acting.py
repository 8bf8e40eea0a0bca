"""One story acted out: people act on paper, and the service looks whenever it would have, and answers.

It is the walk of `workers/reconciling.py` on paper: look, write down what follows, say it, do it, and again until a
look plans nothing more; with a clock that goes where it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integration.look import Look, noticed, proofs
from integration.memory.ledger import Card
from integration.memory.versions import Under
from integration.seed import cast
from integration.seed.house_rules import LABELS, PLACES, Eras
from integration.seed.paper import Paper, label_id
from integration.stages.entries import Done, Entry, Failed, Tried
from integration.stages.file.mappings import Mappings
from integration.stages.planning import plan
from integration.stages.planning.actions import (
    Action,
    Edit,
    Fill,
    Pin,
    Prove,
    React,
    Remove,
    Say,
    Shift,
    Tidy,
)  # fmt: skip
from integration.stages.planning.scene import Given

MARKER_KEY = b"the seeded world keeps no secret"
PASSES = 12
_HEARS_AFTER = timedelta(seconds=3)  # a webhook is on its way for so long
_TAKES = timedelta(seconds=1)  # what we ask of a tracker
NAMES = {
    place: {label_id(place, name): (name,) for name in (*LABELS.values(), "internal-only", "hotfix")}
    for place in PLACES
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does on the issue at a moment."""

    at: datetime
    do: Callable[[Paper, datetime], object]


@dataclass(slots=True)
class Written:
    """What one run has come to: each batch of entries with the time at which it was written down, and the card."""

    at: datetime
    batches: list[tuple[datetime, list[Entry]]] = field(default_factory=list)
    card: Card | None = None


class Acting:
    """The service beside one issue on paper."""

    def __init__(self, paper: Paper, eras: Eras, key: bytes = MARKER_KEY) -> None:
        self.paper, self.eras, self.key = paper, eras, key
        self.now = paper.created
        self.entries: list[Entry] = []
        self.runs: list[Written] = []
        self.again: datetime | None = None
        self.speaking: dict[str, cast.Speaking] = {}

    def play(self, acts: Sequence[Act], until: datetime) -> list[Written]:
        """Act it out; every run, oldest first."""
        born = self.eras.born
        for act in acts:
            if act.at >= born:
                self._wait(act.at)
            act.do(self.paper, act.at)
            if act.at >= born:
                self._run(act.at + _HEARS_AFTER)
            elif act.at < born:
                self.again = born + timedelta(minutes=1)  # the import that comes with the ledger
        self._wait(until)
        return self.runs

    # --- when it looks

    def _wait(self, until: datetime) -> None:
        """Until then time passes, and whatever it makes due is looked at."""
        while (due := self._due()) is not None and due <= until:
            self._run(due)

    def _due(self) -> datetime | None:
        """When to look again; a new file wakes whoever has asked for a stage."""
        card = self.runs[-1].card if self.runs else None
        woken = [at for at in self.eras.starts if at > self.now] if card and card.wanted else []
        return min((one for one in (self.again, *woken[:1]) if one is not None), default=None)

    # --- one run

    def _run(self, at: datetime) -> None:
        self.now = max(at, self.now)
        run, mappings = Written(self.now), self.eras.at(self.now)
        for _ in range(PASSES):
            look = self._look(mappings)
            self._note(run, look.plan.entries)
            run.card, self.again = look.card, look.plan.look_again_at
            if not self._apply(run, look.plan.actions):
                break
        if self.entries or (run.card and run.card.stage):
            self.runs.append(run)

    def _look(self, mappings: Mappings) -> Look:
        issue = self.paper.issue()
        if mappings.hash not in self.speaking:
            self.speaking[mappings.hash] = cast.Speaking(mappings, issue.ref)
        given = Given(
            issue, mappings, tuple(self.entries), self.now, self.eras.born, self.key,
            NAMES.get(issue.ref.place, {}), self.speaking[mappings.hash],
        )  # fmt: skip
        return Look(issue, plan.make(given), given, len(self.entries), under=Under(mappings.hash))

    def _note(self, run: Written, entries: Sequence[Entry]) -> None:
        if entries:
            run.batches.append((self.now, list(entries)))
            self.entries += entries

    # --- saying and doing, on paper

    def _apply(self, run: Written, actions: Sequence[Action]) -> bool:
        """Act in order; True when it takes another look. After something was said the stage is looked at anew."""
        said = False
        for action in actions:
            if isinstance(action, Shift | Tidy) and said:
                return True
            said = self._act(run, action) or said
        return said

    def _act(self, run: Written, action: Action) -> bool:
        self.now += _TAKES
        match action:
            case Say():
                self._say(run, action)
            case Edit():
                self._note(run, [Done(self.now, action.key, action.comment, action.digest)])
                return False
            case React() | Pin() | Remove():
                self._note(run, [Done(self.now, action.key, action.comment)])
                return False
            case Shift():
                self._shift(run, action)
            case Tidy():
                for label in action.take:
                    self.paper.takes_off(label, cast.ME, self.now)
            case Fill():
                self._note(run, [Done(self.now, action.key, digest=action.text)])
            case Prove():
                self._note(run, [noticed(action, self._unreached(action.handles))])
        return True

    def _say(self, run: Written, say: Say) -> None:
        self._note(run, [Tried(self.now, say.key)])
        comment = self.paper.is_told(say, self.now)
        self._note(run, [Done(self.now, say.key, comment.id, say.digest)])
        for proved in proofs(say, comment):
            self._note(run, [noticed(proved, self._unreached(proved.handles))])

    def _unreached(self, handles: Sequence[str]) -> dict[str, str]:
        return {one: self.paper.unreached[one] for one in handles if one in self.paper.unreached}

    def _shift(self, run: Written, shift: Shift) -> None:
        self._note(run, [Tried(self.now, shift.key)])
        self.now += _TAKES
        refused = self.paper.shifts(shift, self.now)
        done = Failed(self.now, shift.key, refused) if refused else Done(self.now, shift.key)
        self._note(run, [done])
