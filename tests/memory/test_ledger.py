"""The ledger on both databases: what was written is read again exactly, once, in order, and nobody changes it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import is_dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from integration.memory import tables
from integration.memory.database import transaction
from integration.memory.ledger import Card, Ledger, LedgerAway, Overtaken, Unreadable
from integration.stages import entries as kinds
from integration.stages.entries import (
    Acknowledged,
    AttemptEnded,
    AttemptJoined,
    AttemptOpened,
    Carried,
    Ended,
    Entry,
    Finding,
    Frozen,
    GateResult,
    Judged,
    Outcome,
    Waived,
)
from integration.stages.model import ClosedAs, Label, Move, Person, Ref
from tests.whole import some

APP = Ref.parse("acme/app#12")
OTHER = Ref.parse("acme/other#3")
MOBILE = Ref.parse("jira:eu/APP-7")
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ERIN = Person("1", "erin", "Erin")
SAM = Person("2", "sam", "Sam")


def seen(by: Person = SAM, comment: str = "c1", at: datetime = NOON) -> Acknowledged:
    return Acknowledged(at=at, party="support", stage="public", by=by, comment=comment)


def blocked(rule: str = "support-before-public") -> Judged:
    gates = (
        GateResult("soak", "public", "warn", True, (Finding("a week in Beta", True),)),
        GateResult(rule, "public", "block", False, (Finding("Support was told", False, "nobody told them"),)),
    )
    move = Move("m1", "github/labels", "beta", "public", ERIN, NOON)
    return Judged(NOON, move, Outcome.BLOCKED, gates, mappings="abc")


# --- round trips ------------------------------------------------------------------------------------------------


ANY_TEXT = st.text(st.characters(), max_size=20)  # all of Unicode, NUL and halves of surrogate pairs too
ANY_TIME = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
FINDINGS = st.recursive(
    st.builds(Finding, ANY_TEXT, st.none() | st.booleans(), look_again_at=st.none() | ANY_TIME),
    lambda parts: st.builds(Finding, ANY_TEXT, st.booleans(), parts=st.lists(parts, max_size=2).map(tuple)),
    max_leaves=4,
)
KNOWN: dict[Any, st.SearchStrategy[Any]] = {str: ANY_TEXT, datetime: ANY_TIME, Finding: FINDINGS}


def any_of(hint: Any) -> st.SearchStrategy[Any]:
    """Anything that the type allows; the fields of a dataclass one by one."""
    if hint in KNOWN:
        return KNOWN[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return st.builds(hint, **{name: any_of(of) for name, of in get_type_hints(hint).items()})
    if get_origin(hint) is tuple and get_args(hint)[-1] is not ...:
        return st.tuples(*map(any_of, get_args(hint)))
    if get_origin(hint) is tuple:
        return st.lists(any_of(get_args(hint)[0]), max_size=2).map(tuple)
    if get_origin(hint) in {Union, UnionType}:
        return st.one_of(*map(any_of, get_args(hint)))
    return st.from_type(hint)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger for many examples, each with a feature of its own."""
    opened = Ledger.open(f"sqlite:///{tmp_path_factory.mktemp('ledger')}/l.db", now=NOON)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def shared_postgres(postgres_server: str) -> Iterator[Ledger]:
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE round_trips")
    opened = Ledger.open(postgres_server.format("round_trips"), now=NOON)
    yield opened
    opened.close()


_features = iter(range(1, 1_000_000))


def survives(ledger: Ledger, entry: Entry) -> None:
    ref = replace(APP, number=next(_features))
    ledger.append(ref, [entry], expected=0, now=NOON)
    assert ledger.entries(ref) == (entry,)
    assert ledger.verify(ref) is None


