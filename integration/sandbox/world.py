"""The sandbox's world: one cast, one clock, one set of faults and webhooks, and the two trackers that share them."""

from __future__ import annotations

from integration.sandbox.faults import FOR_EVER, Fault, Faults
from integration.sandbox.github import GitHubState
from integration.sandbox.ground import Ground
from integration.sandbox.hooks import Delivery, Hook, Hooks
from integration.sandbox.jira_state import JiraState
from integration.sandbox.openid_model import OpenId
from integration.sandbox.people import ORG, PEOPLE, SERVICE, SERVICE_EMAIL, SERVICE_TOKEN, Someone, now

__all__ = [
    "FOR_EVER",
    "ORG",
    "PEOPLE",
    "SERVICE",
    "SERVICE_EMAIL",
    "SERVICE_TOKEN",
    "Delivery",
    "Fault",
    "Faults",
    "Hook",
    "Hooks",
    "Someone",
    "World",
    "now",
]


class World(Ground):
    """All state of one sandbox, in memory: what the trackers share, and the two of them."""

    def __init__(self, url: str = "http://127.0.0.1:8700") -> None:
        super().__init__(url)
        self.github = GitHubState(self)
        self.jira = JiraState(self)
        self.openid = OpenId()
