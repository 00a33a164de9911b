"""Alegra's JSON of a document, shown by a read or about to be posted, as the draft that pre-flight examines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

from worker.alegra.kinds import SHAPES
from worker.alegra.schemas import count_of, money_of, text_of, truth_of
from worker.countries import Buyer, Draft, Line, Numbering, document_numbers
from worker.emission.observation import NumberTemplate

_DEEP: Final = {
    "client": ("name", "email", "kindOfPerson", "regimeObject", "cfdiUse", "ivaCondition", "thirdType"),
    "client.address": ("address", "city", "country", "zipCode"),
    "client.identificationObject": ("type", "number", "dv"),
}
"""Fields inside an object that a rule may ask for: known to be empty only when the object names them."""


_PLAIN: Final = (str, int, float, Decimal)

_OBJECTS: Final = frozenset({"client", "numberTemplate", "currency", "stamp"})


def draft_shown(document: Mapping[str, Any], country: str, kind: str) -> Draft:
    """What a read shows. What it leaves out is unknown, not missing. Never raises."""
    return _draft(_as_a_sale(document, kind), country, kind, to_create=False)


def draft_to_create(body: Mapping[str, Any], country: str, kind: str) -> Draft:
    """A body that will be posted: what it leaves out is missing, but what it names by an id is unknown."""
    return _draft(_as_a_sale(body, kind), country, kind, to_create=True)


def with_numbering(draft: Draft, template: NumberTemplate) -> Draft:
    """The draft, knowing how far its numbering reaches, by a template that was just read."""
    numbering = Numbering(
        id=template.id,
        prefix=template.prefix or draft.numbering.prefix,
        sub_type=template.sub_document_type or draft.numbering.sub_type,
        is_electronic=template.is_electronic,
        first=template.first_number,
        last=template.last_number,
        next=template.next_number,
        starts=_day(template.start_date),
        ends=_day(template.end_date),
    )
    return replace(draft, numbering=numbering)


def _as_a_sale(raw: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """The document with its party, lines and total under the names that a sale has; what it leaves out stays out."""
    shape, sale = SHAPES[kind], dict(raw)
    for ours, theirs in (("client", shape.parties), ("total", shape.totals)):
        found = [name for name in theirs if name in raw]
        if found:
            sale[ours] = raw[found[0]]
    purchases = raw.get("purchases")
    if isinstance(purchases, Mapping) and "items" in purchases:
        sale["items"] = purchases["items"]
    return sale


def _draft(raw: Mapping[str, Any], country: str, kind: str, *, to_create: bool) -> Draft:
    client, stamp, currency = _object(raw.get("client")), _object(raw.get("stamp")), _object(raw.get("currency"))
    items = raw.get("items")
    numbers = document_numbers(raw)
    # No currency shown is the country's own.
    rate = money_of(currency.get("exchangeRate")) if currency else Decimal(1)
    return Draft(
        country=country,
        kind=kind,
        to_create=to_create,
        shown=frozenset(_shown(raw, client)),
        generates_stamp=stamp.get("generateStamp") is True,
        issued=_day(text_of(raw.get("date"))),
        due=_day(text_of(raw.get("dueDate"))),
        number=numbers[0] if numbers else None,
        consecutive=count_of(_object(raw.get("numberTemplate")).get("number")),
        buyer=_buyer(client),
        lines=tuple(_line(_object(each)) for each in items) if isinstance(items, list) else (),
        numbering=_numbering(raw.get("numberTemplate")),
        total=money_of(raw.get("total")),
        currency=text_of(currency.get("code")),
        exchange_rate=rate,
        payment_form=text_of(raw.get("paymentForm")),
        payment_method=text_of(raw.get("paymentMethod")),
        sale_condition=text_of(raw.get("saleCondition")),
        sale_concept=text_of(raw.get("saleConcept")),
        operation_type=text_of(raw.get("operationType")),
        type=text_of(raw.get("type")),
        refers=tuple(SHAPES[kind].followed(raw)),
        service_from=_day(text_of(raw.get("startDateService"))),
        service_to=_day(text_of(raw.get("endDateService"))),
    )


def _shown(raw: Mapping[str, Any], client: Mapping[str, Any]) -> Iterator[str]:
    """The paths whose value can be told, be it that nothing stands there."""
    for name, value in raw.items():
        if name in _OBJECTS or _is_told(value):
            yield name
    if isinstance(raw.get("items"), list):
        yield "items"
    objects = {
        "client": client,
        "client.address": _object(client.get("address")),
        "client.identificationObject": _object(client.get("identificationObject")),
    }
    for path, found in objects.items():
        yield from (f"{path}.{name}" for name in _DEEP[path] if name in found and _is_told(found[name], name))
    if "identification" in client and _is_told(client["identification"]):
        yield "client.identificationObject.number"


def _is_told(value: object, name: str = "") -> bool:
    """Whether a value can be told. One of a form nobody described is unknown, not empty."""
    if name == "regimeObject":
        return value in (None, "", [], {}) or any(_regimes(value))
    # Every field of every line is asked: by far the most are plain, and comparing takes longer than looking at a type.
    return value is None or isinstance(value, _PLAIN) or value in ([], {})


def _buyer(client: Mapping[str, Any]) -> Buyer:
    identity, address = _object(client.get("identificationObject")), _object(client.get("address"))
    return Buyer(
        name=text_of(client.get("name")) or _names(_object(client.get("nameObject"))),
        id_type=text_of(identity.get("type")),
        id_number=text_of(identity.get("number")) or text_of(client.get("identification")),
        dv=text_of(identity.get("dv")),
        email=text_of(client.get("email")),
        kind_of_person=text_of(client.get("kindOfPerson")),
        regimes=tuple(dict.fromkeys(_regimes(client.get("regimeObject")))),
        cfdi_use=text_of(client.get("cfdiUse")),
        iva_condition=text_of(client.get("ivaCondition")),
        third_type=text_of(client.get("thirdType")),
        street=text_of(address.get("address")),
        city=text_of(address.get("city")),
        country=text_of(address.get("country")),
        zip_code=text_of(address.get("zipCode")),
    )


def _names(parts: Mapping[str, Any]) -> str | None:
    words = (text_of(parts.get(name)) for name in ("firstName", "secondName", "lastName"))
    return " ".join(filter(None, words)) or None


def _regimes(value: object, depth: int = 0) -> Iterator[str]:
    """The codes of three digits, wherever in the value they stand: its form is not documented."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list) and depth < 3:
        for each in value:
            yield from _regimes(each, depth + 1)
    elif (text := text_of(value)) and (code := re.match(r"6[0-9]{2}\b", text)):
        yield code[0]


def _line(item: Mapping[str, Any]) -> Line:
    return Line(
        quantity=money_of(item.get("quantity")),
        product_key=text_of(item.get("productKey")),
        taxed=bool(item.get("tax")),
        shown=frozenset(name for name, value in item.items() if name == "tax" or _is_told(value)),
    )


def _numbering(value: object) -> Numbering:
    template = _object(value)
    if not template:
        return Numbering(id=text_of(value))
    return Numbering(
        id=text_of(template.get("id")),
        prefix=text_of(template.get("prefix")),
        sub_type=text_of(template.get("subDocumentType")),
        is_electronic=truth_of(template.get("isElectronic")),
        # Of the resource; a document was not seen to show them, and where it does, they are as fresh as the document.
        first=count_of(template.get("minInvoiceNumber")),
        last=count_of(template.get("maxInvoiceNumber")),
        starts=_day(text_of(template.get("startDate"))),
        ends=_day(text_of(template.get("endDate"))),
    )


def _object(value: object) -> Mapping[str, Any]:
    """An object, also when it comes as an array of one; an empty one for anything else."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value if isinstance(value, Mapping) else {}


def _day(written: str | None) -> date | None:
    try:
        return date.fromisoformat(written[:10]) if written else None
    except ValueError:
        return None
