"""Dying on purpose: kill this process, as `kill -9` would, when it reaches a named point. For the crash matrix."""

from __future__ import annotations

import itertools
import os
import signal

from worker.emission.points import Point, watch


def die_at(place: str) -> None:
    """`stamp.claimed`, or `stamp.claimed:3` for the third time the point is reached. Raises `ValueError`."""
    name, _, nth = place.partition(":")
    doomed, count = Point(name), int(nth or 1)
    times = itertools.count(1)

    def watcher(point: Point) -> None:
        # next() on a count is one step of the interpreter: threads cannot both be the nth.
        if point is doomed and next(times) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    watch(watcher)
