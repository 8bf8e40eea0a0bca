"""The REST routes of the sandbox's Jira, as its API description has them: issues, comments, transitions, search.

Version 3, on Cloud alone, has the bodies of version 2 here, but for the routes of comments: there they are documents.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Literal

from flask import Blueprint, Response, g, jsonify, request

from integration.sandbox import jira_adf
from integration.sandbox import jira_bodies as bodies
from integration.sandbox.faults import Fault, limited
from integration.sandbox.jira_admin import ADMIN_ROUTES
from integration.sandbox.jira_hooks import CLOUD_ROUTES, SERVER_ROUTES
from integration.sandbox.jira_jql import search
from integration.sandbox.jira_people import PEOPLE_ROUTES
from integration.sandbox.jira_state import LONGEST, JiraComment, JiraIssue, JiraSaysNo, JiraState, check_body
from integration.sandbox.jira_tie_routes import TIE_ROUTES
from integration.sandbox.jira_ties import ISSUE_TYPES
from integration.sandbox.limits import watch

Answer = Any
View = Callable[..., Answer]


def rest(state: JiraState) -> Blueprint:
    """All routes below `/rest/api`, for version 2, and 3 on Cloud."""
    routes = Blueprint("rest", __name__, url_prefix="/rest/api/<any('2', '3', 'latest'):version>")
    routes.url_value_preprocessor(lambda _, values: _take_version(state, values))
    return _routed(routes, state, ROUTES | PEOPLE_ROUTES | TIE_ROUTES | ADMIN_ROUTES)


def webhooks(state: JiraState) -> tuple[Blueprint, Blueprint]:
    """The routes of webhooks, which have places of their own beside `/rest/api`: Cloud's, and Data Center's."""
    cloud = Blueprint("webhooks", __name__, url_prefix="/rest/webhooks/1.0")
    server = Blueprint("server_webhooks", __name__, url_prefix="/rest/jira-webhook/1.0")
    return _routed(cloud, state, CLOUD_ROUTES), _routed(server, state, SERVER_ROUTES)


def _routed(routes: Blueprint, state: JiraState, views: Mapping[str, View]) -> Blueprint:
    """Routes for which one signs in, and which are counted, limited, and struck by faults."""
    state.world.faults.around(routes)
    routes.before_request(lambda: _sign_in(state))
    watch(routes, state.calls, state.limits, lambda: _charged(state))
    routes.register_error_handler(JiraSaysNo, _refused)
    for line, view in views.items():
        method, rule = line.split()
        name = f"{method} {rule}".replace(".", "_")
        routes.add_url_rule(rule, name, _under_lock(state, view), methods=[method])
    return routes


def _take_version(state: JiraState, values: dict[str, Any] | None) -> None:
    g.v3 = (values or {}).pop("version", "2") == "3"
    g.absent = g.v3 and not state.cloud


def _under_lock(state: JiraState, view: View) -> View:
    @wraps(view)
    def locked(**values: Any) -> Answer:
        with state.world.lock:
            return view(state, **values)

    return locked


def _refused(refusal: JiraSaysNo) -> Answer:
    return jsonify(bodies.refusal(refusal.messages, refusal.errors)), refusal.status


def _sign_in(state: JiraState) -> Response | None:
    """Cloud knows e-mail and API token, Data Center a personal access token (or name and password)."""
    if g.get("absent"):
        raise JiraSaysNo(404, "null for uri: " + request.path)
    login = _who(state)
    if login is None and not request.path.endswith("/serverInfo"):
        answer = jsonify(bodies.refusal(["Client must be authenticated to access this resource."], {}))
        answer.status_code = 401
        answer.headers["WWW-Authenticate"] = 'OAuth realm="sandbox"'
        answer.headers["X-Seraph-LoginReason"] = "AUTHENTICATED_FAILED"
        return answer
    g.login = login or ""
    return None


def _charged(state: JiraState) -> Response | None:
    """What a caller is refused with who asks more than Cloud allows for one site, or for one issue."""
    charges = {request.method: ("the site", 1)}
    parts = request.path.partition("/issue/")[2].split("/")
    if parts[0] and request.method != "GET":
        charges |= {"issue": (parts[0], 1), "issue, longer": (parts[0], 1)}
    full = state.limits.spend(charges)
    if not full:
        return None
    kind: Literal["rate_limit", "secondary_rate_limit"] = "rate_limit"
    if full.startswith("issue"):
        kind = "secondary_rate_limit"
    return limited(Fault("", kind, seconds=state.limits.each.get(full, (0, 1.0))[1]))


def _who(state: JiraState) -> str | None:
    given = request.authorization
    if given is None:
        return None
    for someone in state.world.people.values():
        if someone.login in state.inactive:
            continue
        names = (someone.email,) if state.cloud else (bodies.user_name(someone), someone.email)
        if given.type == "basic" and given.username in names and given.password == someone.token:
            return someone.login
        if given.type == "bearer" and given.token == someone.token and not state.cloud:
            return someone.login
    return None


# -- what is asked -----------------------------------------------------------------------------------------------


def seen(state: JiraState, key: str) -> JiraIssue:
    """The issue, if whoever asks may browse it. Raises `JiraSaysNo` (404)."""
    issue = state.find(key)
    if issue is None or not state.may(g.login, "BROWSE_PROJECTS", issue):
        raise JiraSaysNo(404, "Issue does not exist or you do not have permission to see it.")
    return issue


def _sent() -> dict[str, Any]:
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise JiraSaysNo(400, "The body of the request is no JSON object.")
    return sent


def _object(sent: Mapping[str, Any], name: str) -> dict[str, Any]:
    part = sent.get(name) or {}
    if not isinstance(part, dict):
        raise JiraSaysNo(400, f"'{name}' has to be an object.")
    return part


def _expand() -> frozenset[str]:
    return frozenset(part.strip() for part in ",".join(request.args.getlist("expand")).split(","))


def _number(name: str, otherwise: int) -> int:
    given = request.args.get(name, type=int)
    return otherwise if given is None or given < 0 else given


def _may_edit(state: JiraState, issue: JiraIssue, names: Sequence[str]) -> None:
    if not state.may(g.login, "EDIT_ISSUES", issue):
        why = "Field '{}' cannot be set. It is not on the appropriate screen, or unknown."
        raise JiraSaysNo(400, errors={name: why.format(name) for name in names})


# -- issues ------------------------------------------------------------------------------------------------------


def _about_the_site(state: JiraState) -> Answer:
    return bodies.server(state)


def _fields(state: JiraState) -> Answer:
    return bodies.field_list(state)


def _statuses(state: JiraState) -> Answer:
    return [bodies.status(state, one) for one in state.statuses.values()]


def _projects(state: JiraState) -> Answer:
    return [bodies.project(state, one) for one in state.projects.values() if state.may(g.login, "BROWSE_PROJECTS", one)]


def _project_search(state: JiraState) -> Answer:
    if not state.cloud:
        raise JiraSaysNo(404, "No project could be found with key 'search'.")
    found, start = _projects(state), _whole_number(request.args.get("startAt"), 0)
    size = min(_whole_number(request.args.get("maxResults"), 50), state.page_size)
    end = start + size
    page = {"startAt": start, "maxResults": size, "total": len(found), "isLast": end >= len(found)}
    return page | {"values": found[start:end]}


def _project(state: JiraState, key: str) -> Answer:
    for one in _projects(state):
        if key in (one["key"], one["id"]):
            return one | {"issueTypes": [bodies.issue_type(state, kind) for kind in ISSUE_TYPES.values()]}
    raise JiraSaysNo(404, f"No project could be found with key '{key}'.")


def _project_statuses(state: JiraState, key: str) -> Answer:
    return [kind | {"statuses": _statuses(state)} for kind in _project(state, key)["issueTypes"]]


def _no_such_route(state: JiraState, path: str) -> Answer:
    raise JiraSaysNo(404, f"null for uri: {request.url}")


def _shown(state: JiraState, issue: JiraIssue, wanted: Sequence[str], expand: frozenset[str]) -> dict[str, Any]:
    whole = bodies.issue(state, issue)
    whole["fields"] = _chosen(bodies.fields(state, issue), wanted)
    made = {"expand": "renderedFields,names,schema,operations,editmeta,changelog", **whole}
    if "changelog" in expand:
        made["changelog"] = bodies.changelog(state, issue)
    if "names" in expand:
        made["names"] = {name: state.fields[name].name for name in whole["fields"]}
    if "renderedFields" in expand:
        made["renderedFields"] = _chosen(bodies.rendered(state, issue), wanted)
    if expand & {"transitions", "transitions.fields"}:
        with_fields = "transitions.fields" in expand
        made["transitions"] = [bodies.transition(state, issue, way, with_fields) for way in state.ways(issue, g.login)]
    return made


def _chosen(fields: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    named = {name for name in wanted if not name.startswith(("-", "*"))}
    everything = "*all" in wanted or (not named and "*navigable" not in wanted)
    out = {name[1:] for name in wanted if name.startswith("-")} | (set() if everything else {"comment"} - named)
    some = named if named and not {"*all", "*navigable"} & set(wanted) else set(fields)
    return {name: value for name, value in fields.items() if name in some and name not in out}


def _wanted_fields(otherwise: str) -> list[str]:
    given = ",".join(request.args.getlist("fields"))
    return [name.strip() for name in (given or otherwise).split(",")]


def _get_issue(state: JiraState, key: str) -> Answer:
    issue = seen(state, key)
    made = _shown(state, issue, _wanted_fields("*all"), _expand())
    if asked := request.args.get("properties"):
        keys = asked.split(",")
        made["properties"] = {k: v for k, v in issue.properties.items() if "*all" in keys or k in keys}
    return made


def _create_issue(state: JiraState) -> Answer:
    fields = dict(_object(_sent(), "fields"))
    named = _object(fields, "project")
    project = next(
        (one for one in state.projects.values() if named.get("key") == one.key or named.get("id") == one.id), None
    )
    if project is None or not state.may(g.login, "CREATE_ISSUES", project):
        raise JiraSaysNo(400, errors={"project": "valid project is required"})
    if not fields.get("summary"):
        raise JiraSaysNo(400, errors={"summary": "You must specify a summary of the issue."})
    if any(not isinstance(fields.get(name) or "", str) for name in ("summary", "description")):
        raise JiraSaysNo(400, errors={"summary": "Operation value must be a string"})
    custom = {name: value for name, value in fields.items() if name in state.fields and state.fields[name].custom}
    kind, parent = _kind(state, fields)
    key = state.create_issue(project.key, fields["summary"], g.login, fields.get("description") or "",
                             labels=fields.get("labels") or (), custom=custom, type=kind, parent=parent)  # fmt: skip
    made = bodies.issue(state, state.issue(key))
    return {name: made[name] for name in ("id", "key", "self")}, 201


def _kind(state: JiraState, fields: Mapping[str, Any]) -> tuple[str, str | None]:
    """The type of a new issue, and the key of what it is a sub-task of."""
    named, above = _object(fields, "issuetype"), _object(fields, "parent")
    kind = next((one for one in ISSUE_TYPES.values() if not named or named.get("id") == one.id
                 or named.get("name") == one.name), None)  # fmt: skip
    if kind is None:
        raise JiraSaysNo(400, errors={"issuetype": "The issue type selected is invalid."})
    if kind.subtask is not bool(above):
        raise JiraSaysNo(400, errors={"parent": "A sub-task, and nothing else here, has a parent."})
    return kind.name, seen(state, str(above.get("key") or above.get("id"))).key if above else None


def _edit_issue(state: JiraState, key: str) -> Answer:
    issue, sent = seen(state, key), _sent()
    fields, update = dict(_object(sent, "fields")), _object(sent, "update")
    if not fields and not update:
        raise JiraSaysNo(400, "One of 'fields' or 'update' required")
    if both := sorted(fields.keys() & update.keys()):
        raise JiraSaysNo(
            400, errors={name: f"Field '{name}' cannot appear in both 'fields' and 'update'" for name in both}
        )
    _may_edit(state, issue, [*fields, *update])
    for name, verbs in update.items():
        fields[name] = _updated(state, issue, name, verbs)
    state.edit(issue.key, g.login, **fields)
    return "", 204


def _updated(state: JiraState, issue: JiraIssue, name: str, verbs: Sequence[Mapping[str, Any]]) -> Any:
    """What `update` makes of a field: labels are added and removed one by one, everything else is only set."""
    value: Any = list(issue.labels) if name == "labels" else None
    if not isinstance(verbs, list) or not all(isinstance(each, dict) for each in verbs):
        raise JiraSaysNo(400, errors={name: "The operations on a field are a list of objects."})
    for verb, operand in ((verb, operand) for each in verbs for verb, operand in each.items()):
        if verb == "set":
            value = operand
        elif name == "labels" and verb in ("add", "remove"):
            value = [one for one in value if one != operand] + ([operand] if verb == "add" else [])
        else:
            raise JiraSaysNo(400, errors={name: f"Field '{name}' does not support operation '{verb}'"})
    return value


def _delete_issue(state: JiraState, key: str) -> Answer:
    issue = seen(state, key)
    if not state.may(g.login, "DELETE_ISSUES", issue):
        raise JiraSaysNo(403, "You do not have permission to delete issues in this project.")
    state.delete_issue(issue.key, g.login)
    return "", 204


def _changelog(state: JiraState, key: str) -> Answer:
    issue = seen(state, key)
    if not state.cloud:
        raise JiraSaysNo(404, "null for uri: " + request.path)
    start, size = _number("startAt", 0), min(_number("maxResults", 100) or 1, state.page_size)
    values = [bodies.history(state, change) for change in issue.history]
    address = f"{state.url}/rest/api/2/issue/{issue.key}/changelog?maxResults={size}"
    made: dict[str, Any] = {"self": f"{address}&startAt={start}", "maxResults": size, "startAt": start}
    last = start + size >= len(values)
    if not last:
        made["nextPage"] = f"{address}&startAt={start + size}"
    return made | {"total": len(values), "isLast": last, "values": values[start : start + size]}


# -- transitions -------------------------------------------------------------------------------------------------


def _transitions(state: JiraState, key: str) -> Answer:
    issue, only = seen(state, key), request.args.get("transitionId")
    ways = [way for way in state.ways(issue, g.login) if only in (None, way.id)]
    with_fields = "transitions.fields" in _expand()
    return {"expand": "transitions", "transitions": [bodies.transition(state, issue, way, with_fields) for way in ways]}


def _transition(state: JiraState, key: str) -> Answer:
    issue, sent = seen(state, key), _sent()
    named = sent.get("transition")
    way = str(named.get("id", "")) if isinstance(named, Mapping) else ""
    if not way:
        raise JiraSaysNo(400, "Missing 'transition' identifier")
    if not any(known.id == way for known in issue.project.transitions):
        raise JiraSaysNo(400, f"Transition id '{way}' is not valid for this issue.")
    said = [_object(each, "add") for each in _object(sent, "update").get("comment", ())]
    bodies_and_properties = [(_body(each), _properties(each)) for each in said]
    for (body, _), _ in bodies_and_properties:
        check_body(body)
    state.transition(issue.key, "", g.login, way=way, fields=_object(sent, "fields"))
    for (body, document), properties in bodies_and_properties:
        state.comment(issue.key, body, g.login, properties=properties, adf=document)
    return "", 204


# -- comments ----------------------------------------------------------------------------------------------------


def _properties(sent: Mapping[str, Any]) -> dict[str, Any]:
    given = sent.get("properties") or []
    if not isinstance(given, list) or any(not isinstance(one, dict) or "key" not in one for one in given):
        raise JiraSaysNo(400, "The properties of a comment are a list of objects with 'key' and 'value'.")
    return {str(one["key"]): one.get("value") for one in given}


def _body(sent: Mapping[str, Any]) -> tuple[str, dict[str, Any] | None]:
    """A comment's body as markup, and the document that it was sent as: v3 takes nothing else, v2 only markup."""
    body = sent.get("body")
    if not isinstance(body, dict if g.v3 else str):
        raise JiraSaysNo(400, errors={"comment": "Comment body is not valid!"})
    if isinstance(body, str):
        return body, None
    if why := jira_adf.fault(body):
        raise JiraSaysNo(400, "INVALID_INPUT", errors={"comment": why})
    return jira_adf.to_wiki(body), body


