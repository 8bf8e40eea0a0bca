"""The ladder's laws over random histories: people and a bot act, time passes, looks come when they come, we crash.

The jobs are the real ones; only the tracker, the ledger and the clock are in memory. One `Story` is what people do;
`play` lets the house work on it, with looks (and deaths) where the caller wants them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from integration import look as looking
from integration.look import Desk, Look
from integration.stages.entries import AttemptEnded, Ended, Entry, Intended, Judged, Outcome, Tried
from integration.stages.file.mappings import Mappings, read
from integration.stages.model import (
    Carrier,
    Comment,
    Happened,
    Issue,
    Label,
    Move,
    Person,
    Ref,
    Related,
    Sighting,
    Status,
)
from integration.stages.moves import rank
from integration.stages.remembered import Remembered, Step, remember
from integration.stages.texts import markers
from integration.stages.texts.markup import Items, Mention, Text
from integration.trackers import Question, Refused
from tests.whole import some
from workers import reconciling

STAGES = ["development", "internal", "beta", "public"]
BEGIN = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SECRET = b"a key"

ME = Person("1", "release-stages", bot=True)
PEOPLE = {name: Person(f"u-{name}", name) for name in ("erin", "evan", "sam", "gus", "rhea")}
PEOPLE["robot"] = Person("u-robot", "robot", bot=True)
IN_PARTY = {"support": {"sam"}, "growth": {"gus"}, "release-managers": {"rhea"}, "": {"rhea"}}


# --- what people do -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deed:
    """One thing that somebody does, so long after the one before."""

    after: timedelta
    what: str  # add, remove, swap, say, file
    of: str = ""
    by: str = "erin"

    def __str__(self) -> str:
        return f"{self.after} later {self.by}: {self.what} {self.of}"


@dataclass(frozen=True)
class Story:
    """A whole history. `labels` false: the stage is a Jira status. `order` is how the tracker lists labels."""

    deeds: tuple[Deed, ...]
    files: tuple[str, ...]
    labels: bool = True
    order: str = "name"
    stuck: bool = False  # Jira: no transition leads back
    born: timedelta = timedelta(days=-1)
    start: str = "Doing"  # Jira: the status that it is opened in

    def __str__(self) -> str:
        rules = [line for text in self.files for line in text.splitlines() if line.startswith(("rules:", "notify:"))]
        kind = (
            f"labels by {self.order}" if self.labels else f"statuses from {self.start}{', stuck' if self.stuck else ''}"
        )
        return "\n".join(["", f"{kind}, born {self.born}", *rules, *map(str, self.deeds)])


def the_file(rules: Sequence[str], notify: Sequence[str] = ()) -> str:
    """A mappings.yaml with these rules."""
    return f"""
version: 1
stages: {{development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}}
parties:
  support:
    github: {{team: acme/support}}
    jira: {{users: [sam]}}
    respond_within: 2 hours
    escalate_to: {{github: [rhea], jira: [rhea]}}
  growth: {{github: {{users: [gus]}}, jira: {{users: [gus]}}}}
  release-managers: {{github: {{users: [rhea]}}, jira: {{users: [rhea]}}}}
sources:
  - github:
      repositories: ["acme/*"]
      labels: {{development: "s: development", internal: "s: internal", beta: "s: beta", public: "s: public"}}
  - jira: {{projects: [APP], statuses: {{development: [Doing], internal: [Inside], beta: [Beta], public: [Out]}}}}
