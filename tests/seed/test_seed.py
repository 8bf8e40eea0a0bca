"""`release-stages seed`: the ledger says what the script meant, whole and the same each time."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from integration.check import text_of
from integration.cli import main
from integration.memory.failures import State
from integration.memory.ledger import Appended, Card, Ledger
from integration.sandbox.people import PEOPLE
from integration.seed import cast, seeding
from integration.seed.seeding import NotEmpty, fill
from integration.seed.stories import STORIES, share
from integration.seed.telling import World, drafts, tell
from integration.seed.truth import Truth
from integration.seed.working_hours import CALENDAR, after, days_after, working_time
from integration.stages.calendars import Duration, later, next_open
from integration.stages.entries import Judged, Outcome, Owed, Standing, Waived
from integration.stages.file.mappings import read
from integration.stages.model import Ref
from tests.conftest import BORN
from tests.seed.worlds import NOW, SOON, WORLD, answers, blocks, entries, told_before


@pytest.fixture(scope="module")
def seeded_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('seed') / 'ledger.db'}"


@pytest.fixture(scope="module")
def seeded(seeded_url: str) -> Iterator[tuple[Ledger, Truth]]:
    """One world for all tests that only look at it."""
    truth = fill(seeded_url, WORLD)
    ledger = Ledger.open(seeded_url)
    yield ledger, truth
    ledger.close()


STAGES = ("development", "internal", "beta", "public")
Row = tuple[str | None, str | None, str]


def shown(url: str) -> dict[str, Row]:
    """(stage, wanted, head) of each feature, as the board would read them."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT ref, stage, wanted, head FROM features")).all()
    engine.dispose()
    return {row.ref: (row.stage, row.wanted, row.head) for row in rows}


def rows(file: Path) -> list[list[tuple[object, ...]]]:
    """All that a ledger's file holds of features, entries and what they wait for."""
    with closing(sqlite3.connect(file)) as connection:
        return [connection.execute(f"SELECT * FROM {table}").fetchall() for table in ("features", "entries", "waits")]


# --- it is a whole ledger -------------------------------------------------------------------------------------------


def test_every_chain_is_whole_and_so_are_the_anchors_of_each_day(seeded: tuple[Ledger, Truth]) -> None:
    ledger, _ = seeded
    assert [ref for ref in ledger.refs() if ledger.verify(ref) is not None] == []
    assert ledger.verify_anchors() == []
    assert len(ledger.refs()) == WORLD.features


def test_the_ledger_was_born_a_month_after_the_oldest_stories_and_the_last_file_is_in_force(
    seeded: tuple[Ledger, Truth],
) -> None:
    ledger, truth = seeded
    assert ledger.born == WORLD.eras.born
    assert min(one.since for one in truth.stays) < ledger.born < NOW
    assert ledger.versions.in_force() == WORLD.eras.files[-1].hash
    assert all(ledger.versions.text(file.hash) for file in WORLD.eras.files)


def test_nothing_is_due_when_it_has_come_to_its_end(seeded: tuple[Ledger, Truth]) -> None:
    ledger, _ = seeded
    assert ledger.due(NOW, limit=10) == ()


