"""The rules in force compared with a tracker at the start and once a day: what is wrong is logged, and holds nobody up.

The same as `release-stages check --live` of that version, whatever lies on this machine's disk; with the budgets of all
workers: it is a hint like any, so it waits its turn.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import structlog

from integration.live.checking import Check
from integration.live.findings import Findings, Level
from integration.look import Desk
from integration.memory.inbox import Inbox
from integration.stages.model import Ref

LIVE = "live-check"
EVERY = timedelta(days=1)
NOT_AGAIN_WITHIN = timedelta(minutes=10)  # clocks that start again and again compare no more often than this
SLICE_SECONDS = 60.0
PAUSE = timedelta(minutes=1)

log = structlog.get_logger(__name__)


def compare(desk: Desk, inbox: Inbox, ref: Ref, now: datetime) -> datetime | None:
    """Compare, and log what is not as the file has it; when to come back, where a tracker asks us to wait."""
    rounds, name = desk.ledger.rounds, str(ref)
    last = rounds.of(name).finished_at
    if last and now - last < NOT_AGAIN_WITHIN:
        return None
    rounds.begin(name, [], now)
    asked_to_wait: list[datetime] = []

    def wait(again: datetime | None) -> bool:
        asked_to_wait.extend([again] if again else [])
        return False

    ends = time.monotonic() + SLICE_SECONDS
    file, arrived = desk.settings.mappings, inbox.last_deliveries()
    text = desk.mappings.text_of(desk.mappings.current.hash)
    check = Check(desk.settings, desk.trackers, None, arrived, wait, ends, only=ref.place, file=file, text=text)
    found = check.run()
    if asked_to_wait:
        return max(asked_to_wait[0], now + PAUSE)
    _tell(desk, name, found)
    return None


def _tell(desk: Desk, name: str, found: Findings) -> None:
    """Each thing in the log; how many there are on the pages, which are open to all."""
    wrong = [(level, one) for level in (Level.FAULT, Level.WARNING) for one in found.of(level)]
    for level, one in wrong:
        log.warning(
            "the world is not as mappings.yaml has it", level=level.value, place=one.place(found.file),
            cause=one.cause, fix=one.fix,
        )  # fmt: skip
    if wrong:
        desk.ledger.rounds.hinder(name, f"{found.counted()}: release-stages check --live names each")
    desk.ledger.rounds.finish(name, datetime.now(UTC))
