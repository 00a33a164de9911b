"""Colombia: DIAN, whose CUFE and CUDE are SHA-384 digests in hexadecimal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from stdnum.co import nit

from worker.countries.country import CodeFormat, Country
from worker.countries.draft import Draft
from worker.countries.inner_fields import Issued, day_of, first, other_day, other_issuer
from worker.countries.rules import Finding, Rule, Severity, Words
from worker.countries.words import bare, digits, is_credit

FINAL_CONSUMER: Final = "222222222222"
"""The buyer nobody asked for a name."""

ID_TYPES: Final = frozenset(
    {"RC", "TI", "CC", "TE", "CE", "NIT", "PP", "PEP", "DIE", "NUIP", "FOREIGN_NIT"},
)

_NIT: Final = "client.identificationObject.number"
_DV: Final = "client.identificationObject.dv"
_TYPE: Final = "client.identificationObject.type"

NO_ID: Final = Rule(
    "co-client-identification",
    Severity.BLOCK,
    source="DIAN, Anexo técnico 1.9, grupo AccountingCustomerParty: CompanyID",
    en=Words("The client has no identification.", "Write the NIT or document number; final consumers: 222222222222."),
    es=Words("El cliente no tiene identificación.", "Escriba el NIT o documento; consumidor final: 222222222222."),
)
NO_ID_TYPE: Final = Rule(
    "co-client-identification-type",
    Severity.BLOCK,
    source="Alegra's token AEP6013 and code 2035 (alegra-api.md §7)",
    en=Words("The client's identification has no type.", "Choose NIT, CC, CE, PP … in the client's record."),
    es=Words("La identificación del cliente no tiene tipo.", "Elija NIT, CC, CE, PP … en la ficha del cliente."),
)
STRANGE_ID_TYPE: Final = Rule(
    "co-client-identification-type-unknown",
    Severity.WARN,
    source="Alegra's catálogo de parámetros, Colombia (alegra-api.md §9)",
    en=Words("{value} is no type of identification known in Colombia.", "Choose NIT, CC, CE, PP, TI, RC, NUIP …"),
    es=Words("{value} no es un tipo de identificación de Colombia.", "Elija NIT, CC, CE, PP, TI, RC, NUIP …"),
)
NIT_FORM: Final = Rule(
    "co-nit-form",
    Severity.BLOCK,
    source="DIAN, Anexo técnico 1.9, tabla 13.2.1: a NIT is written in digits, without its DV",
    en=Words("A NIT has 6 to 10 digits, besides its check digit.", "Write the NIT as it stands in the RUT."),
    es=Words("Un NIT tiene de 6 a 10 dígitos, sin el DV.", "Escriba el NIT como figura en el RUT."),
)
NIT_CHECK_DIGIT: Final = Rule(
    "co-nit-check-digit",
    Severity.BLOCK,
    source="DIAN, Anexo técnico 1.9, regla FAK24; Orden Administrativa 4 de 1989 (python-stdnum co.nit)",
    en=Words("The check digit (DV) of NIT {nit} is {expected}.", "Correct the DV, or the NIT, by the client's RUT."),
    es=Words("El dígito de verificación (DV) del NIT {nit} es {expected}.", "Corrija el DV o el NIT según el RUT."),
)
NO_CHECK_DIGIT: Final = Rule(
    "co-nit-check-digit-missing",
    Severity.WARN,
    source="DIAN, Anexo técnico 1.9, regla FAK24; Alegra computes a DV that is missing",
    en=Words("The NIT has no check digit (DV); it would be {expected}.", "Write the DV in the client's record."),
    es=Words(
        "El NIT no tiene dígito de verificación (DV); sería {expected}.", "Escriba el DV en la ficha del cliente."
    ),
)
CEDULA_FORM: Final = Rule(
    "co-cedula-form",
    Severity.WARN,
    source="Registraduría: 3 to 10 digits",
    en=Words("A cédula has 3 to 10 digits.", "Check the number, or the type of identification."),
    es=Words("Una cédula tiene de 3 a 10 dígitos.", "Revise el número o el tipo de identificación."),
)
NO_EMAIL: Final = Rule(
    "co-client-email",
    Severity.BLOCK,
    source="Alegra's token AEP6016 (alegra-api.md §7.3)",
    en=Words("The client has no e-mail, and the provider asks for one.", "Write the client's e-mail in Alegra."),
    es=Words("El cliente no tiene correo y el proveedor lo exige.", "Escriba el correo del cliente en Alegra."),
)
NO_ADDRESS: Final = Rule(
    "co-client-address",
    Severity.WARN,
    source="DIAN, Anexo técnico 1.9, grupo PhysicalLocation; Alegra's token AEP6017",
    en=Words("The client has no address.", "Write street, city and department in the client's record."),
    es=Words("El cliente no tiene dirección.", "Escriba dirección, municipio y departamento en la ficha del cliente."),
)
CITY_WRITTEN_OTHERWISE: Final = Rule(
    "co-client-city",
    Severity.WARN,
    source="Alegra's catálogo de parámetros, Colombia: the city exactly as in the catalogue (alegra-api.md §9)",
    en=Words('The catalogue writes this city "Bogotá, D.C.".', "Choose the city from Alegra's list."),
    es=Words('El catálogo escribe este municipio "Bogotá, D.C.".', "Elija el municipio de la lista de Alegra."),
)
NO_KIND_OF_PERSON: Final = Rule(
    "co-client-kind-of-person",
    Severity.WARN,
    source="Alegra's code 2031 and token AEP6012 (alegra-api.md §7)",
    en=Words("The client's kindOfPerson is not known.", "Choose LEGAL_ENTITY or PERSON_ENTITY."),
    es=Words("No se sabe si el cliente es persona jurídica o natural.", "Elija el tipo de persona en su ficha."),
)
CREDIT_WITHOUT_TERM: Final = Rule(
    "co-credit-due-date",
    Severity.WARN,
    source="DIAN, Anexo técnico 1.9, regla FAN: forma de pago 2 (crédito) asks for a due date",
    en=Words("It is sold on credit and falls due at once.", "Correct dueDate, or choose paymentForm CASH."),
    es=Words(
        "Es una venta a crédito y vence el mismo día.", "Corrija el vencimiento o elija forma de pago de contado."
    ),
)
RESOLUTION_DATES: Final = Rule(
    "co-resolution-dates",
    Severity.BLOCK,
    source="DIAN, Anexo técnico 1.9, reglas FAB07a (not before its start) and FAB08a (not after its end)",
    en=Words(
        "The resolution of this numbering is in force from {starts} to {ends}.",
        "Choose a resolution in force, or renew it with the DIAN and enter it in Alegra.",
    ),
    es=Words(
        "La resolución de esta numeración rige del {starts} al {ends}.",
        "Elija una resolución vigente, o renuévela ante la DIAN y regístrela en Alegra.",
    ),
)
UNTAXED_LINE: Final = Rule(
    "co-item-tax",
    Severity.WARN,
    source="alegra-api.md §3: an item without tax is billed at 0 %, even when the item has one",
    en=Words("No tax stands on this line: it is billed at 0 %.", "Write the tax, be it the excluded one."),
    es=Words("Esta línea no tiene impuesto: se factura al 0 %.", "Indique el impuesto, así sea el excluido."),
)


def examine(draft: Draft, today: date) -> Iterator[Finding]:  # noqa: ARG001  # every country is asked alike
    """What the DIAN, or the provider in between, would not take."""
    buyer = draft.buyer
    anonymous = bare(buyer.id_number) == FINAL_CONSUMER
    yield from _identification(draft)
    if not anonymous:
        if draft.lacks("client.email", buyer.email):
            yield NO_EMAIL.broken("client.email")
        if draft.lacks("client.address.address", buyer.street):
            yield NO_ADDRESS.broken("client.address.address")
        if draft.lacks("client.kindOfPerson", buyer.kind_of_person):
            yield NO_KIND_OF_PERSON.broken("client.kindOfPerson")
    city = (buyer.city or "").casefold()
    if city.startswith(("bogota", "bogotá")) and buyer.city != "Bogotá, D.C.":
        yield CITY_WRITTEN_OTHERWISE.broken("client.address.city", buyer.city)
    if is_credit(draft) and draft.issued and draft.due == draft.issued:
        yield CREDIT_WITHOUT_TERM.broken("dueDate", draft.due)
    yield from of_the_resolution(draft)
    for place, line in enumerate(draft.lines):
        if not line.taxed and ("tax" in line.shown or draft.to_create):
            yield UNTAXED_LINE.broken(f"items[{place}].tax")


def of_the_resolution(draft: Draft) -> Iterator[Finding]:
    """Whether the resolution is in force at the document's date, where its dates are known."""
    numbering = draft.numbering
    if draft.issued and (
        (numbering.starts and draft.issued < numbering.starts) or (numbering.ends and draft.issued > numbering.ends)
    ):
        told = {"starts": numbering.starts or "…", "ends": numbering.ends or "…"}
        yield RESOLUTION_DATES.broken("date", draft.issued, **told)


