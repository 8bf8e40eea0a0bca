"""One issue at one moment: all that is known of it, and what this look adds to that.

The rooms that decide (`attempts`, `saying`, `answering`, `living`, `doing`) share a `Scene`: they read from it, note
entries for the ledger, and add actions. Whatever was noted counts as remembered from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from integration.stages import markers, words
from integration.stages.actions import Action, Say
from integration.stages.entries import Attempt, AttemptOpened, Entry, Held, Intended, Outcome, Step, remember
from integration.stages.gate import Ask, CaseFor, Verdict, judge
from integration.stages.hearing import Answers
from integration.stages.mappings import Mappings, at
from integration.stages.markup import Text
from integration.stages.model import NEVER, Comment, Issue, Move
from integration.stages.moves import Names, Track, is_forward, ladder, rank, stays, track
from integration.stages.rules import Case

UNKNOWN_FOR = timedelta(seconds=60)
"""So long a request whose answer was lost may still show up at the tracker; only then is it sent again."""


@dataclass(frozen=True, slots=True)
class Given:
    """All that is known when a plan is made. `handles` are a group's people, where the tracker had to be asked."""

    issue: Issue
    mappings: Mappings
    past: tuple[Entry, ...]
    now: datetime
    born: datetime
    marker_key: bytes
    names: Names = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    handles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Scene:
    """What was known, what is added to it, and what follows."""

    def __init__(self, given: Given) -> None:
        self.given, self.issue, self.mappings, self.now = given, given.issue, given.mappings, given.now
        self.stages = list(given.mappings.stages)
        self.entries: list[Entry] = []
        self.actions: list[Action] = []
        self.looks: list[datetime] = []
        self.unreadable: dict[str, datetime] = {}
        self.wants: set[str] = set()
        self.verdict: Verdict | None = None
        self.past = remember(given.past)
        self.own = self._own_comments()
        self.tracks: dict[str, Track] = {}
        self.fold()

    def note(self, *entries: Entry) -> None:
        """Add to what will be remembered, and remember it."""
        self.entries += entries
        self.past = remember((*self.given.past, *self.entries))

    @property
    def attempt(self) -> Attempt | None:
        """The open attempt."""
        return self.past.attempt

    @property
    def track(self) -> Track | None:
        """The source that moved last; while an attempt is open, the attempt's."""
        if self.attempt and self.attempt.source in self.tracks:
            return self.tracks[self.attempt.source]
        moved = [one for one in self.tracks.values() if one.moved_at is not None]
        return max(moved, key=lambda one: one.moved_at or NEVER, default=None)

    @property
    def rungs(self) -> tuple[Move, ...]:
        """The forward moves that still hold, lowest first."""
        return self.rungs_of(self.track) if self.track else ()

    def rungs_of(self, track: Track) -> tuple[Move, ...]:
        """The same of one source: they fold apart."""
        verdicts = self.past.verdicts
        return ladder(track.moves, self.stages, {id for id in verdicts if verdicts[id].outcome != Outcome.BLOCKED})

    @property
    def all_rungs(self) -> tuple[Move, ...]:
        """The rungs of every source of the issue."""
        return tuple(rung for one in self.tracks.values() for rung in self.rungs_of(one))

    @property
    def hold(self) -> Held | None:
        """The hold that is on now; one whose date is over ends by itself."""
        hold = self.past.hold
        return hold if hold and (hold.until is None or self.now < hold.until) else None

    def judge(self, ask: Ask, askers: frozenset[str]) -> Verdict:
        """What the rules say of this wish now."""
        return judge(ask, self.mappings, CaseFor(self.case(askers), ask.to, self.since()))

    def case(self, askers: frozenset[str] = frozenset()) -> Case:
        """What the rules may look at, with the evidence of all stages."""
        never_in = frozenset(id for id, one in self.past.verdicts.items() if one.outcome is Outcome.BLOCKED)
        return Case(
            issue=self.issue,
            mappings=self.mappings,
            now=self.now,
            evidence=self.past.evidence,
            stays=stays(self.track.moves, never_in) if self.track else (),
            askers=askers,
            hold=self.hold,
            unreadable=self.unreadable,
        )

    def ask_of(self, attempt: Attempt) -> Ask:
        """The attempt as a wish: from where it began to its target, by the moves that asked for it."""
        track = self.tracks.get(attempt.source)
        asked = {id: judged.move for id, judged in self.past.verdicts.items() if id in attempt.asks}
        asked |= {one.id: one for one in (track.changes if track else ()) if one.id in attempt.asks}
        steps = tuple((move.was, move.to) for move in asked.values() if move.to is not None)
        return Ask(attempt.was, attempt.to, attempt.raised_at or attempt.asked_at, steps)

    def since(self) -> dict[str, datetime]:
        """From when on evidence counts, per stage: since the last attempt on it ended, or it was left by hand."""
        since = dict(self.past.ended_at)
        for move in self.track.moves if self.track else ():
            if not move.ours and not is_forward(move, self.stages):
                for stage in self.stages[rank(move.to, self.stages) + 1 : rank(move.was, self.stages) + 1]:
                    since[stage] = max(move.at, since.get(stage, move.at))
        return since

    @property
    def is_clear(self) -> bool:
        """The attempt's gates are open, and nobody holds the feature."""
        return self.verdict is not None and self.verdict.outcome in (Outcome.ADMITTED, Outcome.WARNED) and not self.hold

    def stage_in_play(self, at: datetime) -> str:
        """What a word without a stage, written then, is for: the open attempt's stage, else the next one."""
        if self.attempt and at >= self.attempt.asked_at:
            return self.attempt.to
        stood = [stay for stay in self.case().stays if stay.since <= at]
        return self.stages[min(rank(stood[-1].stage if stood else None, self.stages) + 1, len(self.stages) - 1)]

    def look(self, when: datetime | None) -> None:
        """Come back then, as time may have changed something."""
        if when is not None:
            self.looks.append(when)

    def voice(self, parties: Iterable[str] = (), askers: frozenset[str] = frozenset()) -> words.Voice:
        """What every text needs; these parties can be mentioned in it."""
        handles = {party: self.handles(party) for party in parties}
        return words.Voice(self.case(askers), self.track.stage if self.track else None, handles)

    def handles(self, party: str) -> tuple[str, ...]:
        """Whom a mention of the party names on this tracker."""
        known = self.mappings.parties.get(party)
        if self.issue.ref.tracker == "github":
            people = known.github if known else None
            if people is None:
                return ()
            return (people.team, *people.users) if people.team else people.users or people.fallback
        staff = known.jira if known else None
        if staff is None or staff.users or not staff.group:
            return (staff.users or staff.fallback) if staff else ()
        if party not in self.given.handles:
            self.wants.add(party)
        return self.given.handles.get(party) or staff.fallback

    def fallback(self, party: str) -> tuple[str, ...]:
        """Whom to name where a mention of the party reached nobody."""
        known = self.mappings.parties.get(party)
        people = known.on(self.issue.ref.tracker) if known else None
        return people.fallback if people else ()

    def may_try(self, key: str) -> bool:
        """Not done, not refused, and not on its way: what was tried just now may still show up at the tracker."""
        intent = self.past.intents.get(key)
        if intent is None or intent.step is Step.OPEN:
            return True
        if intent.step is Step.TRIED:
            self.look(intent.at + UNKNOWN_FOR)
            return self.now - intent.at >= UNKNOWN_FOR
        return False

    def say(
        self, key: str, write: Callable[[], Text], stage: str = "", tells: Sequence[str] = (),
        handles: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:  # fmt: skip
        """Say it once: the intent goes to the ledger with the decision, and the comment's marker names it.

        `write` is called only where it is to be said: a text may cost questions to the tracker.
        """
        if not self.may_try(key):
            return
        told = dict(handles) if handles is not None else {party: self.handles(party) for party in tells}
        self.intend(Intended(self.now, key, "say", tells=tuple(told), stage=stage))
        token = markers.write(markers.Marker(key), self.issue.ref, self.given.marker_key)
        self.actions.append(Say(key, write(), token, stage, told))

    def intend(self, intended: Intended) -> None:
        """Write down what is to be said or done, before it is."""
        known = self.past.intents.get(intended.key)
        if known is None or known.intended is None or known.step is Step.DONE:
            self.note(intended)

    def opened(self, attempt: str) -> AttemptOpened | None:
        """How an attempt began, be it over or not."""
        began = (one for one in (*self.given.past, *self.entries) if isinstance(one, AttemptOpened))
        return next((one for one in began if one.attempt == attempt), None)

    def last_sighting(self) -> str:
        """The newest entry of the tracker's history that this look has read."""
        return max(self.issue.sightings, key=lambda one: one.order).id if self.issue.sightings else ""

    def fold(self) -> None:
        """Fold the history of each source anew; what is ours in it depends on what is remembered."""
        issue, names, shifts = self.issue, self.given.names, self.past.shifts
        sources = at(self.mappings, issue.ref, issue.is_pull_request)
        self.tracks = {one.id: track(issue, one, names, shifts, self.now) for one in sources}

    def _own_comments(self) -> dict[str, Comment]:
        """Our own comments that carry our marker, by the key that it names; the first of each counts."""
        refs = (str(self.issue.ref), *self.past.former)
        own: dict[str, Comment] = {}
        for comment in self.issue.comments:
            if comment.author.id == self.issue.me.id and comment.token:
                marker = markers.read(comment.token, refs, self.given.marker_key)
                if marker:
                    own.setdefault(marker.key, comment)
        return own
