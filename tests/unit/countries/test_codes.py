"""Finding a fiscal code: only the whole form counts, wherever Alegra put it."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.countries import COUNTRIES, FoundCode, code_in_stamp, country, find_code

CUFE = "dcfe103c5c9ddd1e551a170e85534033a59c5c6f509b8c101ed489d70cdeadd2436ca8323fb4cd9e3699cdfa29ff1fb4"
UUID = "0c8c1f5e-7a0d-4c35-9d4c-5d3f0f6a7b21"
CLAVE = "506" + "020326" + "003101123456" + "00100001010000000123" + "1" + "12345678"
CAE = "71234567890123"
ENCF = "E310000000001"
# FE, type 01, RUC type 2, RUC of 20, -DV, branch, date, number, point of sale, emission, environment, security, digit.
PA_CUFE = "FE012" + "00000000155555555-2-" + "-59" + "0000202603020000000012001012" + "1234567895"


def number(**template: Any) -> dict[str, Any]:
    return {"id": "1", "numberTemplate": {"id": "9", **template}}


def found(code: str, kind: str, stamp: dict[str, Any] | None, document: dict[str, Any] | None = None) -> FoundCode:
    result = find_code(country(code), kind, stamp, document or {"id": "1"})
    assert result is not None
    return result


@pytest.mark.parametrize(
    ("where", "stamp", "expected", "type_"),
    [
        ("CO", {"cufe": CUFE}, CUFE, "cufe"),
        ("CO", {"cufe": CUFE.upper()}, CUFE.upper(), "cufe"),
        ("MX", {"uuid": UUID}, UUID, "uuid"),
        ("CR", {"uuid": CLAVE}, CLAVE, "clave"),
        ("CR", {"legend": CLAVE}, CLAVE, "clave"),
        ("CR", {"number": CLAVE}, CLAVE, "clave"),
        ("CR", {"number": "00100001010000000123", "legend": "Autorizada", "uuid": CLAVE}, CLAVE, "clave"),
        ("AR", {"cae": CAE}, CAE, "cae"),
        ("AR", {"CAE": int(CAE)}, CAE, "cae"),
        ("AR", {"authorization": {"code": CAE}}, CAE, "cae"),
        ("DO", {"encf": ENCF}, ENCF, "encf"),
        ("PA", {"cufe": PA_CUFE}, PA_CUFE, "cufe"),
    ],
)
def test_each_countrys_code_is_found_in_the_stamp(where: str, stamp: dict[str, Any], expected: str, type_: str) -> None:
    assert found(where, "invoice", stamp) == FoundCode(expected, type_, valid=True, where="stamp")


@pytest.mark.parametrize(
    ("where", "template", "expected", "type_"),
    [
        ("DO", {"fullNumber": ENCF}, ENCF, "encf"),
        ("DO", {"prefix": "E31", "number": "0000000001"}, ENCF, "encf"),
        ("DO", {"fullNumber": "B0100000001"}, "B0100000001", "ncf"),
        ("PE", {"fullNumber": "F001-123"}, "F001-123", "number"),
        ("PE", {"prefix": "B001", "number": 7}, "B001-7", "number"),
    ],
)
def test_where_the_number_is_the_code_it_is_read_from_the_numbering(
    where: str, template: dict[str, Any], expected: str, type_: str
) -> None:
    assert found(where, "invoice", None, number(**template)) == FoundCode(expected, type_, valid=True, where="number")


def test_a_number_template_may_come_as_an_array_of_one() -> None:
    document = {"id": "1", "numberTemplate": [{"fullNumber": "F001-123"}]}
    assert found("PE", "invoice", None, document).value == "F001-123"


def test_a_number_is_no_sign_that_the_document_was_sent() -> None:
    assert code_in_stamp(country("PE"), "invoice", {}) is None
    assert code_in_stamp(country("DO"), "invoice", {"legalStatus": "PENDING"}) is None


@pytest.mark.parametrize(
    "text",
    [
        f"NumFac: SETP990200123\nFecFac: 2026-03-02\nCUFE: {CUFE}\nQRCode: x",
        f"NumFac: SETP1\nQRCode: https://catalogo-vpfe.dian.gov.co/document/searchqr?documentkey={CUFE}",
    ],
)
def test_colombias_code_is_found_inside_the_bar_code_text(text: str) -> None:
    assert found("CO", "invoice", {"barCodeContent": text}).value == CUFE


def test_a_note_in_colombia_carries_a_cude_under_either_key() -> None:
    assert found("CO", "credit_note", {"cude": CUFE}).type == "cude"
    assert found("CO", "credit_note", {"cufe": CUFE}).type == "cude"


@pytest.mark.parametrize(
    ("where", "stamp"),
    [
        ("CO", {"cufe": CUFE[:-1]}),
        ("CO", {"cufe": CUFE + "0"}),
        ("CO", {"cufe": CUFE + "\n" + CUFE}),
        ("CO", {"cufe": {"value": CUFE}}),
        ("MX", {"uuid": UUID.replace("-", "")}),
        ("CR", {"uuid": CLAVE[:-1]}),
        ("AR", {"cae": "١" * 14}),
        ("PA", {"cufe": PA_CUFE[:-1]}),
    ],
)
def test_a_value_under_the_codes_own_key_that_fails_the_format_is_kept_as_malformed(
    where: str, stamp: dict[str, Any]
) -> None:
    result = found(where, "invoice", stamp)
    assert not result.valid
    assert result.reason


def test_a_number_that_fails_the_format_is_malformed_too() -> None:
    assert not found("DO", "invoice", None, number(fullNumber="A123")).valid


def test_other_things_under_a_shared_key_are_no_malformed_code() -> None:
    stamp = {"number": "00100001010000000123", "legend": "Autorizada mediante resolución"}
    assert find_code(country("CR"), "invoice", stamp, {}) is None


def test_a_moment_with_fourteen_digits_is_no_cae() -> None:
    stamp = {"date": "20260302091407", "caeExpirationDate": "20260312000000", "processedTime": "20260302091407"}
    assert find_code(country("AR"), "invoice", stamp, {}) is None


ALEGRAS_ID = "0198c4a1-77aa-7c3e-9d1f-2b6a5c4d3e2f"


@pytest.mark.parametrize(
    "stamp",
    [
        {"id": ALEGRAS_ID},
        {"companyId": ALEGRAS_ID, "user_id": ALEGRAS_ID},
        {"relatedUuid": UUID},
        {"cfdiRelacionados": [{"uuid": UUID}]},
        {"replacedBy": {"uuid": UUID}},
        {"folioSustitucion": UUID},
        {"invoices": [{"stamp": {"uuid": UUID}}]},
        {"cancellation": {"receipt": UUID}},
    ],
)
def test_an_id_of_alegras_or_another_documents_code_is_no_code_of_this_one(stamp: dict[str, Any]) -> None:
    """In Mexico a valid code is the verdict: a document never sent would count as stamped."""
    assert find_code(country("MX"), "invoice", stamp, {"id": "1"}) is None


def test_the_code_may_stand_under_an_unknown_key_that_ends_like_an_id() -> None:
    assert found("MX", "invoice", {"folioUuid": UUID}).value == UUID


def test_two_different_values_of_the_codes_form_are_a_question_for_a_person() -> None:
    result = found("AR", "invoice", {"a": CAE, "b": CAE[::-1]})
    assert not result.valid
    assert "2 different" in result.reason


def test_nothing_is_found_in_nothing() -> None:
    for where in COUNTRIES.values():
        stamps: list[dict[str, Any] | None] = [
            None,
            {},
            {"legalStatus": "PENDING"},
            {"cufe": None, "uuid": "", "cae": []},
        ]
        for stamp in stamps:
            assert find_code(where, "invoice", stamp, {"id": "1"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(string.printable, max_size=60),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.sampled_from(sorted(COUNTRIES)),
    st.dictionaries(st.sampled_from(["cufe", "uuid", "cae", "number", "legend", "barCodeContent", "x"]), json_values),
    st.dictionaries(st.sampled_from(["numberTemplate", "id"]), json_values),
)
def test_whatever_a_stamp_holds_a_valid_code_matches_in_full(
    where: str, stamp: dict[str, Any], document: dict[str, Any]
) -> None:
    result = find_code(country(where), "invoice", stamp, document)
    if result is not None and result.valid:
        form = next(each for each in country(where).formats if each.type == result.type)
        assert form.pattern.fullmatch(result.value)
