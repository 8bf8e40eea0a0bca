"""Digests: once on each chosen day, what waits, what comes, what moved; nothing to say, nothing sent."""

from __future__ import annotations

import pytest

from tests.stories.house import Team

ACK = """
  - id: support-before-public
    entering: public
    require: [{acknowledged: {party: support}}]
    level: block
    effective: 2026-12-01
"""


@pytest.fixture
def desk(team: Team) -> Team:
    """Support reads its digest on Tuesdays and Thursdays, on an issue of its own; and there is a feature in Beta."""
    support = type(team)(team.house)
    support.open(title="Digests for Support", by="sam")
    team.house.put_in_force(
        ACK, notify="", parties={"support": {"digest": f"{{days: [tue, thu], issue: {support.ref.key}}}"}}
    )
    team.stand_in("beta")
    return support


def test_a_digest_tells_what_waits_comes_on_its_day_and_mentions_nobody(desk: Team, team: Team) -> None:
    team.ask_for("public")
    team.at("2026-12-08T08:55")
    assert desk.said == []
    team.at("2026-12-08T09:02")

    (digest,) = desk.said
    assert digest.mentions == set()
    assert "Waits for you" in digest.html
    assert "Export as PDF" in digest.html
    team.at("2026-12-08T17:00")
    assert len(desk.said) == 1


def test_what_moved_is_told_and_a_day_without_anything_sends_nothing(desk: Team, team: Team) -> None:
    team.ask_for("public")
    team.says("/stage ack", by="sam")
    assert team.stage == "public"
    team.at("2026-12-08T09:02")
    assert "What moved" in desk.said[0].html

    team.at("2026-12-10T09:02")
    assert len(desk.said) == 1, "nothing moved, nothing waits"


def test_a_clock_that_was_dead_for_a_week_sends_one_digest(desk: Team, team: Team) -> None:
    team.ask_for("public")
    team.house.clock_runs = False
    team.later(days=7)
    assert desk.said == []
    team.house.clock_runs = True
    team.settle()

    assert len(desk.said) == 1
    assert "Waits for you" in desk.said[0].html
