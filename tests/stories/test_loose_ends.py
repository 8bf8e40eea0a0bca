"""What could slip past a gate by the way in which a request ends, is read late, or stands on two sources."""

from __future__ import annotations

import pytest

from integration.sandbox.world import Fault
from tests.stories.files import RULES, mappings
from tests.stories.house import House, OnGitHub, OnJira, Team
from tests.stories.test_moves import BETA_TOO


def test_a_request_that_is_cancelled_before_it_was_put_back_is_put_back_all_the_same(in_beta: Team) -> None:
    def cancel() -> None:
        in_beta.write("/stage cancel", by="erin")

    in_beta.world.faults.add(Fault(r"^POST .*/comments?$", "call", call=cancel, when="after"))
    in_beta.ask_for("public")
    in_beta.later(minutes=2)

    assert in_beta.stage == "beta"
    assert in_beta.remembered.attempt is None


def test_closing_as_not_planned_and_reopening_does_not_carry_a_blocked_move_through(house: House) -> None:
    team = OnGitHub(house)
    team.stand_in("beta")

    def close() -> None:
        house.world.github.close("acme/app", team.number, "erin", reason="not_planned")

    house.world.faults.add(Fault(r"^POST .*/comments$", "call", call=close, when="after"))
    team.ask_for("public")
    house.world.github.reopen("acme/app", team.number, "erin")
    team.settle()
    team.later(minutes=2)

    assert team.stage == "beta"


def test_what_was_given_for_beta_opens_nothing_else_when_the_ledger_is_lost(team: Team) -> None:
    team.house.put_in_force(RULES + BETA_TOO, notify="")
    team.stand_in("internal")
    team.write("/stage ack", by="sam")
    team.write("/stage waive support-before-public for beta, if at all", by="rhea")
    team.settle()
    team.write("/stage approve", by="gus")
    team.settle()
    team.ask_for("beta")
    assert team.stage == "beta"

    team.house.lose_the_ledger()
    team.later(days=3)
    team.ask_for("public")
    team.later(seconds=10)

    assert team.stage == "beta"


@pytest.mark.parametrize("read", ["at once", "late"])
def test_words_count_for_the_stage_that_came_next_when_they_were_written_however_late_we_read_them(
    team: Team, read: str
) -> None:
    team.house.put_in_force(
        RULES.replace("notified: {party: support, ahead: 1 working day}", "acknowledged: {party: support}"), notify=""
    )
    team.stand_in("development")
    if read == "late":
        team.world.hooks.hold()
    team.write("/stage ack", by="sam")
    if read == "at once":
        team.settle()
    team.house.traveller.shift(3600)
    team.move("beta")
    team.house.traveller.shift(3600)
    if read == "late":
        team.world.hooks.release()
    team.settle()

    team.ask_for("public")

    assert team.stage == "beta", "the word was for Internal, not for Public"


def test_statuses_and_labels_on_one_issue_fold_apart_and_neither_slips_past_the_other(house: House) -> None:
    both = mappings(notify="").replace(
        "public: [Released]}", "public: [Released]}\n      labels: {beta: [beta], public: [public]}"
    )
    house.settings.mappings.write_text(both)
    team = OnJira(house)
    team.stand_in("beta")

    team.world.hooks.hold()
    team.move("public")
    house.traveller.shift(30)
    house.world.jira.set_labels(team.key, ["beta"], "erin")
    team.world.hooks.release()
    team.settle()

    assert team.stage == "beta"
    assert ("beta", "public", "blocked") in team.verdicts


def test_sources_that_change_their_order_in_the_file_leave_an_open_request_alone(blocked: Team) -> None:
    text = blocked.house.settings.mappings.read_text()
    head, rest = text.split("sources:\n")
    sources, tail = rest.split("rules:")
    github, jira = sources.split("  - jira:")
    blocked.house.settings.mappings.write_text(f"{head}sources:\n  - jira:{jira}{github}rules:{tail}")

    blocked.write("/stage ack", by="sam")
    blocked.later(days=1, hours=1)

    assert blocked.stage == "public"


def test_a_stage_that_the_file_no_longer_names_breaks_nothing(blocked: Team) -> None:
    text = blocked.house.settings.mappings.read_text()
    blocked.house.settings.mappings.write_text(text.replace("internal: Internal Release, ", "").replace(
        '        internal: "stage: internal"\n', "").replace("internal: [Internal], ", ""))  # fmt: skip

    blocked.write("/stage ack", by="sam")
    blocked.later(days=1, hours=1)

    assert blocked.stage == "public"


