"""A what-if over a generated organisation, whose answer is known by counting."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import pytest

from integration.memory.ledger import Ledger
from integration.whatif import running
from integration.whatif.report import Report, report
from integration.whatif.running import Result, Running
from integration.whatif.wanted import Wanted
from tests.stages.organisation import KINDS, NOW, Answer
from tests.whatif.store import WANTED, Personnel, Still, fill

FEW, MANY = 220, 10_000


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with closing(Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", now=NOW)) as opened:
        yield opened


def result(ledger: Ledger, how_many: int, wanted: Wanted = WANTED, **more: int) -> Result:
    fill(ledger, how_many)
    return Running(ledger, wanted, Still(), **more).run(Personnel(), offline=False)


def sorted_out(found: Result, wanted: Wanted = WANTED) -> Report:
    return report(wanted, found, None, {}, ("old.yaml", "new.yaml"))


def is_as_counted(found: Result, how_many: int) -> None:
    answer = Answer.of(how_many)
    assert found.compared.issues == how_many
    assert found.compared.moves == answer.moves
    assert Counter(one.kind for one in found.compared.changes) == answer.changes
    assert {party: sum(weeks.values()) for party, weeks in found.compared.new.asked.items()} == answer.asked


def test_the_answer_is_the_one_that_is_known_by_counting(ledger: Ledger) -> None:
    found = result(ledger, FEW)

    is_as_counted(found, FEW)
    by_title = Counter((one.title.partition(", number")[0], one.kind, one.move.to) for one in found.compared.changes)
    each = FEW // len(KINDS)
    assert by_title == {(makes.what, kind, to): each for makes in KINDS for kind, to in makes.changes}


def test_other_processes_come_to_the_same(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.whatif.running.FEW", 1)

    is_as_counted(result(ledger, FEW, processes=2), FEW)


def test_the_rule_that_nobody_met_and_the_label_that_nobody_has_are_named(ledger: Ledger) -> None:
    told = sorted_out(result(ledger, FEW))

    remarks = {one.id: one.remark for one in told.rules}
    assert remarks["out-of-internal"] == "never fires: no move out of Internal Release"
    assert remarks["ready-for-beta"] == remarks["growth-before-public"] == ""
    assert told.idle == (
        'the label "stage: internal" (Internal Release, GitHub) is on no issue',
        'the label "stage: inside" (Internal Release, GitHub) is on no issue',
        'the status "Internal" (Internal Release, Jira) is on no issue',
    )


def test_how_often_in_a_week_a_party_would_be_asked(ledger: Ledger) -> None:
    told = sorted_out(result(ledger, FEW))

    weeks, asked = 180 / 7, Answer.of(FEW).asked
    assert {one.name: round(one.asked, 6) for one in told.parties} == {
        "Support": round(asked["support"] / weeks, 6), "Growth": round(asked["growth"] / weeks, 6),
    }  # fmt: skip
    assert all(one.busiest >= one.asked for one in told.parties)


def test_only_the_place_that_is_asked_for_is_looked_at(ledger: Ledger) -> None:
    only = Wanted(WANTED.new, WANTED.old, WANTED.span, repositories=("acme/app-1",))

    found = result(ledger, FEW, only)

    assert found.compared.issues == sum(number % 40 == 1 for number in range(1, FEW + 1))
    assert set(found.compared.seen) == {("github", "", "acme/app-1")}


def test_what_is_known_of_people_is_not_asked_again(ledger: Ledger) -> None:
    fill(ledger, FEW)
    personnel = Personnel()
    Running(ledger, WANTED, Still()).run(personnel, offline=False)
    asked = personnel.asked

    is_as_counted(Running(ledger, WANTED, Still()).run(personnel, offline=False), FEW)
    assert asked
    assert personnel.asked == asked


def test_offline_nobody_is_asked_and_it_is_said(ledger: Ledger) -> None:
    fill(ledger, FEW)
    personnel = Personnel()

    found = Running(ledger, WANTED, Still()).run(personnel, offline=True)

    assert personnel.asked == 0
    assert found.unknown
    assert any("never asked" in one for one in sorted_out(found).unknown)


@pytest.mark.drill
def test_ten_thousand_features_come_to_the_answer_that_is_known_by_counting(ledger: Ledger) -> None:
    is_as_counted(result(ledger, MANY), MANY)


def test_ctrl_c_is_for_whoever_has_begun_it_and_its_processes_say_nothing_of_their_own() -> None:
    with ProcessPoolExecutor(1, get_context("spawn"), running._begin, (WANTED,)) as pool:
        pid = pool.submit(os.getpid).result()
        os.kill(pid, signal.SIGINT)
        assert pool.submit(os.getpid).result() == pid
