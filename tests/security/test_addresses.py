"""No address that stands in mappings.yaml leads into our own network, however it is written or looked up."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import BaseModel

from integration import duty
from integration.settings import Misconfigured, Settings
from integration.stages.file.mappings import Mappings, Rota

OUTSIDE, INSIDE = "93.184.215.14", "10.0.0.7"

SHUT = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.7", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%lo",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
    "2002:7f00:1::", "2002:a9fe:a9fe::", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:0:7f00:1::", "::127.0.0.1",
    "nonsense", "",
)  # fmt: skip


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """A server in our own network, which nobody should come to."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        opened.settimeout(0.05)
        yield opened


def came_to(door: socket.socket) -> bool:
    with suppress(TimeoutError):
        door.accept()[0].close()
        return True
    return False


@pytest.mark.parametrize("address", SHUT)
def test_an_address_of_a_network_of_ours_is_not_open_to_all(address: str) -> None:
    assert not duty.open_to_all(address)


@pytest.mark.parametrize("address", [OUTSIDE, "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is(address: str) -> None:
    assert duty.open_to_all(address)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST.", "127.1", "2130706433", "0x7f.1", "0", "[::1]",
                                  "[::ffff:127.0.0.1]", "0177.0.0.1", "sam@127.0.0.1"])  # fmt: skip
def test_however_our_own_machine_is_written_nobody_comes_there(door: socket.socket, host: str) -> None:
    with pytest.raises(duty.Unknown, match=r"is not on the open internet; if it is meant, name .* in ROTA_HOSTS"):
        duty.ask(f"http://{host}:{door.getsockname()[1]}/rota")

    assert not came_to(door)


def looked_up_as(monkeypatch: pytest.MonkeyPatch, *answers: tuple[str, ...]) -> list[str]:
    """A name server that gives these answers, one after the other, and the names that it was asked for."""
    asked: list[str] = []
    real = socket.getaddrinfo

    def looks_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host[:1].isdigit():
            return real(host, port, *args, **kwargs)
        asked.append(host)
        found = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", looks_up)
    return asked


@pytest.mark.parametrize("found", [(INSIDE,), (OUTSIDE, INSIDE), ("169.254.169.254", OUTSIDE)])
def test_a_name_of_which_any_address_is_inside_is_not_gone_to(
    monkeypatch: pytest.MonkeyPatch, found: tuple[str, ...]
) -> None:
    looked_up_as(monkeypatch, found)

    with pytest.raises(duty.Unknown, match=r"rota\.acme\.example \(.*\) is not on the open internet"):
        duty.ask("https://rota.acme.example/hunter2")


def test_the_address_that_was_checked_is_the_one_that_is_gone_to(
    monkeypatch: pytest.MonkeyPatch, door: socket.socket
) -> None:
    """A name server that says something else the second time (rebinding) is not asked a second time."""
    asked = looked_up_as(monkeypatch, (OUTSIDE,), ("127.0.0.1",))
    gone_to: list[str] = []

    def connects(self: socket.socket, address: tuple[Any, ...]) -> None:
        gone_to.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connects)

    with pytest.raises(duty.Unknown, match="did not answer"):
        duty.ask(f"http://rota.acme.example:{door.getsockname()[1]}/")
    assert (asked, gone_to) == (["rota.acme.example"], [OUTSIDE])


def test_a_certificate_is_checked_for_the_name_and_not_for_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address is pinned below TLS: who answers there must prove the name that the file says."""
    looked_up_as(monkeypatch, ("127.0.0.1",))
    proven: list[str | None] = []

    def wraps(self: ssl.SSLContext, *args: Any, server_hostname: str | None = None, **kwargs: Any) -> Any:
        proven.append(server_hostname)
        raise ssl.SSLError("as far as this goes")

    monkeypatch.setattr(ssl.SSLContext, "wrap_socket", wraps)
    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=came_to, args=(door,), daemon=True).start()
        with pytest.raises(duty.Unknown):
            duty.ask(f"https://rota.acme.example:{door.getsockname()[1]}/", ["rota.acme.example"])
    assert proven == ["rota.acme.example"]


def test_a_host_that_the_environment_names_may_be_inside(door: socket.socket) -> None:
    def answers() -> None:
        connection = door.accept()[0]
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nsam")
        connection.close()

    door.settimeout(10)
    threading.Thread(target=answers, daemon=True).start()

    assert duty.ask(f"http://LocalHost:{door.getsockname()[1]}/", ["localhost"]) == "sam"


def test_it_opens_no_other_host(door: socket.socket) -> None:
    with pytest.raises(duty.Unknown, match="not on the open internet"):
        duty.ask(f"http://127.0.0.1:{door.getsockname()[1]}/", ["localhost", "rota.acme.example"])
    assert not came_to(door)


def test_a_proxy_of_the_environment_is_no_way_round_the_check(
    monkeypatch: pytest.MonkeyPatch, door: socket.socket
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{door.getsockname()[1]}")
    looked_up_as(monkeypatch, (INSIDE,))

    with pytest.raises(duty.Unknown, match="not on the open internet"):
        duty.ask("http://rota.acme.example/")
    assert not came_to(door)


@pytest.mark.parametrize("scheme", ["file", "ftp", "gopher", "unix", "data"])
def test_nothing_but_http_and_https_is_spoken(scheme: str) -> None:
    with pytest.raises((duty.Unknown, requests.RequestException)):
        duty.ask(f"{scheme}:///etc/passwd", ["", "localhost"])


# --- where such addresses come from -------------------------------------------------------------------------------


def all_parts(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for part in base.__subclasses__():
        yield part
        yield from all_parts(part)


def test_the_file_names_no_other_address_that_we_go_to() -> None:
    """Whoever adds one to the form of mappings.yaml has to send it through `duty`, or through a check like its own."""
    named = {(part.__name__, name) for part in all_parts(BaseModel) if part.__module__ == Mappings.__module__
             for name, one in part.model_fields.items() if "url" in name or "WebAddress" in repr(one)}  # fmt: skip
    assert named == {(Rota.__name__, "url"), ("Links", "urls"), ("Linked", "url")}, "patterns are compared, not gone to"


@pytest.mark.parametrize("said", ["https://rota.acme.example", "rota.acme.example/path", "a b", "*.acme.example"])
def test_what_is_no_host_in_the_list_is_a_fault(tmp_path: Path, said: str) -> None:
    with pytest.raises(Misconfigured, match="ROTA_HOSTS: there is something in it that is no host"):
        Settings.read({"DATA_DIR": str(tmp_path), "ROTA_HOSTS": said})


def test_the_list_is_read(tmp_path: Path) -> None:
    read = Settings.read({"DATA_DIR": str(tmp_path), "ROTA_HOSTS": "rota.acme.example, 127.0.0.1,::1"})
    assert read.rota_hosts == ("rota.acme.example", "127.0.0.1", "::1")
