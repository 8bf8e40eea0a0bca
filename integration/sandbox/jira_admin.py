"""What a Jira admin sets up over REST: fields and screens, groups, workflows with their rules, and webhooks.

Of workflows there is the interface that Cloud's editor uses itself: read, ask whether a change would be taken, change.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from flask import g, request

from integration.sandbox import jira_bodies as bodies
from integration.sandbox.jira_rules import fields_of, missing
from integration.sandbox.jira_state import JiraSaysNo, JiraState
from integration.sandbox.jira_workflow import Rule, Status, Transition, Workflow

Answer = Any
Body = dict[str, Any]
_CATEGORIES = {"new": "TODO", "indeterminate": "IN_PROGRESS", "done": "DONE"}
_SCREEN = "system:transition-screen"


def _administers(state: JiraState, status: int = 403) -> None:
    if not state.may(g.login, "ADMINISTER"):
        raise JiraSaysNo(status, "Only Jira administrators can do this.")


def _sent() -> Body:
    sent = request.get_json(silent=True)
    if not isinstance(sent, dict):
        raise JiraSaysNo(400, "The body of the request is no JSON object.")
    return sent


def _named(sent: Mapping[str, Any], name: str) -> str:
    said = sent.get(name)
    if not isinstance(said, str) or not said.strip():
        raise JiraSaysNo(400, errors={name: f"{name} must be given."})
    return said


def _page(values: list[Body]) -> Body:
    start, size = request.args.get("startAt", 0, type=int), request.args.get("maxResults", 50, type=int)
    shown = values[start : start + size]
    return {"startAt": start, "maxResults": size, "total": len(values), "isLast": start + size >= len(values),
            "values": shown}  # fmt: skip


# -- fields and screens ------------------------------------------------------------------------------------------


def _make_field(state: JiraState) -> Answer:
    _administers(state)
    sent = _sent()
    if not _named(sent, "type").endswith(("textfield", "textarea")):
        raise JiraSaysNo(400, errors={"type": "This sandbox makes fields of text alone."})
    made = state.make_field(_named(sent, "name"))
    return next(one for one in bodies.field_list(state) if one["id"] == made), 201


def _screens_of_field(state: JiraState, field: str) -> Answer:
    _administers(state)
    if field not in state.fields:
        raise JiraSaysNo(404, "The field was not found.")
    shown = [_screen(one) for one in state.screens.values() if field in one.fields]
    edit = {"id": 1, "name": "Default Screen", "description": "Allows to update all system fields."}
    return _page([*([edit] if state.fields[field].on_edit_screen else []), *shown])


def _screen(one: Any) -> Body:
    return {"id": int(one.id), "name": one.name, "description": one.description}


def _screens(state: JiraState) -> Answer:
    _administers(state)
    wanted = request.args.get("queryString", "").lower()
    return _page([_screen(one) for one in state.screens.values() if wanted in one.name.lower()])


def _make_screen(state: JiraState) -> Answer:
    _administers(state)
    sent = _sent()
    if any(one.name == sent.get("name") for one in state.screens.values()):
        raise JiraSaysNo(400, errors={"name": "A screen with this name already exists."})
    return _screen(state.make_screen(_named(sent, "name"), sent.get("description") or "")), 201


def _tabs(state: JiraState, screen: str) -> Answer:
    _administers(state)
    if screen not in state.screens:
        raise JiraSaysNo(404, "The screen was not found.")
    return [{"id": int(screen) + 1000, "name": "Field Tab"}]


def _fields_of_tab(state: JiraState, screen: str, tab: int) -> Answer:
    _tabs(state, screen)
    return [{"id": name, "name": state.fields[name].name} for name in state.screens[screen].fields]


def _show_field(state: JiraState, screen: str, tab: int) -> Answer:
    _tabs(state, screen)
    wanted, shown = _named(_sent(), "fieldId"), state.screens[screen].fields
    if wanted not in state.fields or wanted in shown:
        raise JiraSaysNo(400, errors={"fieldId": "The field does not exist, or is on the screen already."})
    shown.append(wanted)
    return {"id": wanted, "name": state.fields[wanted].name}


# -- groups ------------------------------------------------------------------------------------------------------


def _groups(state: JiraState) -> Answer:
    _administers(state)
    wanted = request.args.getlist("groupName")
    found = [name for name in sorted(state.groups) if not wanted or name in wanted]
    return _page([{"name": name, "groupId": bodies.group_id(name)} for name in found])


def _make_group(state: JiraState) -> Answer:
    _administers(state)
    name = _named(_sent(), "name")
    if name in state.groups:
        raise JiraSaysNo(400, f"A group with the name '{name}' already exists.")
    state.groups[name] = []
    return bodies.group(state, name), 201


def _join_group(state: JiraState) -> Answer:
    _administers(state)
    wanted = request.args.get("groupId", "")
    name = next((one for one in state.groups if bodies.group_id(one) == wanted), "")
    someone = state.named(str(_sent().get("accountId")))
    if not name or someone is None:
        raise JiraSaysNo(404, "The group or the user was not found.")
    if someone.login in state.groups[name]:
        raise JiraSaysNo(400, f"Cannot add user. '{someone.name}' is already a member of '{name}'.")
    state.groups[name].append(someone.login)
    return bodies.group(state, name), 201


# -- workflows: reading ------------------------------------------------------------------------------------------


def _reference(status: Status) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"status/{status.id}"))


def _by_reference(state: JiraState) -> dict[str, Status]:
    return {_reference(one): one for one in state.statuses.values()}


def _read(state: JiraState) -> Answer:
    _administers(state, 401)
    sent = _sent()
    pairs = {str(one.get("projectId")) for one in sent.get("projectAndIssueTypes") or ()}
    ids, names = set(sent.get("workflowIds") or ()), set(sent.get("workflowNames") or ())
    found = {
        one.workflow.id: one.workflow for one in state.projects.values()
        if one.id in pairs or one.workflow.id in ids or one.workflow.name in names
    }  # fmt: skip
    return _answered(state, list(found.values()))


def _answered(state: JiraState, found: list[Workflow]) -> Body:
    statuses = [
        {"id": one.id, "name": one.name, "statusReference": reference, "statusCategory": _CATEGORIES[one.category],
         "description": "", "scope": {"type": "GLOBAL"}} for reference, one in _by_reference(state).items()
    ]  # fmt: skip
    return {"statuses": statuses if found else [], "workflows": [_workflow(state, one) for one in found]}


def _workflow(state: JiraState, one: Workflow) -> Body:
    statuses = [
        {"statusReference": _reference(status), "layout": {"x": 120.0 * place, "y": 0.0}, "properties": {},
         "deprecated": False} for place, status in enumerate(state.statuses.values())
    ]  # fmt: skip
    made: Body = {
        "id": one.id, "name": one.name, "description": "", "scope": {"type": "GLOBAL"}, "isEditable": True,
        "version": {"id": _version(one), "versionNumber": one.version},
        "startPointLayout": {"x": -100.0, "y": -150.0}, "statuses": statuses,
        "transitions": [_initial(state), *(_transition(state, way) for way in one.transitions)],
    }  # fmt: skip
    if "workflows.usages" in request.args.get("expand", ""):
        users = [project for project in state.projects.values() if project.workflow is one]
        made["usages"] = [{"project": {"id": project.id}, "issueTypes": ["10001", "10002"]} for project in users]
    return made


def _version(one: Workflow) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{one.id}/{one.version}"))


def _initial(state: JiraState) -> Body:
    return _bare("1", "Create", "INITIAL") | {"toStatusReference": _reference(state.statuses["To Do"])}


def _bare(number: str, name: str, kind: str) -> Body:
    return {"id": number, "name": name, "type": kind, "description": "", "links": [], "actions": [], "validators": [],
            "triggers": [], "properties": {}}  # fmt: skip


def _transition(state: JiraState, way: Transition) -> Body:
    made = _bare(way.id, way.name, "GLOBAL" if way.sources is None else "DIRECTED")
    made |= {"toStatusReference": _reference(state.statuses[way.to])} if way.to else {}
    made["links"] = [
        {"fromStatusReference": _reference(state.statuses[name]), "fromPort": 0, "toPort": 1}
        for name in sorted(way.sources or ())
    ]
    asked = [_rule(_needed(name)) for name in way.needs]
    made["validators"] = [*asked, *map(_rule, way.validators)]
    if way.conditions:
        made["conditions"] = {"operation": "ALL", "conditions": [_rule(one) for one in way.conditions],
                              "conditionGroups": []}  # fmt: skip
    if way.screen:
        made["transitionScreen"] = {"ruleKey": _SCREEN, "parameters": {"screenId": way.screen}}
    return made


def _needed(field: str) -> Rule:
    asked = {"ruleType": "fieldRequired", "fieldsRequired": field, "ignoreContext": "true"}
    return Rule(str(uuid.uuid5(uuid.NAMESPACE_URL, f"needs/{field}")), "system:validate-field-value", asked)


def _rule(one: Rule) -> Body:
    return {"id": one.id, "ruleKey": one.key, "parameters": dict(one.parameters)}


# -- workflows: changing -----------------------------------------------------------------------------------------


def _validate(state: JiraState) -> Answer:
    _administers(state, 401)
    payload = _sent().get("payload")
    if not isinstance(payload, dict):
        raise JiraSaysNo(400, "Missing required field 'payload'.")
    return {"errors": list(_faults(state, payload))}


def _update(state: JiraState) -> Answer:
    _administers(state, 401)
    payload = _sent()
    if bad := [one["message"] for one in _faults(state, payload) if one["level"] == "ERROR"]:
        raise JiraSaysNo(400, *bad)
    known = {one.workflow.id: one.workflow for one in state.projects.values()}
    changed = [known[one["id"]] for one in payload["workflows"]]
    for workflow, sent in zip(changed, payload["workflows"], strict=True):
        before = {way.id: way for way in workflow.transitions}
        ways = [one for one in sent["transitions"] if one["type"] != "INITIAL"]
        workflow.transitions[:] = [_made(state, one, before.get(str(one["id"]))) for one in ways]
        workflow.version += 1
    return _answered(state, changed) | {"taskId": None}


def _made(state: JiraState, sent: Mapping[str, Any], before: Transition | None) -> Transition:
    """The transition as it was sent; what this sandbox knows of it beside stays."""
    names = {reference: one.name for reference, one in _by_reference(state).items()}
    needs, hidden = (before.needs, before.hidden_from) if before else ((), set())
    implied = {_needed(name).id for name in needs}
    sources = frozenset(names[one["fromStatusReference"]] for one in sent.get("links") or ())
    screen = (sent.get("transitionScreen") or {}).get("parameters", {}).get("screenId", "")
    return Transition(
        str(sent["id"]), sent["name"], names.get(sent.get("toStatusReference") or "", ""),
        sources if sent["type"] == "DIRECTED" else None, needs, hidden,
        tuple(map(_read_rule, _conditions(sent))),
        tuple(rule for rule in map(_read_rule, sent.get("validators") or ()) if rule.id not in implied), str(screen),
    )  # fmt: skip


def _conditions(sent: Mapping[str, Any]) -> list[Body]:
    return list((sent.get("conditions") or {}).get("conditions") or ())


def _read_rule(sent: Mapping[str, Any]) -> Rule:
    said = {str(key): str(value) for key, value in (sent.get("parameters") or {}).items()}
    return Rule(sent.get("id") or str(uuid.uuid4()), str(sent.get("ruleKey")), said)


def _faults(state: JiraState, payload: Mapping[str, Any]) -> Iterator[Body]:
    """What Jira has against a change, one for each. Raises `JiraSaysNo` (400) for what it cannot even read."""
    if not payload.get("statuses"):
        raise JiraSaysNo(400, "payload.statuses : must not be empty")
    known = {one.workflow.id: one.workflow for one in state.projects.values()}
    for place, sent in enumerate(payload.get("workflows") or ()):
        if not isinstance(sent.get("version"), dict):
            raise JiraSaysNo(400, f"Missing required field 'payload.workflows.[{place}].version'")
        workflow = known.get(str(sent.get("id")))
        if workflow is None:
            yield _fault("WORKFLOW_NOT_FOUND", "The workflow was not found.", {})
            continue
        if sent["version"].get("id") != _version(workflow):
            yield _fault("WORKFLOW_VERSION_CONFLICT", "The workflow has been changed since it was read.", {})
        listed = {one.get("statusReference") for one in sent.get("statuses") or ()}
        for number, way in enumerate(sent.get("transitions") or ()):
            if not way.get("id"):
                spot = f"payload.workflows.[{place}].transitions.[{number}].id"
                raise JiraSaysNo(400, f"Missing required field '{spot}'")
            yield from _transition_faults(state, way, listed)


def _transition_faults(state: JiraState, way: Mapping[str, Any], listed: set[Any]) -> Iterator[Body]:
    at = {"transitionId": way["id"]}
    ends = [way.get("toStatusReference"), *(one.get("fromStatusReference") for one in way.get("links") or ())]
    if any(end and end not in listed for end in ends):
        yield _fault("STATUS_NOT_FOUND", "The transition refers to a status that does not exist.", at)
    if way["type"] == "DIRECTED" and not (way.get("links") and way.get("toStatusReference")):
        yield _fault("TRANSITION_WITHOUT_LINKS", "A directed transition needs a status to start and to end at.", at)
    screen = (way.get("transitionScreen") or {}).get("parameters", {}).get("screenId")
    if screen and str(screen) not in state.screens:
        yield _fault("SCREEN_NOT_FOUND", f"The screen {screen} does not exist.", at)
    for validates, rules in ((True, way.get("validators") or ()), (False, _conditions(way))):
        for rule in map(_read_rule, rules):
            yield from _rule_faults(state, rule, validates, at | {"ruleId": rule.id})


def _rule_faults(state: JiraState, rule: Rule, validates: bool, at: Body) -> Iterator[Body]:
    lacks = missing(rule, validates)
    if lacks is None:
        yield _fault("UNSUPPORTED_RULE", f"Rule {rule.key} cannot be applied to this type or is unsupported.", at)
    elif lacks:
        yield _fault("MISSING_RULE_PARAMETER", f'Missing parameter "{lacks}" in rule "{rule.id}".', at)
    for name in fields_of(rule):
        if name not in state.fields:
            yield _fault("FIELD_NOT_FOUND", f"The field {name} does not exist.", at, "WARNING")


def _fault(code: str, message: str, at: Body, level: str = "ERROR") -> Body:
    kind = "RULE" if "ruleId" in at else "TRANSITION" if at else "WORKFLOW"
    return {"code": code, "level": level, "message": message, "type": kind, "elementReference": at}


ADMIN_ROUTES: dict[str, Callable[..., Answer]] = {
    "POST /field": _make_field,
    "GET /field/<field>/screens": _screens_of_field,
    "GET /screens": _screens,
    "POST /screens": _make_screen,
    "GET /screens/<screen>/tabs": _tabs,
    "GET /screens/<screen>/tabs/<int:tab>/fields": _fields_of_tab,
    "POST /screens/<screen>/tabs/<int:tab>/fields": _show_field,
    "GET /group/bulk": _groups,
    "POST /group": _make_group,
    "POST /group/user": _join_group,
    "POST /workflows": _read,
    "POST /workflows/update/validation": _validate,
    "POST /workflows/update": _update,
}
