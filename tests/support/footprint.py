"""What Timbre leaves behind and holds meanwhile: bytes in PostgreSQL and in Redis, as the servers count them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Any, Final

from celery import Celery
from redis import Redis
from sqlalchemy import NullPool, create_engine

from tests.support.machine import Machine
from timbre_producers import EmissionClient
from timbre_producers.contracts import INTAKE_QUEUE
from worker.alegra.rates import RateSeen
from worker.coordination.connection import connect
from worker.coordination.locks import RedisLocks
from worker.coordination.nudges import Debounce
from worker.coordination.quota import REQUESTS_PER_MINUTE, Budget, RedisQuota
from worker.emission.work import Document

TABLES: Final = ("emissions", "emission_events", "batches", "requests", "nightly_runs", "accounts_state")


def table_sizes(database_url: str) -> Mapping[str, int]:
    """Bytes of each table with its indexes and its long values, once what is dead in it has been given back."""
    engine = create_engine(database_url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        sizes = {}
        for table in TABLES:
            connection.exec_driver_sql(f"VACUUM {table}")
            size = connection.exec_driver_sql(f"SELECT pg_total_relation_size('{table}')").scalar_one()
            sizes[table] = int(size)
    return sizes


def nights_of(machine: Machine, documents: int, accounts: Sequence[str]) -> None:
    """One night each: so many drafts, found, enqueued, stamped and settled by the running worker."""
    drafts = {account: machine.sandbox.add_drafts(account, documents) for account in accounts}
    for account in accounts:
        ran = machine.timbre("nightly", "--run-now", "--account", account)
        assert ran.returncode == 0, ran.stderr
    for account, ids in drafts.items():
        machine.await_end(account, ids)


def redis_sizes(url: str) -> Mapping[str, float]:
    """Bytes of each thing Timbre keeps in Redis: its key, its value and what the server needs to find it."""
    account = "an-account-of-ordinary-length"
    documents = [Document(account, "invoice", str(1_000_000 + place)) for place in range(1000)]
    with ExitStack() as open_now:
        redis = open_now.enter_context(closing(connect(url, answer_within=timedelta(seconds=30))))
        locks = open_now.enter_context(closing(RedisLocks(redis)))
        open_now.enter_context(locks.hold(documents))
        a_lock = _held_by(redis, "timbre:*:lock:*") / len(documents)
        Debounce(redis).claim(account, timedelta(seconds=60))
        a_nudge = _held_by(redis, "timbre:*:nudges")
        # The permits of two windows are remembered.
        quota = RedisQuota(redis, lambda name: Budget(user="0" * 32, limit=2 * REQUESTS_PER_MINUTE))
        quota.observe(account, RateSeen(limit=300, remaining=300, reset=timedelta(seconds=60)))
        granted = [quota.take(account, 300, purpose).granted for purpose in ("stamp", "read")]
        assert sum(granted) > 1.9 * REQUESTS_PER_MINUTE, granted
        a_budget = _held_by(redis, "timbre:*:quota:*")
        client = open_now.enter_context(EmissionClient(url))
        client.emit([each.document_id for each in documents], account=account)
        a_waiting_id = _held_by(redis, INTAKE_QUEUE) / len(documents)
        redis.delete(INTAKE_QUEUE)
        client.emit(["1000001"], account=account)
        a_waiting_request = _held_by(redis, INTAKE_QUEUE)
        app = open_now.enter_context(Celery(broker=url, set_as_current=False))
        for place in range(100):
            ids = [each.document_id for each in documents[place : place + 10]]
            app.send_task(
                "timbre.stamp",
                kwargs={"batch_id": "0b6f7f0e-6d0c-4c39-9b7e-5a8f3f4f6a01"},
                queue="timbre.stamp",
                argsrepr=f"{account} invoice [{', '.join(ids)}]",
                kwargsrepr="",
            )
        a_stamp_message = _held_by(redis, "timbre.stamp") / 100
    return {
        "lock": a_lock,
        "nudge": a_nudge,
        "budget": a_budget,
        "waiting_id": a_waiting_id,
        "waiting_request": a_waiting_request,
        "message": a_stamp_message,
    }


def _held_by(redis: Redis, pattern: str) -> int:
    keys: list[Any] = list(redis.scan_iter(match=pattern, count=10_000))
    sizes: list[Any] = [redis.memory_usage(key, samples=0) for key in keys]
    return sum(sizes)
