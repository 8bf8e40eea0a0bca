"""Where the pages look things up: the ledger, the rules in force, and the inbox for what somebody wants looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock

from integration.health.reading import health_of_rules
from integration.memory.away import Away
from integration.memory.inbox import Inbox
from integration.memory.ledger import Ledger
from integration.memory.reports import Over
from integration.memory.what_ifs import WhatIfs
from integration.settings import Settings
from integration.stages.file.mappings import Mappings, known
from integration.stages.file.written import Faulty
from integration.stages.health.raising import RuleHealth
from integration.web.pages.beside import Beside
from integration.web.pages.turns import Turned, Turns

BEHIND, BEHIND_FRESH = timedelta(minutes=15), timedelta(seconds=10)
HEALTH_FRESH = timedelta(hours=1)  # it reads every verdict there is: a second of a core with 10,000 features


class Books:
    """One for all threads. What it opens is opened when it is first asked for: the web starts without a ledger."""

    def __init__(self, settings: Settings, inbox: Inbox) -> None:
        self.settings, self.inbox = settings, inbox
        self._ledger: Ledger | None = None
        self._opening = Lock()
        self.what_ifs = WhatIfs.connect(settings.redis_url)
        self.anchors = Beside("anchors", lambda: self.ledger.verify_anchors())
        self.health = Beside("health", self._health, HEALTH_FRESH)
        self.behind = Beside("behind", self._behind, BEHIND_FRESH)
        self._turns = Turns()

    @property
    def ledger(self) -> Ledger:
        """The ledger. Raises `LedgerAway`, `Unreadable`."""
        with self._opening:
            self._ledger = self._ledger or Ledger.open(self.settings.database_url)
            return self._ledger

    @property
    def mappings(self) -> Mappings | None:
        """The rules by which all processes judge now; None where none ever were in force."""
        return self.version(self.ledger.versions.in_force())

    def version(self, hash: str) -> Mappings | None:
        """The rules of a version that is, or was, in force; None where there is no such one, or it reads no more."""
        text = self.ledger.versions.text(hash) if hash else None
        try:
            return known(text, self.settings.mappings.name) if text is not None else None
        except Faulty:  # an older release took it, this one would not
            return None

    def _behind(self) -> tuple[str, ...]:
        """Why what the pages show may be old. Looked for beside them: no page waits for a Redis that hangs."""
        now = datetime.now(UTC)
        try:
            waits = self.inbox.oldest(now) if self.inbox.ready(now) else None
        except Away:
            return ("Redis is away, so nobody looks at anything: some of this may be old.",)
        if waits is None or waits < BEHIND:
            return ()
        minutes = int(waits.total_seconds()) // 60
        length = f"{minutes // 60} hours" if minutes >= 120 else f"{minutes} minutes"
        return (f"Changes have waited for {length} to be looked at: some of this may be old.",)

    def _health(self) -> tuple[RuleHealth, ...]:
        """How each rule of the file in force fares."""
        versions = self.ledger.versions
        hash = versions.in_force()
        mappings, text = self.version(hash), versions.text(hash)
        if mappings is None or text is None:
            return ()
        return health_of_rules(self.ledger, mappings, text, datetime.now(UTC))

    def turns(self, over: Over) -> dict[int, Turned]:
        """Of each feature whose turn it was, and is."""
        return self._turns.of(self.ledger, self.mappings, over)


def called(key: str, name: str | None = None) -> str:
    """What people read for a key of the file."""
    return name or key.replace("-", " ").capitalize()
