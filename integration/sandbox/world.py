"""The sandbox's world: one cast, one clock, one set of faults and webhooks, and the two trackers that share them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from integration.sandbox.faults import FOR_EVER, Fault, Faults
from integration.sandbox.hooks import Delivery, Hook, Hooks
from integration.sandbox.people import ORG, PEOPLE, SERVICE, SERVICE_EMAIL, SERVICE_TOKEN, Someone, now

if TYPE_CHECKING:
    from integration.sandbox.github import GitHubState
    from integration.sandbox.jira import JiraState

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


class World:
    """All state of one sandbox, in memory. `url` is where it is served; both trackers write it into their links.

    `lock` guards the state of both trackers: whoever reads or changes it holds it.
    """

    def __init__(self, url: str = "http://127.0.0.1:8700") -> None:
        # Here, because both trackers import this module.
        from integration.sandbox.github import GitHubState
        from integration.sandbox.jira import JiraState

        self.url = url
        self.people = dict(PEOPLE)
        self.faults = Faults()
        self.hooks = Hooks()
        self.lock = threading.RLock()
        self.github: GitHubState = GitHubState(self)
        self.jira: JiraState = JiraState(self)

    def close(self) -> None:
        """Stop the webhooks' thread."""
        self.hooks.close()
