"""Support was never told: a feature goes from Beta to Public, and what becomes of it, on both trackers."""

from __future__ import annotations

from tests.stories.files import RULES
from tests.stories.house import Team


def test_a_feature_that_support_never_heard_of_is_put_back_with_one_comment(in_beta: Team) -> None:
    before = len(in_beta.told)

    in_beta.ask_for("public")

    assert in_beta.stage == "beta"
    assert len(in_beta.told) == before + 1
    said = in_beta.told[-1]
    assert said.mentions == in_beta.support | in_beta.growth | {"erin"}, "who has to act, and who is to know of Public"
    assert "Public Release needs Support first" in said.body
    assert "/stage ack" in said.body
    assert in_beta.verdicts[-1] == ("beta", "public", "blocked")


def test_the_stage_is_applied_when_support_has_seen_it_and_the_day_ahead_is_over(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.write("/stage ack", by="sam")
    in_beta.settle()
    assert in_beta.stage == "beta", "the working day ahead is not over"
    assert "nobody; it opens by itself on Tue 8 Dec" in in_beta.living.body

    in_beta.later(hours=23, minutes=30)
    assert in_beta.stage == "beta", "half an hour too early"
    in_beta.later(minutes=31)

    assert in_beta.stage == "public"
    assert in_beta.verdicts[-1] == ("beta", "public", "admitted")
    assert in_beta.remembered.attempt is None
    assert len(in_beta.told) == 2, "Growth was told with the request, and nobody is told twice"
    assert "Nothing is awaited" in in_beta.living.body


def test_the_day_ahead_alone_opens_nothing_while_support_is_silent(in_beta: Team) -> None:
    in_beta.ask_for("public")

    in_beta.later(days=3)

    assert in_beta.stage == "beta"
    assert "Support to answer" in in_beta.living.body


def test_a_plain_reply_counts_a_quarter_of_an_hour_later_so_that_somebody_can_still_say_hold(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.later(days=2)
    in_beta.write("Thanks, we have read it.", by="sofia")
    in_beta.settle()
    assert in_beta.stage == "beta"
    assert "a plain reply counts from" in in_beta.living.html

    in_beta.later(minutes=16)

    assert in_beta.stage == "public"


def test_the_same_move_again_is_put_back_without_a_new_comment_and_counted(in_beta: Team) -> None:
    in_beta.ask_for("public")
    told = [one.id for one in in_beta.told]

    in_beta.later(minutes=20)
    in_beta.ask_for("public", by="evan")

    assert in_beta.stage == "beta"
    assert [one.id for one in in_beta.told] == told
    assert "Asked for 2 times" in in_beta.living.body


def test_after_three_put_backs_in_a_day_it_stands_is_not_admitted_and_the_escalation_hears_of_it_once(
    in_beta: Team,
) -> None:
    for _ in range(5):
        if "public" not in in_beta.stages:
            in_beta.ask_for("public")
        in_beta.later(minutes=6)

    assert "public" in in_beta.stages, "we do not fight"
    assert all(outcome == "blocked" for was, to, outcome in in_beta.verdicts if to == "public")
    assert in_beta.remembered.attempt is not None
    calls = [one for one in in_beta.told if "its gates are shut" in one.body]
    assert [one.mentions for one in calls] == [{"support-lead", "erin"}]
    assert "not in Beta" not in "".join(one.body for one in in_beta.told)


def test_what_stands_is_tried_again_after_an_hour_and_then_daily_not_more_often(in_beta: Team) -> None:
    for _ in range(4):
        in_beta.ask_for("public")
        in_beta.later(minutes=6)
    assert "public" in in_beta.stages

    in_beta.later(minutes=61)
    assert in_beta.stage == "beta", "one more try after an hour"
    in_beta.ask_for("public")
    in_beta.later(hours=20)
    assert "public" in in_beta.stages, "and then none before a day is over"
    in_beta.later(hours=5)

    assert in_beta.stage == "beta"
    assert len([one for one in in_beta.told if "its gates are shut" in one.body]) == 1


def test_what_stands_is_admitted_where_it_stands_when_its_gates_open(in_beta: Team) -> None:
    for _ in range(4):
        in_beta.ask_for("public")
        in_beta.later(minutes=6)
    assert "public" in in_beta.stages

    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=1, hours=2)

    assert in_beta.stage == "public"
    assert in_beta.verdicts[-1] == ("beta", "public", "admitted")


def test_a_cancelled_request_is_not_applied_when_its_gates_would_open(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.write("/stage cancel", by="erin")
    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=2)

    assert in_beta.stage == "beta"
    assert in_beta.remembered.attempt is None
    assert "was withdrawn by" in in_beta.living.html


def test_any_other_move_of_a_person_ends_the_request(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.later(minutes=10)
    in_beta.ask_for("internal")
    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=2)

    assert in_beta.stage == "internal"
    assert in_beta.remembered.attempt is None


def test_what_was_given_for_one_attempt_does_not_open_a_later_one(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=1, hours=1)
    assert in_beta.stage == "public"
    in_beta.ask_for("beta")
    in_beta.later(days=1)
    assert in_beta.stage == "beta"

    in_beta.ask_for("public")

    assert in_beta.stage == "beta"
    assert in_beta.verdicts[-1] == ("beta", "public", "blocked")


def test_a_heads_up_that_an_engineer_gave_in_beta_counts_for_public(in_beta: Team) -> None:
    mention = "@acme/support" if in_beta.ref.tracker == "github" else "[~accountid:e96e02d8e47f2a7c03be5117]"
    in_beta.write(f"{mention} heads-up: this goes out this week", by="erin")
    in_beta.settle()
    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=2)

    in_beta.ask_for("public")

    assert in_beta.stage == "public"
    assert in_beta.verdicts[-1] == ("beta", "public", "admitted")


