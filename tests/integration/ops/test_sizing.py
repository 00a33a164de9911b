"""What ops/sizing goes by, measured again on real servers: it may be off by so much and no more."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from sqlalchemy import NullPool, create_engine

from tests.support.footprint import nights_of, redis_sizes, table_sizes
from tests.support.machine import a_machine
from worker.sizing import costs

OFF_BY = 1.4
"""Other releases of the servers."""

ENDS = 6 * 8192
"""Bytes: a table and each of its indexes end in a page that is not full, which counts after a night of hundreds."""


def about(expected: float) -> object:
    return pytest.approx(expected, rel=OFF_BY - 1)


def test_redis_holds_each_thing_in_as_much_memory_as_is_computed(redis_url: str) -> None:
    assert redis_sizes(redis_url) == {
        "lock": about(costs.REDIS_LOCK),
        "nudge": about(costs.REDIS_NUDGE),
        "budget": about(costs.REDIS_BUDGET),
        "message": about(costs.REDIS_MESSAGE),
        "waiting_id": about(costs.REDIS_WAITING_ID + costs.REDIS_WAITING_REQUEST / 1000),
        "waiting_request": about(costs.REDIS_WAITING_REQUEST),
    }


def test_a_night_leaves_in_the_database_and_takes_of_memory_what_is_computed(
    redis_url: str, postgres_url: str, tmp_path: Path
) -> None:
    documents = 400
    with a_machine(tmp_path, redis_url=redis_url, database_url=postgres_url) as machine:
        machine.add_account("acme", limit=100_000)
        machine.start_beat()
        worker = machine.start_worker()
        empty = table_sizes(postgres_url)
        nights_of(machine, documents, ["acme"])
        memory = sum(
            process.memory_info().rss
            for process in (psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True))
        )
    # What a night's updates leave dead, the next one uses again; here there is no next one.
    engine = create_engine(postgres_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("VACUUM FULL")
    grown = {table: size - empty[table] for table, size in table_sizes(postgres_url).items()}
    each = {table: grown[table] / documents for table in costs.DATABASE_DOCUMENT}
    assert each == {
        table: pytest.approx(size, rel=OFF_BY - 1, abs=ENDS / documents)
        for table, size in costs.DATABASE_DOCUMENT.items()
    }
    # What processes share is counted for each of them here, and the leash around the worker is one more.
    assert 0.5 * costs.WORKER_MEMORY < memory < 2 * costs.WORKER_MEMORY
