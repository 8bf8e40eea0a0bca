"""Who acts in the seeded world, as each tracker knows them, and who speaks for whom: the people of the sandbox."""

from __future__ import annotations

import hashlib

from integration import membership
from integration.stages.file.mappings import Mappings
from integration.stages.model import Person, Ref
from integration.stages.planning.hearing import Doubt

ORG = "acme"
ME = "release-stages[bot]"
ENGINEERS = ("erin", "evan")
PARTIES = {
    "support": ("sam", "sofia"),
    "growth": ("gus", "gwen"),
    "docs": ("dora",),
    "stakeholders": ("rhea", "support-lead"),
    "release-managers": ("rhea",),
}
NAMES = {
    "erin": "Erin",
    "evan": "Evan",
    "sam": "Sam",
    "sofia": "Sofia",
    "support-lead": "Lena",
    "gus": "Gus",
    "gwen": "Gwen",
    "dora": "Dora",
    "rhea": "Rhea",
    ME: "Release Stages",
}
TEAMS = {party: people for party, people in PARTIES.items() if party != "stakeholders"}
"""Those that are a team on GitHub, or a group on Jira: who is in them, only a tracker tells."""


def account(login: str) -> str:
    """The id by which Jira knows a person."""
    return hashlib.sha256(login.encode()).hexdigest()[:24]


def person(login: str, tracker: str) -> Person:
    """One of the cast, as this tracker knows them."""
    if tracker == "jira":
        return Person(account(login), account(login), NAMES[login], bot=login == ME)
    number = str(100 + list(NAMES).index(login))
    return Person(number, login, NAMES[login], bot=login == ME)


def mention(login: str, tracker: str) -> str:
    """The person's mention, as it is written in a comment."""
    return f"[~accountid:{account(login)}]" if tracker == "jira" else f"@{login}"


def handles(party: str, tracker: str) -> tuple[str, ...]:
    """By which handles a colleague mentions all of a party."""
    if tracker == "github" and party != "stakeholders":
        return (f"{ORG}/{party}",)
    return tuple(account(one) if tracker == "jira" else one for one in PARTIES[party])


def may_triage(login: str) -> bool:
    """May this person set labels where the features are?"""
    return login in (*ENGINEERS, "rhea")


class Speaking(dict[Doubt, bool | None]):
    """Who may speak for a party: every question has its answer, as the file and the trackers would give it."""

    def __init__(self, mappings: Mappings, ref: Ref) -> None:
        super().__init__()
        self._mappings, self._ref = mappings, ref

    def __contains__(self, doubt: object) -> bool:
        return True

    def __getitem__(self, doubt: Doubt) -> bool | None:
        settled = membership.settle(self._mappings, self._ref, doubt)
        if isinstance(settled, bool):
            return settled
        login = login_of(settled.person.handle)
        if settled.triage:
            return may_triage(login)
        return login in TEAMS.get(settled.team.removeprefix(f"{ORG}/") or settled.group, ())


_LOGINS = {account(login): login for login in NAMES}


def login_of(handle: str) -> str:
    """Who has this handle, on whichever tracker."""
    return _LOGINS.get(handle, handle)
