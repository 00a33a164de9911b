"""Costa Rica: Hacienda, whose clave numérica has 50 digits and begins with the country's 506."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from stdnum.cr import cpj
from stdnum.exceptions import ValidationError

from worker.countries.country import CodeFormat, Country
from worker.countries.draft import Draft
from worker.countries.inner_fields import Issued, day_of, first, other_day, other_issuer, other_kind, other_number
from worker.countries.rules import Finding, Rule, Severity, Words
from worker.countries.words import digits, is_credit, lines_of

_NUMBER: Final = "client.identificationObject.number"
_TYPE: Final = "client.identificationObject.type"

_LENGTHS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {"CF": (9,), "CJ": (10,), "DIMEX": (11, 12), "NITE": (10,)}
)
"""Digits of each type of identification (Anexos y estructuras 4.4, nota 4); PE is a foreigner's, of any form."""

ID_FORM: Final = Rule(
    "cr-identification-form",
    Severity.BLOCK,
    source="Hacienda, Anexos y estructuras 4.4, nota 4: CF 9, CJ 10, DIMEX 11 or 12, NITE 10 digits",
    en=Words(
        "A {type} has {length} digits, without zeros in front or dashes.", "Write it as Hacienda's register does."
    ),
    es=Words(
        "Una identificación {type} tiene {length} dígitos, sin ceros al inicio ni guiones.",
        "Escríbala como en el registro de Hacienda.",
    ),
)
STRANGE_ID_TYPE: Final = Rule(
    "cr-identification-type",
    Severity.WARN,
    source="Hacienda, Anexos y estructuras 4.4, nota 4; Alegra's types CF, CJ, DIMEX, NITE, PE (alegra-api.md §9)",
    en=Words("{value} is no type of identification known in Costa Rica.", "Choose CF, CJ, DIMEX, NITE or PE."),
    es=Words("{value} no es un tipo de identificación de Costa Rica.", "Elija CF, CJ, DIMEX, NITE o PE."),
)
CJ_CLASS: Final = Rule(
    "cr-cj-class",
    Severity.WARN,
    source="Registro Nacional, classes and types of cédulas jurídicas (python-stdnum cr.cpj)",
    en=Words(
        "Its class (the first four digits) is not in the register's list.", "Compare it with Hacienda's register."
    ),
    es=Words(
        "Su clase (los cuatro primeros dígitos) no está en la lista del Registro.",
        "Compárela con el registro de Hacienda.",
    ),
)
NO_CABYS: Final = Rule(
    "cr-cabys-missing",
    Severity.BLOCK,
    source="Hacienda, Anexos y estructuras 4.4: CodigoCABYS is required; Alegra's code 1093",
    en=Words("The item has no CABYS code.", "Choose it in the item's record."),
    es=Words("El ítem no tiene código CABYS.", "Elíjalo en la ficha del ítem."),
)
CABYS_FORM: Final = Rule(
    "cr-cabys-form",
    Severity.BLOCK,
    source="Hacienda, Anexos y estructuras 4.4: a CABYS code has 13 digits; Alegra's code 1036",
    en=Words("A CABYS code has 13 digits.", "Choose the code in the Banco Central's catalogue."),
    es=Words("Un código CABYS tiene 13 dígitos.", "Elija el código en el catálogo del Banco Central."),
)
NO_TAX: Final = Rule(
    "cr-item-tax",
    Severity.BLOCK,
    source="Alegra's 3051 «itemDetails.0.taxes – missing required property» (alegra-api.md §3)",
    en=Words("No tax stands on this line.", "Write the IVA of the line, be it 0 % or exempt."),
    es=Words("Esta línea no tiene impuesto.", "Indique el IVA de la línea, así sea 0 % o exento."),
)
NO_SALE_CONDITION: Final = Rule(
    "cr-sale-condition",
    Severity.WARN,
    source="Hacienda, Anexos y estructuras 4.4: CondicionVenta is required; Alegra may fill it in",
    en=Words("It has no condition of sale.", "Write saleCondition: cash, credit, …"),
    es=Words("No tiene condición de venta.", "Indique saleCondition: contado, crédito, …"),
)
CREDIT_WITHOUT_TERM: Final = Rule(
    "cr-credit-term",
    Severity.WARN,
    source="Hacienda, Anexos y estructuras 4.4: PlazoCredito is required on credit",
    en=Words("It is sold on credit and falls due at once.", "Correct dueDate, or choose cash."),
    es=Words("Es una venta a crédito y vence el mismo día.", "Corrija el vencimiento o elija contado."),
)
CREDIT_NEEDS_REP: Final = Rule(
    "cr-credit-needs-rep",
    Severity.WARN,
    source="Hacienda, resolución MH-DGT-RES-0027-2024 (4.4): Recibo Electrónico de Pago",
    en=Words("Sold on credit: its payments may need a receipt (REP).", "Emit the REP when the payment comes in."),
    es=Words(
        "Venta a crédito: sus pagos pueden requerir el Recibo Electrónico de Pago (REP).",
        "Emita el REP al recibir el pago.",
    ),
)