def test_a_requester_who_is_a_member_of_support_cannot_open_the_gate_alone(in_beta: Team) -> None:
    in_beta.ask_for("public", by="sam")
    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=2)
    assert in_beta.stage == "beta"
    assert "has to come from somebody else" in in_beta.told[-1].body

    in_beta.write("/stage ack", by="sofia")
    in_beta.settle()

    assert in_beta.stage == "public"


def test_a_party_that_needs_work_done_hands_the_turn_back_until_it_speaks_again(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.write("/stage ack", by="sam")
    in_beta.write("/stage needs-work the help page is missing", by="sofia")
    in_beta.later(days=2)
    assert in_beta.stage == "beta"
    assert "the help page is missing" in in_beta.living.html

    in_beta.write("/stage ack", by="sofia")
    in_beta.settle()

    assert in_beta.stage == "public"


def test_a_hold_keeps_an_open_gate_from_being_used_until_it_is_resumed(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.write("/stage hold the press release is not out", by="gus")
    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=2)
    assert in_beta.stage == "beta"
    assert "the press release is not out" in in_beta.living.html

    in_beta.write("/stage resume", by="gwen")
    in_beta.settle()

    assert in_beta.stage == "public"


def test_a_hold_with_a_date_ends_by_itself(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.write("/stage ack", by="sam")
    in_beta.write("/stage hold until 2026-12-09 we wait for the fair", by="gus")
    in_beta.later(days=2, hours=2)
    assert in_beta.stage == "beta"

    in_beta.later(days=1)

    assert in_beta.stage == "public"


def test_when_cleared_tell_leaves_the_move_to_whoever_asked(in_beta: Team) -> None:
    in_beta.house.put_in_force(RULES.replace("level: block", "level: block\n    when_cleared: tell"))
    in_beta.ask_for("public")
    in_beta.write("/stage ack", by="sam")
    in_beta.later(days=1, hours=1)
    assert in_beta.stage == "beta"
    assert in_beta.told[-1].mentions == {"erin"}
    assert "all gates to Public Release are open" in in_beta.told[-1].body

    in_beta.ask_for("public")

    assert in_beta.stage == "public"
    assert in_beta.verdicts[-1] == ("beta", "public", "admitted")


def test_a_request_that_is_not_met_for_fourteen_days_expires(in_beta: Team) -> None:
    in_beta.ask_for("public")
    in_beta.later(days=14, hours=1)

    assert in_beta.remembered.attempt is None
    assert "for 14 days it was not met" in in_beta.living.body
