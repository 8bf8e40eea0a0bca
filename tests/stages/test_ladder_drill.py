"""The laws of test_ladder_properties.py, over many more histories than the suite has time for. Run by `make drill`."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stages.test_ladder_properties import FAR_APART, Deed, Life, Story, people_meanwhile, play, stories

pytestmark = pytest.mark.drill
MANY = settings(
    max_examples=4000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@MANY
@given(stories())
def test_whatever_people_do_the_laws_hold_after_every_look(story: Story) -> None:
    play(story)


@MANY
@given(stories(gaps=FAR_APART), st.integers(0, 10_000))
def test_a_death_at_any_step_ends_as_if_nobody_had_died(story: Story, place: int) -> None:
    alive = play(story)

    assert play(story, life=Life(ends=1 + place % max(1, alive.life.steps))).outcome() == alive.outcome()


@MANY
@given(stories(gaps=FAR_APART), st.integers(0, 10_000), people_meanwhile())
def test_what_people_do_between_two_requests_of_a_run_breaks_no_law(story: Story, place: int, deed: Deed) -> None:
    alive = play(story)

    play(story, life=Life(meets=1 + place % max(1, alive.life.steps), deed=deed))
