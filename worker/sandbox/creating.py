"""POST of a new document: checked one field at a time, never idempotent, emitted at once when `stamp` says so."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from worker.sandbox.accounts import Account
from worker.sandbox.answers import Reply, refused, reply
from worker.sandbox.composing import as_kind
from worker.sandbox.creations import reference_in
from worker.sandbox.documents import Document
from worker.sandbox.kinds import INVOICE, KINDS, Kind
from worker.sandbox.numbering import NumberTemplate
from worker.sandbox.seed import compose_invoice, line_of
from worker.sandbox.stamping import STAMP_FAILED, Stamping
from worker.sandbox.world import World

DUPLICATE: Final = 3012


class Invalid(Exception):
    """The body breaks a rule; only the first broken one is told.

    The contract lists 3003, 3007 and 13005; codes it does not list (3006, 3009 to 3012) are the sandbox's own.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Creating:
    """Creates documents of any kind in any account."""

    def __init__(self, world: World, stamping: Stamping) -> None:
        self._world = world
        self._stamping = stamping

    def create(self, account: Account, kind: Kind, body: Mapping[str, Any]) -> Reply:
        """Create the document, open it or emit it as asked; 201 with the document, or 400."""
        try:
            facts, template = self._facts(account, kind, body)
            status = _status(body) if kind.has_drafts else "open"
        except Invalid as error:
            return refused(400, error.code, error.message)
        world = self._world
        if world.faults.choice("create_duplicate") == "refused" and world.creations.known(account.name, kind, facts):
            return refused(400, DUPLICATE, f"{kind.title} ya existe")
        stamp = body.get("stamp")
        emits = kind.stamped_on_create or (isinstance(stamp, Mapping) and stamp.get("generateStamp") is True)
        named = filter(None, [reference_in(body)])
        failure = world.faults.of_call("create_stamp_error" if emits else "create_error", account.name, tuple(named))
        message = f"No fue posible emitir: {kind.title}"
        if failure is not None and failure.word("leaves") == "nothing":
            return refused(400, STAMP_FAILED, message)
        document = world.take_in(account, facts, template.id, kind=kind)
        world.created(account, document)
        if failure is not None:
            return self._failed(document, message, shown=failure.word("leaves") == "shown")
        if emits:
            row = self._stamping.stamp(account, document.id, "create", kind=kind)
            if not row.success:
                return self._failed(document, row.message, shown=True)
        elif status == "open" and kind.has_drafts:
            document.take_number(by_stamp=False)
            document.status = "open"
            world.moved(account, document)
        return reply(201, world.viewer.as_json(document, world.clock.now()))

    def preview(self, account: Account, body: Mapping[str, Any]) -> Reply:
        """The address of a PDF of what would be created; that nothing is, is all that is known of Alegra's own."""
        try:
            facts, _ = self._facts(account, INVOICE, body)
        except Invalid as error:
            return refused(400, error.code, error.message)
        name = hashlib.sha256(repr(sorted(facts.items())).encode()).hexdigest()[:16]
        return reply(200, {"pdfUrl": f"https://cdn.example/previews/{account.name}/{name}.pdf"})

    def _failed(self, document: Document, message: str, *, shown: bool) -> Reply:
        if not shown:
            return refused(400, STAMP_FAILED, message)
        shown_as = self._world.viewer.as_json(document, self._world.clock.now())
        return reply(400, {"code": STAMP_FAILED, "error": message, document.kind.body_key: shown_as})

    def _facts(self, account: Account, kind: Kind, body: Mapping[str, Any]) -> tuple[dict[str, Any], NumberTemplate]:
        issued = _date(body.get("date"), 3006, "date es obligatorio")
        due = issued
        if kind.name in _DUE:
            due = _date(body.get("dueDate"), 3007, "dueDate es obligatorio")
        party = account.contacts.get(_id_of(body.get(kind.party)))
        if party is None and kind.name == "global_invoice":
            # To nobody in particular.
            party = next(iter(account.contacts.values()))
        if party is None:
            raise Invalid(3003, "El cliente no es válido")
        template = account.numbering(electronic=True, kind=kind)
        if "numberTemplate" in body:
            chosen = account.templates.get(_id_of(body["numberTemplate"]))
            if chosen is None or chosen.status != "active" or chosen.document_type != kind.document_type:
                raise Invalid(3061, "La numeración debe estar activa")
            template = chosen
        about = self._about(account, kind, body)
        more = {
            "observations": body.get("observations") or "",
            "paymentForm": body.get("paymentForm"),
            "paymentMethod": body.get("paymentMethod"),
            "currency": body.get("currency") or {"code": account.nation.currency, "exchangeRate": "1"},
        }
        if kind.name == "payment":
            facts = {"date": issued, "client": party, "total": _amount(body.get("amount")), **more}
        else:
            lines = [_line(account, line) for line in _lines(body)]
            facts = compose_invoice(account.nation, client=party, lines=lines, issued=issued, due=due, more=more)
        facts = as_kind(kind, facts, about, account.nation)
        facts |= {name: body[name] for name in ("type", "cause") if kind.refers == "invoices" and name in body}
        return {**facts, "anotation": body.get("anotation")}, template

    def _about(self, account: Account, kind: Kind, body: Mapping[str, Any]) -> Document | None:
        """The first document it refers to."""
        named = body.get(kind.refers) if kind.refers else None
        if not isinstance(named, list) or not named:
            return None
        of_kind = KINDS["support_document"] if kind.refers == "bills" else INVOICE
        about = account.shelf(of_kind).documents.get(_id_of(named[0]))
        if about is None:
            raise Invalid(13005, "El documento relacionado no existe")
        return about


_DUE: Final = ("invoice", "global_invoice", "support_document")


def _lines(body: Mapping[str, Any]) -> list[object]:
    """Its items; a purchase has them in `purchases`."""
    purchases = body.get("purchases")
    lines = purchases.get("items") if isinstance(purchases, Mapping) else body.get("items")
    if not isinstance(lines, list) or not lines:
        raise Invalid(3009, "items es obligatorio")
    return lines


def _amount(raw: object) -> float:
    try:
        amount = Decimal(str(raw))
    except InvalidOperation:
        raise Invalid(3011, "amount debe ser un número") from None
    if not amount.is_finite() or not 0 < amount < 10**15:
        raise Invalid(3011, "amount debe ser positivo")
    return float(amount)


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
