"""What stands inside a fiscal code is compared with the document; only a certain contradiction makes it invalid."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from worker.alegra.reading import observe
from worker.countries import country
from worker.emission.observation import Remote

CUFE = "dcfe103c5c9ddd1e551a170e85534033a59c5c6f509b8c101ed489d70cdeadd2436ca8323fb4cd9e3699cdfa29ff1fb4"
ACCEPTED = "STAMPED_AND_ACCEPTED"


def clave(
    day: str = "020326",
    issuer: str = "003101123456",
    type_: str = "01",
    number: str = "0000000123",
    situation: str = "1",
) -> str:
    return f"506{day}{issuer}00100001{type_}{number}{situation}12345678"


def cufe_of_panama(type_: str = "01", ruc: str = "155596713-2-2015", day: str = "20260302", number: str = "7") -> str:
    return f"FE{type_}2{ruc.rjust(20, '0')}-590000{day}{number.zfill(10)}0010121234567895"


def bar_code(**lines: str) -> str:
    written = {"NumFac": "SETP990200123", "FecFac": "2026-03-02", "NitFac": "900100200", "CUFE": CUFE} | lines
    return "\n".join(f"{name}: {value}" for name, value in written.items())


def seen(
    where: str,
    stamp: dict[str, Any],
    template: dict[str, Any],
    kind: str = "invoice",
    issuer: str | None = None,
    **more: Any,
) -> tuple[Remote, str]:
    document = {"id": "501", "status": "open", "date": "2026-03-02", "client": {"id": "77"}, **more}
    document |= {"numberTemplate": template, "stamp": {"legalStatus": ACCEPTED, **stamp}}
    observation = observe(document, country(where), kind, issuer)
    return observation.remote, observation.reason


COSTA_RICA = {"fullNumber": "00100001010000000123", "prefix": "0010000101", "number": 123}
COLOMBIA = {"fullNumber": "SETP990200123", "prefix": "SETP", "number": "990200123"}
PANAMA = {"fullNumber": "0000000007", "number": "7"}


@pytest.mark.parametrize(
    ("where", "stamp", "template", "more"),
    [
        ("CR", {"uuid": clave()}, COSTA_RICA, {"issuer": "3-101-123456"}),
        # Stamped three weeks after its date, by a clave of that day.
        ("CR", {"uuid": clave(day="230326"), "date": "2026-03-23 09:00:00"}, COSTA_RICA, {}),
        ("CR", {"uuid": clave(day="230326")}, COSTA_RICA, {}),
        # Alegra numbers in a way of its own: nothing to compare.
        ("CR", {"uuid": clave()}, {"fullNumber": "FE-77", "number": "77"}, {}),
        ("CR", {"uuid": clave(type_="03")}, {}, {"kind": "credit_note"}),
        ("CR", {"uuid": clave(type_="10")}, {}, {"kind": "payment"}),
        ("CO", {"cufe": CUFE, "barCodeContent": bar_code()}, COLOMBIA, {"issuer": "900.100.200"}),
        ("CO", {"cufe": CUFE, "barCodeContent": bar_code(NumFac="SETP-990200123", CUFE=CUFE.upper())}, COLOMBIA, {}),
        ("CO", {"cufe": CUFE, "barCodeContent": "an address: https://example.com"}, COLOMBIA, {}),
        ("CO", {"cufe": CUFE, "barCodeContent": None}, COLOMBIA, {}),
        ("PA", {"cufe": cufe_of_panama()}, PANAMA, {"issuer": "155596713-2-2015"}),
        ("PA", {"cufe": cufe_of_panama(number="8")}, {"number": "7"}, {}),
        ("AR", {"cae": "71234567890123", "caeExpirationDate": "20260312"}, {}, {}),
        ("AR", {"cae": "71234567890123", "CAEFchVto": 20260302}, {}, {}),
        ("AR", {"cae": "71234567890123", "dueDate": "no day"}, {}, {}),
        ("DO", {}, {"fullNumber": "E310000000001", "subDocumentType": "INVOICE_E31"}, {}),
        ("DO", {}, {"fullNumber": "B0100000001", "subDocumentType": "INVOICE_B01"}, {}),
        ("PE", {}, {"fullNumber": "F001-7", "prefix": "F001"}, {}),
        ("PE", {}, {"fullNumber": "F001-7", "prefix": "Factura"}, {}),
        ("MX", {"uuid": "0c8c1f5e-7a0d-4c35-9d4c-5d3f0f6a7b21"}, {}, {}),
    ],
)
def test_a_code_that_may_be_the_documents_own_is_believed(
    where: str, stamp: dict[str, Any], template: dict[str, Any], more: dict[str, Any]
) -> None:
    assert seen(where, stamp, template, **more) == (Remote.ACCEPTED, "")


@pytest.mark.parametrize(
    ("where", "stamp", "template", "more", "said"),
    [
        ("CR", {"uuid": clave(day="270125")}, COSTA_RICA, {}, "is of 2025-01-27, and the document of 2026-03-02"),
        ("CR", {"uuid": clave(day="310226")}, COSTA_RICA, {}, "a day that no calendar has"),
        (
            "CR",
            {"uuid": clave(day="250326"), "date": "2026-03-23 09:00:00"},
            COSTA_RICA,
            {},
            "is of 2026-03-25, and the document of 2026-03-02 or 2026-03-23",
        ),
        ("CR", {"uuid": clave(number="0000000130")}, COSTA_RICA, {}, "of number 00100001010000000130"),
        ("CR", {"uuid": clave(type_="03")}, {}, {}, "of document type 03, which is no invoice"),
        ("CR", {"uuid": clave(situation="4")}, COSTA_RICA, {}, "of situation 4"),
        ("CR", {"uuid": clave()}, COSTA_RICA, {"issuer": "3101999999"}, "of issuer 003101123456"),
        ("CO", {"cufe": CUFE, "barCodeContent": bar_code(CUFE=CUFE[::-1])}, COLOMBIA, {}, "carries another CUFE"),
        ("CO", {"cufe": CUFE, "barCodeContent": bar_code(NumFac="SETP1")}, COLOMBIA, {}, "of number SETP1"),
        ("CO", {"cufe": CUFE, "barCodeContent": bar_code(FecFac="2025-01-26")}, COLOMBIA, {}, "is of 2025-01-26"),
        ("CO", {"cufe": CUFE, "barCodeContent": bar_code()}, COLOMBIA, {"issuer": "900100201"}, "of issuer 900100200"),
        ("PA", {"cufe": cufe_of_panama(day="20250126")}, PANAMA, {}, "is of 2025-01-26"),
        ("PA", {"cufe": cufe_of_panama(number="14")}, PANAMA, {}, "of number 0000000014"),
        ("PA", {"cufe": cufe_of_panama(type_="04")}, PANAMA, {}, "of document type 04"),
        ("PA", {"cufe": cufe_of_panama()}, PANAMA, {"issuer": "8-442-445"}, "of issuer"),
        ("AR", {"cae": "71234567890123", "caeExpirationDate": "20250205"}, {}, {}, "CAE ended on 2025-02-05"),
        ("DO", {}, {"fullNumber": "E320000000001", "subDocumentType": "INVOICE_E31"}, {}, "type 32, and its numbering"),
        ("DO", {}, {"fullNumber": "E340000000001"}, {}, "type 34, which is no invoice"),
        ("PE", {}, {"fullNumber": "F002-7", "prefix": "F001"}, {}, "of series F002, and its numbering of series F001"),
    ],
)
def test_a_code_of_another_document_is_held(
    where: str, stamp: dict[str, Any], template: dict[str, Any], more: dict[str, Any], said: str
) -> None:
    remote, reason = seen(where, stamp, template, **more)
    assert remote is Remote.DUBIOUS
    assert said in reason


def test_a_contradiction_is_no_acceptance_and_no_rejection_of_what_has_no_verdict_yet() -> None:
    document = {"id": "501", "status": "open", "date": "2026-03-02", "stamp": {"uuid": clave(day="270125")}}
    assert observe(document, country("CR"), "invoice").remote is Remote.IN_PROCESS


def test_the_day_of_the_stamp_is_that_of_the_country() -> None:
    """09:14 in San José, whatever it is in UTC."""
    assert seen("CR", {"uuid": clave(day="030326"), "date": "2026-03-02 23:59:00"}, COSTA_RICA)[0] is Remote.ACCEPTED
    assert date(2026, 3, 2).strftime("%d%m%y") == "020326"