def test_a_process_that_starts_over_a_broken_file_goes_on_with_the_last_good_one(in_beta: Team) -> None:
    in_beta.house.settings.mappings.write_text("version: 1\nstages: nonsense\n")
    in_beta.house.restart()

    in_beta.ask_for("public")

    assert in_beta.stage == "beta"


def test_a_label_that_is_renamed_and_named_back_is_applied_under_the_name_that_it_has(house: House) -> None:
    team = OnGitHub(house)
    team.stand_in("beta")
    team.ask_for("public")
    house.world.github.rename_label("acme/app", "stage: public", "released", "erin")
    team.settle()
    house.world.github.rename_label("acme/app", "released", "stage: public", "erin")
    team.settle()
    team.write("/stage ack", by="sam")
    team.later(days=1, hours=1)

    assert team.labels == ["stage: public"]


def test_a_file_that_only_observes_says_nothing_of_the_way_back_either(team: Team) -> None:
    team.house.put_in_force(RULES.replace("level: block", "level: observe"), notify="")
    team.stand_in("beta")
    mention = "@acme/support" if team.ref_tracker == "github" else "[~accountid:e96e02d8e47f2a7c03be5117]"
    team.write(f"{mention} heads-up", by="erin")
    team.ask_for("public")
    team.later(hours=1)
    team.ask_for("beta")
    team.later(hours=1)

    assert team.said == []


def test_a_reply_to_what_was_told_without_being_asked_is_written_down_as_seen(in_beta: Team) -> None:
    in_beta.write("Thanks, good to know.", by="sofia")
    in_beta.settle()

    seen = [one for one in in_beta.remembered.evidence if one.kind == "acknowledged"]
    assert [(one.party, one.stage) for one in seen] == [("support", "beta")]


def test_a_higher_wish_belongs_to_whoever_had_it(team: Team) -> None:
    team.house.put_in_force(BETA_TOO, notify="")
    team.stand_in("internal")
    team.move("beta", by="erin")
    team.house.traveller.shift(1)
    team.move("public", by="evan")
    team.settle()

    attempt = team.remembered.attempt
    assert attempt is not None
    assert attempt.by.name.casefold() == "evan"


SEEN = RULES.replace("notified: {party: support, ahead: 1 working day}", "acknowledged: {party: support}")


def test_a_feature_that_came_from_no_stage_is_taken_out_again_and_applied_when_its_gate_opens(team: Team) -> None:
    team.house.put_in_force(SEEN, notify="")
    team.open()
    team.settle()
    team.later(hours=1)
    team.ask_for("public")
    team.later(seconds=10)
    assert team.stage is None
    assert len(team.told) == 1
    team.later(minutes=2)
    assert len(team.told) == 1
    assert "It is taken out again" in team.told[0].body

    team.write("/stage ack", by="sam")
    team.settle()

    assert team.stage == "public"
    assert team.verdicts[-1] == (None, "public", "admitted")


def test_a_new_wish_soon_after_a_late_put_back_is_judged_for_itself(in_beta: Team) -> None:
    in_beta.world.hooks.hold()
    in_beta.move("public")
    in_beta.house.traveller.shift(600)
    in_beta.world.hooks.release()
    in_beta.settle()
    in_beta.write("/stage cancel", by="erin")
    in_beta.settle()
    in_beta.later(minutes=1)

    in_beta.ask_for("public")

    assert in_beta.stage == "beta"
    assert in_beta.remembered.attempt is not None


def test_nobody_waives_in_advance_what_they_then_ask_for_themselves(in_beta: Team) -> None:
    in_beta.write("/stage waive support-before-public I shall want it", by="rhea")
    in_beta.settle()
    in_beta.move("public", by="rhea")
    in_beta.settle()

    assert in_beta.stage == "beta"


def test_a_hold_keeps_a_new_move_out_even_where_the_rules_are_met(in_beta: Team) -> None:
    in_beta.write("/stage ack", by="sofia")
    in_beta.settle()
    in_beta.later(days=2)
    in_beta.write("/stage hold the fair is next week", by="sam")
    in_beta.settle()

    in_beta.ask_for("public")

    assert in_beta.stage == "beta"
    assert "the fair is next week" in in_beta.told[-1].html
    assert in_beta.told[-1].mentions == {"erin"} | in_beta.growth, "no party has to act: Growth is to know"


def test_needs_work_keeps_it_shut_even_where_no_rule_asks_for_a_word(team: Team) -> None:
    team.house.put_in_force(RULES.replace("      - acknowledged: {party: support}\n", ""), notify="")
    team.stand_in("beta")
    team.ask_for("public")
    team.write("/stage needs-work the help page is missing", by="sam")
    team.later(days=2)
    assert team.stage == "beta"

    team.write("/stage ack", by="sam")
    team.settle()

    assert team.stage == "public"


