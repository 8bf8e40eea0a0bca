"""The web, as `release-stages web` starts it, for tests that send it what nobody should."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.fuzz.hostile import GITHUB_SECRET, JIRA_SECRET, PATH_SECRET

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 30.0
IDLE = 2.0  # seconds: a connection that rests longer may be closed by the web, as anybody's


@dataclass
class Web:
    """A web process under test. `ask` keeps its connection, as trackers do: one that is dropped is an error."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path
    _kept: http.client.HTTPConnection | None = field(default=None, repr=False)
    _used: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> int:
        """The status of one answer, which is read whole."""
        if self._kept is None or time.monotonic() - self._used > IDLE:
            self._kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self._kept.request(method, path, body, headers or {})
        answer = self._kept.getresponse()
        answer.read()
        self._used = time.monotonic()
        return answer.status

    def raw(self, sent: bytes, ends: bool = True) -> bytes:
        """What comes back for bytes that need not be HTTP. `ends`: nothing more is sent, and the web is told so."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as opened:
            with suppress(OSError):
                opened.sendall(sent)
                if ends:
                    opened.shutdown(socket.SHUT_WR)
            came = b""
            with suppress(ConnectionResetError):
                while more := opened.recv(65536):
                    came += more
            return came


@pytest.fixture(scope="module")
def web(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """The web with GitHub and two Jira sites, one of which cannot sign."""
    home = tmp_path_factory.mktemp("web")
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = int(probe.getsockname()[1])
    environ = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PORT": str(port), "DATA_DIR": str(home),
        "MAPPINGS": str(ROOT / "mappings.yaml"), "REDIS_URL": redis_server, "GITHUB_TOKEN": "fuzz-token",
        "GITHUB_WEBHOOK_SECRETS": f"another-secret,{GITHUB_SECRET}", "JIRA_URL": "https://acme.atlassian.example",
        "JIRA_EMAIL": "bot@acme.example", "JIRA_API_TOKEN": "fuzz-api-token", "JIRA_WEBHOOK_SECRETS": JIRA_SECRET,
        "JIRA_DC_URL": "https://jira.acme.example", "JIRA_DC_PAT": "fuzz-pat",
        "JIRA_DC_WEBHOOK_PATH_SECRET": PATH_SECRET,
    }  # fmt: skip
    log = home / "web.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "integration.cli", "web"]
        process = subprocess.Popen(command, cwd=home, env=environ, stdout=out, stderr=out)
    started = Web(port, process, log)
    try:
        _until_alive(started)
        yield started
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _until_alive(web: Web) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError, http.client.HTTPException):
            if web.ask("GET", "/healthz") == 200:
                return
        web._kept = None
        if web.process.poll() is not None or time.monotonic() > deadline:
            pytest.fail(web.log.read_text(errors="replace"))
        time.sleep(0.05)
