"""The credit note of an invoice: whole or in part, with each country's reason, and never more than the invoice had."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from worker.alegra.corrections import CannotCorrect, Part, credit_note, numbering_for, reference_of
from worker.countries import COUNTRIES
from worker.countries.corrections import CORRECTIONS
from worker.emission.observation import NumberTemplate

TODAY = date(2026, 3, 3)

INVOICE: dict[str, Any] = {
    "id": "501",
    "total": "178500.00",
    "client": {"id": "77", "name": "Demo Compradora SAS"},
    "currency": {"code": "COP", "exchangeRate": "1"},
    "numberTemplate": {"id": "9", "prefix": "SETP"},
    "items": [
        {"id": "12", "price": "100000.0000000000", "quantity": 1, "discount": "0.00",
         "tax": [{"id": "3", "percentage": "19.00"}]},
        {"id": "13", "price": 12500, "quantity": "4.00", "discount": "0", "description": "Café",
         "tax": [{"id": "3", "percentage": "19.00"}]},
    ],
}  # fmt: skip

CO = CORRECTIONS["CO"]


def note(invoice: dict[str, Any] = INVOICE, *, code: str | None = None, country: str = "CO", **more: Any) -> Any:
    rules = CORRECTIONS[country]
    whole = not more.get("parts") and more.get("amount") is None
    reason = rules.reason(code) if code else rules.usual(whole=whole)
    return credit_note(invoice, rules, reason, **({"cause": None, "today": TODAY} | more))


def a_template(id_: str, **changes: Any) -> NumberTemplate:
    ordinary: dict[str, Any] = {
        "id": id_,
        "name": "NC",
        "prefix": "NC",
        "document_type": "creditNote",
        "is_electronic": True,
        "is_active": True,
    }
    return NumberTemplate(**(ordinary | changes))


def test_the_whole_invoice_is_taken_back_line_by_line() -> None:
    assert note() == {
        "date": "2026-03-03",
        "client": {"id": "77"},
        "items": [
            {"id": "12", "price": 100000, "quantity": 1, "tax": [{"id": "3"}]},
            {"id": "13", "price": 12500, "quantity": 4, "description": "Café", "tax": [{"id": "3"}]},
        ],
        "invoices": [{"id": "501", "amount": 178500}],
        "currency": {"code": "COP", "exchangeRate": "1"},
        "type": "VOID_ELECTRONIC_INVOICE",
        "cause": "Anulación de factura electrónica",
    }


def test_a_line_or_a_part_of_its_quantity_is_worth_its_price_with_taxes() -> None:
    first = note(parts=[Part(1)])
    assert first["invoices"] == [{"id": "501", "amount": 119000}]
    assert first["type"] == "PARTIALL_DEVOLUTION"
    some = note(parts=[Part(2, Decimal(1))])
    assert (some["items"][0]["quantity"], some["invoices"][0]["amount"]) == (1, 14875)


def test_an_amount_is_one_line_before_its_taxes() -> None:
    lump = note(amount=Decimal(11900))
    assert lump["items"] == [{"id": "12", "price": 10000, "quantity": 1, "tax": [{"id": "3"}]}]
    assert lump["invoices"] == [{"id": "501", "amount": 11900}]


def test_a_discount_is_of_the_note_as_it_was_of_the_invoice() -> None:
    invoice = INVOICE | {"items": [INVOICE["items"][0] | {"discount": "10.00"}]}
    found = note(invoice, parts=[Part(1)])
    assert found["items"][0]["discount"] == "10.00"
    assert found["invoices"][0]["amount"] == 107100


@pytest.mark.parametrize(
    ("more", "because"),
    [
        ({"parts": [Part(3)]}, "no line 3"),
        ({"parts": [Part(0)]}, "no line 0"),
        ({"parts": [Part(2, Decimal(5))]}, "a quantity of 4"),
        ({"parts": [Part(2, Decimal(0))]}, "a quantity of 4"),
        ({"amount": Decimal(178501)}, "its total is 178500"),
        ({"amount": Decimal(0)}, "its total is 178500"),
    ],
)
def test_more_than_the_invoice_had_cannot_be_taken_back(more: dict[str, Any], because: str) -> None:
    with pytest.raises(CannotCorrect, match=because):
        note(**more)


def test_an_amount_over_lines_taxed_differently_would_be_a_guess() -> None:
    untaxed = INVOICE["items"][1] | {"tax": []}
    with pytest.raises(CannotCorrect, match="taxed differently"):
        note(INVOICE | {"items": [INVOICE["items"][0], untaxed]}, amount=Decimal(100))


@pytest.mark.parametrize("missing", [{"items": []}, {"items": None}, {"total": None}])
def test_an_invoice_that_shows_too_little_is_left_to_a_person(missing: dict[str, Any]) -> None:
    with pytest.raises(CannotCorrect, match="in Alegra"):
        note(INVOICE | missing)


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_every_country_says_what_corrects_a_document_in_both_languages(country: str) -> None:
    rules = CORRECTIONS[country]
    assert rules.said("en") != rules.said("es")
    assert rules.source
    assert len({each.code for each in rules.reasons}) == len(rules.reasons)
    for whole in (True, False):
        body = note(country=country, amount=None if whole else Decimal(100))
        assert body["invoices"][0]["id"] == "501"
        assert ("type" in body) is (rules.field is not None)
        usual = rules.usual(whole=whole)
        assert body.get("type") == (usual.code if usual else None)


def test_a_correction_has_one_name_and_each_further_one_another() -> None:
    assert reference_of("invoice", "501", 1) == reference_of("invoice", "501", 1) == "correction:invoice:501"
    assert reference_of("invoice", "501", 2) == "correction:invoice:501:2"
    longest = reference_of("invoice", "0198c4a1-77aa-7c3e-9d1f-2b6a5c4d3e2f", 99)
    assert len(longest) <= 64


def test_the_numbering_is_named_only_when_one_can_be_meant() -> None:
    one, other = a_template("20"), a_template("21")
    assert numbering_for([one], CO, INVOICE) == one
    assert numbering_for([one, other], CO, INVOICE) is None
    unfit = [
        a_template("1", is_active=False),
        a_template("2", is_electronic=False),
        a_template("3", document_type="invoice"),
    ]
    assert numbering_for(unfit, CO, INVOICE) is None
    assert numbering_for([*unfit, other], CO, INVOICE) == other


def test_the_dominican_note_is_an_e34() -> None:
    e34, plain = a_template("4", sub_document_type="CREDIT_NOTE_E34"), a_template("5", sub_document_type="CREDIT_NOTE")
    assert numbering_for([plain, e34], CORRECTIONS["DO"], INVOICE) == e34


@pytest.mark.parametrize(
    ("country", "numbering", "letter"),
    [
        ("AR", {"subDocumentType": "INVOICE_A"}, "A"),
        ("AR", {"subDocumentType": "INVOICE_C"}, "C"),
        ("PE", {"prefix": "F001", "subDocumentType": "INVOICE"}, "F"),
        ("PE", {"prefix": "B001", "subDocumentType": "INVOICE"}, "B"),
    ],
)
def test_a_note_has_the_letter_of_its_invoice(country: str, numbering: dict[str, str], letter: str) -> None:
    in_argentina = country == "AR"
    templates = [
        a_template(each, sub_document_type=f"CREDIT_NOTE_{each}" if in_argentina else "CREDIT_NOTE",
                   prefix="00001" if in_argentina else f"{each}C01")
        for each in ("A", "B", "C", "F")
    ]  # fmt: skip
    found = numbering_for(templates, CORRECTIONS[country], INVOICE | {"numberTemplate": numbering})
    assert found is not None
    assert found.id == letter
