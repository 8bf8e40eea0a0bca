"""What issues of the sandbox's Jira are tied to: links of several types, sub-tasks, and pages elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class IssueType:
    """What kind of work an issue is."""

    id: str
    name: str
    subtask: bool = False


@dataclass(frozen=True)
class LinkType:
    """A type of link: from where it begins to where it ends it reads `outward`, the other way round `inward`."""

    id: str
    name: str
    inward: str
    outward: str


@dataclass(frozen=True)
class Link:
    """One link. `begins` and `ends` are the ids of issues: the one that `begins` blocks the one where it `ends`."""

    id: int
    type: LinkType
    begins: int
    ends: int


@dataclass
class RemoteLink:
    """A page elsewhere that an issue is linked to."""

    id: int
    url: str
    title: str
    relationship: str = ""
    global_id: str = ""


ISSUE_TYPES: Mapping[str, IssueType] = {
    one.name: one
    for one in (
        IssueType("10001", "Story"),
        IssueType("10002", "Task"),
        IssueType("10004", "Bug"),
        IssueType("10003", "Sub-task", subtask=True),
    )
}
LINK_TYPES: Mapping[str, LinkType] = {
    one.name: one
    for one in (
        LinkType("10000", "Blocks", "is blocked by", "blocks"),
        LinkType("10001", "Relates", "relates to", "relates to"),
        LinkType("10002", "Documentation", "is documented by", "documents"),
    )
}
SUBTASK_LINK = LinkType("10100", "jira_subtask_link", "jira_subtask_inward", "jira_subtask_outward")


def read_as(words: str) -> tuple[LinkType, bool] | None:
    """The type that is called so, or reads so in one direction, and whether this is the inward one."""
    for one in LINK_TYPES.values():
        if words.casefold() in (one.name.casefold(), one.outward.casefold()):
            return one, False
        if words.casefold() == one.inward.casefold():
            return one, True
    return None


def told(link: Link) -> dict[str, Any]:
    """A link as the webhooks `issuelink_created` and `issuelink_deleted` carry it: by ids, without a key."""
    kind = {
        "id": int(link.type.id),
        "name": link.type.name,
        "outwardName": link.type.outward,
        "inwardName": link.type.inward,
        "isSubTaskLinkType": link.type is SUBTASK_LINK,
        "isSystemLinkType": link.type is SUBTASK_LINK,
    }
    ends = {"sourceIssueId": link.begins, "destinationIssueId": link.ends}
    return {"id": link.id, **ends, "issueLinkType": kind, "systemLink": link.type is SUBTASK_LINK}
