"""POST …/email, …/void, …/open: what they do, what is unknown about them, and the ledger of e-mails."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from worker.sandbox import SandboxServer


def test_an_email_is_entered_and_can_be_answered_in_two_ways(acme: Any) -> None:
    [one] = acme.drafts(1)
    acme.stamp(one)
    said = acme.http.post(f"/invoices/{one}/email", json={"emails": ["ana@cliente.example"]})
    assert (said.status_code, said.json()["success"]) == (200, True)
    acme.sandbox.faults.set(email_answer="document")
    assert acme.http.post(f"/invoices/{one}/email", json={"emails": ["ana@cliente.example"]}).json()["id"] == one
    assert [mail["document_id"] for mail in acme.sandbox.emails("acme")] == [one, one]


@pytest.mark.parametrize("body", [{}, {"emails": []}, {"emails": "ana@cliente.example"}, {"emails": ["nobody"]}])
def test_an_email_to_nobody_is_refused(acme: Any, body: dict[str, object]) -> None:
    [one] = acme.drafts(1)
    assert acme.http.post(f"/invoices/{one}/email", json=body).status_code == 400
    assert acme.sandbox.emails() == []


def test_emails_are_remembered_by_a_second_start(tmp_path: Path) -> None:
    with SandboxServer(data=tmp_path) as sandbox:
        credentials = sandbox.add_account("acme", country="CO")
        [one] = sandbox.add_drafts("acme", 1)
        auth = (credentials.email, credentials.token)
        url = f"{sandbox.base_url}/invoices/{one}/email"
        assert httpx.post(url, json={"emails": ["ana@cliente.example"]}, auth=auth).is_success
        sent = sandbox.emails()
    with SandboxServer(data=tmp_path) as sandbox:
        assert sandbox.emails() == sent != []


def test_a_void_is_taken_back(acme: Any) -> None:
    [one] = acme.drafts(1)
    assert acme.http.post(f"/invoices/{one}/void", json={}).json()["status"] == "void"
    assert acme.http.post(f"/invoices/{one}/open", json={}).json()["status"] == "open"
    assert acme.http.post("/invoices/999/open", json={}).status_code == 404


@pytest.mark.parametrize(("choice", "status"), [("voids", "void"), ("refused", "open")])
def test_whether_a_stamped_document_can_be_voided_is_a_setting(acme: Any, choice: str, status: str) -> None:
    acme.sandbox.faults.set(void_stamped=choice)
    [one] = acme.drafts(1)
    acme.stamp(one)
    acme.http.post(f"/invoices/{one}/void", json={})
    assert acme.read(one)["status"] == status
    assert acme.read(one)["stamp"]["cufe"]


@pytest.mark.parametrize("act", ["email", "void", "open"])
def test_each_can_be_executed_late(acme: Any, act: str) -> None:
    [one] = acme.drafts(1)
    if act == "open":
        acme.http.post(f"/invoices/{one}/void", json={})
    before = acme.read(one)["status"]
    acme.sandbox.faults.set(late_execution={"next": 1, "on": act, "seconds": 30, "cut": "reset"})
    with pytest.raises(Exception, match=r"."):
        acme.http.post(f"/invoices/{one}/{act}", json={"emails": ["ana@cliente.example"]})
    assert (acme.read(one)["status"], acme.sandbox.emails()) == (before, [])
    acme.sandbox.advance(31)
    after = {"email": before, "void": "void", "open": "open"}[act]
    assert (acme.read(one)["status"], len(acme.sandbox.emails())) == (after, act == "email")
