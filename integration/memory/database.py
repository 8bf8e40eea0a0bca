"""The database under the ledger: its address, its connections, its transactions, and the two ways in which it fails."""

from __future__ import annotations

import fcntl
import os
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, select, text
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from integration.memory import migrations, tables

_BUSY_SECONDS = 15  # how long a SQLite writer waits for another; each holds the file for milliseconds
_LOCKS = {"migration": 7_237_305_231_209, "anchor": 7_237_305_231_210}  # any numbers, if nobody else locks the same
_SQLITE_AWAY = {3, 5, 6, 7, 8, 10, 13, 14}  # perm, busy, locked, no memory, read-only, I/O error, full, cannot open
_SQLITE_SPOILT = {11, 26}  # corrupt, not a database
_SAY_NOTHING = {"0001", "0002", "0003", "0004", "0005"}  # versions of the tables that do not say who may work on them
_POSTGRES_AWAY = ("08", "25006", "40", "53", "55P03", "57P", "58")  # gone, standby, deadlock, full, lock, shutdown, I/O


class LedgerAway(Exception):
    """The database does not answer, or cannot write now. Nothing is wrong with what was asked: try again."""


class Unreadable(Exception):
    """The ledger holds what this release cannot read, or its address names no ledger. Trying again is idle."""


_ENGINES: weakref.WeakSet[Engine] = weakref.WeakSet()


def _forget_connections() -> None:
    """In a forked child: the parent's connections are the parent's."""
    for engine in list(_ENGINES):
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_connections)


