"""What people do to the features, and where each feature must stand in the end: told by hand, not by the service.

Each feature lives through one story. Its acts come in this order, however far apart, and whatever else is said and
done around them; so its end can be told beforehand, and that is what makes it an oracle.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

STAGES = ("development", "internal", "beta", "public")
GAP = 1.3  # seconds between two acts on one issue: GitHub's stamps are cut to the second
WHERE_IT_STOOD = "where it stood"
Verb = Literal["open", "move", "say", "take back", "close", "reopen", "describe", "bug", "rename", "seem", "clean up"]


@dataclass(frozen=True)
class Act:
    """Something that somebody does to an issue; `what` is a stage, or the words."""

    verb: Verb
    by: str
    what: str = ""


@dataclass(frozen=True)
class Story:
    """The acts, in which stages it may begin, and the stages of which it must show one in the end."""

    name: str
    acts: tuple[Act, ...]
    ends: tuple[str, ...]
    begins: tuple[str, ...] = ("development", "internal", "beta")
    only: str = ""
    admits: bool | None = None  # may Public ever be admitted? None: either
    early: bool = False  # what follows takes the five minutes in which a slip may be set right


@dataclass(frozen=True)
class Feature:
    """One issue of the drill, and the story that it lives through."""

    number: int
    tracker: str
    begins: str
    story: Story

    @property
    def ends(self) -> frozenset[str]:
        """The stages of which it must show one in the end."""
        return frozenset(self.begins if one == WHERE_IT_STOOD else one for one in self.story.ends)

    @property
    def title(self) -> str:
        """What the issue is called."""
        return f"Feature {self.number}: {self.story.name}"


@dataclass(frozen=True, order=True)
class Due:
    """An act with its time, in seconds from the beginning."""

    at: float
    number: int
    act: Act


def _say(by: str, words: str) -> Act:
    return Act("say", by, words)


ASK = Act("move", "erin", "public")
ACK, APPROVE = _say("sam", "/stage ack"), _say("gus", "/stage approve")
NEEDS_WORK = _say("gus", "/stage needs-work the price is not on the page")
HOLD = _say("sofia", "/stage hold an incident comes first")
BACK = (WHERE_IT_STOOD,)
BOT = Act("move", "stale-bot[bot]", "public")

STORIES = (
    Story("both have their say", (ASK, ACK, APPROVE), ("public",), admits=True),
    Story("growth is quicker", (ASK, APPROVE, ACK), ("public",), admits=True),
    Story("agreed before it is asked for", (ACK, APPROVE, ASK), ("public",), ("beta",), admits=True),
    Story("growth never answers", (ASK, ACK), BACK, admits=False),
    Story("nobody answers", (ASK,), BACK, admits=False),
    Story("growth changes its mind", (ASK, APPROVE, NEEDS_WORK, ACK), BACK, admits=False),
    Story(
        "seen to, and agreed",
        (ASK, NEEDS_WORK, ACK, _say("erin", "/stage recheck"), APPROVE),
        ("public",),
        admits=True,
    ),
    Story("held", (ASK, HOLD, ACK, APPROVE), BACK, admits=False),
    Story(
        "held, and let go",
        (ASK, HOLD, ACK, APPROVE, _say("sofia", "/stage resume")),
        ("public",),
        admits=True,
    ),
    Story("given up", (ASK, _say("erin", "/stage cancel")), BACK, admits=False),
    Story("taken back by hand", (ASK, Act("take back", "erin", "public")), BACK, ("beta",), admits=False),
    Story(
        "waived",
        (
            ASK,
            _say("rhea", "/stage waive support-before-public the launch was announced"),
            _say("rhea", "/stage waive growth-before-public the launch was announced"),
        ),
        ("public",),
        admits=True,
    ),
    Story(
        "only those who may not",
        (
            ASK,
            _say("mallory", "/stage approve"),
            _say("erin", "/stage ack support"),
            _say("evan", "/stage waive support-before-public hurry"),
            _say("dora", "/stage approve growth"),
        ),
        BACK,
        admits=False,
    ),
    Story(
        "only quoted",
        (ASK, _say("sofia", "> /stage ack"), _say("gwen", "```\n/stage approve\n```")),
        BACK,
        only="github",
        admits=False,
    ),
    Story(
        "step by step",
        (Act("move", "evan", "internal"), Act("move", "evan", "beta"), Act("move", "evan", "public"), ACK, APPROVE),
        ("public",),
        ("development",),
        admits=True,
    ),
    Story(
        "a step too far",
        (Act("move", "evan", "beta"), Act("move", "evan", "public"), ACK),
        ("beta",),
        ("internal",),
        admits=False,
    ),
    Story(
        "back to where it came from",
        (Act("move", "evan", "internal"),),
        ("internal",),
        ("beta",),
        admits=False,
        early=True,
    ),
    Story("a bot insists", (ASK, BOT, BOT, BOT, BOT, BOT), (WHERE_IT_STOOD, "public"), ("beta",), admits=False),
    Story("not planned", (ASK, Act("close", "erin", "not_planned")), BACK, only="github", admits=False),
    Story(
        "closed, and open again",
        (ASK, Act("close", "erin", "not_planned"), Act("reopen", "erin")),
        BACK,
        only="github",
        admits=False,
    ),
    Story(
        "a word that is taken away",
        (ASK, ACK, Act("clean up", "sam"), APPROVE),
        (WHERE_IT_STOOD, "public"),
    ),
)

# What changes nothing: said and done around every story, by whoever has no say in it.
AROUND = (
    _say("evan", "The build is green."),
    _say("stale-bot[bot]", "This issue looks idle."),
    _say("evan", "I rebased it on main; the tests are still running."),
    _say("evan", "/stage status"),
    _say("mallory", "/stage ack"),
    _say("evan", "> /stage approve\n\nSomebody wrote that elsewhere."),
    Act("describe", "erin", "h3. What changes\nA little more each day."),
    Act("rename", "erin"),
    Act("bug", "evan"),
    Act("bug", "stale-bot[bot]"),
    Act("clean up", "evan"),
)


def features(issues: int, seed: int) -> list[Feature]:
    """The features of a drill: each story comes as often as any other, on both trackers."""
    dice = Random(f"features {seed}")  # noqa: S311 - it has to be repeatable
    found = []
    for number in range(issues):
        tracker = "github" if number % 2 == 0 else "jira"
        fitting = [one for one in STORIES if one.only in ("", tracker)]
        story = fitting[number // 2 % len(fitting)]
        found.append(Feature(number, tracker, dice.choice(story.begins), story))
    return found


def timetable(wanted: list[Feature], seconds: float, around: int, seed: int) -> list[Due]:
    """When each act comes: openings in the first quarter, stories over all of it, `around` others for each feature."""
    return list(heapq.merge(*(_days(one, seconds, around, Random(f"{seed} {one.number}")) for one in wanted)))  # noqa: S311


def _days(feature: Feature, seconds: float, around: int, dice: Random) -> Iterator[Due]:
    opened = dice.uniform(0, seconds / 4)
    acts = feature.story.acts
    latest = seconds * (0.28 if feature.story.early else 0.9)
    times = sorted(dice.uniform(opened + 3, max(opened + 4, latest)) for _ in acts)
    planned = [*zip(times, acts, strict=True)]
    planned += [(dice.uniform(opened + 3, seconds), dice.choice(AROUND)) for _ in range(around)]
    at = opened
    yield Due(at, feature.number, Act("open", "erin", feature.begins))
    for wanted, act in sorted(planned, key=lambda one: one[0]):
        at = max(at + GAP, wanted)
        yield Due(at, feature.number, act)
