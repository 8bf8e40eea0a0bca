"""Routes: which stages a feature visits is proposed, agreed by the parties, and then judged by."""

from __future__ import annotations

import pytest

from integration.stages.entries import Agreed, Routed
from tests.stories.house import Team

ROUTES = "routes: {agreed_by: [growth, support], effective: 2026-12-01}"
RULES = """
  - id: stakeholders-in-beta
    entering: beta
    require: [{labelled: stakeholders-seen}]
    level: block
    effective: 2026-12-01
    because: Beta is for those who have seen it.
  - id: soak
    entering: public
    require: [{visited: {stage: beta}}]
    level: block
    effective: 2026-12-01
    because: Beta finds the bugs.
  - id: on-the-way
    entering: public
    require: [follows_route]
    level: block
    effective: 2026-12-01
    because: Which stages a feature visits is agreed with Growth and Support.
"""


@pytest.fixture
def begun(team: Team) -> Team:
    """A feature in Development, in an organisation that agrees routes."""
    team.house.put_in_force(RULES, notify="", more=ROUTES)
    team.stand_in("development")
    return team


def agree(team: Team) -> None:
    team.says("/stage ack", by="gus")
    team.says("/stage ack", by="sam")


def route(team: Team) -> tuple[str, ...]:
    remembered = team.remembered
    return remembered.route.stages if remembered.route else ()


def test_a_route_is_proposed_to_those_who_agree_and_holds_once_all_of_them_have(begun: Team) -> None:
    begun.says("/stage route internal, public", by="erin")

    assert [one.mentions for one in begun.told] == [begun.growth | begun.support]
    assert all(name in begun.told[0].body for name in ("Internal Release", "Public Release", "/stage ack"))
    begun.says("/stage ack", by="gus")
    assert route(begun) == ()
    assert "Support" in begun.living.html
    begun.says("/stage ack", by="sam")

    assert route(begun) == ("internal", "public")
    assert "Route:" in begun.living.html
    assert len(begun.told) == 1


def test_a_stage_that_the_route_leaves_out_is_not_asked_for(begun: Team) -> None:
    begun.says("/stage route internal, public", by="erin")
    agree(begun)
    begun.ask_for("public")

    assert begun.stage == "public"
    assert begun.verdicts[-1] == ("development", "public", "admitted")
    (gate,) = [one for one in begun.remembered.verdicts.values() if one.move.to == "public"][-1].gates[:1]
    assert "leaves out Beta Release" in gate.findings[0].reason


def test_without_an_agreed_route_every_stage_is_asked_for(begun: Team) -> None:
    begun.says("/stage route internal, public", by="erin")
    begun.ask_for("public")

    assert begun.stage == "development"
    assert "has not agreed" in begun.living.html or "Growth has agreed to the route" in begun.living.html


def test_a_stage_that_is_not_on_the_route_is_asked_about(begun: Team) -> None:
    begun.says("/stage route internal, beta", by="erin")
    agree(begun)
    begun.ask_for("public")

    assert begun.stage == "development"
    assert "/stage route" in begun.told[-1].body

    begun.says("/stage route internal, public", by="erin")
    agree(begun)
    assert begun.stage == "public", "the gate has opened, and the stage was applied"


def test_a_change_asks_anew_only_where_it_touches_what_lies_ahead(begun: Team) -> None:
    begun.says("/stage route internal, public", by="erin")
    agree(begun)
    begun.says("/stage route public", by="erin")
    assert route(begun) == ("internal", "public"), "Internal lies ahead: the old route holds until all agree"
    assert len(begun.told) == 2

    begun.move("internal")
    begun.settle()
    begun.says("/stage route public", by="erin")
    assert route(begun) == ("public",), "Internal lies behind: it needs nobody's word"
    assert len(begun.told) == 2


def test_what_was_said_for_a_stage_outlives_a_change_of_the_route(team: Team) -> None:
    seen = "[{acknowledged: {party: support}}], level: block, effective: 2026-12-01"
    ack = f"{RULES}  - {{id: seen, entering: public, require: {seen}}}\n"
    team.house.put_in_force(ack, notify="", more=ROUTES)
    team.stand_in("internal")
    team.ask_for("public")
    team.says("/stage ack", by="sam")
    team.says("/stage route public", by="erin")
    agree(team)

    assert team.stage == "public"
    seen = [gate for one in team.remembered.verdicts.values() for gate in one.gates if gate.rule == "seen"][-1]
    assert seen.ok


def test_a_heading_in_the_issues_text_proposes_a_route_once(team: Team) -> None:
    team.house.put_in_force(RULES, notify="", more=ROUTES)
    text = team.heading("What changes", "Exports.") + team.heading(
        "Release stages", "* Internal Release\n* Public Release"
    )
    team.stand_in("development", body=text)

    assert [one.mentions for one in team.told] == [team.growth | team.support]
    team.describe(text + "\n\nA typo less.")
    team.settle()
    assert len(team.told) == 1
    agree(team)
    assert route(team) == ("internal", "public")


def test_a_heading_that_names_no_stage_is_said_in_the_living_comment(team: Team) -> None:
    team.house.put_in_force(RULES, notify="", more=ROUTES)
    team.stand_in("development", body=team.heading("Release stages", "Gamma, Public"))
    team.says("/stage route public", by="erin")

    assert "Gamma" in team.living.html
    assert len(team.told) == 1


def test_an_older_issues_heading_proposes_nothing(team: Team) -> None:
    team.house.put_in_force(RULES, notify="", more=ROUTES.replace("2026-12-01", "2026-12-24"))
    team.stand_in("development", body=team.heading("Release stages", "Internal, Public"))

    assert team.said == []


def test_the_one_who_proposes_agrees_for_nobody_and_a_stranger_proposes_nothing(begun: Team) -> None:
    begun.says("/stage route public", by="sam")
    begun.says("/stage ack", by="gus")
    begun.says("/stage ack", by="sam")
    assert not [one for one in begun.remembered.agreements if one.party == "support"]
    begun.says("/stage ack", by="sofia")
    assert route(begun) == ("public",)

    before = len(begun.said)
    begun.says("/stage route beta", by="mallory")
    assert route(begun) == ("public",)
    assert len(begun.said) == before


def test_the_agreed_route_outlives_a_lost_ledger(begun: Team) -> None:
    begun.says("/stage route internal, public", by="erin")
    agree(begun)
    begun.house.lose_the_ledger()
    begun.ask_for("public")
    begun.later(minutes=1)

    assert begun.stage == "public"
    entries = begun.house.desk.ledger.entries(begun.ref)
    assert [one.stages for one in entries if isinstance(one, Routed)] == [("internal", "public")]
    assert {one.party for one in entries if isinstance(one, Agreed)} == {"growth", "support"}


def test_who_has_not_agreed_in_time_is_reminded_once(begun: Team) -> None:
    begun.house.put_in_force(RULES, notify="", more=ROUTES, parties={"support": {"respond_within": "4 working hours"}})
    begun.says("/stage route internal, public", by="erin")
    begun.says("/stage ack", by="gus")
    begun.later(days=1)
    begun.later(hours=1)

    assert [one.mentions for one in begun.told] == [begun.growth | begun.support, begun.support]
