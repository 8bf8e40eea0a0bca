"""The sandbox's GitHub as JSON, in the shapes of GitHub's published API description."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from integration.sandbox.github_model import Comment, Event, Issue, Label, Reaction, Repo, Team
from integration.sandbox.hooks import Hook
from integration.sandbox.people import ORG, SERVICE

if TYPE_CHECKING:
    from integration.sandbox.github_ground import GitHubGround

TYPES = ("Task", "Bug", "Feature")
REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
ORG_ID = 77
APP_ID = 1
INSTALLATION_ID = 1
_NOTHING: dict[str, Any] = {"assignee": None, "assignees": [], "milestone": None}


def stamp(when: datetime | None) -> str | None:
    """A time as GitHub writes it."""
    return when.strftime("%Y-%m-%dT%H:%M:%SZ") if when else None


def node_id(kind: str, number: int) -> str:
    """The GraphQL id: opaque, and stable."""
    return kind + "_" + base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def api(state: GitHubGround) -> str:
    """The root of the API."""
    return f"{state.world.url}/api/v3"


def user_id(state: GitHubGround, login: str) -> int:
    """The numeric id of an account."""
    everybody = [*state.world.people, *sorted(state.other_users)]
    return 1001 + everybody.index(login) if login in everybody else 10137


def user(state: GitHubGround, login: str) -> dict[str, Any]:
    """An account, as it stands in every answer."""
    number, bot, url = user_id(state, login), login.endswith("[bot]"), f"{api(state)}/users/{quote(login)}"
    page = f"{state.world.url}/github/apps/{login[:-5]}" if bot else f"{state.world.url}/github/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": node_id("BOT" if bot else "U", number),
        "avatar_url": "",
        "gravatar_id": "",
        "url": url,
        "html_url": page,
        "followers_url": f"{url}/followers",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "Bot" if bot else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def organization(state: GitHubGround) -> dict[str, Any]:
    """The organisation acme."""
    url = f"{api(state)}/orgs/{ORG}"
    return {
        "login": ORG,
        "id": ORG_ID,
        "node_id": node_id("O", ORG_ID),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": "",
        "description": "The sandbox's organisation",
    }


def _owner(state: GitHubGround) -> dict[str, Any]:
    return user(state, ORG) | {"id": ORG_ID, "node_id": node_id("O", ORG_ID), "type": "Organization"}


def app(state: GitHubGround) -> dict[str, Any]:
    """The service as a GitHub App."""
    slug = SERVICE.removesuffix("[bot]")
    return {
        "id": APP_ID,
        "slug": slug,
        "client_id": "Iv23sandbox",
        "node_id": node_id("A", APP_ID),
        "owner": _owner(state),
        "name": "Release Stages",
        "description": "",
        "external_url": state.world.url,
        "html_url": f"{state.world.url}/github/apps/{slug}",
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-01-05T09:00:00Z",
        "permissions": dict(state.app_permissions),
        "events": list(state.app_events),
    }


def installation(state: GitHubGround) -> dict[str, Any]:
    """The App, installed on the whole organisation."""
    return {
        "id": INSTALLATION_ID,
        "account": _owner(state),
        "repository_selection": "all",
        "access_tokens_url": f"{api(state)}/app/installations/{INSTALLATION_ID}/access_tokens",
        "repositories_url": f"{api(state)}/installation/repositories",
        "html_url": f"{state.world.url}/github/organizations/{ORG}/settings/installations/{INSTALLATION_ID}",
        "app_id": APP_ID,
        "app_slug": SERVICE.removesuffix("[bot]"),
        "target_id": ORG_ID,
        "target_type": "Organization",
        "permissions": dict(state.app_permissions),
        "events": app(state)["events"],
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-01-05T09:00:00Z",
        "single_file_name": None,
        "suspended_by": None,
        "suspended_at": None,
    }


def short_repository(repo: Repo) -> dict[str, Any]:
    """A repository in an installation's webhook."""
    number = repo.id
    return {
        "id": number,
        "node_id": node_id("R", number),
        "name": repo.name,
        "full_name": repo.full_name,
        "private": repo.private,
    }


