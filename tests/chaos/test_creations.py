"""Documents created by real workers: killed on the way, with answers lost, and from body to fiscal code."""

from __future__ import annotations

import signal
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import Machine, a_machine, await_that
from timbre_producers import NewDocument
from worker.emission.points import Point

POINTS = [
    Point.CREATE_CLAIMED,
    Point.CREATE_ANSWERED,
    Point.LOOK_FOR_ANSWERED,
]


@pytest.fixture
def machine(tmp_path: Path, redis_url: str, postgres_url: str) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        machine.sandbox.faults.set(quota_limit=100_000)
        yield machine


def bodies(*references: str) -> list[NewDocument]:
    today = datetime.now(UTC).date().isoformat()
    body: dict[str, Any] = {
        "date": today,
        "dueDate": today,
        "client": {"id": "71"},
        "paymentForm": "CASH",
        "paymentMethod": "CASH",
        "items": [{"id": "1", "price": 100000, "quantity": 1, "tax": [{"id": "3"}]}],
    }
    return [NewDocument(reference=each, body=body) for each in references]


def created(machine: Machine) -> dict[str, str]:
    rows = machine.sql("SELECT reference, status, held_reason FROM creations")
    return {row.reference: row.held_reason or row.status for row in rows}


def await_created(machine: Machine, references: Sequence[str]) -> None:
    await_that(
        lambda: all(created(machine).get(each) not in {None, "queued", "creating", "uncertain"} for each in references),
        lambda: f"{Counter(created(machine).values())}\n{machine.logs()}",
    )


def judge(machine: Machine, references: Sequence[str]) -> None:
    """By the sandbox: one document for each reference, and the table has its id."""
    assert set(created(machine).values()) == {"created"}
    entries = machine.sandbox.creations("acme")
    assert Counter(entry["reference"] for entry in entries) == Counter(references)
    rows = machine.sql("SELECT reference, document_id FROM creations")
    assert {row.reference: row.document_id for row in rows} == {
        entry["reference"]: entry["document_id"] for entry in entries
    }


def test_workers_killed_on_the_way_cost_nothing_and_double_nothing(machine: Machine) -> None:
    machine.start_beat()
    doomed = {point: machine.start_worker(TIMBRE_CRASH_AT=point.value) for point in POINTS}
    references: list[str] = []
    asked: dict[uuid.UUID, list[NewDocument]] = {}

    def all_died() -> bool:
        # Those that die while looking need others that died with a POST on the wire.
        if len(created(machine)) == len(references) and len(references) < 90:
            more = [f"INV-{number}" for number in range(len(references), len(references) + 3)]
            request_id = uuid.uuid4()
            asked[request_id] = bodies(*more)
            machine.client.create(asked[request_id], account="acme", request_id=request_id)
            references.extend(more)
        return all(process.poll() is not None for process in doomed.values())

    await_that(all_died, lambda: f"alive: {[point for point, each in doomed.items() if each.poll() is None]}")
    assert {each.returncode for each in doomed.values()} == {-signal.SIGKILL}
    machine.start_worker()
    # What the broker had handed to a worker that died before it could note having it: the request ids make it harmless.
    for request_id, documents in asked.items():
        machine.client.create(documents, account="acme", request_id=request_id)
    await_created(machine, references)
    judge(machine, references)


def test_from_a_body_to_its_fiscal_code_although_every_answer_may_be_lost(machine: Machine) -> None:
    machine.sandbox.faults.set(
        reset=[{"on": "create", "probability": 0.2}, {"on": "create", "moment": "before", "probability": 0.1}],
        late_execution={"on": "create", "probability": 0.1, "seconds": 0.5, "cut": "reset"},
        server_error={"on": "create", "moment": "after", "probability": 0.1},
        drop_listed=0.003,
    )
    machine.start_beat()
    machine.start_worker()
    references = [f"INV-{number}" for number in range(40)]
    machine.client.create(bodies(*references), account="acme", emit=True)
    await_created(machine, references)
    judge(machine, references)
    ids = [row.document_id for row in machine.sql("SELECT document_id FROM creations")]
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
