"""Webhooks: do any lead to us, with the right events and a secret that fits; and has anything arrived?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from integration.live.findings import Findings, some
from integration.trackers.world import NONE, UNTOLD, Hook

_UNSIGNED, _TOO_BUSY = 401, 503


@dataclass(frozen=True, slots=True)
class Check:
    """The webhooks of one tracker. `wanted`: each event, and what is amiss without it; empty: nothing works."""

    found: Findings
    called: str
    wanted: Mapping[str, str]
    secrets: str  # the variable that holds them
    mended: str  # how to come by a webhook

    def of(self, ours: Sequence[Hook], unseen: Sequence[str]) -> None:
        """Those that lead to us, and what keeps us from seeing more."""
        for words in unseen:
            self._unseen(words, bool(ours))
        for one in ours:
            self._one(one)

    def _unseen(self, words: str, some_are_seen: bool) -> None:
        if words == UNTOLD:
            self.found.warning("PUBLIC_URL", "our own address is not known, so that no webhook can be found", "set it")
        elif words == NONE:
            cause = f"no webhook at {self.called} that we can see leads to PUBLIC_URL: nobody tells us of a move"
            self.found.fault(f"{self.called} webhooks", cause, f"{self.mended}, or mend PUBLIC_URL")
        elif not some_are_seen:
            self.found.ok(f"{self.called} webhooks", f"they cannot be looked at: {words}")

    def _one(self, hook: Hook) -> None:
        at = f"{self.called} webhook {hook.name}"
        if not hook.active:
            self.found.fault(at, "it is turned off: nobody tells us of a move", "tick Active in its settings")
        if hook.signed is False:
            cause = "it has no secret: what it delivers is not signed, and is refused"
            self.found.fault(at, cause, f"give it a secret, and {self.secrets} the same")
        if not hook.verified:
            self.found.warning(at, "it does not look at our certificate", "turn SSL verification on")
        self._events(at, hook)
        if hook.last:
            self._delivered(at, hook)

    def _events(self, at: str, hook: Hook) -> None:
        lacking = hook.lacks(list(self.wanted))
        for amiss in dict.fromkeys(self.wanted[one] for one in lacking):
            names = some([one for one in lacking if self.wanted[one] == amiss], 9)
            if amiss:
                self.found.warning(at, f"it does not tell of {names}: {amiss}", "tick these events in its settings")
            else:
                self.found.fault(at, f"it does not tell of {names}", "tick these events in its settings")
        if not lacking:
            self.found.ok(at, "it tells of every event that we need")

    def _delivered(self, at: str, hook: Hook) -> None:
        last = hook.last
        if last is None or last.ok:
            self.found.ok(at, f"its last delivery arrived, {last.at:%Y-%m-%d %H:%M}Z" if last else "nothing was sent")
        elif last.code == _UNSIGNED:
            cause = "its last delivery was refused by us: its secret is none of ours"
            self.found.fault(at, cause, f"write the webhook's secret into {self.secrets}, or that one into the webhook")
        elif last.code == _TOO_BUSY:
            cause = f"its last delivery found our Redis away, {last.at:%Y-%m-%d %H:%M}Z"
            self.found.warning(at, cause, "look at /readyz")
        else:
            cause = f"its last delivery did not reach us: {last.said or last.code}"
            self.found.fault(at, cause, "is the service running, and is its address open to the tracker?")

    def last(self, at: datetime | None, known: bool) -> None:
        """What our own inbox knows, which proves address and secret at once."""
        if at:
            self.found.ok(self.called, f"the last delivery was accepted, {at:%Y-%m-%d %H:%M}Z")
        elif known:
            cause = f"no delivery of {self.called} was ever accepted here: address and secret are not proved"
            self.found.warning(
                f"{self.called} webhooks", cause, "change an issue while the service runs, and look again"
            )
