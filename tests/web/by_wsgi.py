"""The web behind WSGI, for tests in the same process: what granian gives the front, made of a WSGI environ."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from integration.web.front import Front

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def by_wsgi(front: Front) -> WsgiApp:
    """The same application for werkzeug's client and server; each request has an event loop of its own."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        wire = Wire(environ)
        asyncio.run(front.__rsgi__(scope(environ), wire))  # type: ignore[arg-type]
        status, headers, body = wire.answered
        start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, ("Content-Length", str(len(body)))])
        return [body]

    return app


def scope(environ: dict[str, Any]) -> SimpleNamespace:
    headers = {name[5:].replace("_", "-").lower(): value for name, value in environ.items() if name[:5] == "HTTP_"}
    for name in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        if environ.get(name):
            headers[name.replace("_", "-").lower()] = environ[name]
    return SimpleNamespace(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"),
        query_string=environ.get("QUERY_STRING", ""),
        headers=headers,
        scheme="http",
        http_version="1.1",
        server="127.0.0.1:80",
        client="127.0.0.1:1",
    )


class Wire:
    def __init__(self, environ: dict[str, Any]) -> None:
        self.told = int(environ.get("CONTENT_LENGTH") or 0)
        self.body = environ["wsgi.input"].read(self.told)
        self.answered: tuple[int, list[tuple[str, str]], bytes]

    async def __call__(self) -> bytes:
        if len(self.body) < self.told:
            raise ProtocolClosed
        return self.body  # type: ignore[no-any-return]

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.body), 65536):
            yield self.body[start : start + 65536]

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answered = (status, [(name.title(), value) for name, value in headers if name != "content-length"], body)
