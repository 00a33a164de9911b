"""Redis hurt in every way while stamp calls are on the wire: nothing is stamped twice, and nothing is lost (rule 5)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.machine import Machine, a_machine, await_that
from tests.support.servers import ValkeyServer

LOCK_TTL = 1.0
AWAY = 4 * LOCK_TTL
"""Seconds that Redis stays away: every lock of a live worker has expired by then."""


@pytest.fixture
def machine(tmp_path: Path, own_valkey: ValkeyServer, postgres_url: str) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=own_valkey.url, database_url=postgres_url) as machine:
        machine.environ["TIMBRE_LOCK_TTL"] = str(LOCK_TTL)
        yield machine


def flushed(server: ValkeyServer) -> None:
    server.flush()


def flushed_again_and_again(server: ValkeyServer) -> None:
    for _ in range(10):
        server.flush()
        time.sleep(AWAY / 10)


def killed(server: ValkeyServer) -> None:
    server.restart()


def restarted_empty(server: ValkeyServer) -> None:
    server.restart(empty=True)


def frozen_past_its_locks(server: ValkeyServer) -> None:
    server.freeze()
    time.sleep(AWAY)
    server.thaw()


def unreachable(server: ValkeyServer) -> None:
    server.kill()
    time.sleep(AWAY)
    server.start()


@pytest.mark.parametrize(
    "hurt", [flushed, flushed_again_and_again, killed, restarted_empty, frozen_past_its_locks, unreachable]
)
def test_redis_hurt_while_calls_are_on_the_wire_costs_no_document(
    hurt: Callable[[ValkeyServer], None], machine: Machine, own_valkey: ValkeyServer
) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 30)
    # Each call outlasts its locks, so whoever is nudged meanwhile could take them.
    machine.sandbox.faults.set(stamp_latency=2 * LOCK_TTL)
    machine.start_beat()
    for _ in range(2):
        machine.start_worker()
    machine.client.emit(ids, account="acme")
    await_that(lambda: machine.sandbox.stats()["stamp_calls_in_flight"] > 0, machine.logs)
    hurt(own_valkey)
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


def test_answers_lost_while_redis_is_gone_are_settled_by_the_table_alone(
    machine: Machine, own_valkey: ValkeyServer
) -> None:
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 30)
    machine.sandbox.faults.set(timeout={"probability": 0.5, "moment": "after"})
    machine.start_beat()
    for _ in range(2):
        machine.start_worker()
    machine.client.emit(ids, account="acme")
    await_that(lambda: len(machine.sandbox.ledger("acme")) > 0, machine.logs)
    restarted_empty(own_valkey)
    machine.sandbox.faults.set(timeout="never")
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
