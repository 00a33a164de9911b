"""How long each verb takes: the run time of every task, as Celery's own events tell it."""

from __future__ import annotations

import statistics
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from celery import Celery
from celery.events import EventReceiver

ENOUGH: Final = 5
"""Runs of a verb below which its median says nothing."""


class Verbs:
    """The run times told so far; `fresh` begins anew."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._receiver: EventReceiver | None = None
        self._listens = threading.Event()

    def fresh(self) -> None:
        """Forget what was told."""
        self._seconds.clear()

    def medians(self) -> Mapping[str, float]:
        """Seconds, by task, where there are enough of them."""
        told = dict(self._seconds)
        return {
            name.removeprefix("timbre."): statistics.median(each) for name, each in told.items() if len(each) >= ENOUGH
        }

    def listen(self, broker_url: str) -> None:
        """Take notes until `end`."""
        with Celery(broker=broker_url, set_as_current=False) as app, app.connection() as connection:
            handlers = {"task-received": self._received, "task-succeeded": self._succeeded}
            self._receiver = app.events.Receiver(connection, handlers=handlers)
            self._listens.set()
            self._receiver.capture(limit=None, timeout=None, wakeup=False)

    def end(self) -> None:
        """No more notes."""
        self._listens.wait()
        if self._receiver is not None:
            self._receiver.should_stop = True

    def _received(self, event: Mapping[str, Any]) -> None:
        self._names[event["uuid"]] = event["name"]

    def _succeeded(self, event: Mapping[str, Any]) -> None:
        if name := self._names.pop(event["uuid"], None):
            self._seconds[name].append(event["runtime"])


@contextmanager
def listening(broker_url: str) -> Iterator[Verbs]:
    """The verbs of the workers of this broker, which must send events."""
    verbs = Verbs()
    ear = threading.Thread(target=verbs.listen, args=(broker_url,), daemon=True)
    ear.start()
    try:
        yield verbs
    finally:
        verbs.end()
        ear.join()
