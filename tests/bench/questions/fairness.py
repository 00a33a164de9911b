"""Whether accounts wait for each other: each one's time to finish against what its own quota allows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.answers import Answer, Column, Finding, Form, Value
from tests.bench.settings import ALEGRAS_MINUTE, in_quick_motion
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage


@dataclass(frozen=True, slots=True)
class Plan:
    """Accounts by size, all under the same quota."""

    sizes: Mapping[int, int]
    """Drafts of an account, and how many accounts have so many."""
    window: float
    requests: int = 30
    """A fifth of Alegra's, so that the machine is not what a hundred accounts wait for."""

    @property
    def accounts(self) -> Mapping[str, int]:
        """Drafts by name, the largest first: whoever asks last has the least."""
        return {
            f"{size}x{number}": size
            for size, count in sorted(self.sizes.items(), reverse=True)
            for number in range(count)
        }

    def minimum(self, documents: int) -> float:
        """Seconds that nobody under this quota can be faster by steadily asking: linger, calls, first read."""
        requests = 2 * -(-documents // 30) + -(-documents // 10)
        return self.waits + requests / self.requests * self.window

    @property
    def waits(self) -> float:
        """The linger, and from the answer to the first read: two seconds of Alegra's minute each."""
        return 4 * self.window / ALEGRAS_MINUTE


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan({30: 1, 1: 2}, window=3),
    Size.QUICK: Plan({300: 2, 150: 3, 60: 3, 1: 2}, window=6),
    Size.FULL: Plan({900: 10, 450: 20, 180: 30, 60: 30, 1: 10}, window=60),
}


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """All accounts at once, the largest first."""
    plan = PLANS[size]
    say(f"{len(plan.accounts)} accounts, {sum(plan.accounts.values())} documents")
    took = _measure(stage, plan, size.workers)
    rows: list[Sequence[Value]] = []
    spreads: list[float] = []
    for documents, count in sorted(plan.sizes.items(), reverse=True):
        seconds = [took[name] for name, of_account in plan.accounts.items() if of_account == documents]
        minimum = plan.minimum(documents)
        spreads.append(max(seconds) / min(seconds))
        rows.append(
            [
                f"{count} of {documents}",
                spreads[-1],
                min(seconds) / minimum,
                max(seconds) / minimum,
                statistics.median(seconds),
                minimum,
            ]
        )
    large = [name for name, documents in plan.accounts.items() if documents > 1] or list(plan.accounts)
    shares = [took[name] / plan.minimum(plan.accounts[name]) for name in large]
    rows.append(["all with more than one", max(shares) / min(shares), min(shares), max(shares), None, None])
    return Answer(
        "fairness",
        "Do accounts wait for each other?",
        f"{len(plan.accounts)} accounts, {sum(plan.accounts.values())} documents, all asked for at once, the largest "
        f"account first; each may make {plan.requests} requests in {plan.window:g} s. From the first request of all "
        "to the account's last settled document, against its own minimum: linger, first read, and its requests at its "
        "quota's pace; less than 1 where a window's requests went at once.",
        [
            Column("accounts of documents"),
            Column("slowest to fastest", Form.TIMES),
            Column("fastest to its minimum", Form.TIMES),
            Column("slowest to its minimum", Form.TIMES),
            Column("median", Form.SECONDS),
            Column("minimum", Form.SECONDS),
        ],
        rows,
        [
            Finding("slowest to fastest among equals, at worst", max(spreads), Form.TIMES),
            Finding("slowest account to its minimum", max(shares), Form.TIMES),
        ],
    )


def _measure(stage: Stage, plan: Plan, workers: int) -> Mapping[str, float]:
    """Seconds until each account was through."""
    quota = Quota(plan.requests, plan.window)
    accounts = dict.fromkeys(plan.accounts, quota) | {"early": quota}
    with stage.timbre(in_quick_motion(plan.window, plan.requests), accounts) as timbre:
        timbre.start(workers)
        timbre.drain({"early": 10})
        ids = timbre.deal(plan.accounts)
        began = time.time()
        timbre.await_intake(timbre.ask(ids))
        timbre.await_rest()
        timbre.judge_all()
        return {name: max(timbre.settled(name).values()) - began for name in plan.accounts}
