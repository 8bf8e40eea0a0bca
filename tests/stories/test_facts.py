"""What the issue shows: briefings made for the reader, links, open bugs, windows, and approvals that name facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stories.house import OnGitHub, OnJira, Team

BLOCK = "level: block, effective: 2026-12-01"
BRIEFINGS = {
    "support": {
        "briefing": "[What changes, Known limits, {title: Help page, field: Help page}, "
        "{title: Who to ask, otherwise: asker}]"
    },
    "growth": {"briefing": "[What changes, Audience, Dates]"},
}


def to_public(team: Team, require: str, body: str = "", **changes: object) -> None:
    """A feature in Beta, one rule before Public, and somebody who asks for it."""
    rule = f"\n  - {{id: gate, entering: public, require: [{require}], {BLOCK}}}\n"
    team.house.put_in_force(rule, **{"notify": "", **changes})
    team.stand_in("beta", body=body)
    team.ask_for("public")


def test_each_party_is_briefed_from_the_issues_own_headings_and_what_is_missing_is_shown(team: Team) -> None:
    text = team.heading("What changes", "Exports as PDF.") + team.heading("Dates", "Launch on 14 December.")
    both = "{acknowledged: {party: support}}, {acknowledged: {party: growth}}"
    to_public(team, both, text, parties=BRIEFINGS)
    said = team.told[0].html

    assert said.count("Exports as PDF") == 1
    assert "For Support" in said and "For Growth" in said
    assert "Launch on 14 December" in said
    assert said.index("Known limits") < said.index("not filled in yet") < said.index("For Growth")
    assert "Erin" in said[said.index("Who to ask") :] or "erin" in said[said.index("Who to ask") :]


def test_a_briefing_can_be_required_and_is_looked_at_again_when_it_is_filled_in(team: Team) -> None:
    to_public(team, "{described: {briefing: growth}}", parties=BRIEFINGS)
    assert team.stage == "beta"
    assert "Audience" in team.told[0].body

    team.describe("".join(team.heading(one, "Everybody.") for one in ("What changes", "Audience", "Dates")))
    team.settle()
    assert team.stage == "public"


def test_on_jira_a_field_briefs_as_well_as_a_heading(house) -> None:  # type: ignore[no-untyped-def]
    team = OnJira(house)
    rule = f"\n  - {{id: gate, entering: public, require: [{{acknowledged: {{party: support}}}}], {BLOCK}}}\n"
    house.put_in_force(rule, notify="", parties=BRIEFINGS)
    team.stand_in("beta")
    team.world.jira.set_field(team.key, "Help page", "https://help.acme.example/pdf", "erin")
    team.ask_for("public")

    assert "help.acme.example/pdf" in team.told[0].html


def test_a_link_to_the_docs_is_found_in_the_text(team: Team) -> None:
    links = 'links: {docs: {urls: ["https://docs.acme.example/*"], types: [is documented by]}}'
    to_public(team, "{linked: {to: docs}}", more=links)
    assert team.stage == "beta"

    team.describe("See https://docs.acme.example/pdf.")
    team.settle()
    assert team.stage == "public"


def test_on_jira_a_link_of_the_right_type_is_a_link_to_the_docs(house) -> None:  # type: ignore[no-untyped-def]
    team = OnJira(house)
    to_public(team, "{linked: {to: docs}}", more="links: {docs: {types: [is documented by]}}")
    page = team.world.jira.create_issue("APP", "Describe the export", "dora", "", "To Do")
    team.world.jira.link(team.key, "is documented by", page)
    team.later(hours=7)

    assert team.stage == "public"


def test_on_github_an_open_bug_among_the_sub_issues_keeps_it_shut_and_its_closing_opens_it(house) -> None:  # type: ignore[no-untyped-def]
    team = OnGitHub(house)
    house.put_in_force(
        f"\n  - {{id: gate, entering: public, require: [{{no_open: {{labelled: bug}}}}], {BLOCK}}}\n", notify=""
    )
    bug = house.world.github.open_issue(team.repo, "Crash on save", "evan", "", ["bug"]).number
    other = house.world.github.open_issue(team.repo, "Nicer icons", "evan", "", []).number
    team.stand_in("beta")
    for one in (bug, other):
        house.world.github.add_sub_issue(team.repo, team.number, one, "erin")
    team.ask_for("public")
    assert team.stage == "beta"
    assert "Crash on save" in team.told[0].html
    assert "Nicer icons" not in team.told[0].html

    house.world.github.close(team.repo, bug, "evan")
    team.settle()
    assert team.stage == "public", "the bug's own webhook woke the feature that waited for it"


def test_on_jira_a_blocking_issue_keeps_it_shut_until_it_is_done(house) -> None:  # type: ignore[no-untyped-def]
    team = OnJira(house)
    house.put_in_force(
        f"\n  - {{id: gate, entering: public, require: [{{no_open: {{among: blocking}}}}], {BLOCK}}}\n", notify=""
    )
    bug = house.world.jira.create_issue("APP", "Crash on save", "evan", "", "To Do")
    team.stand_in("beta")
    house.world.jira.link(team.key, "is blocked by", bug)
    team.ask_for("public")
    assert team.stage == "beta"
    assert "Crash on save" in team.told[0].html

    house.world.jira.close(bug, "evan")
    team.settle()
    assert team.stage == "public"


def test_a_release_window_opens_the_gate_by_itself(team: Team) -> None:
    window = 'windows: {launch: {days: tue-thu, hours: "10:00-16:00"}}'
    to_public(team, "{within: {window: launch}}", more=window)
    assert team.stage == "beta", "Monday"

    team.at("2026-12-08T09:55")
    assert team.stage == "beta"
    team.at("2026-12-08T10:01")
    assert team.stage == "public"


def test_a_freeze_keeps_it_shut_but_for_the_named_exceptions(team: Team) -> None:
    freeze = "freezes: {christmas: {from: 2026-12-01, until: 2026-12-09, unless: {%s: the contract says so}}}"
    to_public(team, "{outside: {freeze: christmas}}", more=freeze % "acme/other#1")
    assert team.stage == "beta"
    assert "9 Dec" in team.told[0].html

    name = f'"{team.ref.key}"'
    rule = f"\n  - {{id: gate, entering: public, require: [{{outside: {{freeze: christmas}}}}], {BLOCK}}}\n"
    team.house.put_in_force(rule, notify="", more=freeze % name)
    team.says("/stage recheck", by="erin")
    assert team.stage == "public"


def test_an_approval_falls_when_just_the_facts_that_it_names_change(team: Team) -> None:
    """Sam approves; the title changes: it stands. The limits change: Sam is asked again, once."""
    wanted = "{approved: {party: support, voided_by: [{section: Known limits}]}}, {acknowledged: {party: growth}}"
    text = team.heading("Known limits", "Up to 10 pages.")
    to_public(team, wanted, text)
    team.says("/stage approve support", by="sam")
    team.describe(text + team.heading("Audience", "Everybody."))
    team.later(minutes=6)
    assert len(team.told) == 1

    team.describe(team.heading("Known limits", "Up to 5 pages."))
    team.settle()
    assert len(team.told) == 1, "who edits once often does so twice"
    team.later(minutes=6)
    assert team.told[1].mentions == team.support
    assert "Known limits" in team.told[1].body
    team.says("/stage ack", by="gus")
    assert team.stage == "beta"

    team.says("/stage approve support", by="sam")
    assert team.stage == "public"


def test_an_approval_stands_again_when_the_change_is_taken_back_at_once(team: Team) -> None:
    wanted = "{approved: {party: support, voided_by: [description]}}, {acknowledged: {party: growth}}"
    to_public(team, wanted, "Exports.")
    team.says("/stage approve support", by="sam")
    team.describe("Exprots.")
    team.settle()
    team.describe("Exports.")
    team.later(minutes=10)
    team.says("/stage ack", by="gus")

    assert team.stage == "public"
    assert len(team.told) == 1


def test_two_approvals_of_a_party_can_be_asked_for_and_the_authors_does_not_count(team: Team) -> None:
    rule = "{approved: {party: support, by: 2, not_author: true}}"
    team.house.put_in_force(f"\n  - {{id: gate, entering: public, require: [{rule}], {BLOCK}}}\n", notify="")
    team.stand_in("beta", by="sam")
    team.ask_for("public", by="erin")
    for by in ("sam", "sofia"):
        team.says("/stage approve", by=by)
    assert team.stage == "beta"
    team.says("/stage approve", by="support-lead")

    assert team.stage == "public"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with a requirement of its own, as `pip install` leaves it."""
    (tmp_path / "acme_rules.py").write_text(
        "from integration.stages.entries import Finding\n\n"
        "def short_title(issue, options, now):\n"
        "    ok = len(issue.title) <= options['letters']\n"
        "    return Finding('the title is short', ok, '' if ok else 'it is too long')\n"
    )
    about = tmp_path / "acme_rules-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[release_stages.requirements]\nshort-title = acme_rules:short_title\n")
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.usefixtures("installed")
def test_a_requirement_of_ones_own_is_asked_like_any_other(team: Team) -> None:
    from integration import custom

    custom.installed.cache_clear()
    to_public(team, "{custom: {name: short-title, options: {letters: 5}}}")
    custom.installed.cache_clear()

    assert team.stage == "beta"
    assert "it is too long" in team.told[0].html
