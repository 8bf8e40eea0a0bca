"""A first mappings.yaml for an organisation, out of what its trackers have; with comments that say what is to be done.

It posts nothing: every rule observes, and nobody is told of anything, until an admin says `warn`, `block` or `post`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

STAGES = {
    "development": "Development",
    "internal": "Internal Release",
    "beta": "Beta Release",
    "public": "Public Release",
}
NAMES = {"support": "Support", "growth": "Growth", "docs": "Docs", "release-managers": "Release managers"}
ASKED = ("support", "growth")
"""The parties without whom nothing should go Public."""
DEFAULT_LABELS = {stage: (f"stage: {stage}",) for stage in STAGES}
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS_OF_YAML = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


@dataclass(frozen=True, slots=True)
class OnJira:
    """What was found at one site."""

    site: str
    projects: tuple[str, ...]
    statuses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # stage -> names
    others: tuple[str, ...] = ()  # statuses that look like no stage


@dataclass(frozen=True, slots=True)
class Basis:
    """What the file is made of. `teams` are GitHub's and `groups` Jira's, each by party."""

    today: date
    repositories: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    jira: tuple[OnJira, ...] = ()
    teams: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    time_zone: str = "UTC"

    @property
    def parties(self) -> list[str]:
        """Those of whom anything is known, in the order of `NAMES`."""
        return [party for party in NAMES if party in self.teams or party in self.groups]

    @property
    def everywhere(self) -> list[str]:
        """Those of them that can be asked on each tracker that has a source: only they can stand in rules."""
        on_github, on_jira = bool(self.repositories), any(one.statuses for one in self.jira)
        return [
            party
            for party in self.parties
            if (party in self.teams or not on_github) and (party in self.groups or not on_jira)
        ]


def proposed(basis: Basis) -> str:
    """The file's text. It has no fault, and only what it says of people and places is a guess."""
    parts = [_head(basis), _parties(basis), _sources(basis), _rules(basis), _notify(basis), _waivers(basis)]
    return "\n\n".join("\n".join(part).rstrip() for part in map(list, parts)) + "\n"


def _head(basis: Basis) -> Iterator[str]:
    yield "# yaml-language-server: $schema=docs/mappings.schema.json"
    yield "#"
    yield f"# Proposed by `release-stages init` on {basis.today}, out of what the trackers have. Look at each guess."
    yield "# Nothing is posted by this file: its rules observe. When you like what `release-stages explain` shows of an"
    yield "# issue, write `level: warn`, later `level: block`; and `level: post` under notify."
    yield "# What else can be said: the mappings.yaml that ships is the tutorial. After a change: release-stages check"
    yield ""
    yield "version: 1"
    yield f"time_zone: {_text(basis.time_zone):24} # of the dates in this file; Europe/London, America/New_York …"
    yield "raise_after: 6 weeks                 # then `release-stages rules` says which rules may be raised, and where"
    yield ""
    yield "stages:                             # in order; a feature need not visit them all"
    yield from (f"  {stage}: {name}" for stage, name in STAGES.items())


# --- people -----------------------------------------------------------------------------------------------------------


def _parties(basis: Basis) -> Iterator[str]:
    yield "# Who must know; guessed by the names of teams. Members speak for their party: by a reply, or /stage ack."
    yield "# Give each a `fallback: [login]` under github: who is mentioned where the team cannot be reached."
    if not basis.parties:
        yield "# No team was called Support, Growth or Docs. Put yours in, such as:"
        yield "#   support: {name: Support, github: {team: acme/support}, jira: {group: support-agents}}"
        return
    yield "parties:"
    for party in basis.parties:
        yield f"  {party}:"
        yield f"    name: {NAMES[party]}"
        if team := basis.teams.get(party):
            yield f"    github: {{team: {_text(team)}}}"
        if group := basis.groups.get(party):
            yield f"    jira: {{group: {_text(group)}}}"
        if party not in basis.everywhere:
            lacking = "group of Jira" if party in basis.teams else "team of GitHub"
            yield f"    # No {lacking} is called like it. Once one stands here, the rules can name this party."


# --- sources ----------------------------------------------------------------------------------------------------------


