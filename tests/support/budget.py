"""A keeper of the budget that writes down what the client tells it."""

from __future__ import annotations

from datetime import timedelta

from worker.alegra.rates import RateSeen
from worker.emission.ports import Purpose


class NotedBudget:
    """Implements `worker.alegra.rates.BudgetKeeper`."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, RateSeen]] = []
        self.ages: list[timedelta] = []
        self.given_back: list[tuple[str, int, Purpose]] = []

    def observe(self, account: str, seen: RateSeen, /, *, age: timedelta) -> None:
        self.seen.append((account, seen))
        self.ages.append(age)

    def give_back(self, account: str, unused: int, purpose: Purpose, /) -> None:
        self.given_back.append((account, unused, purpose))