def _comment_body(state: JiraState, issue: JiraIssue, comment: JiraComment) -> dict[str, Any]:
    return bodies.comment(state, issue, comment, _expand(), as_document=g.v3)


def _comments(state: JiraState, key: str) -> Answer:
    issue = seen(state, key)
    # Cloud cuts at a page; Data Center gives all that it is asked for.
    most = min(_number("maxResults", 100), state.page_size) if state.cloud else _number("maxResults", 1_048_576)
    start, down = _number("startAt", 0), request.args.get("orderBy", "").startswith("-")
    every = issue.comments[::-1] if down else issue.comments
    shown = [_comment_body(state, issue, one) for one in every[start : start + most]]
    return {"startAt": start, "maxResults": most, "total": len(every), "comments": shown}


def _add_comment(state: JiraState, key: str) -> Answer:
    issue, sent = seen(state, key), _sent()
    if not state.may(g.login, "ADD_COMMENTS", issue):
        name = state.world.people[g.login].name
        raise JiraSaysNo(400, f"{name}, you do not have the permission to comment on this issue.")
    body, document = _body(sent)
    made = state.comment(issue.key, body, g.login, properties=_properties(sent), adf=document)
    return _one_comment(state, issue.key, made)[0], 201


def _one_comment(state: JiraState, key: str, comment_id: str) -> tuple[dict[str, Any], int]:
    issue, comment = _comment_of(state, key, comment_id)
    return _comment_body(state, issue, comment), 200


