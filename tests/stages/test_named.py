"""What a file names of the world, taken from its text: also where the file has faults."""

from __future__ import annotations

from pathlib import Path

from integration.stages.file.named import Name, names_in

ROOT = Path(__file__).parents[2]


def texts(names) -> list[str]:
    return [one.text for one in names]


def test_of_the_file_that_ships_every_name_is_found_with_its_place() -> None:
    text = (ROOT / "mappings.yaml").read_text("utf-8")
    named = names_in(text)

    (github,), (jira,) = named.github, named.jira
    assert texts(github.repositories) == ["acme/*"]
    assert texts(github.labels["beta"]) == ["stage: beta"]
    assert (jira.site.text, texts(jira.projects)) == ("main", ["APP"])
    assert texts(jira.statuses["development"]) == ["In Progress", "In Review"]
    support = named.people["github"][0]
    assert support.team == Name("acme/support", 60, 13, "parties.support.github.team")
    assert texts(support.everybody) == ["support-lead", "sam", "sofia"]
    assert named.guarded == {"public"}
    assert texts(named.fields) == ["Audience"]
    assert {"internal-only", "hotfix", "bug", "launch"} == set(texts(named.labels))
    assert texts(named.issues) == ["acme/support#1"]
    assert named.looks_around
    lines = text.splitlines()
    for one in (*github.repositories, *jira.projects, support.team, *named.labels, *named.fields):
        assert one.text in lines[one.line - 1][one.column - 1 :]


def test_what_is_right_in_a_file_with_faults_is_found_and_what_is_no_name_is_not() -> None:
    named = names_in("""
stages: nonsense
parties:
  support: {github: {team: "@acme/support", users: [sam, 7]}, jira: {group: [a, b]}}
  growth: {github: {team: acme/growth}}
  docs: a text
sources:
  - github: {repositories: [acme/app, not a repository], labels: {beta: [beta, 7]}}
  - jira: {site: eu, projects: app}
  - jira: 7
rules:
  - {entering: public, level: block, require: [described: {field: 7}, labelled: [x, y]]}
""")
    assert [(one.party, one.team and one.team.text) for one in named.people["github"]] == [
        ("support", None),
        ("growth", "acme/growth"),
    ]
    assert texts(named.people["github"][0].users) == ["sam"]
    assert texts(named.github[0].repositories) == ["acme/app"]
    assert texts(named.github[0].labels["beta"]) == ["beta"]
    assert [one.site.text for one in named.jira] == ["eu", "main"]
    assert named.jira[0].projects == ()
    assert texts(named.labels) == ["x", "y"]
    assert named.fields == ()


def test_the_fields_that_hold_the_way_to_a_stage_are_found_with_their_place() -> None:
    (jira,) = names_in("sources:\n  - jira:\n      prevent: {beta: Cleared, public: 7}\n").jira
    assert jira.prevent == (Name("Cleared", 3, 23, "sources[0].jira.prevent.beta"),)


def test_a_text_that_is_no_yaml_names_nothing() -> None:
    for text in ("{", "", "[", "- a\n- b\n", "a text"):
        named = names_in(text)
        assert not (named.github or named.jira or any(named.people.values()) or named.labels), text


def test_a_rule_that_is_about_leaving_guards_all_stages_above() -> None:
    named = names_in("""
stages: {a: A, b: B, c: C, d: D}
rules:
  - {leaving: b, level: block}
  - {entering: a, level: warn}
""")
    assert named.guarded == {"c", "d"}


def test_a_bare_no_open_looks_at_other_issues_as_one_with_arguments_does() -> None:
    for written in ("no_open", "{no_open: {labelled: bug}}", "{any: [{no_open: {}}]}", "{custom: {name: x}}"):
        assert names_in(f"rules: [{{require: [{written}]}}]").looks_around, written
    assert not names_in("rules: [{require: [not_on_hold]}]").looks_around
