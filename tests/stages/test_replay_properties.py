"""A replay under the file that was in force comes to the verdicts that the ledger holds, whatever people did."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, note

from integration.stages.entries import Judged, Outcome
from integration.stages.replay.played import Known
from integration.stages.replay.playing import play
from tests.stages import test_ladder_properties as house
from tests.stages.test_ladder_properties import FAR_APART, IN_PARTY, ME, WITH_REQUESTS, Story, World, stories


class Members(dict[object, bool]):
    """Who speaks for whom, as the world of the stories has it."""

    def __contains__(self, doubt: object) -> bool:
        return True

    def __getitem__(self, doubt: object) -> bool:
        return doubt.person.handle in IN_PARTY[doubt.party]  # type: ignore[attr-defined]


def in_the_ledger(world: World) -> dict[str, Outcome]:
    """What each move of a person was judged to at first, unless it asked for the same once more."""
    found: dict[str, Outcome] = {}
    for one in world.entries:
        if isinstance(one, Judged) and one.move.actor is not ME and one.attempt in ("", one.move.id):
            found.setdefault(one.move.id, one.outcome)
    return found


def is_as_in_the_ledger(story: Story) -> None:
    world = house.play(story)
    issue = replace(world.fetch(world.ref), sightings=tuple(world.sightings))
    played = play(issue, house.mappings(story.files[0]), Known(world.known_names(""), Members()), world.now)
    assert {id: one.outcome for id, one in played.weighed.items() if one.is_first} == in_the_ledger(world)


@house._times(60)
@given(stories(gaps=FAR_APART, most=8, words=WITH_REQUESTS))
def test_a_replay_under_the_file_in_force_gives_the_very_verdicts_of_the_ledger(story: Story) -> None:
    deeds = tuple(one for one in story.deeds if one.what != "file")
    story = replace(story, deeds=deeds, files=story.files[:1], born=timedelta(days=-1), stuck=False)
    note(str(story))
    is_as_in_the_ledger(story)


def rhea(*deeds: tuple[str, str], **more: Any) -> Story:
    """What is said by Rhea, who may triage; what is moved by Erin."""
    rules = [house.rule(more.pop("guards", "entering: internal"), "{acknowledged: {party: support}}")]
    made = (house.Deed(house.QUARTER, what, of, "erin" if what == "add" else "rhea") for what, of in deeds)
    return Story(tuple(made), (house.the_file(rules),), **more)


REQUESTS = {
    "asked for before anybody has looked at where it stands": rhea(
        ("say", "/stage request internal"), ("add", "development"), ("add", "ready"), labels=False
    ),
    "asked for while it is held, and then moved by hand": rhea(
        ("say", "/stage hold the fair is on"),
        ("say", "/stage request internal"),
        ("add", "internal"),
        guards="entering: beta",
    ),
    "asked for, moved by hand, asked for once more": rhea(
        ("say", "/stage request internal"), ("add", "internal"), ("say", "/stage request public"), ("add", "beta")
    ),
    "asked for, and withdrawn": rhea(("say", "/stage request internal"), ("say", "/stage cancel"), ("add", "internal")),
}


@pytest.mark.parametrize("story", REQUESTS.values(), ids=REQUESTS)
def test_a_stage_that_is_asked_for_without_a_move_is_judged_in_a_replay_as_it_was(story: Story) -> None:
    is_as_in_the_ledger(story)
