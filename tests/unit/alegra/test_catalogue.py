"""The catalogue: each documented code asks for the right thing, in two languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.alegra.catalogue import account_problem, catalogue, classify, explain
from worker.emission.outcomes import ErrorClass

DATA, CONF, RETRY, SENT, PROC = (
    ErrorClass.DATA,
    ErrorClass.CONFIGURATION,
    ErrorClass.TRANSIENT,
    ErrorClass.ALREADY_SENT,
    ErrorClass.IN_PROCESS,
)


@pytest.mark.parametrize(
    ("code", "message", "error_class"),
    [
        ("401", "", CONF),
        ("402", "", CONF),
        ("403", "", CONF),
        ("404", "", DATA),
        ("429", "", RETRY),
        ("500", "", RETRY),
        ("503", "", RETRY),
        ("900", "", CONF),
        ("907", "", CONF),
        ("908", "", CONF),
        ("2006", "El contacto ya existe", DATA),
        ("2031", "kindOfPerson es obligatorio", DATA),
        ("3051", "La factura no pudo emitirse", DATA),
        ("3061", "", CONF),
        ("3246", "La factura ya está en proceso de certificación", PROC),
        ("11108", "", SENT),
        ("13050", "", DATA),
        ("20007", "", CONF),
        # What the message says refines 3051.
        ("3051", "AEP1005 El certificado está vencido", CONF),
        ("3051", "AEP2006 Tiempo de espera agotado", PROC),
        ("3051", "AEP2011 Documento ya enviado", PROC),
        ("3051", "AEP6008 Compañía no habilitada", CONF),
        ("3051", "AEP6009 Número duplicado", SENT),
        ("3051", "AEP6011 Regla 90: fuera del rango", CONF),
        ("3051", "AEP6011 Regla: 90, Documento procesado anteriormente", SENT),
        ("3051", "AEP6016 El correo del cliente es obligatorio", DATA),
        ("3051", "EPR500 Error de comunicación con la DIAN", RETRY),
        ("3051", "EPR503 timeout", RETRY),
        ("3051", "AP3001 e-NCF utilizado", SENT),
        ("3051", "AP3011 e-NCF en proceso", PROC),
        ("3051", "AP1016 RNC", CONF),
        ("3051", "AEP11005 evento duplicado", SENT),
        ("3051", "Regla: FAJ43b, Rechazo: Nombre informado No corresponde", DATA),
        ("3051", "CFDI40147 El nombre del receptor no corresponde", DATA),
        ("3051", "CFDI 307: timbre previo", SENT),
        ("3051", "Service Unavailable", RETRY),
        ("3051", "Intente más tarde", RETRY),
        ("3051", "La factura ya fue emitida", SENT),
        ("AEP6008", "", CONF),
        ("", "Service Unavailable", RETRY),
        ("424242", "algo nuevo", DATA),
        # A code that is precise keeps its class, except against "already there".
        ("2031", "Service Unavailable", DATA),
        ("2031", "AEP2011", PROC),
    ],
)
def test_each_error_asks_for_the_right_thing(code: str, message: str, error_class: ErrorClass) -> None:
    assert classify(400, code, message).error_class is error_class


def test_alegras_code_and_text_are_kept() -> None:
    problem = classify(400, "3051", "AEP6016 El correo del cliente es obligatorio")
    assert (problem.code, problem.message) == ("3051", "AEP6016 El correo del cliente es obligatorio")


def test_an_error_without_a_code_has_its_status_for_one() -> None:
    assert classify(422, "", "algo").code == "422"
    assert classify(200, "", "algo").code == "unknown"


@pytest.mark.parametrize("code", ["401", "402", "403", "900", "907", "908", "AEP1001", "AEP6008", "20007"])
def test_what_concerns_the_whole_account_blames_it(code: str) -> None:
    assert classify(400, code, "").blames_account


@pytest.mark.parametrize("code", ["3051", "2031", "3246", "404", "500", "AEP6016"])
def test_what_concerns_one_document_does_not(code: str) -> None:
    assert not classify(400, code, "").blames_account


def test_a_refused_account_is_named_by_its_status_or_the_plans_code() -> None:
    assert account_problem(401, "1000", "Unauthorized").code == "401"
    assert account_problem(402, "900", "Límite").code == "900"
    assert account_problem(403, "", "").message == "HTTP 403"


def test_an_explanation_is_as_precise_as_the_message_allows() -> None:
    assert "e-mail" in explain("3051", "en", "AEP6016 El correo es obligatorio").meaning
    assert "message" in explain("3051", "en").next_step
    assert "certificado" in explain("AEP1005", "es").meaning


def test_every_class_and_every_row_is_explained_in_both_languages() -> None:
    entries = [*catalogue().by_code.values(), *(entry for _, entry in catalogue().by_text)]
    assert {entry.error_class for entry in entries} == set(ErrorClass)
    for entry in entries:
        for text in (entry.en.meaning, entry.en.next_step, entry.es.meaning, entry.es.next_step, entry.source):
            assert text.strip()
        assert entry.en.meaning != entry.es.meaning


def test_an_unknown_code_is_explained_as_one() -> None:
    assert "not in the catalogue" in explain("424242", "en").meaning
    assert "no está en el catálogo" in explain("424242", "es").meaning


@given(st.integers(100, 599), st.text(max_size=60), st.text(max_size=3000))
def test_any_error_becomes_a_problem_that_a_database_can_hold(status: int, code: str, message: str) -> None:
    problem = classify(status, code, message)
    assert len(problem.code) <= 40
    assert len(problem.message) <= 1000
    assert "\x00" not in problem.code + problem.message