@pytest.mark.parametrize("kind", get_args(kinds.Entry), ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_kind_of_entry_is_read_as_it_was_written(shared: Ledger, kind: type[Entry], data: st.DataObject) -> None:
    survives(shared, data.draw(any_of(kind)))


@settings(max_examples=some(100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(entry=any_of(kinds.Entry))
def test_every_kind_of_entry_is_read_as_it_was_written_on_postgresql(shared_postgres: Ledger, entry: Entry) -> None:
    survives(shared_postgres, entry)


def test_a_time_in_another_zone_is_the_same_moment_when_it_is_read_again(ledger: Ledger) -> None:
    tokyo = NOON.astimezone(ZoneInfo("Asia/Tokyo"))
    ledger.append(APP, [seen(at=tokyo)], 0, tokyo, Card("t", "u", look_again_at=tokyo))
    assert ledger.entries(APP)[0].at == NOON
    assert ledger.due(NOON - timedelta(microseconds=1), 9) == ()
    assert ledger.due(NOON, 9) == (APP,)


def test_a_time_without_a_zone_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    with pytest.raises(Exception, match="aware times only"):
        ledger.append(APP, [seen()], 0, NOON.replace(tzinfo=None))
    assert ledger.read(APP).seq == 0
    assert ledger.refs() == ()


# --- appending --------------------------------------------------------------------------------------------------


def test_a_feature_that_nobody_has_written_of_has_no_entries_and_stands_at_0(ledger: Ledger) -> None:
    recalled = ledger.read(APP)
    assert (recalled.entries, recalled.seq) == ((), 0)
    assert ledger.verify(APP) is None


def test_entries_are_numbered_on_from_the_head_in_their_order(ledger: Ledger) -> None:
    assert ledger.append(APP, [seen(comment="1"), seen(comment="2")], 0, NOON) == 2
    assert ledger.append(APP, [seen(comment="3")], 2, NOON) == 3
    assert ledger.append(OTHER, [seen(comment="4")], 0, NOON) == 1
    assert [entry.comment for entry in ledger.entries(APP) if isinstance(entry, Acknowledged)] == ["1", "2", "3"]
    assert ledger.read(APP).seq == 3


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_who_builds_on_another_number_than_the_head_is_refused_and_writes_nothing(
    ledger: Ledger, expected: int
) -> None:
    ledger.append(APP, [seen(), blocked()], 0, NOON, Card("before", "u"))
    with pytest.raises(Overtaken, match=r"acme/app#12 is at entry 2, not"):
        ledger.append(APP, [seen(comment="late")], expected, NOON, Card("after", "u"))
    assert ledger.entries(APP) == (seen(), blocked())
    assert features(ledger)[0]["title"] == "before"


def test_building_on_a_feature_that_is_not_there_is_refused_and_makes_none(ledger: Ledger) -> None:
    with pytest.raises(Overtaken):
        ledger.append(APP, [seen()], 4, NOON)
    assert ledger.refs() == ()


def test_a_card_alone_changes_the_feature_but_not_its_head(ledger: Ledger) -> None:
    ledger.append(APP, [seen()], 0, NOON)
    later = NOON + timedelta(hours=1)
    card = Card("Dark \0mode", "https://x/12", "beta", "erin", later, ClosedAs.DONE)
    assert ledger.append(APP, [], 1, later, card) == 1
    (row,) = features(ledger)
    assert (row["title"], row["url"], row["stage"], row["owner"]) == ("Dark mode", "https://x/12", "beta", "erin")
    assert (row["look_again_at"], row["closed"], row["seq"]) == (later, "done", 1)
    assert (row["created_at"], row["checked_at"]) == (NOON, later)
    with pytest.raises(Overtaken):
        ledger.append(APP, [], 0, later, Card("stale", ""))


def test_of_many_who_append_at_once_exactly_one_wins_each_number(ledger: Ledger) -> None:
    writers, rounds = 6, 5
    won: list[tuple[int, int]] = []
    start = threading.Barrier(writers)

    def write(writer: int) -> None:
        start.wait()
        for expected in range(rounds):
            while ledger.read(APP).seq < expected:
                threading.Event().wait(0.001)
            try:
                number = ledger.append(APP, [seen(comment=f"{writer}.{expected}")], expected, NOON)
            except Overtaken:
                continue
            won.append((number, writer))

    run_all([partial(write, writer) for writer in range(writers)])
    assert sorted(number for number, _ in won) == [1, 2, 3, 4, 5]
    comments = [entry.comment for entry in ledger.entries(APP) if isinstance(entry, Acknowledged)]
    assert comments == [f"{writer}.{number - 1}" for number, writer in sorted(won)]
    assert ledger.verify(APP) is None


def test_features_do_not_wait_for_one_another_nor_lose_anything(ledger: Ledger) -> None:
    refs = [replace(APP, number=number) for number in range(1, 7)]

    def write(ref: Ref) -> None:
        for expected in range(5):
            ledger.append(ref, [seen()], expected, NOON)

    run_all([partial(write, ref) for ref in refs])
    assert [ledger.read(ref).seq for ref in refs] == [5] * 6


def run_all(tasks: list[Callable[[], None]]) -> None:
    """Run them at once; what one of them raises is raised here."""
    errors: list[BaseException] = []

    def guarded(task: Callable[[], None]) -> None:
        try:
            task()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(task,), daemon=True) for task in tasks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


# --- the columns for questions ----------------------------------------------------------------------------------


OPENED = AttemptOpened(NOON, "m1", "s", "beta", "public", ERIN, NOON)
CANCELLED = AttemptEnded(NOON, "m1", "public", Ended.CANCELLED, "erin")
WAIVED = Waived(NOON, "r1", "public", SAM, "why", "c9")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (seen(), {"stage": "public", "party": "support", "person": "sam", "comment": "c1"}),
        (blocked(), {"stage": "public", "person": "erin", "rule": "support-before-public", "move": "m1"}),
        (OPENED, {"stage": "public", "person": "erin", "move": "m1"}),
        (AttemptJoined(NOON, "m1", "m2", "public", SAM), {"stage": "public", "person": "sam", "move": "m2"}),
        (CANCELLED, {"stage": "public", "person": "erin", "move": "m1"}),
        (WAIVED, {"stage": "public", "person": "sam", "rule": "r1", "comment": "c9"}),
        (seen(comment="x" * 5000), {"stage": "public", "party": "support", "person": "sam", "comment": "x" * 255}),
        (Frozen(NOON, "deleted"), {}),
    ],
)
def test_an_entry_can_be_found_by_what_it_is_about(ledger: Ledger, entry: Entry, expected: dict[str, str]) -> None:
    ledger.append(APP, [entry], 0, NOON)
    (row,) = rows(ledger, tables.entries)
    asked = ("stage", "party", "person", "rule", "move", "comment")
    assert {name: row[name] for name in asked if row[name] is not None} == expected
    assert (row["kind"], row["at"], row["recorded_at"]) == (entry.kind, NOON, NOON)


