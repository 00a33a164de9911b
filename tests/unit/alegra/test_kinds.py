"""The kinds: the domain's table and Alegra's shapes name the same ones, and what each key of a document says."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from worker.alegra.kinds import SHAPES, Stamped
from worker.alegra.reading import observe
from worker.alegra.stamp_answer import NO_SUCH_CALL, read_stamp_answer
from worker.countries import COUNTRIES
from worker.emission.kinds import KINDS, foreign
from worker.emission.observation import Remote
from worker.emission.outcomes import Answered, ErrorClass, Problem, Uncertain

CUDE = "ab" * 48


def test_every_kind_has_its_shape_and_every_shape_its_kind() -> None:
    assert list(SHAPES.keys() ^ KINDS.keys()) == []
    assert len({shape.resource for shape in SHAPES.values()}) == len(SHAPES)


def test_only_what_has_a_call_for_several_is_sent_together() -> None:
    assert {name for name, shape in SHAPES.items() if shape.stamped is Stamped.TOGETHER} == {
        kind.name for kind in KINDS.values() if kind.batch_size > 1
    }


def test_what_others_follow_comes_first() -> None:
    names = list(KINDS)
    assert all(names.index(kind.follows) < names.index(kind.name) for kind in KINDS.values() if kind.follows)
    assert {name for name, shape in SHAPES.items() if shape.follows} == {
        kind.name for kind in KINDS.values() if kind.follows
    }


def test_every_kind_has_a_code_of_its_own_form_wherever_it_exists() -> None:
    for kind in KINDS.values():
        for code in kind.countries:
            assert any(form.carried_by(kind.name) for form in COUNTRIES[code].formats), (kind.name, code)


def test_the_sentence_that_refuses_a_kind_says_where_it_exists() -> None:
    assert foreign(KINDS["global_invoice"], "CO") == (
        "a global invoice exists in México, and this account is of Colombia"
    )


def body(**changes: Any) -> dict[str, Any]:
    ordinary = {"id": "7", "status": "open", "date": "2026-03-02", "total": 100, "client": {"id": "77"}}
    return ordinary | changes


def seen(kind: str, country: str = "CO", **changes: Any) -> Any:
    return observe(body(**changes), COUNTRIES[country], kind)


def test_a_credit_note_follows_its_invoices() -> None:
    note = seen("credit_note", invoices=[{"id": 501, "amount": 1}, {"id": "502"}, {"id": "502"}, {"number": "x"}])
    assert (note.remote, note.follows) == (Remote.UNSTAMPED, ("501", "502"))


@pytest.mark.parametrize("given", [{"invoice": {"id": "501"}}, {"invoices": ["501"]}, {"invoice": 501}])
def test_a_debit_note_may_name_its_invoice_in_any_way(given: dict[str, Any]) -> None:
    assert seen("income_debit_note", **given).follows == ("501",)


@pytest.mark.parametrize("given", [{}, {"invoices": None}, {"invoices": []}, {"invoices": [None, True, {"id": " "}]}])
def test_a_note_without_an_invoice_follows_none(given: dict[str, Any]) -> None:
    assert seen("credit_note", **given).follows == ()


def test_a_note_is_accepted_with_its_cude() -> None:
    note = seen("credit_note", stamp={"legalStatus": "STAMPED_AND_ACCEPTED", "cude": CUDE})
    assert (note.remote, note.fiscal_code, note.fiscal_code_type) == (Remote.ACCEPTED, CUDE, "cude")


def test_a_vendor_debit_note_without_a_code_is_not_believed_stamped() -> None:
    assert seen("debit_note", emissionStatus="STAMPED_AND_ACCEPTED").remote is Remote.IN_PROCESS
    assert seen("debit_note", emissionStatus="PENDING").remote is Remote.UNSTAMPED


@pytest.mark.parametrize(
    ("given", "remote"),
    [
        ({"numberTemplate": {"documentType": "supportDocument"}}, Remote.UNSTAMPED),
        ({"numberTemplate": [{"documentType": "bill"}]}, Remote.NOT_ELECTRONIC),
        ({"type": "bill"}, Remote.NOT_ELECTRONIC),
        ({"type": "supportDocument"}, Remote.UNSTAMPED),
        ({}, Remote.UNSTAMPED),
    ],
)
def test_a_providers_bill_is_no_support_document(given: dict[str, Any], remote: Remote) -> None:
    bill = seen("support_document", provider={"id": "12"}, **given)
    assert (bill.remote, bill.snapshot.client) == (remote, "12")


def test_a_payment_counts_by_its_amount_and_is_taken_by_a_night_only_with_an_electronic_numbering() -> None:
    payment = {"total": None, "amount": "119.50", "invoices": [{"id": "501"}], "type": "in"}
    plain = seen("payment", "CR", **payment)
    electronic = seen("payment", "CR", numberTemplate={"isElectronic": True}, **payment)
    assert str(plain.snapshot.total) == "119.50"
    assert (plain.is_draft, electronic.is_draft) == (False, True)
    assert seen("payment", "CR", **(payment | {"type": "out"})).remote is Remote.NOT_ELECTRONIC


def test_documents_without_a_draft_status_are_listed_by_their_date() -> None:
    assert SHAPES["credit_note"].listed(date(2026, 3, 2))["status"] == "draft"
    payments = SHAPES["payment"].listed(date(2026, 3, 2))
    assert payments["date_afterOrNow"] == "2026-01-16"
    assert "status" not in payments
    assert SHAPES["support_document"].listed(date(2026, 3, 2))["type"] == "supportDocument"


def alone(status: int, content: bytes) -> object:
    return read_stamp_answer(status, content, ["7"], together=False).outcomes["7"]


def test_an_edit_answers_with_the_document_itself() -> None:
    assert alone(200, b'{"id":"7","status":"open","stamp":null}') == Answered()
    assert alone(200, b'{"id":7,"stamp":{"legalStatus":"STAMPED_AND_ACCEPTED"}}') == Answered(
        emission_status="STAMPED_AND_ACCEPTED"
    )


def test_a_failed_stamp_may_show_the_document_beside_the_error() -> None:
    refused = alone(400, b'{"code":3051,"error":"AEP6016 falta el correo","debitNote":{"id":"7"}}')
    assert isinstance(refused, Answered)
    assert refused.problem is not None
    assert (refused.problem.error_class, refused.problem.code) == (ErrorClass.DATA, "3051")


def test_a_mere_message_says_nothing_of_what_was_done() -> None:
    assert isinstance(alone(200, b'{"message":"Recibo emitido"}'), Uncertain)


def test_a_call_that_alegra_does_not_take_blames_the_kind_and_not_the_account() -> None:
    single = alone(405, b'{"message":"Method Not Allowed"}')
    assert single == Answered(Problem(ErrorClass.DATA, NO_SUCH_CALL, "HTTP 405 Method Not Allowed"))
    together = read_stamp_answer(405, b"", ["7"]).outcomes["7"]
    assert isinstance(together, Answered)
    assert together.whole_batch
    assert together.problem is not None
    assert together.problem.blames_account
