"""POST /invoices: drafts, open invoices, emission on creation, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

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
