"""The mappings.yaml of the stories: the sandbox's cast, and the rules that a story asks for."""

from __future__ import annotations

from integration.sandbox.people import PEOPLE

RULES = """
  - id: support-before-public
    entering: public
    require:
      - notified: {party: support, ahead: 1 working day}
      - acknowledged: {party: support}
    level: block
    effective: 2026-12-01
    because: Support answers our customers; they must know first.
"""

NOTIFY = """
  - {entering: beta, parties: [support], level: post, effective: 2026-12-01}
  - {entering: public, parties: [growth], level: post, effective: 2026-12-01}
  - {backward: true, parties: [support, growth], level: post, effective: 2026-12-01}
"""


def mappings(rules: str = RULES, notify: str = NOTIFY, waivers: str = "{allowed: [release-managers]}") -> str:
    """The file's text."""
    people = {login: one.account_id for login, one in PEOPLE.items()}
    return f"""
version: 1
time_zone: Europe/London
stages: {{development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}}
calendars:
  london: {{time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}}
parties:
  support:
    name: Support
    github: {{team: acme/support, fallback: [support-lead]}}
    jira: {{users: [{people["sam"]}, {people["sofia"]}], group: support-agents, fallback: [{people["support-lead"]}]}}
    calendar: london
    escalate_to: {{github: [support-lead], jira: [{people["support-lead"]}]}}
  growth:
    name: Growth
    github: {{team: acme/growth}}
    jira: {{group: growth-team}}
  release-managers:
    name: Release managers
    github: {{team: acme/release-managers}}
    jira: {{users: [{people["rhea"]}]}}
sources:
  - github:
      repositories: ["acme/*"]
      labels:
        development: "stage: development"
        internal: "stage: internal"
        beta: "stage: beta"
        public: "stage: public"
  - jira:
      projects: [APP, ONE]
      statuses: {{development: [In Progress, In Review], internal: [Internal], beta: [Beta], public: [Released]}}
rules: {rules or "[]"}
notify: {notify or "[]"}
waivers: {waivers}
"""
