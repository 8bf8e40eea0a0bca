"""For which parties of mappings.yaml somebody speaks: as the file in force says, and what they have proved to be."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import structlog

from integration.memory.database import LedgerAway, Unreadable
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.file.mappings import GitHubPeople, JiraPeople, Mappings, Party, known
from integration.stages.file.written import Faulty
from integration.web.entrance.identity import Identity

GOOD_FOR = 2.0  # seconds for which the version in force is not asked again

log = structlog.get_logger(__name__)


class PartiesOfFile:
    """Those of a file, asked for each time."""

    def __init__(self, file: Callable[[], Mappings | None]) -> None:
        self._file = file

    def of(self, identity: Identity) -> frozenset[str]:
        """The keys of the parties for which this person speaks."""
        return frozenset(key for key, party in self._parties() if speaks_for(identity, key, party))

    def all(self) -> frozenset[str]:
        """The keys of all parties."""
        return frozenset(key for key, _ in self._parties())

    def names(self) -> frozenset[str]:
        """Which teams and groups make somebody a member, in lower case."""
        return frozenset(name for key, party in self._parties() for name in (*_teams(party), *_groups(key, party)))

    def _parties(self) -> list[tuple[str, Party]]:
        file = self._file()
        return list(file.parties.items()) if file else []


def speaks_for(identity: Identity, key: str, party: Party) -> bool:
    """Is this person of that party?

    Signed in with GitHub: by the party's team, or its people there. Elsewhere: by a group that is called like the party
    or like its group in Jira, or where the file names people of Jira by their e-mail.
    """
    if identity.how == "github":
        return identity.handle.lower() in _people(party.github) or bool(identity.groups & set(_teams(party)))
    by_email = bool(identity.email) and identity.email.lower() in _people(party.jira)
    return by_email or bool(identity.groups & set(_groups(key, party)))


def _teams(party: Party) -> Iterator[str]:
    if party.github and party.github.team:
        yield party.github.team.lower()


def _groups(key: str, party: Party) -> Iterator[str]:
    yield key.lower()
    if party.jira and party.jira.group:
        yield party.jira.group.lower()


def _people(people: GitHubPeople | JiraPeople | None) -> set[str]:
    """Who is named, as `integration/membership.py` has it for comments."""
    if people is None:
        return set()
    turns = people.rota.people if people.rota else ()
    return {one.lower() for one in (*people.users, *people.fallback, *turns)}


class InForce:
    """The file in force, as the ledger names it; before there is any, the one that lies on the disk."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger: Ledger | None = None
        self._lock = Lock()
        self._asked_at = -GOOD_FOR
        self._version, self._file = "", None  # type: str, Mappings | None

    def __call__(self) -> Mappings | None:
        """None where it cannot be told: then nobody speaks for anybody."""
        with self._lock:
            if time.monotonic() - self._asked_at >= GOOD_FOR:
                self._asked_at = time.monotonic()
                self._look()
            return self._file

    def _look(self) -> None:
        try:
            self._ledger = self._ledger or Ledger.open(self._settings.database_url)
            version = self._ledger.versions.in_force()
            if version and version == self._version:
                return
            text = self._ledger.versions.text(version) if version else _text(self._settings.mappings)
            self._file, self._version = known(text or "", self._settings.mappings.name), version
        except (LedgerAway, Unreadable, Faulty, OSError, UnicodeDecodeError) as error:
            log.warning("which parties there are cannot be told", reason=type(error).__name__)
            self._file, self._version = None, ""


def _text(path: Path) -> str:
    return path.read_text("utf-8")
