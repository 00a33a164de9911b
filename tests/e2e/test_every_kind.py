"""Every kind in every country that has it, on real servers: from a producer's request to the code in the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import FINAL, Machine, a_machine, await_that
from worker.emission.kinds import KINDS

EVERY = [(country.lower(), kind) for kind in KINDS.values() for country in sorted(kind.countries)]

CODE_TYPES = {"co": "cude", "mx": "uuid", "cr": "clave", "ar": "cae", "do": "encf", "pe": "number", "pa": "cufe"}


@pytest.fixture
def machine(postgres_url: str, redis_url: str, tmp_path: Path) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        yield machine


def test_every_kind_in_every_country_from_request_to_fiscal_code(machine: Machine) -> None:
    for account in dict.fromkeys(account for account, _ in EVERY):
        machine.add_account(account, account)
    made: dict[tuple[str, str], list[str]] = {}
    for account, kind in EVERY:
        first = made[account, kind.follows] if kind.follows else []
        made[account, kind.name] = machine.sandbox.add_drafts(account, 2, kind=kind.name, refers_to=first)
    machine.start_beat()
    machine.start_worker()
    # What must be stamped first is asked for last.
    for (account, kind_name), ids in reversed(made.items()):
        machine.client.emit(ids, account=account, kind=kind_name)
    documents = sum(len(ids) for ids in made.values())

    def ended() -> bool:
        rows = machine.sql("SELECT status FROM emissions")
        return len(rows) == documents and all(row.status in FINAL for row in rows)

    await_that(ended, machine.logs)
    rows = machine.sql("SELECT account, kind, document_id, status, fiscal_code, fiscal_code_type FROM emissions")
    assert {row.status for row in rows} == {"stamped"}
    executed: dict[tuple[str, str, str], list[str]] = {}
    for entry in machine.sandbox.ledger():
        executed.setdefault((entry["account"], entry["kind"], entry["document_id"]), []).append(entry["code"])
    assert {(row.account, row.kind, row.document_id): [row.fiscal_code] for row in rows} == executed
    for row in rows:
        invoice_of_colombia = row.account == "co" and row.kind == "invoice"
        assert row.fiscal_code_type == ("cufe" if invoice_of_colombia else CODE_TYPES[row.account])
    places = {(e["account"], e["kind"], e["document_id"]): at for at, e in enumerate(machine.sandbox.ledger())}
    for (account, kind_name), ids in made.items():
        if first_kind := KINDS[kind_name].follows:
            for note, invoice in zip(ids, made[account, first_kind], strict=True):
                assert places[account, first_kind, invoice] < places[account, kind_name, note]


def test_a_note_whose_invoice_is_refused_waits_and_the_status_says_for_what(machine: Machine) -> None:
    machine.add_account("acme")
    [invoice] = machine.sandbox.add_drafts("acme", 1, {"data_error": 1})
    [note] = machine.sandbox.add_drafts("acme", 1, kind="credit_note", refers_to=[invoice])
    machine.start_beat()
    machine.start_worker()
    machine.client.emit([note], account="acme", kind="credit_note")
    machine.client.emit([invoice], account="acme")
    why = f"waits for sales invoice {invoice}, which is not stamped (rejected by Timbre)"
    asked = "SELECT held_reason FROM emissions WHERE kind = 'credit_note' AND status = 'queued'"
    await_that(lambda: [row.held_reason for row in machine.sql(asked)] == [why], machine.logs)
    shown = machine.timbre("status", note, "--kind", "credit_note")
    assert "waits for sales invoice" in shown.stdout
    machine.sandbox.plant("acme", invoice, "accept")
    machine.client.emit([invoice], account="acme")
    done = "SELECT fiscal_code FROM emissions WHERE status = 'stamped' ORDER BY kind"
    await_that(lambda: len(machine.sql(done)) == 2, machine.logs)
    assert machine.sandbox.duplicates() == []
