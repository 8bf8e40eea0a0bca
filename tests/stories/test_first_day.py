"""Laws 2 and 3: nothing before `effective`, nothing admitted is thrown out, and a lost ledger loses no gate."""

from __future__ import annotations

from datetime import timedelta

from tests.stories.files import RULES
from tests.stories.house import LABELS, House, OnGitHub, Team

SOAK = """
  - id: soak
    entering: beta
    require: [{spent: {stage: internal, at_least: 5 days}}]
    level: block
    effective: 2026-12-01
    because: Avoidable bugs are found by time.
"""


def test_nothing_of_a_long_history_is_judged_before_the_rules_are_effective(house: House) -> None:
    github, start = house.world.github, house.now() - timedelta(days=200)
    with github.quietly():
        issue = github.open_issue("acme/app", "An old feature", "erin", at=start)
        for number in range(150):
            stage = list(LABELS)[number % 4]
            github.label("acme/app", issue.number, LABELS[stage], "erin", at=start + timedelta(days=1, hours=number))
            github.comment("acme/app", issue.number, "going on", "evan", at=start + timedelta(days=1, hours=number))
        for stage in ("development", "internal", "beta"):
            github.unlabel("acme/app", issue.number, LABELS[stage], "erin", at=start + timedelta(days=20))
        github.label("acme/app", issue.number, LABELS["public"], "erin", at=start + timedelta(days=21))
    team = OnGitHub(house)
    team.number, team.ref = issue.number, team.ref_of(issue.number)

    team.write("is this still right?", by="evan")
    team.settle()
    team.later(minutes=10)

    assert team.said == []
    assert team.stages == {"public"} | team.stages
    assert {outcome for _, _, outcome in team.verdicts} <= {"adopted", "admitted"}


def test_a_move_before_a_rule_is_effective_is_let_through_and_the_next_one_is_not(team: Team) -> None:
    team.house.put_in_force(RULES.replace("2026-12-01", "2026-12-09"), notify="")
    team.stand_in("beta")
    team.ask_for("public")
    assert "public" in team.stages

    team.later(days=2)
    team.move("beta")
    team.later(minutes=10)
    team.ask_for("public")

    assert team.stage == "beta"


def test_a_tightened_rule_throws_out_nothing_that_was_admitted(team: Team) -> None:
    team.house.put_in_force("", notify="")
    team.open("beta")
    team.settle()
    team.ask_for("public")
    assert "public" in team.stages
    team.later(days=1)

    team.house.put_in_force(RULES + SOAK)
    team.write("what now?", by="evan")
    team.settle()
    team.later(hours=7)

    assert "public" in team.stages
    assert not any(outcome == "blocked" for _, _, outcome in team.verdicts)


def test_over_an_empty_ledger_standing_features_are_adopted_and_nobody_hears_of_it(team: Team) -> None:
    team.house.put_in_force("", notify="")
    team.open("beta")
    team.settle()
    team.ask_for("public")
    team.later(days=1)

    team.house.lose_the_ledger()
    team.house.put_in_force(RULES + SOAK)
    team.settle()
    team.write("what now?", by="evan")
    team.settle()
    team.later(seconds=10)

    assert "public" in team.stages
    assert {outcome for _, _, outcome in team.verdicts} == {"adopted"}
    assert team.said == []


def test_an_open_request_outlives_the_loss_of_the_ledger(team: Team) -> None:
    team.stand_in("beta")
    team.ask_for("public")
    said = [one.id for one in team.said]

    team.house.lose_the_ledger()
    team.later(minutes=30)
    team.write("/stage ack", by="sam")
    team.settle()
    assert [one.id for one in team.said] == said, "nothing is said twice"
    team.later(days=1, hours=1)

    assert "public" in team.stages
    assert team.verdicts[-1] == ("beta", "public", "admitted")


def test_over_an_empty_ledger_whoever_was_asked_is_not_asked_again(team: Team) -> None:
    team.stand_in("beta")
    team.ask_for("public")
    said = [one.id for one in team.said]

    team.house.lose_the_ledger()
    team.says("any news?", by="evan")
    team.later(seconds=10)
    team.later(hours=7)

    assert team.remembered.attempt
    assert [one.id for one in team.said] == said, "their mention is found, and proved anew"
    assert not team.remembered.attempt.standing


def test_a_file_that_breaks_while_we_run_leaves_the_last_good_one_in_force(team: Team) -> None:
    team.stand_in("beta")
    team.house.settings.mappings.write_text("version: 1\nstages: nonsense\n")

    team.ask_for("public")

    assert team.stage == "beta"
    assert "mappings.yaml:2" in team.house.desk.mappings.fault


def test_a_feature_that_moves_to_another_repository_keeps_its_stage_and_what_was_given_for_it(house: House) -> None:
    team = OnGitHub(house)
    team.stand_in("beta")
    team.ask_for("public")
    team.write("/stage ack", by="sam")
    team.settle()

    there = house.world.github.transfer("acme/app", team.number, "acme/web", "erin")
    team.settle()
    team.repo, team.number = "acme/web", there.number
    team.ref = team.ref_of(there.number)
    team.later(days=1, hours=1)

    assert team.stage == "public"
    assert len([one for one in team.told if "needs Support first" in one.body]) == 1
    assert len([one for one in team.said if "Last checked" in one.body]) == 1


def test_an_issue_that_was_deleted_is_frozen_and_looked_at_no_more(team: Team) -> None:
    team.stand_in("beta")
    team.ask_for("public")

    if isinstance(team, OnGitHub):
        team.world.github.delete_issue(team.repo, team.number, "rhea")
    else:
        team.world.jira.delete_issue(team.key)
    team.settle()
    team.later(days=15)

    assert team.remembered.frozen
    assert team.house.inbox.depth() == 0


def test_the_same_gate_stands_on_postgresql(house: House, postgres_url: str) -> None:
    house.restart(database_url=postgres_url)
    house.settle()
    house.traveller.shift(2)
    team = OnGitHub(house)
    team.stand_in("beta")
    team.ask_for("public")
    assert team.stage == "beta"
    team.write("/stage ack", by="sam")
    team.later(days=1, hours=1)

    assert team.stage == "public"
    assert house.desk.ledger.verify(team.ref) is None, "the chain is whole"
    house.restart(database_url=f"sqlite:///{house.settings.data_dir / 'after.db'}")
