"""Webhooks, delivered over real HTTP by a thread of their own, with the ways in which deliveries go wrong."""

from __future__ import annotations

import hashlib
import hmac
import json
import queue
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

import requests

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

    @property
    def guid(self) -> str:
        """What a redelivery (GitHub) or a retry (Jira) has in common with the first try."""
        return self.headers.get("X-GitHub-Delivery") or self.headers.get("X-Atlassian-Webhook-Identifier", "")


class Hooks:
    """Delivers what the trackers send, in order, unless it is asked to lose, double, hold or swap deliveries.

    GitHub never tries again; Jira does so five times on 5xx, on a few 4xx and where nobody answers (`retry_pause`
    seconds apart here, minutes in the world).
    """

    def __init__(self, retry_pause: float = 0.5) -> None:
        self.deliveries: list[Delivery] = []
        self.retry_pause = retry_pause
        self._hooks: list[Hook] = []
        self._lock = threading.Condition(threading.RLock())
        self._queue: queue.SimpleQueue[Delivery | None] = queue.SimpleQueue()
        self._under_way = 0
        self._drop = self._double = 0
        self._held: list[Delivery] | None = None
        self._thread: threading.Thread | None = None

    # -- what the trackers call ----------------------------------------------------------------------------------

    def register(self, url: str, secret: str, style: Style, form: bool = False) -> Hook:
        """Add a webhook; every event of that style goes to it. `form` sends GitHub's form-encoded body."""
        with self._lock:
            hook = Hook(len(self._hooks) + 1, url, secret, style, form)
            self._hooks.append(hook)
            return hook

    def hooks(self, style: Style) -> list[Hook]:
        """The webhooks of one tracker."""
        with self._lock:
            return [hook for hook in self._hooks if hook.style == style]

    def send(
        self, style: Style, event: str, payload: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> None:
        """Deliver an event to each webhook of that style, all under one GUID.

        `headers` are added, and win over those that are made here; an empty value takes one away (a Data Center Jira
        sends no identifier).
        """
        raw = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
        guid = str(uuid.uuid4())
        with self._lock:
            for hook in self.hooks(style):
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
            again = Delivery(len(self.deliveries) + 1, was.hook, was.event, dict(was.headers), was.body)
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
            thread, self._thread = self._thread, None
        if thread:
            self._queue.put(None)
            thread.join(_TIMEOUT)

    # -- the thread ----------------------------------------------------------------------------------------------

    def _enter(self, delivery: Delivery, faulty: bool = True) -> None:
        self.deliveries.append(delivery)
        if faulty and self._drop:
            self._drop -= 1
            delivery.status, delivery.lost = 0, True
            return
        copies = 2 if faulty and self._double else 1
        self._double -= copies - 1
        self._under_way += copies
        for _ in range(copies):
            if self._held is not None:
                self._held.append(delivery)
            else:
                self._queue.put(delivery)
        if self._thread is None:
            self._thread = threading.Thread(target=self._deliver_all, name="sandbox-hooks", daemon=True)
            self._thread.start()

    def _deliver_all(self) -> None:
        while (delivery := self._queue.get()) is not None:
            status = _post(delivery)
            with self._lock:
                delivery.status = status
                delivery.attempts += 1
                again = delivery.hook.style == "jira" and (status in _TRY_AGAIN or status >= 500)
                if again and delivery.attempts <= JIRA_RETRIES:
                    delivery.headers["X-Atlassian-Webhook-Retry"] = str(delivery.attempts)
                    timer = threading.Timer(self.retry_pause, self._queue.put, (delivery,))
                    timer.daemon = True
                    timer.start()
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
