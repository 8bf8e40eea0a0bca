"""A small HTTP server on this machine alone: for pages that one person opens once, and for the sandbox.

It writes no log: the addresses that it is asked for may hold keys. What an application has to say, it says itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


def server(app: WSGIApplication, port: int) -> BaseWSGIServer:
    """One that answers with this application once it is told to; port 0 takes a free one."""
    return make_server(HOST, port, app, threaded=True, request_handler=_Quiet)
