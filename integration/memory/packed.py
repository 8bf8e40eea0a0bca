"""A history as bytes and back: small, quick, and known to be of this release's form or else not believed."""

from __future__ import annotations

import hashlib
import zlib

import msgspec

from integration.stages.model import Issue

_LEVEL = 6
LARGEST = 64 * 1024 * 1024  # bytes, unpacked: what is larger is none of ours

_encode = msgspec.msgpack.Encoder(enc_hook=dict).encode  # the one thing that needs it: a mapping that is read-only
_decode = msgspec.msgpack.Decoder(Issue).decode

FORM = hashlib.sha256(msgspec.json.encode(msgspec.json.schema(Issue))).hexdigest()[:12]
"""Names the shape of an `Issue`: what was packed in another one has to be read anew."""


class Spoilt(ValueError):
    """These bytes are no history that this release has packed."""


def pack(issue: Issue) -> bytes:
    """The issue with its whole history."""
    return zlib.compress(_encode(issue), _LEVEL)


def unpack(packed: bytes) -> Issue:
    """As it was packed. Raises `Spoilt`."""
    unpacking = zlib.decompressobj()
    try:
        return _decode(unpacking.decompress(packed, LARGEST))
    except (zlib.error, msgspec.MsgspecError) as wrong:
        raise Spoilt(str(wrong)) from None
