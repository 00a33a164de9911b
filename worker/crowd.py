"""Crowd: small requests that wait at the same time are written down together, in one transaction and by one thread.

A message of one id alone costs a thread's turn, four statements and a flush of the disk; a hundred of them cost little
more when they are taken together. Each is acknowledged by itself, after the commit. A crowd in which anything is known,
refused or unreadable, or that fails, disperses: each message then goes the ordinary way, as if it had come alone, and
has its own failure.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from celery import Celery, bootsteps
from celery.concurrency.thread import TaskPool as Threads
from celery.worker import state

from timbre_producers.contracts import EMIT_TASK, EmitRequest, UnreadableMessage, read_message

log = logging.getLogger(__name__)

FEW: Final = 50
"""Documents of a request that joins others; more are worth a transaction of their own."""

AT_MOST: Final = 100
"""Messages in one transaction."""

COMPANY: Final = 0.02
"""Seconds that two wait for more: where two come at once, a hundred are coming. Who comes alone does not wait."""

WriteNew = Callable[[Sequence[EmitRequest]], bool]
"""`Intake.accept_new`."""


def install(app: Celery, write_new: WriteNew) -> None:
    """Have the app's workers gather requests, if they work in threads; in other pools one comes after the other."""
    # Celery makes the step by itself, from its class.
    app.steps["consumer"].add(type("Gathering", (_Gathering,), {"write_new": staticmethod(write_new)}))


class _Gathering(bootsteps.Step):
    """The part of a Celery consumer that takes small requests aside before a task is executed for each."""

    write_new: WriteNew
    """Given by `install`."""

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        pool = consumer.pool
        if isinstance(pool, Threads):

            def in_a_thread(serve: Callable[[], None]) -> None:
                pool.apply_async(serve, callback=_nothing_more)

            # More than there are threads are never handed out at once.
            crowd = Crowd(self.write_new, consumer.on_task_request, in_a_thread, at_most=min(AT_MOST, pool.limit))
            # Steps are built before any starts: whoever hands out messages will be told of the crowd.
            consumer.on_task_request = crowd.join


def _nothing_more(_: object) -> None:
    """What Celery does with the outcome of a call that is no task."""


class Crowd:
    """While one thread writes, the next messages gather."""

    def __init__(
        self,
        write_new: WriteNew,
        one_by_one: Callable[[Any], object],
        in_a_thread: Callable[[Callable[[], None]], None],
        *,
        at_most: int = AT_MOST,
    ) -> None:
        """`one_by_one` has Celery execute a message's task, as it would without us."""
        self._write_new = write_new
        self._one_by_one = one_by_one
        self._in_a_thread = in_a_thread
        self._at_most = at_most
        self._waiting: deque[Any] = deque()
        self._coming = False
        """A thread is about to take those who wait."""
        self._turn = threading.Lock()

    def join(self, message: Any) -> None:
        """Any message, as Celery's loop would execute it."""
        if not _may_join(message):
            self._one_by_one(message)
            return
        with self._turn:
            self._waiting.append(message)
            if self._coming:
                return
            self._coming = True
        self._call_a_thread()

    def _call_a_thread(self) -> None:
        try:
            self._in_a_thread(self._serve)
        except RuntimeError as error:  # the worker is closing, or can have no thread: who waits is handed out again
            log.warning("crowd_not_served", extra={"cause": str(error)})
            with self._turn:
                self._coming = False

    def _serve(self) -> None:
        if 1 < len(self._waiting) < self._at_most:
            time.sleep(COMPANY)
        with self._turn:
            crowd = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._at_most))]
        try:
            if crowd:
                self._take_in(crowd)
        finally:
            with self._turn:
                again = self._coming = bool(self._waiting)
            if again:
                # Behind whatever else waits for a thread.
                self._call_a_thread()

    def _take_in(self, crowd: Sequence[Any]) -> None:
        began = time.monotonic()
        if self._written(crowd):
            for message in crowd:
                _done(message, began)
            return
        for message in crowd:
            try:
                self._one_by_one(message)
            except Exception as error:  # noqa: BLE001  # not acknowledged, it comes again; and so do the others
                log.warning("request_not_executed", extra={"task_id": message.id, "cause": type(error).__name__})

    def _written(self, crowd: Sequence[Any]) -> bool:
        try:
            return self._write_new([read_message(message.args, message.kwargs) for message in crowd])
        except UnreadableMessage:
            return False
        except Exception as error:  # noqa: BLE001  # one's failure must not be everybody's; each meets its own
            log.warning("crowd_dispersed", extra={"of": len(crowd), "cause": type(error).__name__})
            return False


def _may_join(message: Any) -> bool:
    """A request of few ids and nothing else: what Celery looks at as it executes a task, it looks at for each alone."""
    if message.type != EMIT_TASK or message.expires or message.id in state.revoked:
        return False
    if any(message.request_dict.get(name) for name in ("retries", "stamped_headers")):
        return False
    match message.message.payload:
        case [[{"document_ids": [_, *_] as ids}], dict(named), dict(wishes)]:
            return len(ids) <= FEW and not named and not any(wishes.values())
    return False


def _done(message: Any, began: float) -> None:
    """Tell Celery, and who watches it, that the task was executed; this acknowledges it.

    Whatever goes wrong, the request is written, and comes again unless it was acknowledged.
    """
    with _whatever_happens(message):
        message.on_accepted(os.getpid(), began)
    with _whatever_happens(message):
        message.on_success((False, "None", time.monotonic() - began))


@contextmanager
def _whatever_happens(message: Any) -> Iterator[None]:
    try:
        yield
    except Exception:
        log.exception("crowd_not_told", extra={"task_id": message.id})
