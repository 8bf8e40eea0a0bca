"""What only a real server shows: slow, chunked, oversized, broken and cut-off bodies, and a stop, through granian."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest
import redis

from integration.cli.processes import SERVED
from integration.memory.inbox import Inbox
from integration.web.front import LARGEST_BODY

HERE = Path(__file__).parent
PATIENCE = 30.0
CHUNK = b"x" * 65536
BODY_WITHIN = 4.0  # as served.py has it


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("granian") / "log"


@pytest.fixture(scope="module")
def port(redis_server: str, log: Path) -> Iterator[int]:
    with serving(redis_server, log) as (port, _):
        yield port


@contextmanager
def serving(redis_server: str, log: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The web as `release-stages web` starts it: its port and its process."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        free = int(probe.getsockname()[1])
    command = [
        *(sys.executable, "-m", "granian", *SERVED.split(), "--port", str(free)),
        *("--working-dir", str(HERE), "served:app"),
    ]
    environ = {**os.environ, "REDIS_URL": redis_server, "PYTHONPATH": str(HERE.parent.parent)}
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    try:
        _until_alive(free, server, log)
        yield free, server
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _until_alive(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            assert ask(port, "GET", "/healthz") == (200, b'{"status":"alive"}\n')
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(log.read_text())
            time.sleep(0.05)
        else:
            return


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read()


def delivery(guid: str) -> tuple[dict[str, str], bytes]:
    told = json.loads((HERE.parent / "fixtures/github/issue_moved_to_public.json").read_text("utf-8"))
    body = json.dumps(told["body"]).encode()
    digest = hmac.new(b"hook-secret", body, hashlib.sha256).hexdigest()
    return {**told["headers"], "X-GitHub-Delivery": guid, "X-Hub-Signature-256": f"sha256={digest}"}, body


def begin(port: int, headers: dict[str, str], path: str = "/webhooks/github") -> socket.socket:
    """Send the head of a request; the body is for the caller."""
    opened = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    lines = [f"POST {path} HTTP/1.1", "Host: stages", *(f"{name}: {value}" for name, value in headers.items())]
    opened.sendall("\r\n".join([*lines, "", ""]).encode())
    return opened


def status(opened: socket.socket) -> tuple[int, dict[str, object]]:
    answer = http.client.HTTPResponse(opened)
    answer.begin()
    return answer.status, json.loads(answer.read())


def chunk(part: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(part), part)


def test_a_chunked_body_is_read_whole(port: int, redis_client: redis.Redis) -> None:
    headers, body = delivery("chunked")
    with begin(port, {**headers, "Transfer-Encoding": "chunked"}) as opened:
        for start in range(0, len(body), 500):
            opened.sendall(chunk(body[start : start + 500]))
        opened.sendall(chunk(b""))
        assert status(opened) == (202, {"accepted": 1})
    assert Inbox(redis_client).depth() == 1


def test_a_slow_body_is_waited_for(port: int, redis_client: redis.Redis) -> None:
    headers, body = delivery("slow")
    with begin(port, {**headers, "Content-Length": str(len(body))}) as opened:
        third = len(body) // 3
        for start in (0, third, 2 * third):
            opened.sendall(body[start : start + third])
            time.sleep(0.2)
        opened.sendall(body[3 * third :])
        assert status(opened) == (202, {"accepted": 1})


def drip(slow: list[socket.socket]) -> None:
    """One byte more of each; who was cut off has heard why."""
    for each in slow:
        with suppress(OSError):
            each.sendall(b" ")


def test_a_hundred_who_drip_are_cut_off_and_meanwhile_keep_no_good_one_waiting(
    port: int, redis_client: redis.Redis
) -> None:
    headers, body = delivery("dripping")
    slow_headers = {**headers, "Content-Length": str(len(body))}
    took = []
    with ExitStack() as stack:
        slow = [stack.enter_context(begin(port, slow_headers)) for _ in range(100)]
        begun = time.monotonic()
        for number in range(10):
            drip(slow)
            asked = time.monotonic()
            good_headers, _ = delivery(f"good-{number}")
            assert ask(port, "POST", "/webhooks/github", body, **good_headers)[0] == 202
            took.append(time.monotonic() - asked)
        assert statistics.median(took) < 0.5, "on a quiet machine it takes some milliseconds"
        while time.monotonic() - begun < BODY_WITHIN:
            drip(slow)
            time.sleep(0.1)
        assert {status(each)[0] for each in slow} == {408}
    assert Inbox(redis_client).depth() == 1


def test_a_head_that_is_too_large_is_refused(port: int) -> None:
    with begin(port, {"X-Long": "x" * 200_000}) as opened:
        assert opened.recv(100).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "asked",
    [
        b"POST /webhooks/github HTTP/1.1\r\nX-Hub-Signature-256: sha256=\xe9\xff",
        b"POST /webhooks/github HTTP/1.1\r\nX-GitHub-Event: \xe9\r\nContent-Type: \xe9/\xff",
        b"POST /webhooks/jira/%ff%fe/%00 HTTP/1.1\r\nX: y",
        b"POST /webhooks/jira/dc/path-secret?\xff HTTP/1.1\r\nX: y",
        b"GET /%ff?%ff HTTP/1.1\r\nX: y",
        b"GET /?\xc3\xbc=\xff HTTP/1.1\r\nCookie: \xff",
        b"GET //evil.example/%2e%2e/ HTTP/1.1\r\nX: y",
        b"PROPFIND /webhooks/github HTTP/1.1\r\nX: y",
        b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: text/plain",
    ],
)
def test_odd_bytes_are_the_senders_fault(port: int, asked: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as opened:
        end = b"0\r\n\r\n" if b"chunked" in asked else b""
        opened.sendall(asked + b"\r\nHost: stages\r\nConnection: close\r\n\r\n" + end)
        line = opened.recv(100).split(b"\r\n")[0]
    assert 200 <= int(line.split()[1]) < 500, line


def test_at_a_stop_what_is_under_way_is_answered_and_nobody_new_is_let_in(
    redis_server: str, redis_client: redis.Redis, tmp_path: Path
) -> None:
    headers, body = delivery("at-the-stop")
    with (
        serving(redis_server, tmp_path / "log") as (port, server),
        begin(port, {**headers, "Content-Length": str(len(body))}) as opened,
    ):
        opened.sendall(body[:-1])
        ask(port, "GET", "/healthz")  # what came before it has been read
        server.terminate()
        deadline = time.monotonic() + PATIENCE
        with suppress(OSError):
            while time.monotonic() < deadline:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                time.sleep(0.01)
        assert time.monotonic() < deadline, "it still lets in whoever comes"
        opened.sendall(body[-1:])
        assert status(opened) == (202, {"accepted": 1})
        server.wait(PATIENCE)
    assert Inbox(redis_client).depth() == 1


def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(port: int, redis_client: redis.Redis) -> None:
    with begin(port, {"Content-Type": "application/json", "Content-Length": str(LARGEST_BODY + 1)}) as opened:
        assert status(opened)[0] == 413
    assert redis_client.dbsize() == 0


def test_a_chunked_body_that_grows_too_large_is_refused(port: int, redis_client: redis.Redis) -> None:
    with begin(port, {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}) as opened:
        for _ in range(LARGEST_BODY // len(CHUNK)):
            opened.sendall(chunk(CHUNK))
        opened.sendall(chunk(b"x"))
        assert status(opened)[0] == 413
    assert redis_client.dbsize() == 0


@pytest.mark.parametrize("chunked", [False, True])
def test_the_largest_body_is_still_read(port: int, redis_client: redis.Redis, chunked: bool) -> None:
    headers, body = delivery("largest")
    body += b" " * (LARGEST_BODY - len(body))
    headers["X-Hub-Signature-256"] = "sha256=" + hmac.new(b"hook-secret", body, hashlib.sha256).hexdigest()
    headers |= {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(body))}
    with begin(port, headers) as opened:
        opened.sendall(chunk(body) + chunk(b"") if chunked else body)
        assert status(opened) == (202, {"accepted": 1})


@pytest.mark.parametrize("broken", [b"zz\r\nabc\r\n", b"-1\r\n\r\n", b"ffffffffffffffffff\r\n"])
def test_a_broken_chunked_body_is_the_senders_fault(port: int, redis_client: redis.Redis, broken: bytes) -> None:
    headers, body = delivery("broken")
    with begin(port, {**headers, "Transfer-Encoding": "chunked"}) as opened:
        opened.sendall(chunk(body[:-1]) + broken)
        assert status(opened)[0] == 400
    assert redis_client.dbsize() == 0


def test_a_sender_that_leaves_in_the_middle_is_told_so_and_harms_nobody(port: int, redis_client: redis.Redis) -> None:
    headers, body = delivery("cut off")
    headers |= {"X-GitHub-Delivery": "cut-off", "Content-Length": str(len(body))}
    with begin(port, headers) as opened:
        opened.sendall(body[:-1])
        opened.shutdown(socket.SHUT_WR)
        assert status(opened)[0] == 400
    for _ in range(10):
        with begin(port, headers) as opened:
            opened.sendall(body[:100])
    assert redis_client.dbsize() == 0
    assert ask(port, "GET", "/healthz")[0] == 200
