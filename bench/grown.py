"""A ledger that has grown old, made quickly: real features with real chains of ten entries, sealed like any other.

Most features are long done. As in a small ledger, a few are open, wait for a party or for another issue, are due, and
were judged in the last week: what people look at does not grow with what lies behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, Table, insert, text

from integration.memory import chain, tables
from integration.memory.ledger import Ledger
from integration.stages.entries import (
    Acknowledged,
    AttemptEnded,
    AttemptOpened,
    Done,
    Ended,
    Entry,
    Finding,
    GateResult,
    Intended,
    Judged,
    Noticed,
    Outcome,
    Tried,
)
from integration.stages.model import Move, Person, Ref

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
BORN = NOW - timedelta(days=3 * 365)
WEEK = NOW - timedelta(days=7)
RECENT, OPEN, DUE = 30, 20, 10  # features, in a ledger of any size
EACH = 10  # entries of a feature
_AT_ONCE = 20_000
_N = "424242424242"  # stands for the feature's number in what all have alike


def ref_of(number: int) -> Ref:
    """The feature's issue: a hundred repositories."""
    return Ref("github", "", f"acme/app-{number % 100}", number)


def grow(ledger: Ledger, engine: Engine, features: int) -> None:
    """Fill an empty ledger with so many features, of ten entries each."""
    pattern = chain.chained(0, 0, "", _story(), NOW)
    with engine.begin() as connection:
        known = _without_indexes(connection)
        rows = _all(pattern, features)
        while part := list(islice(rows, _AT_ONCE)):
            _write(connection, tables.features, [feature for feature, _ in part])
            _write(connection, tables.entries, [entry for _, entries in part for entry in entries])
        waits = [{"feature_id": n, "ref": str(ref_of(n - 1))} for n in range(features - OPEN + 1, features + 1)]
        connection.execute(insert(tables.waits), waits)
        for statement in known:
            connection.execute(text(statement))
        if connection.dialect.name == "postgresql":
            counted = text("SELECT setval(pg_get_serial_sequence('features', 'id'), :last)")
            connection.execute(counted, {"last": features})
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _story() -> list[Entry]:
    """What happened to each of them: it came to Beta, was blocked on its way to Public, seen by Support, admitted."""
    at, erin = NOW, Person("101", "erin", "Erin")
    beta = Move(f"e{_N}1", "github", "internal", "beta", erin, at)
    public = Move(f"e{_N}2", "github", "beta", "public", erin, at)
    shut = Finding("Support has seen it", False, "Nobody of Support has answered.", "support")
    gate = GateResult("support-before-public", "public", "block", False, (shut,), "Support answers our customers.")
    key = f"block:{public.id}"
    return [
        Judged(at, beta, Outcome.ADMITTED),
        AttemptOpened(at, public.id, "github", "beta", "public", erin, at),
        Judged(at, public, Outcome.BLOCKED, (gate,), "d1" * 32, public.id),
        Intended(at, key, "say", tells=("support",), handles=(("acme/support",),), stage="public"),
        Tried(at, key),
        Done(at, key, f"c{_N}"),
        Noticed(at, "support", "public", f"c{_N}", Person("1", "release-stages[bot]", bot=True)),
        Acknowledged(at, "support", "public", Person("103", "sam", "Sam"), f"d{_N}"),
        Judged(at, public, Outcome.ADMITTED, (), "d1" * 32, public.id),
        AttemptEnded(at, public.id, "public", Ended.ADMITTED),
    ]


def _all(pattern: Sequence[dict[str, Any]], features: int) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each feature's row and its entries, spread over three years; the last ones are those of this week."""
    old = max(1, features - RECENT)
    for number in range(1, features + 1):
        recent = number - old
        at = WEEK + timedelta(hours=4 * recent) if recent > 0 else BORN + (WEEK - BORN) * (number / (old + 1))
        rows = _sealed(pattern, number, at)
        yield _feature(number, features, at, rows[-1]), rows


def _sealed(pattern: Sequence[dict[str, Any]], number: int, at: datetime) -> list[dict[str, Any]]:
    """The pattern as this feature's own chain."""
    rows, head, own = [], "", f"{number:012d}"
    for like in pattern:
        row = {name: value.replace(_N, own) if isinstance(value, str) else value for name, value in like.items()}
        row |= {"feature_id": number, "at": at, "recorded_at": at, "previous": head}
        head = row["hash"] = chain._seal(row)
        rows.append(row)
    return rows


def _feature(number: int, features: int, at: datetime, last: dict[str, Any]) -> dict[str, Any]:
    left = features - number  # of those behind it
    is_open = left < OPEN
    return {
        "id": number,
        "ref": str(ref_of(number)),
        "title": f"Export the table, part {number}",
        "url": f"https://github.example/acme/app/issues/{number}",
        "stage": "beta" if is_open else "public",
        "owner": f"engineer-{number % 200}",
        "closed": "open" if is_open else "completed",
        "look_again_at": NOW - timedelta(minutes=left + 1) if left < DUE else None,
        "wanted": "public" if is_open else None,
        "awaited": " support " if is_open else "",
        "owing": " docs " if left < 3 else "",
        "seq": last["seq"],
        "head": last["hash"],
        "frozen": False,
        "created_at": at,
        "checked_at": at,
    }


def _without_indexes(connection: Connection) -> list[str]:
    """Take the entries' indexes away for the time of writing; what makes them again."""
    if connection.dialect.name == "sqlite":
        asked = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'entries' AND sql IS NOT NULL"
    else:
        asked = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'entries' AND indexname NOT LIKE 'pk%'"
    found = [(str(name), str(made)) for name, made in connection.execute(text(asked)).all()]
    for name, _ in found:
        connection.execute(text(f'DROP INDEX "{name}"'))
    return [made for _, made in found]


def _write(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """As the driver is quickest at it."""
    columns = list(rows[0])
    if connection.dialect.name == "sqlite":
        marks = ", ".join("?" * len(columns))
        statement = f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"
        cursor = connection.connection.cursor()
        cursor.executemany(statement, [[_bare(value) for value in row.values()] for row in rows])
        cursor.close()
        return
    driver: Any = connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(list(row.values()))


def _bare(value: object) -> object:
    """A time as the ledger writes it into SQLite."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value
