"""Pre-flight: each listed mistake is named with field, source and remedy, and what is valid passes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.papers import OF_OTHER_KINDS, TODAY, VALID, paper
from worker.alegra.drafts import draft_shown, draft_to_create, with_numbering
from worker.countries import COUNTRIES, RULES, Finding, Severity, finding_from, preflight
from worker.emission.observation import NumberTemplate

DV = "client.identificationObject.dv"
NUMBER = "client.identificationObject.number"
TYPE = "client.identificationObject.type"


def found(country: str, changes: dict[str, Any] | None = None, kind: str = "invoice") -> tuple[Finding, ...]:
    return preflight(draft_shown(paper(country, changes), country, kind), TODAY)


def keys(findings: tuple[Finding, ...]) -> set[str]:
    return {finding.rule.key for finding in findings}


@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_a_published_valid_example_passes_without_a_word(country: str) -> None:
    assert found(country) == ()


@pytest.mark.parametrize(
    ("country", "kind", "number", "dv"),
    [
        ("CO", "NIT", "899.999.090", "2"),
        ("CO", "NIT", "890903938-8", None),
        ("CO", "NIT", "213.123.432", "1"),
        ("CO", "CC", "1020304050", None),
        ("CO", "CC", "222222222222", None),
        ("MX", "RFC", "EKU9003173C9", None),
        ("PE", "RUC", "20512333797", None),
        ("PE", "RUC", "10054148289", None),
        ("CR", "CF", "304550175", None),
        ("CR", "CF", "0304550175", None),
        ("CR", "CJ", "4 000 042138", None),
        ("CR", "DIMEX", "155812994816", None),
        ("CR", "NITE", "3120123456", None),
        ("CR", "PE", "AB-1234567", None),
        ("AR", "CUIT", "30-50001091-2", None),
        ("AR", "CUIT", "20-05536168-2", None),
        ("DO", "RNC", "1-01-85004-3", None),
        ("DO", "RNC", "101581601", None),  # legacy: fails its check digit, and python-stdnum lists it
        ("DO", "CEDULA", "001-1391820-5", None),
        ("PA", "RUC", "8-442-445", "50"),
    ],
)
def test_published_identifications_pass(country: str, kind: str, number: str, dv: str | None) -> None:
    assert found(country, {TYPE: kind, NUMBER: number, DV: dv or ...}) == ()


BLOCKED: list[tuple[str, str, dict[str, Any]]] = [
    ("CO", "co-client-identification", {NUMBER: ""}),
    ("CO", "co-client-identification-type", {TYPE: None}),
    ("CO", "co-nit-form", {NUMBER: "80019A268"}),
    ("CO", "co-nit-form", {NUMBER: "12345"}),
    ("CO", "co-nit-check-digit", {DV: "5"}),
    ("CO", "co-nit-check-digit", {NUMBER: "890903938-7", DV: None}),
    ("CO", "co-client-email", {"client.email": ""}),
    ("CO", "no-items", {"items": []}),
    ("CO", "item-quantity", {"items.0.quantity": "0.00"}),
    ("CO", "client-name", {"client.name": " "}),
    ("MX", "mx-rfc-missing", {NUMBER: None}),
    ("MX", "mx-rfc-form", {NUMBER: "EKU9013173C9"}),
    ("MX", "mx-rfc-form", {NUMBER: "COMG600703"}),
    ("MX", "mx-zip-missing", {"client.address.zipCode": ""}),
    ("MX", "mx-zip-form", {"client.address.zipCode": "4250"}),
    ("MX", "mx-regime-missing", {"client.regimeObject": []}),
    ("MX", "mx-regime-person", {"client.regimeObject": ["605"]}),
    ("MX", "mx-regime-person", {NUMBER: "CACX7605101P8", "client.regimeObject": "601"}),
    ("MX", "mx-cfdi-use-regime", {"client.cfdiUse": "D01"}),
    ("MX", "mx-cfdi-use-regime", {NUMBER: "CACX7605101P8", "client.regimeObject": "605 - Sueldos"}),
    ("MX", "mx-generic-rfc", {NUMBER: "XEXX010101000", "client.regimeObject": ["616"]}),
    ("MX", "mx-product-key", {"items.0.productKey": "8010150"}),
    ("PE", "pe-ruc-form", {NUMBER: "2013131295"}),
    ("PE", "pe-ruc-check-digit", {NUMBER: "20512333798"}),
    ("PE", "pe-dni-form", {TYPE: "DNI", NUMBER: "1234567", "numberTemplate.prefix": "B001"}),
    ("PE", "pe-factura-without-ruc", {TYPE: "DNI", NUMBER: "12345678"}),
    ("PE", "pe-factura-buyer", {NUMBER: ""}),
    ("CR", "cr-identification-form", {NUMBER: "310199999"}),
    ("CR", "cr-identification-form", {TYPE: "CF", NUMBER: "3-0455-01755"}),
    ("CR", "cr-cabys-missing", {"items.0.productKey": None}),
    ("CR", "cr-cabys-form", {"items.0.productKey": "831110000000"}),
    ("CR", "cr-item-tax", {"items.0.tax": []}),
    ("AR", "ar-cuit-form", {NUMBER: "3369345023"}),
    ("AR", "ar-cuit-check-digit", {NUMBER: "20267565392"}),
    ("AR", "ar-letter-a-cuit", {TYPE: "DNI", NUMBER: "20123456"}),
    ("AR", "ar-letter-a-condition", {"client.ivaCondition": "FINAL_CONSUMER"}),
    ("AR", "ar-service-dates", {"saleConcept": "SERVICES"}),
    (
        "AR",
        "ar-service-dates-order",
        {"saleConcept": "SERVICES", "startDateService": "2026-03-01", "endDateService": "2026-02-01"},
    ),
    ("DO", "do-rnc-form", {NUMBER: "10185004"}),
    ("DO", "do-buyer-rnc", {NUMBER: ""}),
    ("DO", "do-buyer-rnc", {TYPE: "PASSPORT", NUMBER: "AB123"}),
    (
        "DO",
        "do-consumer-buyer",
        {"numberTemplate.subDocumentType": "INVOICE_E32", NUMBER: "", "total": "250000.00"},
    ),
    ("DO", "do-type-of-kind", {"numberTemplate.subDocumentType": "CREDIT_NOTE_E34"}),
    ("PA", "pa-ruc-missing", {NUMBER: None}),
    ("PA", "pa-ruc-form", {NUMBER: "8_442"}),
    ("PA", "pa-dv-missing", {DV: ""}),
    ("PA", "pa-dv-form", {DV: "5A"}),
]


@pytest.mark.parametrize(("country", "key", "changes"), BLOCKED)
def test_what_is_certain_to_be_refused_is_blocked(country: str, key: str, changes: dict[str, Any]) -> None:
    [*blocks] = [finding for finding in found(country, changes) if finding.blocks]
    assert keys(tuple(blocks)) == {key}


WARNED: list[tuple[str, str, dict[str, Any]]] = [
    ("CO", "co-client-identification-type-unknown", {TYPE: "DNI"}),
    ("CO", "co-nit-check-digit-missing", {DV: ""}),
    ("CO", "co-cedula-form", {TYPE: "CC", NUMBER: "12345678901"}),
    ("CO", "co-client-address", {"client.address.address": ""}),
    ("CO", "co-client-city", {"client.address.city": "Bogota"}),
    ("CO", "co-client-kind-of-person", {"client.kindOfPerson": None}),
    ("CO", "co-credit-due-date", {"paymentForm": "CREDIT"}),
    ("CO", "co-item-tax", {"items.0.tax": []}),
    ("CO", "total-zero", {"total": 0}),
    ("CO", "due-before-date", {"dueDate": "2026-03-01"}),
    ("CO", "date-in-the-future", {"date": "2026-03-03", "dueDate": "2026-03-03"}),
    ("MX", "mx-rfc-check-digit", {NUMBER: "EKU9003173C8"}),
    ("MX", "mx-rfc-check-digit", {NUMBER: "VACE460910SX6", "client.regimeObject": ["612"]}),
    ("MX", "mx-name-legal-form", {"client.name": "Escuela Kemper Urgate S.A. de C.V."}),
    ("MX", "mx-cfdi-use-unknown", {"client.cfdiUse": "P01"}),
    (
        "MX",
        "mx-public-in-general",
        {NUMBER: "XAXX010101000", "client.regimeObject": ["616"], "client.cfdiUse": "S01"},
    ),
    ("MX", "mx-payment-method", {"paymentMethod": "CASH"}),
    ("MX", "mx-product-key-missing", {"items.0.productKey": ""}),
    ("MX", "client-email", {"client.email": ""}),
    ("PE", "pe-ruc-prefix", {NUMBER: "30512333792"}),
    ("PE", "pe-factura-perhaps-without-ruc", {"operationType": ..., TYPE: "CE", NUMBER: "001234567"}),
    ("PE", "pe-boleta-to-ruc", {"numberTemplate.prefix": "B001"}),
    ("PE", "pe-boleta-buyer", {"numberTemplate.prefix": "B001", TYPE: ..., NUMBER: "", "total": "700.01"}),
    ("PE", "pe-series", {"numberTemplate.prefix": "SETP"}),
    ("CR", "cr-identification-type", {TYPE: "RUC"}),
    ("CR", "cr-cj-class", {NUMBER: "3-534-123559"}),
    ("CR", "cr-sale-condition", {"saleCondition": None}),
    ("CR", "cr-credit-needs-rep", {"saleCondition": "CREDIT", "dueDate": "2026-04-01"}),
    (
        "AR",
        "ar-dni-form",
        {TYPE: "DNI", NUMBER: "123456", "client.ivaCondition": "", "numberTemplate.subDocumentType": "INVOICE_B"},
    ),
    ("AR", "ar-letter-b-condition", {"numberTemplate.subDocumentType": "INVOICE_B"}),
    ("AR", "ar-cuit-prefix", {NUMBER: "99693450239"}),
    ("AR", "past-deadline", {"date": "2026-02-24"}),
    ("MX", "past-deadline", {"date": "2026-02-27"}),
    ("PE", "past-deadline", {"date": "2026-02-26"}),
    ("PE", "past-deadline", {"date": "2026-02-22", "numberTemplate.prefix": "B001", TYPE: "DNI", NUMBER: "12345678"}),
    ("DO", "do-rnc-check-digit", {NUMBER: "101850042"}),
    ("PA", "pa-third-type-missing", {"client.thirdType": None}),
    ("PA", "pa-third-type-unknown", {"client.thirdType": "COMPANY"}),
    ("PA", "pa-foreign-country", {"client.thirdType": "FOREIGN", "client.address.country": ""}),
]


@pytest.mark.parametrize(("country", "key", "changes"), WARNED)
def test_what_may_be_refused_is_warned_about_and_blocks_nothing(
    country: str, key: str, changes: dict[str, Any]
) -> None:
    findings = found(country, changes)
    assert keys(findings) == {key}
    assert not any(finding.blocks for finding in findings)


def test_ppd_announces_its_rep_and_asks_for_99() -> None:
    assert keys(found("MX", {"paymentMethod": "PPD"})) == {"mx-ppd-needs-rep", "mx-ppd-payment-form"}
    assert keys(found("MX", {"paymentMethod": "PPD", "paymentForm": "99"})) == {"mx-ppd-needs-rep"}


def test_credit_that_falls_due_at_once_is_told_beside_its_rep() -> None:
    assert keys(found("CR", {"saleCondition": "CREDIT"})) == {"cr-credit-needs-rep", "cr-credit-term"}


def test_all_problems_are_told_at_once_those_that_block_first() -> None:
    findings = found("CO", {DV: "5", "client.email": "", "items.0.quantity": -1, "client.address.city": "Bogotá"})
    assert [finding.field for finding in findings] == [
        DV,
        "client.email",
        "items[0].quantity",
        "client.address.city",
    ]
    assert [finding.blocks for finding in findings] == [True, True, True, False]


def test_what_a_read_leaves_out_is_unknown_and_not_missing() -> None:
    for country in COUNTRIES:
        bare = {"id": "501", "status": "draft", "date": "2026-03-02", "client": {"id": "77"}, "numberTemplate": {}}
        assert preflight(draft_shown(bare, country, "invoice"), TODAY) == ()


def test_a_body_must_carry_what_a_read_may_leave_out() -> None:
    body = {"stamp": {"generateStamp": True}}
    findings = preflight(draft_to_create(body, "CO", "invoice"), TODAY)
    assert {finding.field for finding in findings if finding.blocks} == {
        "date",
        "dueDate",
        "client",
        "items",
        "numberTemplate",
    }


@pytest.mark.parametrize("kind", ["credit_note", "income_debit_note"])
@pytest.mark.parametrize("country", sorted(COUNTRIES))
def test_a_note_needs_no_due_date_of_its_own(country: str, kind: str) -> None:
    body = {
        "date": "2026-03-02",
        "client": {"id": "77"},
        "invoices": [{"id": "501", "amount": 119}],
        "items": [{"id": "12", "price": 100, "quantity": 1, "tax": [{"id": "3"}]}],
    }
    found = preflight(draft_to_create(body, country, kind), TODAY)
    assert not [finding.field for finding in found if finding.blocks]


def test_a_body_that_names_its_client_and_items_by_id_is_taken_on_trust() -> None:
    body = {
        "date": "2026-03-02",
        "dueDate": "2026-03-02",
        "client": {"id": "77"},
        "numberTemplate": {"id": "9"},
        "items": [{"id": "12", "price": 100, "quantity": 1, "tax": [{"id": "3"}]}],
        "saleCondition": "CASH",
    }
    for country in COUNTRIES:
        assert preflight(draft_to_create(body, country, "invoice"), TODAY) == ()


def a_template(**changes: Any) -> NumberTemplate:
    ordinary: dict[str, Any] = {
        "id": "9",
        "name": "Factura electrónica",
        "prefix": "SETP",
        "document_type": "invoice",
        "is_electronic": True,
        "is_active": True,
        "first_number": 1,
        "last_number": 100,
        "next_number": 50,
        "start_date": "2026-01-01",
        "end_date": "2027-12-31",
    }
    return NumberTemplate(**(ordinary | changes))


@pytest.mark.parametrize(
    ("country", "template", "changes", "expected"),
    [
        ("CO", {}, {}, set()),
        ("CO", {"next_number": 101}, {}, {"numbering-used-up"}),
        ("CO", {"next_number": 101}, {"numberTemplate.number": "100"}, set()),
        ("CO", {}, {"numberTemplate.number": "101"}, {"number-out-of-range"}),
        ("CO", {"end_date": "2026-03-01"}, {}, {"co-resolution-dates", "numbering-ended"}),
        ("CO", {"start_date": "2026-03-03"}, {}, {"co-resolution-dates"}),
        ("DO", {"end_date": "2026-03-01", "prefix": "E31"}, {}, {"numbering-ended"}),
        ("CO", {"end_date": None, "last_number": None, "start_date": "no day"}, {}, set()),
    ],
)
def test_a_numbering_that_was_just_read_tells_how_far_it_reaches(
    country: str, template: dict[str, Any], changes: dict[str, Any], expected: set[str]
) -> None:
    draft = with_numbering(draft_shown(paper(country, changes), country, "invoice"), a_template(**template))
    assert keys(preflight(draft, TODAY)) == expected


def test_every_rule_names_its_source_and_speaks_both_languages() -> None:
    assert len(RULES) > 60
    braces = "expected nit today date starts ends first last next series type length person persona regimes begins"
    told = dict.fromkeys([*braces.split(), "third", "until"], "x") | {"en": "Late.", "es": "Tarde."}
    for rule in RULES.values():
        finding = rule.broken("client.name", "Value", **told)
        texts = [finding.problem("en"), finding.problem("es"), finding.remedy("en"), finding.remedy("es")]
        assert all(text[0].isupper() and text.endswith((".", "…")) for text in texts), rule.key
        assert len(set(texts)) == 4
        assert len(rule.source) > 10


def of_kind(country: str, kind: str, changes: dict[str, Any] | None = None) -> tuple[Finding, ...]:
    return preflight(draft_shown(paper(country, changes, kind=kind), country, kind), TODAY)


@pytest.mark.parametrize(("country", "kind"), sorted(OF_OTHER_KINDS))
def test_a_valid_document_that_is_no_sale_passes_without_a_word(country: str, kind: str) -> None:
    assert of_kind(country, kind) == ()


PROVIDER = "provider.identificationObject"

OF_NO_SALE: list[tuple[str, str, str, str, dict[str, Any]]] = [
    ("CO", "support_document", "co-provider-identification", f"{PROVIDER}.number", {f"{PROVIDER}.number": ""}),
    ("CO", "support_document", "co-nit-check-digit", f"{PROVIDER}.dv", {f"{PROVIDER}.dv": "5"}),
    ("CO", "support_document", "co-nit-form", f"{PROVIDER}.number", {f"{PROVIDER}.number": "80019A268"}),
    ("CO", "support_document", "no-items", "purchases.items", {"purchases.items": []}),
    ("CO", "support_document", "item-quantity", "purchases.items[0].quantity", {"purchases.items.0.quantity": 0}),
    ("CO", "support_document", "co-resolution-dates", "date", {"numberTemplate.startDate": "2026-03-03"}),
    ("CR", "payment", "cr-rep-numbering", "numberTemplate", {"numberTemplate": None}),
    ("CR", "payment", "rep-invoices", "invoices", {"invoices": []}),
    ("MX", "payment", "rep-invoices", "invoices", {"invoices": None}),
    ("MX", "payment", "rep-amount", "amount", {"amount": "0.00"}),
    ("MX", "global_invoice", "no-items", "items", {"items": []}),
    (
        "MX",
        "global_invoice",
        "mx-global-receiver",
        "client.identificationObject.number",
        {"client.identification": "EKU9003173C9"},
    ),
    ("PE", "transportation_receipt", "pe-waybill-series", "numberTemplate.prefix", {"numberTemplate.prefix": "F001"}),
    ("PE", "transportation_receipt", "pe-ruc-check-digit", NUMBER, {NUMBER: "20512333798"}),
    ("MX", "transportation_receipt", "no-items", "items", {"items": []}),
]


@pytest.mark.parametrize(("country", "kind", "key", "field", "changes"), OF_NO_SALE)
def test_a_mistake_in_what_is_no_sale_is_named_with_its_own_field(
    country: str, kind: str, key: str, field: str, changes: dict[str, Any]
) -> None:
    [finding] = of_kind(country, kind, changes)
    assert (finding.rule.key, finding.field) == (key, field)


@pytest.mark.parametrize(("country", "kind"), sorted(OF_OTHER_KINDS))
def test_what_a_read_of_no_sale_leaves_out_is_never_held_against_it(country: str, kind: str) -> None:
    for name in paper(country, kind=kind):
        assert of_kind(country, kind, {name: ...}) == ()


def test_a_payment_in_mexico_may_be_numbered_in_a_way_nobody_described() -> None:
    assert of_kind("MX", "payment", {"numberTemplate": None}) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"numberTemplate.maxInvoiceNumber": 100, "numberTemplate.number": "101"}, {"number-out-of-range"}),
        ({"numberTemplate.minInvoiceNumber": "10", "numberTemplate.number": "9"}, {"number-out-of-range"}),
        ({"numberTemplate.maxInvoiceNumber": 100, "numberTemplate.number": "100"}, set()),
        ({"numberTemplate.maxInvoiceNumber": 100}, set()),
        ({"numberTemplate.endDate": "2026-03-01"}, {"co-resolution-dates", "numbering-ended"}),
        ({"numberTemplate.startDate": "2026-01-01", "numberTemplate.endDate": "2026-12-31"}, set()),
        ({"numberTemplate.endDate": "soon", "numberTemplate.maxInvoiceNumber": "many"}, set()),
    ],
)
def test_a_resolution_that_the_document_itself_shows_is_examined_by_every_look(
    changes: dict[str, Any], expected: set[str]
) -> None:
    assert keys(found("CO", changes)) == expected


def test_every_rule_has_an_example_that_breaks_it() -> None:
    shown = {key for _, key, _ in BLOCKED + WARNED} | {key for _, _, key, _, _ in OF_NO_SALE}
    elsewhere = {
        "mx-ppd-needs-rep",
        "mx-ppd-payment-form",
        "cr-credit-term",
        "co-resolution-dates",
        "numbering-ended",
        "numbering-used-up",
        "number-out-of-range",
        "date-missing",
        "due-date-missing",
        "client-missing",
        "numbering-missing",
    }
    assert set(RULES) == shown | elsewhere


def test_what_the_history_keeps_of_a_finding_brings_it_back() -> None:
    for finding in found("CO", {DV: "5", "client.email": ""}):
        assert finding_from(finding.as_json()) == finding
    assert finding_from({"rule": "of another release"}) is None
    assert finding_from("no finding") is None


def test_a_finding_is_a_sentence_with_field_value_problem_and_remedy() -> None:
    [finding] = found("CO", {DV: "5"})
    assert finding.sentence() == (
        "client.identificationObject.dv '5': The check digit (DV) of NIT 800197268 is 4. "
        "Correct the DV, or the NIT, by the client's RUT."
    )
    assert "dígito de verificación (DV) del NIT 800197268 es 4" in finding.sentence("es")
    assert finding.described()["severity"] == Severity.BLOCK


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.dates().map(date.isoformat),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PLACES = (
    f"client client.name client.identificationObject {NUMBER} {TYPE} client.address client.email items items.0 "
    "items.0.quantity items.0.productKey items.0.tax numberTemplate numberTemplate.prefix date dueDate total currency "
    "paymentMethod paymentForm saleCondition saleConcept client.regimeObject client.ivaCondition"
).split()
places = st.sampled_from(PLACES)


@given(st.sampled_from(sorted(VALID)), places, values, st.booleans())
def test_pre_flight_never_breaks_whatever_alegra_shows(country: str, place: str, value: Any, to_create: bool) -> None:
    read = draft_to_create if to_create else draft_shown
    for finding in preflight(read(paper(country, {place: value}), country, "invoice"), TODAY):
        assert finding.sentence("en")
        assert finding.sentence("es")
        assert finding_from(finding.as_json()) == finding
