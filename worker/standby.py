"""Standing by: a worker that cannot reach its database or Redis takes no messages, so that those who can get them.

Without this it would be the quickest worker of all: whatever it takes fails at once, and it takes the next. One host
with a broken route would spoil nearly every nudge there is, and the others would live on what the sweeps bring back.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from celery import Celery, bootsteps

log = logging.getLogger(__name__)

ASK_EVERY: Final = 1.0
"""Seconds between two looks at the servers while standing by."""

_DOUBTS: Final[set[threading.Event]] = set()
"""One for each consumer that watches; a worker's process has one, but for the moment in which it connects anew."""


def doubt() -> None:
    """A task failed for want of a server: let the worker look whether that is its own trouble."""
    for doubt in tuple(_DOUBTS):
        doubt.set()


def install(app: Celery, reachable: Callable[[], bool], tell: Callable[[bool], None]) -> None:
    """Make the app's workers stand by while `reachable` says no; it may take seconds, and is asked in a thread.

    `tell` is told whether messages are taken.
    """
    given = {"reachable": staticmethod(reachable), "tell": staticmethod(tell)}
    # Celery makes the step by itself, from its class.
    app.steps["consumer"].add(type("StandingBy", (_StandingBy,), given))


class _StandingBy(bootsteps.StartStopStep):
    """The part of a Celery consumer that watches; it starts anew with each connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    reachable: Callable[[], bool]
    """Whether every server answers; given by `install`, as is `tell`."""
    tell: Callable[[bool], None]
    """Says whether messages are taken."""

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._stopped = threading.Event()
        self._doubt = threading.Event()
        self._away = False

    def start(self, consumer: Any) -> None:
        # Its own events for each start: what was doubted on the last connection says nothing of this one.
        self._stopped, self._doubt = threading.Event(), threading.Event()
        # A new connection to the broker consumes, whatever the last one did.
        self._away = False
        _DOUBTS.add(self._doubt)
        watching = (consumer, self._stopped, self._doubt)
        threading.Thread(target=self._watch, args=watching, name="timbre-standby", daemon=True).start()

    def stop(self, consumer: Any) -> None:
        del consumer
        _DOUBTS.discard(self._doubt)
        self._stopped.set()
        self._doubt.set()

    def _watch(self, consumer: Any, stopped: threading.Event, doubt: threading.Event) -> None:
        while True:
            doubt.wait()
            if stopped.is_set():
                return
            doubt.clear()
            if self._looks_well():
                continue
            log.warning("standing_by")
            self._turn(consumer, away=True)
            while not stopped.wait(ASK_EVERY):
                if self._looks_well():
                    log.warning("working_again")
                    self._turn(consumer, away=False)
                    break

    def _looks_well(self) -> bool:
        """`reachable`, whose failing is a no: this thread is the only one that brings the worker back."""
        try:
            return self.reachable()
        except Exception:
            log.exception("look_failed")
            return False

    def _turn(self, consumer: Any, *, away: bool) -> None:
        self._away = away
        self.tell(not away)
        # In the thread of Celery's loop, which alone may speak to the broker on this connection.
        consumer.call_soon(self._follow, consumer)

    def _follow(self, consumer: Any) -> None:
        """Take messages or not, as things stand now: the loop may be late, and keeps no order among its calls."""
        if consumer.task_consumer is None:
            return
        if self._away:
            consumer.task_consumer.cancel()
        else:
            consumer.task_consumer.consume()
