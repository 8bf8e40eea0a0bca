"""`raise_after` in mappings.yaml: for all rules, for one, never; each fault by its line; in no repository's file."""

from __future__ import annotations

import pytest

from integration.check import notes
from integration.stages.calendars import Duration
from integration.stages.file.additions import Ground, Unfit, read_additions
from integration.stages.file.mappings import Faulty, read
from integration.stages.file.schema import additions, schema

FILE = """version: 1
raise_after: %s
stages: {beta: Beta, public: Public}
sources: [{github: {repositories: ["acme/*"], labels: {beta: b, public: p}}}]
rules:
  - {id: a, entering: public, require: [not_on_hold], level: observe, raise_after: %s}
  - {id: b, entering: public, require: [not_on_hold], level: observe}
  - {id: c, entering: public, require: [not_on_hold], level: block, effective: 2026-12-01, raise_after: %s}
additions: {allowed: true}
"""


@pytest.mark.parametrize(
    ("of_all", "own", "expected"),
    [
        ("8 weeks", "2 weeks", [Duration(2, "week"), Duration(8, "week"), None]),
        ("8 weeks", "", [Duration(8, "week"), Duration(8, "week"), None]),
        ("8 weeks", "never", [None, Duration(8, "week"), None]),
        ("never", "30 days", [Duration(30, "day"), None, None]),
        ("", "", [None, None, None]),
    ],
)
def test_a_rules_own_word_goes_before_that_of_all_and_what_blocks_is_never_raised(
    of_all: str, own: str, expected: list[Duration | None]
) -> None:
    file = read(FILE % (of_all, own, ""))
    assert [file.trial_of(rule) for rule in file.rules] == expected


FIX = "write days or weeks, such as 6 weeks, or never"


@pytest.mark.parametrize(
    ("of_all", "own", "says"),
    [
        ("soon", "", f'mappings.yaml:2:14 raise_after: "soon" is no time to wait for; {FIX}'),
        ("8", "", f'mappings.yaml:2:14 raise_after: "8" is no time to wait for; {FIX}'),
        ("6 working days", "", f'"6 working days" is no time to wait for; {FIX}'),
        ("4 hours", "", f'"4 hours" is no time to wait for; {FIX}'),
        ("", "2 month", f'mappings.yaml:6:84 rules[0].raise_after: "2 month" is no time to wait for; {FIX}'),
        ("", "0 weeks", '"0 weeks" is out of bounds'),
        ("", "[2 weeks]", f"is no time to wait for; {FIX}"),
    ],
)
def test_a_fault_is_named_by_its_line_with_what_to_write(of_all: str, own: str, says: str) -> None:
    with pytest.raises(Faulty) as wrong:
        read(FILE % (of_all, own, ""))
    assert any(says in str(one) for one in wrong.value.faults), [str(one) for one in wrong.value.faults]


def test_a_key_that_is_nearly_it_is_told_how_it_is_called() -> None:
    with pytest.raises(Faulty, match='no such key "raise_afer"; did you mean "raise_after"'):
        read(FILE.replace("raise_after: %s}", "raise_afer: 2 weeks}", 1) % ("", ""))


def test_what_blocks_and_is_to_be_raised_is_noted_and_no_fault_so_that_a_raise_is_one_line() -> None:
    assert list(notes(read(FILE % ("8 weeks", "", "2 weeks")))) == [
        "raise_after of c does nothing: it blocks, and nothing is above that"
    ]
    assert list(notes(read(FILE % ("8 weeks", "", "never")))) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rules:\n  - {id: own, entering: public, require: [not_on_hold], level: observe, raise_after: 2 weeks}\n",
         "release-stages.yaml:3:73 rules[0].raise_after: when a level is to be raised is proposed to the organisation"),
        ("raise_after: 2 weeks\n", '"raise_after" is for the organisation\'s mappings.yaml alone'),
    ],
)  # fmt: skip
def test_a_repository_has_no_say_in_when_a_raise_is_proposed(text: str, says: str) -> None:
    with pytest.raises(Unfit) as wrong:
        read_additions(f"version: 1\n{text}", Ground.of(FILE % ("", "", "")))
    assert any(says in str(one) for one in wrong.value.faults), [str(one) for one in wrong.value.faults]


def test_editors_know_the_key_in_both_places_and_in_no_repositorys_file() -> None:
    whole = schema()
    assert "raise_after" in whole["properties"]
    assert "raise_after" in whole["$defs"]["Rule"]["properties"]
    assert "raise_after" not in str(additions())
