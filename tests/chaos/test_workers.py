"""Workers that are ended, killed, frozen and doubled while calls are on the wire: every document is executed once."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from celery import Celery

from tests.support.machine import PATIENCE, Machine, a_machine, await_that
from worker.broker import DISPATCH_TASK, READ_TASK, STAMP_QUEUE, STAMP_TASK, WORK_QUEUE


@pytest.fixture
def machine(tmp_path: Path, redis_url: str, postgres_url: str) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        yield machine


@pytest.fixture
def foreign(redis_url: str) -> Iterator[Celery]:
    """Somebody else's Celery on the same broker."""
    with Celery(broker=redis_url, set_as_current=False) as app:
        yield app


def a_call_is_on_the_wire(machine: Machine) -> bool:
    return bool(machine.sandbox.calls())


def frozen(process: subprocess.Popen[bytes]) -> bool:
    return bool(psutil.Process(process.pid).status() == psutil.STATUS_STOPPED)


def reasons(machine: Machine, alert: bool) -> list[str]:
    rows = machine.sql("SELECT reason FROM emission_events WHERE alert = :alert ORDER BY id", alert=alert)
    return [row.reason for row in rows]


def attempts(machine: Machine) -> set[int]:
    return {row.attempt for row in machine.sql("SELECT attempt FROM emissions")}


def test_a_worker_told_to_end_waits_for_its_answer_and_records_it(machine: Machine) -> None:
    ids = machine.sandbox.add_drafts("acme", 10)
    machine.sandbox.faults.set(stamp_latency=2)
    worker = machine.start_worker()
    machine.client.emit(ids, account="acme")
    await_that(lambda: a_call_is_on_the_wire(machine), machine.logs)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0, machine.logs()
    assert set(machine.statuses().values()) <= {"confirming", "stamped"}, machine.logs()
    assert attempts(machine) == {1}
    machine.start_worker()
    machine.start_beat()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    assert attempts(machine) == {1}


def test_a_worker_told_to_end_waits_no_longer_than_its_calls_may_last(machine: Machine) -> None:
    ids = machine.sandbox.add_drafts("acme", 10)
    machine.sandbox.faults.set(timeout={"next": 1, "moment": "after"})
    worker = machine.start_worker()
    machine.client.emit(ids, account="acme")
    await_that(lambda: a_call_is_on_the_wire(machine), machine.logs)
    worker.terminate()
    assert worker.wait(PATIENCE) == 0, machine.logs()
    assert set(machine.statuses().values()) <= {"uncertain", "stamped"}, machine.logs()
    machine.start_worker()
    machine.start_beat()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    assert attempts(machine) == {1}


def test_documents_of_a_worker_killed_in_its_call_are_settled_by_reading(machine: Machine) -> None:
    ids = machine.sandbox.add_drafts("acme", 25)
    machine.sandbox.faults.set(stamp_latency=1)
    machine.start_beat()
    doomed = machine.start_worker()
    machine.client.emit(ids, account="acme")
    await_that(lambda: a_call_is_on_the_wire(machine), machine.logs)
    doomed.kill()
    on_the_wire = {each for call in machine.sandbox.calls() for each in call["ids"]}
    machine.start_worker()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    rows = machine.sql("SELECT document_id, attempt FROM emissions")
    assert {row.document_id for row in rows if row.attempt == 1} >= on_the_wire


