"""`prevent` in mappings.yaml: what it may name, and each fault by its line."""

from __future__ import annotations

import pytest

from integration.check import notes
from integration.stages.file.mappings import Faulty, prevented, read
from integration.stages.model import Ref

FILE = """version: 1
stages: {beta: Beta Release, public: Public Release}
parties: {support: {jira: {group: support}}}
sources:
  - jira:
      projects: [APP]
      statuses: {public: [Released]}
      labels: {beta: [beta]}
      prevent: %s
  - jira: {site: eu, projects: ["*"], statuses: {beta: [Beta], public: [Out]}, prevent: {beta: B, public: P}}
rules:
  - {id: a, entering: public, require: [acknowledged: {party: support}], level: block, effective: 2026-12-01}
"""


def test_the_fields_of_an_issue_are_those_of_its_site_and_project_lowest_stage_first() -> None:
    file = read(FILE % "{public: Cleared}")
    assert prevented(file, Ref.parse("APP-1")) == {"public": "Cleared"}
    assert list(prevented(file, Ref.parse("eu/WEB-1")).items()) == [("beta", "B"), ("public", "P")]
    assert prevented(file, Ref.parse("WEB-1")) == {}
    assert prevented(file, Ref.parse("acme/app#1")) == {}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("{pubic: X}", 'mappings.yaml:9:17 sources[0].jira.prevent.pubic: no stage "pubic"; did you mean "public"?'),
        ("{beta: X}", 'sources[0].jira.prevent.beta: can never hold: no status here shows "beta"'),
        ("{public: }", "sources[0].jira.prevent.public: is empty"),
        ("{public: 7}", 'sources[0].jira.prevent.public: 7 is a number here, not a text; put it in quotes: "7"'),
        ("Cleared", "sources[0].jira.prevent: a mapping of names to values is needed here"),
    ],
)
def test_a_fault_is_named_by_its_line(given: str, says: str) -> None:
    with pytest.raises(Faulty) as wrong:
        read(FILE % given)
    assert any(says in str(one) for one in wrong.value.faults), [str(one) for one in wrong.value.faults]


def test_one_field_cannot_hold_two_stages() -> None:
    with pytest.raises(Faulty, match='"P" is already the field of "beta"'):
        read((FILE % "{public: X}").replace("{beta: B, public: P}", "{beta: P, public: P}"))


def test_a_stage_that_no_rule_shuts_is_noted() -> None:
    assert "prevent: beta is always open, as no rule of level block guards it" in list(
        notes(read(FILE % "{public: C}"))
    )
