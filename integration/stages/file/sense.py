"""What no single part of mappings.yaml can see: parts that contradict, repeat or can never reach one another.

Works on the file's plain values, right or wrong as they are, so that these faults come together with all others. Each
check is a generator of (where, what is wrong, whether the place is the key's).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from integration.stages.calendars import read_date, read_days
from integration.stages.file.allowed import shown
from integration.stages.file.forms import NO_LOGIN, Names, is_login, read_moment
from integration.stages.file.written import Loc, path_of

Found = tuple[Loc, str, bool]
_TRACKERS = {"github": "GitHub", "jira": "Jira"}
_EXAMPLES = {"github": "github: {team: organisation/team}", "jira": "jira: {users: [account id], group: name}"}
_NEEDS_PARTY = ("notified", "acknowledged", "approved")
_LONGEST = 201  # letters of a place's pattern
_WORD = ("acknowledged", "approved")  # what a party can owe


def faults(raw: dict[str, Any]) -> Iterator[Found]:
    """All of them."""
    if "hash" in raw:
        yield ("hash",), 'no such key "hash"; it is worked out from the text', True
    yield from rules(raw)
    yield from _notify(raw)
    yield from _sources(raw)
    yield from _links(raw)
    yield from _times(raw)
    yield from _parties(raw)
    yield from _reach(raw)
    yield from _additions(raw)


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


def rules(raw: dict[str, Any]) -> Iterator[Found]:
    """What is wrong with the rules, for themselves and among one another."""
    order = _order(raw)
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
            yield from _requirements(raw, loc, part, rule)
        if _has(rule, "later") and not {name for name, _ in _words(rule)}:
            says = "nothing can be put off: the rule asks no party for its word (acknowledged or approved)"
            yield (*loc, "later"), says, True


def _order(raw: dict[str, Any]) -> dict[str, int]:
    return {stage: n for n, stage in enumerate(_map(raw.get("stages")))}


def _words(rule: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Which words of which parties the rule asks for."""
    for where, name, given, _ in _asked(rule.get("require"), ("require",), True):
        if name in _WORD and "none" not in where:
            yield name, _text(given.get("party"))


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


def _requirements(raw: dict[str, Any], loc: Loc, part: str, rule: dict[str, Any]) -> Iterator[Found]:
    order, target = _order(raw), _text(rule.get("entering"))
    for where, name, given, certain in _asked(rule.get(part), (*loc, part), part == "require"):
        if name in _CHECKS:
            yield from _CHECKS[name](where, given, raw)
        elif name in ("visited", "spent", "notified") and certain and target in order:
            key = "within_stage" if name == "notified" else "stage"
            stage = _text(given.get(key))
            if stage in order and order[stage] >= order[target]:
                says = f"can never be met: {shown(stage)} does not come before {shown(target)}"
                yield (*where, key), says, False


def _asked(value: Any, loc: Loc, certain: bool) -> Iterator[tuple[Loc, str, dict[str, Any], bool]]:
    """Every requirement, however deep; `certain` is False where the rule can hold without it."""
    if isinstance(value, str):
        yield loc, value, {}, certain
    elif isinstance(value, dict):
        for name, given in value.items():
            yield (*loc, name), name, _map(given), certain
            if name in ("any", "all", "none"):
                yield from _asked(given, (*loc, name), certain and name == "all")
    else:
        for index, each in enumerate(_list(value)):
            yield from _asked(each, (*loc, index), certain)


def _described(where: Loc, given: dict[str, Any], raw: dict[str, Any]) -> Iterator[Found]:
    if sum(_has(given, key) for key in ("section", "field", "briefing")) != 1:
        says = "described takes exactly one of section (a heading), field (of Jira) and briefing (of a party)"
        yield where, says, False
    elif _has(given, "field") and _no_jira(raw):
        yield (*where, "field"), "can never be met: only Jira has such fields, and no source is on Jira", False
    name = _text(given.get("briefing"))
    party = _map(raw.get("parties")).get(name)
    if isinstance(party, dict) and not party.get("briefing"):
        says = f"{shown(name)} has no briefing; add one to the party, such as briefing: [What changes, How to undo]"
        yield (*where, "briefing"), says, False


