"""As much of JQL as a sweep needs: fields compared with values, joined by AND, put in an order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integration.sandbox.jira_state import JiraIssue, JiraSaysNo
from integration.sandbox.people import PEOPLE, now

_CLAUSE = re.compile(
    r"\s*(?P<field>[A-Za-z]+)\s*(?P<op>>=|<=|!=|=|>|<|\bnot\s+in\b|\bin\b)\s*"
    r"(?P<value>\([^)]*\)|\"[^\"]*\"|'[^']*'|[^\s()]+)\s*",
    re.I,
)
_AGO = re.compile(r"-(\d+)([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_WORDS: dict[str, Callable[[JiraIssue], set[str]]] = {
    "project": lambda one: {one.project.key.lower(), one.project.name.lower(), one.project.id},
    "key": lambda one: {one.key.lower()},
    "issuekey": lambda one: {one.key.lower()},
    "id": lambda one: {str(one.id), one.key.lower()},
    "status": lambda one: {one.status.name.lower(), one.status.id},
    "labels": lambda one: {label.lower() for label in one.labels},
    "reporter": lambda one: {PEOPLE[one.reporter].account_id, one.reporter} if one.reporter in PEOPLE else set(),
}
_TIMES: dict[str, Callable[[JiraIssue], datetime]] = {
    "updated": lambda one: one.updated,
    "updateddate": lambda one: one.updated,
    "created": lambda one: one.created,
    "createddate": lambda one: one.created,
}
_COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}


def search(jql: str, issues: Sequence[JiraIssue], strict: bool = True) -> list[JiraIssue]:
    """The issues that a query finds, in its order (newest first where it names none). Raises `JiraSaysNo` (400).

    `strict`: the key of an issue that is not among them is a fault, too.
    """
    where, _, order = re.sub(r"\s+", " ", jql).partition("ORDER BY") if "ORDER BY" in jql else _split(jql)
    tests = [_test(part) for part in re.split(r"\s+AND\s+", where.strip(), flags=re.I) if part.strip()]
    if strict and (absent := [key for key in _keys(where) if not any(key == one.key.lower() for one in issues)]):
        raise JiraSaysNo(400, *(f"An issue with key '{key.upper()}' does not exist for field 'key'." for key in absent))
    found = [one for one in issues if all(test(one) for test in tests)]
    return _ordered(found, order)


def _keys(where: str) -> Iterator[str]:
    for named in re.finditer(r"\b(?:issue)?key\s*(?:=|in\b)\s*(\([^)]*\)|[^\s()]+)", where, re.I):
        yield from _listed(named[1])


def _listed(value: str) -> set[str]:
    return {part.strip().strip("\"'").lower() for part in value.strip("()").split(",")}


def _split(jql: str) -> tuple[str, str, str]:
    found = re.search(r"\border\s+by\b", jql, re.I)
    return (jql[: found.start()], "", jql[found.end() :]) if found else (jql, "", "")


def _test(clause: str) -> Callable[[JiraIssue], bool]:
    if filled := re.fullmatch(r"cf\[(\d+)\] is not EMPTY", clause.strip(), re.I):
        return lambda one: bool(one.custom.get(f"customfield_{filled[1]}"))
    found = _CLAUSE.fullmatch(clause)
    if not found:
        raise _wrong(f"Expecting a field, an operator and a value but got '{clause.strip()}'.")
    name, op, value = found["field"].lower(), re.sub(r"\s+", " ", found["op"].lower()), found["value"]
    if name in _TIMES and op in _COMPARED:
        read, compare, bound = _TIMES[name], _COMPARED[op], _time(value.strip("\"'"))
        return lambda one: compare(read(one), bound)
    if name in _WORDS and op in ("=", "!=", "in", "not in"):
        wanted = _listed(value)
        words, hit = _WORDS[name], op in ("=", "in")
        return lambda one: bool(words(one) & wanted) is hit
    raise _wrong(f"Field '{found['field']}' does not exist here, or the operator '{found['op']}' does not fit it.")


def _time(text: str) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if text.isdigit():
        return datetime.fromtimestamp(int(text) / 1000, UTC)
    for shape in ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d"):
        try:
            return datetime.strptime(text, shape).replace(tzinfo=UTC)
        except ValueError:
            continue
    raise _wrong(
        f"Date value '{text}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', 'yyyy-MM-dd HH:mm', '-4h'."
    )


def _ordered(found: list[JiraIssue], order: str) -> list[JiraIssue]:
    found.sort(key=lambda one: one.id, reverse=True)
    for part in reversed([part.split() for part in order.split(",") if part.strip()]):
        name = part[0].lower()
        if name not in (*_TIMES, "key", "id"):
            raise _wrong(f"Not able to sort using field '{part[0]}'.")
        read: Callable[[JiraIssue], Any] = _TIMES.get(name, lambda one: (one.project.key, one.id))
        down = len(part) > 1 and part[1].lower() == "desc"
        found.sort(key=read, reverse=down)
    return found


def _wrong(why: str) -> JiraSaysNo:
    return JiraSaysNo(400, f"Error in the JQL Query: {why}")