def examine(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # every country is asked alike
    """What Hacienda's 4.4 would not take."""
    yield from _identification(draft)
    for path, line in lines_of(draft):
        if line.product_key and not re.fullmatch(r"[0-9]{13}", line.product_key):
            yield CABYS_FORM.broken(f"{path}.productKey", line.product_key)
        elif not line.product_key and "productKey" in line.shown:
            yield NO_CABYS.broken(f"{path}.productKey")
        if not line.taxed and ("tax" in line.shown or draft.to_create):
            yield NO_TAX.broken(f"{path}.tax")
    if draft.lacks("saleCondition", draft.sale_condition):
        yield NO_SALE_CONDITION.broken("saleCondition")
    if is_credit(draft):
        if draft.issued and draft.due == draft.issued:
            yield CREDIT_WITHOUT_TERM.broken("dueDate", draft.due)
        yield CREDIT_NEEDS_REP.broken("saleCondition", draft.sale_condition)


def _identification(draft: Draft) -> Iterator[Finding]:
    buyer = draft.buyer
    if not buyer.id_type or not buyer.id_number:
        return
    lengths = _LENGTHS.get(buyer.id_type)
    number = digits(buyer.id_number)
    if lengths is None:
        if buyer.id_type != "PE":
            yield STRANGE_ID_TYPE.broken(_TYPE, buyer.id_type)
    elif number is None or len(number.lstrip("0")) not in lengths:
        length = " or ".join(map(str, lengths))
        yield ID_FORM.broken(_NUMBER, buyer.id_number, type=buyer.id_type, length=length)
    elif buyer.id_type == "CJ":
        try:
            cpj.validate(number)
        except ValidationError:
            yield CJ_CLASS.broken(_NUMBER, buyer.id_number)


_TYPES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "invoice": frozenset({"01", "04", "09"}),
        "income_debit_note": frozenset({"02"}),
        "credit_note": frozenset({"03"}),
        "payment": frozenset({"10"}),
    }
)
"""Types of document inside the consecutive (4.4): factura, tiquete and export; debit and credit note; REP."""


def contradiction(code: str, issued: Issued) -> str:
    """The clave's parts: 506, ddmmyy, issuer 12, consecutive 20 (type in its 9th and 10th), situation, security 8."""
    day, issuer, consecutive, situation = code[3:9], code[9:21], code[21:41], code[41]
    return first(
        other_kind(consecutive[8:10], _TYPES, issued.kind),
        other_day(day_of(f"20{day[4:6]}{day[2:4]}{day[:2]}"), issued),
        other_number(consecutive, issued),
        other_issuer(issuer, issued),
        "" if situation in "123" else f"its code is of situation {situation}, which Hacienda does not know",
    )


COSTA_RICA: Final = Country(
    code="CR",
    name="Costa Rica",
    zone="America/Costa_Rica",
    application_version="costaRica",
    examine=examine,
    contradiction=contradiction,
    formats=(
        CodeFormat(
            # 506, ddmmyy, issuer 12, consecutive 20, situation 1, security code 8.
            type="clave",
            pattern=re.compile(r"506[0-9]{47}"),
            keys=("uuid",),
            # Which of the three holds it is unknown; these two also hold other things (the consecutive, a legend).
            shared_keys=("clave", "legend", "number"),
            source="§8: a production client reads uuid, legend or number; layout from the tax authority's format",
        ),
    ),
)
