"""Who is on duty, asked at the address that a party's rota names.

The answer is a name and nothing else: a plain text, or JSON with `login` (`accountId` for Jira). The address stands in
mappings.yaml, which more people may change than run the service. So it gets little time in all, little room, no
redirect and none of our passwords; it leads out to the open internet alone, unless ROTA_HOSTS names its host; and an
odd answer never reaches a comment, nor does it end a job.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Collection
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import TimeoutError as TimedOut

CONNECT, READ, TOTAL = 2.0, 4.0, 8.0  # seconds; what drips never makes a `READ` wait, so the whole has an end, too
LARGEST = 4096  # bytes
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:._-]{0,127}")
_KEYS = ("login", "accountId", "account_id", "username", "name")
_GLOBAL_V6, _NAT64 = IPv6Network("2000::/3"), IPv6Network("64:ff9b::/96")


class Unknown(Exception):
    """The address did not tell who is on duty; the message says why."""


def ask(url: str, trusted: Collection[str] = ()) -> str:
    """The login, or Jira account id, of whoever is on duty now. Raises `Unknown`.

    `trusted` are the hosts that may be in our own network (ROTA_HOSTS); any other must be on the open internet.
    """
    wire, answered = _Wire(trusted), SimpleQueue[str | Unknown]()

    def run() -> None:
        try:
            answered.put(_asked(url, wire))
        except Unknown as unknown:
            answered.put(unknown)

    # In a thread of its own, as looking up a host's name cannot be told to be quick; and a daemon, so that nothing
    # waits for it when the process ends.
    threading.Thread(target=run, name="duty", daemon=True).start()
    try:
        answer = answered.get(timeout=TOTAL)
    except Empty:
        raise Unknown(f"{_host(url)} took longer than {TOTAL:g} seconds") from None
    finally:
        wire.cut()
    if isinstance(answer, Unknown):
        raise answer
    return answer


def _asked(url: str, wire: _Wire) -> str:
    # The wire alone: a session reads a redirect's page to its end, and takes passwords from .netrc and from proxies
    # that the environment names. Of the environment only the certificates are taken that it trusts.
    try:
        question = requests.Request("GET", url, headers={"Accept-Encoding": "identity"}).prepare()
        verify = requests.Session().merge_environment_settings(url, {}, None, None, None)["verify"]
        with wire.send(question, stream=True, timeout=(CONNECT, READ), verify=verify) as answer:
            return _read(answer, _host(url))
    except Unknown:
        raise
    except Exception as error:  # of the many that a broken answer can lead to, not all are the library's own
        why = "in time" if isinstance(error, requests.Timeout | TimedOut) else f"({type(error).__name__})"
        raise Unknown(f"{_host(url)} did not answer {why}") from None


def _read(answer: requests.Response, host: str) -> str:
    if answer.status_code != 200:
        raise Unknown(f"{host} answered {answer.status_code}")
    body: bytes = answer.raw.read(LARGEST + 1, decode_content=True)
    if len(body) > LARGEST:
        raise Unknown(f"{host} answered with more than a name")
    name = _name(body.decode("utf-8-sig", "replace").strip())
    if not _NAME.fullmatch(name):
        raise Unknown(f"{host} answered with something that is no login")
    return name


def _name(text: str) -> str:
    """What the answer names: `sam`, `@sam`, `"sam"`, `{"login": "sam"}`; empty for `null`, `false` and the like."""
    found: Any = text
    with suppress(ValueError):
        found = json.loads(text)
    if isinstance(found, dict):
        found = next((found[key] for key in _KEYS if found.get(key)), "")
    elif isinstance(found, int | float) and not isinstance(found, bool):
        found = text  # a name of digits
    return found.removeprefix("@") if isinstance(found, str) else ""


def _host(url: str) -> str:
    """The address without what may be a secret in it."""
    with suppress(ValueError):
        return urlsplit(url).hostname or "the address"
    return "the address"


# --- where it may lead ----------------------------------------------------------------------------------------------


def open_to_all(address: str) -> bool:
    """Whether an IP address is one of the open internet: no network of ours, no neighbour, not this machine.

    An IPv4 address in the coat of an IPv6 one counts as what it is.
    """
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = _inside(found)
    if inner is not None:
        return inner.is_global and not inner.is_multicast and not inner.is_reserved
    return found in _GLOBAL_V6 and found.is_global


def _inside(found: IPv4Address | IPv6Address) -> IPv4Address | None:
    if isinstance(found, IPv4Address):
        return found
    nat64 = IPv4Address(int(found) & 0xFFFF_FFFF) if found in _NAT64 else None
    return found.ipv4_mapped or found.sixtofour or nat64


def _place(host: str, port: int, trusted: Collection[str]) -> str:
    """The address to connect to for this host: looked up once, so that no second answer can lead elsewhere.

    Raises `Unknown` where any address of a host that is not trusted is not open to all, and `OSError`.
    """
    name = host.strip("[]").rstrip(".")
    found = [str(one[4][0]) for one in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
    shut = [] if name.casefold() in trusted else [one for one in found if not open_to_all(one)]
    if shut or not found:
        where = f" ({shut[0]})" if shut and shut[0] != name else ""
        raise Unknown(f"{name}{where} is not on the open internet; if it is meant, name {name} in ROTA_HOSTS")
    return found[0]


class _Wire(HTTPAdapter):
    """Transport that leads only where it may, and that another thread can cut, so that nobody waits at it for ever."""

    def __init__(self, trusted: Collection[str] = ()) -> None:
        super().__init__()
        self.trusted = frozenset(name.casefold().strip("[]").rstrip(".") for name in trusted)
        self._sockets: list[socket.socket] = []
        self._is_cut = False
        pools = self.poolmanager.pool_classes_by_scheme
        self.poolmanager.pool_classes_by_scheme = {scheme: _kept(pool, self) for scheme, pool in pools.items()}

    def keep(self, opened: socket.socket) -> None:
        """Remember what is to be cut."""
        self._sockets.append(opened)
        if self._is_cut:
            self.cut()

    def cut(self) -> None:
        """Whoever reads from it finds it closed."""
        self._is_cut = True
        for one in self._sockets:
            with suppress(OSError, ValueError):
                one.shutdown(socket.SHUT_RDWR)
        self.close()


def _kept(pool: type[HTTPConnectionPool], wire: _Wire) -> type[HTTPConnectionPool]:
    """The library's own pool, whose connections go only where they may, and hand their sockets to the wire."""
    kind: Any = pool.ConnectionCls

    class Kept(kind):  # type: ignore[misc]
        host: str

        def _new_conn(self) -> socket.socket:
            name = self.host  # stays the name for TLS and the `Host` header
            try:
                self.host = _place(name, self.port, wire.trusted)
                return super()._new_conn()  # type: ignore[no-any-return]
            finally:
                self.host = name

        def connect(self) -> None:
            super().connect()
            wire.keep(self.sock)

    return type(pool.__name__, (pool,), {"ConnectionCls": Kept})
