"""Briefings: the lines of each party from headings and fields, and all readers' lines in one comment."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from integration.stages.file import mappings as m
from integration.stages.model import Issue, Person, Ref
from integration.stages.texts.briefings import LONGEST, USUAL, Line, briefing, items
from integration.stages.texts.markdown import markdown

NOW = datetime(2026, 12, 8, 12, 0, tzinfo=UTC)
ERIN = Person("erin", "erin")
FILE = m.read("""
version: 1
stages: {beta: Beta, public: Public}
parties:
  support:
    github: {team: acme/support}
    briefing:
      - What changes
      - {title: Help page, field: Documentation}
      - {title: Undo, section: Rollback plan}
      - {title: Who to ask, otherwise: asker}
  growth: {github: {team: acme/growth}, briefing: [What changes, Audience]}
  docs: {github: {team: acme/docs}}
  legal: {github: {team: acme/legal}}
sources: [{github: {repositories: ["acme/*"], labels: {beta: b, public: p}}}]
""")
ISSUE = Issue(
    ref=Ref("github", "", "acme/app", 1), title="Export", body="", url="", author=ERIN, me=ERIN, created=NOW,
    watermark=NOW,
)  # fmt: skip
WHAT = "## What changes\nOrders can be\nexported.\n"


def line(issue: Issue, title: str, party: str = "support", asker: str = "erin") -> str:
    return next(one.text for one in items(party, issue, FILE, asker) if one.title == title)


def shown(*readers: str, body: str = WHAT, **fields: str) -> str:
    issue = replace(ISSUE, body=body, fields=fields)
    return markdown(briefing(readers, issue, FILE, "erin", str.capitalize))


# --- the lines of one party -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fields", "title", "text"),
    [
        ("", {}, "What changes", ""),
        (WHAT, {}, "What changes", "Orders can be exported."),
        ("h2. What changes\nOrders", {}, "What changes", "Orders"),
        ("## What changes\nTBD", {}, "What changes", ""),
        ("## What changes\n_No response_", {}, "What changes", ""),
        ("## What changes\n<!-- for whom? -->", {}, "What changes", ""),
        (WHAT, {"what changes": "The field"}, "What changes", "The field"),
        (WHAT, {"What changes": "TBD"}, "What changes", "Orders can be exported."),
        ("## Help page\nthe heading", {}, "Help page", "the heading"),
        ("## Help page\nthe heading", {"Documentation": "the field"}, "Help page", "the field"),
        ("", {"Documentation": "n/a", "Help page": "the title"}, "Help page", "the title"),
        ("## Rollback plan\nswitch it off", {}, "Undo", "switch it off"),
        ("## Undo\nswitch it off", {}, "Undo", ""),
        ("", {}, "Who to ask", "erin"),
        ("## Who to ask\nsofia", {}, "Who to ask", "sofia"),
    ],
)
def test_a_line_is_a_field_or_a_heading_or_whoever_asked(
    body: str, fields: dict[str, str], title: str, text: str
) -> None:
    assert line(replace(ISSUE, body=body, fields=fields), title) == text


def test_the_lines_come_in_the_order_of_the_file_and_missing_ones_are_empty() -> None:
    lines = items("support", replace(ISSUE, body=WHAT), FILE, "erin")

    assert [one.title for one in lines] == ["What changes", "Help page", "Undo", "Who to ask"]
    assert [one.title for one in lines if not one.text] == ["Help page", "Undo"]


def test_a_party_without_a_briefing_gets_the_usual_lines() -> None:
    assert items("docs", ISSUE, FILE, "erin") == tuple(Line(title, "") for title in USUAL)


@pytest.mark.parametrize(("length", "cut"), [(LONGEST, False), (LONGEST + 1, True)])
def test_a_long_text_is_cut(length: int, cut: bool) -> None:
    text = line(replace(ISSUE, body="## What changes\n" + "x" * length), "What changes")

    assert text == ("x" * (LONGEST - 1) + "…" if cut else "x" * LONGEST)


# --- the lines of all readers ---------------------------------------------------------------------------------------


def test_nobody_reads_nothing() -> None:
    assert briefing((), ISSUE, FILE, "erin", str.capitalize) == ()


def test_one_reader_gets_a_list_with_what_is_missing() -> None:
    assert shown("support").splitlines() == [
        "- **Feature:** Export",
        "- **What changes:** Orders can be exported.",
        "- **Help page:** not filled in yet",
        "- **Undo:** not filled in yet",
        "- **Who to ask:** erin",
    ]


def test_readers_without_a_briefing_get_one_list_of_what_is_there() -> None:
    one, both = shown("docs"), shown("docs", "legal")

    assert one == both
    assert both.splitlines() == ["- **Feature:** Export", "- **What changes:** Orders can be exported."]


def test_what_all_readers_need_comes_first_and_then_for_each_what_only_they_need() -> None:
    told = shown("support", "growth", Audience="all customers")

    assert [text for text in told.splitlines() if text] == [
        "- **Feature:** Export",
        "- **What changes:** Orders can be exported.",
        "**For Support**",
        "- **Help page:** not filled in yet",
        "- **Undo:** not filled in yet",
        "- **Who to ask:** erin",
        "**For Growth**",
        "- **Audience:** all customers",
    ]


def test_no_line_is_shown_twice_and_nobody_gets_a_headline_with_nothing_below() -> None:
    told = shown("support", "docs", body=WHAT + "## Known limits\nslow\n## Help page\nhttps://docs.example.com/a")

    assert told.count("Help page:") == told.count("What changes:") == 1
    assert [text for text in told.splitlines() if text.startswith("**For")] == ["**For Support**", "**For Docs**"]
    assert "For Docs" not in shown("support", "docs")


def test_a_reader_without_a_briefing_is_not_shown_what_is_missing() -> None:
    assert "not filled in" not in shown("docs", "legal", body="")
    assert shown("docs", "support", body="").count("not filled in yet") == 3


def test_what_we_quote_mentions_and_formats_nothing() -> None:
    told = shown("support", body="## What changes\n@acme/growth **now** <!-- hidden -->")

    assert "@acme/growth" not in told
    assert "**now**" not in told
