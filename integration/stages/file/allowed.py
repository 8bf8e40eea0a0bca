"""What is allowed, said to somebody who wrote something else: one way to ask "did you mean", for every fault."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_FEW = 16


def instead(word: str, allowed: Iterable[str]) -> str:
    """The end of a fault's sentence: `; did you mean "support"?`, else `; allowed: docs, growth` where they are few."""
    names = list(dict.fromkeys(shown(each)[1:-1] for each in allowed))  # they are the file's, and may hold anything
    lower = {name.casefold(): name for name in names}
    if close := get_close_matches(word.casefold(), lower, n=1, cutoff=0.6):
        return f'; did you mean "{lower[close[0]]}"?'
    if not names:
        return "; there is none yet"
    return f"; allowed: {', '.join(names)}" if len(names) <= _FEW else ""


def shown(value: object) -> str:
    """A value as a fault quotes it: on one line, and not too long of it."""
    text = "".join(sign if sign.isprintable() else "�" for sign in " ".join(str(value).split()))
    return f'"{text[:60]}…"' if len(text) > 60 else f'"{text}"'
