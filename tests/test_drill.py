"""The drill itself: its timetable is repeatable, its stories end as told, and a short one finds no promise broken."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from drill.orders import Orders
from drill.running import AROUND_EACH, run
from drill.stories import GAP, STORIES, features, timetable
from drill.weather import USUAL, Weather
from integration.sandbox.faults import Fault


def test_the_same_seed_gives_the_same_features_and_the_same_days() -> None:
    def of(seed: int) -> object:
        return timetable(features(60, seed), 120, AROUND_EACH, seed)

    assert of(7) == of(7)
    assert of(7) != of(8)


def test_acts_on_one_issue_keep_their_order_and_their_distance() -> None:
    wanted = features(100, 1)
    days = timetable(wanted, 30, AROUND_EACH, 1)

    assert [one.at for one in days] == sorted(one.at for one in days)
    for feature in wanted:
        mine = [one for one in days if one.number == feature.number]
        assert all(later.at - earlier.at >= GAP - 1e-6 for earlier, later in pairwise(mine))
        acts = iter(one.act for one in mine)
        assert mine[0].act.verb == "open"
        assert all(wanted in acts for wanted in feature.story.acts), feature.story.name


def test_every_story_is_lived_through_on_each_tracker_that_it_is_for() -> None:
    lived = Counter((one.tracker, one.story.name) for one in features(100, 1))

    for story in STORIES:
        for tracker in ("github", "jira"):
            assert bool(lived[tracker, story.name]) is (story.only in ("", tracker))


def test_a_request_meets_the_same_fault_under_the_same_seed_whoever_else_is_talking() -> None:
    def fates(seed: int, *others: str) -> list[list[Fault]]:
        weather = Weather(seed, USUAL)
        weather.blowing = True
        found = []
        for number in range(400):
            for other in others:
                weather.take(f"GET /{other}/{number}")
            found.append(weather.take("POST /jira/rest/api/3/issue/APP-1/comment"))
        return found

    assert fates(1) == fates(1, "elsewhere")
    assert any(fates(1))
    assert fates(1) != fates(2)


@pytest.mark.drill
def test_a_short_drill_breaks_no_promise() -> None:
    outcome = run(Orders(issues=50, minutes=2))

    assert not outcome.misses, "\n".join(map(str, outcome.misses))
    assert sum(outcome.kills.values()) > 5
    assert sum(outcome.faults.values()) > 50
