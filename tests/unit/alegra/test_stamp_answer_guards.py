"""Reading a stamp answer, guard by guard: each of these fails when one condition is taken away and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker.alegra.stamp_answer import read_stamp_answer
from worker.emission.outcomes import Answered, ErrorClass, Outcome, Uncertain

TEN = tuple(str(501 + n) for n in range(10))


def outcomes(body: Any, asked: tuple[str, ...], status: int = 400) -> list[Outcome]:
    return list(read_stamp_answer(status, json.dumps(body).encode(), asked).outcomes.values())


def of_501(body: Any, status: int = 200) -> Outcome:
    return outcomes(body, ("501",), status)[0]


def class_of(outcome: Outcome) -> ErrorClass | None:
    assert isinstance(outcome, Answered), outcome
    return outcome.problem.error_class if outcome.problem else None


def test_an_error_that_names_nobody_beside_rows_of_strangers_refuses_nobody() -> None:
    body = {"error": [{"id": "777", "code": 3051, "message": "falta"}, {"code": 3051, "message": "falta"}]}
    assert all(isinstance(each, Uncertain) for each in outcomes(body, TEN))


def test_an_error_whose_status_says_in_process_is_in_process_whatever_its_code_says() -> None:
    row = {"id": "501", "code": 3051, "message": "no", "emissionStatus": "STAMPED_AND_WAITING_RESPONSE"}
    assert class_of(of_501({"error": [row]}, 400)) is ErrorClass.IN_PROCESS


@pytest.mark.parametrize(
    "other",
    [{"code": 3246, "message": "en proceso"}, {"code": 3051, "message": "EPR500 sin respuesta de la DIAN"}],
    ids=["in process", "transient"],
)
def test_two_errors_of_different_classes_for_one_document_say_nothing(other: dict[str, Any]) -> None:
    rows = [{"id": "501", "code": 3051, "message": "falta el correo"}, {"id": "501", **other}]
    assert isinstance(of_501({"error": rows}, 400), Uncertain)


def test_one_unnamed_of_ten_that_was_sent_before_makes_all_uncertain() -> None:
    body = {"error": {"code": 3051, "message": "LGC01 Documento procesado anteriormente"}}
    assert class_of(of_501(body, 400)) is ErrorClass.ALREADY_SENT
    assert all(isinstance(each, Uncertain) for each in outcomes(body, TEN))


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"id": "501", "success": False}]},
        {"error": [{"id": "501", "message": "falta el correo"}]},
        {"data": [{"id": "501", "error": "falta el correo"}]},
    ],
    ids=["success is false", "among the errors", "an error inside"],
)
def test_each_sign_of_an_error_is_enough_alone(body: Any) -> None:
    assert class_of(of_501(body)) is not None


@pytest.mark.parametrize("row", [{"code": 200}, {"code": "0"}, {"code": 3051, "success": True}])
def test_a_code_that_means_no_error_and_one_beside_a_success_are_none(row: dict[str, Any]) -> None:
    """A read decides in any case; what the answer says must not be turned round before it."""
    assert class_of(of_501({"data": [{"id": "501", **row}]})) is None


def test_a_truth_value_names_no_document() -> None:
    rows = {"data": [{"id": True, "success": True}]}
    assert all(isinstance(each, Uncertain) for each in outcomes(rows, ("1", "True", "501"), 200))
