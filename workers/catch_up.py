"""Deliveries of GitHub's that failed are asked for once more: GitHub itself never tries again, and keeps three days.

What is listed goes into the ledger first, page by page; then each delivery that has not arrived is asked for, once for
each of its attempts, and after twice as long each time. While the newest delivery failed too, one is asked for alone,
to see whether we can be reached again: asking for thousands in vain would use up what we may ask GitHub at all.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog

from integration.look import Desk
from integration.memory.rounds import START, Delivery, Rounds, Stretch
from integration.stages.model import Ref
from integration.trackers import Gone, Refused, Unavailable
from integration.trackers.github import GitHub
from integration.trackers.github_hooks import Hooks, needed

CATCH_UP = "catch-up"
EVERY = timedelta(minutes=5)
FOR_EACH = timedelta(seconds=15)  # of more webhooks than 20 the deliveries are listed seldomer: each costs a request
KEPT = timedelta(days=3)
OVERLAP = timedelta(minutes=10)  # a delivery is listed only when it is over
WAIT = timedelta(minutes=5)  # for an attempt that was asked for, before it is asked for again
PROBED = timedelta(seconds=20)
AT_ONCE = 100  # asked for in one slice
SLICE_SECONDS = 40.0
PAUSE = timedelta(seconds=10)
AWAY = "GitHub does not answer, or asks us to wait; it goes on by itself"
NOT_OURS = "GitHub refuses our account; renew its token, or the App's key and permissions: the log has its answer"

log = structlog.get_logger(__name__)


def catch_up(desk: Desk, ref: Ref, now: datetime) -> datetime | None:
    """Begin the round, or go on with it; when to come back soon, if it is not over. A longer wait the clock ends."""
    tracker = desk.tracker(Ref("github", "", "", 0))
    assert isinstance(tracker, GitHub)  # noqa: S101 - the desk has made it so
    return _CatchUp(desk, tracker, str(ref), now).go_on()


@dataclass(slots=True)
class _CatchUp:
    """One slice of a round over all our webhooks at GitHub."""

    desk: Desk
    tracker: GitHub
    name: str
    now: datetime
    ends: float = 0.0
    may_ask: int = 0

    @property
    def rounds(self) -> Rounds:
        return self.desk.ledger.rounds

    def go_on(self) -> datetime | None:
        standing = self.rounds.of(self.name)
        if not standing.is_due(EVERY, self.now):
            return None  # another hint was quicker, or it is to wait
        self.ends, self.may_ask = time.monotonic() + SLICE_SECONDS, AT_ONCE
        try:
            hooks = self._hooks()
            if not standing.under_way:
                self._begin(hooks)
            return self._walk(hooks)
        except (Refused, Gone) as no:  # our account as a whole: else each webhook has said so for itself
            self._hindered(NOT_OURS, no, self.now + EVERY)
            return None
        except Unavailable as away:
            if away.unsent:  # nothing is wrong: all of us together have asked as much as we may for now
                return max(away.retry_at or self.now, self.now + PAUSE)
            self._hindered(AWAY, away, max(away.retry_at or self.now + EVERY, self.now + PAUSE))
            return None

    def _hooks(self) -> Hooks:
        address = self.desk.settings.public_url
        if not address:
            return self.tracker.hooks("", ())
        sources = (source.github for source in self.desk.mappings.current.sources if source.github)
        patterns = list(dict.fromkeys(one for source in sources for one in source.repositories))
        return self.tracker.hooks(f"{address}/webhooks/github", self.tracker.places(patterns))

    def _begin(self, hooks: Hooks) -> None:
        self.rounds.forget(self.now - KEPT - OVERLAP)
        ours, unseen = hooks.ours()
        self.rounds.begin(self.name, ours, self.now)
        for words, why in unseen.items():
            self._hindered(words, why)

    def _hindered(self, words: str, why: object, again: datetime | None = None) -> None:
        """Pages, which are open to all, show the words, which name no place; the log has the reason, once."""
        if self.rounds.hinder(self.name, words, again):
            log.warning("deliveries that failed cannot all be fetched", round=self.name, reason=str(why), fix=words)

    # --- listing, then asking -------------------------------------------------------------------------------------

    def _walk(self, hooks: Hooks) -> datetime | None:
        left = self.rounds.left(self.name)
        soon = None
        for stretch in left:
            try:
                again, done = self._over(hooks, stretch)
            except (Refused, Gone) as no:
                self._hindered(f"we may not ask for deliveries that failed: {needed(stretch.name)}", no)
                again, done = None, True
            if done:
                self.rounds.reached(self.name, stretch.name, None, None)
            soon = min(filter(None, (soon, again)), default=None)
        if soon:
            return soon
        self.rounds.finish(self.name, _now(), self.now + max(EVERY, len(left) * FOR_EACH))
        return None

    def _over(self, hooks: Hooks, stretch: Stretch) -> tuple[datetime | None, bool]:
        """Go over one webhook; when to come back to it, and whether it is done."""
        walk = _Walk.read(stretch.cursor or START)
        horizon = max(stretch.reached_at or self.now - KEPT, self.now - KEPT) - OVERLAP
        while not walk.listed:
            if time.monotonic() >= self.ends:
                return _now() + PAUSE, False
            attempts, onward = hooks.attempts(stretch.name, walk.cursor)
            seen = [Delivery(*one) for one in attempts]
            self.rounds.note(stretch.name, (one for one in seen if one.at >= horizon))
            more = bool(onward and seen and seen[-1].at >= horizon)
            walk = replace(walk, cursor=onward, listed=not more, newest=walk.newest or (seen[0] if seen else None))
            self.rounds.reached(self.name, stretch.name, str(walk), None, len(seen))
        return self._ask(hooks, stretch.name, walk)

    def _ask(self, hooks: Hooks, hook: str, walk: _Walk) -> tuple[datetime | None, bool]:
        """Ask for what failed: for all of it where the newest delivery arrived, else for one, to see."""
        reached = walk.newest is None or walk.newest.ok
        begun = self.rounds.of(self.name).begun_at or self.now  # what was asked for since then is not listed anew
        wanted = self.rounds.to_ask(hook, begun, self.may_ask if reached else not walk.probed)
        for one in wanted:
            self.rounds.asked(hook, one, _now(), WAIT)
            try:
                hooks.deliver_again(hook, one.id)
            except Gone:
                self.rounds.settle(hook, one.guid)
            self.may_ask -= 1
            self.rounds.reached(self.name, hook, str(walk), None, found=1)
            if time.monotonic() >= self.ends:
                break
        if wanted and not reached:
            self.rounds.reached(self.name, hook, str(_Walk(probed=True)), None)
            return _now() + PROBED, False
        if wanted and (self.may_ask <= 0 or time.monotonic() >= self.ends):
            return _now() + PAUSE, False
        self.rounds.reached(self.name, hook, None, walk.newest.at if walk.newest else None)
        return None, True


@dataclass(frozen=True, slots=True)
class _Walk:
    """Where the walk over one webhook's deliveries stands, as its cursor keeps it."""

    cursor: str = ""
    listed: bool = False  # all of them are in the ledger
    probed: bool = False  # one was asked for alone
    newest: Delivery | None = None

    def __str__(self) -> str:
        newest = [self.newest.at.isoformat(), self.newest.ok] if self.newest else None
        return json.dumps([self.cursor, self.listed, self.probed, newest])

    @classmethod
    def read(cls, text: str) -> _Walk:
        """Where it stood."""
        if text == START:
            return cls()
        cursor, listed, probed, newest = json.loads(text)
        seen = Delivery(0, "", datetime.fromisoformat(newest[0]), newest[1]) if newest else None
        return cls(cursor, listed, probed, seen)


def _now() -> datetime:
    return datetime.now(UTC)
