"""Quota: one budget of requests per Alegra user, over all accounts, workers and machines (rule 9).

Alegra counts per user, not per account or address (alegra-api.md §1), so the budget is keyed by a digest of e-mail
and base URL. It is a sliding log: never more than the limit in *any* window, however Alegra cuts its own. And never
more than Alegra's headers say is left of its window: other programs may spend the same user's requests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from redis import Redis

from worker.coordination.connection import asking_redis
from worker.coordination.quota_memory import QuotaMemory, RateSeen
from worker.coordination.quota_scripts import GIVE_BACK, OBSERVE, PEEK, TAKE
from worker.emission.ports import Grant, Purpose

REQUESTS_PER_MINUTE: Final = 150
WINDOW: Final = timedelta(seconds=60)

READ_SHARE: Final = 0.4
"""What stamps leave to reads: ten documents cost one stamp and two thirds of a read, so stamps at 60 % and reads at
40 % is the steady state at full speed (design.md §6)."""

SLACK: Final = 0.01
"""By how much our window is longer than Alegra's. A permit is counted when it is taken and by Alegra when the request
arrives; without the slack two requests 60 s apart here could be 59.9 s apart there."""

UNKNOWN: Final = 0.1
"""Share of the limit kept back until the window ends in which a wiped Redis learned how things stand: requests whose
permits it forgot may still be on their way."""

_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Budget:
    """One Alegra user and what it may spend."""

    user: str
    """`alegra_user(…)`: a digest, for the e-mail address is nobody's business in Redis."""
    limit: int = REQUESTS_PER_MINUTE
    """Requests per window; what Alegra's headers name counts when it is lower."""
    window: timedelta = WINDOW
    read_share: float = READ_SHARE

    @property
    def requests_per_second(self) -> float:
        """In the long run, when nobody else uses this user."""
        return self.limit / (self.window.total_seconds() * (1 + SLACK))

    @property
    def stamps_per_second(self) -> float:
        """Of these, stamp calls at most."""
        return self.requests_per_second * (1 - self.read_share)


@dataclass(frozen=True, slots=True)
class BudgetSeen:
    """A budget at this moment, for `timbre doctor`."""

    limit: int
    remaining: int
    remaining_for_stamps: int
    used_by_others: int
    """Requests that Alegra counted in its window and we did not make: at least so many."""
    resets_in: timedelta
    """When the whole limit is free again if nobody asks for more."""
    blocked_for: timedelta
    """What is left of a wait that Alegra asked for."""
    learning: bool
    """Redis was wiped (or never used) and no header has been seen since: one request at a time finds out."""


def alegra_user(email: str, base_url: str) -> str:
    """The digest that names a user in Redis."""
    return hashlib.sha256(f"{email.strip().lower()}\n{base_url.rstrip('/')}".encode()).hexdigest()[:32]


class RedisQuota:
    """The port `Quota` on Redis; `budget_of` says whose budget an account spends. One round trip per call."""

    def __init__(
        self,
        redis: Redis,
        budget_of: Callable[[str], Budget],
        *,
        slack: float = SLACK,
        memory: QuotaMemory | None = None,
    ) -> None:
        self._budget_of = budget_of
        self._slack = slack
        self._memory = memory or QuotaMemory()
        self._take = redis.register_script(TAKE)
        self._give_back = redis.register_script(GIVE_BACK)
        self._observe = redis.register_script(OBSERVE)
        self._peek = redis.register_script(PEEK)

    def take(self, account: str, wanted: int, purpose: Purpose) -> Grant:
        """As many permits as there are, up to `wanted`; `retry_in` is exactly when the next one comes.

        Only while nothing is known of the user's quota is it a guess, for the next answer decides.
        Raises `CoordinationDown`.
        """
        user = self._budget_of(account).user
        heard = self._memory.of(user)
        granted, retry_in = self._ask(
            self._take,
            "take permits",
            account,
            max(wanted, 0),
            purpose,
            heard.left,
            _microseconds(heard.ends_in),
            _microseconds(heard.silent_for),
        )
        self._memory.took(user, granted)
        return Grant(granted, retry_in * _MICROSECOND)

    def give_back(self, account: str, unused: int, purpose: Purpose) -> None:
        """Permits of the last window that were not used. Raises `CoordinationDown`."""
        self._ask(self._give_back, "give permits back", account, max(unused, 0), purpose)

    def observe(self, account: str, seen: RateSeen, *, age: timedelta = timedelta(0)) -> None:
        """Learn from an answer's headers. `age` is how long ago its request was sent, for that is when Alegra counts.

        `Retry-After` blocks the user until then in full; a 429 for the longest of what its headers name, or a whole
        window when they name nothing. Raises `CoordinationDown`; this process remembers the answer all the same.
        """
        self._memory.heard(self._budget_of(account).user, seen, age)
        self._ask(
            self._observe,
            "learn from Alegra's headers",
            account,
            -1 if seen.limit is None else seen.limit,
            -1 if seen.remaining is None else seen.remaining,
            _microseconds(seen.reset),
            _microseconds(seen.retry_after),
            int(seen.throttled),
            max(_microseconds(age), 0),
        )

    def peek(self, account: str) -> BudgetSeen:
        """How things stand; takes nothing. Raises `CoordinationDown`."""
        limit, remaining, for_stamps, others, resets_in, blocked_for, learning = self._ask(
            self._peek, "look at a budget", account
        )
        return BudgetSeen(
            limit, remaining, for_stamps, others, resets_in * _MICROSECOND, blocked_for * _MICROSECOND, bool(learning)
        )

    def _ask(self, script: Any, purpose: str, account: str, *args: int | str) -> Any:
        budget = self._budget_of(account)
        keys = [f"timbre:{{{budget.user}}}:quota:{name}" for name in ("stamps", "reads", "state")]
        kept_for_reads = round(budget.read_share * 1000)
        # Of what Alegra allows: a tenth of more than that could be all there is, and nothing would go for a window.
        allowed = min(budget.limit, self._memory.of(budget.user).limit or budget.limit)
        unknown = max(int(allowed * UNKNOWN), 1)
        window = int(budget.window * (1 + self._slack) / _MICROSECOND)
        with asking_redis(purpose):
            return script(keys=keys, args=[budget.limit, window, kept_for_reads, unknown, *args])


def _microseconds(time: timedelta | None) -> int:
    return -1 if time is None else int(time / _MICROSECOND)
