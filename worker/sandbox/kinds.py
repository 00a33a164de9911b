"""The kinds of document the stand-in has, and what differs between them: paths, keys, numberings, how each is stamped.

Facts and their confidence: the contract's section 5. What it calls unknown is a fault (`stamp_by_edit`, `id_lists` …).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from worker.sandbox.nations import Nation, Series

ALL: Final = frozenset({"CO", "MX", "CR", "PE", "AR", "DO", "PA"})


class Way(Enum):
    """The call that stamps what exists."""

    BULK = auto()
    SINGLE = auto()
    EDIT = auto()


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document."""

    name: str
    resource: str
    body_key: str
    """Under which an error shows the document."""
    document_type: str
    """Of its numberings."""
    title: str
    """How Alegra's messages call it."""
    countries: frozenset[str] = ALL
    way: Way = Way.EDIT
    party: str = "client"
    total: str = "total"
    refers: str | None = None
    """The key with the documents it refers to."""
    has_drafts: bool = True
    stamped_on_create: bool = False
    """A creation stamps without being asked to."""
    tax_type: str = "01"
    """The document type inside a clave (CR) and a CUFE of Panama."""
    series: Mapping[str, Series] | None = None
    """Its electronic numbering where the authority says how it looks, by ISO code; else a plain one."""
    prefix: str = ""
    """Of the plain numbering."""

    def numbering(self, nation: Nation) -> Series:
        """How its electronic numbering looks in this country."""
        found = (self.series or {}).get(nation.iso)
        if found is not None:
            return found
        if nation.iso == "CR":
            return Series(f"00100001{self.tax_type}", 1, 10, "", "")
        return Series(self.prefix, 1, 0, "", "")


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("invoice", "invoices", "invoice", "invoice", "La factura", way=Way.BULK),
            Kind(
                "credit_note", "credit-notes", "creditNote", "creditNote", "La nota crédito", refers="invoices",
                tax_type="03", prefix="NC",
                series={
                    "PE": Series("FC01", 1, 0, "-", "CREDIT_NOTE"),
                    "DO": Series("E34", 1, 10, "", "CREDIT_NOTE_E34"),
                },
            ),
            Kind(
                "income_debit_note", "income-debit-notes", "incomeDebitNote", "incomeDebitNote", "La nota débito",
                ALL - {"MX"}, refers="invoices", tax_type="02", prefix="ND",
                series={
                    "PE": Series("FD01", 1, 0, "-", "DEBIT_NOTE"),
                    "DO": Series("E33", 1, 10, "", "DEBIT_NOTE_E33"),
                },
            ),
            Kind(
                "debit_note", "debit-notes", "debitNote", "adjustmentNote", "La nota de ajuste", frozenset({"CO"}),
                party="provider", refers="bills", prefix="NA",
            ),
            Kind(
                "support_document", "bills", "bill", "supportDocument", "El documento soporte", frozenset({"CO"}),
                party="provider", prefix="DS",
            ),
            Kind(
                "global_invoice", "global-invoices", "globalInvoice", "globalInvoice", "La factura global",
                frozenset({"MX"}), stamped_on_create=True, prefix="G",
            ),
            Kind(
                "payment", "payments", "payment", "transactionIn", "El pago", frozenset({"CR", "MX"}), way=Way.SINGLE,
                total="amount", refers="invoices", has_drafts=False, tax_type="10", prefix="P",
            ),
            Kind(
                "transportation_receipt", "transportation-receipts", "transportationReceipt", "transportationReceipt",
                "La guía de transporte", frozenset({"MX", "PE"}), prefix="T",
                series={"PE": Series("T001", 1, 0, "-", "")},
            ),
        )
    }
)  # fmt: skip

INVOICE: Final = KINDS["invoice"]
