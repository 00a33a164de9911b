"""Mexico: SAT, whose code is the UUID (folio fiscal) that a certification provider gives within seconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from stdnum.exceptions import ValidationError
from stdnum.mx import rfc

from worker.countries.country import CodeFormat, Country
from worker.countries.deadlines import Deadline
from worker.countries.draft import Draft
from worker.countries.rules import Finding, Rule, Severity, Words
from worker.countries.sat import (
    GENERIC_REGIME,
    PUBLIC,
    RFC_FORM,
    STRANGER,
    USES,
    USES_OF_GENERICS,
    applies_to_person,
    goes_with,
)
from worker.countries.words import bare, lines_of

_RFC: Final = "client.identificationObject.number"
_ZIP: Final = "client.address.zipCode"
_REGIME: Final = "client.regimeObject"
_USE: Final = "client.cfdiUse"

_LEGAL_FORM: Final = re.compile(
    r"\b(SAB|SAPI|SAS|SA|S DE RL|SRL|SC|AC|S EN C)( DE CV)?$",
)

NO_RFC: Final = Rule(
    "mx-rfc-missing",
    Severity.BLOCK,
    source="SAT, Anexo 20 (CFDI 4.0): Receptor.Rfc is required",
    en=Words("The client has no RFC.", "Write it as in the Constancia; the public in general has XAXX010101000."),
    es=Words("El cliente no tiene RFC.", "Escríbalo como en la Constancia; público en general: XAXX010101000."),
)
RFC_PATTERN: Final = Rule(
    "mx-rfc-form",
    Severity.BLOCK,
    source="SAT, Anexo 20: pattern of tdCFDI:t_RFC, 12 characters for companies and 13 for persons",
    en=Words("This is no RFC: letters, date (yymmdd) and homoclave do not fit.", "Copy it from the Constancia."),
    es=Words("No es un RFC: letras, fecha (aammdd) u homoclave no corresponden.", "Cópielo de la Constancia."),
)
RFC_UNUSUAL: Final = Rule(
    "mx-rfc-check-digit",
    Severity.WARN,
    source="python-stdnum mx.rfc; about 1.5 % of the RFC in use fail the check digit",
    en=Words("The RFC's date, letters or check digit are unusual.", "Compare it with the Constancia."),
    es=Words("La fecha, las letras o el dígito verificador del RFC son inusuales.", "Compárelo con la Constancia."),
)
NAME_WITH_LEGAL_FORM: Final = Rule(
    "mx-name-legal-form",
    Severity.WARN,
    source="SAT, CFDI40145: the name as in the Constancia, which leaves the régimen societario out",
    en=Words("The name ends in a legal form, which the Constancia leaves out.", "Write the name without it."),
    es=Words("El nombre lleva régimen societario y la Constancia no.", "Escriba el nombre sin S.A. de C.V. o similar."),
)
NO_ZIP: Final = Rule(
    "mx-zip-missing",
    Severity.BLOCK,
    source="SAT, Anexo 20: Receptor.DomicilioFiscalReceptor is required (CFDI40147, CFDI40148)",
    en=Words("The client has no postal code.", "Write the one of the client's Constancia."),
    es=Words("El cliente no tiene código postal.", "Escriba el de la Constancia de Situación Fiscal del cliente."),
)
ZIP_FORM: Final = Rule(
    "mx-zip-form",
    Severity.BLOCK,
    source="SAT, Anexo 20: DomicilioFiscalReceptor has five digits",
    en=Words("A postal code has five digits.", "Write the one of the client's Constancia."),
    es=Words("Un código postal tiene cinco dígitos.", "Escriba el de la Constancia de Situación Fiscal del cliente."),
)
NO_REGIME: Final = Rule(
    "mx-regime-missing",
    Severity.BLOCK,
    source="SAT, Anexo 20: Receptor.RegimenFiscalReceptor is required (CFDI40157)",
    en=Words("The client has no régimen fiscal.", "Choose the one of the Constancia, such as 601 or 612."),
    es=Words("El cliente no tiene régimen fiscal.", "Elija el de la Constancia, por ejemplo 601 o 612."),
)
REGIME_OF_OTHER_PERSONS: Final = Rule(
    "mx-regime-person",
    Severity.BLOCK,
    source="SAT, CFDI40158: the régimen corresponds to the kind of person; catálogo c_RegimenFiscal",
    en=Words("Régimen {value} is not for the {person} this RFC belongs to.", "Choose the one of the Constancia."),
    es=Words("El régimen {value} no es de {persona}, como indica el RFC.", "Elija el de la Constancia."),
)
USE_AGAINST_REGIME: Final = Rule(
    "mx-cfdi-use-regime",
    Severity.BLOCK,
    source="SAT, CFDI40161: catálogo c_UsoCFDI, column «régimen fiscal receptor»",
    en=Words(
        "CFDI use {value} does not go with régimen {regimes}.",
        "Ask the client for a use of that régimen; S01 fits all.",
    ),
    es=Words(
        "El uso {value} no es compatible con el régimen {regimes}.",
        "Pida al cliente un uso de ese régimen; S01 aplica a todos.",
    ),
)
STRANGE_USE: Final = Rule(
    "mx-cfdi-use-unknown",
    Severity.WARN,
    source="SAT, catálogo c_UsoCFDI (alegra-api.md §9)",
    en=Words("{value} is no CFDI use of the catalogue.", "Choose G01, G03, S01 …; P01 ended with CFDI 3.3."),
    es=Words("{value} no es un uso de CFDI del catálogo.", "Elija G01, G03, S01 …; P01 terminó con el CFDI 3.3."),
)
GENERIC_RFC: Final = Rule(
    "mx-generic-rfc",
    Severity.BLOCK,
    source="SAT, Anexo 20: the generic RFC go with régimen 616 and the uses S01 or CP01 (CFDI40157, CFDI40161)",
    en=Words("The generic RFC does not go with {value}.", "Use régimen 616 and CFDI use S01."),
    es=Words("El RFC genérico no admite {value}.", "Use régimen 616 y uso de CFDI S01."),
)
GLOBAL_INVOICE: Final = Rule(
    "mx-public-in-general",
    Severity.WARN,
    source="SAT, RMF regla 2.7.1.21: sales to the public in general go into a global invoice",
    en=Words(
        "A sale to the public in general belongs into a global invoice, within 24 hours of its period's end.",
        "Emit a global_invoice for the period, or name the buyer.",
    ),
    es=Words(
        "La venta al público en general va en factura global, dentro de las 24 horas siguientes al cierre del periodo.",
        "Emita la factura global del periodo o identifique al comprador.",
    ),
)
PAYMENT_METHOD: Final = Rule(
    "mx-payment-method",
    Severity.WARN,
    source="SAT, catálogo c_MetodoPago: PUE or PPD",
    en=Words("{value} is no método de pago.", "Choose PUE (paid at once) or PPD (in parts, or later)."),
    es=Words("{value} no es un método de pago.", "Elija PUE (una exhibición) o PPD (parcialidades o diferido)."),
)
PPD_IS_NOT_PAID: Final = Rule(
    "mx-ppd-payment-form",
    Severity.WARN,
    source="SAT, Guía de llenado del CFDI 4.0: with PPD the forma de pago is 99",
    en=Words("PPD goes with forma de pago 99, not {value}.", "Choose 99 (por definir), or PUE."),
    es=Words("PPD va con forma de pago 99, no {value}.", "Elija 99 (por definir) o PUE."),
)
PPD_NEEDS_REP: Final = Rule(
    "mx-ppd-needs-rep",
    Severity.WARN,
    source="SAT, RMF regla 2.7.1.32: the REP by the fifth day of the month after the payment",
    en=Words(
        "PPD: each payment will need its receipt (REP).", "Emit the REP by the 5th of the month after the payment."
    ),
    es=Words(
        "PPD: cada pago necesitará su recibo electrónico (REP).",
        "Emita el REP a más tardar el día 5 del mes siguiente al pago.",
    ),
)
PRODUCT_KEY: Final = Rule(
    "mx-product-key",
    Severity.BLOCK,
    source="SAT, Anexo 20: ClaveProdServ is of catálogo c_ClaveProdServ, eight digits",
    en=Words("A product or service key has eight digits.", "Choose the SAT's key in the item's record."),
    es=Words("La clave de producto o servicio tiene ocho dígitos.", "Elija la clave del SAT en la ficha del ítem."),
)
NO_PRODUCT_KEY: Final = Rule(
    "mx-product-key-missing",
    Severity.WARN,
    source="SAT, Anexo 20: ClaveProdServ is required; what Alegra writes in its place is not known",
    en=Words("The item has no product or service key.", "Choose the SAT's key in the item's record."),
    es=Words("El ítem no tiene clave de producto o servicio.", "Elija la clave del SAT en la ficha del ítem."),
)


_SEVENTY_TWO_HOURS: Final = Deadline(
    # The hour is not known, so the 72 hours are counted from the day's beginning.
    2,
    source="SAT, Anexo 20 and RMF 2.7.2.9: certified within 72 hours of the CFDI's date and time (error 401)",
    confidence="inferred",
    en="A CFDI is certified within 72 hours of its date, unless Alegra dates it anew.",
    es="Un CFDI se certifica dentro de las 72 horas de su fecha, salvo que Alegra la actualice.",
)


def examine(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # every country is asked alike
    """What the SAT, or the certification provider in between, would not take."""
    number = bare(draft.buyer.id_number)
    if draft.lacks(_RFC, draft.buyer.id_number):
        yield NO_RFC.broken(_RFC)
    elif number and not RFC_FORM.fullmatch(number):
        yield RFC_PATTERN.broken(_RFC, draft.buyer.id_number)
    elif number in {PUBLIC, STRANGER}:
        yield from _generic(draft, number)
    elif number:
        yield from _named(draft, number)
    method, form = (draft.payment_method or "").upper(), draft.payment_form
    if method and method not in {"PUE", "PPD"}:
        yield PAYMENT_METHOD.broken("paymentMethod", draft.payment_method)
    if method == "PPD":
        yield PPD_NEEDS_REP.broken("paymentMethod", "PPD")
        if form and form != "99":
            yield PPD_IS_NOT_PAID.broken("paymentForm", form)
    yield from _products(draft)


def _generic(draft: Draft, number: str) -> Iterator[Finding]:
    """Nobody's RFC: the public in general, or a buyer from abroad."""
    buyer = draft.buyer
    if buyer.regimes and GENERIC_REGIME not in buyer.regimes:
        yield GENERIC_RFC.broken(_REGIME, ", ".join(buyer.regimes))
    if buyer.cfdi_use in USES and buyer.cfdi_use not in USES_OF_GENERICS:
        yield GENERIC_RFC.broken(_USE, buyer.cfdi_use)
    if number == PUBLIC and draft.kind == "invoice":
        yield GLOBAL_INVOICE.broken(_RFC, number)


