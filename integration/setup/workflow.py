"""A Jira workflow as its interface shows it, and what is to be changed in it. Pure.

Two things hold a move before it is made: each way to a guarded status asks for a field, with our own words where it is
empty; and one way that leads nowhere shows that field, and is ours alone. So nobody else can fill it in.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
FIELD, RESTRICT, SCREEN = (
    "system:validate-field-value",
    "system:restrict-issue-transition",
    "system:transition-screen",
)
OUR_WAY = "Release Stages"
_NOBODY = ("accountIds", "roleIds", "groupIds", "permissionKeys", "groupCustomFields", "allowUserCustomFields",
           "denyUserCustomFields")  # fmt: skip
_STATUS = ("id", "name", "statusCategory", "statusReference", "description")
_KEPT = ("id", "description", "version", "statuses", "transitions", "startPointLayout",
         "loopedTransitionContainerLayout")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guard:
    """One stage whose statuses are guarded by a field, and what Jira says where that is empty."""

    stage: str
    name: str
    statuses: tuple[str, ...]  # names, or ids
    field: str
    message: str

    @property
    def rule(self) -> Json:
        """Jira's own rule for it."""
        asked = {"ruleType": "fieldRequired", "fieldsRequired": self.field, "ignoreContext": "true"}
        return {"ruleKey": FIELD, "parameters": asked | {"errorMessage": self.message}}


