"""What no single part of mappings.yaml can see: parts that contradict, repeat or can never reach one another.

Works on the file's plain values, right or wrong as they are, so that these faults come together with all others. Each
check is a generator of (where, what is wrong, whether the place is the key's).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from integration.stages.allowed import shown
from integration.stages.written import Loc

Found = tuple[Loc, str, bool]
_TRACKERS = {"github": "GitHub", "jira": "Jira"}
_EXAMPLES = {"github": "github: {team: organisation/team}", "jira": "jira: {users: [account id], group: name}"}
_NEEDS_PARTY = ("notified", "acknowledged", "approved")


def faults(raw: dict[str, Any]) -> Iterator[Found]:
    """All of them."""
    if "hash" in raw:
        yield ("hash",), 'no such key "hash"; it is worked out from the text', True
    yield from _rules(raw)
    yield from _notify(raw)
    yield from _sources(raw)
    yield from _parties(raw)
    yield from _reach(raw)


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _entries(raw: dict[str, Any], part: str) -> Iterator[tuple[Loc, dict[str, Any]]]:
    """The entries of a list that are mappings, with where they are."""
    for index, entry in enumerate(_list(raw.get(part))):
        if isinstance(entry, dict):
            yield (part, index), entry


def _has(part: dict[str, Any], key: str) -> bool:
    """An empty value (`github:` and nothing behind it) is as good as none."""
    return part.get(key) is not None


def _texts(value: Any) -> list[str]:
    return [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]


# --- rules ------------------------------------------------------------------------------------------------------


def _rules(raw: dict[str, Any]) -> Iterator[Found]:
    order = {stage: n for n, stage in enumerate(_map(raw.get("stages")))}
    seen: dict[str, Loc] = {}
    for loc, rule in _entries(raw, "rules"):
        if isinstance(name := rule.get("id"), str):
            if name in seen:
                yield (*loc, "id"), f"{shown(name)} is already the id of rules[{seen[name][1]}]", False
            seen.setdefault(name, loc)
        if rule.get("level") in ("warn", "block") and rule.get("effective") is None:
            yield (
                loc,
                f'"effective" is missing; a rule that {rule["level"]}s says from when on: effective: 2026-12-01',
                False,
            )
        yield from _direction(loc, rule, order)
        for part in ("when", "require"):
            yield from _requirements(loc, part, rule, order)


def _direction(loc: Loc, rule: dict[str, Any], order: dict[str, int]) -> Iterator[Found]:
    """Which moves the rule is about, and whether there can be any."""
    entering, leaving, start = (_text(rule.get(key)) for key in ("entering", "leaving", "from"))
    if _has(rule, "entering") and _has(rule, "leaving"):
        yield (*loc, "leaving"), "a rule has entering or leaving, not both; make it two rules", True
    elif not _has(rule, "entering") and not _has(rule, "leaving"):
        yield loc, "entering or leaving is missing; say which stage the rule guards", False
    elif _has(rule, "leaving") and _has(rule, "from"):
        yield (*loc, "from"), "from belongs to entering; leaving already says where from", True
    if leaving in order and order[leaving] == len(order) - 1 and len(order) > 1:
        yield (*loc, "leaving"), f"never fires: {shown(leaving)} is the last stage, and moves back are free", False
    if start in order and entering in order and order[start] >= order[entering]:
        says = f"never fires: {shown(start)} is not before {shown(entering)}, and moves back are free"
        yield (*loc, "from"), says, False


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _requirements(loc: Loc, part: str, rule: dict[str, Any], order: dict[str, int]) -> Iterator[Found]:
    target = _text(rule.get("entering"))
    for where, name, given, certain in _asked(rule.get(part), (*loc, part), part == "require"):
        if name == "described" and isinstance(given, dict):
            if _has(given, "section") == _has(given, "field"):
                yield where, "described takes exactly one of section (a heading) and field (of Jira)", False
        elif name in ("visited", "spent", "notified") and certain and target in order and isinstance(given, dict):
            key = "within_stage" if name == "notified" else "stage"
            stage = _text(given.get(key))
            if stage in order and order[stage] >= order[target]:
                says = f"can never be met: {shown(stage)} does not come before {shown(target)}"
                yield (*where, key), says, False


def _asked(value: Any, loc: Loc, certain: bool) -> Iterator[tuple[Loc, str, Any, bool]]:
    """Every requirement, however deep; `certain` is False where the rule can hold without it."""
    if isinstance(value, dict):
        for name, given in value.items():
            yield (*loc, name), name, given, certain
            if name in ("any", "all", "none"):
                yield from _asked(given, (*loc, name), certain and name == "all")
    else:
        for index, each in enumerate(_list(value)):
            yield from _asked(each, (*loc, index), certain)


def _notify(raw: dict[str, Any]) -> Iterator[Found]:
    for loc, entry in _entries(raw, "notify"):
        if _has(entry, "entering") == (entry.get("backward") is True):
            yield loc, "exactly one is needed: entering: STAGE, or backward: true", False
        if entry.get("level") == "post" and entry.get("effective") is None:
            yield loc, '"effective" is missing; what is posted says from when on: effective: 2026-12-01', False


# --- sources ----------------------------------------------------------------------------------------------------


def _sources(raw: dict[str, Any]) -> Iterator[Found]:
    places: list[tuple[Loc, str, list[str], str, str]] = []
    for loc, source in _entries(raw, "sources"):
        if _has(source, "github") and _has(source, "jira"):
            yield loc, "a source is exactly one of github and jira; make it two sources", False
        elif not _has(source, "github") and not _has(source, "jira"):
            yield loc, "a source is exactly one of github and jira; neither is here", False
        jira = source.get("jira")
        if isinstance(jira, dict) and not jira.get("statuses") and not jira.get("labels"):
            yield (*loc, "jira"), "statuses are missing (or labels); say in what this source shows stages", False
        for tracker, carrier in (("github", "labels"), ("jira", "statuses"), ("jira", "labels")):
            yield from _doubles(loc, tracker, carrier, _map(source.get(tracker)), places)


def _doubles(
    loc: Loc, tracker: str, carrier: str, source: dict[str, Any], places: list[tuple[Loc, str, list[str], str, str]]
) -> Iterator[Found]:
    """Names that show two stages in one place, in this source or an earlier one; adds this source's to `places`."""
    where = [p.casefold() for p in _texts(source.get("repositories" if tracker == "github" else "projects"))]
    site = f"{tracker}/{source.get('site', 'main')}/{carrier}".casefold()
    for stage, names in _map(source.get(carrier)).items():
        for index, name in enumerate(names if isinstance(names, list) else [names]):
            if not isinstance(name, str):
                continue
            here: Loc = (*loc, tracker, carrier, stage, index)
            for other_loc, other_site, other_where, other_name, other_stage in places:
                if other_site == site and other_name == name.casefold() and _overlap(where, other_where):
                    yield here, _double(name, stage, loc, other_stage, other_loc), False
                    break
            places.append((loc, site, where, name.casefold(), stage))