def test_a_rule_that_only_wants_support_told_is_met_by_telling_them(team: Team) -> None:
    told = RULES.replace(", ahead: 1 working day", "").replace("      - acknowledged: {party: support}\n", "")
    team.house.put_in_force(told, notify="")
    team.stand_in("beta")

    team.ask_for("public")

    assert team.stage == "public"
    assert len(team.told) == 1
    assert team.told[0].mentions == team.support | {"erin"}
    assert "you are told by this" in team.told[0].body.replace("You", "you")
    assert "goes back" not in team.told[0].body


def test_a_rule_for_the_way_from_beta_holds_also_when_beta_is_only_passed_through(team: Team) -> None:
    leaving = BETA_TOO + RULES.replace("entering: public", "leaving: beta").replace("support-before", "support-after")
    team.house.put_in_force(leaving, notify="")
    team.stand_in("internal")
    team.move("beta")
    team.move("public")
    team.settle()
    team.write("/stage approve", by="gus")
    team.settle()

    assert team.stage == "internal", "Support has not been told"


def test_a_put_back_of_which_only_the_first_half_took_effect_is_finished(house: House) -> None:
    team = OnGitHub(house)
    team.stand_in("beta")
    team.take_off("beta")
    house.world.faults.add(Fault(r"^DELETE .*/labels/", "before", status=502))
    team.ask_for("public")
    team.later(minutes=2)
    team.later(minutes=2)

    assert team.labels == ["stage: beta"]


def test_nothing_is_put_back_while_it_is_unknown_whether_it_was_said_why(in_beta: Team) -> None:
    in_beta.world.faults.add(Fault(r"^POST .*/comments?$", "before", status=502))
    in_beta.ask_for("public")
    in_beta.write("what is going on?", by="evan")
    in_beta.settle()
    assert "public" in in_beta.stages, "say comes before do"
    in_beta.later(minutes=2)
    in_beta.later(minutes=2)

    assert in_beta.stage == "beta"


def test_whoever_of_the_party_makes_the_cleared_move_does_not_void_their_own_word(in_beta: Team) -> None:
    in_beta.house.put_in_force(SEEN.replace("level: block", "level: block\n    when_cleared: tell"), notify="")
    in_beta.ask_for("public")
    in_beta.write("/stage ack", by="sam")
    in_beta.settle()
    in_beta.move("public", by="sam")
    in_beta.settle()

    assert in_beta.stage == "public"
    assert in_beta.verdicts[-1] == ("beta", "public", "admitted")


def test_a_party_of_a_higher_wish_is_told_of_that_stage_too(team: Team) -> None:
    both = (
        BETA_TOO
        + SEEN
        + SEEN.replace("support-before-public", "support-before-beta").replace("entering: public", "entering: beta")
    )
    team.house.put_in_force(both, notify="")
    team.stand_in("internal")
    team.ask_for("beta")
    team.later(minutes=10)
    team.ask_for("public")

    assert team.support <= team.told[-1].mentions
    assert "asked for Public Release" in team.told[-1].body


def test_somebody_of_a_party_that_was_not_asked_may_hand_it_back_too(blocked: Team) -> None:
    blocked.write("/stage needs-work the copy is not ours", by="gus")
    blocked.settle()

    assert [one.party for one in blocked.remembered.evidence if one.kind == "needs_work"] == ["growth"]


def test_a_status_comment_that_we_may_not_edit_does_not_keep_the_job_going(blocked: Team) -> None:
    blocked.world.faults.add(Fault(r"^(PATCH|PUT) .*/comments?/", "before", status=403, times=-1))
    blocked.write("/stage ack", by="sam")
    blocked.settle()

    assert blocked.house.inbox.depth() == 0


def test_a_text_too_long_for_a_comment_is_cut_and_the_feature_goes_back_all_the_same(team: Team) -> None:
    """Only its author has written it: with a long checklist, or a long reason, they could else pass every gate."""
    rule = "{checklist: {}}, {not_labelled: x}, not_on_hold"
    team.house.put_in_force(
        f"\n  - {{id: gate, entering: public, require: [{rule}], level: block, effective: 2026-12-01}}\n", notify=""
    )
    boxes = "\n".join(f"- [ ] write_the_{n:04}_thing & [test] it" for n in range(700))
    team.stand_in("beta", body=boxes)
    team.says("/stage hold " + "wait_for_[it] " * 1_500, by="sam")
    team.ask_for("public")

    assert team.stage == "beta"
    assert "and 697 more" in team.told[-1].body
