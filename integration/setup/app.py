"""What we ask GitHub for: the least permissions, the events, and the manifest that an App is made from. Pure.

README.md shows the same table; a test holds it to this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote, urlsplit

Only = Literal["", "pull_requests", "additions"]
"""Empty: it is always needed. Else it is only where mappings.yaml makes use of that."""

GITHUB = "https://github.com"
ORGANISATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})")


@dataclass(frozen=True, slots=True)
class Uses:
    """What a mappings.yaml makes use of that takes more than the least: pull requests that carry stages, and rules that
    repositories add.
    """

    pull_requests: bool = False
    additions: bool = False

    def needs(self, one: Permission | Event) -> bool:
        """Is it one that we need?"""
        return not one.only or bool(getattr(self, one.only))


_ONLY = {"pull_requests": "only if pull requests carry stages", "additions": "only if repositories add rules"}


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission: GitHub's name and level for it, what its page calls it, and why we need it."""

    name: str
    level: str
    called: str
    why: str
    only: Only = ""

    @property
    def allows(self) -> str:
        """The level in words."""
        return {"read": "read", "write": "read and write"}[self.level]


@dataclass(frozen=True, slots=True)
class Event:
    """One event that the webhook tells of, and what we learn from it."""

    name: str
    called: str
    why: str
    only: Only = ""


PERMISSIONS = (
    Permission("issues", "write", "Repository: Issues", "labels and comments"),
    Permission("pull_requests", "write", "Repository: Pull requests", "their labels", only="pull_requests"),
    Permission(
        "contents",
        "read",
        "Repository: Contents",
        "a repository's own rules, in `.github/release-stages.yaml`",
        only="additions",
    ),
    Permission("metadata", "read", "Repository: Metadata", "always needed"),
    Permission(
        "members", "read", "Organisation: Members", "who is in Support, and whether a team mention reaches anybody"
    ),
)
EVENTS = (
    Event("issues", "Issues", "a stage has moved, a text has changed"),
    Event("issue_comment", "Issue comment", "what people answer"),
    Event("label", "Label", "a stage's label is renamed or deleted"),
    Event("sub_issues", "Sub issues", "what a feature waits for"),
    Event("issue_dependencies", "Issue dependencies", "what a feature waits for"),
    Event("pull_request", "Pull request", "the same of pull requests", only="pull_requests"),
    Event("push", "Push", "a repository's own rules have changed", only="additions"),
)  # fmt: skip


def permissions(uses: Uses) -> tuple[Permission, ...]:
    """Those that are needed."""
    return tuple(filter(uses.needs, PERMISSIONS))


def events(uses: Uses) -> tuple[Event, ...]:
    """The events that are needed."""
    return tuple(filter(uses.needs, EVENTS))


def table() -> Iterable[str]:
    """The permissions as rows of a Markdown table, as README.md has them."""
    for one in PERMISSIONS:
        only = f", {_ONLY[one.only]}" if one.only else ""
        yield f"| {one.called} | {one.allows}{only} | {one.why} |"


def web_address(api_url: str) -> str:
    """Where people look at a GitHub whose API is there: github.com, a tenant of ghe.com, an Enterprise server."""
    parts = urlsplit(api_url.rstrip("/"))
    if parts.hostname == "api.github.com":
        return GITHUB
    if parts.netloc.startswith("api.") and parts.netloc.endswith(".ghe.com"):
        return f"{parts.scheme}://{parts.netloc.removeprefix('api.')}"
    return f"{parts.scheme}://{parts.netloc}{parts.path.removesuffix('/api/v3')}"


def hook_address(public_url: str) -> str:
    """Where GitHub is to deliver."""
    return f"{public_url.rstrip('/')}/webhooks/github"


def new_app(api_url: str, organisation: str, state: str) -> str:
    """The page of GitHub's to which a manifest is sent; without an organisation, the App is the person's own."""
    owner = f"/organizations/{quote(organisation, safe='')}" if organisation else ""
    return f"{web_address(api_url)}{owner}/settings/apps/new?state={quote(state, safe='')}"


def manifest(public_url: str, redirect_url: str, uses: Uses, name: str = "Release Stages") -> dict[str, Any]:
    """What GitHub makes an App from. Private: nobody but its owner can install it."""
    return {
        "name": name,
        "url": public_url,
        "description": "Judges every move of a feature through its release stages, and says so on the issue.",
        "hook_attributes": {"url": hook_address(public_url), "active": True},
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": {one.name: one.level for one in permissions(uses)},
        "default_events": [one.name for one in events(uses)],
    }
