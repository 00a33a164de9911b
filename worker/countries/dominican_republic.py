"""Dominican Republic: DGII, where the e-NCF is the number of the document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from stdnum.do import cedula, rnc

from worker.countries.country import CodeFormat, Country
from worker.countries.draft import Draft
from worker.countries.inner_fields import Issued, first, other_kind
from worker.countries.rules import Finding, Rule, Severity, Words
from worker.countries.words import digits

SYNCHRONOUS_BELOW: Final = Decimal(250_000)
"""Pesos: consumer invoices (E32) below go to the DGII as a summary, and are answered at once."""

_NUMBER: Final = "client.identificationObject.number"
_TYPE: Final = "client.identificationObject.type"

WITH_BUYER: Final = frozenset({"31", "44", "45"})
"""Types that name a buyer with RNC or cédula: crédito fiscal, regímenes especiales, gubernamental."""

_TYPE_OF_KIND: Final = {"credit_note": "34", "income_debit_note": "33"}

RNC_FORM: Final = Rule(
    "do-rnc-form",
    Severity.BLOCK,
    source="DGII, formato e-CF 1.0, campo RNCComprador: 9 digits, or 11 of a cédula",
    en=Words("An RNC has 9 digits, a cédula 11.", "Copy it from the DGII's register."),
    es=Words("Un RNC tiene 9 dígitos; una cédula, 11.", "Cópielo del registro de la DGII."),
)
RNC_CHECK_DIGIT: Final = Rule(
    "do-rnc-check-digit",
    Severity.WARN,
    source="DGII: check digit (python-stdnum do.rnc, do.cedula); a few old numbers fail it and are valid",
    en=Words("The check digit of this number does not fit.", "Compare it with the DGII's register."),
    es=Words("El dígito verificador de este número no corresponde.", "Compárelo con el registro de la DGII."),
)
BUYER_NEEDS_RNC: Final = Rule(
    "do-buyer-rnc",
    Severity.BLOCK,
    source="DGII, formato e-CF 1.0: RNCComprador is required in E31, E44 and E45",
    en=Words(
        "An E{type} names a buyer with RNC or cédula.", "Write the client's RNC, or emit a consumer invoice (E32)."
    ),
    es=Words(
        "Un E{type} exige RNC o cédula del comprador.", "Registre el RNC del cliente o emita factura de consumo (E32)."
    ),
)
LARGE_CONSUMER_INVOICE: Final = Rule(
    "do-consumer-buyer",
    Severity.BLOCK,
    source="DGII, formato e-CF 1.0: E32 of 250,000 pesos or more name their buyer",
    en=Words("A consumer invoice (E32) of 250,000 pesos or more names its buyer.", "Write the client's cédula or RNC."),
    es=Words(
        "Una factura de consumo (E32) de 250,000 pesos o más identifica al comprador.", "Registre su cédula o RNC."
    ),
)
WRONG_TYPE: Final = Rule(
    "do-type-of-kind",
    Severity.BLOCK,
    source="DGII, Norma General 05-2019: E34 are credit notes, E33 debit notes",
    en=Words("The numbering is of type E{type}, which is not for this kind of document.", "Choose another numbering."),
    es=Words("La numeración es de tipo E{type}, que no corresponde a este documento.", "Elija otra numeración."),
)


def type_of(draft: Draft) -> str | None:
    """The type of the e-NCF (31, 32, …), as the numbering names it; None for a paper NCF."""
    written = (draft.numbering.sub_type or "", draft.number or "", draft.numbering.prefix or "")
    for text in written:
        if found := re.search(r"(?:^|_)E([34][0-9])", text.upper()):
            return found[1]
    return None


def examine(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # every country is asked alike
    """What the DGII would not take."""
    buyer, type_ = draft.buyer, type_of(draft)
    number = digits(buyer.id_number)
    if buyer.id_number and buyer.id_type in {"RNC", "CEDULA"}:
        yield from _identification(buyer.id_number, number)
    if type_ in WITH_BUYER:
        if draft.lacks(_NUMBER, buyer.id_number):
            yield BUYER_NEEDS_RNC.broken(_NUMBER, type=type_)
        elif buyer.id_type and buyer.id_type not in {"RNC", "CEDULA"} and len(number or "") not in {9, 11}:
            yield BUYER_NEEDS_RNC.broken(_TYPE, buyer.id_type, type=type_)
    total = draft.local_total
    if type_ == "32" and total is not None and total >= SYNCHRONOUS_BELOW and draft.lacks(_NUMBER, buyer.id_number):
        yield LARGE_CONSUMER_INVOICE.broken(_NUMBER)
    wanted = _TYPE_OF_KIND.get(draft.kind)
    if type_ and ((wanted and type_ != wanted) or (draft.kind == "invoice" and type_ in {"33", "34"})):
        yield WRONG_TYPE.broken("numberTemplate", draft.numbering.prefix, type=type_)


def _identification(written: str, number: str | None) -> Iterator[Finding]:
    if number is None or len(number) not in {9, 11}:
        yield RNC_FORM.broken(_NUMBER, written)
    elif not (rnc.is_valid(number) or cedula.is_valid(number)):
        yield RNC_CHECK_DIGIT.broken(_NUMBER, written)


_TYPES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "invoice": frozenset({"31", "32", "41", "43", "44", "45", "46", "47"}),
        "credit_note": frozenset({"34"}),
        "income_debit_note": frozenset({"33"}),
    }
)


def contradiction(code: str, issued: Issued) -> str:
    """An e-NCF carries its type: that of its numbering, and of its kind of document."""
    if not code.startswith("E"):
        return ""
    numbering = re.search(r"_E([34][0-9])$", issued.sub_type or "")
    return first(
        other_kind(code[1:3], _TYPES, issued.kind),
        f"its e-NCF is of type {code[1:3]}, and its numbering of type {numbering[1]}"
        if numbering and numbering[1] != code[1:3]
        else "",
    )


DOMINICAN_REPUBLIC: Final = Country(
    code="DO",
    name="República Dominicana",
    zone="America/Santo_Domingo",
    application_version="republicaDominicana",
    examine=examine,
    contradiction=contradiction,
    formats=(
        CodeFormat(
            type="encf",
            pattern=re.compile(r"E(31|32|33|34|41|43|44|45|46|47)[0-9]{10}"),
            is_document_number=True,
            shared_keys=("encf", "ncf", "number"),
            source="§8: python-stdnum's do.ncf; that numberTemplate.fullNumber carries it is inferred",
        ),
        CodeFormat(
            type="ncf",
            pattern=re.compile(r"B(01|02|03|04|11|12|13|14|15|16|17)[0-9]{8}"),
            is_document_number=True,
            shared_keys=("ncf", "number"),
            source="§8: python-stdnum's do.ncf, the paper series",
        ),
    ),
)