def _address(url: str) -> URL:
    """The url as SQLAlchemy wants it. An error does not repeat it: it may hold a password."""
    try:
        address = make_url(url)
    except ArgumentError:
        raise Unreadable("DATABASE_URL cannot be read; write sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    if address.drivername in {"postgres", "postgresql"}:
        address = address.set(drivername="postgresql+psycopg")
    if address.drivername not in {"sqlite", "postgresql+psycopg"}:
        raise Unreadable(f"DATABASE_URL: no ledger in '{address.drivername}'; use sqlite:///FILE or postgresql://")
    if address.drivername == "sqlite" and address.database in {None, "", ":memory:"}:
        raise Unreadable("DATABASE_URL names no file; a ledger must outlive its process: write sqlite:///FILE")
    return address


def connect_to(url: str) -> Engine:
    """Few connections, kept open: the jobs are short and many."""
    address = _address(url)
    if address.drivername == "sqlite":
        Path(str(address.database)).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(address, pool_timeout=_BUSY_SECONDS, hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        engine = create_engine(
            address,
            pool_timeout=_BUSY_SECONDS,
            pool_pre_ping=True,
            pool_recycle=1800,
            hide_parameters=True,
            # no statements prepared on the server: a pooler in between may give each transaction another one
            connect_args={"connect_timeout": 5, "tcp_user_timeout": 30_000, "prepare_threshold": None},
        )
    _ENGINES.add(engine)
    return engine


def _prepare_sqlite(connection: Any, _: object) -> None:
    """Each connection: transactions are ours to begin; wait for other writers; survive a power cut."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")  # the file keeps it; changes something on the very first one only
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE slips past the triggers
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes the file at once: one that read first and then wants to write would be refused, not wait."""
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def hurry(engine: Engine) -> None:
    """From now on a write does not wait for the disk: for whoever fills what may be filled anew after a power cut."""
    asks = "PRAGMA synchronous = OFF" if engine.dialect.name == "sqlite" else "SET synchronous_commit = off"

    @event.listens_for(engine, "connect")
    def _(connection: Any, _: object) -> None:
        with closing(connection.cursor()) as cursor:
            cursor.execute(asks)
        if engine.dialect.name != "sqlite":
            connection.commit()

    engine.dispose()


def _sqlite_code(error: SQLAlchemyError) -> int | None:
    """SQLite's primary result code."""
    code = getattr(getattr(error, "orig", None), "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _is_away(error: SQLAlchemyError) -> bool:
    """Whether the database could not answer now, or we asked wrongly."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if (code := _sqlite_code(error)) is not None:
        return code in _SQLITE_AWAY
    state = getattr(error.orig, "sqlstate", None)
    if state:
        return str(state).startswith(_POSTGRES_AWAY)
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


@contextmanager
def transaction(engine: Engine, writes: bool = False) -> Iterator[Connection]:
    """One transaction; raises `LedgerAway` when the database cannot answer, `Unreadable` when its file is spoilt."""
    try:
        with engine.connect().execution_options(writes=writes) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as error:
        why = str(getattr(error, "orig", None) or "all connections are in use").strip()
        if _is_away(error):
            raise LedgerAway(f"the ledger ({engine.dialect.name}) does not answer: {why}") from error
        if _sqlite_code(error) in _SQLITE_SPOILT:
            raise Unreadable(f"{engine.url.database} cannot be read ({why}); put a good copy in its place") from error
        raise


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """SQLite: one process at a time sets up the file. PostgreSQL takes turns inside the transaction instead."""
    if engine.dialect.name != "sqlite":
        yield
        return
    try:
        lock = os.open(f"{engine.url.database}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LedgerAway(f"the ledger (sqlite) does not answer: {error.strerror}: {error.filename}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def take_turns(connection: Connection, over: str) -> None:
    """Wait until nobody else is at the same work, and keep it until the transaction ends."""
    if connection.dialect.name == "postgresql":  # a writer of SQLite is alone anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCKS[over]})


def refuse_later(since: str) -> None:
    """Raises `Unreadable` when only releases that know version `since` of the tables may work on them."""
    if not migrations.known(since):
        raise Unreadable(
            f"the ledger is of a later release: only releases that know version {since} of its tables may work on it, "
            f"and this one knows {migrations.NEWEST} at most; start the later release again, or take the tables back "
            "with it (docs/upgrading.md)"
        )


def bring_up(engine: Engine, now: datetime) -> datetime:
    """Bring the tables to this release's version and answer with the ledger's birth: `now`, if this is it.

    Those of a later release that are open to this one stay as they are. Raises `Unreadable` where they are not.
    """
    with _alone(engine), transaction(engine, writes=True) as connection:
        take_turns(connection, "migration")
        version = migrations.current(connection)
        is_later = version is not None and not migrations.known(version)
        if is_later:
            refuse_later(migrations.open_since(connection))
        elif version != migrations.NEWEST:
            migrations.bring_up(connection)
        insert_once(connection, tables.ledger, [{"id": 1, "born_at": now}])
        if not is_later and version != migrations.NEWEST:
            migrations.mark(connection)
        born: datetime = connection.execute(select(tables.ledger.c.born_at)).scalar_one()
        return born


def version_of(url: str) -> tuple[str | None, str | None]:
    """The version that the tables are in, and the oldest one that a release must know to work on them.

    Neither where there are no tables; not the second where they are too old to say. Changes nothing.
    """
    engine = connect_to(url)
    try:
        with transaction(engine) as connection:
            version = migrations.current(connection)
            says = version is not None and version not in _SAY_NOTHING
            return version, migrations.open_since(connection) if says else None
    finally:
        engine.dispose()


def take_back(url: str, to: str) -> None:
    """Take the tables back to an older version; what only later ones know is lost."""
    engine = connect_to(url)
    try:
        with _alone(engine), transaction(engine, writes=True) as connection:
            take_turns(connection, "migration")
            migrations.take_back(connection, to)
    finally:
        engine.dispose()


def insert_once(connection: Connection, table: Table, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert those of the rows that are not there yet."""
    if connection.dialect.name == "sqlite":
        connection.execute(sqlite_insert(table).on_conflict_do_nothing(), rows)
    else:
        from sqlalchemy.dialects.postgresql import insert as postgresql_insert

        connection.execute(postgresql_insert(table).on_conflict_do_nothing(), rows)
