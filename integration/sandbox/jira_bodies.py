"""The JSON of the sandbox's Jira: Cloud's bodies, and Data Center's where they differ."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from integration.sandbox import jira_adf
from integration.sandbox.jira_ties import IssueType, LinkType, RemoteLink
from integration.sandbox.jira_wiki import Wiki
from integration.sandbox.jira_workflow import CATEGORIES, RESOLUTIONS, Project, Status, Transition
from integration.sandbox.people import Someone, now

if TYPE_CHECKING:
    from integration.sandbox.jira_state import Change, JiraComment, JiraIssue, JiraState

Body = dict[str, Any]


def stamp(at: datetime | None) -> str | None:
    """A time as Jira writes it: milliseconds, and a zone without a colon."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}" + at.strftime("%z") if at else None


def user_name(someone: Someone) -> str:
    """What Data Center calls a person in its addresses and mentions."""
    return someone.login.removesuffix("[bot]")


def handle(state: JiraState, someone: Someone) -> str:
    """What a mention names: the account id, or on Data Center the user name."""
    return someone.account_id if state.cloud else user_name(someone)


def _api(state: JiraState, path: str) -> str:
    return f"{state.url}/rest/api/2/{path}"


def person(state: JiraState, login: str) -> Body:
    """A person."""
    someone = state.world.people[login]
    query = f"accountId={someone.account_id}" if state.cloud else f"username={user_name(someone)}"
    made: Body = {"self": _api(state, f"user?{query}")}
    if state.cloud:
        kind = "app" if someone.bot and someone.login != "release-stages[bot]" else "atlassian"
        made |= {"accountId": someone.account_id, "accountType": kind}
    else:
        key = f"JIRAUSER{10_000 + list(state.world.people).index(login)}"
        made |= {"name": user_name(someone), "key": key, "emailAddress": someone.email}
    active = login not in state.inactive
    pictures = {f"{size}x{size}": f"{state.url}/avatar/{size}" for size in (16, 24, 32, 48)}
    return made | {"avatarUrls": pictures, "displayName": someone.name, "active": active, "timeZone": "Etc/UTC"}


def status(state: JiraState, one: Status) -> Body:
    """A status with its category."""
    number, name, colour = CATEGORIES[one.category]
    return {
        "self": _api(state, f"status/{one.id}"),
        "description": "",
        "iconUrl": f"{state.url}/images/icons/statuses/generic.png",
        "name": one.name,
        "id": one.id,
        "statusCategory": {
            "self": _api(state, f"statuscategory/{number}"),
            "id": number,
            "key": one.category,
            "colorName": colour,
            "name": name,
        },
    }


def project(state: JiraState, one: Project) -> Body:
    """A project."""
    made = {"self": _api(state, f"project/{one.id}"), "id": one.id, "key": one.key, "name": one.name}
    return made | {"projectTypeKey": "software"} | ({"simplified": False} if state.cloud else {})


def fields(state: JiraState, one: JiraIssue) -> Body:
    """All fields of an issue."""
    resolution = one.resolution and {
        "self": _api(state, f"resolution/{RESOLUTIONS[one.resolution]}"),
        "id": RESOLUTIONS[one.resolution],
        "name": one.resolution,
        "description": "",
    }
    parent = state.issues.get(one.parent or 0)
    return {
        "summary": one.summary,
        "description": one.description or None,
        "status": status(state, one.status),
        "resolution": resolution or None,
        "resolutiondate": stamp(one.resolved),
        "labels": list(one.labels),
        "reporter": person(state, one.reporter),
        "creator": person(state, one.reporter),
        "assignee": None,
        "issuetype": issue_type(state, one.type),
        **({"parent": tied(state, parent)} if parent else {}),
        "subtasks": [tied(state, child) for child in state.issues.values() if child.parent == one.id],
        "issuelinks": _links(state, one),
        "project": project(state, one.project),
        "priority": {"self": _api(state, "priority/3"), "id": "3", "name": "Medium"},
        "created": stamp(one.created),
        "updated": stamp(one.updated),
        "comment": _comments(state, one),
        **{name: one.custom.get(name) or None for name, known in state.fields.items() if known.custom},
    }


def issue_type(state: JiraState, one: IssueType) -> Body:
    """What kind of work an issue is."""
    made = {"self": _api(state, f"issuetype/{one.id}"), "id": one.id, "name": one.name}
    return made | {"subtask": one.subtask, "description": ""}


def tied(state: JiraState, one: JiraIssue) -> Body:
    """An issue as another one embeds it: with few fields, and no labels."""
    made: Body = {"id": str(one.id), "key": one.key, "self": _api(state, f"issue/{one.id}")}
    shown = {"summary": one.summary, "status": status(state, one.status), "issuetype": issue_type(state, one.type)}
    return made | {"fields": {**shown, "priority": {"self": _api(state, "priority/3"), "id": "3", "name": "Medium"}}}


