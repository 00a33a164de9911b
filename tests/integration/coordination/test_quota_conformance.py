"""The budget on the fake and on a real server: the limit, the share of the reads, and what Alegra's headers teach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from redis import Redis

from worker.coordination.quota import Budget, RedisQuota, alegra_user
from worker.emission.ports import Grant

MINUTE = timedelta(minutes=1)
USER = alegra_user("ana@acme.co", "https://api.alegra.com/api/v1")


@dataclass(frozen=True)
class Headers:
    """As the Alegra client reports them."""

    limit: int | None = 150
    remaining: int | None = None
    reset: timedelta | None = None
    retry_after: timedelta | None = None
    throttled: bool = False


CALM = Headers(remaining=150, reset=timedelta(seconds=1))


@pytest.fixture
def quota(redis_client: Redis) -> RedisQuota:
    """A budget that is known: one answer has been seen."""
    budgets = {"acme": Budget(USER), "acme-shop": Budget(USER), "bolt": Budget("bolt", limit=10)}
    quota = RedisQuota(redis_client, budgets.__getitem__)
    for account in ("acme", "bolt"):
        quota.peek(account)
        quota.take(account, 0, "read")
        quota.observe(account, CALM)
    return quota


def test_permits_are_granted_up_to_the_limit(quota: RedisQuota) -> None:
    assert quota.take("acme", 100, "read") == Grant(100)
    assert quota.take("acme", 100, "read").granted == 50
    assert quota.take("acme", 1, "read").granted == 0


def test_stamps_leave_the_reads_their_share(quota: RedisQuota) -> None:
    assert quota.take("acme", 200, "stamp").granted == 90
    assert quota.take("acme", 200, "read").granted == 60


def test_reads_may_use_all_that_is_left(quota: RedisQuota) -> None:
    assert quota.take("acme", 140, "read").granted == 140
    assert quota.take("acme", 90, "stamp").granted == 10


def test_whoever_gets_less_than_wanted_learns_when_the_next_permit_comes(quota: RedisQuota) -> None:
    grant = quota.take("acme", 200, "read")
    assert timedelta(seconds=59) < grant.retry_in <= timedelta(seconds=60.6)


def test_accounts_of_one_user_share_one_budget_and_others_have_their_own(quota: RedisQuota) -> None:
    assert quota.take("acme", 150, "read").granted == 150
    assert quota.take("acme-shop", 1, "read").granted == 0
    assert quota.take("bolt", 20, "read").granted == 10


def test_permits_given_back_can_be_taken_again(quota: RedisQuota) -> None:
    quota.take("acme", 150, "read")
    quota.give_back("acme", 7, "read")
    assert quota.take("acme", 20, "read").granted == 7


def test_giving_back_more_than_was_taken_makes_no_permits(quota: RedisQuota) -> None:
    quota.take("acme", 3, "stamp")
    quota.give_back("acme", 10, "stamp")
    quota.give_back("acme", 10, "read")
    assert quota.take("acme", 200, "read").granted == 150


def test_what_other_programs_use_is_left_to_them_until_the_window_resets(quota: RedisQuota) -> None:
    quota.take("acme", 10, "read")
    quota.observe("acme", Headers(remaining=20, reset=timedelta(seconds=30)))
    grant = quota.take("acme", 150, "read")
    assert grant.granted == 20
    assert quota.peek("acme").used_by_others == 120


def test_what_other_programs_used_is_left_to_them_once_more_in_the_next_window(quota: RedisQuota) -> None:
    """They are expected again: the next permit comes when our own leave our window, not when Alegra's ends."""
    quota.take("acme", 10, "read")
    quota.observe("acme", Headers(remaining=20, reset=timedelta(seconds=30)))
    assert timedelta(seconds=59) < quota.take("acme", 150, "read").retry_in <= timedelta(seconds=60.6)


def test_a_later_answer_does_not_hide_what_an_earlier_one_showed(quota: RedisQuota) -> None:
    """Requests of ours still on the way make `remaining` look larger than it will be."""
    quota.observe("acme", Headers(remaining=50, reset=timedelta(seconds=30)))
    quota.take("acme", 50, "read")
    quota.observe("acme", Headers(remaining=49, reset=timedelta(seconds=29)))
    assert quota.take("acme", 10, "read").granted == 0


def test_an_answer_older_than_its_own_window_says_nothing(quota: RedisQuota) -> None:
    """A stamp call may last longer than the window its headers speak of."""
    quota.observe("acme", Headers(remaining=0, reset=timedelta(seconds=10)), age=timedelta(seconds=15))
    assert quota.take("acme", 150, "read").granted == 150


def test_a_late_answer_does_not_give_back_what_a_newer_one_showed_as_spent(quota: RedisQuota) -> None:
    """A stamp call that lasted ten seconds tells how things stood ten seconds ago."""
    quota.observe("acme", Headers(remaining=20, reset=timedelta(seconds=30)))
    quota.observe("acme", Headers(remaining=140, reset=timedelta(seconds=40)), age=timedelta(seconds=10))
    assert quota.take("acme", 150, "read").granted == 20


def test_the_last_requests_of_a_window_are_kept_for_reads(quota: RedisQuota) -> None:
    quota.observe("acme", Headers(remaining=10, reset=timedelta(seconds=30)))
    assert quota.take("acme", 150, "stamp").granted == 6
    assert quota.take("acme", 150, "stamp").granted == 0
    assert quota.take("acme", 150, "read").granted == 4


def test_a_lower_limit_in_the_headers_counts(quota: RedisQuota) -> None:
    quota.observe("acme", Headers(limit=60, remaining=60, reset=timedelta(seconds=1)))
    assert quota.take("acme", 150, "read").granted == 60


