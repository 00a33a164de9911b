"""The calls that stamp: POST /invoices/stamp for ten, POST /{resource}/{id}/stamp for one, PUT with `generateStamp`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from worker.sandbox.accounts import Account
from worker.sandbox.answers import Reply, refused, reply, stamp_answer
from worker.sandbox.bodies import Unreadable, ids_of, object_of
from worker.sandbox.documents import Document
from worker.sandbox.kinds import INVOICE, Kind
from worker.sandbox.stamping import STAMP_FAILED, BatchRefused, Row, Stamping
from worker.sandbox.stats import StampCall
from worker.sandbox.wire import Errand
from worker.sandbox.world import World

_EDITABLE = ("observations", "anotation", "dueDate", "termsConditions")
"""What an edit without a stamp changes here; Alegra lets more be changed."""


class StampCalls:
    """Understands them for any account."""

    def __init__(self, world: World, stamping: Stamping) -> None:
        self._world = world
        self._stamping = stamping

    async def together(self, request: web.Request, account: Account) -> Errand:
        """POST /invoices/stamp."""
        body = await object_of(request)
        ids = ids_of(body.get("ids"))
        if not ids:
            raise Unreadable(refused(400, 902, "ids es obligatorio"))
        call = self._noted(account, INVOICE, ids)
        most = self._world.faults.whole("stamp_max_ids")
        if len(ids) > most:
            raise Unreadable(refused(400, 902, f"Solo se pueden emitir {most} facturas por solicitud"))

        async def run() -> Reply:
            rows = await self._carried_through(account, ids, call)
            return rows if isinstance(rows, Reply) else stamp_answer(rows, account.name, ids, self._world.faults)

        return self._errand(account, ids, call, run)

    async def alone(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        """POST /{resource}/{id}/stamp."""
        return self._single(account, kind, request.match_info["id"])

    async def edit(self, request: web.Request, account: Account, kind: Kind) -> Errand:
        """PUT /{resource}/{id}: changes some fields, and stamps when it is told to."""
        body = await object_of(request)
        document_id = request.match_info["id"]
        stamp = body.get("stamp")
        if isinstance(stamp, Mapping) and stamp.get("generateStamp") is True:
            match self._world.faults.choice("stamp_by_edit"):
                case "stamps":
                    return self._single(account, kind, document_id)
                case "refused":
                    raise Unreadable(refused(405, None, "Method Not Allowed"))
                case "incomplete":
                    raise Unreadable(refused(400, 3007, "dueDate es obligatorio"))

        async def run() -> Reply:
            document = account.shelf(kind).documents.get(document_id)
            if document is None:
                return refused(404, 404, f"{kind.title} no existe")
            return self._edited(account, document, body)

        return Errand("edit", (document_id,), run)

    def _edited(self, account: Account, document: Document, body: Mapping[str, Any]) -> Reply:
        if document.emission is not None:
            return refused(400, STAMP_FAILED, f"{document.kind.title} ya fue emitida y no se puede editar")
        changes = {key: body[key] for key in _EDITABLE if key in body}
        if changes:
            self._world.plant(account, document, None, changes)
        return self._shown(document)

    def _single(self, account: Account, kind: Kind, document_id: str) -> Errand:
        ids = [document_id]
        call = self._noted(account, kind, ids)

        async def run() -> Reply:
            rows = await self._carried_through(account, ids, call)
            return rows if isinstance(rows, Reply) else self._answered(account, kind, rows[0])

        return self._errand(account, ids, call, run)

    def _answered(self, account: Account, kind: Kind, row: Row) -> Reply:
        """What a call for one document answers."""
        document = account.shelf(kind).documents.get(row.id)
        if document is None:
            return refused(404, 404, row.message)
        if row.success:
            if self._world.faults.choice("stamp_alone_answer") == "message":
                return reply(200, {"message": row.message})
            return self._shown(document)
        if kind.name in ("support_document", "debit_note"):
            shown = self._world.viewer.as_json(document, self._world.clock.now())
            return reply(400, {"code": row.code, "error": row.message, kind.body_key: shown})
        return refused(400, row.code, row.message)

    def _shown(self, document: Document) -> Reply:
        return Reply(200, self._world.viewer.bytes_of(document, self._world.clock.now()))

    def _noted(self, account: Account, kind: Kind, ids: list[str]) -> StampCall:
        world = self._world
        return world.stats.stamp_call(world.new_call_id(), account.name, ids, world.local_time(account), kind.name)

    async def _carried_through(self, account: Account, ids: list[str], call: StampCall) -> list[Row] | Reply:
        stats = self._world.stats
        stats.began()
        try:
            return await self._stamping.carry_through(account, ids, call)
        except BatchRefused as error:
            return refused(400, error.code, error.message)
        finally:
            stats.ended()

    def _errand(self, account: Account, ids: list[str], call: StampCall, run: Any) -> Errand:
        def struck(fault: str) -> None:
            call.fault = fault

        return Errand("stamp", ids, run, lambda seconds: self._stamping.later(account, ids, call, seconds), struck)
