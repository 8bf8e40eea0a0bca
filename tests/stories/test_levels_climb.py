"""A rule observes, then warns; what it found is counted, and when it is time a raise is proposed to the admin."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import structlog
from click.testing import CliRunner, Result

from integration.cli import main
from integration.health.reading import health_of_rules
from integration.stages.health.faring import Fate
from integration.stages.health.raising import RuleHealth
from tests.stories.house import House, Team
from workers.clock import RuleNews

RULE = """
  - id: support-knows
    entering: public
    require:
      - acknowledged: {party: support}
    level: %s
    effective: 2026-12-01
    raise_after: 2 weeks
"""


def ship(team: Team, number: int, acknowledged: bool) -> None:
    """A feature goes from Beta to Public; Support says that it has seen it, afterwards, or never does."""
    team.open("beta", f"Feature {number}")
    team.settle()
    team.ask_for("public")
    assert team.stages >= {"public"}, "it got through"
    team.house.traveller.shift(60)
    if acknowledged:
        team.says("/stage ack support", by="sam")
    team.house.traveller.shift(60)


def look(house: House) -> RuleHealth:
    """How the one rule fares now."""
    file = house.desk.mappings
    mappings = file.current
    (found,) = health_of_rules(house.desk.ledger, mappings, file.text_of(mappings.hash), house.now())
    return found


def clock(house: House) -> RuleNews:
    """The task of a clock that has just started."""
    return RuleNews(house.desk.ledger, house.settings)


def told(task: RuleNews) -> list[dict[str, str]]:
    """What this clock tells the admin now."""
    with structlog.testing.capture_logs() as lines:
        task(datetime.now(UTC))
    return [line for line in lines if line["event"] == "a rule may be raised"]


def command(house: House, *arguments: str) -> Result:
    """`release-stages rules`, as somebody at a terminal has it."""
    environ = {
        "DATA_DIR": str(house.settings.data_dir),
        "MAPPINGS": str(house.settings.mappings),
        "REDIS_URL": house.settings.redis_url,
        "DATABASE_URL": house.settings.database_url,
        "GITHUB_TOKEN": "t",
        "GITHUB_WEBHOOK_SECRETS": "s",
    }
    try:
        done = CliRunner().invoke(main, ["rules", *arguments], env=environ)
    finally:
        structlog.reset_defaults()  # the command has hushed the log
    assert done.exit_code == 0, done.output
    return done


def test_from_observe_over_evidence_to_the_proposal_and_the_line_that_is_to_be_changed(team: Team) -> None:
    house = team.house
    house.put_in_force(RULE % "observe", notify="")
    first, second = clock(house), clock(house)
    assert told(first) == []
    for number in range(5):
        ship(team, number, acknowledged=number > 0)
    assert team.told == [], "a rule that observes says nothing"

    fared = look(house)
    assert (fared.fared.judged, len(fared.fared.stops), fared.fared.count(Fate.MET)) == (5, 5, 4)
    assert fared.fared.count(Fate.OPEN) == 1, "it was let through today: it may still be seen"
    assert fared.proposal is None, "two weeks are not over"

    team.later(days=15)
    (line,) = told(first)
    assert told(second) == [], "another clock has told it this week"
    assert told(clock(house)) == [], "and so it is when one starts again"
    where = re.fullmatch(r"mappings.yaml:(\d+):(\d+)", line["place"])
    assert where
    text = house.settings.mappings.read_text().splitlines()
    row, column = int(where[1]) - 1, int(where[2]) - 1
    assert text[row][column:] == "observe"
    assert line["fix"].endswith("says `level: observe`; write `level: warn`")
    assert "5 moves asked for it, 5 found it shut" in line["cause"]
    assert house.desk.ledger.trials.says("ripe-rules").startswith("One rule may be raised a level")

    house.traveller.shift(7 * 86400)
    assert len(told(second)) == 1, "a week later it is told once more"
    text[row] = text[row].replace("observe", "warn")
    house.settings.mappings.write_text("\n".join(text))
    house.traveller.shift(5)
    assert told(first) == []
    assert house.desk.ledger.trials.says("ripe-rules") == "", "it has been raised"
    raised = look(house)
    assert (raised.level, raised.fared.judged, raised.proposal) == ("warn", 0, None), "it counts anew at its level"


def test_a_warning_that_is_answered_is_proposed_to_block(team: Team) -> None:
    house = team.house
    house.put_in_force(RULE % "warn", notify="")
    told(clock(house))
    for number in range(5):
        ship(team, number, acknowledged=number > 1)
    team.later(days=15)

    found = look(house)
    assert (found.fared.count(Fate.MET), found.fared.count(Fate.NEVER)) == (3, 2)
    assert found.proposal
    assert (found.proposal.now, found.proposal.write) == ("level: warn", "level: block")
    told_to_admin = command(house).stdout
    assert "may be raised: mappings.yaml:" in told_to_admin
    assert "write `level: block`" in " ".join(told_to_admin.split())


def test_a_warning_that_nobody_heeds_is_not_proposed_and_it_is_said_why(team: Team) -> None:
    house = team.house
    house.put_in_force(RULE % "warn", notify="")
    told(clock(house))
    for number in range(5):
        ship(team, number, acknowledged=number > 2)
    team.later(days=15)

    assert told(clock(house)) == []
    found = look(house)
    assert found.proposal is None
    assert found.against == (
        "3 of the 5 that it would have stopped were never set right, though people were told: to block would stop them "
        "for good",
    )
    one = command(house, "--rule", "support-knows").stdout
    assert "Would have been put back, never met: 3" in one
    assert "Would have been put back, met later: 2" in one
    assert one.count("Feature ") == 5
    assert "http" in one, "each move has its link"
    (rule,) = json.loads(command(house, "--json").stdout)["rules"]
    assert (rule["moves"], rule["shut"], rule["never_met"], rule["proposal"]) == (5, 5, 3, None)
    assert all(one["url"].startswith("http") for one in rule["crossings"])


def test_a_block_is_counted_once_however_often_it_is_asked_for_and_what_came_of_it(team: Team) -> None:
    house = team.house
    house.put_in_force(RULE % "block", notify="")
    team.open("beta")
    team.settle()
    team.ask_for("public")
    assert team.stage == "beta"
    house.traveller.shift(3600)
    team.ask_for("public")
    (waiting,) = look(house).fared.crossings
    assert (waiting.fate, waiting.asked_again, waiting.is_block) == (Fate.OPEN, 1, True)

    house.traveller.shift(60)
    team.says("/stage ack support", by="sam")
    assert team.stage == "public"
    (opened,) = look(house).fared.crossings
    assert opened.fate is Fate.MET
    assert look(house).proposal is None, "nothing is above block"


DESCRIBED = """
  - id: described
    entering: public
    require: [{described: {section: How to undo}}]
    level: observe
  - id: growth-knows
    entering: public
    require: [{acknowledged: {party: growth}}]
    level: observe