def _sources(basis: Basis) -> Iterator[str]:
    yield "# Where a stage is shown: labels on GitHub, statuses on Jira. Each name stands for one stage only."
    yield "sources:"
    if basis.repositories:
        yield "  - github:"
        yield f"      repositories: {_list(basis.repositories, quoted=True)}"
        if not basis.labels:
            yield "      # No label there looked like a stage: these are still to be made."
        yield "      labels:"
        yield from _signs(basis.labels or DEFAULT_LABELS, "label", quoted=True)
    for one in basis.jira:
        yield from _of_jira(one)


def _of_jira(one: OnJira) -> Iterator[str]:
    put = "" if one.statuses else "# "
    if put:
        yield f"  # No status of {', '.join(one.projects)} looked like a stage. Say which do, and take the # away:"
    yield f"  {put}- jira:"
    if one.site != "main":
        yield f"  {put}    site: {_text(one.site)}"
    yield f"  {put}    projects: {_list(one.projects)}"
    yield f"  {put}    statuses:"
    if put:
        yield f"  {put}      public: [Released]"
    yield from _signs(one.statuses, "status")
    if one.others:
        yield f"        # not taken for a stage: {', '.join(map(_text, one.others))}"


def _signs(signs: Mapping[str, tuple[str, ...]], kind: str, quoted: bool = False) -> Iterator[str]:
    for stage in STAGES:
        if names := signs.get(stage):
            shown = _text(names[0], quoted) if len(names) == 1 else _list(names, quoted)
            yield f"        {stage}: {shown}"
        elif signs:
            yield f"        # {stage}: no {kind} looked like it"


# --- rules ------------------------------------------------------------------------------------------------------------


def _rules(basis: Basis) -> Iterator[str]:
    yield "# Each completes the sentence “a feature may enter Public if …”. docs/rules.md has every requirement."
    yield "# level: observe writes down what it would have said; warn says it on the issue; block puts the issue back."
    yield "rules:"
    for party in (one for one in ASKED if one in basis.everywhere):
        yield from _rule(
            f"{party}-before-public",
            [f"notified: {{party: {party}}}  # was mentioned, provably", f"acknowledged: {{party: {party}}}"],
            basis.today,
            f"{NAMES[party]} should not hear of it from customers.",
        )
    yield from _rule(
        "seen-before-public",
        ["any: [visited: {stage: internal}, visited: {stage: beta}]"],
        basis.today,
        "What nobody has seen in Internal or Beta surprises everybody in Public.",
    )
    yield from _rule("not-on-hold", ["not_on_hold"], basis.today, "Somebody asked to wait, and had a reason.")


def _rule(name: str, required: Sequence[str], since: date, because: str) -> Iterator[str]:
    yield f"  - id: {name}"
    yield "    entering: public"
    yield "    require:"
    yield from (f"      - {one}" for one in required)
    yield "    level: observe"
    yield f"    effective: {since}"
    yield f"    because: {because}"


def _notify(basis: Basis) -> Iterator[str]:
    told = [party for party in basis.everywhere if party != "release-managers"]
    yield "# Who is told without being asked, when a stage is entered. level: post posts it."
    if not told:
        yield "notify: []"
        return
    yield "notify:"
    for stage in ("beta", "public"):
        yield f"  - {{entering: {stage}, parties: {_list(told)}, level: observe, effective: {basis.today}}}"


def _waivers(basis: Basis) -> Iterator[str]:
    yield "# Who may let one feature pass one rule, once: /stage waive RULE REASON."
    allowed = "[release-managers]" if "release-managers" in basis.everywhere else "[]"
    yield f"waivers: {{allowed: {allowed}, reason: required}}"


# --- YAML -------------------------------------------------------------------------------------------------------------


def _text(name: str, quoted: bool = False) -> str:
    """A name as YAML has it: bare where nobody could take it for anything else, else in quotes."""
    bare = _BARE.fullmatch(name) and name.casefold() not in _WORDS_OF_YAML and not quoted
    return name if bare else json.dumps(name, ensure_ascii=False)


def _list(names: Iterable[str], quoted: bool = False) -> str:
    return f"[{', '.join(_text(one, quoted) for one in names)}]"
