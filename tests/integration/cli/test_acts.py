"""E-mail, void and open from the shell, on real servers."""

from __future__ import annotations

import json
import time
from contextlib import closing

import pytest
from celery import Celery

from tests.integration.cli.conftest import ON_POSTGRESQL, Office

OURS = ["--account", "acme"]

pytestmark = ON_POSTGRESQL


def emailed(office: Office, document_id: str, times: int) -> None:
    """Wait until a worker has sent it so often; the sweep is asked for, as beat would."""
    deadline = time.monotonic() + 30
    with closing(Celery(broker=office.environ["TIMBRE_REDIS_URL"])) as app:
        while (sent := [each["document_id"] for each in office.sandbox.emails()].count(document_id)) < times:
            assert time.monotonic() < deadline, f"{sent} e-mails"
            app.send_task("timbre.sweep", queue="timbre.work", ignore_result=True)
            time.sleep(0.2)
    while "done" not in office.timbre("status", document_id, *OURS).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert sent == times


def test_a_stamped_document_goes_to_its_client_once_and_again_by_a_persons_will(office: Office) -> None:
    [one, other] = office.drafts(2)
    assert office.timbre("emit", one, "--email", "--wait=30", *OURS).exit_code == 0
    assert office.timbre("emit", other, "--wait=30", *OURS).exit_code == 0
    emailed(office, one, 1)
    assert office.timbre("emit", one, "--email", "--wait=30", *OURS).exit_code == 0
    emailed(office, one, 1)
    history = office.timbre("status", one, *OURS).stdout
    assert "email" in history
    assert "@clientes.example" in history
    [act] = office.json("status", one, *OURS)["acts"]
    assert (act["what"], act["state"], act["occasion"]) == ("email", "done", "stamped")
    assert "will be sent" in office.timbre("email", one, *OURS).stdout
    emailed(office, one, 2)
    assert [each["document_id"] for each in office.sandbox.emails()].count(other) == 0
    assert office.json("status", other, *OURS)["acts"] == []


def test_a_document_that_is_not_stamped_is_not_sent(office: Office) -> None:
    [one] = office.drafts(1)
    refused = office.timbre("email", one, *OURS)
    assert refused.exit_code == 1
    assert "does not know it" in " ".join(refused.stdout.split())
    cannot = office.timbre("emit", one, "--email", "--kind", "support_document", *OURS)
    assert cannot.exit_code == 2
    assert "Alegra has no email for a support_document" in cannot.stderr


def test_a_draft_is_voided_and_opened_again_and_a_stamped_one_is_pointed_to_its_correction(office: Office) -> None:
    [draft, stamped] = office.drafts(2)
    assert office.timbre("void", draft, *OURS).exit_code == 2, "without a reason"
    voided = office.timbre("void", draft, "--reason", "made twice", *OURS)
    assert voided.exit_code == 0, voided.output
    assert office.sandbox.document("acme", draft)["status"] == "void"
    opened = office.timbre("open", draft, "--reason", "it was the other one", *OURS)
    assert opened.exit_code == 0, opened.output
    assert office.sandbox.document("acme", draft)["status"] == "open"
    assert office.timbre("emit", draft, stamped, "--wait=30", *OURS).exit_code == 0
    refused = office.timbre("void", stamped, "--reason", "made twice", *OURS)
    assert refused.exit_code == 1
    assert "timbre correct" in " ".join(refused.stdout.split())
    assert office.sandbox.document("acme", stamped)["status"] == "open"


def test_a_stamped_invoice_gets_the_note_that_corrects_it_and_nothing_is_stamped_by_it(office: Office) -> None:
    [one] = office.drafts(1)
    unstamped = office.timbre("correct", one, *OURS)
    assert unstamped.exit_code == 1
    assert "timbre void" in unstamped.stderr
    assert office.timbre("emit", one, "--wait=30", *OURS).exit_code == 0
    prepared = office.timbre("correct", one, *OURS)
    assert prepared.exit_code == 0, prepared.output
    assert "VOID_ELECTRONIC_INVOICE" in prepared.stderr
    new = json.loads(prepared.stdout)
    assert new["reference"] == f"correction:invoice:{one}"
    assert new["body"]["invoices"][0]["id"] == one
    assert new["body"]["numberTemplate"]["id"]
    assert office.json("correct", one, *OURS) == new
    part = office.json("correct", one, "--line", "1", "--reason-code", "PRICE_ADJUSTMENT", "--number", "2", *OURS)
    assert (part["reference"], part["body"]["type"]) == (f"correction:invoice:{one}:2", "PRICE_ADJUSTMENT")
    assert len(part["body"]["items"]) == 1
    read = office.timbre("create", "-d", prepared.stdout, "--kind", "credit_note", "--dry-run", *OURS)
    assert read.exit_code == 0, read.output
    assert new["reference"] in read.stdout
    asked = [office.json("correct", one, "--create", *OURS) for _ in range(2)]
    assert asked[0]["request_id"] == asked[1]["request_id"], "the same again is the same request"
    deadline = time.monotonic() + 30
    while not (notes := office.sandbox.documents("acme", kind="credit_note")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    again = office.timbre("correct", one, "--amount", "5", "--create", *OURS)
    assert again.exit_code == 0, again.output
    assert "asked for already" in again.stdout
    assert "--number 2" in again.stderr
    [note] = notes
    assert (note["status"], note["executions"]) == ("draft", 0)
    assert note["shown"]["invoices"][0]["id"] == one
    assert new["reference"] in note["shown"]["observations"]
    assert len(office.sandbox.ledger("acme", one)) == 1
    assert len(office.sandbox.documents("acme", kind="credit_note")) == 1


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        (["--line", "1", "--amount", "5"], "leave one of them out"),
        (["--line", "first"], "the line's place"),
        (["--amount", "-5"], "--amount cannot be"),
        (["--kind", "support_document"], "nota de ajuste"),
    ],
)
def test_a_correction_that_cannot_be_meant_is_refused(office: Office, arguments: list[str], because: str) -> None:
    refused = office.timbre("correct", "501", *arguments, *OURS)
    assert refused.exit_code == 2
    assert because in refused.stderr
