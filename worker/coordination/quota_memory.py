"""What this process itself heard of each user's quota: it outlives a Redis that was wiped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

_ABOUT: Final = 2.0
"""Seconds by which two answers may name different ends of the same window: whole seconds, and their own way here."""


class RateSeen(Protocol):
    """What one answer of Alegra said about the quota; None where it said nothing."""

    @property
    def limit(self) -> int | None:
        """`X-Rate-Limit-Limit`."""
        ...

    @property
    def remaining(self) -> int | None:
        """`X-Rate-Limit-Remaining`."""
        ...

    @property
    def reset(self) -> timedelta | None:
        """`X-Rate-Limit-Reset`."""
        ...

    @property
    def retry_after(self) -> timedelta | None:
        """`Retry-After`."""
        ...

    @property
    def throttled(self) -> bool:
        """The answer was a 429."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """How a user's quota stands, by what this process heard and took itself."""

    left: int = 0
    ends_in: timedelta = timedelta(0)
    """Until Alegra's window ends; nothing is known of `left` when it is zero."""
    silent_for: timedelta = timedelta(0)
    """What is left of a wait that Alegra asked for."""
    limit: int | None = None
    """What Alegra said that it allows in a window."""


@dataclass(slots=True)
class _Account:
    left: int = 0
    left_until: float = 0.0
    silent_until: float = 0.0
    limit: int | None = None


class QuotaMemory:
    """One per process, for all its threads. Times are those of this process's own clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._users: dict[str, _Account] = {}
        self._lock = threading.Lock()

    def heard(self, user: str, seen: RateSeen, age: timedelta) -> None:
        """Keep what an answer said; its request was sent `age` ago."""
        now = self._clock()
        sent = now - age.total_seconds()
        waits = [each for each in (seen.retry_after, seen.reset if seen.throttled else None) if each is not None]
        with self._lock:
            known = self._users.setdefault(user, _Account())
            if seen.limit is not None:
                known.limit = seen.limit
            if waits:
                known.silent_until = max(known.silent_until, now + max(waits).total_seconds())
            if seen.remaining is None or seen.reset is None or sent + seen.reset.total_seconds() <= now:
                return
            ends = now + seen.reset.total_seconds()
            same = known.left_until > sent and ends <= known.left_until + _ABOUT
            known.left = min(known.left, seen.remaining) if same else seen.remaining
            known.left_until = min(known.left_until, ends) if same else ends

    def took(self, user: str, permits: int) -> None:
        """This process was granted so many permits."""
        with self._lock:
            if user in self._users:
                self._users[user].left -= permits

    def of(self, user: str) -> Heard:
        """What is still true of it."""
        now = self._clock()
        with self._lock:
            known = self._users.get(user, _Account())
            return Heard(
                left=max(known.left, 0),
                ends_in=timedelta(seconds=max(known.left_until - now, 0.0)),
                silent_for=timedelta(seconds=max(known.silent_until - now, 0.0)),
                limit=known.limit,
            )
