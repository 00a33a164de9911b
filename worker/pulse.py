"""Pulse: two files in `TIMBRE_HOME` that tell a probe, without asking anybody, how this worker is.

`worker.pulse` is touched every few seconds while the worker lives; `worker.ready` exists while it takes messages. A
probe needs no more than `find`: a command that loads Celery and asks through the broker costs seconds of processor time
each time, and would have workers killed in the middle of their calls because the broker is away.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from celery import Celery, bootsteps

PULSE: Final = "worker.pulse"
READY: Final = "worker.ready"

EVERY: Final = 5.0
"""Seconds between two beats."""

STUCK_AFTER: Final = 60.0
"""Seconds that Celery's loop may stand still while it is connected: it never waits longer than for one answer of the
broker, and calls to Alegra are not its business, they wait in threads."""


class Pulse:
    """What the two files say. Without a connection to the broker the worker lives and is not ready."""

    def __init__(self, home: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._pulse = home / PULSE
        self._ready = home / READY
        self._clock = clock
        self._turned: float | None = None
        """When the loop last came by; None while there is none, because the worker is connecting."""

    def turned(self) -> None:
        """The loop came by."""
        self._turned = self._clock()

    def lost(self) -> None:
        """There is no connection, and so no loop."""
        self._turned = None
        self.takes_work(False)

    def takes_work(self, yes: bool) -> None:  # noqa: FBT001  # the whole sentence
        """Whether messages are taken."""
        # A disk that is full shows in the probe.
        with contextlib.suppress(OSError):
            self._ready.touch() if yes else self._ready.unlink(missing_ok=True)

    def beat(self) -> None:
        """Touch the file, unless the loop is stuck."""
        if self._turned is None or self._clock() - self._turned < STUCK_AFTER:
            with contextlib.suppress(OSError):
                self._pulse.touch()


def install(app: Celery, home: Path) -> Pulse:
    """Give the app's workers a pulse."""
    pulse = Pulse(home)

    class Watched(_Watched):
        def __init__(self, consumer: Any, **options: Any) -> None:
            super().__init__(consumer, **options)
            self.pulse = pulse

    app.steps["consumer"].add(Watched)
    return pulse


def keep_beating(pulse: Pulse) -> None:
    """Beat until the process ends."""
    # Left by an earlier process of the same place.
    pulse.lost()

    def beat() -> None:
        while True:
            pulse.beat()
            time.sleep(EVERY)

    threading.Thread(target=beat, name="timbre-pulse", daemon=True).start()


class _Watched(bootsteps.StartStopStep):
    """The part of a Celery consumer that its loop comes by; it starts anew with each connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)
    pulse: Pulse

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        self.pulse.turned()
        self.pulse.takes_work(True)
        self._timer = consumer.timer.call_repeatedly(EVERY, self.pulse.turned)

    def stop(self, consumer: Any) -> None:
        del consumer
        if self._timer is not None:
            self._timer.cancel()
        self.pulse.lost()
