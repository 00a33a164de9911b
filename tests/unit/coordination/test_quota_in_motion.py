"""Minutes at full speed against a limiter that counts every 429: alone, beside another program, with Redis wiped."""

from __future__ import annotations

import pytest
from redis import Redis

from tests.unit.coordination.quota_world import LIMIT, Bucket, QuotaWorld
from tests.unit.coordination.stopped_clock import RedisClock
from worker.sandbox.quota import Quota


@pytest.mark.parametrize("limiter", [Quota, Bucket])
def test_a_user_of_our_own_is_spent_to_the_full_without_a_429(
    clock: RedisClock, redis_client: Redis, limiter: type[Quota | Bucket]
) -> None:
    world = QuotaWorld(redis_client, clock, limiter=limiter)
    world.run(120)
    assert world.refused.total() == 0
    assert world.passed.total() >= 0.97 * LIMIT * 2
    assert world.passed["stamp"] >= 0.57 * LIMIT * 2


def test_another_program_of_the_same_user_is_left_its_share_without_a_429(
    clock: RedisClock, redis_client: Redis
) -> None:
    world = QuotaWorld(redis_client, clock, others_per_second=0.5)
    world.run(60)  # the first window shows that there is another
    world.refused.clear()
    world.passed.clear()
    world.run(120)
    assert world.refused["stamp"] + world.refused["read"] == 0
    assert world.refused["other"] <= 0.25 * world.passed["other"]
    assert world.passed.total() >= 0.93 * LIMIT * 2


@pytest.mark.parametrize("others", [0, 0.5])
def test_redis_wiped_again_and_again_makes_no_429(clock: RedisClock, redis_client: Redis, others: float) -> None:
    world = QuotaWorld(redis_client, clock, others_per_second=others)
    world.run(60)
    world.refused.clear()
    for seconds in (20, 37, 15, 33):
        world.wipe()
        world.run(seconds)
    assert world.refused["stamp"] + world.refused["read"] == 0
    assert world.passed["stamp"] >= 0.35 * LIMIT * 165 / 60