def link_type(state: JiraState, one: LinkType) -> Body:
    """A type of link."""
    made = {"id": one.id, "name": one.name, "inward": one.inward, "outward": one.outward}
    return made | {"self": _api(state, f"issueLinkType/{one.id}")}


def _links(state: JiraState, one: JiraIssue) -> list[Body]:
    """The links of an issue, each with the issue at its other end, named by the side that this one reads."""
    made = []
    for link in state.links.values():
        begun: Body = {"id": str(link.id), "self": _api(state, f"issueLink/{link.id}")}
        begun["type"] = link_type(state, link.type)
        if link.begins == one.id:
            made.append(begun | {"outwardIssue": tied(state, state.issues[link.ends])})
        if link.ends == one.id:
            made.append(begun | {"inwardIssue": tied(state, state.issues[link.begins])})
    return made


def remote_link(state: JiraState, one: JiraIssue, page: RemoteLink) -> Body:
    """A page elsewhere that an issue is linked to."""
    made: Body = {"id": page.id, "self": _api(state, f"issue/{one.key}/remotelink/{page.id}"), "application": {}}
    made |= {"globalId": page.global_id} if page.global_id else {}
    made |= {"relationship": page.relationship} if page.relationship else {}
    return made | {"object": {"url": page.url, "title": page.title, "icon": {}, "status": {"icon": {}}}}


def _comments(state: JiraState, one: JiraIssue) -> Body:
    shown = one.comments[: state.embedded_comments] if state.cloud else one.comments
    made = {"comments": [comment(state, one, each) for each in shown]}
    return made | {"self": _api(state, f"issue/{one.id}/comment"), "maxResults": len(shown), "startAt": 0,
                   "total": len(one.comments)}  # fmt: skip


def issue(state: JiraState, one: JiraIssue) -> Body:
    """An issue with all its fields, as webhooks carry it: without the comments."""
    all_fields = fields(state, one)
    del all_fields["comment"]
    return {"id": str(one.id), "self": _api(state, f"issue/{one.id}"), "key": one.key, "fields": all_fields}


def brief(state: JiraState, one: JiraIssue) -> Body:
    """An issue as Cloud's comment webhooks carry it."""
    whole = issue(state, one)
    kept = ("summary", "issuetype", "project", "assignee", "priority", "status")
    return whole | {"fields": {name: whole["fields"][name] for name in kept}}


def comment(
    state: JiraState, one: JiraIssue, said: JiraComment, expand: frozenset[str] = frozenset(), as_document: bool = False
) -> Body:
    """A comment, its body as markup (v2) or as a document (v3); `expand`: `properties` and `renderedBody`."""
    made: Body = {
        "self": _api(state, f"issue/{one.id}/comment/{said.id}"),
        "id": str(said.id),
        "author": person(state, said.author),
        "body": (said.adf or jira_adf.from_wiki(said.body)) if as_document else said.body,
        "updateAuthor": person(state, said.update_author),
        "created": stamp(said.created),
        "updated": stamp(said.updated),
    }
    if state.cloud:
        made["jsdPublic"] = True
    if "renderedBody" in expand:
        made["renderedBody"] = wiki(state).render(said.body)
    if "properties" in expand:
        made["properties"] = [{"key": key, "value": value} for key, value in said.properties.items()]
    return made


def rendered(state: JiraState, one: JiraIssue) -> Body:
    """What `expand=renderedFields` adds to an issue: texts as HTML, times in words."""
    page = _comments(state, one)
    for said, shown in zip(one.comments, page["comments"], strict=False):
        words = _ago(said.updated)
        shown |= {"body": wiki(state).render(said.body), "created": _ago(said.created), "updated": words}
    made: Body = dict.fromkeys(state.fields)
    custom = {name: wiki(state).render(text) for name, text in one.custom.items() if text}
    return made | custom | {
        "description": wiki(state).render(one.description),
        "created": _ago(one.created),
        "updated": _ago(one.updated),
        "comment": page,
    }  # fmt: skip


def _ago(at: datetime) -> str:
    hours = (now() - at).total_seconds() / 3600
    if hours < 1:
        return f"{max(int(hours * 60), 0)} minutes ago"
    return f"{int(hours)} hours ago" if hours < 24 else at.strftime("%d/%b/%y %-I:%M %p")


