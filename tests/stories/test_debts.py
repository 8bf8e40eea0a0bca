"""Debts: a word that comes later, by a named person. Let through, shown, chased, and in the next stage's way."""

from __future__ import annotations

import pytest

from tests.stories.files import escalate_to
from tests.stories.house import Team

RULES = """
  - id: support-in-beta
    entering: beta
    require: [{acknowledged: {party: support}}]
    level: block
    later: 5 working days
    effective: 2026-12-01
    because: Support answers our customers.
  - id: paid
    entering: public
    require: [no_debt]
    level: block
    effective: 2026-12-01
    because: What was put off has to be done before everybody gets it.
"""


@pytest.fixture
def asked(team: Team) -> Team:
    """On Monday, Erin has asked for Beta, and Support has to say its word first."""
    parties = {"support": {"respond_within": "4 working hours", "escalate_to": escalate_to("support-lead")}}
    team.house.put_in_force(RULES, notify="", parties=parties)
    team.stand_in("internal")
    team.ask_for("beta")
    return team


def put_off(team: Team, until: str = "Friday", by: str = "sam", who: str = "sofia") -> None:
    team.says(f"/stage later support by {team.naming(who)} until {until}", by)


def test_the_move_passes_and_the_living_comment_shows_what_is_owed_by_whom_until_when(asked: Team) -> None:
    put_off(asked)

    assert asked.stage == "beta"
    assert len(asked.told) == 1
    assert "Owed:" in asked.living.html
    assert "sofia" in asked.living.html.lower()
    assert "12 Dec" in asked.living.html or "11 Dec" in asked.living.html


def test_an_unpaid_debt_keeps_the_next_stage_shut_until_it_is_paid(asked: Team) -> None:
    put_off(asked)
    asked.later(hours=1)
    asked.ask_for("public")
    assert asked.stage == "beta"
    assert asked.support <= asked.told[-1].mentions

    asked.says("/stage ack", by="sofia")
    assert asked.stage == "public"
    assert "Owed:" not in asked.living.html


def test_the_person_who_owes_is_reminded_on_the_day_and_those_above_asked_after_that(asked: Team) -> None:
    put_off(asked)
    asked.at("2026-12-11T16:00")
    assert len(asked.told) == 1
    asked.at("2026-12-14T09:01")
    assert asked.told[1].mentions == {"sofia"}

    asked.at("2026-12-14T13:30")
    assert "support-lead" in asked.told[2].mentions
    asked.later(days=3)
    assert len(asked.told) == 3


def test_a_plain_reply_of_the_party_pays_what_was_owed(asked: Team) -> None:
    put_off(asked)
    asked.later(hours=1)
    asked.says("Read it, all fine with us.", by="sofia")

    assert asked.remembered.debts == ()


def test_where_no_rule_lets_it_nothing_is_put_off(asked: Team) -> None:
    asked.says(f"/stage later growth by {asked.naming('gwen')} until Friday", by="gus")

    assert asked.stage == "internal"
    assert "no rule lets Growth" in asked.told[-1].body


def test_it_takes_somebody_of_the_party_a_person_of_it_and_a_date_in_bounds(asked: Team) -> None:
    put_off(asked, by="gus")
    put_off(asked, who="gwen")
    put_off(asked, until="2027-01-31")
    put_off(asked, by="erin")

    assert asked.stage == "internal"
    assert asked.remembered.debts == ()
    answers = [one.body for one in asked.told[1:]]
    assert "can be said here by the people of Support" in answers[0]
    assert "is not of Support" in answers[1]
    assert "at the latest" in answers[2]
    assert "asked for this move yourself" in answers[3]


def test_what_was_put_off_for_a_request_that_is_withdrawn_is_owed_no_more(team: Team) -> None:
    both = RULES.replace("party: support}}]", "party: support}}, {acknowledged: {party: growth}}]")
    team.house.put_in_force(both, notify="")
    team.stand_in("internal")
    team.ask_for("beta")
    put_off(team)
    assert team.stage == "internal", "Growth has not spoken"
    assert len(team.remembered.debts) == 1
    team.says("/stage cancel", by="erin")

    assert team.remembered.debts == ()


def test_a_debt_outlives_a_lost_ledger(asked: Team) -> None:
    put_off(asked)
    asked.later(hours=1)
    asked.house.lose_the_ledger()
    asked.ask_for("public")
    asked.later(minutes=1)

    assert asked.stage == "beta"
    assert "Owed:" in asked.living.html


def test_a_hold_with_a_date_ends_by_itself(team: Team) -> None:
    rules = "\n  - {id: h, entering: public, require: [not_on_hold], level: block, effective: 2026-12-01}\n"
    team.house.put_in_force(rules, notify="")
    team.stand_in("beta")
    team.says("/stage hold until Wednesday the invoice run comes first", by="sam")
    team.ask_for("public")
    assert team.stage == "beta"

    team.at("2026-12-09T23:50")
    assert team.stage == "beta"
    team.at("2026-12-10T00:01")

    assert team.stage == "public"
    assert team.remembered.hold is None
    assert "On hold" not in team.living.html
