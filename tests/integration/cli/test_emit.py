"""`timbre emit` from the shell to the fiscal code, on real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from tests.integration.cli.conftest import ON_POSTGRESQL, Office

CONTRACT = [
    "id",
    "account",
    "kind",
    "document_id",
    "status",
    "attempt",
    "fiscal_code",
    "fiscal_code_type",
    "document_number",
    "legal_status",
    "stamped_at",
    "error_class",
    "error_code",
    "error_message",
    "next_read_at",
    "reads",
    "batch_id",
    "request_id",
    "requested_by",
    "priority",
    "not_before",
    "created_at",
    "updated_at",
]


def emit(*arguments: str) -> list[str]:
    return ["emit", *arguments, "--account", "acme"]


def test_waiting_ends_with_a_table_of_fiscal_codes(office: Office) -> None:
    ids = office.drafts(12)
    result = office.timbre(*emit(*ids, "--wait=60"))
    assert result.exit_code == 0, result.output
    codes = [office.sandbox.document("acme", each)["code"] for each in ids]
    assert all(code in result.stdout for code in codes)


def test_json_names_the_columns_of_the_status_table(office: Office) -> None:
    (document_id,) = office.drafts(1)
    answer = office.json(*emit(document_id, "--wait=60"))
    (emission,) = answer["emissions"]
    assert list(emission)[: len(CONTRACT)] == CONTRACT
    assert emission["status"] == "stamped"
    assert emission["fiscal_code"] == office.sandbox.document("acme", document_id)["code"]
    assert answer["counts"] == {"stamped": 1}


def test_a_rejected_document_among_stamped_ones_is_exit_code_one(office: Office) -> None:
    ids = office.drafts(3, data_error=1)
    answer = office.json(*emit(*ids, "--wait=60"), code=1)
    assert answer["counts"] == {"stamped": 2, "rejected": 1}
    rejected = next(each["document_id"] for each in answer["emissions"] if each["status"] == "rejected")
    told = office.timbre("status", rejected, "--account", "acme")
    assert "3051 AEP6016 El correo del cliente es obligatorio" in told.stdout
    assert "Complete what the message names" in told.stdout
    assert "qué hacer" in office.timbre("status", rejected, "--lang", "es").stdout


def test_without_waiting_the_request_id_is_all_that_is_printed(office: Office) -> None:
    (document_id,) = office.drafts(1)
    answer = office.json(*emit(document_id))
    assert answer["documents"] == 1
    again = office.json(*emit(document_id, "--wait=60", "--request-id", answer["request_id"]))
    assert again["counts"] == {"stamped": 1}
    assert office.sandbox.duplicates() == []


def test_the_same_request_id_with_other_documents_is_refused_and_said(office: Office) -> None:
    ids, key = office.drafts(2), str(uuid.uuid4())
    assert office.timbre(*emit(ids[0], "--wait=60", "--request-id", key)).exit_code == 0
    result = office.timbre(*emit(ids[1], "--wait=60", "--request-id", key))
    assert result.exit_code == 1
    assert "with other content; send the new work under a new request_id" in result.stderr
    assert "conflict" in office.timbre("requests", "--unreadable").stdout


@ON_POSTGRESQL
def test_waiting_that_runs_out_is_exit_code_four(office: Office) -> None:
    office.timbre("pause", "acme", "--reason", "a test")
    try:
        (document_id,) = office.drafts(1)
        result = office.timbre(*emit(document_id, "--wait=1"))
    finally:
        office.timbre("resume", "acme")
    assert result.exit_code == 4
    assert "1 document still on the way; the account is paused: a test" in result.stderr


def test_a_dry_run_shows_batches_and_reasons_and_sends_nothing(office: Office) -> None:
    fresh = office.drafts(11)
    (void,) = office.drafts(1, void=1)
    (stamped,) = office.drafts(1)
    assert office.timbre(*emit(stamped, "--wait=60")).exit_code == 0
    calls, known = len(office.sandbox.calls()), office.json("status")["accounts"]
    plan = office.json(*emit(*fresh, void, stamped, "999999", "--dry-run"))
    assert [[line["document_id"] for line in batch] for batch in plan["batches"]] == [fresh[:10], fresh[10:]]
    left_out = {each["document_id"]: each["reason"] for each in plan["left_out"]}
    assert "void" in left_out[void]
    assert "knows it already: stamped" in left_out[stamped]
    assert "no such document" in left_out["999999"]
    shown = office.timbre(*emit(*fresh, void, "--dry-run"))
    assert "11 documents of account acme would be stamped in 2 stamp calls; 1 other would not." in shown.stdout
    assert "nothing was sent" in shown.stderr
    assert len(office.sandbox.calls()) == calls
    assert office.json("status")["accounts"] == known


def test_a_dry_run_shows_every_problem_of_every_document_in_both_languages(office: Office) -> None:
    good, bad = office.drafts(2)
    office.sandbox.plant(
        "acme", bad, fields={"client.email": "", "items.0.quantity": 0, "client.address.city": "Bogota"}
    )
    plan = office.json(*emit(good, bad, "--dry-run"))
    assert [[line["document_id"] for line in batch] for batch in plan["batches"]] == [[good]]
    assert plan["left_out"] == [{"document_id": bad, "reason": "pre-flight found 2 problems; nothing was sent"}]
    found = {each["field"]: each for each in plan["preflight"][bad]}
    assert {field: each["severity"] for field, each in found.items()} == {
        "client.email": "block",
        "items[0].quantity": "block",
        "client.address.city": "warn",
    }
    assert found["client.email"]["remedy"]["es"] == "Escriba el correo del cliente en Alegra."
    assert "Write the client's e-mail in Alegra." in office.timbre(*emit(good, bad, "--dry-run")).stdout
    shown = office.timbre(*emit(bad, "--dry-run", "--lang", "es", "--no-validate")).stdout
    assert "El correo" not in shown
    assert "El cliente no tiene correo y el proveedor lo exige." in shown
    assert "1 document of account acme would be stamped in 1 stamp call" in shown


def test_what_is_certain_to_be_refused_costs_no_call_until_somebody_insists(office: Office) -> None:
    (document_id,) = office.drafts(1, flawed=1)
    calls = len(office.sandbox.calls())
    answer = office.json(*emit(document_id, "--wait=60"), code=1)
    assert answer["counts"] == {"rejected": 1}
    assert answer["emissions"][0]["error_code"] == "preflight"
    assert len(office.sandbox.calls()) == calls
    told = office.timbre("status", document_id, "--account", "acme", "--lang", "es").stdout
    assert "lo rechazaría tal como está" in told
    assert "problema" in told
    insisted = office.json(*emit(document_id, "--no-validate", "--wait=60"), code=1)
    assert insisted["emissions"][0]["error_code"] == "3051"
    assert len(office.sandbox.calls()) == calls + 1
    history = office.json("status", document_id, "--account", "acme")
    assert history["emission"]["preflight"] is False
    assert history["preflight"][0]["severity"] == "block"
    reasons = [event["reason"] for event in history["events"]]
    assert any("--no-validate" in reason for reason in reasons)
    assert any("goes unvalidated" in reason for reason in reasons)
    assert "no: asked for with --no-validate" in office.timbre("status", document_id).stdout


def test_what_is_only_doubtful_is_emitted_and_its_history_warns(office: Office) -> None:
    (document_id,) = office.drafts(1, doubtful=1)
    answer = office.json(*emit(document_id, "--wait=60"))
    assert answer["counts"] == {"stamped": 1}
    history = office.json("status", document_id, "--account", "acme")
    assert [each["severity"] for each in history["preflight"]] == ["warn"]
    assert any("1 warning" in event["reason"] for event in history["events"])


def test_all_is_every_electronic_draft(office: Office) -> None:
    ids = office.drafts(35)
    (paper,) = office.drafts(1, not_electronic=1)
    plan = office.timbre(*emit("--all", "--dry-run"))
    assert f"{paper} is left out: its numbering (numberTemplate) is not electronic" in plan.stderr
    result = office.timbre(*emit("--all", "--wait=90"))
    assert result.exit_code in (0, 1), result.output
    shown = {each["id"]: each["executions"] for each in office.sandbox.documents("acme")}
    assert all(shown[each] == 1 for each in ids)
    assert shown[paper] == 0


@ON_POSTGRESQL
def test_an_unknown_account_is_refused_before_anything_is_sent(office: Office) -> None:
    result = office.timbre("emit", "501", "--account", "acm")
    assert result.exit_code == 2
    assert "No account is called 'acm'; did you mean acme?" in result.stderr


@ON_POSTGRESQL
def test_whoever_cannot_see_the_table_is_told_before_anything_is_sent(office: Office) -> None:
    (document_id,) = office.drafts(1)
    away = "postgresql://ana@127.0.0.1:1/timbre"
    result = office.timbre(*emit(document_id, "--wait"), TIMBRE_DATABASE_URL=away)
    assert result.exit_code == 3
    assert "The database cannot be used" in result.stderr
    assert office.timbre("status", document_id).exit_code == 1


@ON_POSTGRESQL
def test_a_real_shell_gets_json_on_stdout_and_the_exit_code(office: Office) -> None:
    (document_id,) = office.drafts(1)
    command = [str(Path(sys.executable).with_name("timbre")), *emit(document_id, "--wait=60", "--json")]
    done = subprocess.run(command, env=os.environ | office.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["counts"] == {"stamped": 1}
    assert done.stderr == ""
