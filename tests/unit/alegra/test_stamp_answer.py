"""What one stamp answer says of each document, in every shape Alegra was seen to use."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from worker.alegra.stamp_answer import read_stamp_answer
from worker.emission.outcomes import Answered, Deferred, ErrorClass, Outcome, Refused, StampReport, Uncertain

TEN = tuple(str(501 + n) for n in range(10))
TWO = ("501", "502")


def answer(status: int, body: Any, asked: tuple[str, ...] = TWO) -> StampReport:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_stamp_answer(status, raw, asked, retry_in=timedelta(seconds=9))


def only(status: int, body: Any) -> Outcome:
    """What an answer says of the only document asked for."""
    return answer(status, body, ("501",)).outcomes["501"]


def class_of(outcome: Outcome) -> ErrorClass | None:
    """The class of an answered document's problem; None for a success."""
    assert isinstance(outcome, Answered), outcome
    return outcome.problem.error_class if outcome.problem else None


MIXED = {
    "data": [
        {"id": "501", "success": True, "message": "Factura emitida", "emissionStatus": "STAMPED_AND_ACCEPTED"},
        {"id": "502", "success": True, "message": "En proceso", "emissionStatus": "STAMPED_AND_WAITING_RESPONSE"},
    ],
    "error": [
        {"id": "503", "code": 3051, "message": "AEP6016 El correo del cliente es obligatorio"},
        {"id": "504", "code": 3246, "message": "La factura ya está en proceso de certificación"},
    ],
}


@pytest.mark.parametrize("status", [200, 201, 400, 422, 500, 503])
def test_the_body_is_read_first_and_the_status_second(status: int) -> None:
    outcomes = answer(status, MIXED, ("501", "502", "503", "504", "505")).outcomes
    assert outcomes["501"] == Answered(emission_status="STAMPED_AND_ACCEPTED")
    assert class_of(outcomes["502"]) is ErrorClass.IN_PROCESS
    assert class_of(outcomes["503"]) is ErrorClass.DATA
    assert class_of(outcomes["504"]) is ErrorClass.IN_PROCESS
    assert isinstance(outcomes["505"], Uncertain)


@pytest.mark.parametrize("status", [401, 402, 403, 405, 429])
def test_a_status_for_the_whole_call_does_not_overrule_rows(status: int) -> None:
    outcomes = answer(status, {"data": [{"id": "501", "success": True}]}).outcomes
    assert outcomes["501"] == Answered()
    assert isinstance(outcomes["502"], Uncertain)


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"id": "501", "success": True}], "error": []},
        {"data": [{"id": 501, "success": True}]},
        {"data": {"id": "501", "success": True}},
        [{"id": "501", "message": "Factura emitida", "emissionStatus": "STAMPED_AND_ACCEPTED"}],
        {"id": "501", "message": "Factura emitida", "emissionStatus": "STAMPED_AND_ACCEPTED"},
        {"metadata": {"total": 1}, "data": [{"id": "501"}]},
        {"data": [{"id": "501", "success": "true", "code": 200}]},
        [{"id": "501", "stamp": {"legalStatus": "STAMPED_AND_ACCEPTED"}}],
    ],
)
def test_a_success_is_read_in_every_shape(body: Any) -> None:
    outcomes = answer(200, body).outcomes
    assert class_of(outcomes["501"]) is None
    assert isinstance(outcomes["502"], Uncertain)