def test_operations_show_rounds_that_went_well_and_three_things_that_did_not(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    assert {one.name for one in ledger.rounds.stand()} == {"sweep:github", "sweep:jira/main", "catch-up:github"}
    assert all(str(one).startswith("ok") for one in ledger.rounds.stand())
    failed = ledger.failures.listed()
    assert Counter(one.state for one in failed) == {State.RETRYING: 2, State.DEAD: 1}
    assert {str(one.ref) for one in failed} <= {one.ref for one in truth.features}
    assert ledger.rounds.failed() == 1


# --- it says what the script meant ------------------------------------------------------------------------------------


def test_every_feature_stands_where_its_story_leaves_it(seeded: tuple[Ledger, Truth], seeded_url: str) -> None:
    _, truth = seeded
    found = {ref: (stage or "", wanted or "") for ref, (stage, wanted, _) in shown(seeded_url).items()}
    assert found == {one.ref: (one.stage, one.wanted) for one in truth.features}
    assert {one.story for one in truth.features} == {one.name for one in STORIES}


def test_requests_are_blocked_by_the_rules_that_the_story_names(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    found = {one.ref: blocks(entries(ledger, one.ref)) for one in truth.features}
    assert found == {one.ref: [sorted(block.rules) for block in one.blocks] for one in truth.features}
    assert set(truth.blocks_by_rule()) == {"support-before-public", "soak", "not-on-hold", "hold"}


def test_parties_answer_what_they_were_told_when_the_story_says_so(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    for feature in truth.features:
        found = answers(entries(ledger, feature.ref), ledger.born)
        wanted = sorted((one.party, one.stage, one.told, one.answered) for one in feature.responses)
        assert [one[:2] for one in found] == [one[:2] for one in wanted], feature.story
        for (_, _, told, answered), (_, _, tells, answering) in zip(found, wanted, strict=True):
            assert timedelta() <= told - tells < SOON, feature.story
            assert answered == answering, feature.story
    assert set(truth.medians()) == {"support", "growth", "docs", "stakeholders"}


def test_an_escape_without_notice_has_none_in_the_ledger_before_it_was_public(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    for feature in truth.features:
        found = entries(ledger, feature.ref)
        escaped = {one.party: one for one in feature.escapes if one.kind == "no notice"}
        public = [one.since for one in feature.stays if one.stage == "public"]
        for party in ("support", "growth") if public and not feature.adopted else ():
            exempt = feature.story in ("internal only", "stands", "stood", "insists")
            if public[0] > ledger.born and not exempt:
                assert told_before(found, party, public[0]) != (party in escaped), (feature.story, party)


def test_a_feature_came_to_its_stages_when_the_story_says_so(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    for feature in truth.features:
        verdicts = (one for one in entries(ledger, feature.ref) if isinstance(one, Judged))
        came = [(one.move.to, one.move.at) for one in verdicts if one.outcome is not Outcome.BLOCKED]
        standing = {one.at for one in feature.escapes if one.kind == "standing"}
        for before, stay in zip([None, *feature.stays], feature.stays, strict=False):
            is_back = before and STAGES.index(before.stage) > STAGES.index(stay.stage)  # that is free: nobody judges it
            if stay.since < ledger.born or is_back or stay.since in standing:
                continue
            assert any(to == stay.stage and abs(at - stay.since) < SOON for to, at in came), (feature.story, stay)


def test_the_truth_has_every_kind_of_escape_and_some_from_before_the_ledger(seeded: tuple[Ledger, Truth]) -> None:
    _, truth = seeded
    assert {one.kind for one in truth.escapes} == {"no notice", "no view", "no soak", "standing"}
    assert {one.before for one in truth.escapes} == {True, False}
    assert {one.waived for one in truth.escapes} == {True, False}


def test_what_was_waived_owed_or_left_standing_is_in_the_ledger(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    for feature in truth.features:
        found = entries(ledger, feature.ref)
        assert [one.rule for one in found if isinstance(one, Waived)] == [one.rule for one in feature.waivers]
        owed = {(one.party, one.stage, one.at) for one in found if isinstance(one, Owed)}
        assert owed == {(one.party, one.stage, one.at) for one in feature.debts}
        assert any(isinstance(one, Standing) for one in found) == any(e.kind == "standing" for e in feature.escapes)
    assert truth.waivers and truth.debts and any(one.paid is None for one in truth.debts)


def test_what_is_older_than_the_ledger_is_adopted_and_never_judged(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    adopted = [one for one in truth.features if one.adopted]
    assert adopted
    for feature in adopted:
        outcomes = {one.outcome for one in entries(ledger, feature.ref) if isinstance(one, Judged)}
        assert outcomes == {Outcome.ADOPTED}, feature.story


def test_every_outcome_is_somewhere(seeded: tuple[Ledger, Truth]) -> None:
    ledger, truth = seeded
    written = (one for feature in truth.features for one in entries(ledger, feature.ref))
    assert {one.outcome for one in written if isinstance(one, Judged)} == set(Outcome)


# --- the same, wherever and however it is written ---------------------------------------------------------------------


@pytest.mark.usefixtures("seeded")
def test_the_same_seed_makes_the_same_chains_on_each_database_and_on_several_cores(
    postgres_url: str, seeded_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seeding, "FEW", 0)
    fill(postgres_url, WORLD, processes=2)
    assert shown(postgres_url) == shown(seeded_url)


def test_another_seed_makes_another_world() -> None:
    one, other = (drafts(replace(WORLD, seed=seed)) for seed in (1, 2))
    assert [draft.title for draft in one] != [draft.title for draft in other]


def test_what_is_written_at_once_is_what_append_would_have_written(tmp_path: Path) -> None:
    eras = WORLD.eras
    told = [tell(draft, WORLD, eras) for draft in drafts(WORLD)[:6]]
    runs = sorted(((run, one.ref) for one in told for run in one.runs), key=lambda one: one[0].at)
    at_once, each = (Ledger.open(f"sqlite:///{tmp_path / name}", now=eras.born) for name in ("a.db", "b.db"))
    at_once.append_all([Appended(ref, run.at, run.batches, run.card) for run, ref in runs])
    heads: dict[Ref, int] = {}
    for run, ref in runs:
        for at, some in run.batches:
            heads[ref] = each.append(ref, some, heads.get(ref, 0), at, run.card)
        if not run.batches:
            heads[ref] = each.append(ref, [], heads.get(ref, 0), run.at, run.card)
    for ledger in (at_once, each):
        ledger.close()
    assert rows(tmp_path / "a.db") == rows(tmp_path / "b.db")


# --- what it refuses --------------------------------------------------------------------------------------------------


def test_a_ledger_with_a_feature_is_refused_and_stays_as_it_is(ledger: Ledger, ledger_url: str) -> None:
    ledger.append(Ref.parse("acme/app#1"), [], 0, BORN, Card("Real", "https://github.example/1", "beta"))
    with pytest.raises(NotEmpty, match="has features already"):
        fill(ledger_url, WORLD)
    assert list(shown(ledger_url)) == ["github:acme/app#1"]
    assert Ledger.open(ledger_url).born == BORN


def test_an_empty_ledger_that_was_opened_before_is_born_anew(ledger: Ledger, ledger_url: str) -> None:
    assert ledger.born == BORN
    fill(ledger_url, replace(WORLD, features=3))
    assert Ledger.open(ledger_url).born == WORLD.eras.born


# --- the command ------------------------------------------------------------------------------------------------------


def test_the_command_says_where_features_stand_and_writes_the_rules(tmp_path: Path) -> None:
    rules, url = tmp_path / "seeded.yaml", f"sqlite:///{tmp_path / 'ledger.db'}"
    asked = ["seed", "--features", "6", "--now", "2026-11-27T15:00", "--into", url, "--rules", str(rules)]
    said = CliRunner().invoke(main, asked)
    assert said.exit_code == 0, said.output
    assert "6 features" in said.output
    assert "Public Release" in said.output
    assert read(text_of(rules), "seeded.yaml").hash == World(6, now=NOW).eras.files[-1].hash
    again = CliRunner().invoke(main, asked)
    assert again.exit_code == 2
    assert "wants an empty one" in again.output


def test_the_command_tells_machines_all_that_the_script_knows(tmp_path: Path) -> None:
    asked = ["seed", "--features", "2", "--json", "--into", f"sqlite:///{tmp_path / 'ledger.db'}"]
    said = json.loads(CliRunner().invoke(main, asked).stdout)
    assert sum(said["stages"].values()) == len(said["features"]) == 2
    assert set(said) == {"stages", "escapes", "blocks", "median_working_hours", "features"}


def test_the_command_says_how_a_moment_is_written(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["seed", "--now", "tomorrow", "--into", f"sqlite:///{tmp_path / 'ledger.db'}"])
    assert said.exit_code == 2
    assert "2026-11-30T15:00" in said.output


# --- its parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("features", [1, 5, 36, 37, 120, 1000])
def test_stories_are_shared_out_to_the_last_one(features: int) -> None:
    shared = share(features)
    assert len(shared) == features
    assert features < len(STORIES) or {one.name for one in shared} == {one.name for one in STORIES}


def test_a_board_of_a_hundred_and_twenty_looks_like_that_of_a_company_and_repeats_no_title() -> None:
    world = replace(WORLD, features=120)
    found = Counter(one.story.stage for one in drafts(world))
    assert found == {"public": 41, "development": 33, "internal": 26, "beta": 20}
    assert len({one.title for one in drafts(world)}) == 120
    assert len({one.ref for one in drafts(replace(WORLD, features=3000))}) == 3000


def test_the_cast_is_the_sandbox_s() -> None:
    for login, name in cast.NAMES.items():
        assert (PEOPLE[login].name, PEOPLE[login].account_id) == (name, cast.account(login))
    for party, people in cast.TEAMS.items():
        assert all(PEOPLE[one].teams == (party,) for one in people)


@pytest.mark.parametrize("minutes", range(0, 7 * 24 * 60, 611))
def test_working_hours_are_those_of_the_parties_calendar(minutes: int) -> None:
    at = NOW + timedelta(minutes=minutes)
    assert after(at, 13) == next_open(later(at, Duration(13, "working hour"), CALENDAR), CALENDAR)
    assert days_after(at, 6) == later(at, Duration(6, "working day"), CALENDAR)
    assert working_time(at, after(at, 13)) == timedelta(hours=13)
