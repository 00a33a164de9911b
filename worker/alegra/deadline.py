"""A network for httpx on which a whole exchange has one deadline, however slowly the other side drips.

httpx's own read timeout starts anew with each received byte, of the headers and of the body. Here every operation on
the socket gets the time that is left of the exchange, so that a call ends when its patience does.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import httpcore
import httpx

_ENDS_AT: Final[ContextVar[float | None]] = ContextVar("_ENDS_AT", default=None)
"""Monotonic seconds. Of this thread: a synchronous exchange happens in the thread that asked for it."""


@contextmanager
def exchange_within(seconds: float) -> Iterator[None]:
    """Everything the transport does inside ends in time; what would not fails with httpx's timeout of that kind."""
    before = _ENDS_AT.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _ENDS_AT.reset(before)


class DeadlineTransport(httpx.HTTPTransport):
    """httpx's transport on the network below: HTTP/1.1, no retries, no proxy."""

    def __init__(self, *, connections: int, keepalive_seconds: float) -> None:
        trusted = httpx.create_ssl_context()
        super().__init__(verify=trusted)
        # The pool is httpcore's public class; only the place httpx keeps it in is not. A dripping server in the
        # tests fails them should httpx move it.
        self._pool = httpcore.ConnectionPool(
            ssl_context=trusted,
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=keepalive_seconds,
            http2=False,
            retries=0,
            network_backend=_Network(),
        )


class _Network(httpcore.NetworkBackend):
    def __init__(self) -> None:
        self._plain = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._plain.connect_tcp(host, port, left, local_address, socket_options))


class _Stream(httpcore.NetworkStream):
    def __init__(self, plain: httpcore.NetworkStream) -> None:
        self._plain = plain

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._plain.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._plain.write(buffer, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._plain.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._plain.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._plain.get_extra_info(info)


def _left(timeout: float | None, expired: type[httpcore.TimeoutException]) -> float | None:
    """The shorter of the operation's own timeout and what is left of the exchange."""
    ends_at = _ENDS_AT.get()
    if ends_at is None:
        return timeout
    left = ends_at - time.monotonic()
    if left <= 0:
        raise expired("the time for the whole exchange is over")
    return left if timeout is None else min(timeout, left)
