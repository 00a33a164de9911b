"""Standing by, seen from inside: which servers are asked, and what the consumer is told however late it listens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
from celery import Celery

from tests.support.server import free_port
from worker import standby
from worker.accounts import load_accounts
from worker.environment import load_settings
from worker.runtime import Runtime


@contextmanager
def a_runtime(redis_url: str, database_url: str) -> Iterator[Runtime]:
    settings = load_settings({"TIMBRE_REDIS_URL": redis_url, "TIMBRE_DATABASE_URL": database_url})
    with Celery(broker=redis_url, set_as_current=False) as app:
        runtime = Runtime(settings, load_accounts(settings), app)
        yield runtime
        runtime.close()


def test_servers_that_answer_are_no_reason_to_stand_by(redis_url: str, database_url: str) -> None:
    with a_runtime(redis_url, database_url) as runtime:
        assert runtime.servers_answer()


def test_a_database_out_of_reach_is_one(redis_url: str) -> None:
    with a_runtime(redis_url, f"postgresql://timbre@127.0.0.1:{free_port()}/timbre") as runtime:
        assert not runtime.servers_answer()


def test_a_redis_out_of_reach_is_one(database_url: str) -> None:
    with a_runtime(f"redis://127.0.0.1:{free_port()}/0", database_url) as runtime:
        assert not runtime.servers_answer()


class LateConsumer:
    """A consumer whose loop comes to its calls late, and the last one first."""

    def __init__(self) -> None:
        self.task_consumer = self
        self.consuming = True
        self.calls: list[Callable[[], None]] = []
        self.called = Event()

    def call_soon(self, call: Callable[[Any], None], *args: Any) -> None:
        self.calls.append(lambda: call(*args))
        if len(self.calls) == 2:
            self.called.set()

    def cancel(self) -> None:
        self.consuming = False

    def consume(self) -> None:
        self.consuming = True


@contextmanager
def watched(
    monkeypatch: pytest.MonkeyPatch, reachable: Callable[[], bool], consumer: LateConsumer
) -> Iterator[list[bool]]:
    """A step that watches, over once it has turned twice; yields what it told."""
    app = Celery(set_as_current=False)
    monkeypatch.setattr(standby, "ASK_EVERY", 0.01)
    told: list[bool] = []
    standby.install(app, reachable, told.append)
    (step,) = app.steps["consumer"]
    watching = step(consumer)
    watching.start(consumer)
    standby.doubt()
    assert consumer.called.wait(30)
    yield told
    watching.stop(consumer)


def test_a_worker_that_may_work_again_is_never_left_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, True])
    consumer = LateConsumer()
    standby.doubt()  # with nobody there to watch: no later worker's trouble
    with watched(monkeypatch, lambda: next(answers), consumer) as told:
        for call in reversed(consumer.calls):
            call()
        assert consumer.consuming
        assert told == [False, True]


def test_a_look_that_fails_is_a_server_away_and_not_the_end_of_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: Iterator[bool | Exception] = iter([OSError("no route"), True])

    def look() -> bool:
        if isinstance(answer := next(answers), Exception):
            raise answer
        return answer

    with watched(monkeypatch, look, LateConsumer()) as told:
        assert told == [False, True]