def rows(ledger: Ledger, table: Any) -> list[dict[str, Any]]:
    with ledger._engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def features(ledger: Ledger) -> list[dict[str, Any]]:
    return rows(ledger, tables.features)


# --- looking again ----------------------------------------------------------------------------------------------


def test_features_are_due_when_their_time_has_come_the_longest_waiting_first(ledger: Ledger) -> None:
    for number, minutes in ((1, 0), (2, -10), (3, 1), (4, -5)):
        card = Card("t", "u", look_again_at=NOON + timedelta(minutes=minutes))
        ledger.append(replace(APP, number=number), [], 0, NOON, card)
    ledger.append(MOBILE, [], 0, NOON, Card("t", "u"))
    assert [ref.number for ref in ledger.due(NOON, 10)] == [2, 4, 1]
    assert [ref.number for ref in ledger.due(NOON, 2)] == [2, 4]


def test_a_feature_that_was_put_off_is_due_at_its_new_time_and_one_that_is_not_looked_at_never(ledger: Ledger) -> None:
    ledger.append(MOBILE, [], 0, NOON, Card("t", "u", look_again_at=NOON))
    ledger.put_off(MOBILE, NOON + timedelta(hours=1))
    assert ledger.due(NOON, 10) == ()
    assert ledger.due(NOON + timedelta(hours=1), 10) == (MOBILE,)
    ledger.put_off(MOBILE, None)
    assert ledger.due(NOON + timedelta(days=999), 10) == ()


