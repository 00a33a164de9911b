"""The budget over time: whatever is asked, in whatever rhythm, no window ever holds more than the limit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.unit.coordination.stopped_clock import MICROSECOND, RedisClock, redis_by_its_own_clock
from worker.coordination.quota import Budget, RedisQuota
from worker.coordination.quota_memory import QuotaMemory
from worker.emission.ports import Purpose

WINDOW = timedelta(seconds=60)
LIMIT = 20
STAMPS = 12


@dataclass(frozen=True)
class Headers:
    limit: int | None = LIMIT
    remaining: int | None = LIMIT
    reset: timedelta | None = timedelta(0)
    retry_after: timedelta | None = None
    throttled: bool = False


def a_quota(redis: Redis, *, slack: float = 0, limit: int = LIMIT) -> RedisQuota:
    """Of a process whose clock is that of its Redis."""

    def now() -> float:
        seconds, microseconds = redis.time()
        return float(seconds) + microseconds / 1_000_000

    return RedisQuota(redis, lambda _account: Budget("user", limit, WINDOW), slack=slack, memory=QuotaMemory(now))


def known_quota(redis: Redis, *, slack: float = 0) -> RedisQuota:
    quota = a_quota(redis, slack=slack)
    quota.observe("acme", Headers())
    return quota


rhythm = st.lists(
    st.tuples(
        st.integers(0, 25_000_000),
        st.integers(0, LIMIT + 5),
        st.sampled_from(["stamp", "read"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


@given(rhythm)
@settings(max_examples=150, deadline=None)
def test_no_window_ever_holds_more_than_the_limit(rhythm: list[tuple[int, int, Purpose, int]]) -> None:
    with redis_by_its_own_clock() as (redis, clock):
        quota = known_quota(redis)
        spent: list[tuple[int, Purpose]] = []
        for pause, wanted, purpose, unused in rhythm:
            clock.microseconds += pause
            granted = quota.take("acme", wanted, purpose).granted
            used = max(granted - unused, 0)
            quota.give_back("acme", granted - used, purpose)
            spent += [(clock.microseconds, purpose)] * used
            window = [kind for moment, kind in spent if moment > clock.microseconds - WINDOW // MICROSECOND]
            assert len(window) <= LIMIT
            assert window.count("stamp") <= STAMPS


@given(rhythm, st.sampled_from(["stamp", "read"]))
@settings(max_examples=150, deadline=None)
def test_the_next_permit_comes_exactly_when_it_was_said_to(
    rhythm: list[tuple[int, int, Purpose, int]], purpose: Purpose
) -> None:
    with redis_by_its_own_clock() as (redis, clock):
        quota = known_quota(redis)
        for pause, wanted, taken_for, _ in rhythm:
            clock.microseconds += pause
            quota.take("acme", wanted, taken_for)
        refused = quota.take("acme", LIMIT + 1, purpose)
        clock.advance(refused.retry_in - MICROSECOND)
        assert quota.take("acme", 1, purpose).granted == 0
        clock.advance(MICROSECOND)
        assert quota.take("acme", 1, purpose).granted == 1


@given(rhythm, st.integers(0, LIMIT), st.integers(1, 90_000_000), st.sampled_from(["stamp", "read"]))
@settings(max_examples=100, deadline=None)
def test_the_next_permit_is_foretold_with_other_programs_around_too(
    rhythm: list[tuple[int, int, Purpose, int]], remaining: int, reset: int, purpose: Purpose
) -> None:
    with redis_by_its_own_clock() as (redis, clock):
        quota = known_quota(redis)
        for pause, wanted, taken_for, _ in rhythm:
            clock.microseconds += pause
            quota.take("acme", wanted, taken_for)
        quota.observe("acme", Headers(remaining=remaining, reset=reset * MICROSECOND))
        refused = quota.take("acme", LIMIT + 1, purpose)
        clock.advance(refused.retry_in - MICROSECOND)
        assert quota.take("acme", 1, purpose).granted == 0
        clock.advance(MICROSECOND)
        assert quota.take("acme", 1, purpose).granted == 1


def test_reads_are_never_starved_by_stamps(clock: RedisClock, redis_client: Redis) -> None:
    quota = known_quota(redis_client)
    reads = stamps = 0
    for _second in range(300):
        stamps += quota.take("acme", LIMIT, "stamp").granted
        reads += quota.take("acme", 1, "read").granted
        clock.advance(timedelta(seconds=1))
    assert stamps == 5 * STAMPS
    assert reads == 5 * (LIMIT - STAMPS)


def test_the_slack_makes_our_window_longer_than_alegras(clock: RedisClock, redis_client: Redis) -> None:
    quota = known_quota(redis_client, slack=0.01)
    quota.take("acme", LIMIT, "read")
    clock.advance(WINDOW)
    assert quota.take("acme", 1, "read").granted == 0
    clock.advance(WINDOW / 100)
    assert quota.take("acme", 1, "read").granted == 1


def test_what_others_used_is_ours_again_when_they_leave_it_a_whole_window(
    clock: RedisClock, redis_client: Redis
) -> None:
    quota = known_quota(redis_client)
    quota.observe("acme", Headers(remaining=5, reset=timedelta(seconds=30)))
    assert quota.take("acme", LIMIT, "read").granted == 5
    clock.advance(timedelta(seconds=30))
    assert quota.take("acme", LIMIT, "read").granted == 0
    clock.advance(timedelta(seconds=60))
    assert quota.take("acme", LIMIT, "read").granted == LIMIT


def test_an_answer_is_compared_with_what_had_been_taken_when_its_request_was_sent(
    clock: RedisClock, redis_client: Redis
) -> None:
    """Alegra counted one request then; the ten taken since are not others' doing, nor are they in `remaining`."""
    quota = known_quota(redis_client)
    quota.take("acme", 1, "stamp")
    clock.advance(timedelta(seconds=15))
    quota.take("acme", 10, "read")
    quota.observe("acme", Headers(remaining=14, reset=timedelta(seconds=50)), age=timedelta(seconds=15))
    assert quota.peek("acme").used_by_others == 5
    assert quota.take("acme", LIMIT, "read").granted == LIMIT - 11 - 5


