"""The rules of the seeded organisation, as it made them stricter over the months: three versions of one file.

`Eras` also tells the script which rule said what at a moment, so that a story knows its end without asking the mind.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from string import Template
from typing import Literal

from integration.seed.cast import PARTIES, account
from integration.stages.file.mappings import Mappings, known

LABELS = {stage: f"stage: {stage}" for stage in ("development", "internal", "beta", "public")}
STATUSES = {"development": "In Progress", "internal": "Internal", "beta": "Beta", "public": "Released"}
LISTED = "beta-list"  # a label of Jira's that shows a stage, beside the status
PLACES = ("acme/app", "acme/web", "acme/mobile", "acme/billing")
PROJECTS = ("APP", "OPS")
SITE = "main"
SOAK = timedelta(days=5)
LATER = 5  # working days, for which a party's word may be put off

Says = Literal["observe", "warn", "block"]

_LEVELS: dict[str, tuple[Says, Says, Says]] = {
    "support-before-public": ("warn", "block", "block"),
    "growth-before-public": ("observe", "warn", "warn"),
    "seen-by-stakeholders": ("observe", "warn", "warn"),
    "soak": ("observe", "warn", "block"),
    "not-on-hold": ("block", "block", "block"),
    "described": ("observe", "warn", "warn"),
    "docs-before-beta": ("observe", "observe", "warn"),
    "nothing-owed": ("observe", "observe", "warn"),
    "while-we-watch": ("observe", "observe", "observe"),
    "launch-checklist": ("observe", "observe", "observe"),
}

_FILE = Template("""\
# The rules of a made-up organisation, acme, as `release-stages seed` plays them.
version: 1
time_zone: Europe/London

stages:
  development: Development
  internal: Internal Release
  beta: Beta Release
  public: Public Release

calendars:
  london: {time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}

parties:
  support:
    name: Support
    github: {team: acme/support, fallback: [support-lead]}
    jira: {users: [$support], fallback: [$lead]}
    calendar: london
    respond_within: 1 working day
    escalate_to: {github: [support-lead], jira: [$lead]}
    briefing: [What changes, Who is affected, How to undo]
  growth:
    name: Growth
    github: {team: acme/growth}
    jira: {users: [$growth]}
    calendar: london
    respond_within: 1 working day
    briefing: [What changes, Who is affected]
  docs:
    name: Docs
    github: {team: acme/docs}
    jira: {users: [$docs]}
    calendar: london
    respond_within: 2 working days
  stakeholders:
    name: Stakeholders
    github: {users: [rhea, support-lead]}
    jira: {users: [$stakeholders]}
    calendar: london
    respond_within: 2 working days
  release-managers:
    name: Release managers
    github: {team: acme/release-managers}
    jira: {group: release-managers}

sources:
  - github:
      repositories: ["acme/*"]
      labels:
        development: "stage: development"
        internal: "stage: internal"
        beta: "stage: beta"
        public: "stage: public"
  - jira:
      projects: [APP, OPS]
      statuses:
        development: [In Progress, In Review]
        internal: [Internal]
        beta: [Beta]
        public: [Released]
      labels: {beta: [beta-list]}

routes: {agreed_by: [growth, support], effective: $born}

windows:
  office-hours: {days: mon-thu, hours: "09:00-15:00"}

rules:
$rules
notify:
  - {entering: beta, parties: [docs], level: post, effective: $born}
  - {entering: public, parties: [growth, docs], level: post, effective: $born}
  - {backward: true, parties: [support, growth], level: post, effective: $born}

waivers: {allowed: [release-managers], reason: required}
""")

_INTERNAL_ONLY = "    when: {not_labelled: internal-only}\n"
_RULES = {
    "support-before-public": (
        _INTERNAL_ONLY
        + "    require: [notified: {party: support, ahead: 1 working day}, acknowledged: {party: support}]",
        "Support answers our customers; they must know first.",
    ),
    "growth-before-public": (
        _INTERNAL_ONLY + "    require: [notified: {party: growth}, acknowledged: {party: growth}]",
        "Growth tells the world; a launch that they learn of afterwards is no launch.",
    ),
    "seen-by-stakeholders": (
        "    require: [any: [visited: {stage: internal}, visited: {stage: beta}], acknowledged: {party: stakeholders}]",
        "What its stakeholders have not seen does not work as they expect.",
    ),
    "soak": (
        "    require: [visited: {stage: beta}, spent: {stage: beta, at_least: 5 days}]",
        "Five days of Beta find the bugs that our users otherwise would.",
    ),
    "not-on-hold": ("    require: [not_on_hold]", "Somebody asked to wait, and had a reason."),
    "described": (
        "    require: [described: {section: What changes}, described: {section: How to undo}]",
        "The notices to Support and Growth quote these sections.",
    ),
    "docs-before-beta": (
        _INTERNAL_ONLY + "    require: [acknowledged: {party: docs}]\n    later: 5 working days",
        "Beta users read the manual as well.",
    ),
    "nothing-owed": ("    require: [no_debt]", "What was put off in Beta is due before everybody sees it."),
    "while-we-watch": (
        "    when: {not_labelled: hotfix}\n    require: [within: {window: office-hours}]",
        "On a Friday evening nobody sees it break.",
    ),
    "launch-checklist": (
        "    require: [checklist: {section: Launch checklist}]",
        "It is short, and each line of it was a bad day once.",
    ),
}  # fmt: skip
_ENTERING = {"described": "beta", "docs-before-beta": "beta"}


@dataclass(frozen=True)
class Eras:
    """The versions of the file, and from when on each was in force. Law 3: no rule is older than its `effective`."""

    born: datetime

    @cached_property
    def starts(self) -> tuple[datetime, datetime, datetime]:
        """When each version took effect: at midnight in London or nearly so, some weeks apart."""
        second, third = self.born + timedelta(weeks=6), self.born + timedelta(weeks=11)
        return self.born, second, third

    @cached_property
    def texts(self) -> tuple[str, str, str]:
        """The file of each era."""
        return self._text(0), self._text(1), self._text(2)

    @cached_property
    def files(self) -> tuple[Mappings, ...]:
        """The same as objects."""
        return tuple(known(text, "mappings.yaml") for text in self.texts)

    def number(self, at: datetime) -> int:
        """Which era that moment lies in; -1 before the ledger was born."""
        return sum(start <= at for start in self.starts) - 1

    def at(self, at: datetime) -> Mappings:
        """The file in force then."""
        return self.files[max(0, self.number(at))]

    def level(self, rule: str, at: datetime) -> Says:
        """What the rule did about a move that was made then."""
        number = self.number(at)
        return _LEVELS[rule][number] if number >= 0 else "observe"

    def _text(self, number: int) -> str:
        born = self.born.isoformat(timespec="seconds")
        rules = "".join(self._rule(rule, number) for rule in _LEVELS)
        people = {party: ", ".join(map(account, logins)) for party, logins in PARTIES.items()}
        return _FILE.substitute(people, lead=account("support-lead"), born=f'"{born}"', rules=rules)

    def _rule(self, rule: str, number: int) -> str:
        body, because = _RULES[rule]
        level = _LEVELS[rule][number]
        since = next(self.starts[era] for era in range(number + 1) if _LEVELS[rule][era] == level)
        effective = f'    effective: "{since.isoformat(timespec="seconds")}"\n' if level != "observe" else ""
        entering = _ENTERING.get(rule, "public")
        head = f"  - id: {rule}\n    entering: {entering}\n"
        return f"{head}{body}\n    level: {level}\n{effective}    because: {because}\n"
