"""One document that has its whole batch refused: it is found, and the nine beside it are stamped (rule 3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import FINAL, Machine, a_machine, await_that

PLACES = {"first": 0, "second": 1, "middle": 5, "last": 9}


@pytest.fixture
def machine(tmp_path: Path, redis_url: str, postgres_url: str) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        yield machine


def test_ten_calls_at_most_find_one_bad_document_among_ten_and_the_nine_are_stamped(machine: Machine) -> None:
    documents = {}
    for account, place in PLACES.items():
        machine.add_account(account)
        documents[account] = machine.sandbox.add_drafts(account, 10)
        machine.sandbox.plant(account, documents[account][place], "poison")
    machine.start_beat()
    machine.start_worker()
    for account, ids in documents.items():
        machine.client.emit(ids, account=account)
    await_that(
        lambda: len(machine.statuses()) == 40 and set(machine.statuses().values()) <= FINAL, machine.logs, patience=150
    )
    for account, place in PLACES.items():
        ids = documents[account]
        poison = ids[place]
        rows = machine.sql("SELECT * FROM emissions WHERE account = :account", account=account)
        assert {row.document_id: row.status for row in rows} == {
            each: "rejected" if each == poison else "stamped" for each in ids
        }
        (rejected,) = (row for row in rows if row.document_id == poison)
        assert rejected.error_code == "902"
        assert "No fue posible procesar la solicitud" in rejected.error_message
        ledger = machine.sandbox.ledger(account)
        assert sorted(entry["document_id"] for entry in ledger) == sorted(set(ids) - {poison})
        codes = {entry["document_id"]: entry["code"] for entry in ledger}
        assert {row.document_id: row.fiscal_code for row in rows if row.fiscal_code} == codes
        assert len([call for call in machine.sandbox.calls() if call["account"] == account]) <= 10
