"""A generated organisation: thousands of features with histories, and what each must come to under two files.

Every feature is one of a few kinds. What a kind's moves come to under the old and the new file is written beside it, by
hand; so the answer for any number of features is known by counting.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from integration.stages.model import Issue
from integration.stages.replay.comparing import Kind
from tests.stages.histories import ME, Story

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)  # a Friday
SINCE = NOW - timedelta(days=180)
PLACES = 40

_FILE = """
version: 1
stages: {{development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}}
parties:
  support: {{name: Support, github: {{team: acme/support}}, jira: {{users: [sam, sofia]}}}}
  growth: {{name: Growth, github: {{team: acme/growth}}, jira: {{users: [gus, gwen]}}}}
sources:
  - github:
      repositories: ["acme/*"]
      labels:
        development: "stage: development"
        internal: {internal}
        beta: "stage: beta"
        public: "stage: public"
  - jira:
      projects: [APP]
      statuses: {{development: [In Progress], internal: [Internal], beta: [Beta], public: [Released]}}
rules:
  - id: support-before-public
    entering: public
    when: {{not_labelled: internal-only}}
    require: [acknowledged: {{party: support}}]
    level: block
    effective: 2026-11-01
{rules}
"""
OLD = _FILE.format(
    internal='"stage: internal"',
    rules="""
  - id: soak
    entering: public
    require: [spent: {stage: beta, at_least: 5 days}]
    level: block
    effective: 2026-11-01
""",
)
NEW = _FILE.format(
    internal='["stage: internal", "stage: inside"]',
    rules="""
  - id: growth-before-public
    entering: public
    require: [acknowledged: {party: growth}]
    level: block
    effective: 2027-01-01
  - id: ready-for-beta
    entering: beta
    require: [labelled: ready]
    level: warn
    effective: 2027-01-01
  - id: out-of-internal
    leaving: internal
    require: [labelled: ready]
    level: block
    effective: 2027-01-01
