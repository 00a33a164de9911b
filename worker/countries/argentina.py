"""Argentina: AFIP/ARCA, whose CAE has 14 digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from stdnum.ar import cuit

from worker.countries.country import CodeFormat, Country
from worker.countries.deadlines import Deadline
from worker.countries.draft import Draft
from worker.countries.inner_fields import Issued, day_of
from worker.countries.rules import Finding, Rule, Severity, Words
from worker.countries.words import digits

_NUMBER: Final = "client.identificationObject.number"
_TYPE: Final = "client.identificationObject.type"
_CONDITION: Final = "client.ivaCondition"

TAKE_LETTER_A: Final = frozenset({"IVA_RESPONSABLE", "UNIQUE_TRIBUTE_RESPONSABLE"})
"""Conditions before IVA whose buyers receive letter A: registered, and monotributo since 2021."""

NEVER_LETTER_A: Final = frozenset(
    {"FINAL_CONSUMER", "IVA_EXEMPT", "IVA_NOT_REACHED", "CLIENT_FROM_EXTERIOR", "PROVIDER_FROM_EXTERIOR"}
)

CUIT_FORM: Final = Rule(
    "ar-cuit-form",
    Severity.BLOCK,
    source="ARCA, WSFEv1: DocTipo 80 (CUIT) takes 11 digits",
    en=Words("A CUIT has 11 digits.", "Copy it from the client's constancia de inscripción."),
    es=Words("Una CUIT tiene 11 dígitos.", "Cópiela de la constancia de inscripción del cliente."),
)
CUIT_CHECK_DIGIT: Final = Rule(
    "ar-cuit-check-digit",
    Severity.BLOCK,
    source="ARCA, WSFEv1, error 10015: check digit modulo 11 (python-stdnum ar.cuit)",
    en=Words("The last digit of this CUIT would be {expected}.", "Copy it from the constancia de inscripción."),
    es=Words("El último dígito de esta CUIT sería {expected}.", "Cópiela de la constancia de inscripción."),
)
CUIT_PREFIX: Final = Rule(
    "ar-cuit-prefix",
    Severity.WARN,
    source="ARCA: CUIT begin with 20, 23, 24, 27, 30, 33, 34, 50, 51 or 55 (python-stdnum ar.cuit)",
    en=Words("No CUIT in use begins like this.", "Compare it with the constancia de inscripción."),
    es=Words("Ninguna CUIT en uso empieza así.", "Compárela con la constancia de inscripción."),
)
DNI_FORM: Final = Rule(
    "ar-dni-form",
    Severity.WARN,
    source="RENAPER: a DNI has 7 or 8 digits (python-stdnum ar.dni)",
    en=Words("A DNI has 7 or 8 digits.", "Check the number, or the type of identification."),
    es=Words("Un DNI tiene 7 u 8 dígitos.", "Revise el número o el tipo de documento."),
)
LETTER_A_WITHOUT_CUIT: Final = Rule(
    "ar-letter-a-cuit",
    Severity.BLOCK,
    source="ARCA, WSFEv1, error 10013: class A takes DocTipo 80 (CUIT) only",
    en=Words("Letter A goes to a CUIT only, not to a {value}.", "Write the client's CUIT, or emit letter B."),
    es=Words("La letra A exige CUIT, no {value}.", "Cargue la CUIT del cliente o emita letra B."),
)
LETTER_A_TO_OTHERS: Final = Rule(
    "ar-letter-a-condition",
    Severity.BLOCK,
    source="ARCA, RG 5616 and WSFEv1, error 10243: classes of receivers by condition before IVA",
    en=Words("Letter A is not for the IVA condition {value}.", "Emit letter B, or correct the client's condition."),
    es=Words(
        "La letra A no corresponde a la condición {value}.", "Emita letra B o corrija la condición frente al IVA."
    ),
)
LETTER_B_TO_REGISTERED: Final = Rule(
    "ar-letter-b-condition",
    Severity.WARN,
    source="ARCA, RG 1415 and RG 5003: registered buyers and monotributo receive letter A",
    en=Words("A buyer of condition {value} usually receives letter A.", "Emit letter A, or check the condition."),
    es=Words(
        "A un cliente {value} suele corresponderle letra A.", "Emita letra A o revise su condición frente al IVA."
    ),
)
NO_SERVICE_DATES: Final = Rule(
    "ar-service-dates",
    Severity.BLOCK,
    source="ARCA, WSFEv1: with concepto 2 or 3 FchServDesde and FchServHasta are required",
    en=Words("It bills services and has no service period.", "Write startDateService and endDateService."),
    es=Words("Factura servicios y no tiene período facturado.", "Cargue las fechas desde y hasta del servicio."),
)
SERVICE_ENDS_BEFORE: Final = Rule(
    "ar-service-dates-order",
    Severity.BLOCK,
    source="ARCA, WSFEv1: FchServHasta is not before FchServDesde",
    en=Words("The service period ends before it begins ({begins}).", "Correct the service dates."),
    es=Words("El período facturado termina antes de empezar ({begins}).", "Corrija las fechas del servicio."),
)
_GOODS: Final = Deadline(
    5,
    source="ARCA, WSFEv1, error 10016: CbteFch within 5 days of the request for goods",
    confidence="documented",
    en="ARCA gives a CAE to goods up to 5 days after the date of the document.",
    es="ARCA otorga CAE a bienes hasta 5 días después de la fecha del comprobante.",
)
_SERVICES: Final = Deadline(
    10,
    source="ARCA, WSFEv1, error 10016: CbteFch within 10 days of the request for services",
    confidence="documented",
    en="ARCA gives a CAE to services up to 10 days after the date of the document.",
    es="ARCA otorga CAE a servicios hasta 10 días después de la fecha del comprobante.",
)


def is_of_services(draft: Draft) -> bool:
    """Whether services are among what it sells."""
    return "SERVICE" in (draft.sale_concept or "").upper()


def deadline(draft: Draft) -> Deadline:
    """Services may be dated further back; what does not say that it is one counts as goods."""
    return _SERVICES if is_of_services(draft) else _GOODS


def examine(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # every country is asked alike
    """What ARCA's WSFEv1 would not take."""
    buyer = draft.buyer
    if buyer.id_number and buyer.id_type in {"CUIT", "CUIL", "CDI"}:
        yield from _cuit(buyer.id_number)
    elif buyer.id_number and buyer.id_type == "DNI" and len(digits(buyer.id_number) or "") not in {7, 8}:
        yield DNI_FORM.broken(_NUMBER, buyer.id_number)
    yield from _letter(draft)
    if is_of_services(draft):
        if draft.lacks("startDateService", draft.service_from) or draft.lacks("endDateService", draft.service_to):
            yield NO_SERVICE_DATES.broken("startDateService", draft.service_from)
        elif draft.service_from and draft.service_to and draft.service_to < draft.service_from:
            yield SERVICE_ENDS_BEFORE.broken("endDateService", draft.service_to, begins=draft.service_from)


