"""When Redis does not do it: one word for it, which tells no address and no password."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import RedisError


class Away(Exception):
    """Redis did not do it: it is not there, loading, full or closed to us. Nothing was accepted; ask again later."""


@contextmanager
def asking() -> Iterator[None]:
    """Tell what Redis refuses in our own word; its own may name an address with a password."""
    try:
        yield
    except RedisError as error:
        raise Away(f"Redis does not take it ({type(error).__name__})") from error
