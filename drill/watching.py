"""What is seen from outside while the drill runs: how long each hint waited, and when all has come to rest."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import redis

from drill.household import Household
from integration.memory.inbox import PREFIX
from integration.memory.ledger import Ledger
from integration.sandbox import World

_UNKNOWN_FOR = timedelta(seconds=75)  # what has no outcome is looked up after sixty
_CALM = 3.0


@dataclass
class Watch:
    """Looks at the inbox four times in a second."""

    household: Household
    waits: list[float] = field(default_factory=list)
    worst: tuple[float, str] = (0.0, "")
    deepest: int = 0
    worked_off: float = 0.0  # seconds from the end of all faults until nothing waited
    _waiting: dict[bytes, float] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def begin(self) -> None:
        """Look from now on."""
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread:
            self._thread.join(10)

    def _look(self) -> None:
        client = self.household.redis()
        while not self._over.wait(0.25):
            try:
                found = dict(cast(list[tuple[bytes, float]], client.zrange(f"{PREFIX}dirty", 0, -1, withscores=True)))
            except redis.RedisError:
                continue
            self._compare(found, time.time())

    def _compare(self, found: dict[bytes, float], now: float) -> None:
        self.deepest = max(self.deepest, len(found))
        for ref, since in self._waiting.items():
            if found.get(ref) != since:
                waited = now - since / 1000
                self.waits.append(waited)
                self.worst = max(self.worst, (waited, ref.decode()))
        self._waiting = found

    def share(self, part: float) -> float:
        """So long at most waited this share of all."""
        waits = sorted(self.waits)
        return waits[min(int(len(waits) * part), len(waits) - 1)] if waits else 0.0

    @property
    def waiting_now(self) -> int:
        """How many features wait, or are being looked at."""
        return len(self._waiting)

    # --- rest ---

    def rest(self, world: World, ledger: Ledger, patience: float, swept: bool) -> float | None:
        """Wait until nothing is on its way and nothing is due soon; how long that took, None where it does not come.

        `swept`: and a sweep that began after that moment is over, on each tracker.
        """
        begun, calm_since, since = time.monotonic(), 0.0, datetime.now(UTC)
        while (now := time.monotonic()) - begun < patience:
            empty = world.hooks.idle(0.1) and self._is_empty()
            if empty and not self.worked_off:
                self.worked_off = time.monotonic() - begun
            later = datetime.now(UTC) + _UNKNOWN_FOR
            if empty and (not swept or _swept(ledger, since)) and not ledger.due(later, 1):
                calm_since = calm_since or now
                if now - calm_since >= _CALM:
                    return calm_since - begun
            else:
                calm_since = 0.0
            time.sleep(0.25)
        return None

    def _is_empty(self) -> bool:
        try:
            with self.household.redis() as client:
                soon = int((datetime.now(UTC) + _UNKNOWN_FOR).timestamp() * 1000)
                return not client.zcard(f"{PREFIX}dirty") and not client.zcount(f"{PREFIX}later", "-inf", soon)
        except redis.RedisError:
            return False

    def waiting(self) -> list[str]:
        """What still waits."""
        with self.household.redis() as client:
            return [each.decode() for each in client.zrange(f"{PREFIX}dirty", 0, -1)]


def _swept(ledger: Ledger, since: datetime) -> bool:
    """Is a sweep over each tracker over that began since?"""
    over = {one.name for one in ledger.rounds.stand() if one.begun_at and one.begun_at > since and not one.under_way}
    return {"sweep:github", "sweep:jira/main"} <= over
