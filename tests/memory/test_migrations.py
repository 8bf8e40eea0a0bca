"""The ledger's tables: made by the migrations alone, on both databases, also when several processes start at once."""

from __future__ import annotations

import fcntl
import multiprocessing
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from integration.memory import migrations, tables
from integration.memory.database import bring_up, connect_to, transaction
from integration.memory.failures import Failure, Kind, State
from integration.memory.histories import Reach
from integration.memory.ledger import Card, Ledger, Unreadable
from integration.stages.entries import Frozen
from integration.stages.model import Label, Ref
from tests.stages.histories import Story

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
APP = Ref.parse("acme/app#12")


def fill(ledger: Ledger) -> None:
    """Something in every table."""
    waiting = Card("Dark mode", "https://x/12", "beta", wanted="public", awaited=("support",), waits_for=(str(APP),))
    ledger.append(APP, [Frozen(NOON, "deleted")], 0, NOON, waiting)
    ledger.agenda.plan("support", NOON, ["comment"], NOON)
    ledger.agenda.note_orders({"support": "mon"}, NOON)
    ledger.learn_names("acme/app", [Label("7", "stage: beta")], NOON)
    ledger.keep_mappings("abc", "version: 1\n", NOON)
    ledger.anchor(NOON)
    ledger.failures.keep(Failure(APP, Kind.LATER, State.RETRYING, "GitHub did not answer", NOON, NOON))
    ledger.rounds.begin("sweep:github", ["acme/app"], NOON)
    ledger.rounds.hinder("sweep:github", "not now")
    ledger.histories.keep([Story.on_github().moves("beta").issue()], frozenset(), NOON)
    ledger.histories.reached("github:acme/app", Reach(NOON, NOON))
    ledger.histories.learn({"who": True}, NOON)


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_an_empty_database_becomes_a_ledger_in_the_newest_version(database_url: str) -> None:
    Ledger.open(database_url, now=NOON).close()
    engine = connect_to(database_url)
    with transaction(engine) as connection:
        assert migrations.current(connection) == migrations.NEWEST
        assert table_names(connection) == set(tables.metadata.tables)
    engine.dispose()


def test_the_migrated_tables_are_those_that_the_code_knows(database_url: str) -> None:
    Ledger.open(database_url, now=NOON).close()
    engine = connect_to(database_url)
    with transaction(engine) as connection:
        known = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(known, tables.metadata) == []
    engine.dispose()


def test_a_ledger_with_entries_can_be_taken_back_to_nothing_and_brought_up_again(database_url: str) -> None:
    with closing(Ledger.open(database_url, now=NOON)) as ledger:
        fill(ledger)
    engine = connect_to(database_url)
    with transaction(engine, writes=True) as connection:
        migrations.take_back(connection, "base")
    with transaction(engine) as connection:
        assert table_names(connection) == set()
        assert left_over(connection) == []
    engine.dispose()
    with closing(Ledger.open(database_url, now=NOON)) as ledger:
        assert ledger.entries(APP) == ()
        fill(ledger)
        assert ledger.verify(APP) is None


FEATURE = (
    "INSERT INTO features (ref, title, url, owner, closed, seq, head, frozen, created_at, checked_at) VALUES "
    "('github:acme/app#12', 'Dark mode', 'https://x/12', 'erin', 'open', 0, '', :no, :noon, :noon)"
)


def test_features_of_the_first_release_are_open_for_nobody_until_they_are_looked_at_again(database_url: str) -> None:
    engine = connect_to(database_url)
    with transaction(engine, writes=True) as connection:
        migrations.bring_up(connection, "0001")
        noon = NOON.replace(tzinfo=None) if engine.dialect.name == "sqlite" else NOON
        connection.execute(text(FEATURE), {"no": False, "noon": noon})
        connection.execute(text("INSERT INTO ledger (id, born_at) VALUES (1, :noon)"), {"noon": noon})
    engine.dispose()
    with closing(Ledger.open(database_url)) as ledger:
        assert (ledger.born, ledger.refs()) == (NOON, (APP,))
        assert ledger.agenda.open_for("support", {"public"}) == ()
        card = Card("Dark mode", "https://x/12", wanted="public", awaited=("support",))
        ledger.append(APP, [Frozen(NOON, "x")], 0, NOON, card)
        ledger.append(APP, [], 1, NOON, card)
        assert [one.ref for one in ledger.agenda.open_for("support", ())] == [APP]


LOOKED_AT = (
    "INSERT INTO features (ref, title, url, owner, look_again_at, closed, seq, head, frozen, created_at, checked_at) "
    "VALUES (:ref, 'x', 'u', 'erin', :again, :closed, 0, '', :frozen, :noon, :noon)"
)


