"""What has escaped, by the verdicts and what stands blocked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC

import pytest

from integration.stages.entries import Entry, Outcome, Standing
from integration.stages.file.mappings import Rule
from integration.stages.last_look import Arrival, Lack, Lacking
from integration.stages.reports.escapes import Kind, escaped_before, escapes
from integration.stages.reports.facts import Looked
from integration.stages.reports.tables import (
    arrivals,
    each_escape,
    escapes_by_month,
    escapes_by_party,
    escapes_by_place,
)
from tests.stages.reports.parts import APP, RULES, WEB, at, gate, judged, of

ADMITTED, WARNED, BLOCKED, ADOPTED = Outcome.ADMITTED, Outcome.WARNED, Outcome.BLOCKED, Outcome.ADOPTED


def rules(version: str) -> Mapping[str, Rule]:
    return RULES if version == "v1" else {}


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([judged(ADMITTED, gate("told", True))], []),
        ([judged(WARNED, gate("told", level="warn"))], [(Kind.NOTICE, "support")]),
        ([judged(ADMITTED, gate("told", level="observe"))], [(Kind.NOTICE, "support")]),
        ([judged(WARNED, gate("told", level="warn", waived="by Rhea"))], []),
        ([judged(WARNED, gate("told"), gate("both"))], [(Kind.NOTICE, "support"), (Kind.VIEW, "support")]),
        ([judged(WARNED, gate("both", True, False))], [(Kind.VIEW, "support")]),
        ([judged(ADMITTED, gate("soak", level="observe"))], [(Kind.SOAK, "")]),
        ([judged(ADOPTED, gate("told"))], []),
        ([judged(BLOCKED, gate("told"))], []),  # it was put back
        ([judged(BLOCKED, gate("told"), attempt="1"), Standing(at(1), "1", "no way back")], [(Kind.STANDING, "")]),
        ([judged(BLOCKED, gate("told"), attempt="1"), Standing(at(1), "1", "")], []),
        (
            [judged(BLOCKED, gate("told"), attempt="1"), *(Standing(at(n), "1", "no way back") for n in (1, 2))],
            [(Kind.STANDING, "")],
        ),
        ([Standing(at(1), "1", "no way back")], []),  # its verdict is not among the facts: it is older
    ],
)
def test_an_escape_is_what_was_let_in_without_or_stands_blocked(
    entries: list[Entry], found: list[tuple[Kind, str]]
) -> None:
    assert [(one.kind, one.party) for one in escapes(of(*entries), rules)] == found


def test_what_a_rule_of_a_lost_version_asked_for_is_held_against_nobody() -> None:
    assert not list(escapes(of(replace(judged(WARNED, gate("told")), mappings="lost")), rules))


def test_arrivals_of_the_time_before_count_with_what_they_lacked() -> None:
    lacking = (Lacking(Lack.NOTICE, "told", "support"), Lacking(Lack.OTHER, "described"))
    looked = Looked(APP, (), (Arrival("m1", "public", at(-500), "Erin", lacking),))
    [one] = escaped_before([looked])
    assert (one.kind, one.party, one.before, one.at) == (Kind.NOTICE, "support", True, at(-500))


def test_one_move_that_lacked_three_things_has_escaped_once_and_is_counted_under_each() -> None:
    found = list(escapes([*of(judged(WARNED, gate("both"), gate("soak"))),
                          *of(judged(WARNED, gate("told"), hours=24 * 65), about=WEB)], rules))  # fmt: skip
    assert arrivals(found) == 2
    months = escapes_by_month(found, UTC)
    assert [line.cells for line in months.lines] == [
        ("2026-11", 1, 1, 1, 1, 0, 0),
        ("2026-12", 0, 0, 0, 0, 0, 0),
        ("2027-01", 1, 1, 0, 0, 0, 0),
    ]
    assert months.lines[1].narrows == {"since": "2026-12-01", "until": "2026-12-31"}
    assert [line.cells for line in escapes_by_party(found).lines] == [("support", 2, 1)]
    assert [line.cells[:2] for line in escapes_by_place(found).lines] == [
        ("github:acme/app", 1),
        ("github:acme/web", 1),
    ]
    assert [line.cells[1] for line in each_escape(found).lines] == [WEB, APP, APP, APP]
