"""What the App asks for: the least that works, one table for code and README, and nothing that GitHub refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from integration.sandbox.github_manifest import fault
from integration.setup import app
from integration.trackers import deliveries

ROOT = Path(__file__).parent.parent.parent


def test_the_readme_shows_the_permissions_and_events_that_are_asked_for() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    rows = [line for line in readme.splitlines() if line.startswith(("| Repository:", "| Organisation:"))]
    assert rows == list(app.table())
    assert ", ".join(one.called for one in app.EVENTS) in readme.replace("\n", " ")


@pytest.mark.parametrize("doc", ["docs/security.md", "docs/set-up-by-hand.md"])
def test_the_other_pages_name_no_permission_that_is_not_asked_for(doc: str) -> None:
    text = (ROOT / doc).read_text("utf-8")
    for one in app.PERMISSIONS:
        assert f"| {one.called} | {one.allows} |" in text, one.called


def test_every_event_is_one_that_is_understood_and_every_one_understood_is_asked_for() -> None:
    assert {one.name for one in app.EVENTS} == set(deliveries._GITHUB)


def test_each_permission_and_each_event_has_its_reason() -> None:
    assert all(one.why for one in (*app.PERMISSIONS, *app.EVENTS))


@pytest.mark.parametrize("pull_requests", [True, False])
@pytest.mark.parametrize("additions", [True, False])
def test_github_takes_the_manifest_and_nothing_is_asked_for_that_is_not_used(
    pull_requests: bool, additions: bool
) -> None:
    uses = app.Uses(pull_requests, additions)
    made = app.manifest("https://stages.acme.example", "http://127.0.0.1:1/setup/github/done", uses)
    assert fault(made) == ""
    assert ("pull_requests" in made["default_permissions"]) is pull_requests
    assert ("pull_request" in made["default_events"]) is pull_requests
    assert (made["default_permissions"].get("contents") == "read") is additions
    assert ("contents" in made["default_permissions"]) is ("push" in made["default_events"]) is additions
    assert made["public"] is False
    assert made["hook_attributes"]["url"] == "https://stages.acme.example/webhooks/github"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"default_events": ["issues", "star"]}, "events unsupported: star"),
        ({"default_permissions": {"issues": "admin"}}, "issues: admin"),
        ({"default_permissions": {"metadata": "read"}}, "events unsupported: issues, issue_comment"),
        ({"default_events": ["issues", "push"]}, "events unsupported: push"),
        ({"hook_attributes": {}}, "hook_attributes.url"),
        ({"url": ""}, "url is no URL"),
    ],
)
def test_what_github_would_refuse_the_sandbox_refuses(changes: dict[str, object], says: str) -> None:
    assert says in fault(app.manifest("https://s.example", "https://s.example/done", app.Uses()) | changes)


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://github.acme.example/api/v3", "https://github.acme.example"),
        ("https://github.acme.example/api/v3/", "https://github.acme.example"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("http://127.0.0.1:8001/api/v3", "http://127.0.0.1:8001"),
    ],
)
def test_where_people_look_at_each_kind_of_github(api: str, web: str) -> None:
    assert app.web_address(api) == web


def test_the_page_for_a_manifest_is_the_organisations_or_ones_own() -> None:
    assert app.new_app("https://api.github.com", "acme", "a b") == (
        "https://github.com/organizations/acme/settings/apps/new?state=a%20b"
    )
    assert app.new_app("https://api.github.com", "", "s") == "https://github.com/settings/apps/new?state=s"
