"""Panama: DGI, whose CUFE spells the document out in 66 characters."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Final

from worker.countries.country import CodeFormat, Country
from worker.countries.draft import Draft
from worker.countries.inner_fields import Issued, day_of, first, other_day, other_issuer, other_kind, other_number
from worker.countries.rules import Finding, Rule, Severity, Words

THIRD_TYPES: Final = frozenset({"FINAL_CONSUMER", "GOVERNMENT", "TAXPAYER", "FOREIGN"})

_NUMBER: Final = "client.identificationObject.number"
_DV: Final = "client.identificationObject.dv"
_THIRD: Final = "client.thirdType"

NO_RUC: Final = Rule(
    "pa-ruc-missing",
    Severity.BLOCK,
    source="DGI, ficha técnica FE: gRucRec is required for taxpayers and government (iTipoRec 01, 03)",
    en=Words("A {third} needs a RUC.", "Write the client's RUC and DV, or choose FINAL_CONSUMER."),
    es=Words("Un receptor {third} necesita RUC.", "Registre el RUC y el DV del cliente o elija consumidor final."),
)
RUC_FORM: Final = Rule(
    "pa-ruc-form",
    Severity.BLOCK,
    source="DGI, ficha técnica FE: dRuc has 5 to 20 letters, digits and dashes",
    en=Words("A RUC has 5 to 20 letters, digits and dashes.", "Copy it from the client's aviso de operación."),
    es=Words("Un RUC tiene de 5 a 20 letras, dígitos y guiones.", "Cópielo del aviso de operación del cliente."),
)
NO_DV: Final = Rule(
    "pa-dv-missing",
    Severity.BLOCK,
    source="DGI, ficha técnica FE: dDV is required with dRuc",
    en=Words("The RUC has no DV.", "Write the two digits of the DV in the client's record."),
    es=Words("El RUC no tiene DV.", "Escriba los dos dígitos del DV en la ficha del cliente."),
)
DV_FORM: Final = Rule(
    "pa-dv-form",
    Severity.BLOCK,
    source="DGI, ficha técnica FE: dDV has one or two digits",
    en=Words("A DV has two digits.", "Copy it from the DGI's register."),
    es=Words("Un DV tiene dos dígitos.", "Cópielo del registro de la DGI."),
)
NO_THIRD_TYPE: Final = Rule(
    "pa-third-type-missing",
    Severity.WARN,
    source="DGI, ficha técnica FE: iTipoRec is required; what Alegra writes in its place is not known",
    en=Words("The client has no thirdType.", "Choose TAXPAYER, FINAL_CONSUMER, GOVERNMENT or FOREIGN."),
    es=Words("El cliente no tiene tipo de receptor.", "Elija contribuyente, consumidor final, gobierno o extranjero."),
)
STRANGE_THIRD_TYPE: Final = Rule(
    "pa-third-type-unknown",
    Severity.WARN,
    source="Alegra's catálogo de parámetros, Panamá (alegra-api.md §3)",
    en=Words("{value} is no thirdType.", "Choose TAXPAYER, FINAL_CONSUMER, GOVERNMENT or FOREIGN."),
    es=Words("{value} no es un tipo de receptor.", "Elija contribuyente, consumidor final, gobierno o extranjero."),
)
FOREIGNER_WITHOUT_COUNTRY: Final = Rule(
    "pa-foreign-country",
    Severity.WARN,
    source="DGI, ficha técnica FE: gIdExt and cPaisRec of a foreign receiver (iTipoRec 04)",
    en=Words("A foreign client has no country.", "Write the country in the client's address."),
    es=Words("Un cliente extranjero no tiene país.", "Escriba el país en la dirección del cliente."),
)


def examine(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # every country is asked alike
    """What the DGI, or the PAC in between, would not take."""
    buyer = draft.buyer
    third = (buyer.third_type or "").upper()
    if draft.lacks(_THIRD, buyer.third_type):
        yield NO_THIRD_TYPE.broken(_THIRD)
    elif third and third not in THIRD_TYPES:
        yield STRANGE_THIRD_TYPE.broken(_THIRD, buyer.third_type)
    if third in {"TAXPAYER", "GOVERNMENT"}:
        yield from _ruc(draft, third)
    if third == "FOREIGN" and draft.lacks("client.address.country", buyer.country):
        yield FOREIGNER_WITHOUT_COUNTRY.broken("client.address.country")


def _ruc(draft: Draft, third: str) -> Iterator[Finding]:
    buyer = draft.buyer
    if draft.lacks(_NUMBER, buyer.id_number):
        yield NO_RUC.broken(_NUMBER, third=third)
    elif buyer.id_number and not re.fullmatch(r"[0-9A-Z-]{5,20}", buyer.id_number.strip().upper()):
        yield RUC_FORM.broken(_NUMBER, buyer.id_number)
    if draft.lacks(_DV, buyer.dv):
        yield NO_DV.broken(_DV)
    elif buyer.dv and not re.fullmatch(r"[0-9]{1,2}", buyer.dv.strip()):
        yield DV_FORM.broken(_DV, buyer.dv)


_TYPES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "invoice": frozenset({"01", "02", "03", "08", "09", "10"}),
        "credit_note": frozenset({"04", "06"}),
        "income_debit_note": frozenset({"05", "07"}),
    }
)
"""Types of document (iDoc): invoices of all sorts, and notes, each with a reference or without."""


def contradiction(code: str, issued: Issued) -> str:
    """The CUFE's parts, at the places `CodeFormat` names."""
    return first(
        other_kind(code[2:4], _TYPES, issued.kind),
        other_day(day_of(code[32:40]), issued),
        other_number(code[40:50], issued),
        other_issuer(code[5:25], issued),
    )


PANAMA: Final = Country(
    code="PA",
    name="Panamá",
    zone="America/Panama",
    application_version="panama",
    examine=examine,
    contradiction=contradiction,
    formats=(
        CodeFormat(
            # FE, document type 2, RUC type 1, RUC 20, -DV 3, branch 4, date 8, number 10,
            # point of sale 3, emission type 2, environment 1, security 9, check digit 1.
            type="cufe",
            pattern=re.compile(
                r"FE[0-9]{2}[123][0-9A-Z-]{20}-[0-9]{2}[0-9A-Z]{4}[0-9]{8}[0-9]{10}[0-9]{3}[0-9]{2}[12][0-9]{9}[0-9]"
            ),
            keys=("cufe",),
            source="§8: layout derived from four published codes, all of 66 characters; the key is an assumption",
        ),
    ),
    # Documents of a fiscal printer carry only this (§2.3).
    never_sent_keys=("fiscalNumber",),
)
