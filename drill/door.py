"""The door before the webs of two releases: each connection goes to one of those that are open, in turns."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from itertools import count

_PIECE = 65_536


class Door:
    """Listens on a port of its own. `open_to` names the ports behind it; one that refuses is passed over."""

    def __init__(self) -> None:
        self.served: dict[int, int] = {}  # connections by port
        self._ports: tuple[int, ...] = ()
        self._turn = count()
        door = self

        class Visit(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                door._lead(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Visit)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Door:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="door", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def open_to(self, *ports: int) -> None:
        """From now on visitors are led to these."""
        self._ports = ports

    def _lead(self, visitor: socket.socket) -> None:
        ports, turn = self._ports, next(self._turn)
        for number in range(len(ports)):
            port = ports[(turn + number) % len(ports)]
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=30) as inside:
                self.served[port] = self.served.get(port, 0) + 1
                back = threading.Thread(target=_pump, args=(inside, visitor), daemon=True)
                back.start()
                _pump(visitor, inside)
                back.join(30)
                return


def _pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass on all that comes, and then that no more does."""
    with contextlib.suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
