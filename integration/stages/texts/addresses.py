"""Which addresses may stand in a link, for every tracker alike: plain ones of the web, and no other."""

from __future__ import annotations

import unicodedata
from urllib.parse import SplitResult, urlsplit

_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")  # control signs, turns of direction, halves of signs, breaks of lines


def of_the_web(url: str) -> SplitResult | None:
    """The parts of an http or https address that names a host and no user; None for any other text."""
    try:
        parts = urlsplit(url)
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return None
    return parts if plain else None


def unbroken(url: str) -> bool:
    """Whether there is nothing in it, or around it, that a reader would not see."""
    return url == url.strip() and not any(unicodedata.category(sign) in _UNSEEN for sign in url)
