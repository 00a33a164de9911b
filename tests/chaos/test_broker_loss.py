"""A worker that lost its broker takes work again as soon as the broker is back, whatever it was doing meanwhile."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Consumer, Exchange, Queue
from kombu.transport.redis import Mutex

from tests.support.machine import Machine, a_machine, await_that
from tests.support.servers import ValkeyServer
from worker.broker import DISPATCH_TASK, WORK_QUEUE, configure
from worker.environment import load_settings


@pytest.fixture
def machine(tmp_path: Path, own_valkey: ValkeyServer, sqlite_url: str) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=own_valkey.url, database_url=sqlite_url) as machine:
        yield machine


def ledger_has_more_than(machine: Machine, count: int) -> bool:
    return len(machine.sandbox.ledger("acme")) > count


def finishes(action: Callable[[], None], within: float) -> bool:
    """Whether it comes back at all."""
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(within)
    return not thread.is_alive()


def test_a_lost_subscription_is_an_error_and_not_a_wait(own_valkey: ValkeyServer) -> None:
    """Retried by redis-py, it would wait for a message that may never come, and the worker's loop with it."""
    noticed = []
    app = Celery(set_as_current=False)
    configure(app, load_settings({"TIMBRE_REDIS_URL": own_valkey.url}))
    with app.connection_for_read() as connection:
        broadcasts = Queue("broadcasts", Exchange("broadcasts", type="fanout"), auto_delete=True)
        with Consumer(connection, [broadcasts], callbacks=[lambda _body, message: message.ack()]):
            with contextlib.suppress(TimeoutError):
                # The answers to the subscription.
                while True:
                    connection.drain_events(timeout=0.1)
            own_valkey.restart()

            def drain() -> None:
                try:
                    for _ in range(5):
                        connection.drain_events(timeout=1)
                except connection.connection_errors as error:
                    noticed.append(error)

            assert finishes(drain, within=20)
    assert noticed


def test_a_worker_killed_while_it_looks_for_unacknowledged_messages_delays_the_others_by_seconds(
    own_valkey: ValkeyServer,
) -> None:
    app = Celery(set_as_current=False)
    configure(app, load_settings({"TIMBRE_REDIS_URL": own_valkey.url}))
    taken = []
    with app.connection_for_read() as connection, own_valkey.client() as client:
        channel: Any = connection.default_channel
        # What the killed one leaves behind: the lock, which nobody gives back any more.
        with Mutex(channel.client, channel.unacked_mutex_key, channel.unacked_mutex_expire):
            taken.append(client.ttl(channel.unacked_mutex_key))
    assert 0 < taken[0] <= 10


def test_workers_take_work_again_after_each_of_several_broker_deaths(
    machine: Machine, own_valkey: ValkeyServer
) -> None:
    machine.add_account("acme")
    machine.start_beat()
    for _ in range(2):
        machine.start_worker()
    ids = machine.sandbox.add_drafts("acme", 3 * 12)
    with Celery(broker=own_valkey.url, set_as_current=False) as nudging:
        for first in range(0, len(ids), 12):
            machine.client.emit(ids[first : first + 12], account="acme")
            for _ in range(50):
                nudging.send_task(DISPATCH_TASK, kwargs={"account": "acme"}, queue=WORK_QUEUE)
            await_that(partial(ledger_has_more_than, machine, first), machine.logs)
            own_valkey.restart()
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