""",
)


@dataclass(frozen=True)
class Makes:
    """A kind of feature: how its history goes, and what it comes to."""

    what: str
    goes: Callable[[Story], Story]
    changes: tuple[tuple[Kind, str], ...] = ()  # and the stage that was asked for
    moves: int = 3  # into the stages, and forward
    asked: tuple[str, ...] = ()  # parties whose answer the new file wants that the history lacks


def _told(story: Story, party: str, by: str) -> Story:
    """A colleague mentions the party, and one of it answers."""
    team = f"acme/{party}" if story.ref.tracker == "github" else by
    story.later(hours=2).says(f"@{team} heads-up: this goes out soon", "erin", team)
    return story.later(hours=3).says("Thanks, we have read it.", by)


def _to_beta(story: Story, ready: bool = True) -> Story:
    if ready:
        story.puts_on("ready", "evan")
    return story.moves("development").later(days=2).says("Works on my machine.", "evan").later(hours=5).moves("beta")


def _both_know(story: Story) -> Story:
    return _told(_told(_to_beta(story), "support", "sam"), "growth", "gus")


def _all_well(story: Story) -> Story:
    return _both_know(story).later(days=6).moves("public").later(days=2).says("It is out.", "evan")


def _growth_never(story: Story) -> Story:
    return _told(_to_beta(story), "support", "sofia").later(days=6).moves("public").later(days=1)


def _growth_later(story: Story) -> Story:
    _told(_to_beta(story), "support", "sam").later(days=7).moves("public")
    return story.later(hours=2).says("/stage ack", "gwen").later(days=3).says("A customer likes it.", "sam")


def _too_soon(story: Story) -> Story:
    return _both_know(story).later(days=1).moves("public").later(days=8)


def _not_ready(story: Story) -> Story:
    _told(_told(_to_beta(story, ready=False), "support", "sam"), "growth", "gus")
    return story.later(days=6).moves("public").later(days=2)


def _support_later(story: Story) -> Story:
    _to_beta(story).later(days=6).moves("public")
    return story.later(hours=3).says("/stage ack", "sam").later(days=1)


def _internal_only(story: Story) -> Story:
    story.puts_on("internal-only")
    return _to_beta(story).later(days=6).moves("public").later(days=1)


def _service_was_there(story: Story) -> Story:
    """Under the old file the service put it back, asked Support, and applied it."""
    _told(_to_beta(story), "growth", "gus").later(days=6).moves("public").later(seconds=3)
    story.says("Public Release needs Support first", ME.handle, "acme/support", token="any").later(seconds=2)
    story.moves("beta", ME.handle).later(hours=5).says("/stage ack", "sam").later(seconds=4)
    return story.moves("public", ME.handle).later(days=1)


def _again_and_again(story: Story) -> Story:
    """The same; Erin asks a second time a day later, before Support has answered."""
    _told(_to_beta(story), "growth", "gus").later(days=6).moves("public").later(seconds=3)
    story.says("Public Release needs Support first", ME.handle, "acme/support", token="any").later(seconds=2)
    story.moves("beta", ME.handle).later(days=1).moves("public").later(seconds=5).moves("beta", ME.handle)
    return story.later(hours=1).says("/stage ack", "sam").later(seconds=4).moves("public", ME.handle).later(days=1)


def _back_and_forth(story: Story) -> Story:
    """It comes back from Public with a bug, and goes out again without a word: that is another request."""
    _all_well(story).later(days=3).moves("beta", "evan")
    return story.later(days=6).moves("public").later(days=2)


def _a_bug(story: Story) -> Story:
    return story.puts_on("bug").later(days=3).says("I cannot reproduce it.", "evan").takes_off("bug")


LATER = ((Kind.LONGER, "public"),)
KINDS = (
    Makes("all know", _all_well),
    Makes("Growth never hears of it", _growth_never, ((Kind.BLOCKED, "public"),), asked=("growth",)),
    Makes("Growth answers afterwards", _growth_later, ((Kind.BLOCKED, "public"),), asked=("growth",)),
    Makes("a day in Beta", _too_soon, ((Kind.FREED, "public"),)),
    Makes("not ready for Beta", _not_ready, ((Kind.WARNED, "beta"),)),
    Makes("Support answers afterwards, Growth never", _support_later, LATER, asked=("growth", "support")),
    Makes("internal only", _internal_only, ((Kind.BLOCKED, "public"),), asked=("growth",)),
    Makes("the service was there", _service_was_there, asked=("support",)),
    Makes("asked again and again", _again_and_again, asked=("support",)),
    Makes("out, back, and out again", _back_and_forth, (), 4, ("growth", "support")),
    Makes("no feature", _a_bug, moves=0),
)  # fmt: skip


def features(how_many: int) -> Iterator[tuple[Makes, Issue]]:
    """So many of them, on both trackers, begun over the last half year; the kinds take turns."""
    room = (NOW - SINCE - timedelta(days=45)) / max(1, how_many)
    for number in range(1, how_many + 1):
        makes, begins = KINDS[number % len(KINDS)], SINCE + timedelta(days=1) + number * room
        if number % 2:
            story = Story.on_github(number, f"acme/app-{number % PLACES}", at=begins.replace(microsecond=0))
        else:
            story = Story.on_jira(number, at=begins.replace(microsecond=0))
        story.title = f"{makes.what}, number {number}"
        yield makes, makes.goes(story).issue()


@dataclass
class Answer:
    """What a what-if over so many features must say."""

    moves: int = 0
    changes: Counter[Kind] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, how_many: int) -> Answer:
        """Counted by kinds."""
        answer = cls()
        for number in range(1, how_many + 1):
            makes = KINDS[number % len(KINDS)]
            answer.moves += makes.moves
            answer.changes.update(kind for kind, _ in makes.changes)
            answer.asked.update(makes.asked)
        return answer