def _comment_of(state: JiraState, key: str, comment_id: str) -> tuple[JiraIssue, JiraComment]:
    issue = seen(state, key)
    for comment in issue.comments:
        if str(comment.id) == comment_id:
            return issue, comment
    raise JiraSaysNo(404, f"Can not find a comment for the id: {comment_id}.")


def _own(issue: JiraIssue, comment: JiraComment, verb: str) -> None:
    if comment.author != g.login or issue.archived:
        raise JiraSaysNo(400, f"You do not have the permission to {verb} this comment.")


def _edit_comment(state: JiraState, key: str, comment_id: str) -> Answer:
    issue, comment = _comment_of(state, key, comment_id)
    sent = _sent()
    _own(issue, comment, "edit")
    new, (body, document) = _properties(sent), _body(sent)
    state.edit_comment(comment_id, body, g.login, adf=document)
    comment.properties |= new
    return _comment_body(state, issue, comment)


def _delete_comment(state: JiraState, key: str, comment_id: str) -> Answer:
    issue, comment = _comment_of(state, key, comment_id)
    _own(issue, comment, "delete")
    state.delete_comment(comment_id, g.login)
    return "", 204


# -- properties --------------------------------------------------------------------------------------------------


def _comment_properties(state: JiraState, comment_id: str) -> tuple[dict[str, Any], JiraComment]:
    issue, comment = state.find_comment(comment_id)
    seen(state, issue.key)
    return comment.properties, comment