@pytest.mark.parametrize(
    "body",
    [
        {"error": [{"id": "501", "code": 3051, "message": "falta el correo"}]},
        {"error": [{"id": "501", "code": "3051", "message": "falta el correo"}]},
        {"error": [{"id": "501", "error": {"code": 3051, "message": "falta el correo"}}]},
        {"error": {"id": "501", "code": 3051, "message": "falta el correo"}},
        {"data": [{"id": "501", "success": False, "code": 3051, "message": "falta el correo"}]},
        {"data": [{"id": "501", "code": 3051, "message": "falta el correo"}]},
        [{"id": "501", "code": 3051, "message": "falta el correo"}],
        {"id": "501", "code": 3051, "message": "falta el correo"},
        {"code": 3051, "error": "falta el correo", "invoice": {"id": "501", "status": "draft"}},
    ],
)
def test_an_error_is_read_in_every_shape(body: Any) -> None:
    outcome = answer(400, body).outcomes["501"]
    assert isinstance(outcome, Answered)
    assert outcome.problem is not None
    assert (outcome.problem.error_class, outcome.problem.code) == (ErrorClass.DATA, "3051")
    assert "falta el correo" in outcome.problem.message
    assert not outcome.whole_batch


@pytest.mark.parametrize(
    "body",
    [
        {"code": 3051, "message": "falta el correo"},
        {"error": {"code": 3051, "message": "falta el correo"}},
        {"error": {"error": {"code": 3051}, "message": "falta el correo"}},
        {"error": [{"code": 3051, "message": "falta el correo"}]},
        {"code": 3051, "error": "falta el correo"},
        {"data": [], "code": 3051, "message": "falta el correo"},
        {"code": 3051, "message": "falta el correo", "contactId": "502"},
    ],
)
@pytest.mark.parametrize("status", [200, 400, 422])
def test_an_error_that_names_no_document_is_the_only_ones_or_the_batchs(status: int, body: Any) -> None:
    alone = only(status, body)
    assert class_of(alone) is ErrorClass.DATA
    assert isinstance(alone, Answered)
    assert not alone.whole_batch
    for outcome in answer(status, body, TEN).outcomes.values():
        assert class_of(outcome) is ErrorClass.DATA
        assert isinstance(outcome, Answered)
        assert outcome.whole_batch


@pytest.mark.parametrize("body", [b"El campo ids es obligatorio", {"message": "El campo ids es obligatorio"}])
def test_a_400_without_a_code_is_an_error_too(body: Any) -> None:
    outcome = answer(400, body).outcomes["501"]
    assert isinstance(outcome, Answered)
    assert outcome.whole_batch
    assert outcome.problem is not None
    assert (outcome.problem.code, outcome.problem.message) == ("400", "El campo ids es obligatorio")


def test_a_200_that_names_nobody_does_not_bless_ten_documents() -> None:
    body = {"success": True, "message": "Facturas emitidas"}
    assert all(isinstance(outcome, Uncertain) for outcome in answer(200, body, TEN).outcomes.values())
    assert only(200, body) == Answered()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"<html><body>Bienvenido</body></html>",
        b'{"data":[{"id":"501","succ',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"null",
        b"[]",
        b"{}",
        {"message": "Factura emitida"},
        {"data": [], "error": []},
        {"data": [], "success": True},
        {"data": ["501", "502"]},
        {"data": None, "error": None},
    ],
)
def test_an_answer_that_says_nothing_leaves_everything_uncertain(body: Any) -> None:
    assert isinstance(only(200, body), Uncertain)
    assert all(isinstance(outcome, Uncertain) for outcome in answer(200, body).outcomes.values())


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 301, 302, 303, 307, 408, 409, 418, 425])
@pytest.mark.parametrize("body", [b"", b"<html></html>", {"message": "Service Unavailable"}, {"code": 3051}])
def test_a_status_that_leaves_open_what_was_done_is_uncertain(status: int, body: Any) -> None:
    assert isinstance(only(status, body), Uncertain)


def test_html_with_a_400_is_some_other_server() -> None:
    assert isinstance(only(400, b"<html>Bad Request</html>"), Uncertain)
    assert isinstance(only(404, b"<html>Not Found</html>"), Uncertain)


@pytest.mark.parametrize("status", [401, 402, 403])
@pytest.mark.parametrize("body", [b"", b"<html></html>", {"code": 1000, "message": "No autorizado"}])
def test_a_refused_account_is_refused_for_every_document(status: int, body: Any) -> None:
    for outcome in answer(status, body, TEN).outcomes.values():
        assert isinstance(outcome, Refused)
        assert outcome.problem.code == str(status)
        assert outcome.problem.blames_account
        assert outcome.problem.error_class is ErrorClass.CONFIGURATION


