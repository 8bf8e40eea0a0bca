"""How the ledger and the mappings stand, for /readyz and the page. Looks each time; a file that did not change once."""

from __future__ import annotations

from threading import Lock

from integration.memory.database import LedgerAway, Unreadable
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.file import mappings
from integration.stages.file.written import Faulty
from integration.web.pages import OK


class Readiness:
    """Call it to hear of each part "ok" or the reason why not. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger: Ledger | None = None
        self._opening = Lock()
        self._read: tuple[tuple[int, int], str] | None = None  # the file as it was, and what it was found to be

    def __call__(self) -> dict[str, str]:
        """Look now."""
        told = {"ledger": self._ledger_stands(), "mappings": self._mappings_stand()}
        failing = self._failing() if told["ledger"] == OK else ""
        rounds = self._ledger.rounds.told() if told["ledger"] == OK and self._ledger else {}
        return told | rounds | ({"failing": failing} if failing else {})

    def _ledger_stands(self) -> str:
        """A ledger that was away when the web started is opened when it is there."""
        try:
            with self._opening:
                self._ledger = self._ledger or Ledger.open(self._settings.database_url)
            self._ledger.ping()
        except LedgerAway:
            return "the database does not answer; see DATABASE_URL"
        except Unreadable as error:
            return str(error)
        return OK

    def _failing(self) -> str:
        """How much could not be done, and how to see it. Not why: a reason may name an issue, and the page is open."""
        stand = self._ledger.failures.stand() if self._ledger else None
        if stand is None or not stand.count or stand.oldest is None:
            return ""
        what = "One issue could not be seen to" if stand.count == 1 else f"{stand.count} issues could not be seen to"
        dead = f" ({stand.dead} not tried again by itself)" if stand.dead else ""
        since = f"{stand.oldest:%Y-%m-%d %H:%M}Z"
        return f"{what}{dead}, the first since {since}: release-stages failed lists them, with reason and next step."

    def _mappings_stand(self) -> str:
        path = self._settings.mappings
        try:
            now = path.stat()
            stamp = (now.st_mtime_ns, now.st_size)
            if self._read is None or self._read[0] != stamp:
                self._read = (stamp, _found(path.read_text("utf-8"), path.name))
        except (OSError, UnicodeDecodeError) as error:
            return f"{path.name} cannot be read ({type(error).__name__}); set MAPPINGS to the file"
        return self._read[1]


def _found(text: str, name: str) -> str:
    """The first fault, and how many there are."""
    try:
        mappings.read(text, name)
    except Faulty as wrong:
        more = len(wrong.faults) - 1
        return f"{wrong.faults[0]}" + (f"\n… and {more} more; release-stages check shows them all" if more else "")
    return OK