def repository(state: GitHubGround, repo: Repo, viewer: str = "") -> dict[str, Any]:
    """A repository in full; with `permissions` of whoever looks, where somebody does."""
    url = f"{api(state)}/repos/{repo.full_name}"
    shape = short_repository(repo) | {
        "owner": _owner(state),
        "html_url": f"{state.world.url}/github/{repo.full_name}",
        "description": None,
        "fork": False,
        "url": url,
        "collaborators_url": f"{url}/collaborators{{/collaborator}}",
        "teams_url": f"{url}/teams",
        "hooks_url": f"{url}/hooks",
        "issue_events_url": f"{url}/issues/events{{/number}}",
        "issues_url": f"{url}/issues{{/number}}",
        "issue_comment_url": f"{url}/issues/comments{{/number}}",
        "labels_url": f"{url}/labels{{/name}}",
        "pulls_url": f"{url}/pulls{{/number}}",
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": stamp(repo.updated),
        "pushed_at": "2026-01-05T09:00:00Z",
        "has_issues": True,
        "archived": repo.archived,
        "disabled": False,
        "visibility": "private" if repo.private else "public",
        "default_branch": "main",
        "open_issues_count": sum(issue.state == "open" for issue in repo.issues.values()),
    }
    if viewer:
        shape["permissions"] = permissions(state.role(repo, viewer))
    return shape


def permissions(role: str) -> dict[str, bool]:
    """A role as the five ticks that GitHub makes of it."""
    order = ("none", "read", "triage", "write", "maintain", "admin")
    ticks = {"admin": "admin", "maintain": "maintain", "push": "write", "triage": "triage", "pull": "read"}
    return {name: order.index(role) >= order.index(needed) for name, needed in ticks.items()}


def label(state: GitHubGround, repo: Repo, one: Label) -> dict[str, Any]:
    """A label."""
    return {
        "id": one.id,
        "node_id": node_id("LA", one.id),
        "url": f"{api(state)}/repos/{repo.full_name}/labels/{quote(one.name)}",
        "name": one.name,
        "color": one.color,
        "default": False,
        "description": one.description,
    }


def _association(state: GitHubGround, repo: Repo, login: str) -> str:
    one = state.world.people.get(login)
    if one and one.in_org:
        return "MEMBER"
    return "CONTRIBUTOR" if state.is_collaborator(repo, login) else "NONE"


def issue(state: GitHubGround, repo: Repo, one: Issue) -> dict[str, Any]:
    """An issue, or a pull request seen as one."""
    url = f"{api(state)}/repos/{repo.full_name}/issues/{one.number}"
    shape = (
        _NOTHING
        | {
            "url": url,
            "repository_url": f"{api(state)}/repos/{repo.full_name}",
            "labels_url": f"{url}/labels{{/name}}",
            "comments_url": f"{url}/comments",
            "events_url": f"{url}/events",
            "html_url": state.page(repo, one.number),
            "id": one.id,
            "node_id": node_id("I", one.id),
            "number": one.number,
            "title": one.title,
            "user": user(state, one.by),
            "labels": [label(state, repo, repo.labels[number]) for number in one.labels],
            "state": one.state,
            "comments": len(one.comments),
            "created_at": stamp(one.created),
            "updated_at": stamp(one.updated),
            "closed_at": stamp(one.closed),
            "author_association": _association(state, repo, one.by),
            "locked": one.locked or repo.archived,
            "active_lock_reason": one.lock_reason,
            "body": one.body or None,
            "reactions": _reactions(url, []),
            "timeline_url": f"{url}/timeline",
            "performed_via_github_app": None,
            "state_reason": one.state_reason,
            "closed_by": user(state, one.closed_by) if one.closed_by else None,
            "type": issue_type(one.type) if one.type else None,
            "pinned_comment": comment(state, repo, one, pinned) if (pinned := one.pinned) else None,
        }
        | (_ties(state, one) if state.knows_ties else {})
    )
    if one.pull_request:
        pull = f"{api(state)}/repos/{repo.full_name}/pulls/{one.number}"
        shape |= {"draft": False, "pull_request": {"url": pull, "html_url": state.page(repo, one.number)}}
    return shape


