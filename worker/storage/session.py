"""The engine, and the one `with` block that commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event


def make_engine(url: str, *, pool_size: int = 16) -> Engine:
    """PostgreSQL or SQLite, set up so that a committed intent survives whatever dies next."""
    if url.startswith("sqlite"):
        engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin)
        return engine
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 5, "application_name": "timbre"} | _KEEPALIVE,
    )
    event.listen(engine, "connect", _prepare_postgresql)
    return engine


def say_hello(url: str) -> None:
    """Have the database answer on a new connection. Raises `SQLAlchemyError` within seconds when it does not."""
    engine = make_engine(url, pool_size=1)
    try:
        with reading(engine) as connection:
            connection.exec_driver_sql("SELECT 1")
    finally:
        engine.dispose()


_READS: Final = "timbre_reads"

_KEEPALIVE: Final = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
"""Seconds, seconds, times, milliseconds: a server that vanished without a word is noticed within a minute."""


def _prepare_postgresql(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # A process frozen or cut off inside a dispatch round holds its account's row; nobody else could send or settle
    # meanwhile. Transactions last milliseconds; whoever waits for that row gets it before giving up on it (below).
    cursor.execute("SET idle_in_transaction_session_timeout = '10s'")
    # Whoever waits this long gives its thread back; the sweep brings the work again.
    cursor.execute("SET lock_timeout = '20s'")
    # What the verbs read was written a moment ago and is in memory: walking through a table is not cheaper for being
    # in order, as PostgreSQL believes of its disks.
    cursor.execute("SET random_page_cost = 1.1")
    cursor.close()
    # A rollback would undo a SET of its own transaction.
    connection.commit()


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions behind our back; we say BEGIN IMMEDIATE ourselves.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # FULL: the intent must survive a power cut too, not only a dead process.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # A transaction that reads first and writes later would fail with "database is locked" whatever the timeout.
    reads = connection.get_execution_options().get(_READS)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """Commit when the block ends well, roll back when it does not."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that cannot write; on SQLite it takes no lock that would keep a writer waiting."""
    options = {"postgresql_readonly": True, _READS: True}
    with engine.connect().execution_options(**options) as connection, connection.begin():
        yield connection
