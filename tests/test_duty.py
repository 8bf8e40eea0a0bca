"""Who is on duty, asked over real connections: a name in little time, or a reason that holds no secret."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from integration import duty

Answer = Callable[[socket.socket], None]


@dataclass
class Address:
    """A server that lets a function answer each connection, and keeps what it was asked."""

    asked: list[str] = field(default_factory=list)
    answer: Answer = lambda _: None
    door: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.door.getsockname()[1]}/rota/hunter2?token=hunter2"

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._one, args=(self.door.accept()[0],), daemon=True).start()

    def _one(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            asked = b""
            while b"\r\n\r\n" not in asked and (more := connection.recv(65536)):
                asked += more
            self.asked.append(asked.decode("latin-1"))
            self.answer(connection)


@pytest.fixture
def address() -> Iterator[Address]:
    address = Address()
    threading.Thread(target=address.serve, daemon=True).start()
    yield address
    address.door.shutdown(socket.SHUT_RDWR)
    address.door.close()


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duty, "READ", 0.3)
    monkeypatch.setattr(duty, "TOTAL", 0.8)


def ask(url: str) -> str:
    """Asked of a server of the test's own, whose address ROTA_HOSTS names."""
    return duty.ask(url, ["127.0.0.1"])


def says(body: bytes | str, status: str = "200 OK", *headers: str) -> Answer:
    """An answer as any server gives it."""
    written = body.encode() if isinstance(body, str) else body
    lines = "".join(f"{one}\r\n" for one in (*headers, f"Content-Length: {len(written)}"))
    return raw(f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + written)


def raw(sent: bytes) -> Answer:
    return lambda connection: connection.sendall(sent)