@pytest.mark.parametrize("status", [405, 406, 411, 413, 414, 415, 431])
@pytest.mark.parametrize("body", [b"", b"<html></html>", {"message": "Method Not Allowed"}])
def test_a_request_that_is_not_understood_pauses_the_account_and_lets_reads_prove_the_documents(
    status: int, body: Any
) -> None:
    """Only 401, 402, 403 and 429 say that nothing was executed: a 406 may be all that is wrong with the answer."""
    for asked in (("501",), TEN):
        for outcome in answer(status, body, asked).outcomes.values():
            assert isinstance(outcome, Answered)
            assert outcome.whole_batch
            assert outcome.problem is not None
            assert outcome.problem.blames_account
            assert outcome.problem.error_class is ErrorClass.CONFIGURATION


@pytest.mark.parametrize("status", [401, 402, 403, 405, 429])
@pytest.mark.parametrize(
    "body", [{"data": [{"success": True}]}, {"data": [{"emissionStatus": "STAMPED_AND_ACCEPTED"}]}, {"success": True}]
)
def test_a_refusal_of_the_call_beside_a_success_that_names_nobody_says_nothing(status: int, body: Any) -> None:
    assert all(isinstance(outcome, Uncertain) for outcome in answer(status, body, TEN).outcomes.values())


PLAN = ({"code": 900, "message": "plan"}, {"error": [{"code": "907", "message": "plan"}]}, {"error": {"code": 908}})


@pytest.mark.parametrize("body", PLAN, ids=["900", "907", "908"])
@pytest.mark.parametrize("status", [200, 400, 402])
def test_the_plans_limit_refuses_the_account(status: int, body: Any) -> None:
    outcome = only(status, body)
    assert isinstance(outcome, Refused)
    assert outcome.problem.code in {"900", "907", "908"}
    assert outcome.problem.blames_account


@pytest.mark.parametrize("body", PLAN, ids=["900", "907", "908"])
@pytest.mark.parametrize("status", [200, 400])
def test_a_plans_limit_that_names_nobody_pauses_the_account_and_lets_reads_prove_the_batch(
    status: int, body: Any
) -> None:
    """It may have been reached after some of the ten were emitted."""
    for outcome in answer(status, body, TEN).outcomes.values():
        assert isinstance(outcome, Answered)
        assert outcome.whole_batch
        assert outcome.problem is not None
        assert outcome.problem.blames_account
    assert all(isinstance(outcome, Refused) for outcome in answer(402, body, TEN).outcomes.values())


def test_a_plans_limit_in_the_middle_of_a_batch_concerns_the_documents_it_names() -> None:
    body = {"data": [{"id": "501", "success": True}], "error": [{"id": "502", "code": 900, "message": "plan"}]}
    outcomes = answer(200, body, ("501", "502", "503")).outcomes
    assert outcomes["501"] == Answered()
    assert isinstance(outcomes["502"], Refused)
    assert isinstance(outcomes["503"], Uncertain)


@pytest.mark.parametrize("body", [b"", b"Too Many Requests", {"code": 429, "message": "Too Many Requests"}])
def test_429_defers_every_document_for_as_long_as_alegra_asks(body: Any) -> None:
    for outcome in answer(429, body).outcomes.values():
        assert isinstance(outcome, Deferred)
        assert outcome.retry_in == timedelta(seconds=9)


def test_the_same_row_twice_is_one() -> None:
    row = {"id": "501", "success": True}
    assert only(200, {"data": [row, row]}) == Answered()


def test_rows_that_contradict_each_other_say_nothing() -> None:
    body = {"data": [{"id": "501", "success": True}], "error": [{"id": "501", "code": 3051, "message": "no"}]}
    assert isinstance(only(200, body), Uncertain)


