"""Metrics: how much waits and since when, as Prometheus reads it; what an autoscaler goes by and an alert looks at.

Asked anew at every scrape, in a handful of statements that cost what is being worked on and not what is finished.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Final

from celery import Celery
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis import Redis, RedisError
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from timbre_producers.contracts import INTAKE_QUEUE
from worker.broker import STAMP_QUEUE, WORK_QUEUE, glancing_app, messages_waiting
from worker.coordination.connection import connect
from worker.coordination.heartbeat import last_heartbeat
from worker.settings import Settings
from worker.storage.backlog import look_at_backlog
from worker.storage.session import make_engine

QUEUES: Final = {"intake": INTAKE_QUEUE, "work": WORK_QUEUE, "stamp": STAMP_QUEUE}

_DAY: Final = timedelta(days=1)


class Metrics(Collector):
    """Everything Timbre tells a monitor. A server that is away costs its own figures, and says so."""

    def __init__(self, engine: Engine, redis: Redis, broker: Celery) -> None:
        self._engine = engine
        self._redis = redis
        self._broker = broker

    def collect(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        reachable = GaugeMetricFamily("timbre_reachable", "1 where the service answered.", labels=["service"])
        for service, ask, troubles in (
            ("database", self._tables, (SQLAlchemyError,)),
            ("redis", self._beat, (RedisError, OSError)),
            # Every transport has errors of its own.
            ("broker", self._queues, (Exception,)),
        ):
            try:
                found = list(ask(now))
            except troubles:
                reachable.add_metric([service], 0)
            else:
                reachable.add_metric([service], 1)
                yield from found
        yield reachable

    def _tables(self, now: datetime) -> Iterator[Metric]:
        backlog = look_at_backlog(self._engine, now)
        documents = GaugeMetricFamily("timbre_documents", "Unfinished and held documents.", labels=["status"])
        for status, count in backlog.documents.items():
            documents.add_metric([status.value], count)
        yield documents
        creations = GaugeMetricFamily("timbre_creations", "Unfinished and held creations.", labels=["status"])
        for standing, count in backlog.creations.items():
            creations.add_metric([standing.value], count)
        yield creations
        yield _gauge(
            "timbre_due_oldest_seconds",
            "How long a document could have been read or sent: for want of workers, or of quota.",
            backlog.oldest_due.total_seconds(),
        )
        yield _gauge("timbre_calls_on_the_wire", "Stamp calls and creations begun and not ended.", backlog.on_the_wire)
        yield _gauge("timbre_calls_waiting", "The same that may go and that no worker has begun.", backlog.waiting)
        yield _gauge(
            "timbre_calls_waiting_oldest_seconds",
            "How long the first of them has waited: for want of workers and of nothing else.",
            backlog.longest_wait.total_seconds(),
        )
        yield _gauge(
            "timbre_stamp_slots_wanted",
            "Threads that these calls use or wait for: what stamp workers scale by.",
            backlog.on_the_wire + backlog.waiting,
        )
        yield _gauge("timbre_accounts_paused", "Accounts that Alegra refused, or that a person paused.", backlog.paused)

    def _beat(self, now: datetime) -> Iterator[Metric]:
        swept_at = last_heartbeat(self._redis)
        yield _gauge(
            "timbre_sweep_age_seconds",
            "Since the last sweep, a day at most: beat sends them and workers run them.",
            min(now - swept_at if swept_at else _DAY, _DAY).total_seconds(),
        )

    def _queues(self, _now: datetime) -> Iterator[Metric]:
        waiting = messages_waiting(self._broker, list(QUEUES.values()))
        for name, queue in QUEUES.items():
            yield _gauge(f"timbre_{name}_messages", f"Messages in {queue} that no worker has taken.", waiting[queue])


class Exposition:
    """The metrics of one installation, opened by its settings."""

    def __init__(self, settings: Settings) -> None:
        self._engine = make_engine(settings.database, pool_size=1)
        self._redis = connect(settings.redis)
        self._app = glancing_app(settings)
        self._registry = CollectorRegistry()
        self._registry.register(Metrics(self._engine, self._redis, self._app))

    def text(self) -> str:
        """What a scrape would get now."""
        return generate_latest(self._registry).decode()

    def serve(self, host: str, port: int) -> None:
        """Answer scrapes at `http://host:port/metrics` until the process is told to end. Raises `OSError`."""
        server, thread = start_http_server(port, host, self._registry)
        with closing(server.socket):
            thread.join()

    def close(self) -> None:
        """Give back what was opened."""
        self._app.close()
        self._redis.close()
        self._engine.dispose()


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
