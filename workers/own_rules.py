"""The rules that one repository has added are read again: a push has touched their file, or nobody has looked for long.

It acts on no issue. What is open in the repository is woken by the ledger when another version takes effect.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from integration.look import Desk
from integration.memory.inbox import Run
from integration.stages.file.mappings import may_add
from integration.stages.model import Ref

SHOWS_WITHIN = timedelta(seconds=60)  # so long GitHub may take to show what a push has told of
LOOKED_FOR = timedelta(seconds=10)


def read(desk: Desk, run: Run, now: datetime) -> datetime | None:
    """Read it; when to come back, if a push has told of it and nothing shows yet. Raises what `OwnRules.read` does."""
    mappings, ref = desk.mappings.current, Ref("github", "", run.ref.place, 0)
    if not may_add(mappings, ref):
        desk.ledger.versions.forget_own(ref.place, now)
        return None
    before = desk.ledger.versions.own(ref.place)
    desk.own_rules.read(mappings, ref, desk.tracker(ref), now)
    after = desk.ledger.versions.own(ref.place)
    same = before is not None and after is not None and (before.digest, before.faulty) == (after.digest, after.faulty)
    return now + LOOKED_FOR if same and not run.cause and now - run.since < SHOWS_WITHIN else None
