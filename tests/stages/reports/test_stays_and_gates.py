"""How long features stay, what rules stopped, what was waived and promised."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integration.stages.entries import Acknowledged, AttemptEnded, AttemptOpened, Ended, Entry, Outcome, Owed
from integration.stages.model import Move
from integration.stages.reports.facts import Looked
from integration.stages.reports.gates import debts, stopped
from integration.stages.reports.stays import stays
from integration.stages.reports.tables import stays_by_stage, stopped_by_rule
from tests.stages.reports.parts import APP, ERIN, SAM, at, gate, judged, move, of

STAGES = ["development", "internal", "beta", "public"]
SECOND = 1 / 3600


@pytest.mark.parametrize(
    ("moves", "found"),
    [
        ([move(None, "beta", 0)], [("beta", 0, None)]),
        ([move(None, "beta", 0), move("beta", "public", 5)], [("beta", 0, 5), ("public", 5, None)]),
        ([move(None, "beta", 0), move("beta", None, 5)], [("beta", 0, 5)]),
        (  # put back within seconds: it was never there
            [move(None, "beta", 0), move("beta", "public", 5), move("public", "beta", 5 + SECOND, ours=True)],
            [("beta", 0, None)],
        ),
        (  # put back after an hour: it was
            [move(None, "beta", 0), move("beta", "public", 5), move("public", "beta", 6, ours=True)],
            [("beta", 0, 5), ("public", 5, 6), ("beta", 6, None)],
        ),
        (  # people's way back is one
            [move(None, "beta", 0), move("beta", "public", 5), move("public", "beta", 5 + SECOND)],
            [("beta", 0, 5), ("public", 5, 5 + SECOND), ("beta", 5 + SECOND, None)],
        ),
        ([move(None, "beta", 0), move("internal", "beta", 3)], [("beta", 0, None)]),  # another source shows the same
    ],
)
def test_a_stay_lasts_until_the_feature_is_elsewhere(
    moves: list[Move], found: list[tuple[str, float, float | None]]
) -> None:
    kept = [(one.stage, one.since, one.until) for one in stays([Looked(APP, tuple(moves))], STAGES)]
    assert kept == [(stage, at(since), None if until is None else at(until)) for stage, since, until in found]


@given(st.lists(st.tuples(st.sampled_from([*STAGES, None]), st.integers(0, 500), st.booleans()), max_size=12))
def test_stays_follow_one_another_and_only_the_last_is_open(steps: list[tuple[str | None, int, bool]]) -> None:
    was, moves = None, []
    for number, (to, hours, ours) in enumerate(sorted(steps, key=lambda one: one[1])):
        moves.append(move(was, to, hours, ours, str(number)))
        was = to
    found = list(stays([Looked(APP, tuple(moves))], STAGES))
    for earlier, later in pairwise(found):
        assert earlier.until is not None
        assert earlier.since <= earlier.until <= later.since
    assert all(one.took(at(1000)) >= timedelta() for one in found)


def test_the_table_tells_those_that_left_from_those_that_are_there() -> None:
    looked = [Looked(APP, (move(None, "beta", 0), move("beta", "public", 48)))]
    table = stays_by_stage(list(stays(looked, STAGES)), STAGES, at(72))
    two, one = timedelta(hours=48), timedelta(hours=24)
    assert [line.cells for line in table.lines] == [("beta", 1, two, two, 0, None), ("public", 0, None, None, 1, one)]


def test_a_request_counts_once_for_each_rule_that_blocked_it_and_a_warning_for_what_was_let_in() -> None:
    facts = of(
        judged(Outcome.BLOCKED, gate("told"), gate("soak", level="warn"), id="1"),
        judged(Outcome.BLOCKED, gate("told"), id="1"),  # judged anew
        judged(Outcome.WARNED, gate("soak", level="warn"), gate("seen", level="observe"), hours=1, id="2"),
        judged(Outcome.BLOCKED, gate("soak", waived="by Rhea"), gate("seen"), hours=2, id="3"),
        judged(Outcome.ADOPTED, gate("told"), hours=3, id="4"),
    )
    table = stopped_by_rule(list(stopped(facts)))
    assert {line.cells[0]: line.cells[1:] for line in table.lines} == {
        "told": (1, 0, 0),
        "soak": (0, 1, 0),
        "seen": (1, 0, 1),
    }


OWED = Owed(at(0), "docs", "beta", SAM, "dora")


@pytest.mark.parametrize(
    ("entries", "paid", "is_open"),
    [
        ([OWED], None, True),
        ([OWED, Acknowledged(at(5), "docs", "beta", SAM, "c")], at(5), False),
        ([OWED, Acknowledged(at(5), "docs", "public", SAM, "c")], None, True),
        (
            [AttemptOpened(at(-1), "1", "labels:0", None, "beta", ERIN, at(-1)), OWED,
             AttemptEnded(at(1), "1", "beta", Ended.CANCELLED)],
            None,
            False,
        ),
        ([OWED, Owed(at(0), "docs", "beta", SAM, "dora", askers=("100",))], None, True),  # written down anew: one
    ],
)  # fmt: skip
def test_a_debt_is_paid_by_the_word_or_falls_with_the_request(
    entries: list[Entry], paid: datetime | None, is_open: bool
) -> None:
    [one] = debts(of(*entries))
    assert (one.paid, one.is_open) == (paid, is_open)
