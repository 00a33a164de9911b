"""Redis in memory, by a clock that stands until a test moves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.unit.coordination.stopped_clock import RedisClock, redis_by_its_own_clock


@pytest.fixture
def redis_and_clock() -> Iterator[tuple[Redis, RedisClock]]:
    with redis_by_its_own_clock() as both:
        yield both


@pytest.fixture
def redis_client(redis_and_clock: tuple[Redis, RedisClock]) -> Redis:
    return redis_and_clock[0]


@pytest.fixture
def clock(redis_and_clock: tuple[Redis, RedisClock]) -> RedisClock:
    return redis_and_clock[1]
