"""Who is on duty, asked at the address that a party's rota names.

The answer is a name and nothing else: a plain text, or JSON with `login` (`accountId` for Jira). Only the admin's file
names the address; still it gets little time in all, little room, no redirect and none of our passwords, and an odd
answer never reaches a comment, nor does it end a job.
"""

from __future__ import annotations

import json
import re
import socket
import threading
from contextlib import suppress
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


class Unknown(Exception):
    """The address did not tell who is on duty; the message says why."""


def ask(url: str) -> str:
    """The login, or Jira account id, of whoever is on duty now. Raises `Unknown`."""
    wire, answered = _Wire(), SimpleQueue[str | Unknown]()

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
        trusted = requests.Session().merge_environment_settings(url, {}, None, None, None)["verify"]
        with wire.send(question, stream=True, timeout=(CONNECT, READ), verify=trusted) as answer:
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


class _Wire(HTTPAdapter):
    """Transport that can be cut by another thread, so that whoever waits at it does not wait for ever."""

    def __init__(self) -> None:
        super().__init__()
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
    """The library's own pool, whose connections hand their sockets to the wire."""
    kind: Any = pool.ConnectionCls

    class Kept(kind):  # type: ignore[misc]
        def connect(self) -> None:
            super().connect()
            wire.keep(self.sock)

    return type(pool.__name__, (pool,), {"ConnectionCls": Kept})
