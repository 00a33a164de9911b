"""Running the stand-in: as a coroutine, or in a thread of its own for tests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from worker.sandbox.client import SandboxControl
from worker.sandbox.control import Control
from worker.sandbox.endpoints import Api
from worker.sandbox.stamping import Stamping
from worker.sandbox.view import to_bytes
from worker.sandbox.world import World

_LAST_ANSWERS: Final = 0.2
"""Seconds that requests on the wire have left when the server is told to end; silent ones would never end."""


@web.middleware
async def _in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Unknown paths and methods get Alegra's `{message}` instead of aiohttp's text."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        body = to_bytes({"code": error.status, "message": error.reason})
        return web.Response(status=error.status, body=body, content_type="application/json")


async def serve(
    world: World,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    ready: Callable[[str], None] | None = None,
    until: asyncio.Event | None = None,
) -> None:
    """Serve this world until `until` is set (or for ever); `ready` is told the address. Raises `OSError`."""
    stamping = Stamping(world)
    app = web.Application(middlewares=[_in_json])
    app.add_routes(Api(world, stamping).routes())
    app.add_routes(Control(world, stamping).routes())
    # A handler that waits in silence learns by cancellation that its client has gone.
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_LAST_ANSWERS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
        world.clock.attach(asyncio.get_running_loop())
        stamping.start()
        if ready is not None:
            bound = runner.addresses[0][1]
            ready(f"http://{f'[{host}]' if ':' in host else host}:{bound}")
        await (until or asyncio.Event()).wait()
    finally:
        world.clock.detach()
        await stamping.stop()
        await runner.cleanup()
        world.close()


class SandboxServer(SandboxControl):
    """A sandbox in a thread of its own, on a free port; the same methods as `SandboxControl`.

    `with SandboxServer() as sandbox: …`; `sandbox.base_url` is what a client of Alegra needs.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        data: Path | None = None,
        faults: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"http://{host}:{port}")
        self.world = World(data, faults=faults)
        """For looking only: it belongs to the server's thread."""
        self._host = host
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._until: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self.close()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._loop is not None and self._until is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._until.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits for us
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop, self._until = asyncio.get_running_loop(), asyncio.Event()
        await serve(self.world, self._host, self._port, ready=self._at, until=self._until)

    def _at(self, url: str) -> None:
        self.move_to(url)
        self._ready.set()
