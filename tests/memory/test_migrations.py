"""The ledger's tables: made by the migrations alone, on both databases, also when several processes start at once."""

from __future__ import annotations

import fcntl
import multiprocessing
import threading
from contextlib import closing
from dataclasses import replace
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
from integration.memory.rounds import Delivery
from integration.stages.entries import Frozen, Met
from integration.stages.model import Label, Ref
from tests.stages.histories import Story

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
APP = Ref.parse("acme/app#12")


def fill(ledger: Ledger) -> None:
    """Something in every table."""
    waiting = Card("Dark mode", "https://x/12", "beta", wanted="public", awaited=("support",), waits_for=(str(APP),))
    waiting = replace(waiting, met=(Met("m1", "soak"),))
    ledger.append(APP, [Frozen(NOON, "deleted")], 0, NOON, waiting)
    ledger.trials.note_terms({"soak": "abc"}, "abc", NOON)
    ledger.trials.tell("ripe-rules", "One rule", NOON, NOON)
    ledger.agenda.plan("support", NOON, ["comment"], NOON)
    ledger.agenda.note_orders({"support": "mon"}, NOON)
    ledger.learn_names("acme/app", [Label("7", "stage: beta")], NOON)
    ledger.versions.take("abc", "version: 1\n", NOON)
    ledger.anchor(NOON)
    ledger.failures.keep(Failure(APP, Kind.LATER, State.RETRYING, "GitHub did not answer", NOON, NOON))
    ledger.rounds.begin("sweep:github", ["acme/app"], NOON)
    ledger.rounds.hinder("sweep:github", "not now")
    ledger.rounds.note("/app/hook", [Delivery(7, "a guid", NOON, ok=False)])
    ledger.rounds.meet([APP], NOON)
    ledger.rounds.miss([APP], NOON)
    ledger.histories.keep([Story.on_github().moves("beta").issue()], frozenset(), NOON)
    ledger.histories.reached("github:acme/app", Reach(NOON, NOON))
    ledger.histories.learn({"who": True}, NOON)


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def contents(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables."""
    with transaction(engine) as connection:
        return {
            name: [dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()]
            for name in sorted(table_names(connection))
        }


def common(rows: list[dict[str, Any]], columns: set[str]) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name in columns} for row in rows]


# The clock looks at open features at once after the second migration; who may work on the tables changes with them.
MEANT_TO_CHANGE = {("features", "look_again_at"), ("ledger", "compatible_since")}


@pytest.mark.parametrize("version", migrations.all_versions()[:-1])
def test_a_full_ledger_goes_back_to_each_version_and_forward_and_all_that_the_older_one_knows_is_kept(
    database_url: str, version: str
) -> None:
    with closing(Ledger.open(database_url, now=NOON)) as ledger:
        fill(ledger)
    engine = connect_to(database_url)
    before = contents(engine)
    assert all(before.values()), "no table is empty, or nothing is shown"

    with transaction(engine, writes=True) as connection:
        migrations.take_back(connection, version)
    there = contents(engine)
    bring_up(engine, NOON)
    after = contents(engine)

    for name, rows in there.items():
        columns = {column for row in rows for column in row} - {two for one, two in MEANT_TO_CHANGE if one == name}
        assert common(rows, columns) == common(before[name], columns)
        assert common(after[name], columns) == common(before[name], columns)
    assert {name: bool(rows) for name, rows in after.items()} == {name: name in there for name in before}
    engine.dispose()
    with closing(Ledger.open(database_url)) as ledger:
        assert ledger.verify(APP) is None
        assert ledger.verify_anchors() == []


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
        assert kept == [], "for the pages, each is looked at once"
    engine.dispose()
    with closing(Ledger.open(database_url)) as ledger:
        assert len(ledger.due(datetime.now(UTC), 9)) == 3


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
            "histories", "reaches", "answers", "met_gates", "rule_terms", "bulletins",
        }  # fmt: skip
        assert {"wanted", "awaited", "owing", "looked_under", "met_at"}.isdisjoint(
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


# --- beside a later release -------------------------------------------------------------------------------------


def become_later(url: str, since: str) -> None:
    """A later release comes, and brings the tables to a version that this one does not know, open since that one."""
    engine = connect_to(url)
    with transaction(engine, writes=True) as connection:
        connection.execute(text("ALTER TABLE features ADD COLUMN weather VARCHAR(20) NOT NULL DEFAULT 'fine'"))
        connection.execute(text("CREATE TABLE news (id INTEGER PRIMARY KEY)"))
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("UPDATE ledger SET compatible_since = :since"), {"since": since})
    engine.dispose()


def test_tables_of_a_later_release_that_are_open_to_this_one_are_worked_on_and_left_as_they_are(
    database_url: str,
) -> None:
    with closing(Ledger.open(database_url, now=NOON)) as at_work:
        become_later(database_url, since=migrations.NEWEST)
        fill(at_work)
        with closing(Ledger.open(database_url)) as started_again:
            seq = started_again.read(APP).seq
            started_again.append(APP, [Frozen(NOON, "again")], seq, NOON, Card("Light mode", "u"))
            assert started_again.verify(APP) is None
    engine = connect_to(database_url)
    with transaction(engine) as connection:
        assert migrations.current(connection) == "9999"
        assert migrations.open_since(connection) == migrations.NEWEST
        assert connection.execute(text("SELECT weather FROM features")).scalar_one() == "fine"
    engine.dispose()


REFUSED = rf"later release: only .* version 9999 .* this one knows {migrations.NEWEST} at most; start .*upgrading"


def test_tables_of_a_later_release_that_are_not_open_are_refused_in_words_and_left_alone(database_url: str) -> None:
    Ledger.open(database_url, now=NOON).close()
    become_later(database_url, since="9999")
    with pytest.raises(Unreadable, match=REFUSED):
        Ledger.open(database_url)
    engine = connect_to(database_url)
    with transaction(engine) as connection:
        assert migrations.current(connection) == "9999"
        assert migrations.open_since(connection) == "9999"
    engine.dispose()


def test_whoever_is_at_work_when_the_tables_are_closed_to_it_writes_nothing_more(database_url: str) -> None:
    with closing(Ledger.open(database_url, now=NOON)) as ledger:
        fill(ledger)
        before = ledger.read(APP)
        become_later(database_url, since="9999")
        with pytest.raises(Unreadable, match=REFUSED):
            ledger.append(APP, [Frozen(NOON, "too late")], before.seq, NOON)
        with pytest.raises(Unreadable, match=REFUSED):
            ledger.append(Ref.parse("acme/app#13"), [Frozen(NOON, "too late")], 0, NOON)
        with pytest.raises(Unreadable, match=REFUSED):
            ledger.carry(APP, Ref.parse("acme/app#14"), NOON)
        assert ledger.read(APP) == before
        assert ledger.refs() == (APP,)


def test_each_version_from_the_sixth_on_says_who_may_work_on_it_and_the_tables_show_that(database_url: str) -> None:
    Ledger.open(database_url, now=NOON).close()
    engine = connect_to(database_url)
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    for version in reversed([one for one in migrations.all_versions() if one >= "0006"]):
        with transaction(engine, writes=True) as connection:
            if version != migrations.NEWEST:
                migrations.take_back(connection, version)
            since = script.get_revision(version).module.compatible_since
            assert migrations.open_since(connection) == since
            assert since in migrations.all_versions()
            assert since <= version
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
    named = [step.revision for step in steps]
    assert named[0] == migrations.NEWEST, "the chain of versions ends with it"
    assert named[::-1] == list(migrations.all_versions()), "each module begins with its version"
    assert all((home / each).exists() for each in ("__init__.py", "env.py", "versions/__init__.py"))
