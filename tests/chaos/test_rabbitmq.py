"""RabbitMQ as the broker: the main job, a worker killed at every point, and the broker hurt under load.

Left out unless asked for with `ops/test -m rabbitmq`, because not every machine can have a RabbitMQ by itself.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from amqp.exceptions import PreconditionFailed
from celery import Celery
from kombu import Connection, Queue, pools
from kombu.transport.native_delayed_delivery import (
    bind_queue_to_native_delayed_delivery_exchange,
    declare_native_delayed_delivery_exchanges_and_queues,
)

from tests.support.machine import Machine, a_machine, await_that, await_workers
from tests.support.rabbitmq import RabbitServer
from tests.support.tls import Authority, TlsFront
from timbre_producers import BrokerUnreachable, EmissionClient, read_message
from timbre_producers.contracts import EMIT_TASK, INTAKE_QUEUE
from worker.broker import STAMP_QUEUE, WORK_QUEUE, CeleryAnnouncer, configure, messages_waiting
from worker.emission.points import Point
from worker.environment import load_settings

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


@pytest.fixture(params=["classic", "quorum"])
def broker_url(request: pytest.FixtureRequest, rabbitmq: RabbitServer) -> str:
    """RabbitMQ with either type of queues, and no message in them."""
    # The connections that an earlier test left in there believe that its queues are declared.
    pools.reset()
    forget_messages(rabbitmq)
    return f"{rabbitmq.url}?queue_type={request.param}"


@pytest.fixture
def machine(broker_url: str, redis_url: str, postgres_url: str, tmp_path: Path) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url, broker_url=broker_url) as machine:
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


EMITTING = [point for point in Point if not point.value.startswith(("night", "creation"))]


@pytest.mark.parametrize("point", EMITTING)
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


def test_a_foreign_service_needs_no_more_than_send_task_and_the_type_of_queue(
    machine: Machine, rabbitmq: RabbitServer, broker_url: str
) -> None:
    """It declares the queue the way Celery does by itself; ours must be no other (the message contract)."""
    machine.add_account("acme")
    (document,) = machine.sandbox.add_drafts("acme", 1)
    machine.start_beat()
    machine.start_worker()
    await_workers(rabbitmq.url, 1, machine.logs)
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
    quorum = broker_url.endswith("quorum")
    if quorum:
        # Who does not know of it is told at once.
        with Celery(broker=rabbitmq.url, set_as_current=False) as ignorant, pytest.raises(PreconditionFailed):
            ignorant.send_task(EMIT_TASK, args=[message], queue=INTAKE_QUEUE, ignore_result=True)
    with Celery(broker=rabbitmq.url, set_as_current=False) as bare:
        bare.conf.task_create_missing_queue_type = "quorum" if quorum else None
        bare.send_task(EMIT_TASK, args=[message], queue=INTAKE_QUEUE, ignore_result=True)
        machine.await_end("acme", [document])
        # And once more, now that the worker has declared it.
        bare.send_task(EMIT_TASK, args=[message], queue=INTAKE_QUEUE, ignore_result=True)
    machine.judge("acme", [document])


def test_messages_of_quorum_queues_wait_in_rabbitmq_and_not_in_a_worker(rabbitmq: RabbitServer) -> None:
    """A worker takes so many messages at once and no more: nudges that wait for their time must not be among them."""
    forget_messages(rabbitmq)
    settings = load_settings(
        {"TIMBRE_BROKER_URL": f"{rabbitmq.url}?queue_type=quorum", "TIMBRE_REDIS_URL": "redis://h/0"}
    )
    with Celery(set_as_current=False) as app:
        configure(app, settings)
        with app.connection_for_write() as connection:
            declare_native_delayed_delivery_exchanges_and_queues(connection, "classic")
            queue = app.amqp.queues[WORK_QUEUE]
            queue.bind(connection.default_channel).declare()
            bind_queue_to_native_delayed_delivery_exchange(connection, queue)
        announcer = CeleryAnnouncer(app, EveryNudge())
        announcer.dispatch("acme")
        await_that(lambda: messages_waiting(app, [WORK_QUEUE]) == {WORK_QUEUE: 1}, lambda: "it never came")
        announcer.dispatch("acme", delay=timedelta(seconds=3.4))
        announcer.dispatch("acme", delay=timedelta(seconds=0.4))
        assert messages_waiting(app, [WORK_QUEUE]) == {WORK_QUEUE: 1}
        await_that(lambda: messages_waiting(app, [WORK_QUEUE]) == {WORK_QUEUE: 3}, lambda: "they never came")


class EveryNudge:
    """Debounces nothing."""

    def claim(self, key: str, delay: timedelta) -> bool:
        return True

    def begin(self, key: str) -> None: ...


def test_rabbitmq_proves_itself_over_tls(rabbitmq: RabbitServer, tmp_path: Path) -> None:
    forget_messages(rabbitmq)
    authority = Authority(tmp_path)
    front = TlsFront(rabbitmq.port, authority.server_side("127.0.0.1"))
    elsewhere = TlsFront(rabbitmq.port, authority.server_side("rabbitmq.example"))
    options = f"?ssl_ca_certs={authority.file}"
    proven = f"amqps://guest:guest@127.0.0.1:{front.port}//"
    try:
        # First, as kombu would go on with a connection of the same host and user that is open already.
        for url in (proven, f"amqps://guest:guest@127.0.0.1:{elsewhere.port}//{options}"):
            with (
                EmissionClient(url, timeout=10) as client,
                pytest.raises(BrokerUnreachable, match="CERTIFICATE_VERIFY"),
            ):
                client.emit(["2"])
        with EmissionClient(f"{proven}{options}", timeout=10) as client:
            client.emit(["1"])
    finally:
        front.close()
        elsewhere.close()
    assert taken_from(rabbitmq) == [("1",)]
