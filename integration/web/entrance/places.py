"""Which repositories a visitor's own token may read, asked of GitHub when they sign in and each 15 minutes since.

The token is kept for that, sealed (`memory/visits.py`), and only where SIGN_IN_PER_REPOSITORY is on; why, says
docs/decisions/0012-the-door.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from integration.admission import Admission
from integration.memory.away import Away
from integration.memory.visits import Visits
from integration.web.entrance.identity import Unreadable, Withdrawn

AFTER = 15 * 60  # seconds after which it is asked again


Asked = Callable[[Admission, str], frozenset[str]]  # of a token, which repositories it may read; raises both


class Places:
    """What visitors may see, by their sessions' numbers."""

    def __init__(self, admission: Admission, visits: Visits, asked: Asked | None = None) -> None:
        self._admission, self._visits = admission, visits
        self._ask = asked or _ask_github

    def begin(self, number: str, token: str) -> None:
        """Ask for the first time. Raises `Unreadable` and `Withdrawn`."""
        self._asked(number, token)

    def of(self, number: str) -> frozenset[str]:
        """What this session may see, not older than 15 minutes. Raises `Unreadable` and `Withdrawn`."""
        try:
            kept = self._visits.kept(number)
        except Away:
            raise Unreadable("Redis, where it is kept what you may see, does not answer.") from None
        if kept is None:
            raise Withdrawn
        if 0 <= time.time() - kept["at"] < AFTER:
            return frozenset(kept["places"])
        return self._asked(number, kept["token"])

    def _asked(self, number: str, token: str) -> frozenset[str]:
        found = self._ask(self._admission, token)
        try:
            self._visits.keep(number, {"token": token, "places": sorted(found), "at": time.time()})
        except Away:
            raise Unreadable("Redis, where it is kept what you may see, does not answer.") from None
        return found


def _ask_github(admission: Admission, token: str) -> frozenset[str]:
    from integration.web.entrance.by_github import places

    return places(admission, token)
