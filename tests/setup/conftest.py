"""What all tests of the set-up commands need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def log_again() -> Iterator[None]:
    """The command sets how it logs; the tests behind it want it as it was."""
    yield
    structlog.reset_defaults()
