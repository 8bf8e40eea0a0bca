"""No secret of the environment gets anywhere: planted, led through all that goes well and wrong, and then looked for.

Real processes, as an admin starts them, on a sandbox that works, and on one that repeats to us what we signed in with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import redis
import requests
import sqlalchemy
from click.testing import CliRunner

from integration.cli import main
from integration.memory.inbox import Inbox
from integration.sandbox import World, running
from integration.sandbox.people import SERVICE, SERVICE_EMAIL, SERVICE_TOKEN
from integration.stages.model import Ref

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0

PLANTED = {
    "GITHUB_TOKEN": SERVICE_TOKEN,  # the sandbox lets nobody in with another
    "GITHUB_WEBHOOK_SECRETS": "hunter2-github-old,hunter2-github-hook",
    "JIRA_API_TOKEN": SERVICE_TOKEN,
    "JIRA_WEBHOOK_SECRETS": "hunter2-jira-hook",
    "JIRA_DC_PAT": "hunter2-dc-pat/+=",
    "JIRA_DC_WEBHOOK_PATH_SECRET": "hunter2-path-secret-0123456789",
    "MARKER_KEY": "hunter2-marker-key-0123456789abcdef",
    "SIGN_IN_CLIENT_SECRET": "hunter2-client-secret",
    "DIGEST_SUPPORT": "json://hunter2-user:hunter2-digest@127.0.0.1:9/hunter2-digest-path",
}
PASSWORDS = {"REDIS_URL": "hunter2-redis", "DATABASE_URL": "hunter2-database"}


def wanted(planted: dict[str, str]) -> set[str]:
    """What is looked for: every secret, and the ways in which it may be written."""
    plain = {one for value in planted.values() for one in value.split(",")} | set(PASSWORDS.values())
    plain |= {"hunter2-digest", "hunter2-digest-path"}
    signed_in = base64.b64encode(f"{SERVICE_EMAIL}:{SERVICE_TOKEN}".encode()).decode()
    return {way for one in plain for way in (one, quote(one, safe=""), base64.b64encode(one.encode()).decode())} | {
        signed_in
    }


@dataclass
class Scene:
    """A house of real processes, and all the places in which a secret might turn up."""

    home: Path
    environ: dict[str, str]
    port: int
    redis_url: str
    database_url: str
    processes: list[subprocess.Popen[bytes]]

    def start(self, *arguments: str) -> None:
        """A process of the house, which goes on."""
        out = (self.home / f"{arguments[-1]}.log").open("wb")
        self.processes.append(
            subprocess.Popen([sys.executable, *arguments], cwd=self.home, env=self.environ, stdout=out, stderr=out)
        )

    def command(self, *arguments: str, **environ: str) -> None:
        """A command of the house, to its end; what it said is kept, and looked through like the rest."""
        said = CliRunner().invoke(main, arguments, env={**self.environ, **environ})
        with (self.home / "commands.log").open("a") as log:
            log.write(f"{arguments}: {said.output}{said.stderr}{said.exception!r}\n")

    def hint(self, *refs: str) -> None:
        """Let the worker look at these, as if a webhook had told."""
        for ref in refs:
            Inbox.connect(self.redis_url).hint(Ref.parse(ref))

    def ask(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> int:
        """A request to the web; what is answered is kept, too."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            with (self.home / "answers.log").open("ab") as log:
                log.write(str(answer.getheaders()).encode() + answer.read())
            return answer.status

    def deliver(self, path: str, payload: dict[str, Any], secret: str, **headers: str) -> int:
        """A webhook, signed as both trackers do."""
        body = json.dumps(payload).encode()
        signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        signed = {"X-Hub-Signature-256": signature, "X-Hub-Signature": signature, "Content-Type": "application/json"}
        return self.ask("POST", path, body, {**signed, **told})

    def places(self) -> Iterator[tuple[str, str]]:
        """Every place with all that is in it."""
        for path in sorted(self.home.rglob("*")):
            if path.is_file() and path.suffix in (".log", ".html", ".json"):
                yield path.name, path.read_bytes().decode("utf-8", "replace")
        with closing(redis.Redis.from_url(self.redis_url)) as client:
            for key in client.scan_iter():
                yield f"Redis {key!r}", repr((key, client.dump(key), *_held(client, key)))
        engine = sqlalchemy.create_engine(self.database_url)
        metadata = sqlalchemy.MetaData()
        metadata.reflect(engine)
        with engine.connect() as connection:
            for table in metadata.sorted_tables:
                yield f"table {table.name}", repr(connection.execute(table.select()).all())
        engine.dispose()

    def is_clean(self, secrets: set[str]) -> None:
        """None of them is in any place."""
        found = [f"{secret} in {place}" for place, held in self.places() for secret in secrets if secret in held]
        assert not found, "\n".join(found)


