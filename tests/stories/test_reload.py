"""mappings.yaml changes while all goes on: what is open is judged anew at once, what was admitted never."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integration import watched
from integration.in_force import MappingsFile
from integration.look import Desk
from integration.memory.breaker import MOST
from integration.memory.copies import Copies
from integration.stages.entries import Judged
from integration.stages.file.mappings import read
from tests.stories.files import RULES, mappings
from tests.stories.house import House, OnGitHub, Team
from tests.stories.test_war import many

SEEN = """
  - id: seen-by-growth
    entering: public
    require: [{acknowledged: {party: growth}}]
    level: block
    effective: 2026-12-01
"""


def under(team: Team) -> list[str]:
    """The versions that judged it."""
    entries = team.house.desk.ledger.entries(team.ref)
    return [one.mappings for one in entries if isinstance(one, Judged)]


def test_a_rule_that_is_taken_out_opens_its_gate_within_seconds_and_each_verdict_names_its_version(
    blocked: Team,
) -> None:
    team, before = blocked, read(mappings(RULES)).hash
    assert team.stage == "beta"

    team.house.put_in_force("")
    team.later(seconds=12)

    assert team.stage == "public"
    assert under(team)[-2:] == [before, read(mappings("")).hash]
    assert team.house.desk.ledger.versions.text(before) == mappings(RULES)


def test_a_rule_that_is_added_shuts_the_way_of_what_is_open_and_touches_nothing_that_was_admitted(
    team: Team,
) -> None:
    team.house.put_in_force("", notify="")
    team.open("beta", title="Admitted")
    team.settle()
    team.ask_for("public")
    admitted, ref = team.stages, team.ref
    team.house.put_in_force(RULES, notify="")
    team.stand_in("beta", title="Waiting")
    team.ask_for("public")
    team.says("/stage ack", by="sam")

    team.house.put_in_force(RULES + SEEN, notify="")
    team.later(seconds=12)
    assert team.growth in [one.mentions for one in team.said], "what it waits for now is said"
    team.later(days=1, hours=1)
    assert team.stage == "beta", "Support was told in time, and Growth has not answered"
    team.says("/stage ack", by="gus")
    assert team.stage == "public"

    entries = team.house.desk.ledger.entries(ref)
    assert admitted >= {"public"}
    assert [str(one.outcome) for one in entries if isinstance(one, Judged)][-1] == "admitted"
    assert len([one for one in entries if isinstance(one, Judged)]) == 2


def test_what_a_changed_file_would_do_stays_held_however_often_it_is_tried_again(house: House) -> None:
    house.put_in_force(RULES, notify="")
    teams = many(house, OnGitHub, MOST + 2)
    for team in teams:
        team.move("public")
    house.settle()

    house.put_in_force("[]", notify="")
    for _ in range(3):
        house.later(minutes=2)  # we ask a tracker for no more than it gives us
    assert [one.cause for one in house.inbox.breaker.held()] == ["reload"]
    went = sum(team.stage == "public" for team in teams)
    assert 0 < went < len(teams)
    for _ in range(6):
        house.later(minutes=20)
    assert sum(team.stage == "public" for team in teams) == went

    while house.inbox.breaker.held():
        house.inbox.breaker.release("reload")
        house.later(minutes=70)
    assert {team.stage for team in teams} == {"public"}


@pytest.mark.parametrize("tracker", ["github"])
def test_half_of_a_file_opens_no_gate_though_it_would_be_a_sound_one(
    blocked: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut before its rules, and ended by its notices: with no rule at all, everything would be let through."""
    monkeypatch.setattr(watched, "QUIET", 2.0)
    monkeypatch.setattr(watched, "UNENDED", 10.0)
    team, file = blocked, blocked.house.settings.mappings
    whole = file.read_text()
    half = whole[: whole.index("rules:")]
    assert not read(half).rules

    for text in ("", half[:-40], half):
        file.write_text(text)
        team.later(seconds=1)
    file.write_text(whole)
    team.later(seconds=30)

    assert team.stage == "beta"
    assert team.house.desk.mappings.fault == ""
    assert team.house.desk.ledger.versions.in_force() == read(whole).hash


@pytest.mark.parametrize("tracker", ["github"])
def test_two_processes_with_different_files_judge_alike(blocked: Team) -> None:
    team, house = blocked, blocked.house
    elsewhere = house.settings.data_dir / "elsewhere.yaml"
    elsewhere.write_text(mappings(RULES + SEEN))
    there = replace(house.settings, mappings=elsewhere)
    other = Desk.open(there)
    assert house.desk.mappings.current.hash == other.mappings.current.hash == read(mappings(RULES + SEEN)).hash

    house.put_in_force("")
    versions = {house.desk.mappings.current.hash, other.mappings.current.hash}
    assert versions == {read(mappings("")).hash}, "the last that somebody changed"
    house.settle()
    team.later(seconds=12)
    assert team.stage == "public"

    other.ledger.close()
    late = MappingsFile(elsewhere, house.desk.ledger, Copies.connect(house.settings.redis_url))
    assert late.current.hash == read(mappings("")).hash
