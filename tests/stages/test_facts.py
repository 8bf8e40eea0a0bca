"""The facts of an approval: what changes a digest, and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.stages.file import mappings as m
from integration.stages.model import Issue, Person, Ref, Related, Tie
from integration.stages.rules.facts import changed as fallen
from integration.stages.rules.facts import digest, facts_of

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)
ERIN = Person("erin", "erin")
FILE = m.read("""
version: 1
stages: {beta: Beta, public: Public}
links: {docs: {urls: ["https://docs.example.com/*"], types: [is documented by]}}
parties: {support: {github: {team: acme/support}}}
sources: [{github: {repositories: ["acme/*"], labels: {beta: b, public: p}}}]
rules:
  - id: agreed
    entering: public
    level: observe
    require:
      - approved: {party: support, voided_by: [title, description, docs link, {section: Undo}, {field: Audience}]}
""")
BODY = "Exports.\nSee https://docs.example.com/a and https://docs.example.com/b.\n\n## Undo\nSwitch it\noff"
ISSUE = Issue(
    ref=Ref("github", "", "acme/app", 1), title="Export", body=BODY, url="", author=ERIN, me=ERIN, created=NOW,
    watermark=NOW, fields={"Audience": "all"}, related=(),
)  # fmt: skip
ASKED = FILE.rules[0].require[0]
assert isinstance(ASKED, m.Approved)
FACTS = ASKED.voided_by
BEFORE = facts_of(ISSUE, FACTS, FILE)
DOCUMENTED = Related("Help", "Help", "https://wiki.example/1", Tie.PAGE, via="Is documented by")


def changed(**changes: object) -> set[str]:
    after = dict(facts_of(replace(ISSUE, **changes), FACTS, FILE))  # type: ignore[arg-type]
    return {name for name, was in BEFORE if after[name] != was}


def test_each_fact_is_named_and_has_sixteen_hex_digits() -> None:
    assert [name for name, _ in BEFORE] == ["title", "description", "docs link", "Undo", "Audience"]
    assert all(len(found) == 16 and int(found, 16) >= 0 for _, found in BEFORE)
    assert len(dict(BEFORE)) == len({found for _, found in BEFORE})


@pytest.mark.parametrize(
    ("changes", "falls"),
    [
        ({}, set()),
        ({"title": "Exports"}, {"title"}),
        ({"fields": {"Audience": "few"}}, {"Audience"}),
        ({"fields": {}}, {"Audience"}),
        ({"fields": {"audience": " all "}}, set()),
        ({"body": BODY.replace("it\noff", "  it off\r\n")}, set()),
        ({"body": BODY.replace("Exports", "It exports")}, {"description"}),
        ({"body": BODY.replace("Switch", "Turn")}, {"description", "Undo"}),
        ({"body": BODY.replace("/b.", "/c.")}, {"description", "docs link"}),
        ({"body": BODY.replace("/a and https://docs.example.com/b", "/b and https://docs.example.com/a")},
         {"description"}),
        ({"body": "See https://docs.example.com/b, https://docs.example.com/a!\n## Undo\nSwitch it off"},
         {"description"}),
        ({"fields": {"Audience": "all", "Help": "https://docs.example.com/a"}}, set()),
        ({"fields": {"Audience": "all", "Help": "https://docs.example.com/c"}}, {"docs link"}),
        ({"related": ()}, set()),
        ({"related": (DOCUMENTED,)}, {"docs link"}),
        ({"related": (replace(DOCUMENTED, via="blocks"),)}, set()),
    ],
)  # fmt: skip
def test_a_digest_changes_with_its_fact_alone(changes: dict[str, object], falls: set[str]) -> None:
    assert changed(**changes) == falls


def test_a_fact_that_is_asked_for_twice_is_recorded_once() -> None:
    assert facts_of(ISSUE, (*FACTS, *FACTS), FILE) == BEFORE


def test_what_is_missing_is_a_fact_as_well() -> None:
    bare = replace(ISSUE, body="", fields={})

    assert digest(m.Fact(section="Undo"), bare, FILE) == digest(m.Fact(description=True), bare, FILE)
    assert digest(m.Fact(section="Undo"), bare, FILE) != digest(m.Fact(section="Undo"), ISSUE, FILE)


def test_links_that_could_not_be_read_void_nothing() -> None:
    unread = replace(ISSUE, body=BODY.replace("docs.example.com", "elsewhere.example.com"), related=None)

    assert "docs link" not in dict(facts_of(unread, FACTS, FILE))
    assert "docs link" not in {str(fact) for fact in fallen(BEFORE, FACTS, unread, FILE)}
    assert "docs link" in {str(fact) for fact in fallen(BEFORE, FACTS, replace(unread, related=()), FILE)}
