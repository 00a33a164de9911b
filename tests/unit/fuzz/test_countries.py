"""Fiscal codes and legal statuses: no text is taken for a code that is not one, or is another document's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.unit.fuzz.bodies import ACCEPTED, INVOICE
from tests.unit.fuzz.cases import cases
from tests.unit.fuzz.damage import any_json, damaged, garbled_text, odd_texts
from worker.countries import COUNTRIES, CodeFormat, Verdict, country, find_code, from_application_version
from worker.countries import read_legal_status as verdict_of

KINDS: Final = ("invoice", "credit_note", "support_document")
FORMATS: Final = [(code, form) for code, place in COUNTRIES.items() for form in place.formats]

places = st.sampled_from(sorted(COUNTRIES))
formats = st.sampled_from(FORMATS)


def digits(count: int) -> st.SearchStrategy[str]:
    return st.integers(0, 10**count - 1).map(lambda number: f"{number:0{count}}")


_sha_384 = st.binary(min_size=48, max_size=48).map(bytes.hex)
CODES: Final[Mapping[str, st.SearchStrategy[str]]] = {
    "cufe": _sha_384,
    "cude": _sha_384,
    "uuid": st.uuids().map(str),
    "clave": digits(47).map("506{}".format),
    "cae": digits(14),
    "encf": st.builds("E{}{}".format, st.sampled_from(["31", "32", "33", "34", "47"]), digits(10)),
    "ncf": st.builds("B{}{}".format, st.sampled_from(["01", "02", "17"]), digits(8)),
    "number": st.builds("{}{}-{}".format, st.sampled_from("FB"), digits(3), st.integers(1, 99_999_999)),
}
panamas = st.builds(
    "FE012{}-2-{}{}".format, digits(17), st.just("-59"), digits(38).map(lambda n: n[:27] + "1" + n[28:])
)


def codes(form: CodeFormat) -> st.SearchStrategy[str]:
    """Valid codes of a format."""
    if form.kinds == frozenset({"transportation_receipt"}):
        return st.builds("{}{}-{}".format, st.sampled_from("TV"), digits(3), st.integers(1, 99_999_999))
    return panamas if form in COUNTRIES["PA"].formats else CODES[form.type]


any_code = formats.flatmap(lambda each: codes(each[1]))
almost_codes = any_code.flatmap(garbled_text)
texts = any_code | almost_codes | odd_texts | st.text(max_size=80)


@given(formats, st.data())
@cases(700)
def test_only_the_whole_form_counts_and_the_raw_text_is_kept(
    where: tuple[str, CodeFormat], data: st.DataObject
) -> None:
    code, form = where
    written = data.draw(codes(form).flatmap(garbled_text) | texts)
    key = data.draw(st.sampled_from([*form.keys, *form.shared_keys, "x"]))
    kind = data.draw(st.sampled_from(sorted(form.kinds or {"invoice"})))
    found = find_code(country(code), kind, {key: written}, {"id": "501"})
    if found is None:
        return
    assert found.value == written.strip()
    assert found.value.isascii() or not found.valid
    if found.valid:
        assert any(each.type == found.type and each.pattern.fullmatch(found.value) for each in country(code).formats), (
            written
        )
    else:
        assert found.reason


@given(st.sampled_from([(a, b) for a in FORMATS for b in FORMATS if a[0] != b[0]]), st.data())
@cases(400)
def test_no_countrys_code_is_anothers(pair: tuple[tuple[str, CodeFormat], tuple[str, CodeFormat]], data: Any) -> None:
    (_, theirs), (code, ours) = pair
    foreign = data.draw(codes(theirs))
    assert ours.pattern.fullmatch(foreign) is None
    stamp = dict.fromkeys((*ours.keys, *ours.shared_keys, "barCodeContent"), foreign)
    found = find_code(country(code), data.draw(st.sampled_from(KINDS)), stamp, {"id": "501"})
    assert found is None or not found.valid


OF_OTHERS: Final = (
    *("relatedDocuments", "relatedUuid", "cfdiRelacionados", "uuidRelacionado", "replacedBy", "uuidReplaced"),
    *("substitutes", "substitutedUuid", "folioSustitucion", "uuidSustituye", "reference", "referenceDocuments"),
    *("invoices", "creditNotes", "affectedDocument", "documentoReferencia", "associatedCufe", "originalInvoice"),
    *("id", "companyId", "company_id", "requestId", "userID", "batch_id"),
)
"""Names under which a stamp may speak of another document, or of no document at all."""


@given(formats, st.sampled_from(OF_OTHERS), st.booleans(), st.data())
@example(("MX", COUNTRIES["MX"].formats[0]), "id", False, None)
@cases(400)
def test_a_code_of_another_document_in_the_stamp_is_not_taken_for_its_own(
    where: tuple[str, CodeFormat], name: str, deeper: bool, data: st.DataObject | None
) -> None:
    code, form = where
    theirs = data.draw(codes(form)) if data else "0198c4a1-77aa-7c3e-9d1f-2b6a5c4d3e2f"
    inner: Any = [{"value": theirs, "uuid": theirs, "cufe": theirs}] if deeper else theirs
    found = find_code(country(code), min(form.kinds or {"invoice"}), {name: inner}, {"id": "501"})
    assert found is None or not found.valid, found


@given(formats, st.data())
@cases(200)
def test_a_code_outside_stamp_and_numbering_is_no_code_of_the_document(
    where: tuple[str, CodeFormat], data: st.DataObject
) -> None:
    code, form = where
    theirs = data.draw(codes(form))
    elsewhere = {
        "client": {"identification": theirs, "name": theirs},
        "observations": theirs,
        "anotation": f"reemplaza {theirs}",
        "invoices": [{"id": "7", "stamp": {"cufe": theirs, "uuid": theirs}, "numberTemplate": {"fullNumber": theirs}}],
        "referenceDocuments": [{"number": theirs}],
        "items": [{"reference": theirs}],
        "cufe": theirs,
        "uuid": theirs,
    }
    document = {"id": "501", "numberTemplate": {"id": "9"}, **elsewhere}
    assert find_code(country(code), "invoice", {"legalStatus": "STAMPED_AND_ACCEPTED"}, document) is None


@given(places, st.sampled_from(KINDS), st.data())
@cases(500)
def test_whatever_stamp_and_numbering_hold_a_valid_code_stands_there_word_for_word(
    code: str, kind: str, data: st.DataObject
) -> None:
    document = data.draw(
        damaged({**INVOICE, **ACCEPTED[code]}, names=("cufe", "uuid", "number"), other=any_json | texts)
    )
    assume(isinstance(document, dict))
    stamp = document.get("stamp")
    stamp = stamp if isinstance(stamp, dict) else None
    found = find_code(country(code), kind, stamp, document)
    if found is None or not found.valid:
        return
    there = stamp if found.where == "stamp" else document["numberTemplate"]
    pieces = [text for text in strings(there) if text]
    assert any(found.value in text for text in pieces) or is_pieced(found.value, pieces)


def strings(value: Any) -> list[str]:
    """Every text and whole number inside."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in strings(each)]
    if isinstance(value, list):
        return [text for each in value for text in strings(each)]
    return [str(value)] if isinstance(value, str | int) else []


