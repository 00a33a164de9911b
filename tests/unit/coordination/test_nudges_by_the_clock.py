"""The debounce over time: messages may be late, lost or doubled, and no wake-up is."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from tests.unit.coordination.stopped_clock import RedisClock, redis_by_its_own_clock
from worker.coordination.nudges import EARLY, GRACE, Debounce

NOW = timedelta(0)
MILLISECOND = timedelta(milliseconds=1)


def test_a_lost_message_silences_an_account_for_its_delay_and_the_grace(clock: RedisClock, redis_client: Redis) -> None:
    debounce = Debounce(redis_client)
    delay = timedelta(seconds=20)
    assert debounce.claim("acme", delay)
    clock.advance(delay + GRACE - MILLISECOND)
    assert not debounce.claim("acme", NOW)
    clock.advance(MILLISECOND)
    assert debounce.claim("acme", NOW)


def test_a_message_that_arrives_a_little_early_is_known_as_the_pending_one(
    clock: RedisClock, redis_client: Redis
) -> None:
    """Countdowns run by the workers' clocks, the debounce by Redis'."""
    debounce = Debounce(redis_client)
    assert debounce.claim("acme", timedelta(seconds=20))
    clock.advance(timedelta(seconds=20) - EARLY)
    debounce.begin("acme")
    assert debounce.claim("acme", timedelta(seconds=20))


steps = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 8000)), min_size=1, max_size=40)


@given(steps)
@settings(max_examples=150, deadline=None)
def test_every_nudge_is_followed_by_a_round_when_it_was_due(steps: list[tuple[int, int]]) -> None:
    """Messages arrive when they are due; each nudge must see one begin between itself and its own due time."""
    with redis_by_its_own_clock() as (redis, clock):
        debounce = Debounce(redis)
        now = 0
        messages: list[int] = []
        rounds: list[int] = []
        wanted: list[tuple[int, int]] = []

        def deliver(until: int) -> None:
            nonlocal now
            while messages and min(messages) <= until:
                arrives = min(messages)
                messages.remove(arrives)
                clock.advance((arrives - now) * MILLISECOND)
                now = arrives
                debounce.begin("acme")
                rounds.append(now)
            clock.advance((until - now) * MILLISECOND)
            now = until

        for pause, delay in steps:
            deliver(now + pause)
            wanted.append((now, now + delay))
            if debounce.claim("acme", delay * MILLISECOND):
                messages.append(now + delay)
        sent = len(messages) + len(rounds)
        deliver(now + 20_000)
        assert all(any(asked <= begun <= due for begun in rounds) for asked, due in wanted)
        assert sent <= len(steps)
