"""The sandbox's cast: the same people on its GitHub and on its Jira, and the clock that both go by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime

ORG = "acme"
SERVICE = "release-stages[bot]"
SERVICE_TOKEN = "sandbox-service-token"  # noqa: S105  there is nothing behind it: the sandbox guards no secret
GITHUB_SECRET = JIRA_SECRET = "sandbox-secret"  # noqa: S105  settings.py says the same
SERVICE_EMAIL = "release-stages@acme.example"
_STRANGERS = frozenset({"mallory"})


def now() -> datetime:
    """The time by which both trackers stamp; tests travel in it."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Someone:
    """A person, or a bot, of the sandbox. `teams` are slugs in the organisation acme, `groups` are Jira's."""

    login: str
    name: str
    account_id: str
    role: str
    teams: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    token: str = field(default="", repr=False)

    @property
    def bot(self) -> bool:
        """GitHub's way to tell: the login ends in `[bot]`."""
        return self.login.endswith("[bot]")

    @property
    def in_org(self) -> bool:
        """Are they a member of the organisation acme? Bots never are."""
        return not self.bot and self.login not in _STRANGERS

    @property
    def email(self) -> str:
        """The address that Jira knows them by."""
        return SERVICE_EMAIL if self.login == SERVICE else f"{self.login.removesuffix('[bot]')}@acme.example"


def _someone(
    login: str, name: str, role: str, team: str = "", groups: tuple[str, ...] = (), token: str = ""
) -> Someone:
    account_id = hashlib.sha256(login.encode()).hexdigest()[:24]
    return Someone(login, name, account_id, role, (team,) if team else (), groups, token or f"sandbox-{login}-token")


_CAST = (
    _someone("erin", "Erin", "Engineer; builds features and moves them through the stages", groups=("engineers",)),
    _someone("evan", "Evan", "Engineer; works with Erin", groups=("engineers",)),
    _someone("sam", "Sam", "Support; answers customers", "support", ("support-agents",)),
    _someone("sofia", "Sofia", "Support; answers customers", "support", ("support-agents",)),
    _someone("support-lead", "Lena", "Leads Support; named when the team cannot be reached", "support",
             ("support-agents",)),
    _someone("gus", "Gus", "Growth; plans launches", "growth", ("growth-team",)),
    _someone("gwen", "Gwen", "Growth; plans launches", "growth", ("growth-team",)),
    _someone("dora", "Dora", "Docs; writes the help pages", "docs", ("docs-writers",)),
    _someone("rhea", "Rhea", "Release manager; may waive a rule", "release-managers", ("release-managers",)),
    _someone("mallory", "Mallory", "A stranger; has no rights beyond reading what is public"),
    _someone(SERVICE, "Release Stages", "The service's own account", groups=("bots",), token=SERVICE_TOKEN),
    _someone("stale-bot[bot]", "Stale Bot", "Another bot, which relabels what looks idle", groups=("bots",)),
)  # fmt: skip

PEOPLE: dict[str, Someone] = {one.login: one for one in _CAST}
