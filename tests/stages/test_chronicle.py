"""What the log says of an entry: days as the file's clock has them, and no word of what whoever reads may not know."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from integration.stages.entries import Carried, Held, Owed
from integration.stages.model import Person
from integration.stages.texts.chronicle import Names, told

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
ERIN = Person("1", "erin", "Erin")


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Asia/Tokyo", "UTC"])
def test_what_ends_with_a_day_is_until_that_day_and_not_until_the_next(zone: str) -> None:
    ends = datetime(2026, 11, 28, tzinfo=ZoneInfo(zone)).astimezone(UTC)  # as `until 2026-11-27` is kept
    names = Names({}, {}, ZoneInfo(zone))
    held = told(Held(AT, ERIN, "the bank is closed", "c1", until=ends), names)
    owed = told(Owed(AT, "docs", "public", ERIN, "evan", ends), names)
    assert held.says == "on hold until 2026-11-27: the bank is closed"
    assert owed.says.endswith("until 2026-11-27")


def test_where_a_feature_lived_before_is_told_to_whoever_may_know_of_it() -> None:
    moved = Carried(AT, "github:acme/secret#3", "github:acme/app#12")
    assert "acme/secret#3" in told(moved, Names({}, {})).says
    assert "secret" not in told(moved, Names({}, {}, hides=lambda ref: "secret" in ref)).says
