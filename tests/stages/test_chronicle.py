"""Entries in words: one sentence for each, by the names that people use, without markup and without a key."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from integration.stages import entries as kinds
from integration.stages.entries import (
    Acknowledged,
    AttemptEnded,
    AttemptOpened,
    Carried,
    Done,
    Ended,
    Entry,
    GateResult,
    Held,
    Judged,
    NeedsWork,
    Noticed,
    Outcome,
    Owed,
    Waived,
)
from integration.stages.model import Move, Person
from integration.stages.texts.chronicle import Names, told

AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
SAM, ERIN = Person("1", "sam", "Sam"), Person("2", "erin")
NAMES = Names({"beta": "Beta Release", "public": "Public Release"}, {"support": "Support"})
TO_PUBLIC = Move("m", "labels:0", "beta", "public", ERIN, AT)
SHUT = GateResult("soak", "public", "block", False, ())
TRIAL = GateResult("on-trial", "public", "observe", False, ())
WAIVED = GateResult("soak", "public", "block", False, (), waived="waived by Sam")

SENTENCES: list[tuple[Entry, str, str]] = [
    (AttemptOpened(AT, "m", "labels:0", "beta", "public", ERIN, AT), "asked for Public Release", "erin"),
    (Judged(AT, TO_PUBLIC, Outcome.BLOCKED, (SHUT, TRIAL)), "Beta Release → Public Release: blocked by soak", "erin"),
    (
        Judged(AT, TO_PUBLIC, Outcome.ADMITTED, (WAIVED,)),
        "Beta Release → Public Release: admitted; waived: soak",
        "erin",
    ),
    (Noticed(AT, "support", "public", "c", SAM), "Support was told of Public Release", "Sam"),
    (
        Noticed(AT, "support", "public", "c", SAM, unreached="the team is secret"),
        "Support was mentioned for Public Release, and not reached: the team is secret",
        "Sam",
    ),
    (
        Acknowledged(AT, "support", "public", SAM, "c", plain=True),
        "Support has seen it (Public Release), by a reply",
        "Sam",
    ),
    (
        NeedsWork(AT, "support", "public", SAM, "the help page", "c"),
        "Support wants work before Public Release: the help page",
        "Sam",
    ),
    (Held(AT, SAM, "the database is full", "c"), "on hold: the database is full", "Sam"),
    (Waived(AT, "soak", "public", SAM, "a fix", "c"), "waived soak for Public Release: a fix", "Sam"),
    (Done(AT, "put-back:m:1"), "the service put the issue back", ""),
    (AttemptEnded(AT, "m", "public", Ended.CANCELLED, "Erin"), "the request for Public Release was withdrawn", "Erin"),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "says", "by"), SENTENCES, ids=lambda one: getattr(one, "kind", ""))
def test_an_entry_is_a_sentence(entry: Entry, says: str, by: str) -> None:
    found = told(entry, NAMES)
    assert (found.says, found.by, found.at) == (says, by, AT)


def test_a_key_that_the_file_names_no_more_is_shown_as_it_is() -> None:
    assert told(Acknowledged(AT, "legal", "alpha", SAM, "c"), NAMES).says == "legal has seen it (alpha), said so"


@pytest.mark.parametrize("kind", get_args(kinds.Entry), ids=lambda kind: kind.__name__)
def test_no_kind_of_entry_is_without_words(kind: type[Entry]) -> None:
    """Of each kind one with its least: a sentence, never a `None` or a name of ours."""
    given = {"at": AT, "by": SAM, "move": TO_PUBLIC, "outcome": Outcome.WARNED, "how": Ended.EXPIRED, "asked_at": AT}
    lists = {"facts": ("title",), "stages": ("public",)}
    wanted = {
        one.name: given.get(one.name, lists.get(one.name, "say" if one.name == "what" else "support"))
        for one in fields(kind)
        if one.default is one.default_factory and one.init  # type: ignore[comparison-overlap]
    }
    if kind is kinds.AttemptJoined:
        wanted["move"] = "m"
    says = told(kind(**wanted), NAMES).says
    assert says
    assert "None" not in says
    assert kind.__name__ not in says


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