def test_a_row_that_contradicts_itself_says_nothing() -> None:
    assert isinstance(only(200, {"error": [{"id": "501", "success": True}]}), Uncertain)
    pending = {"id": "501", "success": True, "emissionStatus": "PENDING"}
    assert isinstance(only(200, {"data": [pending]}), Uncertain)


def test_two_errors_of_one_class_for_one_document_are_told_together() -> None:
    rows = [{"id": "501", "code": 3051, "message": "sin correo"}, {"id": "501", "code": 3051, "message": "sin nombre"}]
    outcome = only(400, {"error": rows})
    assert isinstance(outcome, Answered)
    assert outcome.problem is not None
    assert outcome.problem.message == "sin correo; sin nombre"


def test_in_process_is_the_same_as_data_and_as_error() -> None:
    waiting = {"id": "501", "success": True, "emissionStatus": "STAMPED_AND_WAITING_RESPONSE"}
    certifying = {"id": "501", "code": 3246, "message": "ya está en proceso"}
    assert class_of(only(200, {"data": [waiting]})) is ErrorClass.IN_PROCESS
    assert class_of(only(400, {"error": [certifying]})) is ErrorClass.IN_PROCESS
    both = only(200, {"data": [waiting], "error": [certifying]})
    assert class_of(both) is ErrorClass.IN_PROCESS


def test_a_rejection_among_the_data_is_a_problem_of_the_document() -> None:
    row = {"id": "501", "success": True, "emissionStatus": "STAMPED_AND_REJECTED", "message": "Regla FAJ43b"}
    outcome = only(200, {"data": [row]})
    assert class_of(outcome) is ErrorClass.DATA
    assert isinstance(outcome, Answered)
    assert outcome.emission_status == "STAMPED_AND_REJECTED"


def test_an_error_row_of_an_accepted_document_says_it_was_sent_before() -> None:
    row = {"id": "501", "code": 3051, "message": "no se puede", "emissionStatus": "STAMPED_AND_ACCEPTED"}
    assert class_of(only(400, {"error": [row]})) is ErrorClass.ALREADY_SENT


def test_an_unnamed_document_that_was_sent_before_makes_the_whole_batch_uncertain() -> None:
    """Which one it is, nobody knows; calling all ten in process would strand the nine."""
    body = {"error": {"code": 3246, "message": "ya está en proceso"}}
    assert all(isinstance(outcome, Uncertain) for outcome in answer(400, body, TEN).outcomes.values())
    assert class_of(only(400, body)) is ErrorClass.IN_PROCESS


def test_a_provider_that_could_not_answer_is_transient() -> None:
    row = {"id": "501", "code": 3051, "message": "EPR500 Error de comunicación con la DIAN"}
    assert class_of(only(400, {"error": [row]})) is ErrorClass.TRANSIENT
    assert class_of(only(503, {"id": "501", "message": "Service Unavailable"})) is ErrorClass.TRANSIENT


def test_ids_nobody_asked_for_are_strangers_and_speak_for_nobody() -> None:
    body = {"data": [{"id": "777", "success": True}, {"id": "501", "success": True}]}
    report = answer(200, body)
    assert report.strangers == ("777",)
    assert set(report.outcomes) == {"501", "502"}
    assert isinstance(answer(200, [{"id": "777", "code": 3051, "message": "x"}]).outcomes["501"], Uncertain)


def test_a_request_id_in_a_refusal_is_no_row() -> None:
    assert isinstance(only(401, {"id": "req-1", "code": 401, "message": "no"}), Refused)


def test_the_beginning_of_the_answer_is_kept() -> None:
    report = answer(200, b"x" * 5000)
    assert report.excerpt == "x" * 1024
    assert report.http_status == 200


def test_a_text_no_database_can_hold_is_cleaned() -> None:
    raw = b'{"error":[{"id":"501","code":3051,"message":"a\\u0000b\\ud800c"}]}'
    outcome = only(400, raw)
    assert isinstance(outcome, Answered)
    assert outcome.problem is not None
    assert outcome.problem.message == "a\ufffdb\ufffdc"
