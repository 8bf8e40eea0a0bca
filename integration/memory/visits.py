"""Who has left, and what only we may know of who is here: in Redis, for as long as a session may last.

What is kept of a visit is sealed with a key that follows from MARKER_KEY and from the session's own number, which only
the visitor's browser has: whoever reads Redis, and even our key with it, opens none of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from integration.memory.away import Away, asking

PREFIX = "release-stages:visit:"
LASTS = timedelta(hours=8)
PATIENCE = 0.5  # seconds that Redis may take


class Visits:
    """All visits of one Redis; safe to share between threads."""

    def __init__(self, redis: Redis, key: bytes) -> None:
        self._redis, self._key = redis, key

    @classmethod
    def connect(cls, url: str, key: bytes) -> Visits:
        """Over connections of its own, which give up soon. Nothing is asked yet."""
        patience: dict[str, Any] = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
        return cls(Redis.from_url(url or "redis://127.0.0.1:1", retry=Retry(NoBackoff(), 0), **patience), key)

    def leave(self, number: str) -> None:
        """This session is over, wherever its cookie may still be. Raises `Away`."""
        with asking(), self._redis.pipeline() as both:
            both.set(self._name("left", number), 1, ex=LASTS)
            both.delete(self._name("kept", number))
            both.execute()

    def has_left(self, number: str) -> bool:
        """Was it signed out? Without Redis that is not known, and the cookie counts until its own end."""
        try:
            with asking():
                return bool(self._redis.exists(self._name("left", number)))
        except Away:
            return False

    def keep(self, number: str, what: dict[str, Any]) -> None:
        """Keep it until the session's end at the latest. Raises `Away`."""
        sealed = self._seal(number).encrypt(json.dumps(what).encode())
        name = self._name("kept", number)
        with asking():
            if not self._redis.set(name, sealed, xx=True, keepttl=True):
                self._redis.set(name, sealed, ex=LASTS)

    def kept(self, number: str) -> dict[str, Any] | None:
        """What is kept; None where nothing is, or somebody else wrote it. Raises `Away`."""
        with asking():
            sealed = self._redis.get(self._name("kept", number))
        try:
            found: dict[str, Any] | None = json.loads(self._seal(number).decrypt(sealed)) if sealed else None
        except InvalidToken:
            return None
        return found

    def _name(self, kind: str, number: str) -> str:
        return f"{PREFIX}{kind}:{hashlib.sha256(number.encode()).hexdigest()}"

    def _seal(self, number: str) -> Fernet:
        key = HKDF(hashes.SHA256(), length=32, salt=number.encode(), info=b"release-stages visit").derive(self._key)
        return Fernet(base64.urlsafe_b64encode(key))
