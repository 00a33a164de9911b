"""The payment receipt (REP): says that an invoice sold on credit was paid. A payment is never a draft."""

from collections.abc import Mapping
from typing import Any

from worker.alegra.kinds.shape import Shape, Stamped


def _goes_out(document: Mapping[str, Any]) -> str | None:
    return "it is a payment made, not received" if document.get("type") == "out" else None


PAYMENT = Shape(
    "payment",
    "payments",
    "payment",
    stamped=Stamped.ALONE,
    totals=("amount", "total"),
    follows=("invoices",),
    refused=_goes_out,
    has_drafts=False,
    more={"type": "in"},
)
