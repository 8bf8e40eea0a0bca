"""Who was asked and has not answered: one reminder in their working time, then those it escalates to. Never more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from integration.sandbox.faults import Fault
from integration.stages.entries import Noticed
from tests.stories.files import escalate_to, rota
from tests.stories.house import House, OnGitHub, Team

WITHIN = {"support": {"respond_within": "4 working hours", "escalate_to": escalate_to("support-lead")}}
ACK = """
  - id: support-before-public
    entering: public
    require: [{acknowledged: {party: support}}]
    level: block
    effective: 2026-12-01
    because: Support answers our customers; they must know first.
"""


@pytest.fixture
def asked(team: Team) -> Team:
    """Erin asks for Public on Monday at 11:01; Support means to answer within four working hours: by 15:01."""
    team.house.put_in_force(ACK, notify="", parties=WITHIN)
    team.stand_in("beta")
    team.ask_for("public")
    return team


def why(team: Team) -> list[str]:
    return [one.why for one in team.remembered.evidence if isinstance(one, Noticed)]


def test_nobody_is_reminded_before_the_time_that_they_gave_themselves_is_over(asked: Team) -> None:
    asked.at("2026-12-07T14:55")

    assert len(asked.told) == 1


def test_after_that_the_party_is_reminded_once_and_then_those_it_escalates_to_are_asked_once(asked: Team) -> None:
    asked.at("2026-12-07T15:10")
    assert [one.mentions for one in asked.told[1:]] == [asked.support]
    assert "a reminder" in asked.told[1].body

    asked.at("2026-12-08T10:30")
    assert len(asked.told) == 2, "four working hours after 15:10 are over at 10:40 on Tuesday"
    asked.at("2026-12-08T10:45")
    assert asked.told[2].mentions >= {"support-lead"}

    asked.later(days=5)
    assert len(asked.told) == 3
    assert why(asked) == ["told", "reminded", "escalated"]


def test_who_answers_in_time_is_not_reminded(asked: Team) -> None:
    asked.says("/stage ack", by="sam")
    asked.later(days=3)

    assert asked.stage == "public"
    assert len(asked.told) == 1


def test_what_falls_due_at_night_or_on_a_holiday_waits_for_the_morning_after(team: Team) -> None:
    team.house.put_in_force(ACK, notify="", parties={"support": {"respond_within": "2 hours"}})
    team.at("2026-12-23T17:00")
    team.open("beta")
    team.settle()
    team.at("2026-12-24T17:00")
    team.ask_for("public")

    team.at("2026-12-25T10:00")  # Christmas Day, Boxing Day on Monday the 28th, and a weekend between
    team.at("2026-12-28T16:00")
    assert len(team.told) == 1
    team.at("2026-12-29T09:01")
    assert len(team.told) == 2


def test_needs_work_stops_the_clock_until_the_turn_is_the_partys_again(asked: Team) -> None:
    asked.says("/stage needs-work the help page is missing", by="sam")
    asked.at("2026-12-08T12:00")
    assert len(asked.told) == 1, "it is Erin's turn"
    assert "Erin" in asked.living.html or "erin" in asked.living.html

    asked.says("/stage recheck", by="erin")
    again = asked.told[1]
    assert again.mentions == asked.support

    asked.at("2026-12-08T15:55")
    assert len(asked.told) == 2
    asked.at("2026-12-08T16:10")
    assert len(asked.told) == 3, "four working hours anew"
    asked.says("/stage ack", by="sam")
    assert asked.stage == "public"


def test_setting_the_label_again_after_needs_work_asks_the_party_again(asked: Team) -> None:
    asked.says("/stage needs-work the help page is missing", by="sam")
    asked.later(minutes=10)
    asked.ask_for("public")

    assert asked.stage == "beta"
    assert asked.told[1].mentions == asked.support


def test_a_hold_stops_the_clock(asked: Team) -> None:
    asked.says("/stage hold the invoice run comes first", by="sam")
    asked.at("2026-12-09T12:00")
    assert len(asked.told) == 1

    asked.says("/stage resume", by="sam")
    asked.later(hours=3)
    assert len(asked.told) == 1, "the time runs anew"
    asked.later(hours=2)
    assert len(asked.told) == 2


def test_a_closed_issue_is_not_reminded_of(house: House) -> None:
    """On GitHub; on Jira closing an issue is a move to a status."""
    team = OnGitHub(house)
    house.put_in_force(ACK, notify="", parties=WITHIN)
    team.stand_in("beta")
    team.ask_for("public")
    team.world.github.close(team.repo, team.number, "erin")
    team.settle()
    team.later(days=2)

    assert len(team.told) == 1


def test_a_clock_that_was_dead_for_three_days_misses_nothing_and_says_nothing_twice(asked: Team) -> None:
    asked.house.clock_runs = False
    asked.later(days=3)
    assert len(asked.told) == 1

    asked.house.clock_runs = True
    asked.settle()
    assert [one.mentions for one in asked.told[1:]] == [asked.support], "the reminder, and no escalation with it"
    asked.later(hours=2)
    assert len(asked.told) == 2
    asked.later(days=1)
    assert [one.mentions >= {"support-lead"} for one in asked.told[2:]] == [True]


def test_several_parties_that_are_late_are_reminded_in_one_comment(team: Team) -> None:
    both = ACK.replace("party: support}}]", "party: support}}, {acknowledged: {party: growth}}]")
    parties = {"support": {"respond_within": "4 hours"}, "growth": {"respond_within": "4 hours", "calendar": "london"}}
    team.house.put_in_force(both, notify="", parties=parties)
    team.stand_in("beta")
    team.ask_for("public")
    team.later(hours=5)

    assert [one.mentions for one in team.told[1:]] == [team.support | team.growth]


def test_who_is_on_duty_is_mentioned_alone_and_all_of_the_party_only_on_escalation(team: Team) -> None:
    turns = {"support": {**WITHIN["support"], **rota("sam", "sofia", starts="2026-11-30")}}
    team.house.put_in_force(ACK, notify="", parties=turns)
    team.stand_in("beta")
    team.ask_for("public")

    assert team.told[0].mentions == {"sofia", "erin"}, "the second week is Sofia's"
    assert "on duty for Support" in team.told[0].body
    team.at("2026-12-07T15:10")
    assert team.told[1].mentions == {"sofia"}
    team.at("2026-12-08T11:00")
    assert team.told[2].mentions == team.support | {"support-lead"}


def test_whoever_is_on_duty_and_asks_for_the_move_has_all_of_the_party_asked(team: Team) -> None:
    turns = {"support": rota("sam", "sofia", starts="2026-12-07")}
    team.house.put_in_force(ACK, notify="", parties=turns)
    team.stand_in("beta")
    team.ask_for("public", by="sam")

    assert team.told[0].mentions == team.support | {"sam"}


def test_a_crash_between_the_reminder_and_its_record_reminds_nobody_twice(asked: Team) -> None:
    """The comment was posted, and the answer was lost: it is found, and counts."""
    asked.world.faults.add(Fault(r"^POST .*/comments?$", "after", status=502))
    asked.at("2026-12-07T15:10")
    asked.house.traveller.shift(timedelta(minutes=3))
    asked.settle()

    assert [one.mentions for one in asked.told[1:]] == [asked.support]
