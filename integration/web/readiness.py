"""How the ledger and the rules stand, for /readyz and the page. Looks each time; a file that did not change once."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock

from integration.memory.away import Away
from integration.memory.copies import BROKEN, Copies
from integration.memory.database import LedgerAway, Unreadable
from integration.memory.ledger import Ledger
from integration.memory.trials import RIPE
from integration.settings import Settings
from integration.stages.file import mappings
from integration.stages.file.written import Faulty
from integration.watched import Reading, Watched
from integration.web.standing import OK


class Readiness:
    """Call it to hear of each part "ok" or the reason why not. Safe to share between threads."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger: Ledger | None = None
        self._opening = Lock()
        self._watched = Watched(settings.mappings)
        self._watching = Lock()
        self._found = ""  # what the file was found to be; empty before it was read
        self._copies = Copies.connect(settings.redis_url)

    def __call__(self) -> dict[str, str]:
        """Look now."""
        told = {"ledger": self._ledger_stands(), "mappings": self._mappings_stand()}
        if told["ledger"] != OK or self._ledger is None:
            return told
        beside = {"failing": self._failing(), "ripe": self._ledger.trials.says(RIPE), **self._rules(self._ledger)}
        return told | self._ledger.rounds.told() | {name: state for name, state in beside.items() if state}

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

    def _rules(self, ledger: Ledger) -> dict[str, str]:
        """By what is judged, and who has another file. Machines and repositories are not named: the page is open."""
        version = ledger.versions.in_force()
        faulty = sum(own.faulty for own in ledger.versions.owns().values())
        whose = "One repository" if faulty == 1 else f"{faulty} repositories"
        additions = f"{whose} cannot have the rules of its own as they stand: release-stages failed says why."
        return {"in_force": version, "copies": self._others(version), "additions": additions if faulty else ""}

    def _others(self, version: str) -> str:
        try:
            told = self._copies.told(datetime.now(UTC)).values() if version else ()
        except Away:
            return ""  # which is told as it is
        broken, others = sum(one == BROKEN for one in told), sum(one not in (BROKEN, version) for one in told)
        found = [f"the mappings.yaml of {broken} of {len(told)} machines is broken"] if broken else []
        if others:
            found.append(f"{others} of {len(told)} machines have another mappings.yaml than the one in force")
        return f"{'; '.join(found)}: their logs tell more" if found else ""

    def _mappings_stand(self) -> str:
        with self._watching:
            reading = self._watched.news() if self._found else self._watched.begin()
            if reading is not None:
                self._found = self._read(reading)
            return self._found

    def _read(self, reading: Reading) -> str:
        path = self._settings.mappings
        try:
            if reading.error is not None:
                raise reading.error
            return _found(reading.raw.decode("utf-8"), path.name)
        except (OSError, UnicodeDecodeError) as error:
            return f"{path.name} cannot be read ({type(error).__name__}); set MAPPINGS to the file"


def _found(text: str, name: str) -> str:
    """The first fault, and how many there are."""
    try:
        mappings.read(text, name)
    except Faulty as wrong:
        more = len(wrong.faults) - 1
        return f"{wrong.faults[0]}" + (f"\n… and {more} more; release-stages check shows them all" if more else "")
    return OK
