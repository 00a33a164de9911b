"""POST /invoices/stamp: rows, planted outcomes, and the ledger that judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def test_a_draft_is_opened_numbered_and_entered_once(acme: Any) -> None:
    ids = acme.drafts(10)
    answer = acme.stamp(*ids)
    assert answer.status_code == 200
    assert answer.json()["error"] == []
    assert [entry["document_id"] for entry in acme.sandbox.ledger()] == ids
    assert acme.sandbox.duplicates() == []
    row = acme.read(ids[0])
    assert (row["status"], row["stamp"]["legalStatus"]) == ("open", "STAMPED_AND_ACCEPTED")
    assert "cufe" not in answer.text


def test_numbers_are_taken_in_turn(acme: Any) -> None:
    ids = acme.drafts(3)
    acme.stamp(*ids)
    assert [int(acme.read(each)["numberTemplate"]["number"]) - 990000001 for each in ids] == [0, 1, 2]


def test_ids_may_be_numbers(acme: Any) -> None:
    [one] = acme.drafts(1)
    assert acme.http.post("/invoices/stamp", json={"ids": [int(one)]}).json()["data"][0]["id"] == one


def test_more_than_ten_ids_are_refused_whole(acme: Any) -> None:
    ids = acme.drafts(11)
    assert acme.stamp(*ids).status_code == 400
    assert acme.sandbox.ledger() == []
    acme.sandbox.faults.set(stamp_max_ids=20)
    assert acme.stamp(*ids).status_code == 200


def test_one_bad_document_never_sinks_nine_good_ones(acme: Any) -> None:
    dealt = acme.sandbox.deal_drafts("acme", 10, {"data_error": 1})
    [bad] = dealt["by_outcome"]["data_error"]
    answer = acme.stamp(*dealt["ids"])
    assert answer.status_code == 200
    assert answer.json()["error"] == [
        {"id": bad, "code": 3051, "message": "AEP6016 El correo del cliente es obligatorio"}
    ]
    assert len(acme.sandbox.ledger()) == 9


def test_the_status_of_failures_is_a_setting(acme: Any) -> None:
    dealt = acme.sandbox.deal_drafts("acme", 2, {"data_error": 1})
    [bad] = dealt["by_outcome"]["data_error"]
    assert acme.stamp(bad).status_code == 400
    acme.sandbox.faults.set(partial_failure_status="400", total_failure_status=200)
    assert acme.stamp(bad).status_code == 200
    assert acme.stamp(*dealt["ids"]).status_code == 400


@pytest.mark.parametrize(
    ("outcome", "code", "word"),
    [("data_error", 3051, "AEP6016"), ("config_error", 20007, "resolución"), ("transient", 3051, "EPR500")],
)
def test_errors_are_rows_and_execute_nothing(acme: Any, outcome: str, code: int, word: str) -> None:
    [one] = acme.drafts(1, **{outcome: 1})
    row = acme.rows(one)[one]
    assert row["code"] == code
    assert word in row["message"]
    assert acme.sandbox.ledger() == []
    assert acme.read(one)["status"] == "draft"


def test_a_transient_error_passes(acme: Any) -> None:
    [one] = acme.drafts(1, transient=1)
    acme.sandbox.plant("acme", one, {"name": "transient", "times": 2})
    assert [acme.rows(one)[one].get("code") for _ in range(3)] == [3051, 3051, None]


def test_fixed_data_makes_a_document_stampable(acme: Any) -> None:
    [one] = acme.drafts(1, data_error=1)
    assert acme.rows(one)[one]["code"] == 3051
    acme.sandbox.plant("acme", one, "accept")
    assert acme.rows(one)[one]["success"]


def test_a_poison_document_refuses_its_whole_batch_without_naming_anybody(acme: Any) -> None:
    dealt = acme.sandbox.deal_drafts("acme", 10, {"poison": 1})
    answer = acme.stamp(*dealt["ids"])
    assert answer.status_code == 400
    assert answer.json() == {"code": 902, "message": "No fue posible procesar la solicitud"}
    assert acme.sandbox.ledger() == []
    assert acme.stamp(*dealt["by_outcome"]["accept"]).status_code == 200


def test_a_batch_can_be_refused_whole(acme: Any) -> None:
    ids = acme.drafts(2)
    acme.sandbox.faults.set(refuse_batch={"next": 1, "code": 9999, "message": "Vuelva a intentar"})
    assert acme.stamp(*ids).json() == {"code": 9999, "message": "Vuelva a intentar"}
    assert acme.stamp(*ids).status_code == 200


def test_void_paper_and_unknown_documents_get_error_rows(acme: Any) -> None:
    dealt = acme.sandbox.deal_drafts("acme", 2, {"void": 1, "not_electronic": 1})
    rows = acme.rows(*dealt["ids"], "999")
    assert {row["code"] for row in rows.values()} == {3051, 404}
    assert acme.sandbox.ledger() == []
    [paper] = dealt["by_outcome"]["not_electronic"]
    assert acme.read(paper)["numberTemplate"]["isElectronic"] is False


def test_an_open_document_keeps_its_number(acme: Any) -> None:
    [one] = acme.drafts(1, open=1)
    before = acme.read(one)
    assert (before["status"], before["stamp"]) == ("open", None)
    assert acme.rows(one)[one]["success"]
    assert acme.read(one)["numberTemplate"] == before["numberTemplate"]


def test_observations_come_with_warnings(acme: Any) -> None:
    [one] = acme.drafts(1, observations=1)
    acme.stamp(one)
    stamp = acme.read(one)["stamp"]
    assert stamp["legalStatus"] == "STAMPED_AND_ACCEPTED_WITH_OBSERVATIONS"
    assert stamp["warnings"][0].startswith("Regla: FAZ09")


def test_a_rejected_document_keeps_its_code_and_may_be_corrected(acme: Any) -> None:
    [one] = acme.drafts(1, rejected=1)
    row = acme.rows(one)[one]
    assert (row["code"], row["emissionStatus"]) == (3051, "STAMPED_AND_REJECTED")
    assert acme.read(one)["stamp"]["cufe"]
    acme.sandbox.plant("acme", one, "accept")
    assert acme.rows(one)[one]["success"]
    assert acme.executions(one) == 2
    assert acme.sandbox.duplicates() == []


def test_a_second_call_for_an_accepted_document_is_a_second_emission(acme: Any) -> None:
    """The worst case is the default: whoever sends twice is found out."""
    [one] = acme.drafts(1, stamped=1)
    before = acme.read(one)["stamp"]["cufe"]
    assert acme.rows(one)[one]["success"]
    assert acme.read(one)["stamp"]["cufe"] != before
    [duplicate] = acme.sandbox.duplicates()
    assert duplicate["document_id"] == one
    assert [entry["call"] for entry in duplicate["executions"]] == ["seed", "call-1.1"]


@pytest.mark.parametrize(("answer", "success"), [("error_row", None), ("success_row", True)])
def test_an_accepted_document_can_be_answered_without_a_second_emission(
    acme: Any, answer: str, success: bool | None
) -> None:
    [one] = acme.drafts(1, stamped=1)
    acme.sandbox.faults.set(accepted_again=answer)
    assert acme.rows(one)[one].get("success") is success
    assert acme.executions(one) == 1


@pytest.mark.parametrize(
    ("answer", "code", "status", "executions"),
    [
        ("error_row", 3246, None, 1),
        ("data_row", None, "STAMPED_AND_WAITING_RESPONSE", 1),
        ("second_emission", None, "STAMPED_AND_WAITING_RESPONSE", 2),
    ],
)
def test_a_document_in_process_is_answered_as_the_setting_says(
    acme: Any, answer: str, code: int | None, status: str | None, executions: int
) -> None:
    [one] = acme.drafts(1, waiting=1)
    acme.stamp(one)
    acme.sandbox.faults.set(in_process_again=answer)
    row = acme.rows(one)[one]
    assert (row.get("code"), row.get("emissionStatus")) == (code, status)
    assert acme.executions(one) == executions


def test_a_numbering_can_run_out_in_the_middle_of_a_batch(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("acme", "colombia", numbers_left=2)
    ids = desk.drafts(3)
    rows = desk.rows(*ids)
    assert [rows[each].get("code") for each in ids] == [None, None, 3051]
    assert "AEP6011" in rows[ids[2]]["message"]
    desk.sandbox.add_account("acme", country="CO", numbers_left=10)
    assert desk.rows(ids[2])[ids[2]]["success"]


def test_a_person_can_stamp_in_alegras_own_screen(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.sandbox.stamp_by_hand("acme", one)
    assert acme.read(one)["stamp"]["cufe"]
    assert acme.sandbox.ledger()[0]["call"] == "by hand"


def test_accounts_share_ids_and_nothing_else(desk_of: Callable[..., Any]) -> None:
    first, second = desk_of("uno", "colombia"), desk_of("dos", "mexico")
    assert first.drafts(2) == second.drafts(2)
    first.stamp("501")
    assert second.read("501")["status"] == "draft"
    assert [entry["account"] for entry in first.sandbox.ledger()] == ["uno"]
