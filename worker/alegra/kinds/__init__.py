"""How each kind of document is written, stamped, read and listed at Alegra: a small module for each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from worker.alegra.kinds.credit_note import CREDIT_NOTE
from worker.alegra.kinds.debit_note import DEBIT_NOTE
from worker.alegra.kinds.global_invoice import GLOBAL_INVOICE
from worker.alegra.kinds.income_debit_note import INCOME_DEBIT_NOTE
from worker.alegra.kinds.invoice import INVOICE
from worker.alegra.kinds.payment import PAYMENT
from worker.alegra.kinds.shape import Shape, Stamped
from worker.alegra.kinds.support_document import SUPPORT_DOCUMENT
from worker.alegra.kinds.transportation_receipt import TRANSPORTATION_RECEIPT

SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        shape.kind: shape
        for shape in (
            INVOICE,
            CREDIT_NOTE,
            INCOME_DEBIT_NOTE,
            DEBIT_NOTE,
            SUPPORT_DOCUMENT,
            GLOBAL_INVOICE,
            PAYMENT,
            TRANSPORTATION_RECEIPT,
        )
    }
)
"""By the kind's name in `worker.emission.kinds`."""

__all__ = ["SHAPES", "Shape", "Stamped"]
