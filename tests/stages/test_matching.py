"""What labels and statuses are called, and which stage they are taken for; and teams likewise."""

from __future__ import annotations

import pytest

from integration.stages.file.matching import PARTIES, SAYS_LITTLE, SAYS_MUCH, by_stage, parties_of, stage_of

TAKEN_FOR = {
    "development": [
        "stage: development", "dev", "In Progress", "In Development", "WIP", "In Review",
        "Code Review", "In QA", "Doing",
    ],
    "internal": [
        "stage: internal", "Internal Release", "Alpha", "Dogfood", "released internally", "Private preview",
        "Internal beta",
    ],
    "beta": [
        "stage: beta", "Beta", "Public Beta", "Beta testing", "Early Access", "Public preview", "RC",
        "release candidate", "status: in beta", "Limited availability", "Preview",
    ],
    "public": [
        "stage: public", "Public Release", "GA", "stage/ga", "General Availability", "Released", "🚀 released", "Live",
        "Released to everyone", "Released to all customers", "In Production", "Shipped", "rolled out",
    ],
}  # fmt: skip
NOT_TAKEN = [
    "", "bug", "internal-only", "public-api", "release", "release-blocker", "release notes", "beta feedback",
    "production", "To Do", "Done", "Backlog", "Selected for Development", "Ready for release", "Waiting for support",
    "needs review", "customers", "qa", "review", "not released",
]  # fmt: skip


@pytest.mark.parametrize(("name", "stage"), [(one, stage) for stage, names in TAKEN_FOR.items() for one in names])
def test_a_name_is_taken_for_the_stage_that_its_words_say(name: str, stage: str) -> None:
    assert stage_of(name) == stage


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_a_name_with_a_word_that_says_something_else_is_taken_for_none(name: str) -> None:
    assert stage_of(name) is None


def test_each_word_of_the_tables_says_its_own_stage() -> None:
    for table in (SAYS_MUCH, SAYS_LITTLE):
        for stage, phrases in table.items():
            for phrase in phrases:
                assert stage_of(phrase) == stage, phrase


def test_names_come_by_stage_lowest_first_and_each_once_whatever_its_capitals() -> None:
    names = ["bug", "Released", "GA", "stage: beta", "Stage: Beta", "In Progress", "In Review"]
    assert by_stage(names) == {
        "development": ("In Progress", "In Review"),
        "beta": ("stage: beta",),
        "public": ("Released", "GA"),
    }
    assert list(by_stage(names)) == ["development", "beta", "public"]
    assert by_stage([]) == {}


def test_a_party_is_the_team_that_is_called_most_like_it() -> None:
    teams = ["acme/support-bots", "acme/support", "acme/product-marketing", "acme/docs", "acme/engineering"]
    assert parties_of(teams) == {
        "support": "acme/support",
        "growth": "acme/product-marketing",
        "docs": "acme/docs",
    }
    assert parties_of(["support-agents", "docs-writers", "growth-team", "release-managers"]) == {
        "support": "support-agents",
        "growth": "growth-team",
        "docs": "docs-writers",
        "release-managers": "release-managers",
    }
    assert parties_of(["acme/everybody"]) == {}
    assert set(PARTIES) == {"support", "growth", "docs", "release-managers"}
