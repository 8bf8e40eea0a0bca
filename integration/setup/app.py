"""What we ask GitHub for: the least permissions, the events, and the manifest that an App is made from. Pure.

README.md shows the same table; a test holds it to this one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

GITHUB = "https://github.com"
ORGANISATION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})")


@dataclass(frozen=True, slots=True)
class Permission:
    """One permission: GitHub's name and level for it, what its page calls it, and why we need it."""

    name: str
    level: str
    called: str
    why: str
    for_pull_requests: bool = False

    @property
    def allows(self) -> str:
        """The level in words."""
        return {"read": "read", "write": "read and write"}[self.level]


@dataclass(frozen=True, slots=True)
class Event:
    """One event that the webhook tells of."""

    name: str
    called: str
    for_pull_requests: bool = False


PERMISSIONS = (
    Permission("issues", "write", "Repository: Issues", "labels and comments"),
    Permission("pull_requests", "write", "Repository: Pull requests", "their labels", for_pull_requests=True),
    Permission("metadata", "read", "Repository: Metadata", "always needed"),
    Permission(
        "members", "read", "Organisation: Members", "who is in Support, and whether a team mention reaches anybody"
    ),
)
EVENTS = (
    Event("issues", "Issues"),
    Event("issue_comment", "Issue comment"),
    Event("label", "Label"),
    Event("sub_issues", "Sub issues"),
    Event("issue_dependencies", "Issue dependencies"),
    Event("pull_request", "Pull request", for_pull_requests=True),
)


def permissions(pull_requests: bool) -> tuple[Permission, ...]:
    """Those that are needed, with or without pull requests that carry stages."""
    return tuple(one for one in PERMISSIONS if pull_requests or not one.for_pull_requests)


def events(pull_requests: bool) -> tuple[str, ...]:
    """The names of the events that are needed."""
    return tuple(one.name for one in EVENTS if pull_requests or not one.for_pull_requests)


def table() -> Iterable[str]:
    """The permissions as rows of a Markdown table, as README.md has them."""
    for one in PERMISSIONS:
        only = ", only if pull requests carry stages" if one.for_pull_requests else ""
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


def manifest(public_url: str, redirect_url: str, pull_requests: bool, name: str = "Release Stages") -> dict[str, Any]:
    """What GitHub makes an App from. Private: nobody but its owner can install it."""
    return {
        "name": name,
        "url": public_url,
        "description": "Judges every move of a feature through its release stages, and says so on the issue.",
        "hook_attributes": {"url": hook_address(public_url), "active": True},
        "redirect_url": redirect_url,
        "public": False,
        "default_permissions": {one.name: one.level for one in permissions(pull_requests)},
        "default_events": list(events(pull_requests)),
    }
