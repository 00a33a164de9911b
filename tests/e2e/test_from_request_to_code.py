"""The main job on real servers: requests from three kinds of producer, and their fiscal codes in the status table."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import Machine, a_machine, await_that

COUNTRIES = {
    "colombia": "cufe",
    "mexico": "uuid",
    "costarica": "clave",
    "argentina": "cae",
    "dominicana": "encf",
    "peru": "number",
    "panama": "cufe",
}

SANDBOX_COUNTRY = {"costarica": "costaRica", "dominicana": "republicaDominicana"}

BARE_CELERY = """
import json, sys
from celery import Celery
assert not any(name.startswith("timbre") for name in sys.modules)
app = Celery(broker=sys.argv[1])
app.send_task("timbre.emit", args=[json.loads(sys.argv[2])], queue="timbre.intake", ignore_result=True)
"""


@pytest.fixture
def machine(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=database_url) as machine:
        yield machine


def test_seven_countries_from_request_to_fiscal_code(machine: Machine) -> None:
    drafts = {}
    for account in COUNTRIES:
        machine.add_account(account, SANDBOX_COUNTRY.get(account, account))
        drafts[account] = machine.sandbox.add_drafts(account, 13)
    machine.start_beat()
    machine.start_worker()
    for account, ids in drafts.items():
        machine.client.emit(ids, account=account)
    for account, ids in drafts.items():
        machine.await_end(account, ids)
    types = machine.sql("SELECT DISTINCT account, fiscal_code_type FROM emissions")
    assert {row.account: row.fiscal_code_type for row in types} == COUNTRIES
    for account, ids in drafts.items():
        if account not in {"dominicana", "peru"}:  # there the document's number is the code
            machine.judge(account, ids)
    assert machine.sandbox.duplicates() == []
    assert machine.sandbox.stats()["max_ids_per_stamp_call"] <= 10


def test_a_service_with_nothing_but_a_broker_connection_can_enqueue(machine: Machine) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 3)
    machine.start_beat()
    machine.start_worker()
    message: dict[str, Any] = {
        "version": 1,
        "request_id": "0b6f7f0e-6d0c-4c39-9b7e-5a8f3f4f6a02",
        "account": "acme",
        "document_ids": ids,
        "requested_by": "a foreign service",
    }
    for _ in range(2):  # the same request twice is one piece of work
        subprocess.run(
            [sys.executable, "-I", "-c", BARE_CELERY, machine.redis_url, json.dumps(message)],
            check=True,
            cwd=machine.folder,
        )
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    (request,) = machine.sql("SELECT queued, known FROM requests")
    assert (request.queued, request.known) == (3, 0)


def test_a_message_nobody_can_read_is_shown_to_the_operator(machine: Machine) -> None:
    machine.add_account("acme")
    machine.start_worker()
    subprocess.run(
        [sys.executable, "-I", "-c", BARE_CELERY, machine.redis_url, json.dumps({"version": 1, "prioritty": "high"})],
        check=True,
        cwd=machine.folder,
    )
    await_that(lambda: len(machine.sql("SELECT id FROM set_aside")) == 1, machine.logs)
    shown = machine.timbre("requests", "--unreadable", "--json")
    assert shown.returncode == 0, shown.stderr
    assert "prioritty" in shown.stdout


def test_a_callback_brings_the_outcome_once_the_request_has_ended(machine: Machine) -> None:
    from tests.support.mailbox import Mailbox

    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 2)
    machine.start_beat()
    machine.start_worker()
    with Mailbox() as mailbox:
        machine.client.emit(ids, account="acme", callback_url=mailbox.url)
        body = mailbox.take()
    assert {entry["document_id"]: entry["status"] for entry in body["documents"]} == dict.fromkeys(ids, "stamped")
    assert all(entry["fiscal_code"] for entry in body["documents"])