def test_a_frozen_feature_is_never_due_until_a_card_shows_that_it_is_there_again(ledger: Ledger) -> None:
    card = Card("t", "u", look_again_at=NOON)
    ledger.append(APP, [Frozen(NOON, "deleted")], 0, NOON, card)
    assert ledger.due(NOON, 10) == ()
    ledger.append(APP, [seen()], 1, NOON)
    assert ledger.due(NOON, 10) == ()
    ledger.append(APP, [], 2, NOON, card)
    assert ledger.due(NOON, 10) == (APP,)


# --- carrying ---------------------------------------------------------------------------------------------------


def test_a_feature_whose_issue_moved_goes_on_under_its_new_ref_with_all_that_was_recorded(ledger: Ledger) -> None:
    ledger.append(APP, [seen()], 0, NOON)
    ledger.carry(APP, OTHER, NOON)
    assert ledger.entries(OTHER) == (seen(), Carried(NOON, str(APP), str(OTHER)))
    assert ledger.entries(APP) == ()
    assert ledger.append(OTHER, [seen()], 2, NOON) == 3
    assert ledger.verify(OTHER) is None


def test_where_the_new_ref_has_entries_both_are_kept_and_the_old_one_rests(ledger: Ledger) -> None:
    ledger.append(APP, [seen(comment="old")], 0, NOON, Card("t", "u", look_again_at=NOON))
    ledger.append(OTHER, [seen(comment="new")], 0, NOON)
    ledger.carry(APP, OTHER, NOON)
    assert ledger.entries(APP) == (seen(comment="old"),)
    assert ledger.entries(OTHER) == (seen(comment="new"), Carried(NOON, str(APP), str(OTHER)))
    assert ledger.due(NOON, 10) == ()


def test_a_frozen_feature_thaws_when_it_is_carried(ledger: Ledger) -> None:
    ledger.append(APP, [Frozen(NOON, "out of sight")], 0, NOON)
    ledger.put_off(APP, NOON)
    ledger.carry(APP, OTHER, NOON)
    assert ledger.due(NOON, 10) == (OTHER,)


@pytest.mark.parametrize("both", [False, True])
def test_carrying_twice_is_carrying_once(ledger: Ledger, both: bool) -> None:
    ledger.append(APP, [seen()], 0, NOON)
    if both:
        ledger.append(OTHER, [seen()], 0, NOON)
    ledger.carry(APP, OTHER, NOON)
    before = ledger.read(OTHER)
    ledger.carry(APP, OTHER, NOON + timedelta(days=1))
    assert ledger.read(OTHER) == before


def test_who_read_before_the_feature_was_carried_is_overtaken(ledger: Ledger) -> None:
    ledger.append(APP, [seen()], 0, NOON)
    ledger.carry(APP, OTHER, NOON)
    for ref in (APP, OTHER):
        with pytest.raises(Overtaken):
            ledger.append(ref, [seen()], 1, NOON)


def test_carrying_what_was_never_recorded_or_nowhere_changes_nothing(ledger: Ledger) -> None:
    ledger.carry(APP, OTHER, NOON)
    assert ledger.refs() == ()
    ledger.append(APP, [seen()], 0, NOON)
    ledger.carry(APP, APP, NOON)
    assert ledger.entries(APP) == (seen(),)


# --- names and mappings -----------------------------------------------------------------------------------------


def test_a_label_keeps_every_name_that_it_had_the_oldest_first(ledger: Ledger) -> None:
    ledger.learn_names("acme/app", [Label("7", "zebra"), Label("8", "stage: beta")], NOON)
    ledger.learn_names("acme/app", [Label("7", "apple")], NOON + timedelta(days=1))
    ledger.learn_names("acme/app", [Label("7", "apple")], NOON + timedelta(days=2))
    ledger.learn_names("acme/other", [Label("7", "elsewhere")], NOON)
    assert ledger.known_names("acme/app") == {"7": ("zebra", "apple"), "8": ("stage: beta",)}
    assert ledger.known_names("acme/none") == {}


