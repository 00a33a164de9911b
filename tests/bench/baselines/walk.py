"""What a baseline did: when each document was settled, in the clock of this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bench.judge import WrongResult

BATCH: Final = 10
"""Documents a stamp call takes."""
READ: Final = 30
"""Documents a read takes."""
SETTLED: Final = "settled"
"""A list in Redis, where the usual worker notes when each document had its code."""


@dataclass(slots=True)
class Walk:
    """One baseline's way through its documents."""

    began: float = field(default_factory=time.time)
    settled: list[float] = field(default_factory=list)

    def settle(self, rows: Sequence[object]) -> None:
        """These were read, and all of them have their codes. Raises `WrongResult`."""
        for row in rows:
            if not (isinstance(row, dict) and (row.get("stamp") or {}).get("cufe")):
                raise WrongResult(f"a baseline read a document without its code: {row}")
        self.settled += [time.time()] * len(rows)

    @property
    def rate(self) -> float:
        """Documents a second, until the last was settled."""
        return len(self.settled) / (max(self.settled, default=math.inf) - self.began)


class Pace:
    """A client that knows its quota and waits for the window to turn, instead of running into a 429."""

    def __init__(self, limit: int, window: float, *, interval: float = 0.0) -> None:
        self._limit = limit
        self._seconds = window + 0.01
        """A hair longer, because two clocks never agree."""
        self._interval = interval
        """Seconds from one request to the next, at least."""
        self.patience = window / 20
        """Seconds after which a request that met a 429 all the same is tried again."""
        self._opened = self._next = -math.inf
        self._heard = True
        self.window = 0
        """Which one the last permit is of."""
        self._used = 0

    def wait(self) -> float:
        """Take the next permit; seconds until it may be used."""
        now = time.monotonic()
        at = max(now, self._next)
        if at >= self._opened + self._seconds:
            self._open(at)
        elif self._used >= self._limit:
            at = self._opened + self._seconds
            self._open(at)
        self._used += 1
        self._next = at + self._interval
        return at - now

    def heard(self, window: int) -> None:
        """An answer came to a request of this window: it has been open since now at the latest."""
        if window == self.window and not self._heard:
            self._opened, self._heard = time.monotonic(), True

    def _open(self, at: float) -> None:
        self._opened, self._used, self._heard = at, 0, False
        self.window += 1
