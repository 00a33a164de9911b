"""The database hurt in every way while documents are on their way: nothing is stamped twice, and nothing is lost."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Final

import pytest
from sqlalchemy import make_url, text

from tests.support.house import engine_on
from tests.support.machine import Machine, a_machine, await_that
from tests.support.proxy import CommitCutter
from tests.support.servers import PostgresServer
from worker.storage.migrate import upgrade

AWAY: Final = 5.0
"""Seconds that the database stays away, locked or full: longer than a stamp call and the sweep's grace after it."""

CALL: Final = 1.5
"""Seconds that a stamp call takes: the database is hurt while some are on the wire."""

WORDS: Final[Mapping[str, bytes]] = {
    "intake": b"INSERT INTO requests",
    "dispatch": b"INSERT INTO batches",
    "claim": b"attempt=(emissions.attempt +",
    "record": b"coalesce(batches.closed_at",
    "read": b".was_reads RETURNING",
}
"""The transactions a document goes through, each by words of a statement that only it has."""


@contextmanager
def under_way(machine: Machine) -> Iterator[Sequence[Popen[bytes]]]:
    """Two workers with calls on the wire; the block hurts something, and then everything must come right."""
    machine.add_account("acme")
    ids = machine.sandbox.add_drafts("acme", 24)
    machine.sandbox.faults.set(stamp_latency=CALL)
    machine.start_beat()
    workers = [machine.start_worker() for _ in range(2)]
    machine.client.emit(ids, account="acme")
    await_that(lambda: machine.sandbox.stats()["stamp_calls_in_flight"] > 0, machine.logs)
    yield workers
    machine.sandbox.faults.set(stamp_latency=0)
    machine.await_end("acme", ids)
    machine.judge("acme", ids)


def restarted_and_then_killed(server: PostgresServer) -> None:
    server.stop()
    server.start()
    time.sleep(CALL)
    server.kill()
    time.sleep(AWAY)
    server.start()


def frozen(server: PostgresServer) -> None:
    server.freeze()
    time.sleep(AWAY)
    server.thaw()


@pytest.mark.parametrize("hurt", [restarted_and_then_killed, frozen])
def test_postgresql_hurt_while_calls_are_on_the_wire_costs_no_document(
    hurt: Callable[[PostgresServer], None], own_postgres: PostgresServer, redis_url: str, tmp_path: Path
) -> None:
    url = own_postgres.new_database()
    upgrade(url)
    with a_machine(tmp_path, redis_url=redis_url, database_url=url) as machine, under_way(machine):
        hurt(own_postgres)


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not committed"])
def test_a_connection_lost_at_any_commit_costs_no_document(
    committed: bool, postgres: PostgresServer, postgres_url: str, redis_url: str, tmp_path: Path
) -> None:
    proxy = CommitCutter(postgres.port, WORDS, committed=committed)
    url = make_url(postgres_url).set(port=proxy.port).render_as_string(hide_password=False)
    try:
        with a_machine(tmp_path, redis_url=redis_url, database_url=url) as machine:
            machine.add_account("acme")
            ids = machine.sandbox.add_drafts("acme", 24)
            machine.start_beat()
            machine.start_worker()
            machine.client.emit(ids, account="acme")
            machine.await_end("acme", ids)
            machine.judge("acme", ids)
        assert set(proxy.struck) == set(WORDS)
    finally:
        proxy.close()


def test_a_table_locked_by_somebody_else_only_takes_longer(postgres_url: str, redis_url: str, tmp_path: Path) -> None:
    with (
        a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine,
        under_way(machine),
        engine_on(postgres_url) as engine,
        engine.begin() as connection,
    ):
        connection.execute(text("LOCK TABLE emissions"))
        time.sleep(AWAY)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit the files of another process")
def test_a_disk_that_is_full_for_a_while_only_takes_longer(sqlite_url: str, redis_url: str, tmp_path: Path) -> None:
    with (
        a_machine(tmp_path, redis_url=redis_url, database_url=sqlite_url) as machine,
        under_way(machine) as workers,
    ):
        log = Path(f"{make_url(sqlite_url).database}-wal")
        for worker in workers:
            # No file of theirs may grow beyond what SQLite's log has by now.
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (log.stat().st_size, resource.RLIM_INFINITY))
        time.sleep(AWAY)
        for worker in workers:
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