def test_a_version_of_the_mappings_is_kept_as_it_first_was(ledger: Ledger) -> None:
    assert ledger.versions.text("abc") is None
    ledger.versions.take("abc", "version: 1\n", NOON)
    ledger.versions.take("abc", "something else", NOON)
    assert ledger.versions.text("abc") == "version: 1\n"


# --- nobody changes what was --------------------------------------------------------------------------------------


@contextmanager
def console(ledger: Ledger) -> Iterator[Callable[[str], object]]:
    """The database as somebody at its own console has it, without us."""
    url = ledger._engine.url
    if url.drivername == "sqlite":
        with closing(sqlite3.connect(str(url.database), isolation_level=None)) as lite:
            yield lite.execute
    else:
        plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as post:
            yield lambda statement: post.execute(statement)


def disarm(ledger: Ledger, execute: Callable[[str], object]) -> None:
    """What somebody who owns the database can do."""
    for table in ("entries", "anchors", "anchored_heads"):
        if ledger._engine.dialect.name == "sqlite":
            for change in ("update", "delete"):
                execute(f"DROP TRIGGER {table}_refuse_{change}")
        else:
            execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entries SET person = 'erin'",
        "DELETE FROM entries",
        "DELETE FROM anchored_heads",
        "UPDATE anchors SET digest = ''",
        "UPDATE mapping_versions SET text = ''",
    ],
)
def test_the_database_itself_refuses_to_change_what_was_written(ledger: Ledger, statement: str) -> None:
    ledger.append(APP, [seen()], 0, NOON)
    ledger.anchor(NOON)
    ledger.versions.take("abc", "version: 1\n", NOON)
    with console(ledger) as execute, pytest.raises((sqlite3.Error, psycopg.Error), match="is append-only"):
        execute(statement)
    assert ledger.entries(APP) == (seen(),)


def test_the_database_refuses_to_empty_the_table_or_to_replace_a_row(ledger: Ledger) -> None:
    ledger.append(APP, [seen()], 0, NOON)
    with ledger._engine.connect() as connection, pytest.raises(DBAPIError, match="append-only"):
        if ledger._engine.dialect.name == "sqlite":
            connection.exec_driver_sql("INSERT OR REPLACE INTO entries SELECT * FROM entries")
        else:
            connection.exec_driver_sql("TRUNCATE entries CASCADE")
    assert ledger.entries(APP) == (seen(),)


TAMPERED = [
    ("UPDATE entries SET body = replace(body, 'sam', 'erin') WHERE seq = 2", 2),
    ("UPDATE entries SET person = 'erin' WHERE seq = 3", 3),
    ("UPDATE entries SET recorded_at = '2025-01-01 00:00:00.000000' WHERE seq = 1", 1),
    ("UPDATE entries SET hash = previous WHERE seq = 2", 2),
    ("DELETE FROM entries WHERE seq = 1", 1),
    ("DELETE FROM entries WHERE seq = 2", 2),
    ("DELETE FROM entries WHERE seq = 4", 4),
    ("DELETE FROM entries", 1),
    ("UPDATE features SET seq = 3", 4),
    ("UPDATE features SET head = ''", 4),
]


@pytest.mark.parametrize(("statement", "broken"), TAMPERED)
def test_a_row_that_was_changed_or_taken_out_behind_our_back_is_found(
    ledger: Ledger, statement: str, broken: int
) -> None:
    ledger.append(APP, [seen(comment=str(number)) for number in range(1, 5)], 0, NOON)
    assert ledger.verify(APP) is None
    with console(ledger) as execute:
        disarm(ledger, execute)
        execute(statement)
    assert ledger.verify(APP) == broken


