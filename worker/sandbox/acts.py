"""The calls that act on a document besides stamping it: POST /{resource}/{id}/email, /void and /open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from aiohttp import web

from worker.sandbox.accounts import Account
from worker.sandbox.answers import Reply, refused, reply
from worker.sandbox.bodies import object_of
from worker.sandbox.documents import Document
from worker.sandbox.kinds import Kind
from worker.sandbox.stamping import STAMP_FAILED
from worker.sandbox.wire import Errand
from worker.sandbox.world import World

MAILED: Final = frozenset({"invoice", "credit_note", "transportation_receipt"})
VOIDED: Final = frozenset({"invoice", "payment", "transportation_receipt"})
"""The kinds with such paths; both void and open."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One e-mail that left: the judge counts them."""

    account: str
    kind: str
    document_id: str
    to: tuple[str, ...]
    at: str

    def as_json(self) -> dict[str, Any]:
        """The same as JSON."""
        return asdict(self)


class ActCalls:
    """Understands them for any account."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def email(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        """POST /{resource}/{id}/email with `emails`."""
        body = await object_of(request)
        return self._errand("email", request, account, kind, lambda document: self._mailed(account, document, body))

    async def void(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        """POST /{resource}/{id}/void."""
        return self._errand("void", request, account, kind, lambda document: self._voided(account, document))

    async def open(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        """POST /{resource}/{id}/open: takes a void back."""
        return self._errand("open", request, account, kind, lambda document: self._opened(account, document))

    def _errand(
        self, on: str, request: web.Request, account: Account, kind: Kind, act: Callable[[Document], Reply]
    ) -> Errand:
        document_id = request.match_info["id"]
        clock = self._world.clock

        def once() -> Reply:
            document = account.shelf(kind).documents.get(document_id)
            return refused(404, 404, f"{kind.title} no existe") if document is None else act(document)

        async def run() -> Reply:
            return once()

        def later(seconds: float) -> None:
            def act_at_last() -> None:
                once()

            clock.call_at(clock.now() + seconds, act_at_last)

        return Errand(on, (document_id,), run, later)

    def _mailed(self, account: Account, document: Document, body: Mapping[str, Any]) -> Reply:
        to = body.get("emails")
        if not isinstance(to, list) or not to or not all(isinstance(each, str) and "@" in each for each in to):
            return refused(400, 3001, "emails es obligatorio")
        self._world.mail(
            Mail(account.name, document.kind.name, document.id, tuple(to), self._world.local_time(account)).as_json()
        )
        if self._world.faults.choice("email_answer") == "document":
            return self._shown(document)
        return reply(200, {"success": True, "message": "El correo fue enviado"})

    def _voided(self, account: Account, document: Document) -> Reply:
        if document.emission is not None and self._world.faults.choice("void_stamped") == "refused":
            return refused(400, STAMP_FAILED, f"{document.kind.title} fue emitida y no se puede anular")
        document.status = "void"
        self._world.moved(account, document)
        return self._shown(document)

    def _opened(self, account: Account, document: Document) -> Reply:
        document.take_number(by_stamp=False)
        document.status = "open"
        self._world.moved(account, document)
        return self._shown(document)

    def _shown(self, document: Document) -> Reply:
        return Reply(200, self._world.viewer.bytes_of(document, self._world.clock.now()))
