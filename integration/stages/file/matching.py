"""Which stage a label or a status may show, and who a team may be: guessed by words, for an admin to look at.

A guess is made only where every word of a name is known. `internal` shows a stage, `internal-only` says something else.
Among several stages the word that says more wins (in `Internal Release` that is `internal`); else the lower one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

SAYS_MUCH: Mapping[str, tuple[str, ...]] = {
    "development": ("development", "dev", "developing", "in progress", "progress", "doing", "wip", "building",
                    "implementing", "implementation", "coding", "in the making", "work in progress"),
    "internal": ("internal", "internally", "alpha", "dogfood", "dogfooding", "employees", "in staging",
                 "private preview", "closed preview"),
    "beta": ("beta", "betas", "early access", "preview", "public preview", "pilot", "canary", "limited",
             "limited availability", "release candidate", "rc"),
    "public": ("public", "publicly", "ga", "general availability", "generally available", "everyone", "everybody"),
}  # fmt: skip
"""The words that name a stage by themselves."""
SAYS_LITTLE: Mapping[str, tuple[str, ...]] = {
    "development": ("in review", "code review", "in qa"),
    "internal": (),
    "beta": (),
    "public": ("released", "live", "launched", "shipped", "in production", "rolled out", "deployed", "available"),
}
"""Those that do so where no other stage is named."""
BESIDE = frozenset({
    "stage", "status", "state", "phase", "step", "level", "feature", "rollout", "release", "in", "to", "for", "the",
    "a", "of", "is", "now", "test", "testing", "tests", "all", "customers", "users",
})  # fmt: skip
"""Words that may stand beside them and say nothing."""
NOT_YET = frozenset({
    "ready", "waiting", "awaiting", "pending", "needs", "need", "selected", "next", "planned", "before", "not", "no",
    "todo", "do",
})  # fmt: skip
"""With one of these a name tells what is to come."""

PARTIES: Mapping[str, tuple[str, ...]] = {
    "support": ("support", "helpdesk", "service desk", "customer success", "customer care", "customer service"),
    "growth": ("growth", "marketing", "gtm", "go to market", "launch"),
    "docs": ("docs", "documentation", "doc", "writers", "writing", "technical writing", "knowledge"),
    "release-managers": ("release managers", "release management", "release manager", "releng", "release engineering"),
}
"""Whom a feature may concern, and how their team is called."""

_WORDS = re.compile(r"[^\W_]+")


def stage_of(name: str) -> str | None:
    """The stage that a label or status of this name may show; None where no guess is made."""
    words = _WORDS.findall(name.casefold())
    if not words or NOT_YET & set(words):
        return None
    said = {stage: _covered(words, phrases) for stage, phrases in SAYS_MUCH.items()}
    hinted = {stage: _covered(words, phrases) for stage, phrases in SAYS_LITTLE.items()}
    known = set().union(*said.values(), *hinted.values())
    if any(place not in known and word not in BESIDE for place, word in enumerate(words)):
        return None
    return _first(said) or _first(hinted)


def _covered(words: list[str], phrases: Iterable[str]) -> set[int]:
    """The places of the words that belong to one of these phrases."""
    found: set[int] = set()
    for phrase in phrases:
        wanted = phrase.split()
        for start in range(len(words) - len(wanted) + 1):
            if words[start : start + len(wanted)] == wanted:
                found |= set(range(start, start + len(wanted)))
    return found


def _first(said: Mapping[str, set[int]]) -> str | None:
    """The stage of which most words speak; of equals the lowest."""
    best = max(said, key=lambda stage: len(said[stage]))
    return best if said[best] else None


def by_stage(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The names by the stage that they may show, lowest first; of names that differ in their capitals the first."""
    found: dict[str, dict[str, str]] = {stage: {} for stage in SAYS_MUCH}
    for name in names:
        if stage := stage_of(name):
            found[stage].setdefault(name.casefold(), name)
    return {stage: tuple(each.values()) for stage, each in found.items() if each}


def parties_of(teams: Iterable[str]) -> dict[str, str]:
    """For each party the team that is called most like it; none where nothing is."""
    listed = list(teams)
    found = {party: _nearest(phrases, listed) for party, phrases in PARTIES.items()}
    return {party: team for party, team in found.items() if team}


def _nearest(phrases: Iterable[str], teams: Iterable[str]) -> str:
    """The team that a phrase fits, with the fewest words beside it."""
    best, beside = "", 99
    for team in teams:
        words = _WORDS.findall(team.rpartition("/")[2].casefold())
        covered = _covered(words, phrases)
        if covered and len(words) - len(covered) < beside:
            best, beside = team, len(words) - len(covered)
    return best
