"""The debounce on the fake and on a real server: many nudges, one message, and no wake-up lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from redis import Redis

from worker.coordination.nudges import Debounce

NOW, SOON, LATER = timedelta(0), timedelta(seconds=20), timedelta(seconds=60)


@pytest.fixture
def debounce(redis_client: Redis) -> Debounce:
    return Debounce(redis_client)


def test_many_nudges_become_one_message(debounce: Debounce) -> None:
    assert [debounce.claim("acme", NOW) for _ in range(100)].count(True) == 1


def test_a_nudge_due_no_earlier_than_the_pending_one_is_swallowed(debounce: Debounce) -> None:
    assert debounce.claim("acme", SOON)
    assert not debounce.claim("acme", SOON)
    assert not debounce.claim("acme", LATER)


def test_a_nudge_due_earlier_gets_its_own_message(debounce: Debounce) -> None:
    assert debounce.claim("acme", LATER)
    assert debounce.claim("acme", SOON)
    assert debounce.claim("acme", NOW)


def test_accounts_do_not_silence_each_other(debounce: Debounce) -> None:
    assert debounce.claim("acme", NOW)
    assert debounce.claim("bolt", NOW)


def test_a_nudge_while_a_round_runs_leads_to_another_round(debounce: Debounce) -> None:
    assert debounce.claim("acme", NOW)
    debounce.begin("acme")
    assert debounce.claim("acme", NOW)


def test_a_later_message_still_on_its_way_swallows_what_is_due_after_it(debounce: Debounce) -> None:
    """Otherwise every urgent nudge would leave one more chain of delayed rounds behind."""
    assert debounce.claim("acme", SOON)
    for _ in range(5):
        assert debounce.claim("acme", NOW)
        debounce.begin("acme")
        assert not debounce.claim("acme", LATER)


def test_chains_that_meet_become_one(debounce: Debounce) -> None:
    """Two messages due at almost the same time: the round of the second finds the next wake-up already announced."""
    assert debounce.claim("acme", timedelta(milliseconds=500))
    assert debounce.claim("acme", timedelta(milliseconds=400))
    debounce.begin("acme")
    assert debounce.claim("acme", LATER)
    debounce.begin("acme")
    assert not debounce.claim("acme", LATER)


def test_nothing_stays_behind_in_redis_for_ever(debounce: Debounce, redis_client: Redis) -> None:
    debounce.claim("acme", SOON)
    debounce.claim("acme", NOW)
    assert 20_000 < redis_client.pttl("timbre:{acme}:nudges") <= 23_000


def test_a_wiped_redis_costs_a_message_and_no_wake_up(debounce: Debounce, redis_client: Redis) -> None:
    assert debounce.claim("acme", SOON)
    redis_client.flushall()
    assert debounce.claim("acme", SOON)
