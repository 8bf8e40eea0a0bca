"""Where each rule's level stands in mappings.yaml, and what a rule is about: for whoever is to change the one line."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from integration.stages.file.written import Written, parse

_TERMS = ("entering", "leaving", "from", "when", "require", "level")


@dataclass(frozen=True, slots=True)
class Stands:
    """A rule as it is written. `line` and `column` are those of its level's value, counted from 1.

    `terms` names what it judges, at which level: where that has changed, what it found before says nothing of it.
    `shared` are other rules whose level is written at the same place, by an anchor.
    """

    line: int
    column: int
    terms: str
    shared: tuple[str, ...] = ()


@lru_cache(4)
def levels(text: str) -> Mapping[str, Stands]:
    """Each rule of a file that has no fault, by its id."""
    rules = parse(text, "mappings.yaml")[0].parts.get("rules")
    written = {str(one.value["id"]): one for one in rules.parts.values()} if rules else {}
    places = {rule: (one.parts["level"].line, one.parts["level"].column) for rule, one in written.items()}
    at = Counter(places.values())
    return {
        rule: Stands(*places[rule], _terms(one), _others(rule, places) if at[places[rule]] > 1 else ())
        for rule, one in written.items()
    }


def _others(rule: str, places: Mapping[str, tuple[int, int]]) -> tuple[str, ...]:
    return tuple(one for one, place in places.items() if one != rule and place == places[rule])


def terms(text: str) -> Mapping[str, str]:
    """What each rule of a file judges, at which level, as a digest."""
    return {rule: one.terms for rule, one in levels(text).items()}


def _terms(rule: Written) -> str:
    said: dict[str, Any] = {key: rule.value.get(key) for key in _TERMS}
    return hashlib.sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()[:16]