def _double(name: str, stage: str, loc: Loc, other_stage: str, other: Loc) -> str:
    if loc == other and stage == other_stage:
        return f"{shown(name)} is named twice"
    already = f"{shown(name)} already shows {shown(other_stage)}"
    if loc == other:
        return f"{already}; one name shows one stage"
    return f"{already} in sources[{other[1]}], which covers some of the same places; one name is for one source"


def _overlap(some: list[str], others: list[str]) -> bool:
    """Whether any place fits a pattern of both lists."""
    return any(_meet(one, other) for one in some for other in others)


@cache
def _meet(one: str, other: str) -> bool:
    """Whether a text exists that fits both patterns of `*` and `?`."""
    reached = {0}
    for sign in [*one, ""]:
        reached = _skip_stars(reached, other)
        if sign == "":
            break
        if sign == "*":
            reached = set(range(min(reached, default=len(other) + 1), len(other) + 1))
        else:
            reached = {n for n in reached if n < len(other) and other[n] == "*"} | {
                n + 1
                for n in reached
                if n < len(other) and (sign == "?" or other[n] in ("?", sign)) and other[n] != "*"
            }
    return len(other) in reached


def _skip_stars(reached: set[int], pattern: str) -> set[int]:
    grown = set(reached)
    for n in sorted(reached):
        while n < len(pattern) and pattern[n] == "*":
            n += 1
            grown.add(n)
    return grown


# --- parties ----------------------------------------------------------------------------------------------------


def _parties(raw: dict[str, Any]) -> Iterator[Found]:
    for name, party in _map(raw.get("parties")).items():
        if not isinstance(party, dict):
            continue
        if not _has(party, "github") and not _has(party, "jira"):
            yield ("parties", name), f"nobody is named; add {_EXAMPLES['github']}, or {_EXAMPLES['jira']}", True
        for tracker, group in (("github", "team"), ("jira", "group")):
            people = party.get(tracker)
            if isinstance(people, dict) and not people.get(group) and not people.get("users"):
                yield ("parties", name, tracker), f"nobody is named; add {_EXAMPLES[tracker]}", True


def _reach(raw: dict[str, Any]) -> Iterator[Found]:
    """Parties that a rule or a notice needs on a tracker where they are nobody, or too few."""
    parties = _map(raw.get("parties"))
    used = {t: loc for loc, source in reversed(list(_entries(raw, "sources"))) for t in _TRACKERS if _has(source, t)}
    said: set[tuple[str, str]] = set()
    for by, name, where in _wanted(raw):
        party = _map(parties.get(name))
        for tracker, source in used.items() if any(_has(party, each) for each in _TRACKERS) else ():
            if not _has(party, tracker) and (name, tracker) not in said:
                said.add((name, tracker))
                asks = f"{where[0]}[{where[1]}] needs them; add {_EXAMPLES[tracker]}"
                says = f"nobody on {_TRACKERS[tracker]}, where sources[{source[1]}] shows stages and {asks}"
                yield ("parties", name), says, True
            elif (size := _size(_map(party.get(tracker)))) and by > size:
                says = f"can never be met: {shown(name)} is {size} on {_TRACKERS[tracker]}, and {by} are asked for"
                yield (*where, "by"), says, False


def _wanted(raw: dict[str, Any]) -> Iterator[tuple[int, str, Loc]]:
    """How many of which party must be reached, for which part of the file."""
    for loc, rule in _entries(raw, "rules"):
        for where, name, given, _ in _asked(rule.get("require"), (*loc, "require"), True):
            if name in _NEEDS_PARTY and isinstance(given, dict) and "none" not in where:
                by = given.get("by", 1)
                yield by if isinstance(by, int) else 1, _text(given.get("party")), where
    for loc, entry in _entries(raw, "notify"):
        for name in _texts(entry.get("parties")):
            yield 1, name, loc


def _size(people: dict[str, Any]) -> int:
    """How many the people are, when they are named one by one; 0 when a team or group decides."""
    return 0 if people.get("team") or people.get("group") else len(set(_texts(people.get("users"))))