def test_a_higher_limit_in_the_headers_does_not_raise_what_was_configured(quota: RedisQuota) -> None:
    quota.observe("bolt", Headers(limit=150, remaining=150, reset=timedelta(seconds=1)))
    assert quota.take("bolt", 150, "read").granted == 10


def test_retry_after_is_obeyed_in_full(quota: RedisQuota) -> None:
    quota.observe("acme", Headers(throttled=True, retry_after=timedelta(minutes=5), reset=timedelta(seconds=3)))
    grant = quota.take("acme", 1, "read")
    assert grant.granted == 0
    assert timedelta(minutes=4.9) < grant.retry_in <= timedelta(minutes=5)
    assert quota.peek("acme").blocked_for > timedelta(minutes=4.9)


def test_a_shorter_wait_does_not_undo_a_longer_one(quota: RedisQuota) -> None:
    quota.observe("acme", Headers(throttled=True, retry_after=timedelta(minutes=5)))
    quota.observe("acme", Headers(throttled=True, retry_after=timedelta(seconds=1)))
    assert quota.peek("acme").blocked_for > timedelta(minutes=4)


def test_a_429_without_retry_after_waits_for_the_reset(quota: RedisQuota) -> None:
    quota.observe("acme", Headers(throttled=True, reset=timedelta(seconds=20)))
    assert timedelta(seconds=19) < quota.take("acme", 1, "read").retry_in <= timedelta(seconds=20)


def test_a_429_without_any_header_waits_for_a_whole_window(quota: RedisQuota) -> None:
    quota.observe("acme", Headers(limit=None, throttled=True))
    assert timedelta(seconds=59) < quota.take("acme", 1, "read").retry_in <= timedelta(seconds=60.6)


def test_one_users_429_slows_no_other(quota: RedisQuota) -> None:
    quota.observe("acme", Headers(throttled=True, retry_after=timedelta(minutes=5)))
    assert quota.take("bolt", 5, "read").granted == 5


def a_new_process(redis_client: Redis) -> RedisQuota:
    """One that has heard nothing of Alegra yet."""
    return RedisQuota(redis_client, lambda _account: Budget(USER))


def test_a_wiped_redis_is_asked_about_by_one_request_until_its_header_has_been_seen(
    quota: RedisQuota, redis_client: Redis
) -> None:
    """More than one could be too many already."""
    quota.take("acme", 150, "read")
    redis_client.flushall()
    quota = a_new_process(redis_client)
    first = quota.take("acme", 150, "read")
    assert (first.granted, first.retry_in <= timedelta(seconds=2)) == (1, True)
    assert quota.take("acme", 150, "stamp").granted == 0
    quota.observe("acme", Headers(remaining=3, reset=timedelta(seconds=40)))
    assert quota.take("acme", 150, "read").granted == 3


def test_a_process_that_heard_alegra_itself_falls_back_to_that_when_redis_is_wiped(
    quota: RedisQuota, redis_client: Redis
) -> None:
    quota.observe("acme", Headers(remaining=40, reset=timedelta(seconds=30)))
    quota.take("acme", 40, "read")
    redis_client.flushall()
    grant = quota.take("acme", 1, "read")
    assert grant.granted == 0
    assert timedelta(seconds=28) < grant.retry_in <= timedelta(seconds=30)


def test_after_a_wipe_room_is_left_for_requests_that_were_on_their_way(quota: RedisQuota, redis_client: Redis) -> None:
    quota.observe("acme", Headers(remaining=100, reset=timedelta(seconds=30)))
    redis_client.flushall()
    assert quota.take("acme", 150, "read").granted == 1
    quota.observe("acme", Headers(remaining=90, reset=timedelta(seconds=29)))
    assert quota.take("acme", 150, "read").granted < 80


def test_a_wait_that_alegra_asked_for_survives_a_wipe(quota: RedisQuota, redis_client: Redis) -> None:
    quota.observe("acme", Headers(throttled=True, retry_after=timedelta(minutes=5)))
    redis_client.flushall()
    grant = quota.take("acme", 1, "read")
    assert (grant.granted, grant.retry_in > timedelta(minutes=4.9)) == (0, True)


def test_an_answer_to_a_request_from_before_the_wipe_ends_no_slow_start(quota: RedisQuota, redis_client: Redis) -> None:
    redis_client.flushall()
    quota.take("acme", 1, "read")
    quota.observe("acme", CALM, age=timedelta(seconds=20))
    assert quota.peek("acme").learning
    assert quota.take("acme", 150, "read").granted == 0


def test_the_doctor_sees_the_budget_without_spending_it(quota: RedisQuota) -> None:
    quota.take("acme", 30, "stamp")
    seen = quota.peek("acme")
    assert (seen.limit, seen.remaining, seen.remaining_for_stamps) == (150, 120, 60)
    assert (seen.used_by_others, seen.blocked_for, seen.learning) == (0, timedelta(0), False)
    assert timedelta(seconds=59) < seen.resets_in <= timedelta(seconds=60.6)
    assert quota.peek("acme") == seen or quota.peek("acme").remaining == 120


def test_the_email_address_is_nowhere_in_redis(quota: RedisQuota, redis_client: Redis) -> None:
    quota.take("acme", 5, "stamp")
    assert all(b"ana" not in key and b"acme" not in key for key in redis_client.scan_iter())
    assert alegra_user("Ana@acme.co ", "https://api.alegra.com/api/v1/") == USER
    assert alegra_user("ana@acme.co", "https://sandbox.alegra.com/api/v1") != USER
