"""What each country's authority refuses about a document's own fields, one mistake at a time, as Alegra tells it.

Written here and not shared with the worker, so that a mistake in one shows. Only what is certain is refused: where a
rule is not known for sure, the stand-in accepts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, Final

from worker.sandbox.identification import Identification, cuit_check_digit, nit_check_digit, ruc_check_digit
from worker.sandbox.nations import Nation
from worker.sandbox.numbering import NumberTemplate

Facts = Mapping[str, Any]


EXAMINED: Final = ("invoice", "credit_note", "income_debit_note")
"""Kinds whose rules are known well enough."""


def objection(nation: Nation, facts: Facts, template: NumberTemplate, kind: str = "invoice") -> str | None:
    """The sentence by which a stamp of this document is refused; None when nothing in it is certainly wrong."""
    if kind not in EXAMINED:
        return None
    everywhere = _everywhere(facts)
    return next(everywhere, None) or next(_OF_COUNTRY[nation.iso](facts, template), None)


def _everywhere(facts: Facts) -> Iterator[str]:
    if not facts.get("items"):
        yield "items es obligatorio"
    for place, line in enumerate(facts.get("items") or []):
        if _decimal(line.get("quantity")) <= 0:
            yield f"itemDetails.{place}.quantity debe ser mayor que 0"
    if not _text(_client(facts).get("name")):
        yield "AEP6014 El nombre del cliente es obligatorio"


def _colombia(facts: Facts, template: NumberTemplate) -> Iterator[str]:
    buyer = _identity(facts)
    anonymous = buyer.number == "222222222222"
    if not buyer.number:
        yield "Regla: FAK21, Rechazo: No está informada la identificación del adquiriente"
    if not buyer.type:
        yield "AEP6013 El tipo de identificación del cliente es obligatorio"
    if buyer.type == "NIT" and not anonymous:
        joint = re.fullmatch(r"([0-9]{6,10})-([0-9])", re.sub(r"[.\s]", "", buyer.number))
        base, said = (joint[1], buyer.dv or joint[2]) if joint else (_plain(buyer.number), buyer.dv)
        if not re.fullmatch(r"[0-9]{6,10}", base):
            yield "Regla: FAK20, Rechazo: El NIT del adquiriente no es válido"
        elif said and said != nit_check_digit(base):
            yield "Regla: FAK24, Rechazo: El DV del NIT del adquiriente no es correcto"
    if not anonymous and not _text(_client(facts).get("email")):
        yield "AEP6016 El correo del cliente es obligatorio"
    day = str(facts["date"])
    if day < template.start_date or (template.end_date and day > template.end_date):
        yield "Regla: FAB08a, Rechazo: Fecha de emisión fuera de la vigencia de la resolución"


_MORAL_ONLY: Final = ("601", "603", "609", "620", "623", "624", "628")
_FISICA_ONLY: Final = ("605", "606", "607", "608", "611", "612", "614", "615", "616", "621", "625")
_NO_EXPENSES: Final = ("605", "607", "608", "610", "611", "614", "615", "616", "629", "630")
"""Régimenes that cannot be billed for goods, expenses or investments (G01, G03, I01 to I08)."""
_DEDUCE: Final = ("605", "606", "607", "608", "611", "612", "614", "615", "625")


def _mexico(facts: Facts, _: NumberTemplate) -> Iterator[str]:
    rfc = _plain(_identity(facts).number)
    if not re.fullmatch(r"[A-ZÑ&]{3,4}[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])[A-Z0-9]{2}[0-9A]", rfc):
        yield "CFDI40144: El campo Rfc del receptor no cumple con el patrón requerido"
    yield from _generic(facts) if rfc in ("XAXX010101000", "XEXX010101000") else _named(facts, rfc)
    for line in facts["items"]:
        if (key := _text(line.get("productKey"))) and not re.fullmatch(r"[0-9]{8}", key):
            yield f"CFDI40171: La ClaveProdServ {key} no existe en el catálogo"


def _generic(facts: Facts) -> Iterator[str]:
    client = _client(facts)
    if "616" not in _regimes(client):
        yield "CFDI40157: El régimen del receptor genérico debe ser 616"
    if _text(client.get("cfdiUse")) not in ("S01", "CP01", ""):
        yield "CFDI40161: El UsoCFDI del receptor genérico debe ser S01"


def _named(facts: Facts, rfc: str) -> Iterator[str]:
    client = _client(facts)
    if not re.fullmatch(r"[0-9]{5}", _text((client.get("address") or {}).get("zipCode"))):
        yield "CFDI40147: El DomicilioFiscalReceptor no es válido"
    regimes = _regimes(client)
    others = _FISICA_ONLY if len(rfc) == 12 else _MORAL_ONLY
    own = [each for each in regimes if each not in others]
    if not regimes:
        yield "CFDI40157: El RegimenFiscalReceptor es obligatorio"
    elif not own:
        yield "CFDI40158: El régimen fiscal no corresponde al tipo de persona"
    elif not any(_use_allowed(_text(client.get("cfdiUse")), each) for each in own):
        yield "CFDI40161: El UsoCFDI no corresponde al régimen fiscal"


def _regimes(client: Facts) -> list[str]:
    return re.findall(r"\b6[0-9]{2}\b", str(client.get("regimeObject") or ""))


def _use_allowed(use: str, regime: str) -> bool:
    if re.fullmatch(r"G0[13]|I0[1-8]", use):
        return regime not in _NO_EXPENSES
    if use == "G02":
        return regime == "616" or regime not in _NO_EXPENSES
    if re.fullmatch(r"D(0[1-9]|10)", use):
        return regime in _DEDUCE
    return use != "CN01" or regime == "605"


def _peru(facts: Facts, template: NumberTemplate) -> Iterator[str]:
    buyer = _identity(facts)
    number = _plain(buyer.number)
    if buyer.type == "RUC" and not re.fullmatch(r"[0-9]{11}", number):
        yield "2017 El número de RUC del receptor debe tener 11 dígitos"
    elif buyer.type == "RUC" and number[10] != ruc_check_digit(number[:10]):
        yield "2017 El número de RUC del receptor no es válido"
    if buyer.type == "DNI" and not re.fullmatch(r"[0-9]{8}", number):
        yield "2801 El DNI del receptor debe tener 8 dígitos"
    internal = facts.get("operationType") == "INTERNAL_SALE"
    factura = template.document_type == "invoice" and template.series.prefix.startswith("F")
    if factura and internal and (buyer.type != "RUC" or not number):
        yield "2800 El tipo de documento del receptor de una factura debe ser RUC"


def _costa_rica(facts: Facts, _: NumberTemplate) -> Iterator[str]:
    buyer = _identity(facts)
    lengths = {"CF": r"[0-9]{9}", "CJ": r"[0-9]{10}", "DIMEX": r"[0-9]{11,12}", "NITE": r"[0-9]{10}"}
    if (
        buyer.number
        and buyer.type in lengths
        and not re.fullmatch(lengths[buyer.type], _plain(buyer.number).lstrip("0"))
    ):
        yield f"-37 La identificación {buyer.type} del receptor no tiene el formato requerido"
    for place, line in enumerate(facts["items"]):
        if not re.fullmatch(r"[0-9]{13}", _text(line.get("productKey"))):
            yield f"itemDetails.{place}.productKey – el código CABYS es obligatorio y tiene 13 dígitos"
        if not line.get("tax"):
            yield f"itemDetails.{place}.taxes – missing required property"


def _argentina(facts: Facts, template: NumberTemplate) -> Iterator[str]:
    buyer = _identity(facts)
    number = _plain(buyer.number)
    whole = re.fullmatch(r"[0-9]{11}", number)
    if number and buyer.type in ("CUIT", "CUIL", "CDI") and (not whole or number[10] != cuit_check_digit(number[:10])):
        yield "10015: El campo DocNro es inválido"
    if template.series.sub_document_type.endswith("_A"):
        if buyer.type != "CUIT":
            yield "10013: Para comprobantes clase A el campo DocTipo debe ser igual a 80 (CUIT)"
        if _client(facts).get("ivaCondition") not in ("IVA_RESPONSABLE", "UNIQUE_TRIBUTE_RESPONSABLE", None):
            yield "10243: La condición frente al IVA del receptor no es válida para la clase de comprobante"
    if "SERVICE" in _text(facts.get("saleConcept")):
        begins, ends = _text(facts.get("startDateService")), _text(facts.get("endDateService"))
        if not begins or not ends or ends < begins:
            yield "10049: Los campos FchServDesde y FchServHasta son obligatorios para servicios"


def _dominican_republic(facts: Facts, template: NumberTemplate) -> Iterator[str]:
    buyer = _identity(facts)
    number = _plain(buyer.number)
    proper = bool(re.fullmatch(r"[0-9]{9}|[0-9]{11}", number))
    type_ = template.series.sub_document_type[-2:]
    if number and buyer.type in ("RNC", "CEDULA") and not proper:
        yield "El RNCComprador debe tener 9 u 11 dígitos"
    if type_ in ("31", "44", "45") and not proper:
        yield f"El RNCComprador es obligatorio para el tipo E{type_}"
    rate = _decimal((facts.get("currency") or {}).get("exchangeRate") or 1)
    if type_ == "32" and not number and _decimal(facts["total"]) * rate >= 250_000:
        yield "El RNCComprador es obligatorio en facturas de consumo de RD$250,000 o más"
    if type_ in ("33", "34") and template.document_type == "invoice":
        yield f"El tipo E{type_} no corresponde a una factura"


def _panama(facts: Facts, _: NumberTemplate) -> Iterator[str]:
    buyer = _identity(facts)
    if _client(facts).get("thirdType") in ("TAXPAYER", "GOVERNMENT"):
        if not re.fullmatch(r"[0-9A-Z-]{5,20}", buyer.number.strip().upper()):
            yield "El RUC del receptor es obligatorio y no cumple el formato"
        if not re.fullmatch(r"[0-9]{1,2}", buyer.dv):
            yield "El DV del receptor es obligatorio y tiene dos dígitos"


_OF_COUNTRY: Final[Mapping[str, Callable[[Facts, NumberTemplate], Iterator[str]]]] = MappingProxyType(
    {
        "CO": _colombia,
        "MX": _mexico,
        "PE": _peru,
        "CR": _costa_rica,
        "AR": _argentina,
        "DO": _dominican_republic,
        "PA": _panama,
    }
)


def _client(facts: Facts) -> Mapping[str, Any]:
    return facts.get("client") or {}


def _identity(facts: Facts) -> Identification:
    """Type, number and check digits of the buyer, empty where nothing stands."""
    client = _client(facts)
    identity = client.get("identificationObject") or {}
    number = _text(identity.get("number")) or _text(client.get("identification"))
    return Identification(_text(identity.get("type")), number, _text(identity.get("dv")))


def _plain(number: str) -> str:
    """Without separators, in capitals."""
    return re.sub(r"[\s.,/\u2010-\u2015\u2212-]", "", number.upper())


def _text(value: object) -> str:
    return "" if value in (None, [], {}) else str(value).strip()


def _decimal(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return Decimal(0)
