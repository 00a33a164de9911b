"""Redis through its sentinels: the master dies, a replica takes over, everybody follows, and nothing is done twice."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.machine import Machine, a_machine, await_that
from tests.support.sentinel import MASTER, SentinelServer
from tests.support.server import free_port
from tests.support.servers import ValkeyServer
from timbre_producers import BrokerUnreachable
from timbre_producers.contracts import INTAKE_QUEUE
from worker.coordination.connection import asking_redis, connect
from worker.emission.ports import CoordinationDown

PASSWORD = "canary-redis-7f/3a"
SENTINELS_OWN = "canary-sentinel-c2d9"


@pytest.fixture
def servers() -> Iterator[list[ValkeyServer]]:
    """A master, and a replica that has copied it."""
    both = [ValkeyServer(appendonly=True, password=PASSWORD) for _ in range(2)]
    try:
        for server in both:
            server.start()
        master, replica = both
        with replica.client() as client:
            client.replicaof("127.0.0.1", master.port)
            await_that(lambda: client.info("replication")["master_link_status"] == "up", lambda: "no replication")
        yield both
    finally:
        for server in both:
            server.close()


@pytest.fixture
def sentinel(servers: Sequence[ValkeyServer]) -> Iterator[SentinelServer]:
    server = SentinelServer(servers[0], password=SENTINELS_OWN)
    try:
        server.start()
        await_that(lambda: server.replicas() == 1, lambda: "the sentinel found no replica")
        yield server
    finally:
        server.close()


def emit(machine: Machine, ids: Sequence[str]) -> None:
    """Ask for them, however often the broker is away meanwhile; the same request each time."""
    request_id = uuid.uuid4()

    def taken() -> bool:
        try:
            machine.client.emit(ids, account="acme", request_id=request_id)
        except BrokerUnreachable:
            return False
        return True

    await_that(taken, machine.logs)


def test_a_replica_takes_over_from_a_dead_master_and_everybody_follows(
    servers: Sequence[ValkeyServer], sentinel: SentinelServer, postgres_url: str, tmp_path: Path
) -> None:
    master, replica = servers
    # One of the sentinels is away all the time, the first to be asked.
    url = (
        f"sentinel://:{quote(PASSWORD, safe='')}@127.0.0.1:{free_port()};sentinel://127.0.0.1:{sentinel.port}/0"
        f"?master_name={MASTER}&sentinel_password={SENTINELS_OWN}"
    )
    client = connect(url.replace(f"master_name={MASTER}", "master_name=another"))
    with pytest.raises(CoordinationDown, match="another"), asking_redis("greet"):
        client.ping()
    client.close()
    with a_machine(tmp_path, redis_url=url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        early = machine.sandbox.add_drafts("acme", 40)
        machine.sandbox.faults.set(stamp_latency=2)
        machine.start_beat()
        machine.start_worker()
        emit(machine, early)
        await_that(lambda: machine.sandbox.stats()["stamp_calls_in_flight"] > 0, machine.logs)
        master.kill()
        machine.sandbox.faults.set(stamp_latency=0)
        await_that(lambda: sentinel.master_port() == replica.port, machine.logs)
        late = machine.sandbox.add_drafts("acme", 10)
        emit(machine, late)
        machine.await_end("acme", early + late)
        machine.judge("acme", early + late)
        # What no message is, is set aside by workers that came here through a sentinel as well.
        with replica.client() as client:
            client.lpush(INTAKE_QUEUE, b"\xff\xfe no message")
        await_that(lambda: len(machine.sql("SELECT id FROM set_aside")) == 1, machine.logs)
        doctor = machine.timbre("doctor")
        for line in ("✓ redis", "✓ locks", "✓ worker", f"the sentinels' {MASTER}"):
            assert line in doctor.stdout, doctor.stdout
        said = doctor.stdout + doctor.stderr + "".join(log.read_text() for log in tmp_path.glob("*.log"))
    for secret in (PASSWORD, quote(PASSWORD, safe=""), SENTINELS_OWN):
        assert secret not in said