def _identification(draft: Draft) -> Iterator[Finding]:
    buyer = draft.buyer
    if draft.lacks(_NIT, buyer.id_number):
        yield NO_ID.broken(_NIT)
        return
    if draft.lacks(_TYPE, buyer.id_type):
        yield NO_ID_TYPE.broken(_TYPE)
    if buyer.id_type and buyer.id_type not in ID_TYPES:
        yield STRANGE_ID_TYPE.broken(_TYPE, buyer.id_type)
    if buyer.id_number is None:
        return
    if buyer.id_type == "NIT" and bare(buyer.id_number) != FINAL_CONSUMER:
        yield from of_nit(draft)
    elif buyer.id_type == "CC" and bare(buyer.id_number) != FINAL_CONSUMER:
        number = digits(buyer.id_number)
        if number is None or not 3 <= len(number) <= 10:
            yield CEDULA_FORM.broken(_NIT, buyer.id_number)


def of_nit(draft: Draft) -> Iterator[Finding]:
    """The NIT and its DV, which stands in a field of its own, or behind a dash."""
    written, dv = draft.buyer.id_number or "", bare(draft.buyer.dv)
    if joint := re.fullmatch(r"\s*([0-9.\s]+)-\s*([0-9])\s*", written):
        written, dv = joint[1], dv or joint[2]
    number = digits(written)
    if number is None or not 6 <= len(number) <= 10:
        yield NIT_FORM.broken(_NIT, draft.buyer.id_number)
        return
    expected = nit.calc_check_digit(number)
    if dv and dv != expected:
        yield NIT_CHECK_DIGIT.broken(_DV, dv, nit=number, expected=expected)
    elif not dv and draft.shows(_DV):
        yield NO_CHECK_DIGIT.broken(_DV, expected=expected)


