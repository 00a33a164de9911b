"""RabbitMQ as the broker: the main job, a worker killed at every point, and the broker hurt under load.

Left out unless asked for with `ops/test -m rabbitmq`, because not every machine can have a RabbitMQ by itself.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery
from kombu import Connection, Queue

from tests.support.machine import Machine, a_machine, await_that
from tests.support.rabbitmq import RabbitServer
from timbre_producers import BrokerUnreachable, EmissionClient, read_message
from timbre_producers.contracts import EMIT_TASK, INTAKE_QUEUE
from worker.broker import STAMP_QUEUE, WORK_QUEUE
from worker.emission.points import Point

pytestmark = [pytest.mark.rabbitmq]

AWAY = 5.0
"""Seconds that the broker stays away: longer than a stamp call and the sweep's grace after it."""


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitServer]:
    server = RabbitServer()
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture
def machine(rabbitmq: RabbitServer, redis_url: str, postgres_url: str, tmp_path: Path) -> Iterator[Machine]:
    forget_messages(rabbitmq)
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url, broker_url=rabbitmq.url) as machine:
        yield machine


def forget_messages(server: RabbitServer) -> None:
    """What an earlier test left in the queues is none of this one's."""
    with Connection(server.url) as connection:
        for name in (INTAKE_QUEUE, WORK_QUEUE, STAMP_QUEUE):
            Queue(name)(connection.default_channel).delete()


def taken_from(server: RabbitServer) -> list[tuple[str, ...]]:
    """The documents of each request on the intake queue, taken off it."""
    requests = []
    with Connection(server.url) as connection:
        queue = Queue(INTAKE_QUEUE)(connection.default_channel)
        while message := queue.get(no_ack=True, accept=["json"]):
            args, kwargs, _ = message.payload
            requests.append(read_message(args, kwargs).document_ids)
    return requests


@pytest.mark.parametrize("point", [point for point in Point if not point.value.startswith("night")])
def test_a_worker_killed_at_any_point_costs_no_document(point: Point, machine: Machine) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 12)
    machine.start_beat()
    doomed = [machine.start_worker(TIMBRE_CRASH_AT=point.value)]
    if point is Point.SWEEP_GAVE_UP:
        doomed.append(machine.start_worker(TIMBRE_CRASH_AT=Point.STAMP_CLAIMED.value))
    machine.client.emit(ids, account="acme")
    for process in doomed:
        assert process.wait(timeout=60) == -signal.SIGKILL, machine.logs()
    machine.start_worker()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


def killed(server: RabbitServer) -> None:
    server.kill()
    time.sleep(AWAY)
    server.start()


def restarted_empty(server: RabbitServer) -> None:
    server.restart(empty=True)


def stopped_in_good_order(server: RabbitServer) -> None:
    server.stop()
    server.start()


def frozen(server: RabbitServer) -> None:
    server.freeze()
    time.sleep(AWAY)
    server.thaw()


@pytest.mark.parametrize("hurt", [killed, restarted_empty, stopped_in_good_order, frozen])
def test_rabbitmq_hurt_while_calls_are_on_the_wire_costs_no_document(
    hurt: Callable[[RabbitServer], None], machine: Machine, rabbitmq: RabbitServer
) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 60)
    machine.sandbox.faults.set(stamp_latency=1.5)
    machine.start_beat()
    for _ in range(2):
        machine.start_worker()
    machine.client.emit(ids, account="acme")
    await_that(lambda: machine.sandbox.stats()["stamp_calls_in_flight"] > 0, machine.logs)
    hurt(rabbitmq)
    machine.sandbox.faults.set(stamp_latency=0)
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


def test_a_request_that_was_taken_survives_the_death_of_the_broker(rabbitmq: RabbitServer) -> None:
    forget_messages(rabbitmq)
    with EmissionClient(rabbitmq.url) as client:
        client.emit(["501", "502"])
        rabbitmq.restart()
        # The connection of before is gone, and nobody notices.
        client.emit(["503"])
    assert taken_from(rabbitmq) == [("501", "502"), ("503",)]


def test_a_request_is_never_confirmed_for_a_queue_that_somebody_deleted(rabbitmq: RabbitServer) -> None:
    with EmissionClient(rabbitmq.url) as client:
        client.emit(["501"])
        forget_messages(rabbitmq)
        client.emit(["502"])
    assert taken_from(rabbitmq) == [("502",)]


@pytest.mark.timeout(60)
def test_a_broker_that_is_away_or_frozen_is_told_at_once_and_used_again(rabbitmq: RabbitServer) -> None:
    forget_messages(rabbitmq)
    with EmissionClient(rabbitmq.url) as client:
        client.emit(["1"])
        rabbitmq.freeze()
        with pytest.raises(BrokerUnreachable):
            client.emit(["2"])
        rabbitmq.thaw()
        client.emit(["3"])
        rabbitmq.stop()
        with pytest.raises(BrokerUnreachable):
            client.emit(["4"])
        rabbitmq.start()
        client.emit(["5"])
    arrived = taken_from(rabbitmq)
    # Whether a frozen broker took what it was sent cannot be known; that is why a call may be repeated.
    assert [each for each in arrived if each != ("2",)] == [("1",), ("3",), ("5",)]


def test_a_foreign_service_needs_no_more_than_send_task(machine: Machine, rabbitmq: RabbitServer) -> None:
    """It declares the queue the way Celery does by itself; ours must be no other (the message contract)."""
    machine.add_account("acme")
    (document,) = machine.sandbox.add_drafts("acme", 1)
    machine.start_beat()
    machine.start_worker()
    message = {
        "version": 1,
        "request_id": "0b6f7f0e-6d0c-4c39-9b7e-5a8f3f4f6a01",
        "account": "acme",
        "kind": "invoice",
        "document_ids": [document],
        "requested_by": "another service",
        "priority": "normal",
        "not_before": None,
        "force": None,
        "callback_url": None,
    }
    with Celery(broker=rabbitmq.url, set_as_current=False) as bare:
        bare.send_task(EMIT_TASK, args=[message], queue=INTAKE_QUEUE, ignore_result=True)
        machine.await_end("acme", [document])
        # And once more, now that the worker has declared it.
        bare.send_task(EMIT_TASK, args=[message], queue=INTAKE_QUEUE, ignore_result=True)
    machine.judge("acme", [document])