def test_two_rows_that_were_swapped_are_found(ledger: Ledger) -> None:
    ledger.append(APP, [seen(comment="1"), seen(comment="2")], 0, NOON)
    with console(ledger) as execute:
        disarm(ledger, execute)
        for was, to in ((1, 9), (2, 1), (9, 2)):
            execute(f"UPDATE entries SET seq = {to} WHERE seq = {was}")
    assert ledger.verify(APP) == 1


def test_a_body_that_is_no_entry_any_more_is_told_as_such(ledger: Ledger) -> None:
    ledger.append(APP, [seen(), seen()], 0, NOON)
    with console(ledger) as execute:
        disarm(ledger, execute)
        execute("UPDATE entries SET body = '{}' WHERE seq = 2")
    with pytest.raises(Unreadable, match="github:acme/app#12: entry 2"):
        ledger.entries(APP)


# --- anchors ----------------------------------------------------------------------------------------------------


def days(ledger: Ledger) -> list[str]:
    """Three days: a feature, a second one and more of the first, then a day on which nothing happens."""
    ledger.append(APP, [seen(comment="1"), seen(comment="2")], 0, NOON)
    digests = [ledger.anchor(NOON)]
    ledger.append(APP, [seen(comment="3")], 2, NOON)
    ledger.append(OTHER, [seen()], 0, NOON)
    digests.append(ledger.anchor(NOON + timedelta(days=1)))
    digests.append(ledger.anchor(NOON + timedelta(days=2)))
    ledger.append(APP, [seen(comment="4")], 3, NOON)
    return digests


def test_each_day_has_one_anchor_however_often_it_is_asked_for(ledger: Ledger) -> None:
    digests = days(ledger)
    assert len(set(digests)) == 3
    assert ledger.anchor(NOON + timedelta(days=2, hours=3)) == digests[2]
    assert [row["chains"] for row in rows(ledger, tables.anchors)] == [1, 2, 2]
    assert ledger.verify_anchors() == []


def test_an_anchor_of_an_empty_ledger_holds(ledger: Ledger) -> None:
    assert ledger.anchor(NOON)
    assert ledger.verify_anchors() == []


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE entries SET hash = 'x' WHERE seq = 2", "acme/app#12: entry 2 is not what the anchor of 2026-03-02"),
        ("DELETE FROM entries WHERE seq = 3", "acme/app#12: entry 3 is not what the anchor of 2026-03-03"),
        ("UPDATE anchored_heads SET head = 'x' WHERE seq = 2", "the anchor of 2026-03-02 does not fit"),
        ("DELETE FROM anchored_heads WHERE seq = 1", "the anchor of 2026-03-03 does not fit"),
        ("UPDATE anchors SET digest = 'x' WHERE day = '2026-03-02'", "the anchor of 2026-03-03 does not fit"),
        ("UPDATE anchors SET chains = 9 WHERE day = '2026-03-04'", "the anchor of 2026-03-04 does not fit"),
    ],
)
def test_what_was_changed_since_an_anchor_is_told(ledger: Ledger, statement: str, fault: str) -> None:
    days(ledger)
    with console(ledger) as execute:
        disarm(ledger, execute)
        execute(statement)
    assert any(fault in told for told in ledger.verify_anchors())


def test_anchoring_at_once_in_several_places_gives_one_anchor_for_each_day(ledger: Ledger) -> None:
    clocks, ten_days = 4, [NOON + timedelta(days=day) for day in range(10)]
    ledger.append(APP, [seen()], 0, NOON)
    digests: list[tuple[datetime, str]] = []
    start = threading.Barrier(clocks)

    def anchor() -> None:
        for day in ten_days:
            start.wait(60)
            digests.append((day, ledger.anchor(day)))

    run_all([anchor] * clocks)
    assert len(digests) == 40
    assert len(set(digests)) == 10
    assert ledger.verify_anchors() == []


# --- the database -----------------------------------------------------------------------------------------------


