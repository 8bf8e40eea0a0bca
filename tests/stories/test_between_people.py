"""Ways round the people's side of a gate, and silences; each was found once, and shut. All on GitHub."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from integration import custom
from integration.sandbox.faults import Fault
from integration.stages.entries import Acknowledged, Finding
from integration.stages.model import Issue
from tests.stories import test_debts, test_routes
from tests.stories.files import escalate_to, rota
from tests.stories.house import House, OnGitHub
from tests.stories.test_routes import agree, route

SEEN = "{acknowledged: {party: support}}"
BOTH = "{acknowledged: {party: support}}, {acknowledged: {party: growth}}"
WITHIN = {"support": {"respond_within": "4 working hours", "escalate_to": escalate_to("support-lead")}}
SUPPORT_AGREES = "routes: {agreed_by: [support], effective: 2026-12-01}"


@pytest.fixture
def team(house: House) -> OnGitHub:
    return OnGitHub(house)


def rule(id: str, entering: str, require: str, more: str = "") -> str:
    return (
        f"\n  - {{id: {id}, entering: {entering}, require: [{require}], level: block, effective: 2026-12-01{more}}}\n"
    )


def begin(team: OnGitHub, rules: str, stage: str, body: str = "", **changes: Any) -> None:
    team.house.put_in_force(rules, **{"notify": "", **changes})
    team.stand_in(stage, body=body)


LATER = ", later: 5 working days"


def put_off(team: OnGitHub, by: str = "sam", who: str = "sofia", party: str = "support") -> None:
    team.says(f"/stage later {party} by @{who} until Friday", by)


# --- routes -----------------------------------------------------------------------------------------------------------


def test_what_stands_blocked_in_a_higher_stage_does_not_make_a_new_route_come_into_force(team: OnGitHub) -> None:
    begin(team, test_routes.RULES, "development", more=test_routes.ROUTES)
    team.says("/stage route internal, beta", by="erin")
    agree(team)
    for _ in range(5):
        team.later(minutes=10)
        team.ask_for("public")
    team.says("/stage route public", by="erin")
    team.later(minutes=2)

    assert route(team) == ("internal", "beta")
    assert team.verdicts[-1][-1] == "blocked"


def test_a_move_and_a_route_that_are_read_in_one_look_need_everybodys_word(team: OnGitHub) -> None:
    begin(team, test_routes.RULES, "development", more=test_routes.ROUTES)
    team.says("/stage route internal, beta, public", by="erin")
    agree(team)
    team.move("public")
    team.write("/stage route public", by="erin")
    team.settle()

    assert route(team) == ("internal", "beta", "public")
    assert team.stage == "development"


def test_an_ack_agrees_only_to_a_route_that_the_party_was_asked_about(team: OnGitHub) -> None:
    """The heading and the label come at once, from a template; the block comment says nothing of the route."""
    rules = rule("seen", "beta", SEEN) + rule("soak", "public", "{visited: {stage: internal}}")
    team.house.put_in_force(rules, notify="", more=SUPPORT_AGREES)
    team.open("beta", body=team.heading("Release stages", "Beta, Public"))
    team.settle()

    assert [one.mentions & team.support for one in team.told] == [team.support, team.support], "both are asked for"
    assert "Beta Release" in team.told[1].body
    team.says("/stage ack", by="sam")
    assert route(team) == ("beta", "public")


def test_an_older_text_does_not_replace_the_agreed_route_when_the_ledger_is_lost(team: OnGitHub) -> None:
    begin(
        team,
        test_routes.RULES,
        "development",
        team.heading("Release stages", "Internal, Public"),
        more=test_routes.ROUTES,
    )
    team.says("/stage route internal, beta, public", by="erin")
    agree(team)
    team.house.lose_the_ledger()
    team.ask_for("public")
    team.later(minutes=2)
    agree(team)

    assert route(team) == ("internal", "beta", "public")
    assert team.stage == "development"


def test_a_pending_route_outlives_a_lost_ledger_with_those_who_have_agreed(team: OnGitHub) -> None:
    begin(
        team,
        test_routes.RULES,
        "development",
        team.heading("Release stages", "Internal, Public"),
        more=test_routes.ROUTES,
    )
    team.says("/stage ack", by="gus")
    team.house.lose_the_ledger()
    team.says("hello", by="erin")
    team.later(minutes=2)
    assert len(team.told) == 1
    team.says("/stage ack", by="sam")

    assert route(team) == ("internal", "public")


def test_the_same_route_proposed_again_takes_nobodys_word_back(team: OnGitHub) -> None:
    begin(team, test_routes.RULES, "development", more=test_routes.ROUTES)
    team.says("/stage route internal, public", by="erin")
    team.says("/stage ack", by="gus")
    team.says("/stage route internal, public", by="erin")

    assert len(team.told) == 1
    team.says("/stage ack", by="sam")
    assert route(team) == ("internal", "public")


def test_who_has_to_agree_since_the_file_changed_is_asked_too(team: OnGitHub) -> None:
    begin(team, test_routes.RULES, "development", more=test_routes.ROUTES)
    team.says("/stage route internal, public", by="erin")
    more = test_routes.ROUTES.replace("growth, support", "growth, support, docs")
    team.house.put_in_force(test_routes.RULES, notify="", more=more)
    agree(team)

    assert team.told[-1].mentions == {"acme/docs"}
    team.says("/stage ack", by="dora")
    assert route(team) == ("internal", "public")


def test_who_proposes_while_on_duty_leaves_the_answer_to_all_of_the_party(team: OnGitHub) -> None:
    turns = {"support": rota("sam", "sofia", starts="2026-12-07")}
    begin(team, test_routes.RULES, "development", parties=turns, more=test_routes.ROUTES)
    team.says("/stage route public", by="sam")

    assert team.told[0].mentions == team.growth | team.support


def test_a_party_that_is_newly_awaited_is_told_while_a_route_is_pending(team: OnGitHub) -> None:
    rules = rule("a", "beta", "{labelled: seen}") + rule("s", "public", SEEN)
    begin(team, rules, "development", more=test_routes.ROUTES)
    team.ask_for("beta")
    team.says("/stage route beta, public", by="erin")
    team.says("/stage ack", by="sam")
    team.later(minutes=10)
    team.ask_for("public")

    assert team.support <= team.told[-1].mentions
    assert "Public Release" in team.told[-1].body


def test_an_ack_of_a_route_is_no_word_on_a_stage(team: OnGitHub) -> None:
    begin(team, test_routes.RULES, "development", more=test_routes.ROUTES)
    team.says("/stage route internal, public", by="erin")
    agree(team)

    assert not [one for one in team.remembered.evidence if isinstance(one, Acknowledged)]


# --- debts ------------------------------------------------------------------------------------------------------------


def test_whoever_asks_cannot_have_put_it_off_before(team: OnGitHub) -> None:
    begin(team, test_debts.RULES, "internal")
    put_off(team, by="sam")
    team.ask_for("beta", by="sam")

    assert team.stage == "internal"


def test_whoever_asked_cannot_pay_afterwards(team: OnGitHub) -> None:
    begin(team, test_debts.RULES, "internal")
    team.ask_for("beta", by="sam")
    put_off(team, by="sofia")
    assert team.stage == "beta"
    team.later(minutes=2)
    team.says("Thanks!", by="sam")
    team.says("/stage ack", by="sam")
    assert team.remembered.debts

    team.says("/stage ack", by="sofia")
    assert not team.remembered.debts


def test_who_owes_can_pay_also_while_they_ask_for_the_next_stage(team: OnGitHub) -> None:
    begin(team, test_debts.RULES, "internal")
    team.ask_for("beta")
    put_off(team)
    team.later(hours=1)
    team.ask_for("public", by="sofia")
    assert team.stage == "beta"
    team.says("/stage ack", by="sofia")

    assert team.stage == "public"


def test_a_jump_does_not_leap_over_no_debt(team: OnGitHub) -> None:
    begin(team, test_debts.RULES, "internal")
    team.ask_for("public")
    put_off(team)

    assert team.stage == "internal"
    assert [one.stage for one in team.remembered.debts] == ["beta"]


def test_a_promise_made_for_one_attempt_opens_nothing_for_a_later_one(team: OnGitHub) -> None:
    begin(team, test_debts.RULES, "internal")
    team.ask_for("beta")
    put_off(team)
    team.later(hours=1)
    team.take_off("beta")
    team.move("internal")
    team.settle()
    team.later(minutes=10)
    team.ask_for("beta")

    assert team.stage == "internal"


def test_paying_a_debt_is_no_word_on_a_stage_that_nobody_was_told_of(team: OnGitHub) -> None:
    rules = rule("b", "beta", SEEN, LATER)
    rules += rule("p", "public", f"{{notified: {{party: support, ahead: 1 working day}}}}, {SEEN}, no_debt")
    begin(team, rules, "internal")
    team.ask_for("beta")
    put_off(team)
    team.later(hours=1)
    team.says("/stage ack", by="sofia")
    team.at("2026-12-09T10:00")
    team.ask_for("public")

    assert team.stage == "beta"
    assert team.support <= team.told[-1].mentions


def test_nothing_is_put_off_that_is_not_in_the_way(team: OnGitHub) -> None:
    rules = rule("b", "beta", SEEN, LATER) + rule("p", "public", "{approved: {party: support}}")
    begin(team, rules, "internal")
    team.ask_for("beta")
    team.says("/stage ack", by="sam")
    team.later(hours=1)
    team.ask_for("public")
    put_off(team)

    assert not team.remembered.debts
    assert "no rule lets Support" in team.told[-1].body


def test_what_was_put_off_on_the_way_to_a_stage_is_forgotten_with_the_request(team: OnGitHub) -> None:
    begin(
        team,
        test_debts.RULES.replace("party: support}}]", "party: support}}, {acknowledged: {party: growth}}]"),
        "internal",
    )
    team.ask_for("beta")
    put_off(team)
    team.later(minutes=10)
    team.ask_for("public")
    team.says("/stage cancel", by="erin")

    assert not team.remembered.debts


def test_two_words_that_are_put_off_in_one_comment_are_both_asked_for(team: OnGitHub) -> None:
    begin(
        team,
        test_debts.RULES.replace("party: support}}]", "party: support}}, {acknowledged: {party: growth}}]"),
        "internal",
    )
    team.ask_for("beta")
    both = "/stage later support by @sofia until Friday\n/stage later growth by @gwen until Friday"
    team.says(both, by="rhea")
    assert team.stage == "beta"
    team.at("2026-12-14T09:30")

    assert sorted(next(iter(one.mentions)) for one in team.told[1:]) == ["gwen", "sofia"]


def test_a_rota_alone_does_not_remind_of_a_debt_twice(team: OnGitHub) -> None:
    turns = {"growth": {"respond_within": "4 hours", **rota("gus", "gwen", starts="2026-12-07")}}
    begin(team, test_debts.RULES.replace("party: support", "party: growth"), "internal", parties=turns)
    team.ask_for("beta")
    put_off(team, by="gus", who="gwen", party="growth")
    team.at("2026-12-14T09:30")
    team.later(days=3)

    assert [one.mentions for one in team.told[1:]] == [{"gwen"}]


# --- words and facts --------------------------------------------------------------------------------------------------


def test_an_approval_that_fell_does_not_stand_again_when_the_ledger_is_lost(team: OnGitHub) -> None:
    wanted = "{approved: {party: support, voided_by: [description]}}, {acknowledged: {party: growth}}"
    begin(team, rule("gate", "public", wanted), "beta", "Up to 10 pages.")
    team.ask_for("public")
    team.says("/stage approve support", by="sam")
    team.describe("Up to 5 pages.")
    team.later(minutes=6)
    team.says("/stage ack growth", by="gus")
    team.house.lose_the_ledger()
    team.says("any news?", by="erin")
    team.later(minutes=2)

    assert team.stage == "beta"


def test_one_failed_read_does_not_open_a_gate_that_was_shut_for_a_reason(
    team: OnGitHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken: list[bool] = []

    def safe(issue: Issue, options: Mapping[str, Any], now: datetime) -> Finding:
        return Finding("it is safe", None if broken else False, "not to be read" if broken else "a hole is open")

    monkeypatch.setattr(custom, "installed", lambda: {"safe": safe})
    begin(team, rule("gate", "public", "{custom: {name: safe}}", ", on_error: open"), "beta")
    team.ask_for("public")
    team.later(hours=2)
    broken.append(True)
    team.says("hm", by="erin")
    assert team.stage == "beta"

    team.later(minutes=5)
    broken.clear()
    team.later(minutes=20)
    assert team.stage == "beta"


def test_a_mention_of_somebody_who_is_not_on_duty_has_told_nobody(team: OnGitHub) -> None:
    turns = {"support": rota("sam", "sofia", starts="2026-12-07")}
    begin(team, rule("p", "public", "{notified: {party: support}}"), "beta", parties=turns)
    team.says("thanks @sofia for the cake", by="evan")
    team.ask_for("public")
    assert team.stage == "public", "the block comment itself has told Sam"
    assert "sam" in team.told[0].mentions


def test_needs_work_of_a_former_request_does_not_come_back(team: OnGitHub) -> None:
    begin(team, rule("seen", "public", SEEN), "beta")
    team.ask_for("public")
    team.says("/stage needs-work help page", by="sam")
    team.says("/stage cancel", by="erin")
    team.later(hours=2)
    team.ask_for("public")
    before = len(team.told)
    team.later(minutes=10)
    team.ask_for("public")

    assert len(team.told) == before


def test_needs_work_and_the_next_ask_that_are_read_in_one_look_hand_the_turn_back(team: OnGitHub) -> None:
    begin(team, rule("seen", "public", SEEN), "beta")
    team.ask_for("public")
    team.later(minutes=10)
    team.write("/stage needs-work help page", by="sam")
    team.house.traveller.shift(timedelta(minutes=10))
    team.move("public")
    team.settle()

    assert team.told[-1].mentions == team.support
    assert len(team.told) == 2


def test_a_party_that_hands_back_unasked_hears_of_it_in_one_comment(team: OnGitHub) -> None:
    begin(team, rule("seen", "public", SEEN), "beta")
    team.ask_for("public")
    team.later(minutes=10)
    team.says("/stage needs-work the help page", by="dora")
    team.later(minutes=10)
    team.says("/stage recheck", by="erin")

    assert [one.mentions for one in team.told[1:]] == [{"acme/docs"}]


def test_who_acknowledged_a_lower_stage_is_told_of_the_higher_one(team: OnGitHub) -> None:
    notify = "\n  - {entering: public, parties: [growth], level: post, effective: 2026-12-01}\n"
    begin(team, rule("b", "beta", "{acknowledged: {party: growth}}, {labelled: x}"), "internal", notify=notify)
    team.ask_for("beta")
    team.says("/stage ack", by="gus")
    team.later(minutes=20)
    team.ask_for("public")
    team.world.github.label(team.repo, team.number, "x", "erin")
    team.settle()
    team.later(minutes=20)

    assert team.stage == "public"
    assert team.told[-1].mentions == team.growth


# --- time -------------------------------------------------------------------------------------------------------------


def test_after_a_hold_the_party_has_its_time_before_others_are_asked(team: OnGitHub) -> None:
    begin(team, rule("seen", "public", SEEN), "beta", parties=WITHIN)
    team.ask_for("public")
    team.at("2026-12-07T15:10")
    assert len(team.told) == 2
    team.says("/stage hold wait", by="sam")
    team.at("2026-12-10T10:00")
    team.says("/stage resume", by="sam")
    team.later(minutes=2)
    assert len(team.told) == 2

    team.later(hours=4, minutes=5)
    assert "support-lead" in team.told[2].mentions


def test_a_hold_stops_the_clock_of_a_route_as_well(team: OnGitHub) -> None:
    within = {"support": {"respond_within": "2 hours"}, "growth": {"respond_within": "2 hours"}}
    begin(team, test_routes.RULES, "development", parties=within, more=test_routes.ROUTES)
    team.says("/stage route internal, public", by="erin")
    team.says("/stage hold wait a bit", by="sam")
    team.at("2026-12-08T10:00")
    team.says("/stage resume", by="sam")
    team.later(minutes=2)

    assert len(team.told) == 1


def test_a_day_of_the_week_is_meant_from_when_it_was_written(team: OnGitHub) -> None:
    begin(team, rule("h", "public", "not_on_hold"), "beta")
    team.write("/stage hold until Wednesday invoice run", by="sam")
    team.house.traveller.shift(timedelta(days=3))
    team.settle()

    assert team.remembered.hold is None


def test_a_combined_reminder_that_never_left_is_made_up_for_to_who_is_still_awaited(team: OnGitHub) -> None:
    within = {
        "support": {"respond_within": "2 hours"},
        "growth": {"respond_within": "2 hours", "calendar": "london"},
    }
    begin(team, rule("p", "public", BOTH), "beta", parties=within)
    team.ask_for("public")
    team.world.faults.add(Fault(r"^POST .*/comments?$", "before", status=502))
    team.at("2026-12-07T13:10")
    team.says("/stage ack", by="sam")
    team.later(minutes=3)

    assert [one.mentions for one in team.told[1:]] == [team.growth]
