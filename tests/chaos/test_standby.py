"""A worker that lost its database leaves the work to those that have it, and takes it up again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.machine import Machine, a_machine, await_that
from tests.support.proxy import Proxy
from tests.support.servers import PostgresServer


@pytest.fixture
def machine(tmp_path: Path, redis_url: str, postgres_url: str) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        machine.add_account("acme")
        yield machine


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[Proxy]:
    """What one of the workers believes to be the database."""
    proxy = Proxy(postgres.port)
    yield proxy
    proxy.close()


def test_a_worker_without_its_database_takes_no_work_from_one_that_has_it(
    machine: Machine, proxy: Proxy, postgres: PostgresServer
) -> None:
    url = machine.environ["TIMBRE_DATABASE_URL"]
    machine.start_beat()
    sound = machine.start_worker()
    cut = machine.start_worker(TIMBRE_DATABASE_URL=url.replace(f":{postgres.port}/", f":{proxy.port}/"))
    log = machine.log_of(cut)
    await_that(lambda: "swept" in log.read_text(), machine.logs)
    proxy.lead_to(1)
    await_that(lambda: "standing_by" in log.read_text(), machine.logs)
    spoilt = log.read_text().count("put_off")
    ids = machine.sandbox.add_drafts("acme", 60)
    machine.client.emit(ids, account="acme")
    machine.await_end("acme", ids)
    machine.judge("acme", ids)
    # What it had taken before it knew; each message it took would have been spoilt within milliseconds.
    assert log.read_text().count("put_off") - spoilt <= int(machine.environ["TIMBRE_WORKER_THREADS"])
    assert {row.worker.rpartition(":")[2] for row in machine.sql("SELECT worker FROM batches")} == {str(sound.pid)}

    proxy.lead_to(postgres.port)
    await_that(lambda: "working_again" in log.read_text(), machine.logs)
    sound.kill()
    sound.wait()
    more = machine.sandbox.add_drafts("acme", 20)
    machine.client.emit(more, account="acme")
    machine.await_end("acme", more)
    machine.judge("acme", ids + more)
