"""The credit note that corrects an invoice, as the body Alegra creates it from (alegra-api.md §5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from worker.alegra.schemas import money_of, text_of
from worker.countries.corrections import Corrections, Reason
from worker.emission.observation import NumberTemplate

_CENT: Final = Decimal("0.01")


class CannotCorrect(ValueError):
    """The sentence says why, and what to say instead."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line to take back, by its place from 1; all of it, or so much of its quantity."""

    place: int
    quantity: Decimal | None = None


def reference_of(kind: str, document_id: str, number: int) -> str:
    """The correction's own name, the same whenever it is prepared: so it is created once."""
    return f"correction:{kind}:{document_id}" + (f":{number}" if number > 1 else "")


def credit_note(
    invoice: Mapping[str, Any],
    corrections: Corrections,
    reason: Reason | None,
    *,
    cause: str | None,
    today: date,
    parts: Sequence[Part] = (),
    amount: Decimal | None = None,
) -> dict[str, Any]:
    """The body of a draft; whole when neither parts nor an amount are named. Raises `CannotCorrect`."""
    lines = [each for each in invoice.get("items") or [] if isinstance(each, Mapping)]
    total = money_of(invoice.get("total"))
    if total is None or not lines:
        raise CannotCorrect("Alegra shows no total or no lines of it: make the credit note in Alegra")
    if amount is not None:
        items, worth = [_lump(lines, amount, total)], amount
    elif parts:
        chosen = [_chosen(lines, part) for part in parts]
        items, worth = [_item(*each) for each in chosen], sum((_worth(*each) for each in chosen), Decimal(0))
    else:
        items, worth = [_item(each, _quantity(each)) for each in lines], total
    body: dict[str, Any] = {
        "date": today.isoformat(),
        "client": {"id": _id_of(invoice.get("client"))},
        "items": items,
        "invoices": [{"id": text_of(invoice.get("id")), "amount": _number(worth)}],
    }
    currency = invoice.get("currency")
    if isinstance(currency, Mapping) and currency.get("code"):
        body["currency"] = {name: currency[name] for name in ("code", "exchangeRate") if currency.get(name)}
    if reason is not None and corrections.field is not None:
        body[corrections.field] = reason.code
    if corrections.cause:
        body["cause"] = cause or (reason.es.capitalize() if reason else "Corrección")
    elif cause:
        body["observations"] = cause
    return body


def numbering_for(
    templates: Sequence[NumberTemplate], corrections: Corrections, invoice: Mapping[str, Any]
) -> NumberTemplate | None:
    """The one numbering the note can have; None when there is none, or more than one and a person must choose."""
    fitting = [
        each
        for each in templates
        if each.document_type == "creditNote" and each.is_electronic and each.is_active and _fits(each, corrections)
    ]
    if corrections.follows_letter and (letter := _letter(invoice)):
        fitting = [each for each in fitting if letter in {_letter_of(each.sub_document_type), each.prefix[:1]}]
    return fitting[0] if len(fitting) == 1 else None


def _fits(template: NumberTemplate, corrections: Corrections) -> bool:
    return corrections.series is None or (template.sub_document_type or "").startswith(corrections.series)


def _letter(invoice: Mapping[str, Any]) -> str | None:
    """A, B or C of an Argentine invoice; F or B of a Peruvian one."""
    numbering = invoice.get("numberTemplate")
    if isinstance(numbering, list) and len(numbering) == 1:
        numbering = numbering[0]
    if not isinstance(numbering, Mapping):
        return None
    return _letter_of(text_of(numbering.get("subDocumentType"))) or (text_of(numbering.get("prefix")) or "")[:1] or None


def _letter_of(sub_type: str | None) -> str | None:
    _, _, last = (sub_type or "").rpartition("_")
    return last if len(last) == 1 else None


def _chosen(lines: Sequence[Mapping[str, Any]], part: Part) -> tuple[Mapping[str, Any], Decimal]:
    if not 1 <= part.place <= len(lines):
        raise CannotCorrect(f"it has no line {part.place}: its lines are 1 to {len(lines)}")
    line = lines[part.place - 1]
    has = _quantity(line)
    wanted = has if part.quantity is None else part.quantity
    if not 0 < wanted <= has:
        raise CannotCorrect(f"line {part.place} has a quantity of {_plain(has)}: {_plain(wanted)} cannot be taken back")
    return line, wanted


def _lump(lines: Sequence[Mapping[str, Any]], amount: Decimal, total: Decimal) -> dict[str, Any]:
    """One line of so much, taxes included, of the first item; possible where all lines are taxed alike."""
    if not 0 < amount <= total:
        raise CannotCorrect(f"its total is {_plain(total)}: {_plain(amount)} cannot be taken back")
    if len({_rate(line) for line in lines}) > 1:
        raise CannotCorrect("its lines are taxed differently: say --line instead of --amount")
    first = lines[0]
    item = _item(first, Decimal(1))
    item.pop("discount", None)
    return item | {"price": _number((amount / (1 + _rate(first) / 100)).quantize(_CENT))}


def _item(line: Mapping[str, Any], quantity: Decimal) -> dict[str, Any]:
    """A line of the invoice as a line of the note: what it names by an id, and what was agreed on."""
    price = money_of(line.get("price"))
    item: dict[str, Any] = {
        "id": text_of(line.get("id")),
        "price": line.get("price") if price is None else _number(price),
        "quantity": _number(quantity),
    }
    if money_of(line.get("discount")):
        item["discount"] = line["discount"]
    if line.get("description"):
        item["description"] = line["description"]
    named = [{"id": text_of(tax.get("id"))} for tax in _taxes(line)]
    return item | ({"tax": named} if named else {})


def _worth(line: Mapping[str, Any], quantity: Decimal) -> Decimal:
    """What so much of a line comes to, taxes included, to the cent."""
    price = money_of(line.get("price"))
    if price is None:
        raise CannotCorrect("Alegra shows a line without a price: say --amount, or make the note in Alegra")
    net = price * quantity * (1 - (money_of(line.get("discount")) or Decimal(0)) / 100)
    return (net * (1 + _rate(line) / 100)).quantize(_CENT)


def _rate(line: Mapping[str, Any]) -> Decimal:
    return sum((money_of(tax.get("percentage")) or Decimal(0) for tax in _taxes(line)), Decimal(0))


def _taxes(line: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = line.get("tax")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def _quantity(line: Mapping[str, Any]) -> Decimal:
    return money_of(line.get("quantity")) or Decimal(1)


def _id_of(party: object) -> str | None:
    if isinstance(party, list) and len(party) == 1:
        party = party[0]
    return text_of(party.get("id")) if isinstance(party, Mapping) else text_of(party)


def _number(value: Decimal) -> int | float:
    """As JSON writes it: whole without a point."""
    return int(value) if value == value.to_integral_value() else float(value)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
