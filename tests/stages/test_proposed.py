"""The first file that is proposed: sound whatever was found, and silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integration.check import notes
from integration.stages.file.mappings import Mappings, read
from integration.stages.file.proposed import DEFAULT_LABELS, STAGES, Basis, OnJira, proposed

TODAY = date(2026, 12, 7)
WHOLE = Basis(
    TODAY,
    ("acme/*",),
    {"development": ("in progress",), "beta": ("stage: beta", "Beta"), "public": ("released",)},
    (OnJira("main", ("APP",), {"beta": ("Beta",), "public": ("Released", "Live")}, ("To Do", "Done")),),
    {"support": "acme/support", "growth": "acme/growth", "release-managers": "acme/release-managers"},
    {"support": "support-agents", "docs": "docs writers", "release-managers": "release-managers"},
)


def test_what_was_found_stands_in_it() -> None:
    mappings = read(proposed(WHOLE))

    github, jira = mappings.sources[0].github, mappings.sources[1].jira
    assert github and jira
    assert github.repositories == ("acme/*",)
    assert github.labels == WHOLE.labels
    assert jira.statuses == WHOLE.jira[0].statuses
    assert list(mappings.parties) == ["support", "growth", "docs", "release-managers"]
    assert mappings.parties["docs"].jira and mappings.parties["docs"].jira.group == "docs writers"
    assert mappings.parties["docs"].github is None
    assert [rule.id for rule in mappings.rules] == ["support-before-public", "seen-before-public", "not-on-hold"]
    assert [one.parties for one in mappings.notify] == [("support",), ("support",)]
    assert mappings.waivers.allowed == ("release-managers",)


def test_a_party_that_is_known_on_one_of_two_trackers_stands_in_no_rule_and_it_is_said_why() -> None:
    text = proposed(WHOLE)
    assert "growth" not in {party for one in read(text).notify for party in one.parties}
    assert "# No group of Jira is called like it. Once one stands here" in text
    assert "growth-before-public" in proposed(replace(WHOLE, jira=()))


def is_silent(mappings: Mappings) -> bool:
    return all(rule.level == "observe" for rule in mappings.rules) and all(
        one.level == "observe" for one in mappings.notify
    )


@pytest.mark.parametrize(
    "basis",
    [
        WHOLE,
        Basis(TODAY, ("acme/app",)),
        Basis(TODAY, ("acme/app",), jira=(OnJira("eu", ("APP", "ONE"), {}, ("To Do",)),)),
        Basis(TODAY, jira=(OnJira("main", ("APP",), {"public": ("Released",)}),), groups={"support": "support"}),
    ],
)
def test_whatever_was_found_it_has_no_fault_observes_from_today_on_and_says_nothing(basis: Basis) -> None:
    text = proposed(basis)
    mappings = read(text)

    assert is_silent(mappings)
    assert {rule.effective for rule in mappings.rules} == {datetime(2026, 12, 7, tzinfo=UTC)}
    assert mappings.routes is None, "the text of an issue proposes no route, which would be posted"
    assert all(party.digest is None for party in mappings.parties.values())
    assert list(notes(mappings)) == []
    assert max(map(len, text.splitlines())) <= 120
    assert "release-stages explain" in text


def test_where_no_label_looks_like_a_stage_labels_are_proposed_that_are_still_to_be_made() -> None:
    text = proposed(Basis(TODAY, ("acme/app",)))
    github = read(text).sources[0].github
    assert github and github.labels == DEFAULT_LABELS
    assert "still to be made" in text


def test_what_was_not_taken_for_a_stage_is_told_in_a_comment() -> None:
    assert "# not taken for a stage: To Do, Done" in proposed(WHOLE)
    assert "# internal: no label looked like it" in proposed(WHOLE)


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=30).filter(str.strip)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(list(STAGES)), st.lists(NAMES, min_size=1, max_size=3), min_size=1), NAMES)
def test_a_name_may_be_anything_and_stands_in_the_file_as_it_is(labels: dict[str, list[str]], group: str) -> None:
    seen: set[str] = set()
    kept = {
        stage: tuple(one for one in names if one.casefold() not in seen and not seen.add(one.casefold()))
        for stage, names in labels.items()
    }
    kept = {stage: names for stage, names in kept.items() if names}
    teams, groups = {"support": "acme/support"}, {"support": group}
    basis = Basis(TODAY, ("acme/app",), kept, (OnJira("main", ("APP",), kept, (group,)),), teams, groups)

    mappings = read(proposed(basis))

    assert mappings.sources[0].github and mappings.sources[0].github.labels == kept
    assert mappings.sources[1].jira and mappings.sources[1].jira.statuses == kept
    assert mappings.parties["support"].jira and mappings.parties["support"].jira.group == group
