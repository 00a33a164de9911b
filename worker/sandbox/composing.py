"""What a document of another kind than the invoice looks like, made from what an invoice would."""

from __future__ import annotations

from typing import Any

from worker.sandbox.documents import Document
from worker.sandbox.kinds import Kind
from worker.sandbox.nations import Nation


def as_kind(kind: Kind, invoice: dict[str, Any], about: Document | None, nation: Nation) -> dict[str, Any]:
    """The facts of one of this kind; `about` is the document it refers to, whose party it shares."""
    facts = dict(invoice)
    if about is not None:
        facts["client"] = about.party
    match kind.name:
        case "credit_note" | "income_debit_note":
            facts |= _referring(kind, about, facts) | {
                "type": "VOID_ELECTRONIC_INVOICE" if kind.name == "credit_note" else "VALUE_CHANGE",
                "cause": "Anulación de la factura" if kind.name == "credit_note" else "Cambio del valor",
            }
        case "debit_note" | "support_document":
            facts["provider"] = facts.pop("client") | {"type": ["provider"]}
            facts |= _referring(kind, about, facts) if kind.refers else {"type": "supportDocument"}
            facts["purchases"] = {"items": facts.pop("items")}
        case "global_invoice":
            facts["client"] = facts["client"] | {"name": "Público en general", "identification": "XAXX010101000"}
            facts["periodicity"] = "monthly"
        case "payment":
            facts = {
                "date": facts["date"],
                "amount": facts["total"],
                "type": "in",
                "client": facts["client"],
                "observations": facts["observations"],
                "paymentMethod": "transfer",
                "bankAccount": {"id": "1", "name": "Banco Ñ"},
                "currency": facts["currency"],
                **_referring(kind, about, facts),
            }
        case "transportation_receipt":
            facts = {key: facts[key] for key in ("date", "client", "items", "observations", "currency")}
            facts |= {"origin": {"city": nation.city}, "destination": {"city": nation.city}, "weight": "12.50"}
    return facts


def _referring(kind: Kind, about: Document | None, facts: dict[str, Any]) -> dict[str, Any]:
    if kind.refers is None:
        return {}
    if about is None:
        return {kind.refers: []}
    return {kind.refers: [{"id": about.id, "number": about.full_number, "amount": facts.get("total")}]}
