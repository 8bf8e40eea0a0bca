"""The marker by which we recognise our own words: which words, for which issue, under our key.

A token is `PAYLOAD.MAC`, both base64url without padding. It counts only in a comment by our own account; that is the
caller's to check. It survives the loss of the ledger: a living comment's token carries the open attempt.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from integration.stages.model import Ref


@dataclass(frozen=True, slots=True)
class Marker:
    """What a token says: the intent's key, and what else must outlive the ledger."""

    key: str
    keeps: Mapping[str, str] = field(default_factory=dict)


def write(marker: Marker, ref: Ref, secret: bytes) -> str:
    """The token for this marker on this issue."""
    payload = _b64(json.dumps({"key": marker.key, **marker.keeps}, sort_keys=True, separators=(",", ":")).encode())
    return f"{payload}.{_mac(payload, str(ref), secret)}"


def read(token: str, refs: Iterable[str], secret: bytes) -> Marker | None:
    """The marker, if the token was made by us for one of these refs (an issue's present and former ones)."""
    payload, dot, mac = token.strip().partition(".")
    if not dot or not any(hmac.compare_digest(mac.encode(), _mac(payload, ref, secret).encode()) for ref in refs):
        return None
    try:
        held = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, binascii.Error):
        return None
    if not isinstance(held, dict) or not isinstance(held.get("key"), str):
        return None
    return Marker(held.pop("key"), {str(name): str(value) for name, value in held.items()})


def _mac(payload: str, ref: str, secret: bytes) -> str:
    return _b64(hmac.new(secret, f"{ref}\n{payload}".encode(), hashlib.sha256).digest()[:18])


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
