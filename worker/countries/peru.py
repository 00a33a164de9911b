"""Peru: SUNAT, where the number F###-n or B###-n is the code and boletas travel in the next day's summary."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from stdnum.pe import ruc

from worker.countries.country import CodeFormat, Country, delays
from worker.countries.deadlines import Deadline
from worker.countries.draft import Draft
from worker.countries.inner_fields import Issued
from worker.countries.rules import Finding, Rule, Severity, Words
from worker.countries.words import digits

NAMELESS_BOLETA: Final = Decimal(700)
"""Soles above which a boleta names its buyer."""

_NUMBER: Final = "client.identificationObject.number"
_TYPE: Final = "client.identificationObject.type"

RUC_FORM: Final = Rule(
    "pe-ruc-form",
    Severity.BLOCK,
    source="SUNAT, catálogo 06: a RUC (type 6) has 11 digits",
    en=Words("A RUC has 11 digits.", "Copy it from the client's ficha RUC."),
    es=Words("Un RUC tiene 11 dígitos.", "Cópielo de la ficha RUC del cliente."),
)
RUC_CHECK_DIGIT: Final = Rule(
    "pe-ruc-check-digit",
    Severity.BLOCK,
    source="SUNAT: check digit modulo 11 (python-stdnum pe.ruc)",
    en=Words("The last digit of this RUC would be {expected}.", "Copy the RUC from the client's ficha RUC."),
    es=Words("El último dígito de este RUC sería {expected}.", "Copie el RUC de la ficha RUC del cliente."),
)
RUC_PREFIX: Final = Rule(
    "pe-ruc-prefix",
    Severity.WARN,
    source="SUNAT: RUC begin with 10, 15, 16, 17 or 20",
    en=Words("A RUC begins with 10, 15, 16, 17 or 20.", "Compare it with the client's ficha RUC."),
    es=Words("Un RUC empieza por 10, 15, 16, 17 o 20.", "Compárelo con la ficha RUC del cliente."),
)
DNI_FORM: Final = Rule(
    "pe-dni-form",
    Severity.BLOCK,
    source="SUNAT, catálogo 06: a DNI (type 1) has 8 digits",
    en=Words("A DNI has 8 digits.", "Correct the number, or choose carné de extranjería or passport."),
    es=Words("Un DNI tiene 8 dígitos.", "Corrija el número, o elija carné de extranjería o pasaporte."),
)
FACTURA_WITHOUT_RUC: Final = Rule(
    "pe-factura-without-ruc",
    Severity.BLOCK,
    source="SUNAT, R.S. 097-2012: a factura of an internal sale (operation 0101) names a buyer with RUC",
    en=Words("A factura ({series}) needs a buyer with RUC.", "Emit a boleta (B series), or write the client's RUC."),
    es=Words(
        "Una factura ({series}) exige un adquirente con RUC.",
        "Emita una boleta (serie B) o registre el RUC del cliente.",
    ),
)
FACTURA_PERHAPS_WITHOUT_RUC: Final = Rule(
    "pe-factura-perhaps-without-ruc",
    Severity.WARN,
    source="SUNAT, R.S. 097-2012; exports and a few other operations need none",
    en=Words(
        "A factura ({series}) needs a buyer with RUC, unless it is an export.", "Emit a boleta, or write the RUC."
    ),
    es=Words("Una factura ({series}) exige RUC, salvo exportación.", "Emita una boleta o registre el RUC."),
)
NO_ID: Final = Rule(
    "pe-factura-buyer",
    Severity.BLOCK,
    source="SUNAT, R.S. 097-2012: a factura names its buyer by number",
    en=Words("The buyer of a factura has no RUC.", "Write the client's RUC, or emit a boleta (B series)."),
    es=Words("El adquirente de la factura no tiene RUC.", "Registre el RUC del cliente o emita una boleta (serie B)."),
)
BOLETA_TO_COMPANY: Final = Rule(
    "pe-boleta-to-ruc",
    Severity.WARN,
    source="SUNAT: a boleta gives no crédito fiscal",
    en=Words("A boleta to a buyer with RUC: it cannot use the IGV.", "Emit a factura (F series) if it asked for one."),
    es=Words("Boleta a un cliente con RUC: no podrá usar el IGV.", "Emita una factura (serie F) si la pidió."),
)
BOLETA_TO_NOBODY: Final = Rule(
    "pe-boleta-buyer",
    Severity.WARN,
    source="SUNAT, Reglamento de Comprobantes de Pago, art. 8: boletas above 700 soles name their buyer",
    en=Words("A boleta above 700 soles names its buyer.", "Write the client's DNI."),
    es=Words("Una boleta por más de 700 soles identifica al comprador.", "Registre el DNI del cliente."),
)
SERIES: Final = Rule(
    "pe-series",
    Severity.WARN,
    source="SUNAT, R.S. 097-2012: electronic series are F or B and three letters or digits",
    en=Words("{value} is no electronic series.", "Choose a numbering such as F001 or B001."),
    es=Words("{value} no es una serie electrónica.", "Elija una numeración como F001 o B001."),
)


_FACTURA: Final = Deadline(
    3,
    source="SUNAT, R.S. 000003-2023: factura and its notes up to 3 calendar days after the day of issue",
    confidence="documented",
    en="The SUNAT takes a factura up to 3 calendar days after its date.",
    es="La SUNAT recibe la factura hasta 3 días calendario después de su fecha.",
)
_BOLETA: Final = Deadline(
    7,
    source="SUNAT, R.S. 097-2012 as amended: the daily summary up to 7 calendar days after the day of issue",
    confidence="inferred",
    en="The SUNAT takes a boleta in the daily summary up to 7 calendar days after its date.",
    es="La SUNAT recibe la boleta en el resumen diario hasta 7 días calendario después de su fecha.",
)


def series_of(draft: Draft) -> str:
    """F001, B001, …; empty when neither numbering nor number tells."""
    return (draft.numbering.prefix or (draft.number or "").partition("-")[0]).upper()


def deadline(draft: Draft) -> Deadline:
    """A boleta waits for the summary of its day; what is not known to be one counts as factura."""
    return _BOLETA if series_of(draft).startswith("B") else _FACTURA


def examine(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # every country is asked alike
    """What the SUNAT, or the OSE or PSE in between, would not take."""
    buyer = draft.buyer
    if buyer.id_number and buyer.id_type == "RUC":
        yield from _ruc(buyer.id_number)
    elif buyer.id_number and buyer.id_type == "DNI" and len(digits(buyer.id_number) or "") != 8:
        yield DNI_FORM.broken(_NUMBER, buyer.id_number)
    series = series_of(draft)
    if draft.kind != "invoice" or not series:
        return
    if not re.fullmatch(r"[FBE][A-Z0-9]{3}|[0-9]{4}", series):
        yield SERIES.broken("numberTemplate.prefix", series)
    elif series.startswith("F"):
        yield from _factura(draft, series)
    elif series.startswith("B"):
        yield from _boleta(draft)


def _ruc(written: str) -> Iterator[Finding]:
    number = digits(written)
    if number is None or len(number) != 11:
        yield RUC_FORM.broken(_NUMBER, written)
    elif (expected := ruc.calc_check_digit(number[:10])) != number[10]:
        yield RUC_CHECK_DIGIT.broken(_NUMBER, written, expected=expected)
    elif number[:2] not in {"10", "15", "16", "17", "20"}:
        yield RUC_PREFIX.broken(_NUMBER, written)


def _factura(draft: Draft, series: str) -> Iterator[Finding]:
    buyer, operation = draft.buyer, (draft.operation_type or "").upper()
    if draft.lacks(_NUMBER, buyer.id_number):
        if operation == "INTERNAL_SALE":
            yield NO_ID.broken(_NUMBER)
    elif buyer.id_type and buyer.id_type != "RUC":
        if operation == "INTERNAL_SALE":
            yield FACTURA_WITHOUT_RUC.broken(_TYPE, buyer.id_type, series=series)
        elif not operation:
            yield FACTURA_PERHAPS_WITHOUT_RUC.broken(_TYPE, buyer.id_type, series=series)


def _boleta(draft: Draft) -> Iterator[Finding]:
    buyer = draft.buyer
    if buyer.id_type == "RUC" and (buyer.id_number or "").startswith("20"):
        yield BOLETA_TO_COMPANY.broken(_TYPE, "RUC")
    total = draft.local_total
    if draft.lacks(_NUMBER, buyer.id_number) and total is not None and total > NAMELESS_BOLETA:
        yield BOLETA_TO_NOBODY.broken(_NUMBER)


def contradiction(code: str, issued: Issued) -> str:
    """The number is the code: its series is that of the numbering."""
    series, prefix = code.partition("-")[0], (issued.prefix or "").upper()
    if not re.fullmatch(r"[FB][A-Z0-9]{3}", prefix) or series == prefix:
        return ""
    return f"its number is of series {series}, and its numbering of series {prefix}"


PERU: Final = Country(
    code="PE",
    name="Perú",
    zone="America/Lima",
    application_version="peru",
    examine=examine,
    deadline=deadline,
    deadlines=(_FACTURA, _BOLETA),
    contradiction=contradiction,
    formats=(
        CodeFormat(
            type="number",
            pattern=re.compile(r"[FB][A-Z0-9]{3}-[0-9]{1,8}"),
            kinds=frozenset({"invoice", "credit_note", "income_debit_note"}),
            is_document_number=True,
            source="§8: the tax authority's series and number; that numberTemplate.fullNumber carries it is inferred",
        ),
        CodeFormat(
            type="number",
            pattern=re.compile(r"[TV][A-Z0-9]{3}-[0-9]{1,8}"),
            kinds=frozenset({"transportation_receipt"}),
            is_document_number=True,
            source="the tax authority's series of a guía de remisión, the sender's T and the carrier's V (inferred)",
        ),
    ),
    # A boleta may wait 48 to 72 hours for the daily summary (§6): normal, no reason to alarm anybody.
    waiting_schedule=delays(5, 15, 60, 300, 900, 3600, 10800, *[21600] * 12),
)