def _linked(where: Loc, given: dict[str, Any], raw: dict[str, Any]) -> Iterator[Found]:
    if sum(_has(given, key) for key in ("to", "url", "type")) != 1:
        says = "linked takes exactly one of to (a kind of `links`), url (a pattern) and type (of a link in Jira)"
        yield where, says, False
    if _no_jira(raw):
        kind = _map(_map(raw.get("links")).get(_text(given.get("to"))))
        of_jira = kind.get("types") and not any(kind[key] for key in kind if key != "types")
        key = "type" if _has(given, "type") else "to" if of_jira else ""
        if key:
            yield (*where, key), "can never be met: only Jira has types of links, and no source is on Jira", False


def _no_jira(raw: dict[str, Any]) -> bool:
    """Whether the file says where its sources are, and none of them is on Jira."""
    return _has(raw, "sources") and "jira" not in _used(raw)


def _voided_by(where: Loc, given: dict[str, Any], raw: dict[str, Any]) -> Iterator[Found]:
    facts = given.get("voided_by")
    for index, fact in enumerate(facts if isinstance(facts, list) else [facts]):
        if isinstance(fact, dict) and sum(_has(fact, key) for key in fact) != 1:
            says = "one fact at a time: title, description, NAME link, {section: HEADING} or {field: NAME}"
            yield (*where, "voided_by", index), says, False


def _follows_route(where: Loc, given: dict[str, Any], raw: dict[str, Any]) -> Iterator[Found]:
    if not _has(raw, "routes"):
        party = next(iter(_map(raw.get("parties"))), "support")
        says = f"can never be met: who agrees to a route? Add routes: {{agreed_by: [{party}], effective: 2026-12-01}}"
        yield where, says, False


def _no_debt(where: Loc, given: dict[str, Any], raw: dict[str, Any]) -> Iterator[Found]:
    known = [rule for _, rule in _entries(raw, "rules")]
    if not any(_has(rule, "later") or rule.get("on_error") == "open" for rule in known):
        yield where, "can never find a debt; say `later: 5 working days` on a rule that asks for a party's word", False
        return
    name = _text(given.get("party"))
    if name in _map(raw.get("parties")) and not any(name in _owed_by(rule) for rule in known):
        says = f"can never find a debt: no rule with `later` (or on_error: open) asks {shown(name)} for its word"
        yield (*where, "party"), says, False


def _owed_by(rule: dict[str, Any]) -> Iterator[str]:
    """The parties that may come to owe their word by this rule: it was put off, or nobody could read if it is there."""
    if _has(rule, "later"):
        yield from (party for _, party in _words(rule))
    if rule.get("on_error") == "open":
        asked = _asked(rule.get("require"), ("require",), True)
        yield from (_text(given.get("party")) for where, _, given, _ in asked if "none" not in where)


_CHECKS: Mapping[str, Callable[[Loc, dict[str, Any], dict[str, Any]], Iterator[Found]]] = {
    "described": _described,
    "linked": _linked,
    "approved": _voided_by,
    "follows_route": _follows_route,
    "no_debt": _no_debt,
}


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
        yield from _prevent((*loc, "jira", "prevent"), _map(jira))
        for tracker, carrier in (("github", "labels"), ("jira", "statuses"), ("jira", "labels")):
            yield from _doubles(loc, tracker, carrier, _map(source.get(tracker)), places)


def _prevent(loc: Loc, jira: dict[str, Any]) -> Iterator[Found]:
    """A field holds the way to one stage, and only a status has a way that a workflow can hold."""
    seen: dict[str, str] = {}
    for stage, field in _map(jira.get("prevent")).items():
        if stage not in _map(jira.get("statuses")):
            says = f"can never hold: no status here shows {shown(stage)}, and a label is set without a workflow"
            yield (*loc, stage), says, True
        if not isinstance(field, str):
            continue
        if (other := seen.setdefault(field.casefold(), stage)) != stage:
            says = f"{shown(field)} is already the field of {shown(other)}; each stage needs one of its own"
            yield (*loc, stage), says, False


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
    """Whether any place fits a pattern of both lists. One that is too long for a place is a fault of its own."""
    fit = [other for other in others if len(other) <= _LONGEST]
    return any(_meet(one, other) for one in some if len(one) <= _LONGEST for other in fit)


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


