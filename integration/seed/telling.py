"""Which stories are told, about which issues, and when: all of it by the dice, and the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from integration.seed import words
from integration.seed.acting import Acting, Written
from integration.seed.house_rules import PLACES, PROJECTS, SITE, Eras
from integration.seed.stories import STORIES, Story, share
from integration.seed.tale import Cut, Tale
from integration.seed.truth import Feature
from integration.stages.model import Issue, Ref

_MONTH = timedelta(days=30)
_QUIET = timedelta(minutes=30)  # nothing happens in the last half hour: all that follows is over
_TRIES = 6
_GITHUB = 0.78  # of the features
_WEIGHTS = (5, 3, 2, 2)  # of the repositories
_NO_LINK = "the tracker made no link of it: the team is secret, or has no access here"


@dataclass(frozen=True, slots=True)
class World:
    """What one world is made of."""

    features: int = 120
    months: int = 6
    seed: int = 1
    now: datetime = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)

    @property
    def eras(self) -> Eras:
        """The ledger is born a month after the oldest stories."""
        whole = (self.now - (self.months - 1) * _MONTH).replace(hour=7, minute=0, second=0, microsecond=0)
        return Eras(whole)


@dataclass(frozen=True, slots=True)
class Draft:
    """A story that is to be told: of which issue, and by when it has come to its end."""

    story: Story
    ref: Ref
    number: int
    title: str
    ends: datetime


@dataclass(slots=True)
class Told:
    """A story that was told and acted out."""

    ref: Ref
    began: datetime
    runs: list[Written]
    feature: Feature
    issue: Issue


def drafts(world: World) -> list[Draft]:
    """All of the world's, those first that began first, as far as one can say before they are told."""
    dice, eras = Random(f"{world.seed}"), world.eras  # noqa: S311 - a world, no secret
    stories = share(world.features)
    dice.shuffle(stories)
    named = words.titles(dice)
    timed = [(_ends(story, world, eras, dice), story, next(named)) for story in stories]
    timed.sort(key=lambda one: (one[0] - timedelta(days=one[1].length), one[2]))
    numbers: dict[str, int] = {}
    found = []
    for number, (ends, story, title) in enumerate(timed, 1):
        place = _place(story, dice)
        numbers[place] = numbers.get(place, 100) + dice.randint(1, 4)
        ref = Ref("github", "", place, numbers[place]) if "/" in place else Ref("jira", SITE, place, numbers[place])
        found.append(Draft(story, ref, number, title, ends))
    return found


def _ends(story: Story, world: World, eras: Eras, dice: Random) -> datetime:
    """When it comes to its end: as long ago as it may rest, but not before its era has room for it."""
    latest = world.now - _QUIET
    if story.era < 0 and not story.rests:
        return eras.born - timedelta(days=1 + 25 * dice.random())
    length = timedelta(days=story.length)
    first = eras.starts[story.era] + length if story.era >= 0 else latest - world.months * _MONTH + length / 2
    earliest = max(min(first, latest), latest - timedelta(days=story.rests))
    return earliest + (latest - earliest) * dice.random()


def _place(story: Story, dice: Random) -> str:
    if story.unreached:
        return "acme/billing"
    on = story.on[0] if len(story.on) == 1 else "github" if dice.random() < _GITHUB else "jira"
    if on == "jira":
        return "OPS" if story.one_way else PROJECTS[0]
    return dice.choices(PLACES, _WEIGHTS)[0]


def tell(draft: Draft, world: World, eras: Eras) -> Told:
    """Write it, and act it out."""
    tale = _written(draft, world, eras)
    acting = Acting(tale.paper, eras)
    runs = acting.play(sorted(tale.acts, key=lambda one: one.at), world.now)
    return Told(draft.ref, tale.paper.created, runs, tale.ends(draft.story.name), tale.paper.issue())


def _written(draft: Draft, world: World, eras: Eras) -> Tale:
    """The tale that comes to its end when it should, or a little before: told anew until it does."""
    began = draft.ends - timedelta(days=draft.story.length)
    for _ in range(_TRIES):
        tale = _once(draft, world, eras, began)
        late = max([tale.at, *(act.at for act in tale.acts)]) - draft.ends
        if timedelta(days=-3) < late <= timedelta():
            return tale
        began -= late + (timedelta(hours=6) if late > timedelta() else timedelta())
    while late > timedelta():
        began -= late + timedelta(days=1)
        tale = _once(draft, world, eras, began)
        late = max([tale.at, *(act.at for act in tale.acts)]) - draft.ends
    return tale


def _once(draft: Draft, world: World, eras: Eras, began: datetime) -> Tale:
    story = draft.story
    unreached = (("acme/support", _NO_LINK),) if story.unreached else ()
    cut = Cut(draft.ref, draft.number, draft.title, world.now, eras, story.one_way, unreached)
    dice = Random(f"{world.seed}/{draft.number}")  # noqa: S311 - a world, no secret
    described = story.described and dice.random() < 0.9
    tale = Tale(cut, dice, began, described)
    story.goes(tale)
    return tale


def stories() -> Sequence[str]:
    """The names of all of them."""
    return tuple(one.name for one in STORIES)