def test_everything_is_there_when_the_ledger_is_opened_again_and_its_birth_stays(ledger_url: str) -> None:
    first = Ledger.open(ledger_url, now=NOON)
    first.append(APP, [seen(), blocked()], 0, NOON)
    first.close()
    second = Ledger.open(ledger_url, now=NOON + timedelta(days=30))
    assert second.entries(APP) == (seen(), blocked())
    assert second.born == first.born == NOON
    second.close()


def test_what_was_appended_survives_a_process_that_is_killed(ledger_url: str) -> None:
    child = os.fork()
    if not child:
        Ledger.open(ledger_url, now=NOON).append(APP, [seen()], 0, NOON)
        os.kill(os.getpid(), 9)
    os.waitpid(child, 0)
    with closing(Ledger.open(ledger_url)) as ledger:
        assert ledger.entries(APP) == (seen(),)
        assert ledger.verify(APP) is None


def test_a_forked_child_and_its_parent_go_on_at_once_each_with_connections_of_its_own(ledger: Ledger) -> None:
    refs = [replace(APP, number=number) for number in (1, 2)]
    ledger.append(APP, [seen()], 0, NOON)
    child = os.fork()
    written = 0
    try:
        while written < 40:
            written = ledger.append(refs[0] if child else refs[1], [seen()], written, NOON)
    finally:
        if not child:
            os._exit(0 if written == 40 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert [ledger.read(ref).seq for ref in refs] == [40, 40]
    assert [ledger.verify(ref) for ref in refs] == [None, None]


def test_a_database_that_answers_is_not_away(ledger: Ledger) -> None:
    ledger.ping()


def test_a_server_that_is_not_there_is_told_as_away_and_the_password_is_not(tmp_path: Path) -> None:
    with pytest.raises(LedgerAway, match=r"ledger .* does not answer") as told:
        Ledger.open(f"postgresql://release:hush@/stages?host={tmp_path}")
    assert "hush" not in str(told.value)


def test_connections_that_the_server_closed_are_made_anew(postgres_url: str) -> None:
    with closing(Ledger.open(postgres_url, now=NOON)) as ledger:
        ledger.append(APP, [seen()], 0, NOON)
        with psycopg.connect(postgres_url, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
        assert ledger.append(APP, [seen()], 1, NOON) == 2


def test_a_file_that_cannot_be_opened_is_away_and_one_that_is_no_database_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    with pytest.raises(LedgerAway, match="unable to open"):
        Ledger.open(f"sqlite:///{tmp_path}/directory")
    (tmp_path / "letter").write_text("Dear Sam, " * 500)
    with pytest.raises(Unreadable, match="letter cannot be read"):
        Ledger.open(f"sqlite:///{tmp_path}/letter")


def test_a_file_that_another_holds_too_long_is_away(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("integration.memory.database._BUSY_SECONDS", 0.05)
    with closing(Ledger.open(sqlite_url, now=NOON)) as ledger, console(ledger) as execute:
        execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerAway, match="locked"):
            ledger.append(APP, [seen()], 0, NOON)
        assert ledger.entries(APP) == ()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("mysql://root:hush@db/x", "no ledger in 'mysql'"),
        ("hush", "cannot be read"),
    ],
)
def test_an_address_that_names_no_ledger_is_refused_without_repeating_it(url: str, says: str) -> None:
    with pytest.raises(Unreadable, match=says) as told:
        Ledger.open(url)
    assert "hush" not in str(told.value)


def test_postgres_and_postgresql_urls_are_the_same(postgres_url: str) -> None:
    with closing(Ledger.open(postgres_url.replace("postgresql://", "postgres://"), now=NOON)) as ledger:
        assert ledger.born == NOON


def test_a_bug_of_ours_is_not_told_as_away_and_shows_no_values(ledger: Ledger) -> None:
    with pytest.raises(DBAPIError) as told, transaction(ledger._engine) as connection:
        connection.execute(text("SELECT nothing FROM nowhere WHERE secret = :secret"), {"secret": "hush"})
    assert "nowhere" in str(told.value)
    assert "hush" not in str(told.value)
