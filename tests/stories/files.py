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

PARTIES = {
    "support": {"name": "Support", "calendar": "london"},
    "growth": {"name": "Growth"},
    "docs": {"name": "Docs"},
    "release-managers": {"name": "Release managers"},
}


def account(login: str) -> str:
    """Somebody's account id on Jira."""
    return PEOPLE[login].account_id


GITHUB = {
    "support": "{team: acme/support, fallback: [support-lead]%s}",
    "growth": "{team: acme/growth%s}",
    "docs": "{team: acme/docs%s}",
    "release-managers": "{team: acme/release-managers%s}",
}
JIRA = {
    "support": f"{{users: [{account('sam')}, {account('sofia')}], group: support-agents, "
    f"fallback: [{account('support-lead')}]%s}}",
    "growth": "{group: growth-team%s}",
    "docs": "{group: docs-writers%s}",
    "release-managers": f"{{users: [{account('rhea')}]%s}}",
}


def escalate_to(login: str) -> str:
    return f"{{github: [{login}], jira: [{account(login)}]}}"


def rota(*logins: str, starts: str) -> dict[str, str]:
    """What a party's people on each tracker get, so that they take weekly turns."""
    return {
        "on_github": f", rota: {{people: [{', '.join(logins)}], starts: {starts}}}",
        "on_jira": f", rota: {{people: [{', '.join(account(one) for one in logins)}], starts: {starts}}}",
    }


def _party(name: str, more: dict[str, str]) -> str:
    known = {"escalate_to": escalate_to("support-lead")} if name == "support" else {}
    added = {key: value for key, value in more.items() if key not in ("on_github", "on_jira")}
    given = {**PARTIES[name], **known, **added}
    lines = [f"    {key}: {value}" for key, value in given.items()]
    lines.append(f"    github: {GITHUB[name] % more.get('on_github', '')}")
    lines.append(f"    jira: {JIRA[name] % more.get('on_jira', '')}")
    return "\n".join([f"  {name}:", *lines])


def mappings(
    rules: str = RULES,
    notify: str = NOTIFY,
    waivers: str = "{allowed: [release-managers]}",
    parties: dict[str, dict[str, str]] | None = None,
    more: str = "",
) -> str:
    """The file's text; `parties` has more keys for some of them, `more` are further sections."""
    people = "\n".join(_party(name, (parties or {}).get(name, {})) for name in PARTIES)
    return f"""
version: 1
time_zone: Europe/London
stages: {{development: Development, internal: Internal Release, beta: Beta Release, public: Public Release}}
calendars:
  london: {{time_zone: Europe/London, days: mon-fri, hours: "09:00-17:30", holidays: GB-ENG}}
parties:
{people}
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
{more}
"""