def _keys(properties: Mapping[str, Any]) -> Answer:
    return {"keys": [{"self": f"{request.base_url}/{key}", "key": key} for key in properties]}


def _value(properties: Mapping[str, Any], name: str) -> Answer:
    if name not in properties:
        raise JiraSaysNo(404, f"The property with key '{name}' does not exist.")
    return {"key": name, "value": properties[name]}


def _put(properties: dict[str, Any], name: str) -> Answer:
    raw = request.get_data()
    if len(raw) > LONGEST + 1:
        raise JiraSaysNo(400, f"The property value is too long: {len(raw)} characters where {LONGEST + 1} are allowed.")
    nothing = object()
    value = request.get_json(silent=True) if raw.strip() != b"null" else nothing
    if value is None:
        raise JiraSaysNo(400, "The property value is no JSON.")
    status = 200 if name in properties else 201
    properties[name] = None if value is nothing else value
    return jsonify({}), status


def _drop(properties: dict[str, Any], name: str) -> Answer:
    _value(properties, name)
    del properties[name]
    return "", 204


def _editable(state: JiraState, key: str) -> dict[str, Any]:
    issue = seen(state, key)
    if not state.may(g.login, "EDIT_ISSUES", issue):
        raise JiraSaysNo(403, "You do not have permission to edit this issue.")
    return issue.properties


