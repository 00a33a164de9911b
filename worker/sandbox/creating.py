"""POST /invoices: checked one field at a time, never idempotent, and emitted at once when `stamp` says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from worker.sandbox.accounts import Account
from worker.sandbox.answers import Reply, refused, reply
from worker.sandbox.documents import Document
from worker.sandbox.numbering import NumberTemplate
from worker.sandbox.seed import compose_invoice, line_of
from worker.sandbox.stamping import STAMP_FAILED, Stamping
from worker.sandbox.world import World


class Invalid(Exception):
    """The body breaks a rule; only the first broken one is told.

    The contract lists 3003 and 3007; codes it does not list (3006, 3009, 3010) are the sandbox's own.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Creating:
    """Creates invoices in any account."""

    def __init__(self, world: World, stamping: Stamping) -> None:
        self._world = world
        self._stamping = stamping

    def create(self, account: Account, body: Mapping[str, Any]) -> Reply:
        """Create the invoice, open it or emit it as asked; 201 with the invoice, or 400."""
        try:
            facts, template = self._facts(account, body)
            status = _status(body)
        except Invalid as error:
            return refused(400, error.code, error.message)
        stamp = body.get("stamp")
        emits = isinstance(stamp, Mapping) and stamp.get("generateStamp") is True
        failure = self._world.faults.of_call("create_stamp_error", account.name, ()) if emits else None
        if failure is not None and failure.word("leaves") == "nothing":
            return refused(400, STAMP_FAILED, "No fue posible emitir la factura")
        document = self._world.take_in(account, facts, template.id)
        if failure is not None:
            return self._failed(document, "No fue posible emitir la factura", shown=failure.word("leaves") == "shown")
        if emits:
            row = self._stamping.stamp(account, document.id, "create")
            if not row.success:
                return self._failed(document, row.message, shown=True)
        elif status == "open":
            document.take_number(by_stamp=False)
            document.status = "open"
            self._world.moved(account, document)
        return reply(201, self._world.viewer.as_json(document, self._world.clock.now()))

    def preview(self, account: Account, body: Mapping[str, Any]) -> Reply:
        """The address of a PDF of what would be created; that nothing is, is all that is known of Alegra's own."""
        try:
            facts, _ = self._facts(account, body)
        except Invalid as error:
            return refused(400, error.code, error.message)
        name = hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:16]
        return reply(200, {"pdfUrl": f"https://cdn.example/previews/{account.name}/{name}.pdf"})

    def _failed(self, document: Document, message: str, *, shown: bool) -> Reply:
        if not shown:
            return refused(400, STAMP_FAILED, message)
        invoice = self._world.viewer.as_json(document, self._world.clock.now())
        return reply(400, {"code": STAMP_FAILED, "error": message, "invoice": invoice})

    def _facts(self, account: Account, body: Mapping[str, Any]) -> tuple[dict[str, Any], NumberTemplate]:
        issued = _date(body.get("date"), 3006, "date es obligatorio")
        due = _date(body.get("dueDate"), 3007, "dueDate es obligatorio")
        client = account.contacts.get(_id_of(body.get("client")))
        if client is None:
            raise Invalid(3003, "El cliente no es válido")
        template = account.numbering(electronic=True)
        if "numberTemplate" in body:
            chosen = account.templates.get(_id_of(body["numberTemplate"]))
            if chosen is None or chosen.status != "active" or chosen.document_type != "invoice":
                raise Invalid(3061, "La numeración debe estar activa")
            template = chosen
        lines = body.get("items")
        if not isinstance(lines, list) or not lines:
            raise Invalid(3009, "items es obligatorio")
        facts = compose_invoice(
            account.nation,
            client=client,
            lines=[_line(account, line) for line in lines],
            issued=issued,
            due=due,
            more={
                "observations": body.get("observations") or "",
                "paymentForm": body.get("paymentForm"),
                "paymentMethod": body.get("paymentMethod"),
                "currency": body.get("currency") or {"code": account.nation.currency, "exchangeRate": "1"},
            },
        )
        return {**facts, "anotation": body.get("anotation")}, template


def _status(body: Mapping[str, Any]) -> str:
    status = body.get("status", "open" if body.get("payments") else "draft")
    if status not in ("draft", "open"):
        raise Invalid(3010, "status no es válido")
    return str(status)


def _line(account: Account, raw: object) -> dict[str, Any]:
    good = account.goods.get(_id_of(raw))
    if good is None or not isinstance(raw, Mapping):
        raise Invalid(3064, "El producto no es válido")
    try:
        price, quantity = Decimal(str(raw.get("price", good.price))), Decimal(str(raw.get("quantity", 1)))
    except InvalidOperation:
        raise Invalid(3064, "price y quantity deben ser números") from None
    if not price.is_finite() or not quantity.is_finite() or price < 0 or quantity <= 0 or price * quantity >= 10**15:
        raise Invalid(3064, "price y quantity deben ser positivos")
    # In Colombia an item without `tax` is billed at 0 %, even when the item has one.
    percent = account.nation.tax_percent if raw.get("tax") else 0
    return line_of(account.nation, good.id, good.name, price, quantity, percent, good.product_key)


def _id_of(raw: object) -> str:
    inner = raw.get("id") if isinstance(raw, Mapping) else raw
    return str(inner)


def _date(raw: object, code: int, message: str) -> str:
    try:
        return date.fromisoformat(str(raw)).isoformat()
    except ValueError:
        raise Invalid(code, message) from None
