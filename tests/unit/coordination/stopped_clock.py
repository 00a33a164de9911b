"""Redis in memory, by a clock that stands until a test moves it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import fakeredis
import pytest
from redis import Redis

MICROSECOND = timedelta(microseconds=1)


@dataclass
class RedisClock:
    """Stands in for module `time` where fakeredis reads it. Whole microseconds, and few, so that floats are exact."""

    microseconds: int = 1_000_000_000_000

    def time(self) -> float:
        return self.microseconds / 1_000_000

    def advance(self, by: timedelta) -> None:
        self.microseconds += by // MICROSECOND

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)


@contextmanager
def redis_by_its_own_clock() -> Iterator[tuple[Redis, RedisClock]]:
    """An empty Redis; for Hypothesis, which wants a new one for every example."""
    clock = RedisClock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fakeredis.commands_mixins.server_mixin.time", clock)
        patch.setattr("fakeredis._socket._base.time", clock)
        with fakeredis.FakeRedis(server=fakeredis.FakeServer()) as fake:
            yield fake, clock
