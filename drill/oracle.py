"""The end of a drill: was every promise kept, for every feature? Two oracles that do not ask each other.

One is the pure evaluator over the history that the real adapter fetches: it must find nothing left to say or do. The
other knows nothing of it: the story that people lived through says where the feature must stand.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from drill.people import People
from drill.stories import Feature
from drill.weather import Weather
from integration.look import Desk, Look
from integration.memory.failures import State
from integration.memory.inbox import PREFIX, Inbox
from integration.stages.entries import (
    Acknowledged,
    Approved,
    Done,
    Entry,
    Failed,
    Intended,
    Judged,
    Noticed,
    Outcome,
    Standing,
    Tried,
    Waived,
)
from integration.stages.model import ROUNDS, Ref
from integration.stages.remembered import Step, remember
from integration.stages.texts import markers
from integration.trackers import Unavailable

TOLD_OF_PUBLIC = ("support", "growth", "docs")
_ASKED_TO_WAIT = 65.0
_LET_IN = (Outcome.ADMITTED, Outcome.WARNED)


@dataclass(frozen=True)
class Miss:
    """A promise that was not kept."""

    law: str
    ref: str
    what: str

    def __str__(self) -> str:
        return f"{self.law}: {self.ref}: {self.what}"


@dataclass
class Verdicts:
    """What the oracles say, and what the ledgers tell of the way there."""

    misses: list[Miss] = field(default_factory=list)
    stories: dict[str, list[str]] = field(default_factory=dict)
    figures: Counter[str] = field(default_factory=Counter)

    def miss(self, law: str, ref: object, what: str) -> None:
        """Note one."""
        self.misses.append(Miss(law, str(ref), what))


@dataclass
class Oracle:
    """Looks at each feature when all has come to rest."""

    desk: Desk
    inbox: Inbox
    people: People
    weather: Weather
    found: Verdicts = field(default_factory=Verdicts)

    def judge(self, features: list[Feature]) -> Verdicts:
        """All that was promised."""
        for feature in features:
            ref = self.people.refs[feature.number]
            before = len(self.found.misses)
            try:
                self._one(feature, ref)
            except Exception as error:
                self.found.miss("it can be looked at", ref, f"{type(error).__name__}: {error}")
            if len(self.found.misses) > before and len(self.found.stories) < 5:
                self.found.stories[str(ref)] = list(self._story(feature, ref))
        self._all_of_it()
        return self.found

    def _one(self, feature: Feature, ref: Ref) -> None:
        look = self._look(ref)
        entries = self.desk.ledger.entries(ref)
        self._at_rest(ref, look)
        self._where_the_story_ends(feature, ref, entries)
        self._said_once(feature, ref, look, entries)
        self._judged(ref, look, entries)
        self._let_in(feature, ref, entries)
        if (broken := self.desk.ledger.verify(ref)) is not None:
            self.found.miss("the chain of the log is whole", ref, f"it breaks at entry {broken}")
        self._count(entries)

    def _look(self, ref: Ref) -> Look:
        """What the evaluator says; a tracker may still ask us to wait, from when its faults were on."""
        end = time.monotonic() + _ASKED_TO_WAIT
        while True:
            try:
                return self.desk.look(ref, datetime.now(UTC))
            except Unavailable:
                if time.monotonic() > end:
                    raise
                time.sleep(1)

    def _at_rest(self, ref: Ref, look: Look) -> None:
        """The pure evaluator finds nothing left to write, say or do."""
        left = [type(one).__name__ for one in (*look.plan.entries, *look.plan.actions)]
        if left:
            self.found.miss("the end is what the evaluator says", ref, f"it would still do: {', '.join(left)}")

    def _where_the_story_ends(self, feature: Feature, ref: Ref, entries: tuple[Entry, ...]) -> None:
        shown = self.people.stages(feature)
        law = "the end is what the story says"
        stands = any(isinstance(one, Standing) for one in entries)  # then it shows both: blocked, and not put back
        if not shown or not shown <= feature.ends or (len(shown) > 1 and not stands):
            wanted = " or ".join(sorted(feature.ends))
            self.found.miss(law, ref, f"it shows {sorted(shown)}, not {wanted} ({feature.story.name})")
        admitted = any(
            isinstance(one, Judged) and one.move.to == "public" and one.outcome in _LET_IN for one in entries
        )
        if feature.story.admits is not None and admitted is not feature.story.admits:
            self.found.miss(law, ref, f"Public was {'' if admitted else 'not '}let in ({feature.story.name})")
        if "public" in shown and not admitted and not stands:
            self.found.miss("nothing stands in Public unjudged", ref, f"nobody has let it in ({feature.story.name})")

    def _said_once(self, feature: Feature, ref: Ref, look: Look, entries: tuple[Entry, ...]) -> None:
        """Exactly one comment for each thing said, and none that the ledger did not know before."""
        key = self.desk.settings.marker_key
        tokens = {one.id: one.token for one in look.issue.comments if one.author.id == look.issue.me.id}
        shown: dict[str, list[float]] = {}
        for comment in self.people.written(feature):
            marker = markers.read(tokens.get(comment.id, ""), (str(ref),), key)
            if marker is None:
                self.found.miss("what is said carries our mark", ref, f"comment {comment.id} has none")
            else:
                shown.setdefault(marker.key, []).append(comment.created)
        known = {one.key: one for one in remember(entries).intents.values() if one.intended}
        for name, times in shown.items():
            if len(times) > 1:
                self.found.miss("nothing is said twice", ref, f"{len(times)} comments say {name}")
            self._known_before(ref, name, min(times), entries)
        for name, intent in known.items():
            said = intent.intended is not None and intent.intended.what == "say" and intent.step is Step.DONE
            if said and name not in shown:
                self.found.miss("what is on record was said", ref, f"no comment says {name}")
        self.found.figures["comments"] += sum(map(len, shown.values()))

    def _known_before(self, ref: Ref, name: str, created: float, entries: tuple[Entry, ...]) -> None:
        """The ledger comes first: the intent, and the attempt, stand there before the comment does."""
        slack = 1.0 if ref.tracker == "github" else 0.05  # GitHub's stamps are cut to the second
        tried = [one.at.timestamp() for one in entries if isinstance(one, Tried) and one.key == name]
        meant = any(isinstance(one, Intended) and one.key == name for one in entries)
        if not meant or not tried or created + slack < min(tried):
            self.found.miss("the ledger knows it before it is said", ref, f"{name} was said first")

    def _judged(self, ref: Ref, look: Look, entries: tuple[Entry, ...]) -> None:
        """No verdict is lost: each move that still holds has one; what was let in is never put back."""
        past = remember(entries)
        for rung in look.plan.rungs:
            if rung.id not in past.verdicts:
                self.found.miss("no verdict is lost", ref, f"the move {rung.was} -> {rung.to} ({rung.id}) has none")
        let_in: set[str] = set()
        for one in entries:
            if isinstance(one, Judged) and one.outcome in _LET_IN:
                let_in.add(one.move.id)
            if isinstance(one, Intended) and one.key.startswith("put-back:") and one.key.split(":")[1] in let_in:
                self.found.miss("what was let in is never put back", ref, one.key)

    def _let_in(self, feature: Feature, ref: Ref, entries: tuple[Entry, ...]) -> None:
        """Public only with the words that it asks for, and with its notices."""
        if "public" not in self.people.stages(feature):
            return
        if not any(isinstance(one, Judged) and one.move.to == "public" and one.outcome in _LET_IN for one in entries):
            return
        seen = any(isinstance(one, Acknowledged) and one.party == "support" for one in entries)
        agreed = any(isinstance(one, Approved) and one.party == "growth" for one in entries)
        waived = {one.rule for one in entries if isinstance(one, Waived)}
        if not (seen or "support-before-public" in waived) or not (agreed or "growth-before-public" in waived):
            self.found.miss("Public needs its words", ref, "it was let in without them")
        told = {one.party for one in entries if isinstance(one, Noticed) and one.stage == "public"}
        if "docs" not in told:
            self.found.miss("nobody is left out of Public", ref, f"told were only {sorted(told)}")

    def _all_of_it(self) -> None:
        for fault in self.desk.ledger.verify_anchors():
            self.found.miss("the chain of the log is whole", "the anchors", fault)
        names = [one.decode() for one in cast(list[bytes], self.inbox._redis.zrange(f"{PREFIX}dirty", 0, -1))]
        if waiting := [one for one in names if Ref.parse(one).tracker not in ROUNDS]:  # a round may be under way
            self.found.miss("the inbox is empty", "the inbox", f"{len(waiting)} issues still wait: {waiting[:5]}")
        for failure in self.desk.ledger.failures.listed(State.RETRYING, State.DEAD):
            self.found.miss("nothing has failed for good", failure.ref, f"{failure.state}: {failure.reason}")
        for first, second in self.weather.at_once():
            self.found.miss("one issue, one worker", first.ref, f"{first} together with {second}")

    def _count(self, entries: tuple[Entry, ...]) -> None:
        tried: dict[str, datetime] = {}
        for one in entries:
            self.found.figures["doubles removed"] += isinstance(one, Done) and one.key.startswith("double:")
            if isinstance(one, Tried):
                self.found.figures["tried again"] += one.key in tried
                tried[one.key] = one.at
            elif isinstance(one, Done | Failed) and one.key in tried:
                late = (one.at - tried.pop(one.key)).total_seconds() > 3
                self.found.figures["outcomes found later"] += late
        self.found.figures["entries"] += len(entries)

    def _story(self, feature: Feature, ref: Ref) -> Iterator[str]:
        yield f"{ref}, “{feature.story.name}”, began in {feature.begins}; at the tracker:"
        yield from (f"    {line}" for line in list(self.people.history(feature))[-25:])
        yield "  in the ledger:"
        for one in self.desk.ledger.entries(ref)[-30:]:
            told = {
                name: str(value)
                for name in ("key", "outcome", "party", "stage", "how", "reason", "comment", "command")
                if (value := getattr(one, name, ""))
            }
            yield f"    {one.at:%H:%M:%S.%f} {one.kind} {told}"
