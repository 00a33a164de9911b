"""The wire: carries one request out and sends its answer, or does to the connection what a fault asks for."""

from __future__ import annotations

import asyncio
import math
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from aiohttp import web

from worker.sandbox.answers import Reply, refused
from worker.sandbox.faults import Strike
from worker.sandbox.world import World

TOO_MANY: Final = "Too Many request(s)"

_HTML: Final = (
    b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n"
)
_ERRORS: Final = {
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}


@dataclass(frozen=True, slots=True)
class Errand:
    """A request, understood: what it is about, and how it is carried out."""

    on: str
    """Which faults concern it: stamp, create, list, single, …"""
    ids: Sequence[str]
    run: Callable[[], Awaitable[Reply]]
    later: Callable[[float], None] | None = None
    """Carry it out in so many seconds, when nobody waits for it any more."""
    struck: Callable[[str], None] = lambda _: None
    """Told the name of the fault that met it."""


class Wire:
    """Between the client and the world, with all that can go wrong there."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def carry(
        self, request: web.Request, account: str, errand: Errand, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        """Answer the request, as the faults in force let it."""
        faults = self._world.faults
        refusal = faults.refusal(account, errand.on, errand.ids)
        if refusal is not None:
            self._note(refusal, errand)
            return self.respond(self._refused(refusal, account), headers)
        strike = faults.disturbance(account, errand.on, errand.ids)
        if strike is None:
            return self.respond(await errand.run(), headers)
        self._note(strike, errand)
        return await self._disturbed(request, errand, strike, headers)

    def respond(self, reply: Reply, headers: Mapping[str, str]) -> web.Response:
        """The reply as a response."""
        self._world.stats.answers[reply.status] += 1
        shown = {**headers, "Content-Type": f"{reply.content_type}; charset=utf-8"}
        if reply.retry_after is not None:
            shown["Retry-After"] = str(math.ceil(reply.retry_after))
        return web.Response(status=reply.status, body=reply.body, headers=shown)

    def throttled(self, account: str, retry_after: float | None) -> Reply:
        """A 429 in the body the settings ask for."""
        self._world.stats.throttled[account] += 1
        if self._world.faults.choice("throttle_body") == "text":
            return Reply(429, TOO_MANY.encode(), "text/plain", retry_after)
        return replace(refused(429, 429, TOO_MANY), retry_after=retry_after)

    def _note(self, strike: Strike, errand: Errand) -> None:
        self._world.stats.faults[strike.name] += 1
        errand.struck(strike.name)

    def _refused(self, strike: Strike, account: str) -> Reply:
        match strike.name:
            case "unauthorized":
                return refused(401, None, "Unauthorized")
            case "payment_required":
                return refused(402, int(strike.word("code")), "El plan de la cuenta no permite esta operación")
            case "forbidden":
                return refused(403, None, "El usuario no tiene permiso para esta operación")
            case _:
                return self.throttled(account, strike.seconds("retry_after"))

    async def _disturbed(
        self, request: web.Request, errand: Errand, strike: Strike, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        if strike.name == "late_execution":
            return await self._executed_late(request, errand, strike)
        executed = strike.word("moment") == "after"
        reply = await errand.run() if executed else refused(503, None, "Service Unavailable")
        match strike.name:
            case "timeout":
                await self._silence(strike.seconds("seconds"))
                return self.respond(reply if executed else refused(504, None, "Gateway Timeout"), headers)
            case "reset" if strike.word("place") == "headers":
                return self._reset(request)
            case "reset":
                return await self._broken_off(request, reply, headers)
            case "server_error":
                status = strike.word("status")
                return self.respond(refused(int(status), None, _ERRORS[status]), headers)
            case "html_page":
                return self.respond(Reply(int(strike.word("status")), _HTML, "text/html"), headers)
            case "truncated":
                return self.respond(replace(reply, status=200, body=reply.body[: len(reply.body) // 2]), headers)
            case _:
                return self.respond(Reply(200, b""), headers)

    async def _executed_late(self, request: web.Request, errand: Errand, strike: Strike) -> web.StreamResponse:
        """The client's leaving starts the countdown: its handler is cancelled when the connection is gone."""
        try:
            if strike.word("cut") == "silence":
                await self._silence(None)
        finally:
            if errand.later is not None:
                errand.later(strike.seconds("seconds") or 0)
        return self._reset(request)

    async def _silence(self, seconds: float | None) -> None:
        if seconds is None:
            await asyncio.Event().wait()
        else:
            await self._world.clock.sleep(seconds)

    @staticmethod
    def _reset(request: web.Request) -> web.StreamResponse:
        transport = request.transport
        if transport is not None:
            raw = transport.get_extra_info("socket")
            if raw is not None:
                # Lingering for zero seconds makes the kernel send RST instead of FIN.
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        return web.Response(status=500)

    async def _broken_off(self, request: web.Request, reply: Reply, headers: Mapping[str, str]) -> web.StreamResponse:
        """Promise the whole body, send half of it, hang up."""
        response = web.StreamResponse(status=reply.status, headers={**headers, "Content-Type": reply.content_type})
        response.content_length = len(reply.body)
        await response.prepare(request)
        await response.write(reply.body[: len(reply.body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response