def test_permits_that_left_our_window_are_not_free_while_alegra_still_counts_them(
    clock: RedisClock, redis_client: Redis
) -> None:
    """They were used long after they were taken, and Alegra's window is younger than ours."""
    quota = known_quota(redis_client)
    quota.take("acme", LIMIT, "read")
    clock.advance(timedelta(seconds=59))
    quota.observe("acme", Headers(remaining=3, reset=timedelta(seconds=10)))
    clock.advance(timedelta(seconds=2))
    assert quota.take("acme", LIMIT, "read").granted == 3
    clock.advance(timedelta(seconds=8))
    assert quota.take("acme", LIMIT, "read").granted == LIMIT - 3


def test_permits_of_the_window_before_count_for_an_answer_from_then(clock: RedisClock, redis_client: Redis) -> None:
    """Ten of ours had been counted when the request was sent, and have left our window since."""
    quota = known_quota(redis_client)
    quota.take("acme", 10, "read")
    clock.advance(timedelta(seconds=70))
    quota.take("acme", 1, "read")
    quota.observe("acme", Headers(remaining=10, reset=timedelta(seconds=40)), age=timedelta(seconds=20))
    assert quota.peek("acme").used_by_others == 0


def test_an_answer_older_than_its_window_does_not_hide_what_a_newer_one_showed(
    clock: RedisClock, redis_client: Redis
) -> None:
    quota = known_quota(redis_client)
    clock.advance(timedelta(seconds=30))
    quota.observe("acme", Headers(remaining=15, reset=timedelta(seconds=50)))
    quota.observe("acme", Headers(remaining=0, reset=timedelta(seconds=10)), age=timedelta(seconds=20))
    assert quota.peek("acme").used_by_others == 5


def test_nothing_is_granted_before_a_wait_has_passed_in_full(clock: RedisClock, redis_client: Redis) -> None:
    quota = known_quota(redis_client)
    quota.observe("acme", Headers(throttled=True, retry_after=timedelta(hours=3)))
    clock.advance(timedelta(hours=3) - MICROSECOND)
    assert quota.take("acme", 1, "read").granted == 0
    clock.advance(MICROSECOND)
    assert quota.take("acme", 1, "read").granted == 1


def test_a_whole_window_without_a_wipe_ends_the_slow_start_too(clock: RedisClock, redis_client: Redis) -> None:
    """Alegra might stop sending its headers."""
    quota = a_quota(redis_client)
    assert quota.take("acme", LIMIT, "read").granted == 1
    clock.advance(WINDOW)
    assert quota.take("acme", LIMIT, "read").granted == LIMIT


def test_the_room_left_after_a_wipe_is_of_what_alegra_allows_and_not_of_what_somebody_hoped_for(
    clock: RedisClock, redis_client: Redis
) -> None:
    quota = a_quota(redis_client, limit=100_000)
    quota.observe("acme", Headers(limit=LIMIT, remaining=15, reset=WINDOW / 2))
    redis_client.flushall()
    assert quota.take("acme", LIMIT, "read").granted == 1
    quota.observe("acme", Headers(limit=LIMIT, remaining=12, reset=WINDOW / 2))
    assert quota.take("acme", LIMIT, "read").granted == 12 - LIMIT // 10


def test_a_quiet_hour_is_no_slow_start(clock: RedisClock, redis_client: Redis) -> None:
    quota = known_quota(redis_client)
    clock.advance(timedelta(hours=20))
    assert quota.take("acme", LIMIT, "read").granted == LIMIT


@pytest.mark.parametrize("step", [timedelta(seconds=5), timedelta(hours=1)])
def test_a_clock_set_back_neither_overspends_nor_stalls(
    clock: RedisClock, redis_client: Redis, step: timedelta
) -> None:
    """A small step is waited out; a large one is a Redis of which nothing is known: a slow start."""
    quota = known_quota(redis_client)
    quota.take("acme", LIMIT, "read")
    clock.advance(-step)
    assert quota.take("acme", LIMIT, "read").granted <= 2
    clock.advance(WINDOW + timedelta(seconds=5))
    assert quota.take("acme", LIMIT, "read").granted == LIMIT
