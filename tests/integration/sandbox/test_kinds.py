"""The other kinds of document: their paths, ids of their own, how each is stamped, and what is unknown of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from worker.sandbox import SandboxServer
from worker.sandbox.client import SandboxRefused

STAMP = {"status": "open", "stamp": {"generateStamp": True}}


def a_note(desk: Any, **more: Any) -> tuple[str, str]:
    [one] = desk.sandbox.add_drafts(desk.name, 1, kind="credit_note", **more)
    return one, f"/credit-notes/{one}"


def test_an_edit_stamps_and_shows_the_code_under_the_key_of_notes(acme: Any) -> None:
    one, path = a_note(acme)
    note = acme.http.put(path, json=STAMP).json()
    assert (note["id"], len(note["stamp"]["cude"])) == (one, 96)
    assert [entry["kind"] for entry in acme.sandbox.ledger("acme")] == ["credit_note"]
    assert acme.executions(one) == 0  # no invoice was stamped


def test_the_key_of_notes_is_a_setting(acme: Any) -> None:
    acme.sandbox.faults.set(code_key_colombia_notes="cufe")
    _, path = a_note(acme)
    assert "cufe" in acme.http.put(path, json=STAMP).json()["stamp"]


def test_an_edit_without_a_stamp_changes_fields_until_it_is_stamped(acme: Any) -> None:
    _, path = a_note(acme)
    assert acme.http.put(path, json={"observations": "ref:1"}).json()["observations"] == "ref:1"
    acme.http.put(path, json=STAMP)
    assert acme.http.put(path, json={"observations": "ref:2"}).status_code == 400
    assert acme.http.get(path).json()["observations"] == "ref:1"


def test_a_second_edit_is_a_second_emission_unless_told_otherwise(acme: Any) -> None:
    one, path = a_note(acme)
    acme.http.put(path, json=STAMP)
    acme.http.put(path, json=STAMP)
    assert [(each["kind"], each["document_id"]) for each in acme.sandbox.duplicates()] == [("credit_note", one)]


@pytest.mark.parametrize(("told", "status"), [("ignored", 200), ("refused", 405), ("incomplete", 400)])
def test_what_an_edit_does_is_a_setting(acme: Any, told: str, status: int) -> None:
    acme.sandbox.faults.set(stamp_by_edit=told)
    _, path = a_note(acme)
    assert acme.http.put(path, json=STAMP).status_code == status
    assert acme.sandbox.ledger("acme") == []


def test_a_payment_is_stamped_by_a_call_of_its_own(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("norte", "costaRica")
    [invoice] = desk.drafts(1)
    [one] = desk.sandbox.add_drafts("norte", 1, kind="payment", refers_to=[invoice])
    payment = desk.http.post(f"/payments/{one}/stamp", json={}).json()
    assert (payment["invoices"][0]["id"], payment["stamp"]["uuid"][:3]) == (invoice, "506")
    assert payment["numberTemplate"]["fullNumber"] in payment["stamp"]["uuid"]


def test_what_it_answers_is_a_setting(desk_of: Callable[..., Any]) -> None:
    desk = desk_of("norte", "costaRica")
    desk.sandbox.faults.set(stamp_alone_answer="message")
    [one] = desk.sandbox.add_drafts("norte", 1, kind="payment")
    assert desk.http.post(f"/payments/{one}/stamp", json={}).json() == {"message": "Factura emitida"}


def test_a_failed_stamp_of_a_purchase_shows_the_document(acme: Any) -> None:
    [one] = acme.sandbox.add_drafts("acme", 1, {"data_error": 1}, kind="support_document")
    answer = acme.http.put(f"/bills/{one}", json=STAMP)
    assert (answer.status_code, answer.json()["code"], answer.json()["bill"]["id"]) == (400, 3051, one)


def test_a_vendor_debit_note_may_show_no_stamp(acme: Any) -> None:
    [one] = acme.sandbox.add_drafts("acme", 1, kind="debit_note")
    acme.sandbox.faults.set(debit_note_stamp="absent")
    acme.http.put(f"/debit-notes/{one}", json=STAMP)
    note = acme.http.get(f"/debit-notes/{one}").json()
    assert ("stamp" in note, note["emissionStatus"]) == (False, "STAMPED_AND_ACCEPTED")


def test_lists_of_other_kinds_may_not_know_ids(acme: Any) -> None:
    ids = acme.sandbox.add_drafts("acme", 3, kind="credit_note")
    query = {"id": ids[2]}
    assert [each["id"] for each in acme.http.get("/credit-notes", params=query).json()] == [ids[2]]
    acme.sandbox.faults.set(id_lists="invoices")
    assert [each["id"] for each in acme.http.get("/credit-notes", params=query).json()] == ids


def test_a_country_without_the_kind_has_no_such_path(acme: Any) -> None:
    assert acme.http.get("/global-invoices").status_code == 404
    with pytest.raises(SandboxRefused, match="colombia has no global_invoice"):
        acme.sandbox.add_drafts("acme", 1, kind="global_invoice")
    with pytest.raises(SandboxRefused, match="refers to nothing"):
        acme.sandbox.add_drafts("acme", 1, kind="support_document", refers_to=["501"])


def test_a_restart_forgets_no_note(tmp_path: Path) -> None:
    with SandboxServer(data=tmp_path) as sandbox:
        sandbox.add_account("acme", country="CO")
        [invoice] = sandbox.add_drafts("acme", 1)
        [note] = sandbox.add_drafts("acme", 1, kind="credit_note", refers_to=[invoice])
        sandbox.stamp_by_hand("acme", note, kind="credit_note")
        before = (sandbox.documents("acme"), sandbox.ledger())
    with SandboxServer(data=tmp_path) as sandbox:
        assert (sandbox.documents("acme"), sandbox.ledger()) == before
