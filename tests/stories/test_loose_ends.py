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