@dataclass(frozen=True, slots=True)
class Way:
    """The way on which our account writes the fields: the screen that shows them, and the group that it is alone in."""

    screen: str
    group: str

    @property
    def restriction(self) -> Json:
        """Jira's own rule for it."""
        return {"ruleKey": RESTRICT, "parameters": dict.fromkeys(_NOBODY, "") | {"groupIds": self.group}}

    @property
    def conditions(self) -> Json:
        """All that must be met: the group's people, and nobody else."""
        return {"operation": "ALL", "conditions": [self.restriction], "conditionGroups": []}

    def transition(self, number: str) -> Json:
        """As Jira has it: from everywhere, and to nowhere else."""
        return {
            "id": number, "type": "GLOBAL", "name": OUR_WAY, "links": [], "actions": [], "validators": [],
            "description": "Release Stages writes here which stages are open. It leads nowhere, and is its alone.",
            "triggers": [], "properties": {},
            "conditions": self.conditions,
            "transitionScreen": {"ruleKey": SCREEN, "parameters": {"screenId": self.screen}},
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One change to a workflow, for people, and as Jira takes it."""

    says: str
    rule: Json


class Workflow:
    """One workflow. `ranks` tells for the name or id of a status how high its stage is, `ours` are our fields' ids."""

    def __init__(
        self, raw: Json, statuses: Iterable[Json], ranks: Mapping[str, int], ours: Container[str] = ()
    ) -> None:
        self.raw, self.ours = raw | {"transitions": [_modern(one) for one in raw["transitions"]]}, ours
        self.ranks = {name.casefold(): rank for name, rank in ranks.items()}
        self.statuses = {str(one["statusReference"]): one for one in statuses}
        self.name = str(raw["name"])

    def is_one(self, reference: str | None, wanted: Iterable[str]) -> bool:
        """Is that status one of these, by name or id?"""
        one = self.statuses.get(reference or "") or {}
        here = {str(one.get("id", "")).casefold(), str(one.get("name", "")).casefold()} - {""}
        return bool(here & {name.casefold() for name in wanted})

    def called(self, reference: str | None) -> str:
        """The status's name."""
        return str((self.statuses.get(reference or "") or {}).get("name", "?"))

    def rank(self, reference: str | None) -> int | None:
        """How high the stage of this status is; None where it shows none."""
        one = self.statuses.get(reference or "") or {}
        names = (str(one.get("id", "")).casefold(), str(one.get("name", "")).casefold())
        return next((self.ranks[name] for name in names if name in self.ranks), None)

    # --- holding ---

    def held(self, guards: Sequence[Guard], way: Way) -> tuple[Json, list[Change]]:
        """The workflow as it is to be, and what that changes; nothing where it is so already."""
        new, changes = copy.deepcopy(self.raw), list[Change]()
        for transition in new["transitions"]:
            for guard in guards:
                if self._leads_forward_to(transition, guard):
                    changes += self._guarded(transition, guard)
        ours = [one for one in new["transitions"] if _is_ours(one, way.screen)]
        for one in ours:
            changes += self._restricted(one, way)
        if not ours:
            made = way.transition(_next_id(new["transitions"]))
            new["transitions"].append(made)
            says = f"{self.name}: a transition '{OUR_WAY}', on which our account alone writes the fields"
            changes.append(Change(says, made))
        return new, changes

    def _restricted(self, ours: Json, way: Way) -> Iterator[Change]:
        """Who could make our transition could open every gate: it is for our group alone, whatever it was before."""
        if not _is_for(ours, way.restriction):
            ours["conditions"] = way.conditions
            says = f"{self.name}: '{ours['name']}' is for our account alone again; others could write the fields on it"
            yield Change(says, way.conditions)

    def also_shown(self, screen: str) -> Iterator[str]:
        """The transitions to a status that show our screen: whoever may make one can write the fields on it."""
        for one in self.raw["transitions"]:
            if one.get("toStatusReference") and _shows(one, screen):
                yield str(one["name"])

    def _leads_forward_to(self, transition: Json, guard: Guard) -> bool:
        """Into one of the stage's statuses, and from below it. A way back asks for nothing."""
        to = transition.get("toStatusReference")
        if transition["type"] == "INITIAL" or not self.is_one(to, guard.statuses):
            return False
        here, starts = self.rank(to), [self.rank(one["fromStatusReference"]) for one in transition.get("links") or ()]
        above = [one for one in starts if here is not None and one is not None and one >= here]
        return not starts or len(above) < len(starts)

    def _guarded(self, transition: Json, guard: Guard) -> Iterator[Change]:
        says = f"{self.name}: '{transition['name']}' to {self.called(transition['toStatusReference'])}"
        known = next((one for one in transition.get("validators") or () if _asks_for(one, guard.field)), None)
        if known is None:
            transition.setdefault("validators", []).append(guard.rule)
            yield Change(f"{says} asks for the field of {guard.name}", guard.rule)
        elif not guard.rule["parameters"].items() <= known["parameters"].items():
            known["parameters"] = known["parameters"] | guard.rule["parameters"]
            yield Change(f"{says} says something else where the field of {guard.name} is empty", guard.rule)

    def released(self, fields: Iterable[str], screen: str) -> tuple[Json, list[Change]]:
        """The workflow without anything of ours."""
        new, changes, ours = copy.deepcopy(self.raw), list[Change](), set(fields)
        for transition in new["transitions"]:
            kept = [one for one in transition.get("validators") or () if not any(_asks_for(one, name) for name in ours)]
            gone = len(transition.get("validators") or ()) - len(kept)
            if gone:
                transition["validators"] = kept
                changes.append(Change(f"{self.name}: '{transition['name']}' asks for no field of ours any more", {}))
        left = [one for one in new["transitions"] if not _is_ours(one, screen)]
        if len(left) < len(new["transitions"]):
            new["transitions"] = left
            changes.append(Change(f"{self.name}: the transition '{OUR_WAY}' is taken out", {}))
        return new, changes

    # --- ways back ---

    def ways_back(self, gated: Container[int]) -> Iterator[tuple[str, bool]]:
        """For each gated stage (by how high it is) whether what is put back out of it finds its way: (words, fault)."""
        for reference in (str(one["statusReference"]) for one in self.raw["statuses"]):
            high = self.rank(reference)
            if high is None or high not in gated:
                continue
            for low in self._lower_stages(reference, high):
                yield self._way_back(reference, low)

    def _lower_stages(self, reference: str, high: int) -> Iterator[list[str]]:
        """The statuses of each lower stage from which this one can be reached."""
        by_rank: dict[int, list[str]] = {}
        for one in self.raw["statuses"]:
            rank = self.rank(one["statusReference"])
            if rank is not None and rank < high:
                by_rank.setdefault(rank, []).append(str(one["statusReference"]))
        for _, lower in sorted(by_rank.items(), reverse=True):
            if any(self._between(one, reference) for one in lower):
                yield lower

    def _between(self, start: str, end: str) -> list[Json]:
        """The transitions that lead from here to there."""
        return [
            one for one in self.raw["transitions"]
            if one.get("toStatusReference") == end and start != end and one["type"] != "INITIAL"
            and (one["type"] == "GLOBAL" or start in (link["fromStatusReference"] for link in one.get("links") or ()))
        ]  # fmt: skip

    def _way_back(self, reference: str, lower: Sequence[str]) -> tuple[str, bool]:
        here, there = self.called(reference), " or ".join(self.called(one) for one in lower)
        ways = [way for one in lower for way in self._between(reference, one)]
        if not ways:
            return (
                f"{self.name}: nothing leads from {here} back to {there}: what is blocked would stand there; add a "
                f"transition from {here} to {there} that our account may use and that asks for nothing", True
            )  # fmt: skip
        free = [one for one in ways if not self._asks(one)]
        if not free:
            asked = ", ".join(dict.fromkeys(name for one in ways for name in self._asks(one)))
            return f"{self.name}: each way from {here} back to {there} asks for {asked}; take that away", True
        limited = all((one.get("conditions") or {}).get("conditions") for one in free)
        more = "; it has conditions, so see that our account meets them" if limited else ""
        return f"{self.name}: '{free[0]['name']}' leads from {here} back to {there}{more}", False

    def _asks(self, transition: Json) -> list[str]:
        """The fields that a transition wants filled in; ours are, for all that is lower than where it stands."""
        asked = (one.get("parameters") or {} for one in transition.get("validators") or ())
        named = [str(one["fieldsRequired"]) for one in asked if one.get("ruleType") == "fieldRequired"]
        return [one for one in named if one not in self.ours]


def _modern(transition: Json) -> Json:
    """With `toStatusReference` and `links`, where Jira still tells it by `to` and `from`: it takes no mixture."""
    if "to" not in transition and "from" not in transition:
        return transition
    to, starts = transition.get("to") or {}, transition.get("from") or ()
    made = {name: value for name, value in transition.items() if name not in ("to", "from")}
    made |= {"toStatusReference": to["statusReference"]} if to else {}
    return made | {"links": [
        {"fromStatusReference": one["statusReference"], "fromPort": one.get("port"), "toPort": to.get("port")}
        for one in starts
    ]}  # fmt: skip


def payload(statuses: Iterable[Json], workflows: Iterable[Json]) -> Json:
    """A change as Jira takes it."""
    return {
        "statuses": [{name: one[name] for name in _STATUS if name in one} for one in statuses],
        "workflows": [{name: one[name] for name in _KEPT if name in one} for one in workflows],
    }


def _asks_for(rule: Json, field: str) -> bool:
    asked = rule.get("parameters") or {}
    return (rule.get("ruleKey"), asked.get("ruleType"), asked.get("fieldsRequired")) == (FIELD, "fieldRequired", field)


def _shows(transition: Json, screen: str) -> bool:
    shown = ((transition.get("transitionScreen") or {}).get("parameters") or {}).get("screenId")
    return bool(screen) and str(shown) == screen


def _is_ours(transition: Json, screen: str) -> bool:
    return not transition.get("toStatusReference") and _shows(transition, screen)


def _is_for(transition: Json, restriction: Json) -> bool:
    """Is it only for those whom this rule means? Other conditions may narrow it; one of several would widen it."""
    asked = transition.get("conditions") or {}
    several = len(asked.get("conditions") or ()) + len(asked.get("conditionGroups") or ()) > 1
    if several and asked.get("operation") != "ALL":
        return False
    return any(_means(one, restriction) for one in asked.get("conditions") or ())


def _means(rule: Json, restriction: Json) -> bool:
    has = rule.get("parameters") or {}
    wanted = restriction["parameters"]
    return rule.get("ruleKey") == RESTRICT and all((has.get(name) or "") == wanted[name] for name in wanted)


def _next_id(transitions: Iterable[Json]) -> str:
    """A number that none has: Jira gives none itself."""
    taken = [int(one["id"]) for one in transitions if str(one["id"]).isdecimal()]
    return str((max(taken, default=1) // 10 + 1) * 10 + 1)
