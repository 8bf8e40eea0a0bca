"""What only a real server shows: slow, chunked, oversized, broken and cut-off bodies, through granian."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import redis

from integration.memory.inbox import Inbox
from integration.web.receiving import LARGEST_BODY

HERE = Path(__file__).parent
PATIENCE = 30.0
CHUNK = b"x" * 65536


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("granian") / "log"


@pytest.fixture(scope="module")
def port(redis_server: str, log: Path) -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        free = int(probe.getsockname()[1])
    command = [
        *(sys.executable, "-m", "granian", "--interface", "wsgi", "--http", "1", "--no-ws", "--workers", "1"),
        *("--blocking-threads", "64", "--port", str(free), "--working-dir", str(HERE), "served:app"),
    ]
    environ = {**os.environ, "REDIS_URL": redis_server, "PYTHONPATH": str(HERE.parent.parent)}
    with log.open("wb") as out:
        server = subprocess.Popen(command, env=environ, stdout=out, stderr=out)
    try:
        _until_alive(free, server, log)
        yield free
    finally:
        server.terminate()
        server.wait(PATIENCE)


def _until_alive(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            if ask(port, "GET", "/healthz")[0] == 200:
                return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                pytest.fail(log.read_text())
            time.sleep(0.05)


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


def test_many_slow_bodies_do_not_keep_a_good_one_waiting(port: int, redis_client: redis.Redis) -> None:
    headers, body = delivery("good")
    slow_headers, slow_body = delivery("slow one")
    slow_headers |= {"X-GitHub-Delivery": "slow-one", "Content-Length": str(len(slow_body))}
    with ExitStack() as slow:
        opened = [slow.enter_context(begin(port, slow_headers)) for _ in range(30)]
        for each in opened:
            each.sendall(slow_body[:100])
        begun = time.monotonic()
        assert ask(port, "POST", "/webhooks/github", body, **headers)[0] == 202
        assert time.monotonic() - begun < 2
        for each in opened:
            each.sendall(slow_body[100:])
        assert sorted(status(each)[1]["accepted"] for each in opened) == [0] * 29 + [1]  # type: ignore[type-var]


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
        assert 400 <= status(opened)[0] < 500
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
