"""This machine: which core is whose, processes that are pinned to one, what they take, and a Redis of our own.

What is measured has the first core for itself. The load, the tracker and Redis, which every arrangement that stores
something needs alike, have the second one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
from redis import Redis, RedisError

from integration.running import find_server

HOST = "127.0.0.1"
PATIENCE = 90.0  # seconds that a process may take until it answers
MIB = 1024 * 1024

_CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CORE, LOAD_CORE = frozenset(_CORES[:1]), frozenset(_CORES[1:2] or _CORES)
EVERY_CORE = frozenset(_CORES)


class DidNotStart(Exception):
    """A process ended, or did not answer in time; the message has its last words."""


class Child:
    """A process, pinned to its cores. It ends with the block that it was started for, and with this run."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.popen, self.log = popen, log

    @property
    def pid(self) -> int:
        """Its number."""
        return self.popen.pid

    def tree(self) -> list[psutil.Process]:
        """It, and all that it started and that still live."""
        try:
            first = psutil.Process(self.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def memory(self) -> float:
        """MiB of the whole tree, what it shares counted once (PSS)."""
        return sum(_pss(one.pid) for one in self.tree()) / MIB

    def largest(self) -> float:
        """MiB of the largest process of the tree, with all that it shares (RSS)."""
        return max(one.memory_info().rss for one in self.tree()) / MIB

    def words(self) -> str:
        """The end of what it has said."""
        return self.log.read_text("utf-8", "replace")[-2000:]


def _pss(pid: int) -> int:
    """Bytes, each shared page divided by how many share it; where the system does not tell, those it holds."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


@contextmanager
def home() -> Iterator[Path]:
    """A short path of our own: a socket's path must not be long."""
    found = Path(tempfile.mkdtemp(prefix="stages-bench-"))
    try:
        yield found
    finally:
        shutil.rmtree(found, ignore_errors=True)


@contextmanager
def running(
    command: list[str],
    cores: frozenset[int],
    ready: Callable[[], bool],
    environ: Mapping[str, str] | None = None,
    place: Path | None = None,
) -> Iterator[Child]:
    """Start it, wait until it is ready, stop it at the end."""

    def alone() -> None:
        os.setpgid(0, 0)
        if sys.platform == "linux":
            os.sched_setaffinity(0, cores)
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)

    handle, name = tempfile.mkstemp(prefix="stages-bench-log-")
    with os.fdopen(handle, "wb") as out:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            preexec_fn=alone,
            env=dict(environ or os.environ),
            cwd=place,
        )
    child = Child(popen, Path(name))
    try:
        until(ready, f"{command[0]} does not answer", child)
        yield child
    finally:
        _stop(child)
        child.log.unlink(missing_ok=True)


def _stop(child: Child) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, how)
        try:
            child.popen.wait(10)
        except subprocess.TimeoutExpired:
            continue
        break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def until(ready: Callable[[], bool], otherwise: str, child: Child | None = None, seconds: float = PATIENCE) -> None:
    """Wait for it. Raises `DidNotStart`, with the last words of the process where there is one."""
    deadline = time.monotonic() + seconds
    while not ready():
        ended = child is not None and child.popen.poll() is not None
        if ended or time.monotonic() > deadline:
            raise DidNotStart(f"{otherwise}\n{child.words() if child else ''}")
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def listens(port: int) -> Callable[[], bool]:
    """Whether somebody does, as a question to be asked again."""

    def ask() -> bool:
        with socket.socket() as one:
            one.settimeout(0.5)
            return one.connect_ex((HOST, port)) == 0

    return ask


def answers(url: str) -> Callable[[], bool]:
    """Whether this address answers with 200, as a question to be asked again."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    return ask


@contextmanager
def redis_running(cores: frozenset[int], at: Path) -> Iterator[tuple[Redis, Child]]:
    """A Redis on a unix socket in that directory, set up as `release-stages run` does: each write is on the disk."""
    binary = find_server(os.environ.get("PATH"))
    if binary is None:
        raise DidNotStart("there is no redis-server or valkey-server here: install one")
    at.mkdir(parents=True, exist_ok=True)
    settings = "--port 0 --appendonly yes --appendfsync always --save --maxmemory-policy noeviction"
    command = [str(binary), *settings.split(), "--unixsocket", str(at / "s"), "--dir", str(at)]
    client = Redis(unix_socket_path=str(at / "s"))

    def ready() -> bool:
        try:
            return bool(client.ping())
        except (RedisError, OSError):
            return False

    with running(command, cores, ready) as child:
        try:
            yield client, child
        finally:
            client.close()


def redis_url(at: Path) -> str:
    """The address of the Redis in that directory."""
    return f"unix://{at / 's'}"


def described() -> list[str]:
    """What this machine is."""
    model = next((line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), "unknown")
    total = psutil.virtual_memory().total / MIB / 1024
    binary = find_server(os.environ.get("PATH"))
    told = subprocess.run([str(binary), "--version"], capture_output=True, text=True).stdout if binary else "no Redis"
    load = os.getloadavg()[0]
    return [
        f"{len(_CORES)} cores ({model}), {total:.0f} GiB, {platform.system()} {platform.release()}",
        f"{platform.python_implementation()} {platform.python_version()}, {' '.join(told.split()[:3])}",
        f"load when it began: {load:.1f}" + (" (not quiet: the figures suffer)" if load > 0.7 else ""),
    ]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
