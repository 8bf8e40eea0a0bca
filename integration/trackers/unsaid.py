"""What a refusal repeats of how we signed in is taken out of it, before anybody reads, quotes or keeps it.

Some servers and proxies put the request into their error pages, token and all; and what a tracker says when it refuses
goes into the ledger, into `release-stages failed` and onto the issue.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, MutableMapping

from integration.logs import Mask


def unsaid(asked: Mapping[str, str | bytes], headers: MutableMapping[str, str], body: bytes) -> bytes:
    """The body of a refusal, without what its request (`asked`: the headers of it) signed in with.

    The refusal's own `headers` are mended in place.
    """
    sent = asked.get("Authorization", "")
    mask = Mask(_signed_in(sent.decode("latin-1") if isinstance(sent, bytes) else sent))
    for name, value in list(headers.items()):
        headers[name] = mask(value)
    return mask(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _signed_in(sent: str) -> Iterator[str]:
    """The token; of e-mail and token both in one, and the token alone."""
    kind, _, bare = sent.strip().rpartition(" ")
    yield bare
    if kind.casefold() == "basic":
        try:
            plain = base64.b64decode(bare, validate=True).decode("utf-8", "replace")
        except binascii.Error:
            return
        yield plain
        yield plain.partition(":")[2]
