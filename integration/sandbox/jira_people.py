"""The REST routes of the sandbox's Jira that tell who people are, which groups they are in, and what they may do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import g, request

from integration.sandbox import jira_bodies as bodies
from integration.sandbox.jira_state import PERMISSIONS, JiraIssue, JiraSaysNo, JiraState
from integration.sandbox.jira_workflow import Project
from integration.sandbox.people import Someone

Answer = Any


def _page(state: JiraState, otherwise: int = 50) -> tuple[int, int]:
    start, size = request.args.get("startAt", 0, type=int), request.args.get("maxResults", otherwise, type=int)
    return max(start, 0), max(min(size, state.page_size), 0)


def _picker(state: JiraState) -> None:
    if not state.may(g.login, "USER_PICKER"):
        raise JiraSaysNo(403, "You do not have permission to browse users and groups.")


def _person_asked(state: JiraState) -> Someone:
    names = ("accountId",) if state.cloud else ("username", "key")
    given = next((request.args[name] for name in names if request.args.get(name)), None)
    if given is None:
        raise JiraSaysNo(400, f"Either the '{names[0]}' or the '{names[-1]}' query parameter needs to be provided")
    someone = state.named(given)
    if someone is None:
        gone = "Specified user does not exist or you do not have required permissions"
        raise JiraSaysNo(404, gone if state.cloud else f"The user named '{given}' does not exist")
    return someone


def _whole(state: JiraState, someone: Someone) -> dict[str, Any]:
    made = bodies.person(state, someone.login)
    names = state.groups_of(someone.login)
    groups: dict[str, Any] = {"size": len(names)}
    groups["items"] = (
        [bodies.group(state, name) for name in names] if "groups" in request.args.get("expand", "") else []
    )
    return made | {"groups": groups, "applicationRoles": {"size": 1, "items": []}, "expand": "groups,applicationRoles"}


def _myself(state: JiraState) -> Answer:
    me = state.world.people[g.login]
    return _whole(state, me) | {"emailAddress": me.email, "locale": "en_GB"}


def _user(state: JiraState) -> Answer:
    return _whole(state, _person_asked(state))


def _user_groups(state: JiraState) -> Answer:
    if not state.cloud:
        raise JiraSaysNo(404, "null for uri: " + request.path)
    _picker(state)
    return [bodies.group(state, name) for name in state.groups_of(_person_asked(state).login)]


def _matching(state: JiraState) -> list[Someone]:
    """The active people that a search names: all of an account id, or the beginning of a name or an address."""
    if state.cloud and (wanted := request.args.get("accountId")):
        found = state.named(wanted)
        everybody: Iterable[Someone] = [found] if found else []
    else:
        name = "query" if state.cloud else "username"
        if name not in request.args:
            raise JiraSaysNo(400, f"The query parameter '{name}' has to be provided.")
        begin = request.args[name].lower()
        everybody = [one for one in state.world.people.values() if _begins(one, begin)]
    return [one for one in everybody if one.login not in state.inactive]


def _begins(someone: Someone, begin: str) -> bool:
    words = [*someone.name.lower().split(), someone.name.lower(), someone.email, bodies.user_name(someone)]
    return begin in ("", ".", "%") or any(word.startswith(begin) for word in words)


def _search_users(state: JiraState) -> Answer:
    return _listed(state, _matching(state) if state.may(g.login, "USER_PICKER") else [])


def _listed(state: JiraState, people: list[Someone]) -> Answer:
    start, size = _page(state)
    return [bodies.person(state, one.login) for one in people[start : start + size]]


def _place_asked(state: JiraState) -> JiraIssue | Project | None:
    issue = request.args.get("issueKey") or request.args.get("issueId")
    if issue:
        found = state.find(issue)
        if found is None or not state.may(g.login, "BROWSE_PROJECTS", found):
            raise JiraSaysNo(404, "Issue does not exist or you do not have permission to see it.")
        return found
    wanted = request.args.get("projectKey") or request.args.get("projectId")
    if not wanted:
        return None
    project = next((one for one in state.projects.values() if wanted in (one.key, one.id)), None)
    if project is None or not state.may(g.login, "BROWSE_PROJECTS", project):
        raise JiraSaysNo(404, f"No project could be found with key '{wanted}'.")
    return project


def _view_search(state: JiraState) -> Answer:
    place = _place_asked(state)
    if place is None:
        raise JiraSaysNo(400, "Either an issue key or a project key has to be provided.")
    people = _matching(state) if state.may(g.login, "USER_PICKER") else []
    return _listed(state, [one for one in people if state.may(one.login, "BROWSE_PROJECTS", place)])


def _permissions_asked(required: bool) -> list[str]:
    given = request.args.get("permissions", "")
    wanted = [name.strip() for name in given.split(",") if name.strip()]
    if required and not wanted:
        raise JiraSaysNo(400, "The 'permissions' query parameter is required.")
    if unknown := [name for name in wanted if name not in PERMISSIONS]:
        raise JiraSaysNo(400, f"Unrecognized permission: {', '.join(unknown)}")
    return wanted or list(PERMISSIONS)


def _permission_search(state: JiraState) -> Answer:
    place, wanted = _place_asked(state), _permissions_asked(required=True)
    if not state.may(g.login, "ADMINISTER_PROJECTS", place):
        raise JiraSaysNo(403, "You must have administrator rights for the project to see its users' permissions.")
    return _listed(
        state, [one for one in _matching(state) if all(state.may(one.login, name, place) for name in wanted)]
    )


def _my_permissions(state: JiraState) -> Answer:
    place, made = _place_asked(state), {}
    for number, name in enumerate(PERMISSIONS):
        if name in _permissions_asked(required=state.cloud):
            kind = "GLOBAL" if name == "USER_PICKER" else "PROJECT"
            made[name] = {
                "id": str(10 + number),
                "key": name,
                "name": PERMISSIONS[name],
                "type": kind,
                "description": "",
                "havePermission": state.may(g.login, name, place),
            }
    return {"permissions": made}


def _members(state: JiraState) -> Answer:
    _picker(state)
    name = request.args.get("groupname") or ""
    if state.cloud and (wanted := request.args.get("groupId")):
        name = next((known for known in state.groups if bodies.group_id(known) == wanted), wanted)
    if not name:
        raise JiraSaysNo(400, "The query parameter 'groupname' or 'groupId' has to be provided.")
    if name not in state.groups:
        raise JiraSaysNo(404, f"The group named '{name}' does not exist.")
    all_of_them = request.args.get("includeInactiveUsers", "").lower() == "true"
    logins = [one for one in state.groups[name] if all_of_them or one not in state.inactive]
    start, size = _page(state)
    address = f"{request.base_url}?groupname={name}&includeInactiveUsers={str(all_of_them).lower()}&maxResults={size}"
    made: dict[str, Any] = {"self": f"{address}&startAt={start}", "maxResults": size, "startAt": start}
    last = start + size >= len(logins)
    if not last:
        made["nextPage"] = f"{address}&startAt={start + size}"
    values = [bodies.person(state, login) for login in logins[start : start + size]]
    return made | {"total": len(logins), "isLast": last, "values": values}


def _group_user_picker(state: JiraState) -> Answer:
    _picker(state)
    begin = request.args.get("query", "").lower()
    people = [one for one in state.world.people.values() if _begins(one, begin) and one.login not in state.inactive]
    groups = [name for name in sorted(state.groups) if begin in name]
    kept = ("accountId", "accountType", "name", "key", "displayName")
    users = [{k: v for k, v in bodies.person(state, one.login).items() if k in kept} for one in people]
    found = [bodies.group(state, name) | {"html": name, "labels": []} for name in groups]
    return {
        "users": {
            "users": users,
            "total": len(users),
            "header": f"Showing {len(users)} of {len(users)} matching users",
        },
        "groups": {
            "groups": found,
            "total": len(found),
            "header": f"Showing {len(found)} of {len(found)} matching groups",
        },
    }


def _group_picker(state: JiraState) -> Answer:
    _picker(state)
    wanted, most = request.args.get("query", "").lower(), request.args.get("maxResults", 20, type=int)
    found = [name for name in sorted(state.groups) if wanted in name.lower()]
    shown = [bodies.group(state, name) | {"html": name, "labels": []} for name in found[:most]]
    header = f"Showing {len(shown)} of {len(found)} matching groups"
    return {"header": header, "total": len(found), "groups": shown}


PEOPLE_ROUTES: dict[str, Callable[..., Answer]] = {
    "GET /myself": _myself,
    "GET /mypermissions": _my_permissions,
    "GET /user": _user,
    "GET /user/groups": _user_groups,
    "GET /user/search": _search_users,
    "GET /user/viewissue/search": _view_search,
    "GET /user/permission/search": _permission_search,
    "GET /group/member": _members,
    "GET /groupuserpicker": _group_user_picker,
    "GET /groups/picker": _group_picker,
}
