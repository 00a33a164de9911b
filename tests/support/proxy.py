"""A wire between a client and a server that a test may cut, lead elsewhere, or break at one exact message."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Mapping
from typing import Final

PIECE: Final = 65536


class Link:
    """One client's connection, and the one to the server that stands behind it."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client = client
        self.server = server
        self.said = b""
        """For whoever listens: what the client said so far, or since whatever matters to the listener."""
        self.doomed = False
        """For whoever listens: this connection is to be lost."""

    def cut(self) -> None:
        """Lose the connection, as both ends see it."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                # A reset, and not a polite end that could be mistaken for one.
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """A port of this machine that leads to a server's, which may change while clients stay."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._links: set[Link] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def lead_to(self, port: int) -> None:
        """From now on clients reach this server; who is connected loses the connection."""
        self._to = port
        self.cut()

    def cut(self) -> None:
        """Every connection is lost; new ones are served."""
        for link in list(self._links):
            link.cut()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def from_client(self, link: Link, data: bytes) -> bytes | None:
        """What the server gets to see of this; None loses the connection."""
        return data

    def from_server(self, link: Link, data: bytes) -> bytes | None:
        """What the client gets to see of this; None loses the connection."""
        return data

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(client, server)
            self._links.add(link)
            for pump in (self._up, self._down):
                threading.Thread(target=pump, args=(link,), daemon=True).start()

    def _up(self, link: Link) -> None:
        with contextlib.suppress(OSError):
            while (data := link.client.recv(PIECE)) and (seen := self.from_client(link, data)) is not None:
                link.server.sendall(seen)
        self._lose(link)

    def _down(self, link: Link) -> None:
        with contextlib.suppress(OSError):
            while (data := link.server.recv(PIECE)) and (seen := self.from_server(link, data)) is not None:
                link.client.sendall(seen)
        self._lose(link)

    def _lose(self, link: Link) -> None:
        self._links.discard(link)
        link.cut()


_BEGIN: Final = b"BEGIN\0"
_COMMIT: Final = b"COMMIT\0"
"""As a client asks for it, and as PostgreSQL says that it is done."""


class CommitCutter(Proxy):
    """Loses the connection at the COMMIT of chosen transactions, each once: before it arrived, or after it was done.

    A client sees the same in both cases. `wanted` names each transaction by words that only its statements have.
    """

    def __init__(self, port: int, wanted: Mapping[str, bytes], *, committed: bool) -> None:
        self._waiting = dict(wanted)
        self._committed = committed
        self._choosing = threading.Lock()
        self.struck: list[str] = []
        super().__init__(port)

    def from_client(self, link: Link, data: bytes) -> bytes | None:
        if _BEGIN in data:
            link.said = b""
        link.said += data
        if not data.endswith(_COMMIT):
            return data
        with self._choosing:
            chosen = next((name for name, words in self._waiting.items() if words in link.said), None)
            if chosen is None:
                return data
            del self._waiting[chosen]
            self.struck.append(chosen)
        link.doomed = True
        return data if self._committed else None

    def from_server(self, link: Link, data: bytes) -> bytes | None:
        return None if link.doomed and _COMMIT in data else data