def issue_type(name: str) -> dict[str, Any]:
    """What kind of issue it is, as the organisation defined it."""
    number = 30_000_001 + TYPES.index(name)
    return {
        "id": number,
        "node_id": node_id("IT", number),
        "name": name,
        "description": None,
        "color": "gray",
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-01-05T09:00:00Z",
        "is_enabled": True,
    }


def _ties(state: GitHubGround, one: Issue) -> dict[str, Any]:
    parts, blockers, blocked = (
        [each for _, each in state.tied(ids)] for ids in (one.parts, one.blocked_by, one.blocking)
    )
    done = sum(part.state == "closed" for part in parts)
    shape: dict[str, Any] = {
        "sub_issues_summary": {
            "total": len(parts),
            "completed": done,
            "percent_completed": done * 100 // len(parts) if parts else 0,
        },
        "issue_dependencies_summary": {
            "blocked_by": sum(other.state == "open" for other in blockers),
            "total_blocked_by": len(blockers),
            "blocking": sum(other.state == "open" for other in blocked),
            "total_blocking": len(blocked),
        },
    }
    for repo, above in state.tied([one.parent]):
        shape["parent_issue_url"] = f"{api(state)}/repos/{repo.full_name}/issues/{above.number}"
    return shape


def pull_request(state: GitHubGround, repo: Repo, one: Issue) -> dict[str, Any]:
    """A pull request as its webhook shows it."""
    shape = issue(state, repo, one)
    pull = shape["pull_request"]["url"]
    dropped = (
        "repository_url",
        "labels_url",
        "events_url",
        "pull_request",
        "reactions",
        "timeline_url",
        "state_reason",
    )
    branch = {"label": f"{ORG}:change", "ref": "change", "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e"}
    base = branch | {"label": f"{ORG}:main", "ref": "main", "repo": repository(state, repo)}
    return {name: value for name, value in shape.items() if name not in dropped} | {
        "url": pull,
        "issue_url": f"{api(state)}/repos/{repo.full_name}/issues/{one.number}",
        "node_id": node_id("PR", one.id),
        "draft": False,
        "merged": False,
        "merged_at": None,
        "merge_commit_sha": None,
        "head": branch | {"user": user(state, one.by), "repo": repository(state, repo)},
        "base": base | {"user": _owner(state)},
    }


def comment(state: GitHubGround, repo: Repo, on: Issue, one: Comment, media: str = "") -> dict[str, Any]:
    """A comment; `media` is `full`, `html`, `text` or empty, as the caller's Accept asks."""
    url = f"{api(state)}/repos/{repo.full_name}/issues/comments/{one.id}"
    shape: dict[str, Any] = {
        "url": url,
        "html_url": f"{state.page(repo, on.number)}#issuecomment-{one.id}",
        "issue_url": f"{api(state)}/repos/{repo.full_name}/issues/{on.number}",
        "id": one.id,
        "node_id": node_id("IC", one.id),
        "user": user(state, one.by),
        "created_at": stamp(one.created),
        "updated_at": stamp(one.updated),
        "author_association": _association(state, repo, one.by),
        "reactions": _reactions(url, one.reactions),
        "performed_via_github_app": app(state) if one.app else None,
        "pin": {"pinned_at": stamp(one.pinned), "pinned_by": user(state, one.pinned_by)} if one.pinned else None,
    }
    if media in ("", "raw", "full"):
        shape["body"] = one.body
    if media in ("full", "html", "text"):
        rendered = state.rendered(repo, one.body, one.by)
        if media != "text":
            shape["body_html"] = rendered.html
        if media != "html":
            shape["body_text"] = rendered.text
    return shape


