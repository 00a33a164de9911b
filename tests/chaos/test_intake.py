"""A request that reached a worker is written down in the end, whatever goes wrong while it is being written."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from celery import Celery
from celery.contrib.testing.worker import start_worker
from celery.worker import state
from redis import Redis
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from tests.support.machine import await_that
from tests.support.servers import ValkeyServer
from timbre_producers import EmissionClient
from timbre_producers.contracts import INTAKE_QUEUE, EmitRequest
from worker import crowd, tasks
from worker.broker import configure
from worker.environment import load_settings


class Intake:
    """What `worker.emission.intake` is to the task; it fails as often as it is told to."""

    aside = None
    """All can be read here."""

    def __init__(self, failures: Sequence[Callable[[], Exception]]) -> None:
        self._failures = list(failures)
        self.accepted = threading.Event()
        self.may_write = threading.Event()
        self.may_write.set()
        self.tries = 0
        self.crowds: list[list[str]] = []
        self.alone: list[str] = []

    def runtime(self) -> SimpleNamespace:
        if self._failures and self._failures[0] is not_built:
            self._fail()
        return SimpleNamespace(intake=self)

    def accept_new(self, requests: Sequence[EmitRequest]) -> bool:
        assert self.may_write.wait(20)
        self._fail()
        self.crowds.append([each.document_ids[0] for each in requests])
        self.accepted.set()
        return True

    def accept(self, request: EmitRequest) -> str:
        self._fail()
        self.alone.append(request.document_ids[0])
        self.accepted.set()
        return "accepted"

    def _fail(self) -> None:
        self.tries += 1
        if self._failures:
            failure = self._failures.pop(0)
            raise failure()


@contextmanager
def a_worker(url: str, intake: Intake, monkeypatch: pytest.MonkeyPatch, threads: int = 1) -> Iterator[None]:
    """Real Celery on a real broker around the real task; only what the task calls is not."""
    monkeypatch.setattr(tasks, "runtime", intake.runtime)
    monkeypatch.setattr(tasks, "ASK_AGAIN_IN", 0.1)
    app = Celery("intake", set_as_current=False)
    settings = {"TIMBRE_REDIS_URL": url, "TIMBRE_REDELIVERY": "2", "TIMBRE_WORKER_THREADS": str(threads)}
    configure(app, load_settings(settings))
    crowd.install(app, lambda requests: bool(intake.runtime().intake.accept_new(requests)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Celery's own, while it starts a worker inside a test
        with start_worker(app, concurrency=threads, pool="threads", perform_ping_check=False, shutdown_timeout=30):
            yield


def database_away() -> Exception:
    return OperationalError("INSERT", {}, Exception("server closed the connection unexpectedly"))


def connection_closed() -> Exception:
    return InterfaceError("INSERT", {}, Exception("the connection is closed"))


def no_connection_free() -> Exception:
    return PoolExhausted("QueuePool limit of size 16 overflow 16 reached")


def not_built() -> Exception:
    return RuntimeError("what the worker needs cannot be built")


def unforeseen() -> Exception:
    return KeyError("a bug")


@pytest.mark.parametrize("failure", [database_away, connection_closed, no_connection_free, not_built, unforeseen])
def test_a_request_that_could_not_be_written_is_tried_until_it_is(
    failure: Callable[[], Exception], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake([failure, failure])
    with EmissionClient(redis_url) as client, a_worker(redis_url, intake, monkeypatch):
        client.emit(["501"], account="acme")
        assert intake.accepted.wait(20)
    assert intake.tries == 3


def test_a_request_outlives_a_broker_that_will_not_take_it_back(
    own_valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis is full: it hands out messages and forgets them when told to, but takes no new one."""
    with own_valkey.client() as operator:

        def database_away_and_redis_full() -> Exception:
            operator.config_set("maxmemory", "1")
            return database_away()

        intake = Intake([database_away_and_redis_full, database_away])
        with EmissionClient(own_valkey.url) as client, a_worker(own_valkey.url, intake, monkeypatch):
            client.emit(["501"], account="acme")
            assert intake.accepted.wait(20)
            operator.config_set("maxmemory", "0")


def test_requests_that_wait_are_taken_in_together_and_each_is_acknowledged(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake([])
    ids = [str(number) for number in range(500, 560)]
    with EmissionClient(redis_url) as client, Redis.from_url(redis_url) as broker:
        for each in ids:
            client.emit([each], account="acme")
        intake.may_write.clear()
        with a_worker(redis_url, intake, monkeypatch, threads=16):
            # The first is being written, and as many wait as Celery hands out.
            await_that(lambda: broker.hlen("unacked") == 16, lambda: str(broker.hlen("unacked")))
            intake.may_write.set()
            await_that(lambda: not broker.llen(INTAKE_QUEUE) and not broker.hlen("unacked"), lambda: str(intake.crowds))
            await_that(lambda: not state.active_requests and not state.reserved_requests, lambda: "still at it")
    assert sorted(each for crowd in intake.crowds for each in crowd) == ids
    first, second, *_ = intake.crowds
    assert (len(first), len(second) >= 15) == (1, True)


def test_requests_taken_in_together_are_each_tried_until_they_are_written(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake([database_away] * 10)
    ids = [str(number) for number in range(500, 516)]
    with EmissionClient(redis_url) as client, Redis.from_url(redis_url) as broker:
        for each in ids:
            client.emit([each], account="acme")
        with a_worker(redis_url, intake, monkeypatch, threads=16):
            await_that(lambda: not broker.llen(INTAKE_QUEUE) and not broker.hlen("unacked"), lambda: str(intake.crowds))
    assert sorted([*intake.alone, *(each for crowd in intake.crowds for each in crowd)]) == ids
