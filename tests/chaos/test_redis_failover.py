"""Redis fails over to a replica that lacks the last writes: its locks, quota and messages are those of the past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import a_machine, await_that
from tests.support.proxy import Proxy
from tests.support.servers import ValkeyServer


@pytest.fixture
def replica(own_valkey: ValkeyServer) -> Iterator[ValkeyServer]:
    """A copy that follows `own_valkey` until it is told to stand alone."""
    server = ValkeyServer(appendonly=True)
    try:
        server.start()
        with server.client() as client:
            client.replicaof("127.0.0.1", own_valkey.port)
            await_that(lambda: client.info("replication")["master_link_status"] == "up", lambda: "no replication")
        yield server
    finally:
        server.close()


@pytest.fixture
def proxy(own_valkey: ValkeyServer) -> Iterator[Proxy]:
    """Where everybody believes Redis to be, whoever it is."""
    proxy = Proxy(own_valkey.port)
    yield proxy
    proxy.close()


def test_a_replica_that_lacks_the_last_writes_takes_over(
    own_valkey: ValkeyServer, replica: ValkeyServer, proxy: Proxy, postgres_url: str, tmp_path: Path
) -> None:
    redis_url = f"redis://127.0.0.1:{proxy.port}/0"
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        early, late = machine.sandbox.add_drafts("acme", 24), machine.sandbox.add_drafts("acme", 24)
        machine.client.emit(early, account="acme")
        with own_valkey.client() as primary, replica.client() as copy:
            assert primary.wait(1, 10_000) == 1
            # From here on the replica knows nothing: to it the first request was never taken, and no lock is held.
            copy.replicaof("NO", "ONE")
        machine.sandbox.faults.set(stamp_latency=2)
        machine.start_beat()
        for _ in range(2):
            machine.start_worker()
        machine.client.emit(late, account="acme")
        await_that(lambda: len(machine.sql("SELECT request_id FROM requests")) == 2, machine.logs)
        await_that(lambda: machine.sandbox.stats()["stamp_calls_in_flight"] > 0, machine.logs)
        own_valkey.kill()
        proxy.lead_to(replica.port)
        machine.sandbox.faults.set(stamp_latency=0)
        machine.await_end("acme", early + late)
        machine.judge("acme", early + late)
        # The first request came a second time, out of the past.
        with replica.client() as copy:
            await_that(lambda: copy.llen("timbre.intake") == 0 and not copy.exists("unacked"), machine.logs)


def test_a_request_that_only_the_dead_primary_had_is_taken_when_it_is_repeated(
    own_valkey: ValkeyServer, replica: ValkeyServer, proxy: Proxy, postgres_url: str, tmp_path: Path
) -> None:
    """The one thing that a failover can lose, and the remedy its producer has: nothing is done twice by it."""
    redis_url = f"redis://127.0.0.1:{proxy.port}/0"
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        kept, lost = machine.sandbox.add_drafts("acme", 2), machine.sandbox.add_drafts("acme", 2)
        receipts = [machine.client.emit(kept, account="acme")]
        with own_valkey.client() as primary, replica.client() as copy:
            assert primary.wait(1, 10_000) == 1
            copy.replicaof("NO", "ONE")
        receipts.append(machine.client.emit(lost, account="acme"))
        own_valkey.kill()
        proxy.lead_to(replica.port)
        machine.start_beat()
        machine.start_worker()
        machine.await_end("acme", kept)
        assert machine.statuses().keys() == {("acme", each) for each in kept}
        for receipt in receipts:
            machine.client.emit(receipt.document_ids, account="acme", request_id=receipt.request_id)
        machine.await_end("acme", kept + lost)
        machine.judge("acme", kept + lost)