def _held(client: redis.Redis, key: bytes) -> Iterator[Any]:
    kind = client.type(key)
    if kind == b"string":
        yield client.get(key)
    elif kind == b"hash":
        yield client.hgetall(key)
    elif kind == b"list":
        yield client.lrange(key, 0, -1)
    elif kind in (b"set", b"zset"):
        yield client.smembers(key) if kind == b"set" else client.zrange(key, 0, -1)


def until(met: Callable[[], object], scene: Scene, what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not met():
        if time.monotonic() > end:
            logs = "\n".join(path.read_text(errors="replace")[-3000:] for path in scene.home.glob("*.log"))
            pytest.fail(f"{what} did not come:\n{logs}")
        time.sleep(0.05)


@contextmanager
def scene_of(home: Path, redis_server: str, postgres_url: str, **trackers: str) -> Iterator[Scene]:
    """The processes with every secret planted; Redis and the ledger have passwords, too."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = int(probe.getsockname()[1])
    with closing(redis.Redis.from_url(redis_server)) as client:
        client.flushall()
        client.acl_setuser("stages", enabled=True, passwords=["+hunter2-redis"], keys=["*"], channels=["*"],
                           commands=["+@all"], reset=True)  # fmt: skip
    socket_path = redis_server.removeprefix("unix://")
    environ = {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        **PLANTED, **trackers, "PYTHONPATH": str(ROOT), "PORT": str(port), "DATA_DIR": str(home / "data"),
        "MAPPINGS": str(ROOT / "integration/sandbox/mappings.yaml"), "LOG_LEVEL": "DEBUG", "WORKERS": "1",
        "SIGN_IN": "github", "SIGN_IN_CLIENT_ID": "sandbox-client", "SIGN_IN_ALLOW": "acme",
        "REDIS_URL": f"unix://stages:hunter2-redis@{socket_path}", "JIRA_EMAIL": SERVICE_EMAIL,
        "DATABASE_URL": postgres_url.replace("postgres@", "postgres:hunter2-database@"),
    }  # fmt: skip
    engine_url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    scene = Scene(home, environ, port, redis_server, engine_url, [])
    try:
        yield scene
    finally:
        for process in scene.processes:
            process.terminate()
        for process in scene.processes:
            process.wait(PATIENCE)
        with closing(redis.Redis.from_url(redis_server)) as client:
            client.acl_deluser("stages")
            client.flushall()


def is_up(scene: Scene) -> bool:
    with suppress(OSError):
        return scene.ask("GET", "/healthz") == 200
    return False


def look_at_everything(scene: Scene) -> None:
    """What an admin looks at, and what somebody tries who should not."""
    for path in ("/", "/healthz", "/readyz", "/nowhere", "/sign-in", "/sign-in/back?code=hunter2-code&state=x"):
        scene.ask("GET", path)
    secret = PLANTED["JIRA_DC_WEBHOOK_PATH_SECRET"]
    github = {"X_GitHub_Event": "issues", "X_GitHub_Delivery": "d-1"}
    for path in (f"/webhooks/jira/dc/{secret}x", f"/webhooks/jira/{secret}", f"/webhooks/{secret}/dc",
                 f"/webhooks/jira/main/{secret}"):  # fmt: skip
        scene.deliver(path, {"webhookEvent": "x"}, "wrong")
    assert scene.deliver("/webhooks/github", {"a": 1}, "hunter2-jira-hook", **github) == 401
    assert scene.deliver("/webhooks/github", {"a": 1}, "hunter2-github-old", **github) == 400
    scene.ask("POST", "/webhooks/github", b"{", {"X-Hub-Signature-256": "sha256=00", "X-GitHub-Event": "x" * 300})
    scene.command("check")
    scene.command("failed")
    scene.command("explain", "acme/app#1")
    scene.command("explain", "dc/APP-1")
    scene.command("explain", "acme/app#1", DATABASE_URL="postgresql://u:hunter2-database@127.0.0.1:1/x")
    scene.command("failed", REDIS_URL="redis://:hunter2-redis@127.0.0.1:1/0")
    scene.command("web", GITHUB_API_URL=f"https://{PLANTED['GITHUB_TOKEN']}@github.acme.example", PORT="x")
    scene.command("worker", DIGEST_SUPPORT="hunter2-digest", JIRA_DC_WEBHOOK_PATH_SECRET="hunter2-jira-hook"[:10])


def test_where_all_goes_well_no_secret_is_found_anywhere(tmp_path: Path, redis_server: str, postgres_url: str) -> None:
    with running(World()) as served, scene_of(
        tmp_path, redis_server, postgres_url, GITHUB_API_URL=served.github_url, JIRA_URL=served.jira_url,
        JIRA_DC_URL="http://127.0.0.1:9",
    ) as scene:  # fmt: skip
        served.world.hooks.register(f"http://127.0.0.1:{scene.port}/webhooks/github", "hunter2-github-hook", "github")
        served.world.hooks.register(f"http://127.0.0.1:{scene.port}/webhooks/jira", "hunter2-jira-hook", "jira")
        scene.start("-m", "integration.cli", "web")
        scene.start("-m", "integration.cli", "worker")
        until(lambda: is_up(scene), scene, "the web")
        served.world.github.open_issue("acme/app", "Export as PDF", "erin", "", ["stage: beta"])
        key = served.world.jira.create_issue("APP", "Export as PDF", "erin", "", "Beta")
        worker_log = scene.home / "worker.log"
        until(lambda: worker_log.read_text().count('"adopted"') == 2, scene, "a first look at both")
        born = int(time.time())  # GitHub's stamps are cut to the second: what is moved in this one, is older
        until(lambda: int(time.time()) > born, scene, "the next second")
        served.world.github.label("acme/app", 1, "stage: public", "erin")
        served.world.jira.transition(key, "Released", "erin")
        said = lambda: [one for one in served.world.jira.issue(key).comments if one.author == SERVICE]  # noqa: E731
        written = lambda: [one for one in _github_comments(served.world) if one.by == SERVICE]  # noqa: E731
        until(lambda: said() and written(), scene, "a comment on each tracker")
        look_at_everything(scene)
        handed_out = sign_in(scene, served.world)

        bodies = "\n".join(one.body for one in (*said(), *written()))
        (scene.home / "comments.html").write_text(bodies)
        scene.is_clean(wanted(PLANTED) | handed_out)


def sign_in(scene: Scene, world: World) -> set[str]:
    """As Sam, with a browser's redirects and cookies; what GitHub has handed out for it, its code and its token."""
    world.github.oauth.clients["sandbox-client"] = PLANTED["SIGN_IN_CLIENT_SECRET"]
    with requests.Session() as browser:
        ours = f"http://127.0.0.1:{scene.port}"
        shown = browser.get(f"{ours}/?at=1", headers={"Accept": "text/html"}, timeout=PATIENCE)
        assert shown.url.endswith("/sign-in?next=/%3Fat%3D1")
        asked = browser.get(f"{ours}/sign-in/begin?next=/?at=1", timeout=PATIENCE)
        assert asked.url.startswith(f"{world.url}/login/oauth/authorize?")
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', asked.text)) | {"who": "sam"}
        home = browser.post(asked.url, data={name: unescape(value) for name, value in fields.items()}, timeout=PATIENCE)
        assert home.url == f"{ours}/?at=1", home.text
        (scene.home / "signed-in.html").write_text(home.text + repr(home.headers))
        browser.get(f"{ours}/sign-in/back?code=hunter2-code&state=x", timeout=PATIENCE)
    assert len(world.github.oauth.handed_out) == 2
    return {*world.github.oauth.handed_out, "hunter2-code"}


def _github_comments(world: World) -> list[Any]:
    return list(world.github.issue(world.github.repo("acme/app"), 1).comments)


class _Echo(http.server.BaseHTTPRequestHandler):
    """A tracker that repeats to us all that we have sent to sign in. The address begins with the status."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        sent = self.headers.get("Authorization", "")
        bare = sent.partition(" ")[2]
        plain = base64.b64decode(bare + "===").decode("utf-8", "replace") if sent.startswith("Basic") else bare
        told = f"Bad credentials: {sent} {bare} {plain} {quote(bare, safe='')}"
        faults = [{"message": told, "field": bare, "code": plain}]
        said = {"message": told, "errors": faults, "errorMessages": [told], "documentation_url": f"http://x/?{bare}"}
        body = json.dumps(said).encode()
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("X-Accepted-OAuth-Scopes", told)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


REFS = ("github:acme/app#1", "jira:main/APP-1", "jira:dc/APP-1")


def test_where_a_tracker_repeats_what_we_signed_in_with_it_goes_no_further(
    tmp_path: Path, redis_server: str, postgres_url: str, echo: str
) -> None:
    trackers = {"GITHUB_API_URL": f"{echo}/403", "JIRA_URL": f"{echo}/400", "JIRA_DC_URL": f"{echo}/403"}
    with scene_of(tmp_path, redis_server, postgres_url, **trackers) as scene:
        scene.start("-m", "integration.cli", "worker")
        scene.hint(*REFS)
        until(lambda: all(_failed(scene.home / "worker.log", ref) for ref in REFS), scene, "a failure for each issue")
        for arguments in (("explain", "acme/app#1"), ("explain", "APP-1"), ("explain", "dc/APP-1"), ("failed",)):
            scene.command(*arguments)
        scene.is_clean(wanted(PLANTED))


def _failed(log: Path, ref: str) -> bool:
    lines = log.read_text(errors="replace").splitlines()
    return any(ref in line and '"reason"' in line for line in lines)


STUMBLES = """
import os, sys
from integration import look
def stumble(*args, **kwargs):
    held = {name: os.environ[name] for name in os.environ if name not in ("PATH", "PYTHONPATH")}
    try:
        raise ValueError(f"inside: {held}")
    except ValueError as inner:
        raise RuntimeError(f"all that is known: {held}") from inner
look.Desk.look = stumble
from workers.__main__ import main
sys.exit(main([sys.argv[1]]))
"""


def test_an_error_that_holds_every_secret_is_logged_without_one(
    tmp_path: Path, redis_server: str, postgres_url: str
) -> None:
    nowhere = "http://127.0.0.1:9"
    with scene_of(
        tmp_path, redis_server, postgres_url, GITHUB_API_URL=nowhere, JIRA_URL=nowhere, JIRA_DC_URL=nowhere
    ) as scene:
        scene.start("-c", STUMBLES, "worker")
        scene.hint("github:acme/app#1")
        worker_log = scene.home / "worker.log"
        until(lambda: "RuntimeError" in worker_log.read_text(errors="replace"), scene, "the error")
        assert "all that is known" in worker_log.read_text(), "the trace is there, so that it can be mended"
        scene.is_clean(wanted(PLANTED))
