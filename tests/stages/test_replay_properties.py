"""A replay under the file that was in force comes to the verdicts that the ledger holds, whatever people did."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given, note

from integration.stages.entries import Judged, Outcome
from integration.stages.replay.played import Known
from integration.stages.replay.playing import play
from tests.stages import test_ladder_properties as house
from tests.stages.test_ladder_properties import FAR_APART, IN_PARTY, ME, Story, World, stories


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


@house._times(60)
@given(stories(gaps=FAR_APART, most=8))
def test_a_replay_under_the_file_in_force_gives_the_very_verdicts_of_the_ledger(story: Story) -> None:
    deeds = tuple(one for one in story.deeds if one.what != "file")
    story = replace(story, deeds=deeds, files=story.files[:1], born=timedelta(days=-1), stuck=False)
    note(str(story))
    world = house.play(story)
    issue = replace(world.fetch(world.ref), sightings=tuple(world.sightings))

    played = play(issue, house.mappings(story.files[0]), Known(world.known_names(""), Members()), world.now)

    assert {id: one.outcome for id, one in played.weighed.items() if one.is_first} == in_the_ledger(world)