def test_open_features_that_the_clock_looks_at_are_looked_at_at_once_after_the_upgrade(database_url: str) -> None:
    began, days = datetime.now(UTC), timedelta(days=1)
    rows = {
        "acme/app#1": (began + 9 * days, "open", False, True),
        "acme/app#2": (began - 9 * days, "open", False, True),
        "acme/app#3": (None, "open", False, False),
        "acme/app#4": (began + 9 * days, "done", False, False),
        "acme/app#5": (began + 9 * days, "open", True, False),
    }
    engine = connect_to(database_url)
    with transaction(engine, writes=True) as connection:
        migrations.bring_up(connection, "0001")
        for ref, (again, closed, frozen, _) in rows.items():
            stored = {"ref": f"github:{ref}", "closed": closed, "frozen": frozen}
            connection.execute(text(LOOKED_AT), stored | {"noon": bare(NOON, engine), "again": bare(again, engine)})
    engine.dispose()
    with closing(Ledger.open(database_url)) as ledger:
        assert [ref.key for ref in ledger.due(datetime.now(UTC), 9)] == [ref for ref, row in rows.items() if row[3]]
        assert ledger.due(began, 9) == ()
    engine = connect_to(database_url)
    with transaction(engine, writes=True) as connection:
        migrations.take_back(connection, "0001")
        kept = connection.execute(text("SELECT ref FROM features WHERE look_again_at IS NULL")).scalars().all()
        assert kept == ["github:acme/app#3"]
    engine.dispose()
    with closing(Ledger.open(database_url)) as ledger:
        assert len(ledger.due(datetime.now(UTC), 9)) == 2


def bare(at: datetime | None, engine: Engine) -> datetime | None:
    """The time as the database has it: SQLite knows no zones."""
    return at.replace(tzinfo=None) if at and engine.dialect.name == "sqlite" else at


def test_taken_back_to_the_first_version_a_ledger_keeps_its_entries_and_comes_up_again(database_url: str) -> None:
    with closing(Ledger.open(database_url, now=NOON)) as ledger:
        fill(ledger)
        before = ledger.read(APP)
    engine = connect_to(database_url)
    with transaction(engine, writes=True) as connection:
        migrations.take_back(connection, "0001")
    with transaction(engine) as connection:
        assert migrations.current(connection) == "0001"
        assert table_names(connection) == set(tables.metadata.tables) - {
            "waits", "digests", "digest_orders", "failures", "rounds", "stretches", "failed_deliveries",
            "histories", "reaches", "answers",
        }  # fmt: skip
        assert {"wanted", "awaited", "owing", "looked_under"}.isdisjoint(
            one["name"] for one in inspect(connection).get_columns("features")
        )
        assert connection.execute(text("SELECT title FROM features")).scalar_one() == "Dark mode"
    engine.dispose()
    with closing(Ledger.open(database_url)) as ledger:
        assert ledger.read(APP) == before
        assert ledger.verify(APP) is None
        assert ledger.agenda.sendings("support", NOON) == ()


def left_over(connection: Connection) -> list[Any]:
    """Triggers and functions that outlived their tables."""
    question = {
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger'",
        "postgresql": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    }[connection.dialect.name]
    return list(connection.execute(text(question)))


def test_opening_a_ledger_that_is_up_to_date_changes_nothing(database_url: str) -> None:
    with closing(Ledger.open(database_url, now=NOON)) as ledger:
        fill(ledger)
        before = ledger.read(APP)
    for _ in range(2):
        with closing(Ledger.open(database_url)) as ledger:
            assert ledger.read(APP) == before


def test_a_migration_that_fails_leaves_nothing_behind(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(connection: Connection) -> None:
        real(connection)
        raise RuntimeError("in the middle")

    real = migrations.bring_up
    monkeypatch.setattr(migrations, "bring_up", fails)
    engine = connect_to(database_url)
    with pytest.raises(RuntimeError, match="in the middle"):
        bring_up(engine, NOON)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == []
    engine.dispose()
    monkeypatch.undo()
    with closing(Ledger.open(database_url, now=NOON)) as ledger:
        fill(ledger)


def test_a_ledger_of_a_later_release_is_refused_in_words_and_left_alone(database_url: str) -> None:
    Ledger.open(database_url, now=NOON).close()
    engine = connect_to(database_url)
    with transaction(engine, writes=True) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unreadable, match=r"later release .* version 9999, this release knows 0006"):
        Ledger.open(database_url)
    with transaction(engine) as connection:
        assert migrations.current(connection) == "9999"
    engine.dispose()


def test_whoever_opens_a_file_that_another_is_setting_up_waits_for_it(sqlite_url: str, tmp_path: Path) -> None:
    opened = threading.Event()

    def open_it() -> None:
        Ledger.open(sqlite_url, now=NOON).close()
        opened.set()

    with (tmp_path / "ledger.db.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        opener = threading.Thread(target=open_it, daemon=True)
        opener.start()
        assert not opened.wait(0.5)
        assert not (tmp_path / "ledger.db").exists()
    assert opened.wait(60)
    opener.join(60)


def open_one(url: str, start: Any, births: Any) -> None:
    """In a process of its own: open the ledger together with the others."""
    start.wait(60)
    with closing(Ledger.open(url)) as ledger:
        births.put(ledger.born)


def test_processes_that_start_at_once_open_one_and_the_same_ledger(database_url: str) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, births = spawn.Barrier(3), spawn.Queue()
    processes = [spawn.Process(target=open_one, args=(database_url, start, births)) for _ in range(3)]
    for process in processes:
        process.start()
    found = [births.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    assert len(set(found)) == 1


def test_every_version_is_a_module_that_the_package_ships() -> None:
    home = Path(migrations.__file__).parent
    versions = {path.stem for path in (home / "versions").glob("0*.py")}
    assert max(version.split("_")[0] for version in versions) == migrations.NEWEST
    steps = ScriptDirectory(str(home)).walk_revisions()
    assert next(steps).revision == migrations.NEWEST, "the chain of versions ends with it"
    assert all((home / each).exists() for each in ("__init__.py", "env.py", "versions/__init__.py"))