def timeline(state: GitHubGround, repo: Repo, on: Issue, entry: Event | Comment, media: str = "") -> dict[str, Any]:
    """An entry of an issue's timeline."""
    if isinstance(entry, Comment):
        shape = comment(state, repo, on, entry, media)
        return shape | {"event": "commented", "actor": shape["user"]}
    if entry.source:
        return _mention(state, entry)
    shape = {
        "id": entry.id,
        "node_id": node_id("LE", entry.id),
        "url": f"{api(state)}/repos/{repo.full_name}/issues/events/{entry.id}",
        "actor": user(state, entry.by),
        "event": entry.event,
        "commit_id": None,
        "commit_url": None,
        "created_at": stamp(entry.created),
        "performed_via_github_app": app(state) if entry.app else None,
    }
    if entry.label_id:
        today = repo.labels.get(entry.label_id)
        renamed = today is not None and state.rename_history
        shape["label"] = {"name": today.name if today and renamed else entry.label, "color": entry.color}
    return shape | entry.extra


def _mention(state: GitHubGround, entry: Event) -> dict[str, Any]:
    """An entry of its own kind: without an id, and with the issue that mentions this one as it is now."""
    repo, source = state.by_id(entry.source)
    there = issue(state, repo, source) | {"repository": repository(state, repo)}
    return {
        "actor": user(state, entry.by),
        "created_at": stamp(entry.created),
        "updated_at": stamp(entry.created),
        "source": {"type": "issue", "issue": there},
        "event": entry.event,
    }


def reaction(state: GitHubGround, one: Reaction) -> dict[str, Any]:
    """A sign on a comment."""
    return {
        "id": one.id,
        "node_id": node_id("REA", one.id),
        "user": user(state, one.by),
        "content": one.content,
        "created_at": stamp(one.created),
    }


def _reactions(url: str, given: list[Reaction]) -> dict[str, Any]:
    counts = {content: sum(one.content == content for one in given) for content in REACTIONS}
    return {"url": f"{url}/reactions", "total_count": len(given), **counts}


def team(state: GitHubGround, one: Team) -> dict[str, Any]:
    """A team in full."""
    url = f"{api(state)}/organizations/{ORG_ID}/team/{one.id}"
    return {
        "id": one.id,
        "node_id": node_id("T", one.id),
        "url": url,
        "html_url": f"{state.world.url}/github/orgs/{ORG}/teams/{one.slug}",
        "name": one.name,
        "slug": one.slug,
        "description": None,
        "privacy": one.privacy,
        "notification_setting": one.notification_setting,
        "permission": "pull",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "parent": None,
        "members_count": len(one.members),
        "repos_count": sum(one.slug in repo.teams for repo in state.repos.values()),
        "created_at": "2026-01-05T09:00:00Z",
        "updated_at": "2026-01-05T09:00:00Z",
        "organization": organization(state) | {"type": "Organization"},
    }


def membership(state: GitHubGround, one: Team, login: str) -> dict[str, Any]:
    """Somebody's place in a team."""
    return {
        "url": f"{api(state)}/organizations/{ORG_ID}/team/{one.id}/memberships/{quote(login)}",
        "role": one.members.get(login, "member"),
        "state": "pending" if login in one.pending else "active",
    }


def hook(one: Hook) -> dict[str, Any]:
    """A webhook as its ping shows it."""
    return {
        "type": "App",
        "id": one.id,
        "name": "web",
        "active": one.active,
        "events": list(one.events) or ["*"],
        "app_id": APP_ID,
        "config": {
            "content_type": "form" if one.form else "json",
            "insecure_ssl": "1" if one.insecure else "0",
            "url": one.url,
            **({"secret": "********"} if one.secret else {}),
        },
    }
