"""Crowd: small requests that wait at the same time are written down together, in one transaction and by one thread.

A message of one id alone costs a thread's turn, four statements and a flush of the disk; a hundred of them cost little
more when they are taken together. Each is acknowledged by itself, after the commit. A crowd in which anything is known,
refused or unreadable, or that fails, disperses with nothing written: each message then goes the ordinary way, as if it
had come alone, and has its own failure.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from celery import Celery, bootsteps
from celery.concurrency.thread import TaskPool as Threads

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
        if isinstance(consumer.pool, Threads):
            # Steps are built before any starts: whoever hands out messages will be told of the crowd.
            consumer.on_task_request = Crowd(self.write_new, consumer.on_task_request, consumer.pool.apply_async).join


class Crowd:
    """While one thread writes, the next messages gather."""

    def __init__(
        self,
        write_new: WriteNew,
        one_by_one: Callable[[Any], object],
        in_a_thread: Callable[[Callable[[], None]], object],
    ) -> None:
        """`one_by_one` has Celery execute a message's task, as it would without us."""
        self._write_new = write_new
        self._one_by_one = one_by_one
        self._in_a_thread = in_a_thread
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
        self._in_a_thread(self._serve)

    def _serve(self) -> None:
        if len(self._waiting) > 1:
            time.sleep(COMPANY)
        with self._turn:
            crowd = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_MOST))]
        try:
            self._take_in(crowd)
        finally:
            with self._turn:
                self._coming = bool(self._waiting)
            if self._coming:
                # Behind whatever else waits for a thread.
                self._in_a_thread(self._serve)

    def _take_in(self, crowd: Sequence[Any]) -> None:
        began = time.monotonic()
        if self._written(crowd):
            for message in crowd:
                _done(message, began)
        else:
            for message in crowd:
                self._one_by_one(message)

    def _written(self, crowd: Sequence[Any]) -> bool:
        try:
            return self._write_new([read_message(message.args, message.kwargs) for message in crowd])
        except UnreadableMessage:
            return False
        except Exception as error:  # noqa: BLE001  # one's failure must not be everybody's; each meets its own
            log.warning("crowd_dispersed", extra={"of": len(crowd), "cause": type(error).__name__})
            return False


def _may_join(message: Any) -> bool:
    """One of few ids, that nobody has limited in time: what Celery looks at last of all, it looks at for each alone."""
    if message.name != EMIT_TASK or message.expires:
        return False
    match message.args, message.kwargs:
        case [{"document_ids": list(ids)}], {}:
            return len(ids) <= FEW
    return False


def _done(message: Any, began: float) -> None:
    """Tell Celery, and who watches it, that the task was executed; this acknowledges it."""
    try:
        message.on_accepted(os.getpid(), began)
        message.on_success((False, None, time.monotonic() - began))
    except Exception:  # whatever it is: the request is written, and comes again unless it was acknowledged
        log.exception("request_not_acknowledged")
