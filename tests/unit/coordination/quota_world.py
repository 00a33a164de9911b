"""A user's quota in motion: workers that take permits and call, another program, and the sandbox's own limiter."""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from redis import Redis

from tests.unit.coordination.stopped_clock import RedisClock
from worker.coordination.quota import Budget, RedisQuota
from worker.coordination.quota_memory import QuotaMemory
from worker.emission.ports import Purpose
from worker.sandbox.quota import Quota

LIMIT: Final = 150
WINDOW: Final = 60.0
IN_FLIGHT: Final = 8
"""Stamp calls at once, as dispatch allows them."""


@dataclass(frozen=True, slots=True)
class Headers:
    """What one answer says."""

    limit: int | None
    remaining: int | None
    reset: timedelta | None
    retry_after: timedelta | None
    throttled: bool


class Limiter(Protocol):
    """How Alegra counts, which its documentation does not say."""

    def take(self, now: float) -> bool:
        """Spend one request; False is a 429."""
        ...

    def headers(self, now: float) -> dict[str, str]:
        """`X-Rate-Limit-*`."""
        ...


class Bucket:
    """A limiter that fills by and by, and names the time until it is full."""

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._rate = limit / window
        self._tokens = float(limit)
        self._at = 0.0

    def take(self, now: float) -> bool:
        self._fill(now)
        passes = self._tokens >= 1
        self._tokens -= passes
        return passes

    def headers(self, now: float) -> dict[str, str]:
        self._fill(now)
        return {
            "X-Rate-Limit-Limit": str(self._limit),
            "X-Rate-Limit-Remaining": str(int(self._tokens)),
            "X-Rate-Limit-Reset": str(math.ceil((self._limit - self._tokens) / self._rate)),
        }

    def _fill(self, now: float) -> None:
        self._tokens = min(self._tokens + (now - self._at) * self._rate, self._limit)
        self._at = now


class QuotaWorld:
    """Seconds pass from event to event: permits are used a moment after they are taken, answers come seconds later.

    The workers always have more to do than they may; the other program asks at random, as often as it is told.
    """

    def __init__(
        self,
        redis: Redis,
        clock: RedisClock,
        *,
        seed: int = 1,
        limiter: Callable[[int, float], Limiter] = Quota,
        others_per_second: float = 0,
    ) -> None:
        self._redis = redis
        self._clock = clock
        self._chance = random.Random(seed)
        self._others_per_second = others_per_second
        self._server = limiter(LIMIT, WINDOW)
        budget = Budget("user", LIMIT, timedelta(seconds=WINDOW))
        self._processes = [RedisQuota(redis, lambda _: budget, memory=QuotaMemory(clock.time)) for _ in range(2)]
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self._woken_at: float | None = None
        self._in_flight = 0
        self.granted: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        """Requests that the server let through, by who made them."""
        self.refused: Counter[str] = Counter()
        """Requests that got a 429."""
        self._at(0, self._round)
        if others_per_second:
            self._at(1, self._another_program)

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self._clock.time() + seconds
        while self._events[0][0] <= end:
            moment, _, event = heapq.heappop(self._events)
            self._clock.microseconds = max(self._clock.microseconds, round(moment * 1_000_000))
            event()
        self._clock.microseconds = round(end * 1_000_000)

    def wipe(self) -> None:
        """Redis forgets everything."""
        self._redis.flushall()

    def _at(self, delay: float, event: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._events, (self._clock.time() + delay, self._number, event))

    def _round(self) -> None:
        """As dispatch does it: reads in their proportion to stamps, stamps as many as may be in flight."""
        quota = self._chance.choice(self._processes)
        waits = []
        reads_owed = round(self.granted["stamp"] * 2 / 3) + 6 - self.granted["read"]
        for purpose, wanted in (("read", reads_owed), ("stamp", IN_FLIGHT - self._in_flight)):
            if wanted > 0:
                waits += self._take(quota, purpose, wanted)  # type: ignore[arg-type]
        if waits and (self._woken_at is None or self._clock.time() + min(waits) < self._woken_at):
            self._woken_at = self._clock.time() + min(waits)
            self._at(min(waits), self._wake)

    def _wake(self) -> None:
        self._woken_at = None
        self._round()

    def _take(self, quota: RedisQuota, purpose: Purpose, wanted: int) -> list[float]:
        grant = quota.take("acme", wanted, purpose)
        self.granted[purpose] += grant.granted
        self._in_flight += grant.granted if purpose == "stamp" else 0
        for _ in range(grant.granted):
            self._at(self._chance.uniform(0.02, 0.3), lambda: self._arrive(purpose))
        return [grant.retry_in.total_seconds()] if grant.granted < wanted else []

    def _arrive(self, purpose: Purpose) -> None:
        sent = self._clock.time()
        passes = self._ask_server(purpose)
        shown = {name: int(value) for name, value in self._server.headers(sent).items()}
        reset = timedelta(seconds=shown["X-Rate-Limit-Reset"])
        headers = Headers(
            LIMIT, shown["X-Rate-Limit-Remaining"], reset, retry_after=None if passes else reset, throttled=not passes
        )
        lasts = self._chance.uniform(2, 8) if passes and purpose == "stamp" else self._chance.uniform(0.2, 0.6)
        self._at(lasts, lambda: self._answer(purpose, headers, sent))

    def _answer(self, purpose: Purpose, headers: Headers, sent: float) -> None:
        self._in_flight -= purpose == "stamp"
        quota = self._chance.choice(self._processes)
        quota.observe("acme", headers, age=timedelta(seconds=self._clock.time() - sent))
        self._round()

    def _another_program(self) -> None:
        self._ask_server("other")
        self._at(self._chance.expovariate(self._others_per_second), self._another_program)

    def _ask_server(self, who: str) -> bool:
        passes = self._server.take(self._clock.time())
        (self.passed if passes else self.refused)[who] += 1
        return passes
