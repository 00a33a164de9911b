"""`celery -A tests.support.freezing worker`: Timbre's worker, frozen as SIGSTOP does when it reaches a named point.

`FREEZE_AT` names it as `TIMBRE_CRASH_AT` does: `stamp.claimed`, or `read.answered:2` for the second time.
"""

from __future__ import annotations

import itertools
import os
import signal
import threading
from typing import Any

from celery.signals import worker_init

from worker.app import app
from worker.emission.points import Point, watch

__all__ = ["app"]


@worker_init.connect
def _freeze_where_told(**_: Any) -> None:
    name, _colon, nth = os.environ["FREEZE_AT"].partition(":")
    wanted, count, times = Point(name), int(nth or 1), itertools.count(1)

    def watcher(point: Point) -> None:
        if point is wanted and next(times) == count:
            # To this thread: of a process, another thread may take it up, and this one would go on until it does.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    watch(watcher)
