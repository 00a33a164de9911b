"""Seed data that looks like real companies: accents, ñ, ampersands, long names, foreign buyers, mixed currencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Final

from worker.sandbox.identification import Identification, company_identification, person_identification
from worker.sandbox.manners import SHOWN, may_have, terms_of, traits_of
from worker.sandbox.nations import Nation

_COMPANIES: Final = (
    "Ferretería Ñandú & Hijos",
    "Panadería La Espiga de Oro",
    "Distribuidora de Café Quindío",
    "Ópticas Muñoz-Peña",
    "Construcciones e Ingeniería Peñalosa, Echeverría y Asociados – División de Obras Civiles y Viales del Sur",
    "Clínica Odontológica Sonrisa Única",
    "Transportes Güemes",
    "Librería El Búho «Rafael Núñez»",
    "Agropecuaria San Íñigo",
    "Textiles Año Nuevo",
    'Servicios "24/7" de Plomería',
)
_PEOPLE: Final = (
    "María Fernanda Muñoz Ibáñez",
    "José Ángel Núñez Güell",
    "Zoë Álvarez de la Peña",
    "Íñigo O'Donnell Castañeda",
)
_FOREIGN: Final = ("Müller & Söhne GmbH", "Château Brévent S.à r.l.", "O'Connor Trading Ltd.")
_LEGAL_FORMS: Final = {
    "CO": "S.A.S.",
    "MX": "S.A. de C.V.",
    "CR": "S.R.L.",
    "PE": "S.A.C.",
    "AR": "S.R.L.",
    "DO": "S.R.L.",
    "PA": "S.A.",
}
_GOODS: Final = (
    ("Resma de papel carta 75 g", "4.80", "14111507", "3212800000100"),
    ("Hora de consultoría técnica", "35.00", "80101500", "8311100000000"),
    ('Tornillo cabeza plana 1/4" × 2½" (caja x 100)', "6.25", "31161500", "4299900000500"),
    ("Café tostado en grano, origen Huila, 500 g", "7.90", "50201706", "2391100020100"),
    ("Servicio de diseño gráfico – señalización", "120.00", "82141500", "8391100000000"),
    ("Piñón de transmisión Ø 28 mm", "18.35", "31171700", "4332000000000"),
    ("Mantenimiento preventivo de equipo de cómputo", "49.99", "81112300", "8713000000000"),
    ("Almuerzo ejecutivo", "5.50", "90101500", "6331000000000"),
)


@dataclass(frozen=True, slots=True)
class Good:
    """Something an account sells."""

    id: str
    name: str
    price: Decimal
    product_key: str


def goods_of(nation: Nation) -> list[Good]:
    """The account's items, priced in its own currency."""
    return [
        Good(
            str(place),
            name,
            _rounded(Decimal(usd) * Decimal(str(nation.scale)), nation),
            cabys if _is_cr(nation) else sat,
        )
        for place, (name, usd, sat, cabys) in enumerate(_GOODS, start=1)
    ]


def issuer_of(nation: Nation, name: str, chance: Random) -> tuple[str, Identification]:
    """The account's own company: its name and tax number."""
    return f"{name.title()} Ñ & Cía. {_LEGAL_FORMS[nation.iso]}", company_identification(nation.iso, chance)


def contacts_of(nation: Nation, chance: Random) -> list[dict[str, Any]]:
    """The account's clients, as GET /contacts/{id} shows them."""
    companies = [(f"{name} {_LEGAL_FORMS[nation.iso]}", "LEGAL_ENTITY") for name in _COMPANIES]
    people = [(name, "PERSON_ENTITY") for name in _PEOPLE]
    known = [
        _contact(str(70 + place), name, kind, nation, chance)
        for place, (name, kind) in enumerate(companies + people, start=1)
    ]
    abroad = [
        _contact(str(90 + place), name, "LEGAL_ENTITY", nation, chance, abroad=True)
        for place, name in enumerate(_FOREIGN, start=1)
    ]
    return known + abroad


def _identified(kind: str, nation: Nation, chance: Random) -> Identification:
    return (company_identification if kind == "LEGAL_ENTITY" else person_identification)(nation.iso, chance)


def _abroad(nation: Nation, chance: Random) -> Identification:
    if nation.iso == "MX":
        return Identification("RFC", "XEXX010101000")
    kind = {"CO": "FOREIGN_NIT", "PE": "PTP", "AR": "OTHER"}.get(nation.iso, "PE")
    return Identification(kind, str(chance.randrange(10**8, 10**9)))


