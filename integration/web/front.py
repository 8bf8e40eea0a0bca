"""What the web server calls (RSGI): reads bodies within limits of size and time, receives webhooks, hands on the rest.

A slow sender costs a place in a table here, not a thread: however many drip one byte a second, a good delivery does not
wait for them, and each of them is cut off in the end. Pages are Flask's, in threads of their own.

granian speaks ASGI and WSGI as well. Its own protocol is a tenth quicker than the first, and the second cannot cut
off a slow body: docs/decisions/0008-receiving.md.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from io import BytesIO
from typing import Any, Protocol, cast

from flask import Flask, Response
from granian.rsgi import ProtocolClosed, ProtocolError, Scope  # type: ignore[attr-defined]

from integration.web.app import HEADERS, LARGEST_FORM
from integration.web.receiving import JSON, Answer, Asked, Declined, Receiving

LARGEST_BODY = 25 * 1024 * 1024  # GitHub sends no more
SMALL_BODY = 256 * 1024  # most are smaller than a tenth of that; what is larger waits for its turn
LARGE_AT_ONCE = 8  # what they may take of the memory: so many times 25 MB
BODY_WITHIN = 10.0  # seconds for the whole of it; GitHub gives up then, too
PAGE_THREADS = 8

_SAFE = [
    ("content-type", JSON),
    *((name.lower(), value) for name, value in HEADERS.items()),
    ("cache-control", "no-store"),
]


class Wire(Protocol):
    """A request's body and the way back, as granian gives them."""

    async def __call__(self) -> bytes:
        """All of the body. Raises `ProtocolClosed` when it ends before its end."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in parts. Ends silently when it is cut off."""

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """The answer, all at once."""


class Front:
    """The application. `receiving` has everything under /webhooks, `pages` the rest."""

    def __init__(self, receiving: Receiving, pages: Flask, body_within: float = BODY_WITHIN) -> None:
        self._receiving = receiving
        self._pages = pages
        self._threads = ThreadPoolExecutor(PAGE_THREADS, "pages")
        self._body_within = body_within
        self._large = asyncio.Semaphore(LARGE_AT_ONCE)

    async def __rsgi__(self, scope: Scope, wire: Wire) -> None:
        """Answer one request."""
        path = scope.path
        if path.startswith("/webhooks/") or path == "/webhooks":
            asked = Asked(scope.method, path, scope.headers, lambda: self._body(scope, wire))
            _answer(wire, await self._receiving.receive(asked))
        else:
            await self._page(scope, wire)

    async def _page(self, scope: Scope, wire: Wire) -> None:
        """Flask's turn, in a thread; the body is read here, as a thread must not wait for a slow one."""
        try:
            asked = _environ(scope, await self._body(scope, wire, LARGEST_FORM))
        except Declined as no:
            _answer(wire, Answer(no.status, b'{"error":"%b"}' % str(no).encode()))
            return
        page = await asyncio.get_running_loop().run_in_executor(self._threads, self._ask_flask, asked)
        _give(wire, page.status_code, [(name.lower(), value) for name, value in page.headers], page.get_data())

    def _ask_flask(self, environ: dict[str, Any]) -> Response:
        return cast(Response, Response.from_app(self._pages, environ, buffered=True))

    async def _body(self, scope: Scope, wire: Wire, largest: int = LARGEST_BODY) -> bytes:
        """The raw bytes; the limit holds for the length that is told and for what really comes. Raises `Declined`."""
        told = scope.headers.get("content-length")  # the server sees to it that it is a number, and that it is true
        if told is None and "transfer-encoding" not in scope.headers:
            return b""
        size = None if told is None else int(told)
        if size is not None and size > largest:
            raise _too_large(largest)
        try:
            async with asyncio.timeout(self._body_within):
                return await wire() if size is not None and size <= SMALL_BODY else await self._in_parts(wire, largest)
        except TimeoutError:
            raise Declined(408, "too slow", f"the body took longer than {self._body_within:g} seconds") from None
        except (ProtocolClosed, ProtocolError):
            raise Declined(400, "cut off", "the body ended before its end") from None

    async def _in_parts(self, wire: Wire, largest: int) -> bytes:
        """One that is large, or does not tell how large it is."""
        body = bytearray()
        async with AsyncExitStack() as turn:
            async for part in wire:
                if len(body) <= SMALL_BODY < len(body) + len(part):
                    await turn.enter_async_context(self._large)
                body += part
                if len(body) > largest:
                    raise _too_large(largest)
        return bytes(body)


def _too_large(largest: int) -> Declined:
    return Declined(413, "too large", f"the body is larger than {largest // 1024**2} MB")


def _answer(wire: Wire, answer: Answer) -> None:
    headers = [*_SAFE, *answer.headers.items()] if answer.headers else _SAFE
    _give(wire, answer.status, headers, answer.body)


def _give(wire: Wire, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    with suppress(ProtocolClosed, ProtocolError):  # whoever asked is gone
        wire.response_bytes(status, headers, body)


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """The request as WSGI (PEP 3333) has it, whole."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        if "_" not in name:  # WSGI could not tell X_Forwarded_User, which a proxy lets pass, from X-Forwarded-User
            key = f"HTTP_{name.upper().replace('-', '_')}"
            joint = "; " if key == "HTTP_COOKIE" else ","
            environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value
    environ["CONTENT_TYPE"] = environ.pop("HTTP_CONTENT_TYPE", "")
    environ.pop("HTTP_CONTENT_LENGTH", None)
    environ["CONTENT_LENGTH"] = str(len(body))
    return environ
