"""The webhooks of a Jira site: which events are ours, and where they are listed. Only an administrator may see them."""

from __future__ import annotations

from typing import Any

from integration.trackers import Gone
from integration.trackers.jira_wire import Wire

EVENTS = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "comment_updated",
          "comment_deleted")  # fmt: skip


def listed(wire: Wire) -> tuple[str, str, list[dict[str, Any]]]:
    """Where the site has its webhooks, by API and path, and all of them. Data Center has moved them in its version 10.

    Raises `Gone` where it has them nowhere that we know, `Refused` where we may not see them.
    """
    old = ("webhooks/1.0", "webhook")
    for api, path in [old] if wire.cloud else [("jira-webhook/1.0", "webhooks"), old]:
        try:
            return api, path, list(wire.get(path, "read the webhooks", api=api))
        except Gone as gone:
            nowhere = gone
    raise nowhere