def _additions(raw: dict[str, Any]) -> Iterator[Found]:
    """Repositories that may add rules of their own, and of which no source knows."""
    additions, sources = _map(raw.get("additions")), [source for _, source in _entries(raw, "sources")]
    known = [one for source in sources for one in _texts(_map(source.get("github")).get("repositories"))]
    if additions.get("allowed") is True and sources and not known:
        yield ("additions", "allowed"), "only repositories on GitHub have such a file, and no source is there", False
    folded = [one.casefold() for one in known]
    for index, name in enumerate(_texts(additions.get("repositories"))):
        if folded and not _overlap([name.casefold()], folded):
            where: Loc = ("additions", "repositories", index)
            yield where, f"never read: no source shows stages in {shown(name)}", False


# --- links, windows and freezes ------------------------------------------------------------------------------------


def _links(raw: dict[str, Any]) -> Iterator[Found]:
    for name, kind in _map(raw.get("links")).items():
        if isinstance(kind, dict) and not kind.get("urls") and not kind.get("types"):
            yield ("links", name), "nothing fits it; add urls: [https://docs.example.com/*], or types (of Jira)", True


def _times(raw: dict[str, Any]) -> Iterator[Found]:
    zone = Names.of(raw).zone
    for part in ("windows", "freezes"):
        for name, window in _map(raw.get(part)).items():
            if not isinstance(window, dict):
                continue
            if not any(_has(window, key) for key in ("days", "hours", "from", "until")):
                yield (part, name), "no time is named; add days, hours, from or until", True
            begin, end = (_moment(window.get(key), zone) for key in ("from", "until"))
            if begin and end and end <= begin:
                says = "must come after from; a date means its first moment, so name the first day that is free again"
                yield (part, name, "until"), says, False


def _moment(value: Any, zone: ZoneInfo) -> datetime | None:
    """What cannot be read is a fault that others name."""
    try:
        return read_moment(value, zone)
    except ValueError:
        return None


# --- parties ----------------------------------------------------------------------------------------------------


def _parties(raw: dict[str, Any]) -> Iterator[Found]:
    for name, party in _map(raw.get("parties")).items():
        if not isinstance(party, dict):
            continue
        if not _has(party, "github") and not _has(party, "jira"):
            yield ("parties", name), f"nobody is named; add {_EXAMPLES['github']}, or {_EXAMPLES['jira']}", True
        for tracker, group in (("github", "team"), ("jira", "group")):
            people = party.get(tracker)
            if isinstance(people, dict):
                yield from _people(("parties", name, tracker), people, group)
        yield from _digest(name, party, _map(raw.get("calendars")))
        escalation = party.get("escalate_to")
        if isinstance(escalation, dict) and not escalation.get("github") and not escalation.get("jira"):
            says = "nobody is named; add github: [login] or jira: [account id], or leave escalate_to out"
            yield ("parties", name, "escalate_to"), says, True


def _digest(name: str, party: dict[str, Any], calendars: dict[str, Any]) -> Iterator[Found]:
    """A digest on days on which its party never works would never come."""
    calendar = calendars.get(_text(party.get("calendar")))
    if not isinstance(calendar, dict):  # without one, every day is a working day
        return
    try:
        days, works = read_days(_map(party.get("digest")).get("days")), read_days(calendar.get("days", "mon-fri"))
    except ValueError:  # a fault of its own
        return
    if not set(days) & {*works, *_opened(calendar)}:
        says = f"never comes: {shown(name)} works on none of these days, says its calendar"
        yield ("parties", name, "digest", "days"), says, False


def _opened(calendar: dict[str, Any]) -> Iterator[int]:
    """The weekdays of the dates on which a calendar opens beside its days."""
    for key in _map(calendar.get("hours_on")):
        try:
            yield read_date(key).weekday()
        except ValueError:  # a weekday by its name, or a fault of its own
            continue


def _people(loc: Loc, people: dict[str, Any], group: str) -> Iterator[Found]:
    """Who a party is on one tracker."""
    named = people.get(group) or people.get("users")
    rota = people.get("rota")
    if isinstance(rota, dict):
        yield from _rota((*loc, "rota"), rota, str(loc[-1]))
        if rota.get("people"):
            return
        if not named and rota.get("url"):
            says = f"somebody must be named for when the address does not answer; add {group} or users beside the rota"
            yield (*loc, "rota"), says, True
            return
    if not named:
        yield loc, f"nobody is named; add {_EXAMPLES[str(loc[-1])]}", True


