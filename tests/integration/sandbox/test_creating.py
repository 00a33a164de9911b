"""POST /invoices: drafts, open invoices, emission on creation, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from worker.sandbox import SandboxServer

BODY = {
    "date": "2026-03-02",
    "dueDate": "2026-03-17",
    "client": {"id": "71"},
    "numberTemplate": {"id": "1"},
    "items": [{"id": "1", "price": 100000, "quantity": 2, "tax": [{"id": "3"}]}],
    "observations": "ref:4f0c9a2e",
}


def test_without_payments_it_is_a_draft(acme: Any) -> None:
    answer = acme.http.post("/invoices", json=BODY)
    invoice = answer.json()
    assert answer.status_code == 201
    assert (invoice["status"], invoice["stamp"], invoice["numberTemplate"]["number"]) == ("draft", None, None)
    assert (invoice["total"], invoice["observations"]) == (238000, "ref:4f0c9a2e")
    assert acme.read(invoice["id"]) == invoice


def test_no_tax_means_zero_percent(acme: Any) -> None:
    body = {**BODY, "items": [{"id": "1", "price": "100000", "quantity": 2}]}
    assert acme.http.post("/invoices", json=body).json()["total"] == 200000


def test_open_takes_a_number_and_emits_nothing(acme: Any) -> None:
    invoice = acme.http.post("/invoices", json={**BODY, "status": "open"}).json()
    assert (invoice["status"], invoice["stamp"]) == ("open", None)
    assert invoice["numberTemplate"]["fullNumber"] == "SETP990000001"
    assert acme.sandbox.ledger() == []


def test_generate_stamp_emits_at_once(acme: Any) -> None:
    answer = acme.http.post("/invoices", json={**BODY, "status": "open", "stamp": {"generateStamp": True}})
    assert answer.status_code == 201
    assert len(answer.json()["stamp"]["cufe"]) == 96
    assert [entry["call"] for entry in acme.sandbox.ledger()] == ["create"]


def test_nothing_makes_a_repeated_post_harmless(acme: Any) -> None:
    first, second = (acme.http.post("/invoices", json=BODY).json() for _ in range(2))
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"date": None}, 3006),
        ({"dueDate": "soon"}, 3007),
        ({"client": {"name": "Nadie"}}, 3003),
        ({"numberTemplate": {"id": "999"}}, 3061),
        ({"items": []}, 3009),
        ({"items": [{"id": "999"}]}, 3064),
        ({"items": [{"id": "1", "price": "NaN"}]}, 3064),
        ({"items": [{"id": "1", "price": [1]}]}, 3064),
        ({"items": [{"id": "1", "quantity": 0}]}, 3064),
        ({"status": "closed"}, 3010),
    ],
)
def test_a_field_at_a_time_is_refused_and_nothing_is_created(acme: Any, change: dict[str, Any], code: int) -> None:
    answer = acme.http.post("/invoices", json={**BODY, **change})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert acme.listed() == []


@pytest.mark.parametrize(
    ("leaves", "shown", "documents"), [("shown", True, 1), ("hidden", False, 1), ("nothing", False, 0)]
)
def test_a_stamp_that_fails_on_creation_may_leave_a_document(
    acme: Any, leaves: str, shown: bool, documents: int
) -> None:
    acme.sandbox.faults.set(create_stamp_error={"leaves": leaves})
    answer = acme.http.post("/invoices", json={**BODY, "stamp": {"generateStamp": True}})
    assert (answer.status_code, answer.json()["code"], "invoice" in answer.json()) == (400, 3051, shown)
    assert len(acme.listed()) == documents
    assert acme.sandbox.ledger() == []


def test_creation_takes_its_time_and_goes_on_without_its_client(acme: Any) -> None:
    acme.sandbox.faults.set(create_latency=15)
    with pytest.raises(httpx.ReadTimeout):
        acme.http.post("/invoices", json=BODY, timeout=0.1)
    assert acme.listed() == []
    acme.sandbox.advance(15)
    assert len(acme.listed()) == 1


def test_a_preview_is_refused_as_its_creation_would_be_and_creates_nothing(acme: Any) -> None:
    answer = acme.http.post("/invoices/preview", json=BODY)
    assert (answer.status_code, list(answer.json())) == (200, ["pdfUrl"])
    refused = acme.http.post("/invoices/preview", json={**BODY, "client": None})
    assert (refused.status_code, refused.json()["code"]) == (400, 3003)
    assert acme.http.get("/invoices").json() == []


@pytest.mark.parametrize(
    ("leaves", "shown", "documents"), [("shown", True, 1), ("hidden", False, 1), ("nothing", False, 0)]
)
def test_a_draft_may_fail_its_validation_and_leave_a_document(
    acme: Any, leaves: str, shown: bool, documents: int
) -> None:
    acme.sandbox.faults.set(create_error={"leaves": leaves, "ids": ["INV-1"]})
    answer = acme.http.post("/invoices", json={**BODY, "observations": "[ref INV-1]"})
    assert (answer.status_code, answer.json()["code"], "invoice" in answer.json()) == (400, 3051, shown)
    assert len(acme.listed()) == documents
    assert acme.http.post("/invoices", json={**BODY, "observations": "[ref INV-2]"}).status_code == 201


def test_the_judge_counts_what_requests_created_by_their_reference(acme: Any) -> None:
    for reference in ("INV-1", "INV-1", "INV-2"):
        acme.http.post("/invoices", json={**BODY, "observations": f"x\n[ref {reference}]"})
    acme.http.delete(f"/invoices/{acme.listed()[0]['id']}")
    acme.drafts(3)
    assert [entry["reference"] for entry in acme.sandbox.creations(acme.name)] == ["INV-1", "INV-1", "INV-2"]


def test_whether_a_duplicate_is_refused_is_a_setting(acme: Any) -> None:
    body = {**BODY, "observations": "[ref INV-1]"}
    acme.http.post("/invoices", json=body)
    assert acme.http.post("/invoices", json=body).status_code == 201
    acme.sandbox.faults.set(create_duplicate="refused")
    assert acme.http.post("/invoices", json=body).status_code == 400


def test_a_note_refers_to_an_invoice_that_must_exist(acme: Any) -> None:
    body = {name: value for name, value in BODY.items() if name != "numberTemplate"}
    invoice = acme.http.post("/invoices", json=body).json()
    note = acme.http.post("/credit-notes", json={**body, "invoices": [{"id": invoice["id"], "amount": 1}]})
    assert (note.status_code, note.json()["invoices"][0]["id"]) == (201, invoice["id"])
    assert acme.http.post("/credit-notes", json={**body, "invoices": [{"id": "4711"}]}).json()["code"] == 13005


@pytest.mark.parametrize(("amount", "status"), [(5000, 201), (0, 400), ("many", 400)])
def test_a_payment_needs_an_amount(desk_of: Any, amount: object, status: int) -> None:
    desk = desk_of("norte", "costaRica")
    answer = desk.http.post("/payments", json={"date": "2026-03-02", "client": {"id": "71"}, "amount": amount})
    assert answer.status_code == status


def test_what_was_created_is_known_after_a_restart(tmp_path: Path) -> None:
    body = {**BODY, "observations": "[ref INV-1]"}
    with SandboxServer(data=tmp_path) as first:
        credentials = first.add_account("acme", country="colombia")
        auth = (credentials.email, credentials.token)
        httpx.post(f"{first.base_url}/invoices", json=body, auth=auth, trust_env=False).raise_for_status()
        created = first.creations()
    with SandboxServer(data=tmp_path) as second:
        assert second.creations() == created