@pytest.mark.parametrize(
    ("place", "late_word"),
    [
        # Between its intent and the first byte: thawed, it must not send any more.
        ("stamp.claimed", "would have said: not executed: not sent"),
        ("stamp.answered", "would have said: Alegra answered: emitted"),
        ("read.answered:2", "a late read brought the code"),
    ],
)
def test_a_worker_thawed_past_its_lock_and_its_time_changes_nothing_and_leaves_a_discrepancy(
    machine: Machine, place: str, late_word: str
) -> None:
    ids = machine.sandbox.add_drafts("acme", 5)
    machine.start_beat()
    sleeper = machine.start_worker_that_freezes(place)
    machine.client.emit(ids, account="acme")
    await_that(lambda: frozen(sleeper), machine.logs)
    machine.start_worker()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    calls, rows = machine.sandbox.calls(), machine.sql("SELECT * FROM emissions ORDER BY id")
    sleeper.send_signal(signal.SIGCONT)
    await_that(lambda: len(reasons(machine, alert=True)) == len(ids), machine.logs)
    for reason in reasons(machine, alert=True):
        assert "discrepancy" in reason
        assert late_word in reason
    assert machine.sql("SELECT * FROM emissions ORDER BY id") == rows
    assert machine.sandbox.calls() == calls
    machine.judge("acme", ids)


def test_a_worker_frozen_while_its_call_is_on_the_wire_is_taken_for_dead(machine: Machine) -> None:
    ids = machine.sandbox.add_drafts("acme", 10)
    machine.sandbox.faults.set(stamp_latency=1)
    machine.start_beat()
    sleeper = machine.start_worker()
    machine.client.emit(ids, account="acme")
    await_that(lambda: a_call_is_on_the_wire(machine), machine.logs)
    sleeper.send_signal(signal.SIGSTOP)
    machine.start_worker()
    machine.await_end("acme", ids)
    sleeper.send_signal(signal.SIGCONT)
    await_that(lambda: len(reasons(machine, alert=True)) == len(ids), machine.logs)
    assert all("discrepancy: a late answer for attempt 1" in reason for reason in reasons(machine, alert=True))
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    assert attempts(machine) == {1}


def test_two_beats_and_three_workers_put_every_document_on_the_wire_once(machine: Machine) -> None:
    ids = machine.sandbox.add_drafts("acme", 60)
    machine.sandbox.faults.set(stamp_latency=0.3)
    for _ in range(2):
        machine.start_beat()
    for _ in range(3):
        machine.start_worker()
    for start in range(0, len(ids), 20):
        machine.client.emit(ids[start : start + 20], account="acme")
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    assert machine.sandbox.stats()["stamp_ids"] == len(ids)


def test_messages_that_come_many_times_and_late_put_every_document_on_the_wire_once(
    machine: Machine, foreign: Celery
) -> None:
    ids = machine.sandbox.add_drafts("acme", 30)
    machine.sandbox.faults.set(stamp_latency=0.5)
    request_id = uuid4()
    for _ in range(3):
        machine.client.emit(ids, account="acme", request_id=request_id)
    machine.start_beat()
    for _ in range(2):
        machine.start_worker()

    def repeat_everything() -> None:
        for row in machine.sql("SELECT id FROM batches"):
            for _ in range(3):
                foreign.send_task(STAMP_TASK, kwargs={"batch_id": row.id}, queue=STAMP_QUEUE)
        foreign.send_task(READ_TASK, kwargs={"account": "acme", "kind": "invoice", "ids": ids}, queue=WORK_QUEUE)
        foreign.send_task(DISPATCH_TASK, kwargs={"account": "acme"}, queue=WORK_QUEUE)

    def ended() -> bool:
        repeat_everything()
        return len(machine.statuses()) == len(ids) and set(machine.statuses().values()) == {"stamped"}

    await_that(ended, machine.logs)
    repeat_everything()
    machine.client.emit(ids, account="acme", request_id=request_id)
    await_that(partial(all_taken, foreign), machine.logs)
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    assert machine.sandbox.stats()["stamp_ids"] == len(ids)


def all_taken(foreign: Celery) -> bool:
    """Whether no message waits and none is being worked on."""
    with foreign.connection_for_read() as connection:
        channel: Any = connection.default_channel
        client = channel.client
        waiting = sum(client.llen(queue) for queue in (STAMP_QUEUE, WORK_QUEUE, "timbre.intake"))
        return bool(waiting + client.hlen("unacked") == 0)