def _rota(loc: Loc, rota: dict[str, Any], tracker: str) -> Iterator[Found]:
    if rota.get("people") and rota.get("url"):
        yield (*loc, "url"), "a rota is either people who take turns, or a url; keep one", True
    elif rota.get("people") and not _has(rota, "starts"):
        says = '"starts" is missing; say on which day the first of the people begins: starts: 2026-12-07'
        yield loc, says, False
    elif rota.get("url"):
        for key in ("starts", "turn"):
            if _has(rota, key):
                yield (*loc, key), f"{key} belongs to people; a url says by itself who is on duty", True
    elif not rota.get("people"):
        yield loc, "nobody is on duty; add people and starts, or a url that answers with a name", True
    people = rota.get("people")
    for index, person in enumerate(people if isinstance(people, list) else [people]):
        if tracker == "github" and isinstance(person, str) and not is_login(person):
            yield (*loc, "people", index), f"{shown(person)} {NO_LOGIN}", False
    if _text(rota.get("url")).startswith("http://") and not _stays_here(rota["url"]):
        says = "who is asked must not be forged on the way; write https://… (http only for localhost and 127.0.0.1)"
        yield (*loc, "url"), says, False


def _stays_here(url: str) -> bool:
    """Whether the address is of the very machine."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _used(raw: dict[str, Any]) -> dict[str, Loc]:
    """The trackers that show stages, each with its first source."""
    return {t: loc for loc, source in reversed(list(_entries(raw, "sources"))) for t in _TRACKERS if _has(source, t)}


def _reach(raw: dict[str, Any]) -> Iterator[Found]:
    """Parties that a rule or a notice needs on a tracker where they are nobody, or too few."""
    parties = _map(raw.get("parties"))
    used = _used(raw)
    said: set[tuple[str, str]] = set()
    for by, name, where in _wanted(raw):
        party = _map(parties.get(name))
        for tracker, source in used.items() if any(_has(party, each) for each in _TRACKERS) else ():
            if not _has(party, tracker) and (name, tracker) not in said:
                said.add((name, tracker))
                asks = f"{path_of(where[:2])} needs them; add {_EXAMPLES[tracker]}"
                says = f"nobody on {_TRACKERS[tracker]}, where sources[{source[1]}] shows stages and {asks}"
                yield ("parties", name), says, True
            elif (size := _size(_map(party.get(tracker)))) and by > size:
                says = f"can never be met: {shown(name)} is {size} on {_TRACKERS[tracker]}, and {by} are asked for"
                yield (*where, "by"), says, False


def unreached(raw: dict[str, Any], tracker: str) -> Iterator[Found]:
    """What the rules ask of parties that are nobody on that one tracker, or too few."""
    for by, name, where in _wanted({"rules": raw.get("rules")}):
        party = _map(_map(raw.get("parties")).get(name))
        if party and not _has(party, tracker):
            yield (*where, "party"), f"{shown(name)} is nobody on {_TRACKERS[tracker]}", False
        elif (size := _size(_map(party.get(tracker)))) and by > size:
            yield (*where, "by"), f"can never be met: {shown(name)} is {size} there, and {by} are asked for", False


def asked(rule: dict[str, Any]) -> Iterator[tuple[Loc, str, dict[str, Any]]]:
    """Every requirement that a rule names, however deep: where in the rule, its name, its arguments."""
    for part in ("when", "require"):
        yield from ((where, name, given) for where, name, given, _ in _asked(rule.get(part), (part,), True))


def _wanted(raw: dict[str, Any]) -> Iterator[tuple[int, str, Loc]]:
    """How many of which party must be reached, for which part of the file."""
    for loc, rule in _entries(raw, "rules"):
        for where, name, given, _ in _asked(rule.get("require"), (*loc, "require"), True):
            if name in _NEEDS_PARTY and "none" not in where:
                by = given.get("by", 1)
                yield by if isinstance(by, int) else 1, _text(given.get("party")), where
    for loc, entry in _entries(raw, "notify"):
        for name in _texts(entry.get("parties")):
            yield 1, name, loc
    for name in _texts(_map(raw.get("routes")).get("agreed_by")):
        yield 1, name, ("routes", "agreed_by")


def _size(people: dict[str, Any]) -> int:
    """How many the people are, when they are named one by one; 0 when a team, a group or an address decides."""
    rota = _map(people.get("rota"))
    if people.get("team") or people.get("group") or rota.get("url"):
        return 0
    named = (people.get("users"), people.get("fallback"), rota.get("people"))
    return len({name.casefold() for part in named for name in _texts(part)})