def _own_properties(state: JiraState, comment_id: str) -> dict[str, Any]:
    properties, comment = _comment_properties(state, comment_id)
    if comment.author != g.login:
        raise JiraSaysNo(403, "You do not have the permission to edit this comment.")
    return properties


# -- search ------------------------------------------------------------------------------------------------------


def _found(state: JiraState, jql: str) -> list[JiraIssue]:
    strict = request.args.get("validateQuery", "true").lower() in ("true", "strict") or state.cloud
    found = search(jql, [one for one in state.issues.values() if state.may(g.login, "BROWSE_PROJECTS", one)], strict)
    return [one for one in found if not one.archived]


def _query() -> dict[str, Any]:
    """A search's parameters, from the address or the body."""
    given = _sent() if request.method == "POST" else request.args.to_dict()
    wanted = given.get("fields") or ()
    fields = wanted.split(",") if isinstance(wanted, str) else list(wanted)
    expand = given.get("expand") or ()
    return {
        "jql": str(given.get("jql") or ""),
        "fields": [name.strip() for name in fields],
        "expand": frozenset(expand.split(",") if isinstance(expand, str) else expand),
        "start": _whole_number(given.get("startAt"), 0),
        "size": _whole_number(given.get("maxResults"), 50),
        "token": given.get("nextPageToken"),
    }


