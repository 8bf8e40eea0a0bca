"""What the sandbox's OpenID provider remembers: whom it has asked, what it handed out, and the key it signs with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from joserfc.jwk import RSAKey

from integration.sandbox.consent import Consents


@cache
def signing_key() -> RSAKey:
    """Made once in a process: that takes longer than all the rest of the provider."""
    return RSAKey.generate_key(2048, {"use": "sig", "alg": "RS256", "kid": "sandbox-1"})


@dataclass
class OpenId(Consents):
    """One provider. Its switches are for tests."""

    discovered: dict[str, Any] = field(default_factory=dict)  # what its discovery document says otherwise
    claims: dict[str, Any] = field(default_factory=dict)  # what its tokens say otherwise; None leaves a claim out
    forge: Callable[[dict[str, Any]], str] | None = None  # writes the token instead of the provider
    shown: dict[str, Any] = field(default_factory=dict)  # what /userinfo says otherwise