"""


def fates(house: House) -> dict[str, list[Fate | None]]:
    """What became of each move, by rule."""
    file = house.desk.mappings
    mappings = file.current
    found = health_of_rules(house.desk.ledger, mappings, file.text_of(mappings.hash), house.now())
    return {one.rule: [each.fate for each in one.fared.crossings] for one in found}


def test_what_is_missing_in_the_text_is_met_when_it_is_written_and_a_plain_reply_when_it_counts(team: Team) -> None:
    house = team.house
    tells = "[{entering: public, parties: [growth], level: post, effective: 2026-12-01}]"
    house.put_in_force(DESCRIBED, notify=tells)
    team.stand_in("beta")
    team.ask_for("public")
    assert fates(house) == {"described": [Fate.OPEN], "growth-knows": [Fate.OPEN]}

    team.describe(team.heading("How to undo", "Switch it off."))
    team.settle()
    house.traveller.shift(60)
    team.says("Looks good to us, thank you", by="gus")
    assert fates(house) == {"described": [Fate.MET], "growth-knows": [Fate.OPEN]}, "somebody may still say hold"
    team.later(minutes=20)
    assert fates(house)["growth-knows"] == [Fate.MET], "nobody had to come by: it was looked at again by itself"


def test_what_comes_after_a_request_would_have_ended_counts_no_more(team: Team) -> None:
    house = team.house
    house.put_in_force(DESCRIBED, notify="")
    team.stand_in("beta")
    team.ask_for("public")
    team.later(days=15)
    team.describe(team.heading("How to undo", "Switch it off."))
    team.settle()
    assert fates(house)["described"] == [Fate.NEVER]


def test_a_word_of_whoever_asked_meets_nothing(team: Team) -> None:
    house = team.house
    house.put_in_force(DESCRIBED, notify="")
    team.stand_in("beta")
    team.ask_for("public", by="gus")
    house.traveller.shift(60)
    team.says("/stage ack growth", by="gus")
    assert fates(house)["growth-knows"] == [Fate.OPEN]
    team.says("/stage ack growth", by="gwen")
    assert fates(house)["growth-knows"] == [Fate.MET]


def test_before_anything_was_judged_the_command_says_what_it_will_tell(team: Team) -> None:
    house = team.house
    house.put_in_force(RULE % "observe", notify="")
    house.settle()
    shown = " ".join(command(house).stdout.split())
    assert "support-knows observe" in shown
    assert "it never fired: no move asked for it" in shown
    assert "The ledger has no verdict of these rules yet" in shown
    assert "release-stages simulate" in shown
    assert "No move has asked for it" in command(house, "--rule", "support-knows").stdout
    assert json.loads(command(house, "--json", "--since", "90d").stdout)["rules"][0]["moves"] == 0


def test_rules_that_the_file_does_not_have_any_more_are_told_below_its_own(team: Team) -> None:
    house = team.house
    house.put_in_force(DESCRIBED, notify="")
    team.stand_in("beta")
    team.ask_for("public")
    house.put_in_force(RULE % "observe", notify="")
    house.traveller.shift(5)
    house.settle()
    told_to_admin = command(house).stdout
    assert told_to_admin.index("support-knows") < told_to_admin.index("described")
    assert "not in mappings.yaml any more" in told_to_admin
