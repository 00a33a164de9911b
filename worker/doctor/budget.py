"""The doctor's own requests: paid from the account's budget like everybody's, or by nobody when there is no Redis."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from worker.accounts import AccountsDirectory, budget_for
from worker.alegra.rates import RateSeen
from worker.coordination.connection import connect
from worker.coordination.quota import RedisQuota
from worker.emission.ports import CoordinationDown, Grant, Purpose
from worker.settings import Settings, WrongSettings

PATIENCE: Final = 5.0
"""Seconds a person waits for a permit at most; at full speed the next read's comes within one."""


class DoctorsBudget:
    """Implements `worker.alegra.rates.BudgetKeeper`, and gives the permits."""

    def __init__(self, quota: RedisQuota | None) -> None:
        self._quota = quota
        self._until = time.monotonic() + PATIENCE
        self.seen: dict[str, RateSeen] = {}
        """What the last answer said, by account."""

    def permit(self, account: str) -> Grant:
        """For one read. Without Redis nobody can be asked, and two requests more are the lesser evil."""
        try:
            while self._quota is not None:
                grant = self._quota.take(account, 1, "read")
                if grant.granted or time.monotonic() + grant.retry_in.total_seconds() > self._until:
                    return grant
                time.sleep(max(grant.retry_in.total_seconds(), 0.01))
        except CoordinationDown:
            self._quota = None
        return Grant(1)

    def observe(self, account: str, seen: RateSeen, /, *, age: timedelta) -> None:
        self.seen[account] = seen
        if self._quota is not None:
            self._quota.observe(account, seen, age=age)

    def give_back(self, account: str, unused: int, purpose: Purpose, /) -> None:
        if self._quota is not None:
            self._quota.give_back(account, unused, purpose)


@contextmanager
def spending(settings: Settings, accounts: AccountsDirectory) -> Iterator[DoctorsBudget]:
    """The budget of these accounts."""
    try:
        redis = connect(settings.redis)
    except WrongSettings:
        yield DoctorsBudget(None)
        return
    try:
        yield DoctorsBudget(RedisQuota(redis, lambda name: budget_for(settings, accounts[name])))
    finally:
        redis.close()
