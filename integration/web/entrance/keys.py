"""Keys that follow from MARKER_KEY, one for each use: none of them tells anything of another."""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derived(marker_key: bytes, use: str) -> bytes:
    """32 bytes for this use."""
    return HKDF(hashes.SHA256(), length=32, salt=None, info=f"release-stages {use}".encode()).derive(marker_key)