def drips(first: bytes, drop: bytes) -> Answer:
    """A little again and again, so that no single wait is ever too long."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(drop)
            time.sleep(0.02)

    return answer


def holds_its_tongue(connection: socket.socket) -> None:
    connection.recv(1)  # until the other side is gone


def breaks_off(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ns")
    holds_its_tongue(connection)


def asking() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "duty"]


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("sam", "sam"),
        ("@sam", "sam"),
        ("  sam\r\n", "sam"),
        ("\ufeffsam", "sam"),
        ('"sam"', "sam"),
        ('{"login": "sam"}', "sam"),
        ('{"login": "@sam"}', "sam"),
        ('{"accountId": "557058:f58131cb-b67d"}', "557058:f58131cb-b67d"),
        ('{"login": null, "username": "sam"}', "sam"),
        ('\n{"team": "support", "name": "sam"}\n', "sam"),
        ("557058:f58131cb-b67d", "557058:f58131cb-b67d"),
        ("10042", "10042"),
        ("s" * 128, "s" * 128),
    ],
)
def test_the_address_tells_who_is_on_duty(address: Address, body: str, name: str) -> None:
    address.answer = says(body)

    assert ask(address.url) == name


def test_an_answer_in_pieces_is_read_to_its_end(address: Address) -> None:
    address.answer = raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nso\r\n3\r\nfia\r\n0\r\n\r\n")

    assert ask(address.url) == "sofia"


def test_a_packed_answer_is_unpacked(address: Address) -> None:
    address.answer = says(gzip.compress(b"sofia"), "200 OK", "Content-Encoding: gzip")

    assert ask(address.url) == "sofia"


NO_LOGIN = "127.0.0.1 answered with something that is no login"
TOO_MUCH = "127.0.0.1 answered with more than a name"


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (says("sam", "404 Not Found"), "127.0.0.1 answered 404"),
        (says("sam", "500 Oops"), "127.0.0.1 answered 500"),
        (says("", "204 No Content"), "127.0.0.1 answered 204"),
        (says("<!doctype html><p>Please log in: hunter2</p>"), NO_LOGIN),
        (says(""), NO_LOGIN),
        (says("sam is on duty"), NO_LOGIN),
        (says("s" * 129), NO_LOGIN),
        (says("../../sam"), NO_LOGIN),
        (says("s\x00am"), NO_LOGIN),
        (says(b"\xff\xfe\xfa"), NO_LOGIN),
        *(
            (says(nobody), NO_LOGIN)
            for nobody in ("null", "false", "true", "{}", "[]", '["sam"]', '{"login": 7}', '""')
        ),
        (says('{"login": "sam"'), NO_LOGIN),
        (says('{"login": ["sam"]}'), NO_LOGIN),
        (says("[" * 4000), "127.0.0.1 did not answer (RecursionError)"),
        (says("s" * 5000), TOO_MUCH),
        (says(json.dumps({"login": "sam", "more": "x" * 5000})), TOO_MUCH),
        (says(gzip.compress(b"s" * 9_000_000), "200 OK", "Content-Encoding: gzip"), TOO_MUCH),
        (says("no gzip", "200 OK", "Content-Encoding: gzip"), "127.0.0.1 did not answer (DecodeError)"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nsa"), "127.0.0.1 did not answer (ProtocolError)"),
        (
            raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"),
            "127.0.0.1 did not answer (ProtocolError)",
        ),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "127.0.0.1 did not answer (ConnectionError)"),
        (raw(b""), "127.0.0.1 did not answer (ConnectionError)"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\nsam"), "127.0.0.1 did not answer (ConnectionError)"),
    ],
)
def test_whatever_else_it_says_nobody_is_on_duty_and_the_reason_holds_no_secret(
    address: Address, answer: Answer, why: str
) -> None:
    address.answer = answer

    with pytest.raises(duty.Unknown) as unknown:
        ask(address.url)

    assert str(unknown.value) == why
    assert unknown.value.__cause__ is None


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary Redirect"])
@pytest.mark.parametrize("to", ["/other", "http://[", "http://169.254.169.254/"])
def test_a_redirect_is_not_followed_nor_is_its_page_read(address: Address, status: str, to: str) -> None:
    head = f"HTTP/1.1 {status}\r\nLocation: {to}\r\nContent-Length: 99999999\r\n\r\n".encode()

    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        holds_its_tongue(connection)

    address.answer = answer

    with pytest.raises(duty.Unknown, match=f"answered {status[:3]}"):
        ask(address.url)
    assert len(address.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        holds_its_tongue,
        breaks_off,
        drips(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        drips(b"HTTP/1.1 200 OK\r\n\r\n", b"s"),
        drips(b"HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n", b"s"),
        drips(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\ns\r\n"),
    ],
    ids=["silence", "silence in the midst", "header", "body to the end", "body", "pieces"],
)
@pytest.mark.usefixtures("little_time")
def test_however_slowly_it_answers_it_is_waited_for_so_long_and_nothing_is_left_behind(
    address: Address, answer: Answer
) -> None:
    address.answer = answer
    began = time.monotonic()

    with pytest.raises(duty.Unknown, match=r"127\.0\.0\.1 (did not answer in time|took longer than 0\.8 seconds)"):
        ask(address.url)

    assert time.monotonic() - began < 3
    while asking():
        assert time.monotonic() - began < 10, "a thread still waits for an answer"
        time.sleep(0.01)


@pytest.mark.usefixtures("little_time")
def test_a_name_server_that_takes_its_time_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def looks_up(*_: object, **__: object) -> list[object]:
        assert threading.current_thread().daemon
        let_go.wait()
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", looks_up)

    with pytest.raises(duty.Unknown, match=r"duty\.acme\.example took longer than 0\.8 seconds"):
        duty.ask("https://duty.acme.example/hunter2")
    let_go.set()


def test_a_connection_that_comes_about_too_late_is_cut_at_once(address: Address) -> None:
    wire = duty._Wire()
    ours, theirs = socket.socketpair()

    wire.cut()
    wire.keep(ours)

    assert theirs.recv(1) == b""
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://sam:hunter2@127.0.0.1:1/hunter2", "127.0.0.1 did not answer (ConnectionError)"),
        ("http://[hunter2/", "the address did not answer (InvalidURL)"),
        ("nonsense", "the address did not answer (MissingSchema)"),
        ("https://\udcff.example/", None),
    ],
)
def test_an_address_that_is_none_is_told_without_what_is_secret_in_it(url: str, why: str | None) -> None:
    with pytest.raises(duty.Unknown) as unknown:
        ask(url)

    assert why in (None, str(unknown.value))
    assert "hunter2" not in str(unknown.value)


def test_none_of_our_passwords_go_there_but_the_one_that_the_file_gives(
    address: Address, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "netrc"
    kept.write_text("default login us password hunter2\n")
    monkeypatch.setenv("NETRC", str(kept))
    monkeypatch.setenv("HTTP_PROXY", "http://us:hunter2@127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://us:hunter2@127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    address.answer = says("sam")

    assert ask(address.url) == "sam"
    assert ask(address.url.replace("http://", "http://erin:good@")) == "sam"

    without, with_one = address.asked
    assert "authorization" not in without.casefold()
    assert "authorization: basic zxjpbjpnb29k" in with_one.casefold()
