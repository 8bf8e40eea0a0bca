"""How much of it all `make test` tries. `make drill` tries the whole (WHOLE=1): every story on both trackers, every
property with all of its examples. Five minutes on two cores are not enough for that.

What is left out is always the same for a test, so that the same change passes or fails each time.
"""

from __future__ import annotations

import os
from zlib import crc32

WHOLE = bool(os.environ.get("WHOLE"))
TRACKERS = ("github", "jira")


def some(examples: int) -> int:
    """So many examples of a property: a third of them."""
    return examples if WHOLE else max(10, examples // 3)


def trackers_for(name: str, both: bool) -> tuple[str, ...]:
    """On which trackers the story of this name is told: on both where it says so, else on one of them."""
    return TRACKERS if WHOLE or both else (TRACKERS[crc32(name.encode()) % 2],)
