"""TLS before a server that has none, and an authority of our own: Valkey's wheel was built without it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from pathlib import Path
from typing import Final

import trustme

PIECE: Final = 65536

SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""What a client of PostgreSQL says first (its frontend/backend protocol, SSLRequest)."""


class Authority:
    """Signs the certificates of servers on this machine."""

    def __init__(self, folder: Path) -> None:
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        """What a client is to trust."""
        self._ca.cert_pem.write_to_path(self.file)

    def server_side(self, name: str) -> ssl.SSLContext:
        """What a server of this name or address speaks TLS by."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._ca.issue_cert(name).configure_cert(context)
        return context


class TlsFront:
    """A port of this machine that speaks TLS, and passes what it hears to a server that does not."""

    def __init__(self, port: int, context: ssl.SSLContext, *, postgresql: bool = False) -> None:
        self._to = port
        self._context = context
        self._postgresql = postgresql
        """Its clients ask for TLS before they begin it."""
        self.served = 0
        """Connections whose client was content with the certificate."""
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Task[None]] = set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            # A task that was cancelled from outside is one that `close` ends.
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if self._postgresql:
                    await client.readexactly(len(SSL_REQUEST))
                    to_client.write(b"S")
                await to_client.start_tls(self._context, ssl_handshake_timeout=5)
                self.served += 1
                await self._pass_on(client, to_client)
        finally:
            to_client.transport.abort()
            self._open.discard(task)

    async def _pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._to)
        ways = [asyncio.ensure_future(_pump(client, to_server)), asyncio.ensure_future(_pump(server, to_client))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            to_server.transport.abort()

    async def _end(self) -> None:
        self._server.close()
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await source.read(PIECE):
            target.write(data)
            await target.drain()
