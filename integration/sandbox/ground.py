"""What both trackers of the sandbox stand on: one cast, one set of faults and webhooks, one lock."""

from __future__ import annotations

import threading

from integration.sandbox.faults import Faults
from integration.sandbox.hooks import Hooks
from integration.sandbox.people import PEOPLE


class Ground:
    """What the trackers share. `url` is where the sandbox is served; both trackers write it into their links.

    `lock` guards the state of both trackers: whoever reads or changes it holds it.
    """

    def __init__(self, url: str = "http://127.0.0.1:8700") -> None:
        self.url = url
        self.people = dict(PEOPLE)
        self.faults = Faults()
        self.hooks = Hooks()
        self.lock = threading.RLock()

    def close(self) -> None:
        """Stop the webhooks' thread."""
        self.hooks.close()
