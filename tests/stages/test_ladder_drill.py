"""The laws of test_ladder_properties.py, over many more histories than the suite has time for. Run by `make drill`."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stages.test_ladder_properties import (
    DELAYS,
    FAR_APART,
    Deed,
    Life,
    Story,
    files,
    only_observes,
    people_meanwhile,
    play,
    stories,
    stricter_later,
)

pytestmark = pytest.mark.drill
MANY = settings(
    max_examples=4000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

SOME = settings(MANY, max_examples=1000)


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


@SOME
@given(stories(gaps=FAR_APART), st.lists(DELAYS, min_size=12, max_size=12))
def test_how_often_and_when_we_look_changes_nothing_in_the_end(story: Story, hints: list[list[timedelta]]) -> None:
    assert play(story, hints).outcome() == play(story).outcome()


@SOME
@given(stories(levels=["observe"], post="observe", said=False))
def test_rules_that_only_observe_say_and_do_nothing(story: Story) -> None:
    only_observes(play(story))


@SOME
@given(stories(said=False, most=8), files(levels=["block"]))
def test_a_rule_that_is_added_later_throws_nothing_out_that_was_let_in(story: Story, stricter: str) -> None:
    stricter_later(story, stricter)