def is_pieced(value: str, pieces: list[str]) -> bool:
    """Prefix and number, as a numbering writes them apart."""
    return any(value in {f"{a.strip()}{b.strip()}", f"{a.strip()}-{b.strip()}"} for a in pieces for b in pieces)


words = st.sampled_from(
    [
        *("STAMPED", "AND", "ACCEPTED", "REJECTED", "WAITING", "RESPONSE", "PENDING", "CANCELLED", "CANCELED"),
        *("PROCESS", "NOT", "NO", "UN", "DIS", "WITH", "OBSERVATIONS", "IN", "ERROR", "FAILED", "PARTIALLY", "BEFORE"),
    ]
)
status_words = st.lists(words, min_size=1, max_size=5).flatmap(
    lambda each: st.sampled_from(["_", " ", "-", ""]).map(lambda glue: glue.join(each))
)


@given(any_json | texts | status_words | status_words.flatmap(garbled_text))
@example("NOT_ACCEPTED")
@example("UNACCEPTED")
@cases(400)
def test_only_the_word_itself_is_an_acceptance_and_only_nothing_is_nothing(value: Any) -> None:
    verdict = verdict_of(value)
    word = value.strip().upper() if isinstance(value, str) else ""
    if verdict is Verdict.ACCEPTED:
        assert "ACCEPTED" in word
        others = ("REJECTED", "CANCEL", "WAITING", "PENDING", "PROCESS", "NOT", "UNACCEPTED", "DISACCEPTED")
        assert not any(other in word.partition("ACCEPTED")[0] for other in others)
    if verdict is Verdict.REJECTED:
        assert "REJECTED" in word
        assert not any(other in word for other in ("ACCEPTED", "CANCEL", "WAITING", "PENDING", "PROCESS"))
    assert (verdict is Verdict.NOT_EMITTED) == (word == "PENDING")
    assert (verdict is Verdict.ABSENT) == (value is None or (isinstance(value, str) and not word))


@given(texts | st.sampled_from([each.application_version for each in COUNTRIES.values()]).flatmap(garbled_text))
@cases(200)
def test_a_country_is_known_by_its_name_and_by_nothing_like_it(name: str) -> None:
    found = from_application_version(name)
    if found is not None:
        letters = "".join(each for each in name.casefold() if each.isalpha())
        assert letters == found.application_version.casefold()


@given(formats.flatmap(lambda each: st.tuples(st.just(each[1]), codes(each[1]))))
@cases(50)
def test_the_codes_that_are_garbled_here_are_valid_before(made: tuple[CodeFormat, str]) -> None:
    form, code = made
    assert form.pattern.fullmatch(code)


@pytest.mark.parametrize("code", COUNTRIES)
def test_the_believable_document_of_each_country_carries_its_code(code: str) -> None:
    """Otherwise the fuzzing above would only ever reach the first check."""
    document: Mapping[str, Any] = {**INVOICE, **ACCEPTED[code]}
    found = find_code(country(code), "invoice", document["stamp"], document)
    assert found is not None
    assert found.valid, json.dumps(document)