def _named(draft: Draft, number: str) -> Iterator[Finding]:
    buyer = draft.buyer
    try:
        rfc.validate(number, validate_check_digits=True)
    except ValidationError:
        yield RFC_UNUSUAL.broken(_RFC, number)
    if _LEGAL_FORM.search((buyer.name or "").replace(".", "").strip().upper()):
        yield NAME_WITH_LEGAL_FORM.broken("client.name", buyer.name)
    if draft.lacks(_ZIP, buyer.zip_code):
        yield NO_ZIP.broken(_ZIP)
    elif buyer.zip_code and not re.fullmatch(r"[0-9]{5}", buyer.zip_code):
        yield ZIP_FORM.broken(_ZIP, buyer.zip_code)
    yield from _regime(draft, company=len(number) == 12)


def _regime(draft: Draft, *, company: bool) -> Iterator[Finding]:
    buyer = draft.buyer
    if draft.lacks(_REGIME, buyer.regimes):
        yield NO_REGIME.broken(_REGIME)
    fitting = [each for each in buyer.regimes if applies_to_person(each, company=company)]
    if buyer.regimes and not fitting:
        person, persona = ("company", "persona moral") if company else ("person", "persona física")
        yield REGIME_OF_OTHER_PERSONS.broken(_REGIME, ", ".join(buyer.regimes), person=person, persona=persona)
    if buyer.cfdi_use and buyer.cfdi_use not in USES:
        yield STRANGE_USE.broken(_USE, buyer.cfdi_use)
    elif buyer.cfdi_use and fitting and not any(goes_with(buyer.cfdi_use, each) for each in fitting):
        yield USE_AGAINST_REGIME.broken(_USE, buyer.cfdi_use, regimes=", ".join(fitting))


def _products(draft: Draft) -> Iterator[Finding]:
    for path, line in lines_of(draft):
        if line.product_key and not re.fullmatch(r"[0-9]{8}", line.product_key):
            yield PRODUCT_KEY.broken(f"{path}.productKey", line.product_key)
        elif not line.product_key and "productKey" in line.shown:
            yield NO_PRODUCT_KEY.broken(f"{path}.productKey")


MEXICO: Final = Country(
    code="MX",
    name="México",
    zone="America/Mexico_City",
    application_version="mexico",
    examine=examine,
    deadline=lambda _: _SEVENTY_TWO_HOURS,
    deadlines=(_SEVENTY_TWO_HOURS,),
    formats=(
        CodeFormat(
            type="uuid",
            pattern=re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
            keys=("uuid",),
            source="§8: documented for the global invoice, inferred for the invoice",
        ),
    ),
    # Not documented for invoices (§13.4). When Alegra does show one, it is believed.
    expects_legal_status=False,
)
