"""Those we measure beside: public tools, fetched when the bench runs into a cache that is nobody's repository.

Each does what its own documentation shows: check the signature, parse, call a function that does nothing (or reads
the issue and comments). Where one cannot be installed, the bench says so and goes on without it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench import deliveries, machine

HERE = Path(__file__).parent
PATH = "/webhooks/github"


def cached() -> Path:
    """Where the peers are installed."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "release-stages-bench"


class Missing(Exception):
    """A peer is not to be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Peer:
    """One of them. `stores`: it writes to Redis before it answers."""

    name: str
    stores: bool = False

    @contextmanager
    def running(
        self, cores: frozenset[int], redis: str = "", api: str = "", token: str = ""
    ) -> Iterator[tuple[int, machine.Child]]:
        """Served on a port; `api` and `token`: where it reads and comments."""
        port = machine.free_port()
        given = {"PORT": str(port), "PEER_SECRET": deliveries.SECRET, "REDIS_URL": redis, "PEER_API": api}
        given |= {"PEER_TOKEN": token, "PEER_ACTS": "1" if api else "0"}
        environ = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | given
        with ExitStack() as stack:
            start = machine.running(_command(self.name, port), cores, machine.listens(port), environ, _place(self.name))
            child = stack.enter_context(start)
            if self.name == FLASK.name and api:
                work = [str(_python()), str(HERE / "flask_job.py")]
                stack.enter_context(machine.running(work, cores, lambda: True, environ, HERE))
            yield port, child


PROBOT = Peer("Probot")
GIDGETHUB = Peer("gidgethub with aiohttp")
FLASK = Peer("Flask, gunicorn, Queue.enqueue", stores=True)
ALL = (PROBOT, GIDGETHUB, FLASK)


def _command(name: str, port: int) -> list[str]:
    if name == PROBOT.name:
        return ["node", str(_node() / "probot.mjs")]
    if name == GIDGETHUB.name:
        return [str(_python()), str(HERE / "gidgethub_app.py")]
    how = f"--workers 1 --threads 4 --keep-alive 30 --log-level error --bind {machine.HOST}:{port}"
    return [str(_python().with_name("gunicorn")), *how.split(), "--worker-tmp-dir", "/dev/shm", "flask_app:app"]


def _place(name: str) -> Path:
    return _node() if name == PROBOT.name else HERE


@cache
def there(peer: Peer) -> str:
    """Install it, if it is not; its versions. Raises `Missing`."""
    if peer is PROBOT:
        told = json.loads((_node() / "node_modules" / "probot" / "package.json").read_text())
        return f"Probot {told['version']} on Node {_said(['node', '--version'])}"
    names = {"gidgethub", "aiohttp"} if peer is GIDGETHUB else {"Flask", "gunicorn", "rq", "redis"}
    listed = json.loads(_said([str(_python()), "-m", "pip", "list", "--format", "json", "--disable-pip-version-check"]))
    known = {one["name"].lower(): one["version"] for one in listed}
    return ", ".join(f"{name} {known.get(name.lower(), '?')}" for name in sorted(names, key=str.lower))


@cache
def _node() -> Path:
    place = cached() / "node"
    place.mkdir(parents=True, exist_ok=True)
    if not shutil.which("npm"):
        raise Missing("there is no npm here")
    if not (place / "node_modules" / "probot").exists():
        (place / "package.json").write_text('{"private": true}\n')
        _install(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(place), "probot@14"])
    shutil.copy(HERE / "probot.mjs", place)  # a module looks for its packages beside itself
    return place


def _python() -> Path:
    return installed("python", HERE / "requirements.txt")


@cache
def installed(name: str, requirements: Path) -> Path:
    """The Python of an environment that has these and nothing else, made where it is not there. Raises `Missing`."""
    place, wanted = cached() / name, requirements.read_text()
    done = place / "installed"
    if not done.exists() or done.read_text() != wanted:
        _install([sys.executable, "-m", "venv", "--clear", str(place)])
        _install([str(place / "bin" / "python"), "-m", "pip", "install", "-q", "-r", str(requirements)])
        done.write_text(wanted)
    return place / "bin" / "python"


def _install(command: list[str], environ: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, env=environ)
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise Missing(f"`{' '.join(command[:3])} …` failed: {' '.join(last)[:200]}")


def _said(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