def _whole_number(given: Any, otherwise: int) -> int:
    return int(given) if str(given or "").isdecimal() else otherwise


def _search(state: JiraState) -> Answer:
    if state.cloud:
        why = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
        raise JiraSaysNo(410, why)
    query = _query()
    found, start = _found(state, query["jql"]), query["start"]
    size = min(query["size"], state.page_size)
    page = [
        _shown(state, one, query["fields"] or ["*navigable"], query["expand"]) for one in found[start : start + size]
    ]
    return {"expand": "names,schema", "startAt": start, "maxResults": size, "total": len(found), "issues": page}


def _search_jql(state: JiraState) -> Answer:
    if not state.cloud:
        raise JiraSaysNo(404, "null for uri: " + request.path)
    query = _query()
    if not query["jql"].lower().split("order by")[0].strip():
        raise JiraSaysNo(
            400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
        )
    found, start = _found(state, query["jql"]), _read_token(query["token"])
    end = start + min(query["size"], state.page_size)
    if query["fields"]:
        page = [_shown(state, one, query["fields"], query["expand"]) for one in found[start:end]]
    else:
        page = [{"id": str(one.id)} for one in found[start:end]]
    more = {"nextPageToken": base64.urlsafe_b64encode(str(end).encode()).decode()} if end < len(found) else {}
    return {"issues": page, "isLast": end >= len(found), **more}


def _read_token(token: str | None) -> int:
    try:
        return int(base64.urlsafe_b64decode(token)) if token else 0
    except (ValueError, binascii.Error) as fault:
        raise JiraSaysNo(400, "The nextPageToken is not one of ours.") from fault


ROUTES: dict[str, View] = {
    "GET /serverInfo": _about_the_site,
    "GET /field": _fields,
    "GET /status": _statuses,
    "GET /project": _projects,
    "GET /project/search": _project_search,
    "GET /project/<key>": _project,
    "GET /project/<key>/statuses": _project_statuses,
    "POST /issue": _create_issue,
    "GET /issue/<key>": _get_issue,
    "PUT /issue/<key>": _edit_issue,
    "DELETE /issue/<key>": _delete_issue,
    "GET /issue/<key>/changelog": _changelog,
    "GET /issue/<key>/transitions": _transitions,
    "POST /issue/<key>/transitions": _transition,
    "GET /issue/<key>/comment": _comments,
    "POST /issue/<key>/comment": _add_comment,
    "GET /issue/<key>/comment/<comment_id>": _one_comment,
    "PUT /issue/<key>/comment/<comment_id>": _edit_comment,
    "DELETE /issue/<key>/comment/<comment_id>": _delete_comment,
    "GET /comment/<comment_id>/properties": lambda state, comment_id: _keys(_comment_properties(state, comment_id)[0]),
    "GET /comment/<comment_id>/properties/<name>": lambda state, comment_id, name: _value(
        _comment_properties(state, comment_id)[0], name
    ),
    "PUT /comment/<comment_id>/properties/<name>": lambda state, comment_id, name: _put(
        _own_properties(state, comment_id), name
    ),
    "DELETE /comment/<comment_id>/properties/<name>": lambda state, comment_id, name: _drop(
        _own_properties(state, comment_id), name
    ),
    "GET /issue/<key>/properties": lambda state, key: _keys(seen(state, key).properties),
    "GET /issue/<key>/properties/<name>": lambda state, key, name: _value(seen(state, key).properties, name),
    "PUT /issue/<key>/properties/<name>": lambda state, key, name: _put(_editable(state, key), name),
    "DELETE /issue/<key>/properties/<name>": lambda state, key, name: _drop(_editable(state, key), name),
    "GET /search": _search,
    "POST /search": _search,
    "GET /search/jql": _search_jql,
    "POST /search/jql": _search_jql,
    "GET /<path:path>": _no_such_route,
    "POST /<path:path>": _no_such_route,
    "PUT /<path:path>": _no_such_route,
    "DELETE /<path:path>": _no_such_route,
}