def _cuit(written: str) -> Iterator[Finding]:
    number = digits(written)
    if number is None or len(number) != 11:
        yield CUIT_FORM.broken(_NUMBER, written)
    elif (expected := cuit.calc_check_digit(number[:10])) != number[10]:
        yield CUIT_CHECK_DIGIT.broken(_NUMBER, written, expected=expected)
    elif not cuit.is_valid(number):
        yield CUIT_PREFIX.broken(_NUMBER, written)


def _letter(draft: Draft) -> Iterator[Finding]:
    """The letter of the document, by the condition before IVA of whom it is for."""
    buyer, sub_type = draft.buyer, (draft.numbering.sub_type or "").upper()
    condition = (buyer.iva_condition or "").upper()
    if sub_type.endswith("_A"):
        if buyer.id_type and buyer.id_type != "CUIT":
            yield LETTER_A_WITHOUT_CUIT.broken(_TYPE, buyer.id_type)
        if condition in NEVER_LETTER_A:
            yield LETTER_A_TO_OTHERS.broken(_CONDITION, buyer.iva_condition)
    elif sub_type.endswith("_B") and condition in TAKE_LETTER_A:
        yield LETTER_B_TO_REGISTERED.broken(_CONDITION, buyer.iva_condition)


def contradiction(code: str, issued: Issued) -> str:  # noqa: ARG001  # a CAE is a mere number
    """A CAE ends some days after it was given: one that ended before the document is another's."""
    days = [day for day in (issued.dated, issued.stamped) if day is not None]
    for name, value in issued.stamp.items():
        if re.search(r"expir|venc|vto|due", str(name), re.IGNORECASE) and isinstance(value, str | int):
            ends = day_of(str(value))
            if ends and days and ends < min(days) - timedelta(days=1):
                return f"its CAE ended on {ends}, before the document of {min(days)}"
    return ""


ARGENTINA: Final = Country(
    code="AR",
    name="Argentina",
    zone="America/Argentina/Buenos_Aires",
    application_version="argentina",
    examine=examine,
    deadline=deadline,
    deadlines=(_GOODS, _SERVICES),
    contradiction=contradiction,
    formats=(
        CodeFormat(
            type="cae",
            pattern=re.compile(r"[0-9]{14}"),
            keys=("cae",),
            shared_keys=("number",),
            source="§8: format from the tax authority; the key in Alegra's stamp is an assumption",
        ),
    ),
)
