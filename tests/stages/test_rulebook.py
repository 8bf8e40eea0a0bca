"""mappings.yaml in sentences: every requirement has its own, and a rule says what it asks for and what follows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from integration.stages.file.mappings import REQUIREMENTS, read
from integration.stages.texts.rulebook import Book, Sentence

ROOT = Path(__file__).parents[2]
REST = """version: 1
time_zone: Europe/London
stages: {internal: Internal Release, beta: Beta Release, public: Public Release}
calendars: {london: {time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}}
parties:
  support:
    {name: Support, github: {team: acme/support, fallback: [sam]}, jira: {users: [abc, def]},
     calendar: london, respond_within: 1 working day,
     escalate_to: {github: [sam]}, briefing: [What changes]}
  growth-team: {github: {team: acme/growth}, jira: {users: [abc], group: growth}}
sources:
  - {github: {repositories: ["acme/*"], labels: {beta: "stage: beta", public: ["stage: public", out]}}}
  - {jira: {projects: [APP], statuses: {beta: [Beta], public: [Released]}, prevent: {public: Ready}}}
routes: {agreed_by: [support, growth-team], effective: 2026-01-01}
links: {docs: {urls: ["https://docs.acme.example/*"]}}
windows: {office: {days: mon-thu, hours: "09:00-16:00"}}
freezes: {winter: {from: 2026-12-18, until: 2027-01-04, unless_labelled: [hotfix], unless: {"acme/app#3": a fix}}}
waivers: {allowed: [support]}
notify:
  - {entering: beta, parties: [support, growth-team], level: post, effective: 2026-07-01}
  - {backward: true, parties: [support], level: observe}
"""


OWING = """rules:
  - {id: first, entering: beta, level: observe, later: 5 days, require: [acknowledged: {party: support}]}
  - id: one
    entering: public
    level: observe
    require:
      - """


def told(require: str) -> Sentence:
    return Book(read(f"{REST}{OWING}{require}\n")).rules()[-1].requires[0]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("notified: {party: support, ahead: 1 working day}", "Support has provably been told, 1 working day ahead"),
        ("notified: {party: support, within_stage: beta}",
         "Support has provably been told, while it was in Beta Release"),
        ("acknowledged: {party: growth-team}", "somebody of Growth team has seen it"),
        ("acknowledged: {party: support, by: 2}", "2 people of Support have seen it"),
        ("approved: {party: support, not_author: true, voided_by: [title, docs link]}",
         "somebody of Support agrees, its author not counted; that falls when title or docs link changes"),
        ("visited: {stage: beta}", "it has been in Beta Release"),
        ("spent: {stage: beta, at_least: 3 days}", "it has spent 3 days in Beta Release"),
        ("labelled: [a, b]", "it has the label a or b"),
        ("not_labelled: internal-only", "it does not have the label internal-only"),
        ("described: {section: How to undo}", "the heading How to undo is filled in"),
        ("described: {briefing: support}", "all that Support's briefing needs is filled in"),
        ("checklist: {section: Before}", "every box under Before is ticked"),
        ("linked: {to: docs}", "it links to docs"),
        ("no_open: {labelled: bug}", "no sub-issue or issue that blocks it with the label bug is open"),
        ("not_on_hold", "nobody holds it"),
        ("within: {window: office}", "it is within the window office"),
        ("outside: {freeze: winter}", "it is outside of the freeze winter"),
        ("no_debt", "no party owes its word on an earlier stage"),
        ("no_debt: {party: support}", "Support owes no word"),
        ("follows_route", "the stage is on the feature's agreed route"),
        ("custom: {name: translated, options: {languages: 3}}", "the check translated passes (languages: 3)"),
    ],
)  # fmt: skip
def test_a_requirement_is_a_sentence(asked: str, says: str) -> None:
    assert told(asked) == Sentence(says)


def test_what_is_nested_stays_nested() -> None:
    found = told("any: [{labelled: a}, {none: [labelled: b]}]")
    assert found.says == "at least one of these holds"
    assert found.parts == (
        Sentence("it has the label a"),
        Sentence("none of these holds", (Sentence("it has the label b"),)),
    )


def test_every_requirement_there_is_has_words_of_its_own() -> None:
    from integration.stages.texts.rulebook import sentence

    assert set(REQUIREMENTS.values()) <= set(sentence.registry)


def test_a_rule_says_what_follows_and_from_when_on_the_files_clock() -> None:
    text = """rules:
  - id: one
    entering: public
    from: beta
    level: block
    when: {labelled: big}
    effective: 2026-07-01T07:00:00Z
    because: They must know.
    require: [acknowledged: {party: support}]
    later: 5 days
"""
    (rule,) = Book(read(REST + text)).rules()
    assert rule.says == "may enter Public Release from Beta Release if"
    assert rule.when == (Sentence("it has the label big"),)
    assert rule.follows.startswith("blocks")
    assert "It judges moves from 1 Jul 2026, 08:00 on." in rule.more
    assert rule.because == "They must know."


def test_the_rest_of_the_file_is_told() -> None:
    book = Book(read(REST))
    assert list(book.notices()) == [
        "When a feature enters Beta Release, Support and Growth team are told, from 1 Jul 2026 on.",
        "When a feature goes back, Support is told (on trial: written down alone).",
    ]
    github, jira = book.sources()
    shows = (("Beta Release", "label stage: beta"), ("Public Release", "label stage: public or out"))
    assert github == ("GitHub: acme/*", shows)
    assert jira[1][1] == ("Public Release", "status Released; guarded by the field Ready")
    assert dict(book.parties())["Support"][0] == "on GitHub: acme/support; else sam"
    assert dict(book.calendars()) == {"london": "Mon to Fri, 09:00 to 17:30, Europe/London, holidays of GB-ENG"}
    terms = dict(book.terms())
    but = "; but for features labelled hotfix and acme/app#3 (a fix)"
    assert terms["Freeze: winter"] == f"from 18 Dec 2026, until 4 Jan 2027{but}"
    assert terms["Window: office"] == "Mon to Thu, 09:00 to 16:00"
    assert terms["Waivers"] == "Support may waive a rule for one attempt, with a reason"


@pytest.mark.parametrize("file", ["mappings.yaml", "integration/sandbox/mappings.yaml"])
def test_the_files_that_are_shipped_are_told_whole(file: str) -> None:
    book = Book(read((ROOT / file).read_text("utf-8")))
    said = repr((book.rules(), list(book.notices()), list(book.parties()), list(book.sources()), list(book.terms())))
    assert not re.search(r"says='[A-Z]\w+'", said), "no class stands in for words"
    assert "None" not in said.replace("None_", "")