def contradiction(code: str, issued: Issued) -> str:
    """A CUFE is a digest and says nothing; `barCodeContent` beside it spells out what it was made of."""
    text = issued.stamp.get("barCodeContent")
    lines = dict(re.findall(r"^\s*(\w+)\s*:\s*(.*?)\s*$", text, re.MULTILINE)) if isinstance(text, str) else {}
    spelt, number, day = (lines.get(name, "") for name in ("CUFE", "NumFac", "FecFac"))
    reasons = []
    if _SHA_384.fullmatch(spelt) and spelt.casefold() != code.casefold():
        reasons.append("its barCodeContent carries another CUFE")
    if number and issued.numbers and bare(number) not in map(bare, issued.numbers):
        reasons.append(f"its code is of number {number}, and the document has {issued.numbers[0]}")
    if day:
        reasons.append(other_day(day_of(day), issued))
    if lines.get("NitFac"):
        reasons.append(other_issuer(lines["NitFac"], issued))
    return first(*reasons)


_SHA_384 = re.compile(r"[0-9a-f]{96}", re.IGNORECASE)

COLOMBIA: Final = Country(
    code="CO",
    name="Colombia",
    zone="America/Bogota",
    application_version="colombia",
    examine=examine,
    contradiction=contradiction,
    formats=(
        CodeFormat(
            type="cufe",
            pattern=_SHA_384,
            kinds=frozenset({"invoice"}),
            keys=("cufe",),
            source="§8: 96 hexadecimal digits in stamp.cufe, seen in live invoices",
        ),
        CodeFormat(
            type="cude",
            pattern=_SHA_384,
            kinds=frozenset({"credit_note", "income_debit_note", "debit_note", "support_document"}),
            keys=("cude", "cufe"),
            source="§8: notes and support documents, in stamp.cude or else stamp.cufe, seen by a client",
        ),
    ),
    # Lines such as `CUFE: …` and the address in `QRCode: …`.
    texts=("barCodeContent",),
)
