"""One issue at one moment: all that is known of it, and what this look adds to that.

The rooms that decide (`attempts`, `saying`, `answering`, `living`, `doing`) share a `Scene`: they read from it, note
entries for the ledger, and add actions. Whatever was noted counts as remembered from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import takewhile

from integration.stages.calendars import Calendar
from integration.stages.entries import AttemptOpened, Entry, Held, Intended, Judged, Outcome, Proposed
from integration.stages.file.mappings import GitHubPeople, JiraPeople, Mappings, at
from integration.stages.model import NEVER, Comment, Issue, Move
from integration.stages.moves import Names, Stay, Track, is_forward, ladder, rank, stays, track
from integration.stages.planning.actions import Action, Say
from integration.stages.planning.hearing import Answers
from integration.stages.planning.rotas import on_duty
from integration.stages.remembered import Attempt, Memory, Remembered, Step, remember
from integration.stages.rules.case import Case, Custom
from integration.stages.rules.gate import Ask, CaseFor, Verdict, judge
from integration.stages.texts import markers, words
from integration.stages.texts.markup import Text, fitted

UNKNOWN_FOR = timedelta(seconds=60)
"""So long a request whose answer was lost may still show up at the tracker; only then is it sent again."""


ROOM = {"github": 55_000, "jira": 28_000}
"""Letters of one comment: what the tracker takes (65,536 and 32,767), less our marker and some to spare."""


@dataclass(frozen=True, slots=True)
class Given:
    """All that is known when a plan is made.

    `handles` are a Jira group's people, where the tracker had to be asked; `on_duty` who is, where an address told it
    (an empty text: it did not). `custom` are the requirements that are installed beside the house's own.
    """

    issue: Issue
    mappings: Mappings
    past: tuple[Entry, ...]
    now: datetime
    born: datetime
    marker_key: bytes
    names: Names = field(default_factory=dict)
    answers: Answers = field(default_factory=dict)
    handles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    on_duty: Mapping[str, str] = field(default_factory=dict)
    called: Mapping[str, str] = field(default_factory=dict)  # handle -> name, of people that a comment has named
    custom: Mapping[str, Custom] = field(default_factory=dict)
    unfit: str = ""  # why the rules that the repository has added do not count as they stand there


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
        self.unknown_in_route = ""  # what the issue's text names as a stage and is none
        self.verdict: Verdict | None = None
        self._memory = Memory(given.past)
        self._past: Remembered | None = None
        self.doubles: list[Comment] = []  # of our own: they say what another comment says, word for word
        self.own = self._own_comments()
        self.tracks: dict[str, Track] = {}
        self.fold()

    def note(self, *entries: Entry) -> None:
        """Add to what will be remembered, and remember it."""
        self.entries += entries
        for entry in entries:
            self._memory.take(entry)
            self._past = None

    @property
    def past(self) -> Remembered:
        """What is remembered, with the entries of this look."""
        if self._past is None:
            self._past = self._memory.result()
        return self._past

    @property
    def history(self) -> tuple[Entry, ...]:
        """All entries of the feature, with those of this look."""
        return (*self.given.past, *self.entries)

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
    def source(self) -> str:
        """The id of the source in which a stage would be set: the one that moved last, else the first."""
        return self.track.source.id if self.track else next(iter(self.tracks), "")

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

    def judge(self, ask: Ask, askers: frozenset[str], made_at: datetime | None = None) -> Verdict:
        """What the rules say of this wish now; `made_at` for a move that is judged for the first time."""
        case = replace(self.case(askers), made_at=made_at)
        return judge(ask, self.mappings, CaseFor(case, ask.to, self.since()))

    def case(self, askers: frozenset[str] = frozenset()) -> Case:
        """What the rules may look at, with the evidence of all stages."""
        return Case(
            issue=self.issue,
            mappings=self.mappings,
            now=self.now,
            evidence=self.past.evidence,
            stays=self.stays,
            askers=askers,
            hold=self.hold,
            unreadable=self.unreadable,
            doubted_since=self.past.doubted_since,
            route=self.route,
            proposed=self.pending_route,
            agreements=self.past.agreements,
            debts=self.past.debts,
            custom=self.given.custom,
        )

    @property
    def stays(self) -> tuple[Stay, ...]:
        """Where the feature has been; what was blocked never got there."""
        never_in = frozenset(id for id, one in self.past.verdicts.items() if one.outcome is Outcome.BLOCKED)
        return stays(self.track.moves, never_in) if self.track else ()

    @property
    def route(self) -> tuple[str, ...] | None:
        """The stages of the agreed route; None where there is none. Only stages that the file still names."""
        routed = self.past.route if self.mappings.routes else None
        return tuple(one for one in self.stages if one in routed.stages) if routed else None

    @property
    def text_routes(self) -> list[Proposed]:
        """The routes that the issue's text has proposed so far."""
        return [one for one in self.history if isinstance(one, Proposed) and one.origin == "text"]

    @property
    def pending_route(self) -> Proposed | None:
        """The route that is proposed, and that not everybody has agreed to."""
        proposed, routed = self.past.proposed, self.past.route
        settled = proposed and routed and routed.route == proposed.route
        return proposed if self.mappings.routes and not settled else None

    def ask_of(self, attempt: Attempt) -> Ask:
        """The attempt as a wish: from where it began to its target, by the moves that asked for it."""
        track = self.tracks.get(attempt.source)
        asked = {id: judged.move for id, judged in self.past.verdicts.items() if id in attempt.asks}
        asked |= {one.id: one for one in (track.changes if track else ()) if one.id in attempt.asks}
        steps = tuple((move.was, move.to) for move in asked.values() if move.to is not None)
        return Ask(attempt.was, attempt.to, attempt.raised_at or attempt.asked_at, steps)

    def case_for(self, judged: Judged, askers: frozenset[str]) -> CaseFor:
        """What the rules may look at now of a move that has its verdict: what counted then, and came since."""
        return CaseFor(self.case(askers), judged.move.to or "", self.since(judged))

    def since(self, before: Judged | None = None) -> dict[str, datetime]:
        """From when on evidence counts, per stage: since the last attempt on it ended, or it was left by hand.

        `before` a verdict was given, where that is asked for.
        """
        past = remember(takewhile(lambda one: one is not before, self.history)) if before else self.past
        since = dict(past.ended_at)
        for move in self.track.moves if self.track else ():
            is_then = before is None or move.at <= before.move.at
            if is_then and not move.ours and not is_forward(move, self.stages):
                for stage in self.stages[rank(move.to, self.stages) + 1 : rank(move.was, self.stages) + 1]:
                    since[stage] = max(move.at, since.get(stage, move.at))
        return since

    @property
    def stands_in(self) -> str | None:
        """The highest stage that it was let into: what is not judged yet, or blocked, does not count."""
        if self.attempt:
            return self.attempt.was
        verdicts, blocked = self.past.verdicts, Outcome.BLOCKED
        held = [rung for rung in self.rungs if rung.id in verdicts and verdicts[rung.id].outcome is not blocked]
        return held[-1].to if held else None

    @property
    def is_clear(self) -> bool:
        """The attempt's gates are open, and nobody holds the feature."""
        return self.verdict is not None and self.verdict.outcome in (Outcome.ADMITTED, Outcome.WARNED) and not self.hold

    def stage_in_play(self, at: datetime) -> str:
        """What a word without a stage, written then, is for: the open attempt's stage, else the next one."""
        if self.attempt and at >= self.attempt.asked_at:
            return self.attempt.to
        stood = [stay for stay in self.stays if stay.since <= at]
        here = rank(stood[-1].stage if stood else None, self.stages)
        ahead = [one for one in self.stages[here + 1 :] if self.route is None or one in self.route]
        return (ahead or self.stages[min(here + 1, len(self.stages) - 1) :])[0]

    def look(self, when: datetime | None) -> None:
        """Come back then, as time may have changed something."""
        if when is not None:
            self.looks.append(when)

    def voice(self, parties: Iterable[str] = (), askers: frozenset[str] = frozenset()) -> words.Voice:
        """What every text needs; these parties can be mentioned in it."""
        handles = {party: self.handles(party) for party in parties}
        duty = frozenset(party for party in handles if handles[party] == (self.on_duty(party),))
        asker = str(self.attempt.by) if self.attempt else str(self.issue.author)
        return words.Voice(self.case(askers), self.track.stage if self.track else None, handles, duty, asker)

    def voice_to_all(self, parties: Iterable[str]) -> words.Voice:
        """The same, where all of each party are mentioned, whoever is on duty."""
        handles = {party: self.whole(party) for party in parties}
        return replace(self.voice(), handles=handles)

    def handles(self, party: str) -> tuple[str, ...]:
        """Whom a mention of the party names on this tracker: the one on duty, else all of it."""
        duty = self.on_duty(party)
        return (duty,) if duty and not self._asks_something(duty) else self.whole(party)

    def on_duty(self, party: str) -> str:
        """Who of the party is on duty, by its rota; empty where it has none, or nobody can be told."""
        people = self.people(party)
        if people is None or people.rota is None:
            return ""
        if people.rota.url:
            if party not in self.given.on_duty:
                self.wants.add(party)
            return self.given.on_duty.get(party, "")
        return on_duty(people.rota, self.now, self.zone(party)) or ""

    def _asks_something(self, handle: str) -> bool:
        """Nobody can answer for a party what they have asked for, or proposed, themselves."""
        asking = [one.by.handle.casefold() for one in (self.attempt, self.pending_route) if one]
        return handle.casefold() in asking

    def zone(self, party: str) -> str:
        """The time zone of the party's calendar."""
        calendar = self.calendar(party)
        return calendar.time_zone if calendar else self.mappings.time_zone

    def calendar(self, party: str) -> Calendar | None:
        """When the party works."""
        return self.mappings.calendar_of(party)

    def people(self, party: str) -> GitHubPeople | JiraPeople | None:
        """Who the party is on this tracker."""
        known = self.mappings.parties.get(party)
        return known.on(self.issue.ref.tracker) if known else None

    def whole(self, party: str) -> tuple[str, ...]:
        """The handles of all of the party."""
        people = self.people(party)
        if isinstance(people, GitHubPeople):
            named = people.users or (people.rota.people if people.rota else ())
            return (people.team, *people.users) if people.team else named or people.fallback
        if people is None:
            return ()
        named = people.users or (people.rota.people if people.rota and not people.group else ())
        if named or not people.group:
            return named or people.fallback
        if party not in self.given.handles:
            self.wants.add(party)
        return self.given.handles.get(party) or people.fallback

    def names(self, party: str, at: datetime) -> tuple[str, ...]:
        """Every handle by which a colleague may have mentioned the party then: all of it, or who was on duty."""
        people = self.people(party)
        duty = on_duty(people.rota, at, self.zone(party)) if people and people.rota else None
        return tuple(dict.fromkeys((*self.whole(party), *((duty,) if duty else ()))))

    def fallback(self, party: str) -> tuple[str, ...]:
        """Whom to name where a mention of the party reached nobody."""
        people = self.people(party)
        return people.fallback if people else ()

    def escalation(self, parties: Iterable[str]) -> tuple[str, ...]:
        """Who is asked when these parties do not answer."""
        known = (self.mappings.parties[party].escalate_to for party in parties if party in self.mappings.parties)
        github = self.issue.ref.tracker == "github"
        people = (one for found in known if found for one in (found.github if github else found.jira))
        return tuple(dict.fromkeys(people))

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
        handles: Mapping[str, tuple[str, ...]] | None = None, route: str = "",
    ) -> None:  # fmt: skip
        """Say it once: the intent goes to the ledger with the decision, and the comment's marker names it.

        `write` is called only where it is to be said: a text may cost questions to the tracker.
        """
        if not self.may_try(key):
            return
        told = dict(handles) if handles is not None else {party: self.handles(party) for party in tells}
        self.intend(
            Intended(self.now, key, "say", tells=tuple(told), handles=tuple(told.values()), stage=stage, route=route)
        )
        token = markers.write(markers.Marker(key), self.issue.ref, self.given.marker_key)
        self.actions.append(Say(key, self.written(write), token, stage, told))

    def written(self, write: Callable[[], Text]) -> Text:
        """What is said, in words."""
        return self.fitted(write())

    def fitted(self, text: Text) -> Text:
        """As much of it as the tracker takes in one comment: what people wrote must not keep us from speaking."""
        return fitted(text, ROOM.get(self.issue.ref.tracker, min(ROOM.values())))

    def intend(self, intended: Intended) -> None:
        """Write down what is to be said or done, before it is."""
        known = self.past.intents.get(intended.key)
        if known is None or known.intended is None or known.step is Step.DONE:
            self.note(intended)

    def opened(self, attempt: str) -> AttemptOpened | None:
        """How an attempt began, be it over or not."""
        began = (one for one in self.history if isinstance(one, AttemptOpened))
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
        """Our own comments that carry our marker, by the key that it names.

        Of doubles the one counts that the ledger knows, else the first; the others are `doubles`.
        """
        refs = (str(self.issue.ref), *self.past.former)
        found: dict[str, list[Comment]] = {}
        for comment in self.issue.comments:
            if comment.author.id == self.issue.me.id and comment.token:
                marker = markers.read(comment.token, refs, self.given.marker_key)
                if marker:
                    found.setdefault(marker.key, []).append(comment)
        own: dict[str, Comment] = {}
        for key, same in found.items():
            known = self.past.intents[key].comment if key in self.past.intents else ""
            own[key] = next((one for one in same if one.id == known), same[0])
            self.doubles += [one for one in same if one is not own[key]]
        return own
