"""The native rules of the sandbox's Jira that a workflow's transition may carry, as Cloud describes and obeys them.

A condition that is not met hides the transition, and refuses it to whoever asks all the same. A validator refuses it
with a message: of all rules it is `fieldRequired` alone that says what an admin has written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from integration.sandbox import jira_bodies
from integration.sandbox.jira_workflow import Rule, Transition

if TYPE_CHECKING:
    from integration.sandbox.jira_state import JiraIssue, JiraState

FIELD, RESTRICT, CHECK, FROM_ALL = (
    "system:validate-field-value",
    "system:restrict-issue-transition",
    "system:check-field-value",
    "system:restrict-from-all-users",
)
_COMPARES: Mapping[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other, ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other, "<=": lambda one, other: one <= other,
    "=": lambda one, other: one == other, "!=": lambda one, other: one != other,
}  # fmt: skip

# What each rule must be told; a validator of fields by its type.
CONDITIONS: Mapping[str, tuple[str, ...]] = {
    RESTRICT: ("accountIds", "roleIds", "groupIds", "permissionKeys", "groupCustomFields", "allowUserCustomFields",
               "denyUserCustomFields"),
    CHECK: ("fieldId", "fieldValue", "comparator", "comparisonType"),
    FROM_ALL: ("restrictMode",),
}  # fmt: skip
VALIDATORS: Mapping[str, tuple[str, ...]] = {
    "fieldRequired": ("fieldsRequired", "ignoreContext"),
    "fieldMatchesRegularExpression": ("fieldKey", "regexp"),
}


def missing(rule: Rule, validates: bool) -> str | None:
    """The parameter that the rule lacks; None where no such rule is known here, empty where it is whole."""
    wanted = VALIDATORS.get(rule.parameters.get("ruleType", "")) if validates else CONDITIONS.get(rule.key)
    if wanted is None or (validates and rule.key != FIELD):
        return None
    return next((name for name in wanted if name not in rule.parameters), "")


def fields_of(rule: Rule) -> list[str]:
    """The fields that it looks at."""
    named = (rule.parameters.get(name, "") for name in ("fieldsRequired", "fieldKey", "fieldId"))
    return [one.strip() for names in named for one in names.split(",") if one.strip()]


def allows(state: JiraState, issue: JiraIssue, way: Transition, login: str) -> bool:
    """Are the transition's conditions met for this person?"""
    return all(_CONDITIONS[one.key](state, issue, one.parameters, login) for one in way.conditions)


def _restrict(state: JiraState, issue: JiraIssue, asked: Mapping[str, str], login: str) -> bool:
    groups = {jira_bodies.group_id(name) for name in state.groups_of(login)}
    named = {one for one in asked["groupIds"].split(",") if one}
    permitted = (state.may(login, key, issue) for key in asked["permissionKeys"].split(",") if key)
    return bool(groups & named) or any(permitted)


def _check(state: JiraState, issue: JiraIssue, asked: Mapping[str, str], login: str) -> bool:
    has, wanted = issue.custom.get(asked["fieldId"], ""), json.loads(asked["fieldValue"])
    if asked["comparisonType"] == "NUMBER":
        return bool(has) and any(_COMPARES[asked["comparator"]](float(has), float(one)) for one in wanted)
    return (has in wanted) is (asked["comparator"] == "=")


def _from_all(state: JiraState, issue: JiraIssue, asked: Mapping[str, str], login: str) -> bool:
    return asked["restrictMode"] == "users"  # hidden from people; REST, by which all here go, may


_CONDITIONS: Mapping[str, Callable[[JiraState, JiraIssue, Mapping[str, str], str], bool]] = {
    RESTRICT: _restrict,
    CHECK: _check,
    FROM_ALL: _from_all,
}


def refusals(state: JiraState, issue: JiraIssue, way: Transition, given: Mapping[str, object]) -> Iterator[str]:
    """What the transition's validators say to an issue that has these fields filled in on the way."""
    filled = {name: str(given.get(name) or issue.custom.get(name) or "") for name in state.fields}
    for rule in way.validators:
        asked = rule.parameters
        if asked["ruleType"] == "fieldRequired":
            empty = [name for name in fields_of(rule) if not filled.get(name)]
            names = ", ".join(state.fields[name].name for name in empty if name in state.fields)
            if empty:
                yield asked.get("errorMessage") or f"{names} is required."
        elif not re.search(asked["regexp"], filled.get(asked["fieldKey"], "")):
            yield f"{state.fields[asked['fieldKey']].name} is not valid."