rules: [{", ".join(rules)}]
notify: [{", ".join(notify)}]
routes: {{agreed_by: [growth, support], effective: 2026-11-01}}
waivers: {{allowed: [release-managers]}}
"""


@lru_cache(maxsize=512)
def mappings(text: str) -> Mappings:
    return read(text)


STATUSES = {"development": "Doing", "internal": "Inside", "beta": "Beta", "public": "Out", "elsewhere": "Blocked"}


# --- the world ------------------------------------------------------------------------------------------------------


class Died(Exception):
    """The worker is gone."""


@dataclass
class Life:
    """A worker's life: it ends at step `ends`, if that is given; one death is enough.

    At step `meets` somebody does the `deed`, while the worker is at it.
    """

    ends: int | None = None
    meets: int | None = None
    deed: Deed | None = None
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.steps == self.ends:
            raise Died


class World:
    """The tracker, the ledger and the clock; `do` is for people, the rest for the house."""

    def __init__(self, story: Story, life: Life | None = None) -> None:
        self.story, self.now, self.life = story, BEGIN, life or Life()
        self.ref = Ref("github", "", "acme/app", 1) if story.labels else Ref("jira", "main", "APP", 1)
        self.born = BEGIN + story.born
        self.file = mappings(story.files[0])
        self.on: list[str] = []
        self.status = story.start
        self.sightings: list[Sighting] = []
        self.comments: list[Comment] = []
        self.entries: list[Entry] = []
        self.due: datetime | None = None
        self.put_backs: dict[str, str] = {}  # what our put-backs did: id -> key
        self.theirs: dict[str, int] = {}  # id of a sighting -> number of the deed
        self.number = 0
        self.said: list[str] = []
        self.shifts: list[Intended] = []
        self.watermark = BEGIN
        self.met = False  # somebody did something during this look
        self.spoken = SimpleNamespace(on_their_way=lambda ref: ())  # nobody speaks on a page
        if not story.labels:
            self._see("created", BEGIN, PEOPLE["erin"], Happened.BECAME, story.start, "")
        self.desk = _Desk(
            cast(Any, SimpleNamespace(marker_key=SECRET)), cast(Any, self), cast(Any, self),
            {(self.ref.tracker, self.ref.site): cast(Any, self)},
        )  # fmt: skip

    def _id(self) -> str:
        self.number += 1
        return str(self.number)

    def _see(self, id: str, at: datetime, by: Person, what: Happened, name: str, was: str) -> None:
        carrier = Carrier.STATUS if what is Happened.BECAME else Carrier.LABEL
        self.sightings.append(Sighting(id, at, by, carrier, what, name, was_name=was))
        self.watermark = at
        if by is ME and (shift := self._shift_under_way()) and shift.key.startswith("put-back:"):
            self.put_backs[id] = shift.key

    def _shift_under_way(self) -> Intended | None:
        last = self.entries[-1] if self.entries else None
        if not isinstance(last, Tried):
            return None
        return next((one for one in reversed(self.entries) if isinstance(one, Intended) and one.key == last.key), None)

    # --- people ---

    def do(self, number: int, deed: Deed) -> None:
        before = {one.id for one in self.sightings}
        by = PEOPLE[deed.by]
        match deed.what:
            case "add" if self.story.labels or deed.of == "ready":
                self._add(_label(deed.of), by)
            case "remove" if self.story.labels or deed.of == "ready":
                self._remove(_label(deed.of), by)
            case "swap" if self.story.labels:
                for name in [one for one in self.on if one.startswith("s: ") and one != _label(deed.of)]:
                    self._remove(name, by)
                self._add(_label(deed.of), by)
            case "add" | "swap":
                self._become(STATUSES[deed.of], by)
            case "remove":
                self._become(STATUSES["elsewhere"], by)
            case "say":
                self.watermark = self.now
                self.comments.append(Comment(self._id(), self.now, by, deed.of))
            case "file":
                self.file = mappings(self.story.files[int(deed.of)])
        self.theirs |= {one.id: number for one in self.sightings if one.id not in before}

    def _add(self, name: str, by: Person) -> None:
        if name not in self.on:
            self.on.append(name)
            self._see(self._id(), self.now, by, Happened.ADDED, name, "")

    def _remove(self, name: str, by: Person) -> None:
        if name in self.on:
            self.on.remove(name)
            self._see(self._id(), self.now, by, Happened.REMOVED, name, "")

    def _become(self, status: str, by: Person) -> None:
        if status != self.status:
            was, self.status = self.status, status
            self._see(self._id(), self.now, by, Happened.BECAME, status, was)

    # --- the tracker ---

    def room(self, ref: Ref, comments: int = 0, writes: int = 0) -> None:
        pass

    def recheck(self, ref: Ref, issue: Issue) -> Issue:
        now = self.fetch(ref)
        seen = [(one.id for one in which) for which in (issue.sightings, issue.comments, now.sightings, now.comments)]
        return issue if list(map(list, seen[:2])) == list(map(list, seen[2:])) else now

    def remove(self, ref: Ref, comment_id: str) -> None:
        with self._request():
            self.comments = [one for one in self.comments if one.id != comment_id]

    def fetch(self, ref: Ref, fresh: bool = False) -> Issue:
        names = {"name": sorted(self.on), "added": list(self.on), "last": self.on[::-1]}[self.story.order]
        return Issue(
            ref=self.ref, title="Export as PDF", body="", url="https://tracker.example/1", author=PEOPLE["erin"],
            me=ME, created=BEGIN, watermark=self.watermark, labels=tuple(Label(f"id of {one}", one) for one in names),
            status=None if self.story.labels else Status("", self.status),
            sightings=tuple(one for one in self.sightings if self.story.labels or one.carrier is Carrier.STATUS),
            comments=tuple(self.comments),
        )  # fmt: skip

    @contextmanager
    def _request(self) -> Iterator[None]:
        """A request takes a second, and a worker may die just before it takes effect, and just after it did."""
        self.now += timedelta(seconds=1)
        self._step()
        yield
        self._step()

    def _step(self) -> None:
        self.life.step()
        if self.life.steps == self.life.meets and self.life.deed:
            self.met = True
            self.do(MEANWHILE, self.life.deed)

    def say(self, ref: Ref, text: Text, token: str) -> Comment:
        with self._request():
            marker = markers.read(token, [str(self.ref)], SECRET)
            assert marker is not None
            self.said.append(marker.key)
            comment = Comment(self._id(), self.now, ME, "", mentions=frozenset(_mentions(text)), token=token)
            self.comments.append(comment)
        return comment

    def edit(self, ref: Ref, comment_id: str, text: Text, token: str) -> None:
        with self._request():
            self.comments = [replace(one, token=token) if one.id == comment_id else one for one in self.comments]

    def pin(self, ref: Ref, comment_id: str) -> None:
        pass

    def called(self, ref: Ref, handle: str) -> str:
        return handle

    def related(self, ref: Ref, issue: Issue, wanted: frozenset[str]) -> tuple[Related, ...]:
        return ()

    def react(self, ref: Ref, comment_id: str, sign: str) -> None:
        with self._request():
            pass

    def put_label(self, ref: Ref, name: str) -> None:
        with self._request():
            self._shifted()
            self._add(name, ME)

    def take_label(self, ref: Ref, name: str) -> None:
        with self._request():
            self._shifted()
            self._remove(name, ME)

    def transition(self, ref: Ref, to: Sequence[str]) -> None:
        if self.story.stuck:
            raise Refused("no transition leads there")
        with self._request():
            self._shifted()
            self._become(to[0], ME)

    def _shifted(self) -> None:
        """We are about to move the issue: an admitted rung is never thrown out by that."""
        shift = self._shift_under_way()
        if shift and (not self.shifts or self.shifts[-1] is not shift):
            self.shifts.append(shift)
            if shift.key.startswith("put-back:") and self.desk.last:
                verdicts = remember(self.entries).verdicts
                for rung in self.desk.last.plan.rungs:
                    if rung.id in verdicts and verdicts[rung.id].outcome is not Outcome.BLOCKED:
                        assert rank(rung.to, STAGES) <= rank(shift.to, STAGES), f"{rung} was admitted"

    def unreached(self, ref: Ref, comment: Comment, handles: Iterable[str]) -> dict[str, str]:
        return {}

    def answer(self, ref: Ref, question: Question) -> bool:
        party = "" if question.triage else question.team.removeprefix("acme/")
        return question.person.handle in IN_PARTY[party]

    def label_names(self, ref: Ref) -> tuple[Label, ...]:
        return ()

    # --- the ledger, and the file in force ---

    @property
    def current(self) -> Mappings:
        return self.file

    def read(self, ref: Ref) -> Any:
        return SimpleNamespace(entries=tuple(self.entries), seq=len(self.entries), looked_under="")

    def append(self, ref: Ref, entries: Sequence[Entry], seq: int, now: datetime, card: Any = None) -> int:
        assert seq == len(self.entries)
        self.entries += entries
        if card is not None:
            self.due = card.look_again_at
        self.life.step()
        return len(self.entries)

    def known_names(self, place: str) -> Mapping[str, tuple[str, ...]]:
        return {f"id of {name}": (name,) for name in map(_label, STAGES)}

    def learn_names(self, place: str, labels: Iterable[Label], now: datetime) -> None:
        pass

    # --- what became of it ---

    @property
    def stages_on(self) -> list[str]:
        if self.story.labels:
            return sorted(stage for stage in STAGES if _label(stage) in self.on)
        shown = {status: stage for stage, status in STATUSES.items() if stage in STAGES}
        stage = None
        for one in self.sightings:  # another status keeps the last stage, unless it is we who led there
            stage = shown.get(one.name, None if one.actor is ME else stage)
        return [stage] if stage else []

    @property
    def past(self) -> Remembered:
        return remember(self.entries)

    @property
    def stage(self) -> str | None:
        """The stage as the last look has read it."""
        return self.desk.last.plan.stage if self.desk.last else None

    def verdicts(self) -> set[tuple[object, Outcome]]:
        """Every verdict, its move named by the deed that made it; ours by whence and whither."""
        return {
            (self.theirs.get(one.move.id, ("ours", one.move.was, one.move.to)), one.outcome)
            for one in self.entries
            if isinstance(one, Judged)
        }

    def outcome(self) -> tuple[object, ...]:
        """All that must not depend on when, how often and in which order we looked."""
        kinds = Counter(key.split(":")[0] for key in self.said)
        return (self.stages_on, kinds, self.verdicts(), self.past.attempt is None)


class _Desk(Desk):
    """A desk that remembers its last look."""

    last: Look | None = None

    def look(self, ref: Ref, now: datetime, carried: Issue | None = None) -> Look:
        self.last = super().look(ref, now, carried)
        return self.last


class _Inbox:
    """An inbox whose lease is always long enough."""

    def holds(self, run: object) -> timedelta:
        return timedelta(hours=1)


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


MEANWHILE = 1000
"""The number of a deed that is done while a worker is at it."""


def _label(stage: str) -> str:
    return f"s: {stage}" if stage in STAGES else stage


def _mentions(text: Text) -> Iterator[str]:
    lines = [item.line for block in text if isinstance(block, Items) for item in block.items]
    lines += [block.line for block in text if not isinstance(block, Items)]
    yield from (piece.handle.casefold() for line in lines for piece in line if isinstance(piece, Mention))


# --- playing it ---------------------------------------------------------------------------------------------------


SOON = (timedelta(seconds=1),)
REST = timedelta(minutes=20)
"""After the last deed: longer than a gap or a plain reply takes to settle, shorter than until what stands is tried."""


def play(story: Story, hints: Sequence[Sequence[timedelta]] = (), life: Life | None = None) -> World:
    """Let the house work on the story. After deed n it is given a hint after each of `hints[n]` (else after a second),
    and it looks again when it wants to."""
    world = World(story, life)
    agenda: list[tuple[datetime, int, Deed | None]] = []
    at = BEGIN + MINUTE
    for number, deed in enumerate(story.deeds):
        at += deed.after
        agenda.append((at, number, deed))
        agenda += [(at + delay, number, None) for delay in (hints[number] if number < len(hints) else SOON)]
    agenda.sort(key=lambda one: (one[0], one[1], one[2] is None))
    end = at + REST
    with _in_its_time(world):
        while (due := _next(world, agenda, end)) is not None:
            world.now = max(world.now, due)
            if agenda and agenda[0][0] <= due and agenda[0][2] is not None:
                _, number, done = agenda.pop(0)
                assert done is not None
                world.do(number, done)
            else:
                if agenda and agenda[0][0] <= due:
                    agenda.pop(0)
                _look(world)
        at_rest(world)
    return world


def _next(world: World, agenda: list[tuple[datetime, int, Deed | None]], end: datetime) -> datetime | None:
    wants = world.due + timedelta(seconds=1) if world.due else None
    times = [one for one in (agenda[0][0] if agenda else None, wants) if one is not None and one <= end]
    return min(times, default=None)


@contextmanager
def _in_its_time(world: World) -> Iterator[None]:
    with (
        patch.object(reconciling, "_now", lambda: world.now),
        patch.object(reconciling, "log", _Silent()),
        patch.object(looking, "log", _Silent()),
    ):
        yield


def _look(world: World) -> None:
    """One job for the issue, as a worker does it."""
    run = SimpleNamespace(ref=world.ref, watermark=None, since=world.now - timedelta(hours=1), cause="")
    world.due, world.met, known = None, False, len(world.entries)
    try:
        again = reconciling.Reconciling(cast(Any, world.desk), cast(Any, _Inbox()), cast(Any, run)).work()
    except Died:
        world.due = world.now + timedelta(seconds=61)
        return
    assert again is None, "the passes have no end"
    if world.met:
        _look(world)  # what happened meanwhile is a hint of its own
        return
    for one in world.entries[known:]:
        if isinstance(one, AttemptEnded) and one.how is Ended.ADMITTED:
            assert one.stage in world.stages_on, "admitted, but not there"
    always(world)


def always(world: World) -> None:
    """What holds after every look, wherever the story stands."""
    judged = [one for one in world.entries if isinstance(one, Judged)]
    for one in judged:
        assert one.move.id not in world.put_backs, "our own put-back was judged"
    done = {one.key for one in world.past.intents.values() if one.key.startswith("put-back:") and one.step is Step.DONE}
    if not world.life.deed:  # somebody may have taken the label off while we were about to
        assert done <= set(world.put_backs.values()), "a put-back that put nothing back"
    let_in: dict[str, set[Outcome]] = {}
    for one in judged:
        if one.outcome is not Outcome.BLOCKED:
            let_in.setdefault(one.move.id, set()).add(one.outcome)
    assert all(len(outcomes) == 1 for outcomes in let_in.values()), let_in
    assert [key for key, times in Counter(world.said).items() if times > 1] == []
    nothing_is_left(world)


def nothing_is_left(world: World) -> None:
    """A look that follows at once finds nothing to do, and what it finds is as the laws want it."""
    if world.due and world.due <= world.now:
        return
    now = world.desk.look(world.ref, world.now)
    assert now.plan.entries == ()
    assert now.plan.actions == ()
    rungs = [rank(rung.to, STAGES) for rung in now.plan.rungs]
    assert rungs == sorted(set(rungs)), "the rungs do not rise"
    _no_blocked_rung(world, now.plan.rungs)


def _no_blocked_rung(world: World, rungs: Sequence[Move]) -> None:
    past = world.past
    if past.attempt and past.attempt.standing:
        return
    put_backs = [one for key, one in past.intents.items() if key.startswith("put-back:")]
    if put_backs and put_backs[-1].step is Step.FAILED:
        return  # nobody asks for it any more, and the tracker will not have it back: the living comment says so
    if any(intent.step is Step.TRIED for intent in past.intents.values()):
        return  # what became of a request is unknown: nothing is done before that minute is over
    if not world.stages_on:
        return  # a gap: it shows no stage, and may show the last one again
    if world.life.deed and world.due and world.due - world.now <= MINUTE:
        return  # somebody was at it while we acted: what we did is not taken for seen yet, and looked at again at once
    for rung in rungs:
        assert rung.id in past.verdicts, f"{rung} was never judged"
        assert past.verdicts[rung.id].outcome is not Outcome.BLOCKED, f"{rung} is blocked, and stays"


def at_rest(world: World) -> None:
    """What holds once the story is over."""
    attempt = world.past.attempt
    if attempt and not attempt.standing:
        assert all(rank(one, STAGES) < rank(attempt.to, STAGES) for one in world.stages_on), "the blocked label is on"


# --- the stories --------------------------------------------------------------------------------------------------


_FILLED = [
    "{acknowledged: {party: support}}",
    "{approved: {party: growth}}",
    "{notified: {party: support}}",
    "{labelled: ready}",
    "{not_labelled: ready}",
    "not_on_hold",
    "no_debt",
    "follows_route",
    "{any: [{labelled: ready}, {acknowledged: {party: support}}]}",
]
_BEEN = ["{visited: {stage: STAGE}}", "{none: [{labelled: ready}, {visited: {stage: STAGE}}]}"]
_EARLY, _LATER = "2026-11-01", "2026-12-02"
_PUT_OFF = (  # it only watches; with it there can be debts in every file
    "{id: put-off, entering: internal, require: [{acknowledged: {party: support}}], level: observe,"
    " later: 5 working days}"
)


@st.composite
def rules(draw: st.DrawFn, levels: Sequence[str], number: int) -> str:
    edge = draw(st.sampled_from(["entering", "entering", "entering", "leaving"]))
    stage = draw(st.sampled_from(STAGES[1:] if edge == "entering" else STAGES[:3]))
    been = [one.replace("STAGE", lower) for one in _BEEN for lower in STAGES[1 : STAGES.index(stage)]]
    require = draw(st.lists(st.sampled_from(_FILLED + been), min_size=1, max_size=2, unique=True))
    cleared = draw(st.sampled_from(["apply", "apply", "tell"]))
    level, effective = draw(st.sampled_from(levels)), draw(st.sampled_from([_EARLY, _EARLY, _LATER]))
    word = any("acknowledged" in one or "approved" in one for one in require)
    later = ", later: 5 working days" if word and draw(st.booleans()) else ""
    return (
        f"{{id: rule-{number}, {edge}: {stage}, require: [{', '.join(require)}], level: {level},"
        f" when_cleared: {cleared}, effective: {effective}{later}}}"
    )


@st.composite
def files(draw: st.DrawFn, levels: Sequence[str] = ("block", "block", "warn", "observe"), post: str = "post") -> str:
    written = [draw(rules(levels, number)) for number in range(draw(st.integers(1, 3)))]
    written.append(_PUT_OFF)
    notify = [
        f"{{entering: beta, parties: [support], level: {post}, effective: {_EARLY}}}",
        f"{{entering: public, parties: [growth, support], level: {post}, effective: {_EARLY}}}",
        f"{{backward: true, parties: [support, growth], level: {post}, effective: {_EARLY}}}",
    ]
    return the_file(written, draw(st.sampled_from([notify, notify[1:], []])))


_SAID = [
    ("/stage ack", "sam"), ("Thanks, we have read it.", "sam"), ("/stage approve", "gus"), ("/stage cancel", "erin"),
    ("/stage cancel", "rhea"), ("/stage hold the fair is on", "gus"), ("/stage resume", "rhea"),
    ("/stage needs-work the help page", "sam"), ("/stage waive rule-0 it is urgent", "rhea"),
    ("/stage recheck", "erin"), ("/stage later support by @sam until 2026-12-04", "sam"),
    ("/stage route internal, public", "erin"), ("/stage route public", "rhea"), ("/stage ack", "gus"),
    ("/stage check public", "erin"), ("@acme/support heads-up", "evan"),
]  # fmt: skip
_REQUESTS = [(f"/stage request {stage}", by) for stage in STAGES[1:] for by in ("rhea", "erin")]
WITH_REQUESTS = [*_SAID, *_REQUESTS]
FAR_APART = [timedelta(minutes=17), timedelta(minutes=17), timedelta(hours=26)]
CLOSE = [timedelta(0), timedelta(seconds=1), timedelta(seconds=40), timedelta(minutes=4), timedelta(minutes=6)]


@st.composite
def deeds(
    draw: st.DrawFn,
    gaps: Sequence[timedelta],
    said: bool,
    how_many_files: int,
    words: Sequence[tuple[str, str]] = _SAID,
) -> Deed:
    after = draw(st.sampled_from(gaps))
    kinds = ["add"] * 4 + ["remove", "swap", "ready"] + ["say"] * 2 * said + ["file"] * (how_many_files > 1)
    match draw(st.sampled_from(kinds)):
        case "say":
            text, by = draw(st.sampled_from(words))
            return Deed(after, "say", text, by)
        case "file":
            return Deed(after, "file", str(draw(st.integers(0, how_many_files - 1))))
        case "ready":
            return Deed(after, draw(st.sampled_from(["add", "remove"])), "ready", "erin")
        case what:
            by = draw(st.sampled_from(["erin", "erin", "evan", "sam", "robot"]))
            return Deed(after, what, draw(st.sampled_from(STAGES)), by)


@st.composite
def stories(
    draw: st.DrawFn,
    /,
    gaps: Sequence[timedelta] = (*FAR_APART, *CLOSE),
    said: bool = True,
    most: int = 12,
    words: Sequence[tuple[str, str]] = _SAID,
    **of_files: Any,
) -> Story:
    written = draw(st.lists(files(**of_files), min_size=1, max_size=2))
    labels = draw(st.booleans())
    return Story(
        deeds=tuple(draw(st.lists(deeds(gaps, said, len(written), words), min_size=3, max_size=most))),
        files=tuple(written),
        labels=labels,
        order=draw(st.sampled_from(["name", "added", "last"])),
        stuck=not labels and draw(st.integers(0, 9)) == 0,
        start=draw(st.sampled_from(["Doing", "Backlog"])),
        born=draw(st.sampled_from([timedelta(days=-1), timedelta(days=-1), timedelta(minutes=20)])),
    )


def _told(story: Story) -> Story:
    note(str(story))
    return story


def _times(examples: int) -> settings:
    return settings(
        max_examples=some(examples), deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip


# --- stories that once went wrong ---------------------------------------------------------------------------------


def rule(edge: str, *require: str, level: str = "block", number: int = 0) -> str:
    return f"{{id: rule-{number}, {edge}, require: [{', '.join(require)}], level: {level}, effective: {_EARLY}}}"


def story(
    *what: tuple[timedelta, str, str], rules: Sequence[str] = (), tells: bool | str = False, **more: Any
) -> Story:
    """(so long after the one before, what, of what); by Erin, and what is said by whom it fits."""
    who, told = dict(_SAID), tells if isinstance(tells, str) else "support"
    notify = [
        f"{{entering: public, parties: [{told}], level: post, effective: {_EARLY}}}",
        f"{{backward: true, parties: [{told}], level: post, effective: {_EARLY}}}",
    ]
    deeds = tuple(Deed(after, kind, of, who.get(of, "erin")) for after, kind, of in what)
    return Story(deeds, (the_file(rules, notify if tells else ()),), **more)


QUARTER, INSTANT, SOON_AFTER = timedelta(minutes=17), timedelta(seconds=1), timedelta(seconds=40)
SEEN_BEFORE = rule("entering: internal", "{acknowledged: {party: support}}")
TOLD_BEFORE = rule("entering: internal", "{notified: {party: support}}")

WHOLE = {
    "put back to no stage at all": story((QUARTER, "add", "beta"), rules=[SEEN_BEFORE]),
    "put back to no stage, and seen within the five minutes": story(
        (QUARTER, "add", "beta"), (SOON_AFTER, "say", "/stage ack"), rules=[SEEN_BEFORE]
    ),
    "put back to no stage, and another one set soon": story(
        (QUARTER, "add", "beta"), (timedelta(minutes=4), "swap", "public"), (SOON_AFTER, "add", "beta"),
        rules=[SEEN_BEFORE],
    ),
    "two quick moves out of no status of ours": story(
        (QUARTER, "add", "internal"), (INSTANT, "add", "public"), rules=[SEEN_BEFORE], labels=False, start="Backlog"
    ),
    "put back to a status that is not mapped": story(
        (QUARTER, "remove", ""), (QUARTER, "add", "beta"), rules=[SEEN_BEFORE], labels=False
    ),
    "there, away and there again before we look": story(
        (QUARTER, "add", "public"), (timedelta(), "swap", "development"), (SOON_AFTER, "swap", "public"),
        rules=[rule("entering: beta", "{labelled: ready}")],
    ),
    "no way back, up and down again": story(
        (QUARTER, "add", "beta"), (QUARTER, "add", "public"), (QUARTER, "add", "beta"),
        rules=[SEEN_BEFORE], labels=False, stuck=True,
    ),
    "no way back, and withdrawn": story(
        (QUARTER, "add", "beta"), (QUARTER, "say", "/stage cancel"), rules=[SEEN_BEFORE], labels=False, stuck=True
    ),
    "two quick moves whose gate our own words open": story(
        (QUARTER, "add", "internal"), (timedelta(), "add", "public"), rules=[TOLD_BEFORE], labels=False
    ),
    "put back out of the stages, and later to a stage": story(
        (QUARTER, "add", "internal"), (QUARTER, "add", "development"), (QUARTER, "add", "internal"),
        rules=[SEEN_BEFORE], labels=False, start="Backlog",
    ),
    "its old label taken off while it is put back": story(
        (QUARTER, "add", "development"), (timedelta(), "add", "beta"), (QUARTER, "remove", "development"),
        (QUARTER, "add", "public"), rules=[SEEN_BEFORE], order="added",
    ),
}  # fmt: skip

INTERRUPTED = {
    "asked for again and again": story(
        (QUARTER, "add", "public"), (QUARTER, "add", "public"), (QUARTER, "add", "public"),
        rules=[rule("entering: public", "{labelled: ready}")], labels=False,
    ),
    "swapped by hand, so that we put one label on and take another off": story(
        (QUARTER, "add", "development"), (QUARTER, "swap", "beta"), (QUARTER, "add", "public"), rules=[SEEN_BEFORE]
    ),
    "another party is awaited when more is asked for": story(
        (QUARTER, "say", "/stage hold the fair is on"), (QUARTER, "add", "internal"), (QUARTER, "add", "beta"),
        rules=[rule("entering: internal", "{notified: {party: support}}", "{labelled: ready}", level="warn"),
               rule("entering: internal", "not_on_hold", number=1)],
    ),
    "let in by the very comment that tells several parties": story(
        (QUARTER, "add", "development"), (QUARTER, "add", "public"), (QUARTER, "add", "development"),
        rules=[rule("entering: internal", "{notified: {party: support}}")], tells="growth, support",
    ),
    "let in when the party has seen it": story(
        (QUARTER, "add", "internal"), (QUARTER, "say", "/stage ack"), (QUARTER, "swap", "public"),
        rules=[SEEN_BEFORE], tells=True,
    ),
}  # fmt: skip


def each(stories: Mapping[str, Story]) -> list[Any]:
    return [pytest.param(one, id=name) for name, one in stories.items()]


LEFT = story((QUARTER, "add", "public"), (QUARTER, "remove", "public"), tells=True)


@pytest.mark.parametrize("once", each(WHOLE))
def test_what_once_broke_a_law_keeps_it(once: Story) -> None:
    play(once)


@pytest.mark.parametrize("once", each(INTERRUPTED))
def test_a_death_at_each_step_of_what_once_went_wrong_changes_nothing(once: Story) -> None:
    alive = play(once)

    for step in range(1, alive.life.steps + 1):
        assert play(once, life=Life(ends=step)).outcome() == alive.outcome(), f"dies at step {step}"


def test_what_was_taken_off_again_before_we_looked_is_not_put_back() -> None:
    play(story((QUARTER, "add", "public"), (timedelta(), "remove", "public"), rules=[SEEN_BEFORE]))


@pytest.mark.parametrize("seconds", [1, 200, 299, 301, 340])
def test_that_a_feature_has_left_its_stages_is_told_whenever_we_look(seconds: int) -> None:
    world = play(LEFT, [SOON, [timedelta(seconds=seconds)]])

    assert [key.split(":")[0] for key in world.said] == ["entered", "living", "back"]


# --- whatever people do -------------------------------------------------------------------------------------------


# Here a few of each, so that the suite stays quick; test_ladder_drill.py looks at thousands.
DELAYS = st.lists(st.integers(1, 350).map(lambda seconds: timedelta(seconds=seconds)), min_size=1, max_size=4)


@_times(90)
@example(WHOLE["no way back, and withdrawn"])
@given(stories())
def test_whatever_people_do_the_laws_hold_after_every_look(story: Story) -> None:
    play(_told(story))


@_times(45)
@example(LEFT, [SOON, [timedelta(seconds=340)]])
@given(stories(gaps=FAR_APART), st.lists(DELAYS, min_size=12, max_size=12))
def test_how_often_and_when_we_look_changes_nothing_in_the_end(story: Story, hints: list[list[timedelta]]) -> None:
    assert play(_told(story), hints).outcome() == play(story).outcome()


@_times(45)
@example(INTERRUPTED["asked for again and again"], 12)
@given(stories(gaps=FAR_APART), st.integers(0, 10_000))
def test_a_death_at_any_step_ends_as_if_nobody_had_died(story: Story, place: int) -> None:
    alive = play(_told(story))
    step = 1 + place % max(1, alive.life.steps)
    note(f"dies at step {step} of {alive.life.steps}")

    assert play(story, life=Life(ends=step)).outcome() == alive.outcome()


@_times(20)
@given(stories(levels=["observe"], post="observe", said=False))
def test_rules_that_only_observe_say_and_do_nothing(story: Story) -> None:
    only_observes(play(_told(story)))


def only_observes(world: World) -> None:
    assert world.said == []
    assert [one for one in world.sightings if one.actor is ME] == []
    assert all(one.outcome in (Outcome.ADMITTED, Outcome.ADOPTED) for one in world.past.verdicts.values())


@_times(30)
@example(LEFT, the_file([SEEN_BEFORE]))
@given(stories(said=False, most=8), files(levels=["block"]))
def test_a_rule_that_is_added_later_throws_nothing_out_that_was_let_in(story: Story, stricter: str) -> None:
    stricter_later(_told(story), stricter)


def stricter_later(story: Story, stricter: str) -> None:
    """The file changes an hour after the story's end; `_shifted` has seen that nothing went meanwhile."""
    later = Deed(timedelta(hours=1), "file", str(len(story.files)))
    before = play(story)
    after = play(replace(story, deeds=(*story.deeds, later), files=(*story.files, stricter)))

    if before.past.attempt is None:
        assert after.stage == before.stage
        assert after.verdicts() == before.verdicts()


def people_meanwhile() -> st.SearchStrategy[Deed]:
    """What somebody may do between any two requests of a run."""
    return deeds([timedelta(0)], said=True, how_many_files=1)


@_times(40)
@given(stories(gaps=FAR_APART), st.integers(0, 10_000), people_meanwhile())
def test_what_people_do_between_two_requests_of_a_run_breaks_no_law(story: Story, place: int, deed: Deed) -> None:
    alive = play(_told(story))

    play(story, life=Life(meets=1 + place % max(1, alive.life.steps), deed=deed))
