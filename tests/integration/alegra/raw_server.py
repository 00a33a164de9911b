"""A server of bare sockets: for answers that no HTTP library would give."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence

Conversation = Callable[[socket.socket], None]
"""What one connection is answered with; the request has been read by then."""


class RawServer:
    """Answers each request by the next conversation, the last one again and again; keeps what it was asked."""

    def __init__(self, *conversations: Conversation) -> None:
        self.requests: list[bytes] = []
        self._conversations: Sequence[Conversation] = conversations
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(10)
            while request := read_request(connection):
                turn = min(len(self.requests), len(self._conversations) - 1)
                self.requests.append(request)
                self._conversations[turn](connection)


@contextlib.contextmanager
def raw_server(*conversations: Conversation) -> Iterator[RawServer]:
    server = RawServer(*conversations)
    try:
        yield server
    finally:
        server.close()


def read_request(connection: socket.socket) -> bytes:
    """One request, head and body; empty when the client is gone."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = connection.recv(65536)
        if not chunk:
            return b""
        received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def http(status: int, body: bytes = b"", *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def says(status: int, body: bytes = b"", *headers: str) -> Conversation:
    """A whole answer."""
    return lambda connection: connection.sendall(http(status, body, *headers))


def sends(raw: bytes) -> Conversation:
    """These bytes, then the end of the connection."""

    def conversation(connection: socket.socket) -> None:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_RDWR)

    return conversation


def resets(raw: bytes = b"") -> Conversation:
    """These bytes, then RST."""

    def conversation(connection: socket.socket) -> None:
        if raw:
            connection.sendall(raw)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return conversation


def silent(connection: socket.socket) -> None:
    """Not a word, until the client has had enough."""
    connection.recv(1)


def drips(first: bytes, drop: bytes, until: threading.Event, every: float) -> Conversation:
    """A beginning, then one drop at a time for as long as the client listens."""

    def conversation(connection: socket.socket) -> None:
        connection.sendall(first)
        while not until.wait(every):
            connection.sendall(drop)

    return conversation


BROKEN: Mapping[str, Conversation] = {
    "reset before the answer": resets(),
    "closed before the answer": sends(b""),
    "headers cut off": sends(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "reset within the body": resets(http(200, b'{"da', length=99)),
    "body cut off": sends(http(200, b'{"da', length=99)),
    "error's body cut off": sends(http(500, b'{"da', length=99)),
    "another protocol": sends(b"SSH-2.0-OpenSSH\r\n"),
    "chunks without a length": sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
    "not the encoding it says": says(200, b"not gzip", "Content-Encoding: gzip"),
}
"""Answers from which nobody can tell what was done."""