def _contact(id_: str, name: str, kind: str, nation: Nation, chance: Random, *, abroad: bool = False) -> dict[str, Any]:
    identification = _abroad(nation, chance) if abroad else _identified(kind, nation, chance)
    mailbox = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())[:20]
    return {
        "id": id_,
        "name": name,
        "identification": identification.number,
        "identificationObject": identification.as_json(),
        "kindOfPerson": kind,
        "email": f"{mailbox}@clientes.example",
        "phonePrimary": None,
        "address": {
            "address": "Calle 10 # 5-51, 2.º piso",
            "city": nation.city,
            "zipCode": "06000",
            **({"country": "Alemania"} if abroad else {}),
        },
        "type": ["client"],
        "status": "active",
        **traits_of(nation, kind, chance, abroad=abroad),
    }


def invoice_facts(
    nation: Nation,
    contacts: Sequence[dict[str, Any]],
    goods: Sequence[Good],
    issued: date,
    chance: Random,
    sub_document_type: str = "",
) -> dict[str, Any]:
    """The fields of a new invoice that stamping does not change, for a buyer who may have it from such a numbering."""
    client = chance.choice([each for each in contacts if may_have(nation, sub_document_type, each)])
    chosen = [(good, chance.randrange(1, 8)) for good in chance.sample(goods, chance.randrange(1, 5))]
    credit = chance.random() < 0.4
    currency = nation.currency if chance.random() < 0.85 else "USD"
    rate = Decimal(1) if currency == nation.currency else Decimal(str(nation.scale))
    lines = [(good, quantity, _rounded(good.price / rate, nation)) for good, quantity in chosen]
    return compose_invoice(
        nation,
        client=client,
        lines=[
            line_of(nation, good.id, good.name, price, Decimal(quantity), nation.tax_percent, good.product_key)
            for good, quantity, price in lines
        ],
        issued=issued.isoformat(),
        due=(issued + timedelta(days=30 if credit else 0)).isoformat(),
        more={
            "observations": "",
            "currency": {"code": currency, "exchangeRate": str(rate)},
            **terms_of(nation, credit=credit),
        },
    )


def line_of(
    nation: Nation,
    id_: str,
    name: str,
    price: Decimal,
    quantity: Decimal,
    tax_percent: int,
    product_key: str | None = None,
) -> dict[str, Any]:
    """One line of an invoice; the price a string and the total a number, as Alegra mixes them."""
    taxes = [{"id": "3", "name": nation.tax_name, "percentage": f"{tax_percent:.2f}"}] if tax_percent else []
    return {
        "id": id_,
        "name": name,
        "description": None,
        "price": f"{price:.10f}",
        "quantity": _number(quantity),
        "discount": "0.00",
        "productKey": product_key,
        "unit": "unit",
        "tax": taxes,
        "total": _number(_rounded(price * quantity, nation)),
    }


def compose_invoice(
    nation: Nation,
    *,
    client: dict[str, Any],
    lines: Sequence[dict[str, Any]],
    issued: str,
    due: str,
    more: dict[str, Any],
) -> dict[str, Any]:
    """An invoice's unchanging fields, with its totals; money comes as number and as string, as Alegra's does."""
    subtotal = sum((Decimal(str(line["total"])) for line in lines), Decimal(0))
    tax = Decimal(0)
    for line in lines:
        percent = sum((Decimal(str(each["percentage"])) for each in line["tax"]), Decimal(0))
        tax += _rounded(Decimal(str(line["total"])) * percent / 100, nation)
    return {
        "date": issued,
        "dueDate": due,
        "client": {key: client[key] for key in SHOWN if key in client},
        "items": list(lines),
        "subtotal": _number(subtotal),
        "discount": "0.0000000000",
        "tax": f"{tax:.2f}",
        "total": _number(subtotal + tax),
        "decimalPrecision": str(nation.decimals),
        "anotation": None,
        "termsConditions": None,
        "warehouse": {"id": "1", "name": "Principal"},
        "type": "NATIONAL" if nation.iso == "CO" else None,
        **more,
    }


def _rounded(amount: Decimal, nation: Nation) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-nation.decimals), rounding=ROUND_HALF_UP)


def _number(amount: Decimal) -> int | float:
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def _is_cr(nation: Nation) -> bool:
    return nation.iso == "CR"
