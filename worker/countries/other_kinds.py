"""Rules for what is no sale: support documents, payment receipts, global invoices, transportation receipts.

Of these less is known than of sales, so only what a published format or Alegra's own page asks for is a rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from worker.countries import colombia, common_rules, peru
from worker.countries.draft import Draft
from worker.countries.rules import Finding, Rule, Severity, Words
from worker.countries.sat import PUBLIC
from worker.countries.words import bare

NO_PROVIDER_ID: Final = Rule(
    "co-provider-identification",
    Severity.BLOCK,
    source="DIAN, Anexo técnico del documento soporte 1.1, grupo AccountingSupplierParty: CompanyID",
    en=Words("The provider has no identification.", "Write the NIT or document number in the provider's record."),
    es=Words("El proveedor no tiene identificación.", "Escriba el NIT o documento en la ficha del proveedor."),
)
PAYMENT_WITHOUT_NUMBERING: Final = Rule(
    "cr-rep-numbering",
    Severity.BLOCK,
    source="Alegra, POST /payments/{id}/stamp of Costa Rica: an electronic numbering at creation (alegra-api.md §5)",
    en=Words(
        "The payment was made without a numbering, and Alegra stamps none of these.",
        "Make it anew with an electronic numbering of payment receipts.",
    ),
    es=Words(
        "El pago se creó sin numeración y Alegra no timbra pagos así.",
        "Créelo de nuevo con una numeración electrónica de recibos de pago.",
    ),
)
PAYMENT_OF_NOTHING: Final = Rule(
    "rep-invoices",
    Severity.BLOCK,
    source="Alegra, POST /payments/{id}/stamp: it needs linked electronic invoices (alegra-api.md §5)",
    en=Words("The payment is of no invoice.", "Link it with the electronic invoices it pays."),
    es=Words("El pago no está asociado a ninguna factura.", "Asócielo a las facturas electrónicas que paga."),
)
PAYMENT_AMOUNT: Final = Rule(
    "rep-amount",
    Severity.BLOCK,
    source="SAT, Complemento para recepción de pagos 2.0: Monto above 0; Hacienda 4.4 (REP): likewise",
    en=Words("The amount is not above zero.", "Write what was paid."),
    es=Words("El monto no es mayor que cero.", "Escriba lo que se pagó."),
)
GLOBAL_TO_SOMEBODY: Final = Rule(
    "mx-global-receiver",
    Severity.WARN,
    source="SAT, Guía de llenado del CFDI global: the receiver is XAXX010101000; how Alegra shows it is unknown",
    en=Words("A global invoice is to the public in general, XAXX010101000.", "Invoice a buyer with an RFC by itself."),
    es=Words("La factura global es a público en general, XAXX010101000.", "A quien tiene RFC, factúrele aparte."),
)
WAYBILL_SERIES: Final = Rule(
    "pe-waybill-series",
    Severity.WARN,
    source="SUNAT, guía de remisión electrónica (R.S. 123-2022): series T### of the sender, V### of the carrier",
    en=Words("A guía de remisión has a series T### or V###.", "Choose such a numbering in Alegra."),
    es=Words("La guía de remisión lleva serie T### o V###.", "Elija una numeración así en Alegra."),
)


def _support_document(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # all are asked alike
    buyer = draft.buyer
    number = "client.identificationObject.number"
    if draft.lacks(number, buyer.id_number):
        yield NO_PROVIDER_ID.broken("provider.identificationObject.number")
    elif buyer.id_type == "NIT":
        for finding in colombia.of_nit(draft):
            yield finding.at(finding.field.replace("client.", "provider.", 1))
    yield from colombia.of_the_resolution(draft)
    yield from _lines(draft, "purchases.items")


def _payment(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001
    numbering = draft.numbering
    unnumbered = numbering.id is None and numbering.is_electronic is None
    if draft.country == "CR" and draft.shows("numberTemplate") and unnumbered:
        yield PAYMENT_WITHOUT_NUMBERING.broken("numberTemplate")
    if draft.shows("invoices") and not draft.refers:
        yield PAYMENT_OF_NOTHING.broken("invoices")
    if draft.total is not None and draft.total <= 0:
        yield PAYMENT_AMOUNT.broken("amount", draft.total)


def _global_invoice(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001
    number = bare(draft.buyer.id_number)
    if number and number != PUBLIC:
        yield GLOBAL_TO_SOMEBODY.broken("client.identificationObject.number", draft.buyer.id_number)
    yield from _lines(draft, "items")


def _transportation_receipt(draft: Draft, today: date) -> Iterator[Finding]:
    if draft.country == "PE":
        # Of any kind but the invoice, Peru's own rules look at identifications only.
        yield from peru.examine(draft, today)
        series = draft.numbering.prefix
        if series and draft.numbering.is_electronic and not re.fullmatch(r"[TV][A-Z0-9]{3}-?", series):
            yield WAYBILL_SERIES.broken("numberTemplate.prefix", series)
    yield from _lines(draft, "items")


def _lines(draft: Draft, path: str) -> Iterator[Finding]:
    if draft.shows("items") and not draft.lines:
        yield common_rules.NO_ITEMS.broken(path)
    for place, line in enumerate(draft.lines):
        if line.quantity is not None and line.quantity <= 0:
            yield common_rules.NO_QUANTITY.broken(f"{path}[{place}].quantity", line.quantity)
    yield from common_rules.of_the_numbering(draft)


RULES_OF: Final[Mapping[str, Callable[[Draft, date], Iterator[Finding]]]] = MappingProxyType(
    {
        "support_document": _support_document,
        "payment": _payment,
        "global_invoice": _global_invoice,
        "transportation_receipt": _transportation_receipt,
    }
)
"""By kind. Of a vendor debit note nothing is known for certain."""
