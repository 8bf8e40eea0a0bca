"""Webhooks, delivered over real HTTP by a thread of their own, with the ways in which deliveries go wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlencode

import requests

from integration.sandbox.people import now

Style = Literal["github", "jira"]
JIRA_RETRIES = 5
_TIMEOUT = 10.0
_TRY_AGAIN = frozenset({0, 408, 409, 425, 429})


@dataclass(frozen=True)
class Hook:
    """One registered webhook."""

    id: int
    url: str
    secret: str = field(repr=False)
    style: Style = "github"
    form: bool = False
    place: str = ""  # GitHub: a repository or an organisation that has it; else it is the App's
    insecure: bool = False  # GitHub: nobody looks whose certificate it is
    name: str = ""  # Jira's webhooks have one
    events: tuple[str, ...] = ()  # none: all of them
    active: bool = True
    jql: str = ""  # Jira: only the issues that it finds
    fits: Callable[[Mapping[str, Any]], bool] | None = field(default=None, repr=False)  # what `jql` means

    def wants(self, event: str, payload: Mapping[str, Any]) -> bool:
        """Is this event one that it was made for?"""
        if "/" in self.place and self.place != payload.get("repository", {}).get("full_name"):
            return False
        listed = not self.events or "*" in self.events or event in self.events
        return self.active and listed and (self.fits is None or self.fits(payload))


@dataclass
class Delivery:
    """One delivery. `status` is what was answered: None not yet, 0 no answer (the request failed or was lost)."""

    id: int
    hook: Hook
    event: str
    headers: dict[str, str]
    body: bytes
    status: int | None = None
    attempts: int = 0
    lost: bool = False
    again: bool = False  # it was asked for
    at: datetime = field(default_factory=now)

    @property
    def guid(self) -> str:
        """What a redelivery (GitHub) or a retry (Jira) has in common with the first try."""
        return self.headers.get("X-GitHub-Delivery") or self.headers.get("X-Atlassian-Webhook-Identifier", "")


@dataclass(frozen=True)
class Odds:
    """How badly the post goes: of all deliveries this share is lost, doubled, late, or overtaken by the next one.

    A late one, and one that nothing overtakes, comes within `seconds`. The same seed strikes the same numbers.
    """

    lost: float = 0
    doubled: float = 0
    late: float = 0
    swapped: float = 0
    seconds: float = 5
    seed: int = 0


class Hooks:
    """Delivers what the trackers send, in order, unless it is asked to lose, double, hold or swap deliveries.

    GitHub never tries again; Jira does so five times on 5xx, on a few 4xx and where nobody answers (`retry_pause`
    seconds apart here, minutes in the world). With more than one of `lanes` the order is only roughly kept.
    """

    def __init__(self, retry_pause: float = 0.5, lanes: int = 1) -> None:
        self.deliveries: list[Delivery] = []
        self.struck: Counter[str] = Counter()  # what the odds have done so far
        self.retry_pause = retry_pause
        self._lanes = lanes
        self._odds: Odds | None = None
        self._dice = random.Random()  # noqa: S311 - nothing secret hangs on it
        self._put_aside: Delivery | None = None
        self._hooks: list[Hook] = []
        self._last_hook = 0
        self._lock = threading.Condition(threading.RLock())
        self._queue: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._under_way = 0
        self._drop = self._double = 0
        self._held: list[Delivery] | None = None
        self._threads: list[threading.Thread] = []

    # -- what the trackers call ----------------------------------------------------------------------------------

    def register(
        self, url: str, secret: str, style: Style, form: bool = False, place: str = "", **more: Any
    ) -> Hook:  # fmt: skip
        """Add a webhook; every event of that style goes to it, but a repository's gets only its own.

        `form` sends GitHub's form-encoded body; `more` are further fields of a `Hook`.
        """
        with self._lock:
            self._last_hook += 1
            hook = Hook(self._last_hook, url, secret, style, form, place, **more)
            self._hooks.append(hook)
            return hook

    def change(self, hook: Hook, **changes: Any) -> Hook:
        """Set some of its fields; what is on its way goes as it was."""
        with self._lock:
            new = replace(hook, **changes)
            self._hooks[self._hooks.index(hook)] = new
            return new

    def forget(self, hook: Hook) -> None:
        """Take a webhook away."""
        with self._lock:
            self._hooks.remove(hook)

    def hooks(self, style: Style) -> list[Hook]:
        """The webhooks of one tracker."""
        with self._lock:
            return [hook for hook in self._hooks if hook.style == style]

    def send(
        self, style: Style, event: str, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None,
        only: Hook | None = None,
    ) -> None:  # fmt: skip
        """Deliver an event to each webhook of that style that wants it, or `only` to one, all under one GUID.

        `headers` are added, and win over those that are made here; an empty value takes one away (a Data Center Jira
        sends no identifier).
        """
        raw = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        guid = str(uuid.uuid4())
        with self._lock:
            for hook in [only] if only else self.hooks(style):
                if not only and not hook.wants(event, payload):
                    continue
                body = urlencode({"payload": raw.decode()}).encode() if hook.form else raw
                made = _headers(hook, event, guid, body) | dict(headers or {})
                made = {name: value for name, value in made.items() if value}
                self._enter(Delivery(len(self.deliveries) + 1, hook, event, made, body))

    # -- what goes wrong -----------------------------------------------------------------------------------------

    def drop_next(self, n: int = 1) -> None:
        """Lose the next n deliveries: they are listed, and never sent."""
        with self._lock:
            self._drop += n

    def double_next(self, n: int = 1) -> None:
        """Send each of the next n deliveries twice."""
        with self._lock:
            self._double += n

    def hold(self) -> None:
        """Keep all deliveries back until `release`."""
        with self._lock:
            self._held = self._held if self._held is not None else []

    def release(self, order: Literal["reversed", "as_sent"] = "as_sent") -> None:
        """Send what was held, in this order, and hold no more."""
        with self._lock:
            held, self._held = self._held or [], None
            for delivery in reversed(held) if order == "reversed" else held:
                self._queue.put(delivery)

    def trouble(self, odds: Odds | None) -> None:
        """From now on the post goes as badly as these odds say; None: as it should."""
        with self._lock:
            self._odds = odds
            self._dice = random.Random(odds.seed if odds else 0)  # noqa: S311 - nothing secret hangs on it
            self._pick_up()

    @property
    def holding(self) -> int | None:
        """How many deliveries are held back; None where nothing is held."""
        with self._lock:
            return None if self._held is None else len(self._held)

    def redeliver(self, delivery_id: int) -> Delivery:
        """Send a delivery anew with the same GUID and body, as its web page does. Raises `KeyError`."""
        with self._lock:
            was = next((one for one in self.deliveries if one.id == delivery_id), None)
            if was is None:
                raise KeyError(f"there is no delivery {delivery_id}")
            again = Delivery(len(self.deliveries) + 1, was.hook, was.event, dict(was.headers), was.body, again=True)
            self._enter(again, faulty=False)
            return again

    def idle(self, timeout: float = 10) -> bool:
        """Wait until all that was sent, and is not held, is delivered, retries included; False if it takes longer."""
        end = time.monotonic() + timeout
        with self._lock:
            while self._under_way > len(self._held or ()):
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._lock.wait(left)
            return True

    def close(self) -> None:
        """Stop delivering."""
        with self._lock:
            threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join(_TIMEOUT)

    # -- the thread ----------------------------------------------------------------------------------------------

    def _enter(self, delivery: Delivery, faulty: bool = True) -> None:
        self.deliveries.append(delivery)
        fate = self._fate() if faulty else ""
        if fate == "lost":
            delivery.status, delivery.lost = 0, True
            return
        copies = 2 if fate == "doubled" else 1
        self._under_way += copies
        for _ in range(copies):
            self._send_off(delivery, fate)
        while len(self._threads) < self._lanes:
            thread = threading.Thread(target=self._deliver_all, name="sandbox-hooks", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _fate(self) -> str:
        """What goes wrong with the next delivery: as was asked for, else as the odds fall."""
        if self._drop:
            self._drop -= 1
            return "lost"
        if self._double:
            self._double -= 1
            return "doubled"
        if self._odds is None:
            return ""
        fell = self._dice.random()
        for fate in ("lost", "doubled", "late", "swapped"):
            share: float = getattr(self._odds, fate)
            if fell < share:
                self.struck[fate] += 1
                return fate
            fell -= share
        return ""

    def _send_off(self, delivery: Delivery, fate: str) -> None:
        if self._held is not None:
            self._held.append(delivery)
        elif fate == "late" and self._odds:
            self._later(self._dice.uniform(0, self._odds.seconds), delivery)
        elif fate == "swapped" and self._odds and self._put_aside is None:
            self._put_aside = delivery
            timer = threading.Timer(self._odds.seconds, self._pick_up, (delivery,))
            timer.daemon = True
            timer.start()
        else:
            self._queue.put(delivery)
            self._pick_up()

    def _pick_up(self, only: Delivery | None = None) -> None:
        """Send what was put aside to be overtaken."""
        with self._lock:
            if self._put_aside and only in (None, self._put_aside):
                self._queue.put(self._put_aside)
                self._put_aside = None

    def _later(self, seconds: float, delivery: Delivery) -> None:
        timer = threading.Timer(seconds, self._queue.put, (delivery,))
        timer.daemon = True
        timer.start()

    def _deliver_all(self) -> None:
        while (delivery := self._queue.get()) is not None:
            status = _post(delivery)
            with self._lock:
                delivery.status = status
                delivery.attempts += 1
                again = delivery.hook.style == "jira" and (status in _TRY_AGAIN or status >= 500)
                if again and delivery.attempts <= JIRA_RETRIES:
                    delivery.headers["X-Atlassian-Webhook-Retry"] = str(delivery.attempts)
                    self._later(self.retry_pause, delivery)
                else:
                    self._under_way -= 1
                    self._lock.notify_all()


def _post(delivery: Delivery) -> int:
    try:
        answer = requests.post(
            delivery.hook.url, data=delivery.body, headers=delivery.headers, timeout=_TIMEOUT, allow_redirects=False
        )
    except requests.RequestException:
        return 0
    return answer.status_code


def sign(secret: str, body: bytes) -> str:
    """The signature of a body as both trackers write it: `sha256=…`."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _headers(hook: Hook, event: str, guid: str, body: bytes) -> dict[str, str]:
    if hook.style == "jira":
        made = {
            "Content-Type": "application/json; charset=UTF-8",
            "User-Agent": "Atlassian Webhook HTTP Client",
            "X-Atlassian-Webhook-Identifier": guid,
            "X-Atlassian-Webhook-Flow": "Primary",
        }
        return made | ({"X-Hub-Signature": sign(hook.secret, body)} if hook.secret else {})
    made = {
        "Content-Type": "application/x-www-form-urlencoded" if hook.form else "application/json",
        "User-Agent": "GitHub-Hookshot/5a0d0b0",
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": "1",
        "X-GitHub-Hook-Installation-Target-Type": "integration",
    }
    return made | ({"X-Hub-Signature-256": sign(hook.secret, body)} if hook.secret else {})