def wiki(state: JiraState) -> Wiki:
    """This site's renderer: it links whom and what it knows."""

    def mention(name: str) -> str | None:
        if state.cloud and not name.startswith("accountid:"):
            return None
        someone = state.named(name.removeprefix("accountid:"))
        if someone is None:
            return None
        rel = escape(handle(state, someone))
        query = f"accountId={rel}" if state.cloud else f"name={rel}"
        extra = f' data-account-id="{rel}" accountid="{rel}"' if state.cloud else ""
        href = f"{state.url}/secure/ViewProfile.jspa?{query}"
        return f'<a href="{href}" class="user-hover" rel="{rel}"{extra}>{escape(someone.name)}</a>'

    def linked(key: str) -> str | None:
        found = state.find(key)
        if found is None:
            return None
        where = f'href="{state.url}/browse/{key}" title="{escape(found.summary)}"'
        return f'<a {where} class="issue-link" data-issue-key="{key}">{key}</a>'

    return Wiki(mention, linked)


def item(
    name: str, old_id: str | None, old: str | None, new_id: str | None, new: str | None, shown: str | None = None
) -> Body:
    """One item of a changelog, as Cloud shows it."""
    custom = name.startswith("customfield_")
    return {
        "field": shown or name,
        "fieldtype": "custom" if custom else "jira",
        "fieldId": "issuekey" if name == "Key" else name,
        "from": old_id,
        "fromString": old,
        "to": new_id,
        "toString": new,
    }


def items(state: JiraState, change: Change) -> list[Body]:
    """The items of one change; Data Center's name no field id."""
    return [{name: value for name, value in one.items() if state.cloud or name != "fieldId"} for one in change.items]


def history(state: JiraState, change: Change) -> Body:
    """One entry of a changelog."""
    return {
        "id": str(change.id),
        "author": person(state, change.author),
        "created": stamp(change.at),
        "items": items(state, change),
    }


def changelog(state: JiraState, one: JiraIssue) -> Body:
    """What `expand=changelog` adds to an issue: Cloud's newest first and not all, Data Center's all, oldest first."""
    entries = [history(state, change) for change in one.history]
    shown = entries[::-1][: state.embedded_histories] if state.cloud else entries
    return {"startAt": 0, "maxResults": len(shown), "total": len(entries), "histories": shown}


def transition(state: JiraState, one: JiraIssue, way: Transition, with_fields: bool) -> Body:
    """A transition that may be made now."""
    to, shown = state.statuses[way.to] if way.to else one.status, state.shown_on(way)
    made: Body = {"id": way.id, "name": way.name, "to": status(state, to)}
    if state.cloud:
        made |= {"hasScreen": bool(shown), "isGlobal": way.sources is None, "isInitial": False, "isAvailable": True,
                 "isConditional": bool(way.hidden_from or way.conditions), "isLooped": not way.to}  # fmt: skip
    if with_fields:
        made["fields"] = {name: _asked(state, name) | {"required": name in way.needs} for name in shown}
    return made


def _asked(state: JiraState, name: str) -> Body:
    known = state.fields[name]
    made: Body = {"required": True, "schema": known.schema(), "name": known.name, "key": name, "fieldId": name}
    if name == "resolution":
        made["allowedValues"] = [{"id": its_id, "name": known} for known, its_id in RESOLUTIONS.items()]
    return made | {"hasDefaultValue": False, "operations": ["set"]}


def field_list(state: JiraState) -> list[Body]:
    """Every field of the site."""
    made = []
    for known in state.fields.values():
        clauses = [f"cf[{known.id.removeprefix('customfield_')}]", known.name] if known.custom else [known.id]
        one: Body = {"id": known.id} | ({"key": known.id} if state.cloud else {}) | {"name": known.name}
        one |= {"custom": known.custom, "orderable": True, "navigable": known.id != "comment", "searchable": True}
        made.append(one | {"clauseNames": clauses, "schema": known.schema()})
    return made


def group(state: JiraState, name: str) -> Body:
    """A group."""
    made: Body = {"name": name, "self": _api(state, f"group?groupname={name}")}
    return made | {"groupId": group_id(name)} if state.cloud else made


def group_id(name: str) -> str:
    """Cloud's id of a group."""
    number = hashlib.sha256(name.encode()).hexdigest()
    return f"{number[:8]}-{number[8:12]}-{number[12:16]}-{number[16:20]}-{number[20:32]}"


def server(state: JiraState) -> Body:
    """What the site says of itself."""
    version = "1001.0.0-SNAPSHOT" if state.cloud else "10.3.0"
    return {
        "baseUrl": state.url,
        "version": version,
        "versionNumbers": [int(part) for part in version.removesuffix("-SNAPSHOT").split(".")],
        "deploymentType": "Cloud" if state.cloud else "Server",
        "buildNumber": 100_299,
        "buildDate": "2026-11-01T00:00:00.000+0000",
        "serverTime": stamp(now()),
        "scmInfo": "",
        "serverTitle": "The sandbox's Jira",
    }


def refusal(messages: list[str], errors: Mapping[str, str]) -> Body:
    """How Jira says no."""
    return {"errorMessages": messages, "errors": dict(errors)}
