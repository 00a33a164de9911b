"""The sandbox's own time: it runs like the wall's, and can be pushed ahead so that tomorrow comes now."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Callable
from itertools import count


class Clock:
    """Seconds since the epoch, plus whatever it was advanced by; what is due is done in order of its due time."""

    def __init__(self) -> None:
        # Anchored to the monotonic clock: the machine's clock may be set back, the sandbox's never is.
        self._anchor = time.time() - time.monotonic()
        self.offset = 0.0
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake: asyncio.TimerHandle | None = None

    def now(self) -> float:
        """This instant, in seconds since the epoch."""
        return self._anchor + time.monotonic() + self.offset

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let this loop wake the clock when something falls due."""
        self._loop = loop
        self._schedule()

    def detach(self) -> None:
        """The loop ends: nothing more falls due by itself."""
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self._loop = None

    def call_at(self, due: float, action: Callable[[], None]) -> None:
        """Do `action` once this clock shows `due`."""
        heapq.heappush(self._timers, (due, next(self._order), action))
        if self._timers[0][0] == due:
            self._schedule()

    async def sleep(self, seconds: float) -> None:
        """Wait until this clock has moved by `seconds`, by itself or because it was advanced."""
        if seconds <= 0:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call_at(self.now() + seconds, lambda: None if woken.done() else woken.set_result(None))
        await woken

    async def advance(self, seconds: float) -> float:
        """Push time ahead, let everything that fell due happen at its own time, and return the new time."""
        left = seconds
        idle = 0
        # From due time to due time: a sleeper woken on the way may sleep again and be due again before the end.
        while left > 0 or idle < 5:
            due = self._timers[0][0] - self.now() if self._timers else left
            step = min(left, max(0.0, due))
            self.offset += step
            left -= step
            idle = 0 if self.run_due() or step else idle + 1
            await asyncio.sleep(0)
        return self.now()

    def run_due(self) -> int:
        """Do what is due, oldest first; returns how many things that were."""
        done = 0
        while self._timers and self._timers[0][0] <= self.now():
            _, _, action = heapq.heappop(self._timers)
            action()
            done += 1
        self._schedule()
        return done

    def forget(self) -> None:
        """Drop everything that has not fallen due yet."""
        self._timers.clear()
        self._schedule()

    def _schedule(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self._loop is not None and self._timers:
            # Rounded up a little: a loop that wakes a hair early would spin.
            delay = max(0.0, self._timers[0][0] - self.now()) + 0.001
            self._wake = self._loop.call_later(delay, self.run_due)
