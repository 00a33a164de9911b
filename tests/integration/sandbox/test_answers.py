"""The shapes a stamp answer can have; what is executed does not depend on them."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def good_and_bad(acme: Any) -> tuple[str, str]:
    dealt = acme.sandbox.deal_drafts("acme", 2, {"data_error": 1})
    return dealt["by_outcome"]["accept"][0], dealt["by_outcome"]["data_error"][0]


def test_rows_in_a_bare_array(acme: Any, good_and_bad: tuple[str, str]) -> None:
    acme.sandbox.faults.set(shape="always")
    body = acme.stamp(*good_and_bad).json()
    assert [set(row) for row in body] == [{"id", "message", "emissionStatus"}, {"id", "code", "message"}]


@pytest.mark.parametrize(
    ("form", "keys"),
    [
        ("bare_object", {"id", "message", "emissionStatus"}),
        ("error_object", {"data", "error"}),
        ("error_without_ids", {"data", "error"}),
        ("error_wrapped", {"error"}),
        ("message_only", {"message"}),
    ],
)
def test_other_shapes(acme: Any, good_and_bad: tuple[str, str], form: str, keys: set[str]) -> None:
    good, bad = good_and_bad
    acme.sandbox.faults.set(shape={"form": form, "next": 1})
    body = acme.stamp(good, bad).json()
    assert set(body) == keys
    match form:
        case "error_object" | "error_wrapped":
            assert set(body["error"]) == {"code", "message"}
        case "error_without_ids":
            assert [set(row) for row in body["error"]] == [{"code", "message"}]
        case _:
            assert bad not in str(body)
    assert acme.executions(good) == 1


def test_an_id_can_be_missing_from_the_answer(acme: Any) -> None:
    ids = acme.drafts(3)
    acme.sandbox.faults.set(drop_ids={"ids": [ids[1]]})
    assert acme.rows(*ids).keys() == {ids[0], ids[2]}
    assert acme.executions(ids[1]) == 1


@pytest.mark.parametrize(("second", "data", "error"), [("same", 2, 0), ("opposite", 1, 1)])
def test_an_id_can_be_answered_twice(acme: Any, second: str, data: int, error: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(repeat_ids={"second": second})
    body = acme.stamp(one).json()
    assert (len(body["data"]), len(body["error"])) == (data, error)
    assert acme.executions(one) == 1


def test_an_answer_can_name_a_document_nobody_asked_for(acme: Any) -> None:
    ids = acme.drafts(2)
    acme.sandbox.faults.set(extra_ids="always")
    assert len(acme.rows(*ids).keys() - set(ids)) == 1


def test_ids_in_answers_can_be_numbers(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(number_ids=True)
    assert acme.stamp(one).json()["data"][0]["id"] == int(one)


@pytest.mark.parametrize(("moment", "executions"), [("before", 0), ("after", 1)])
def test_an_error_row_can_be_true_or_a_lie(acme: Any, moment: str, executions: int) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(error_row={"moment": moment, "code": 1093, "message": "Falta el código CABYS"})
    assert acme.rows(one)[one] == {"id": one, "code": 1093, "message": "Falta el código CABYS"}
    assert acme.executions(one) == executions


def test_a_success_row_can_be_hollow(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.faults.set(hollow_success=1)
    assert acme.rows(one)[one]["success"]
    assert acme.executions(one) == 0
    assert acme.read(one)["status"] == "draft"
