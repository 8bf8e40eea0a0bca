"""What one asks of a tracker to be sure of the world before going live: few, narrow, and read only.

`check --live` and `init` compare the answers with mappings.yaml (`integration/live/`); no judgement reads them. What an
answer does not tell is None or empty, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from integration.stages.model import Label, Status

UNTOLD = "deliveries that failed are not asked for, as we do not know our own address: set PUBLIC_URL"
NONE = "no webhook at GitHub that we can see leads to PUBLIC_URL"
"""Two of the words in which `World.hooks` says what it cannot see."""

Kind = Literal["app", "scopes", "unsaid", "permissions"]
"""By what our rights are known: an App's permissions, a classic token's scopes, not at all (GitHub does not tell those
of a fine-grained token), or Jira's permissions."""


@dataclass(frozen=True, slots=True)
class Place:
    """A repository or a project, as it is called today. `asleep` says why nothing can be done there, where that is so.

    `may` are the ticks that our account has there by its role: pull, triage, push.
    """

    name: str
    private: bool = False
    asleep: str = ""
    may: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Granted:
    """What the API says that we were granted: `issues: write`, `scope repo`, `BROWSE_PROJECTS`."""

    kind: Kind
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody's account, or our own. `teams` are a Jira account's groups, where they were asked for."""

    handle: str
    name: str
    active: bool = True
    bot: bool = False
    teams: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Team:
    """A team of GitHub, or a group of Jira. `deaf` says why a mention of it reaches nobody, where that is so.

    `reads` are the private places that it may read; None where they were not asked for.
    """

    name: str
    size: int
    deaf: str = ""
    reads: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The last attempt of a webhook to deliver something, and what came of it."""

    at: datetime
    ok: bool
    code: int
    said: str = ""


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that leads to us. `signed` None: it is not told. `events` with a `*` are all."""

    name: str
    events: frozenset[str]
    active: bool = True
    signed: bool | None = None
    verified: bool = True  # the certificate of our address is checked
    last: Delivered | None = None

    def lacks(self, wanted: Sequence[str]) -> list[str]:
        """Those of the events of which it does not tell."""
        return [] if "*" in self.events else [one for one in wanted if one not in self.events]


@dataclass(frozen=True, slots=True)
class WayBack:
    """The ways back from where an issue stands. `issue` is empty where none stands there: then nothing can be seen.

    `shut` says for each of the stages that were asked about why no way leads there.
    """

    issue: str
    shut: Mapping[str, str]


class World(Protocol):
    """All methods raise `Unavailable`, `Refused` or `Gone`, of what was asked for, and nothing else."""

    def places(self) -> tuple[Place, ...]:
        """All repositories or projects that our account sees, as a list shows them."""

    def place(self, name: str) -> Place:
        """One of them. Raises `Gone` where it is not there, or not for us."""

    def signs(self, place: str) -> tuple[Label | Status, ...]:
        """What can show a stage there: GitHub's labels, Jira's statuses."""

    def me(self) -> Account:
        """Our own account."""

    def granted(self, place: str) -> Granted:
        """What we were granted there."""

    def person(self, handle: str) -> Account:
        """Somebody. Raises `Gone` where there is no such account, or it is not for us to see."""

    def may_read(self, place: str, handle: str) -> bool:
        """May this person read the place?"""

    def teams(self, place: str) -> tuple[str, ...]:
        """The teams of the place's owner, or the groups of the site, as mappings.yaml writes them."""

    def team(self, name: str, reads: bool = False) -> Team:
        """One of them; with `reads`, which private places it may read."""

    def is_in(self, team: str, handle: str) -> bool:
        """Is this account in the team or group?"""

    def used_by_people(self, place: str) -> str:
        """What shows that somebody works with our own account there, in words; empty where nothing does."""

    def hooks(self, address: str, places: Sequence[str]) -> tuple[tuple[Hook, ...], tuple[str, ...]]:
        """The webhooks that lead to this address; and what keeps us from seeing them all, in words."""

    def ways_back(self, place: str, standing: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> WayBack:
        """From one of the statuses `standing` to those of each stage that is wanted, as our account may go."""

    def fields(self) -> frozenset[str]:
        """The ids and names of all fields; empty on GitHub, which has none."""


class Worldly(Protocol):
    """An adapter that can be asked so, as both are."""

    def world(self) -> World:
        """What is asked before one goes live."""
