"""What an operator sees of an upgrade: which release may start on which tables, and how the tables go back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from redis import Redis
from rq.serializers import JSONSerializer
from sqlalchemy import text

from integration.cli import main
from integration.memory import migrations
from integration.memory.database import connect_to, transaction, version_of
from integration.memory.inbox import QUEUE, Inbox
from integration.memory.ledger import Ledger
from integration.settings import Settings
from integration.stages.model import Ref
from integration.web.readiness import Readiness
from tests.memory.test_migrations import APP, become_later, fill
from workers.pool import HouseQueue, HouseWorker

ROOT = Path(__file__).parent.parent
Ask = Callable[..., Result]


@pytest.fixture
def environ(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "mappings.yaml").write_text((ROOT / "mappings.yaml").read_text())
    return {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "DATA_DIR": str(tmp_path / "var"), "SANDBOX": "0",
        "MAPPINGS": str(tmp_path / "mappings.yaml"), "GITHUB_TOKEN": "a token", "GITHUB_WEBHOOK_SECRETS": "a secret",
        "MARKER_KEY": "k" * 32,
    }  # fmt: skip


@pytest.fixture
def ask(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Ask:
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(main, list(arguments), env=environ)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("process", ["worker", "clock"])
def test_a_process_that_may_not_work_on_the_tables_says_so_in_one_line_and_takes_no_job(
    process: str, environ: dict[str, str]
) -> None:
    Ledger.open(environ["DATABASE_URL"]).close()
    become_later(environ["DATABASE_URL"], since="9999")
    inbox = Inbox.connect(environ["REDIS_URL"])
    inbox.hint(APP)
    command = [sys.executable, "-m", "integration.cli", process]
    clean = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environ}
    told = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60)
    assert told.returncode == 2
    assert told.stderr.startswith(f"{process}: the ledger is of a later release: only releases that know version 9999")
    assert "docs/upgrading.md" in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert len(inbox.queue) == 1, "whoever may work finds it"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_web_goes_on_receiving_and_readyz_names_the_reason(environ: dict[str, str]) -> None:
    Ledger.open(environ["DATABASE_URL"]).close()
    become_later(environ["DATABASE_URL"], since="9999")
    said = Readiness(Settings.read(environ))()
    assert said["ledger"].startswith("the ledger is of a later release: only releases that know version 9999")


def test_tables_tells_the_version_and_who_may_work_on_them_and_changes_nothing(
    ask: Ask, environ: dict[str, str]
) -> None:
    assert "no tables yet" in ask("tables").output
    Ledger.open(environ["DATABASE_URL"]).close()
    assert f"in version {migrations.NEWEST}; this release knows {migrations.NEWEST}" in ask("tables").output
    assert "that know version 0006 or a later one may work on them" in ask("tables").output
    assert ask("tables", "back", "0003").exit_code == 0
    assert "in version 0003" in ask("tables").output
    assert "none may be started on them again" in ask("tables").output
    become = ask("tables", "back", "0001")
    assert become.exit_code == 0, become.output
    assert version_of(environ["DATABASE_URL"]) == ("0001", None)


def test_the_way_back_keeps_every_decision_and_is_gone_forward_again_by_the_next_start(
    ask: Ask, environ: dict[str, str]
) -> None:
    with closing(Ledger.open(environ["DATABASE_URL"])) as ledger:
        fill(ledger)
        before = ledger.read(APP)
    inbox = Inbox.connect(environ["REDIS_URL"])
    for ref in (APP, Ref("sweep", "", "github", 0)):
        inbox.hint(ref)

    told = ask("tables", "back", "0002")

    assert told.exit_code == 0
    assert told.output.startswith("The ledger's tables are in version 0002 now. Start the release")
    assert version_of(environ["DATABASE_URL"]) == ("0002", None)
    waiting = Redis.from_url(environ["REDIS_URL"]).zrange("release-stages:dirty", 0, -1)
    assert waiting == [str(APP).encode()], "an older release knows no sweep"
    with closing(Ledger.open(environ["DATABASE_URL"])) as ledger:
        assert ledger.read(APP) == before
        assert ledger.verify(APP) is None
        assert ledger.failures.of(APP) is None, "such lists begin anew"


@pytest.mark.parametrize("version", ["base", "0042", "two", migrations.NEWEST])
def test_there_is_no_way_to_where_the_tables_have_never_been(ask: Ask, environ: dict[str, str], version: str) -> None:
    Ledger.open(environ["DATABASE_URL"]).close()
    told = ask("tables", "back", version)
    assert told.exit_code == 2
    assert f"from version {migrations.NEWEST} there is a way back to 0001, 0002" in told.output
    assert version_of(environ["DATABASE_URL"])[0] == migrations.NEWEST


def test_only_the_release_that_brought_the_tables_forward_takes_them_back(ask: Ask, environ: dict[str, str]) -> None:
    Ledger.open(environ["DATABASE_URL"]).close()
    become_later(environ["DATABASE_URL"], since=migrations.NEWEST)
    told = ask("tables", "back", "0003")
    assert told.exit_code == 2
    assert "version 9999: take them back with the release that brought them there" in told.output


def test_nothing_is_taken_back_under_the_feet_of_a_worker(ask: Ask, environ: dict[str, str]) -> None:
    Ledger.open(environ["DATABASE_URL"]).close()
    redis = Redis.from_url(environ["REDIS_URL"])
    worker = HouseWorker([HouseQueue(QUEUE, connection=redis)], connection=redis, serializer=JSONSerializer)
    worker.register_birth()
    told = ask("tables", "back", "0003")
    assert told.exit_code == 2
    assert "1 workers give signs of life: stop all processes" in told.output
    worker.register_death()
    assert ask("tables", "back", "0003").exit_code == 0


def test_without_a_redis_nobody_is_at_work_and_the_tables_go_back(environ: dict[str, str], ask: Ask) -> None:
    Ledger.open(environ["DATABASE_URL"]).close()
    environ["REDIS_URL"] = "unix:///nowhere/redis.sock"
    assert ask("tables", "back", "0005").exit_code == 0
    engine = connect_to(environ["DATABASE_URL"])
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == "0005"
    engine.dispose()
