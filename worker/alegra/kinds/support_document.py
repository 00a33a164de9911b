"""The support document: a bill with a supportDocument numbering, which the buyer emits for who need not invoice."""

from collections.abc import Mapping
from typing import Any

from worker.alegra.kinds.shape import Shape


def _is_a_bill(document: Mapping[str, Any]) -> str | None:
    """Both live under one path; a bill is the provider's document, and nobody emits it here."""
    template = document.get("numberTemplate")
    if isinstance(template, list):
        template = template[0] if template else None
    named = template.get("documentType") if isinstance(template, Mapping) else None
    told = named or document.get("type")
    if isinstance(told, str) and told.lower() in {"bill", "invoice"}:
        return "it is a provider's bill: only one with a supportDocument numbering is emitted"
    return None


SUPPORT_DOCUMENT = Shape(
    "support_document",
    "bills",
    "bill",
    parties=("provider", "client"),
    refused=_is_a_bill,
    more={"type": "supportDocument"},
)
