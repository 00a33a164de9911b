"""How long a single document waits in a quiet system: from the request to the first byte at Alegra."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tests.bench.answers import Answer, Column, Form, Goal, Value
from tests.bench.settings import in_quick_motion
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage

WORKERS: Final = 2

LINGER: Final = 0.5
"""Seconds. What is measured is the wait beyond it, which its length does not change."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many documents, each asked for by itself."""

    samples: int
    accounts: int
    every: float
    """Seconds between two requests; each account sees one in `accounts` of them."""


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan(4, 2, 0.2),
    Size.QUICK: Plan(60, 15, 0.2),
    Size.FULL: Plan(500, 20, 0.2),
}


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """One document at a time, each of an account that is quiet."""
    plan = PLANS[size]
    say(f"{plan.samples} single documents, one every {plan.every:g} s")
    on_the_wire, settled = _measure(stage, plan)
    over = [seconds - LINGER for seconds in on_the_wire]
    median, worst = statistics.median(over), _percentile(over, 0.99)
    rows: list[Sequence[Value]] = [
        ["on the wire", median / LINGER, 1e3 * median, 1e3 * worst, 1e3 * max(over), plan.samples],
        [
            "code in the table",
            (statistics.median(settled) - LINGER) / LINGER,
            1e3 * (statistics.median(settled) - LINGER),
            1e3 * (_percentile(settled, 0.99) - LINGER),
            1e3 * (max(settled) - LINGER),
            plan.samples,
        ],
    ]
    return Answer(
        "latency",
        "How long does a single document wait?",
        f"From the call of the Python client to the arrival of the stamp call at the sandbox, beyond the linger of "
        f"{LINGER:g} s: {plan.samples} documents of {plan.accounts} accounts, one every {plan.every:g} s, so that "
        f"each account is quiet; the first read after a call is due {LINGER:g} s after it.",
        [
            Column("until it is"),
            Column("p50 to the linger", Form.TIMES),
            Column("p50", Form.MILLISECONDS),
            Column("p99", Form.MILLISECONDS),
            Column("longest", Form.MILLISECONDS),
            Column("documents", Form.COUNT),
        ],
        rows,
        [
            Goal("on the wire over the linger, p50", 50, 1e3 * median, Form.MILLISECONDS, at_most=True),
            Goal("on the wire over the linger, p99", 250, 1e3 * worst, Form.MILLISECONDS, at_most=True),
        ],
    )


def _measure(stage: Stage, plan: Plan) -> tuple[list[float], list[float]]:
    """Seconds from each request to its stamp call's arrival, and to its code."""
    accounts = [f"quiet{number}" for number in range(plan.accounts)]
    settings = in_quick_motion(60) | {"TIMBRE_LINGER": f"{LINGER}", "TIMBRE_CONFIRM_SCHEDULE": f"{LINGER},2,5,15,60"}
    with stage.timbre(settings, dict.fromkeys(accounts, Quota())) as timbre:
        timbre.start(WORKERS)
        timbre.drain(dict.fromkeys(accounts, 1))
        rounds = -(-plan.samples // plan.accounts)
        ids = timbre.deal(dict.fromkeys(accounts, rounds))
        asked: dict[tuple[str, str], float] = {}
        requests: list[UUID] = []
        start = time.time()
        for number in range(plan.samples):
            time.sleep(max(0.0, start + number * plan.every - time.time()))
            account = accounts[number % plan.accounts]
            document_id = ids[account][number // plan.accounts]
            asked[account, document_id] = time.time()
            requests += timbre.ask_of(account, [document_id]).request_ids
        timbre.await_intake(requests)
        timbre.await_rest()
        timbre.judge_all()
        arrived = {
            (call["account"], each): datetime.fromisoformat(call["at"]).timestamp()
            for call in stage.sandbox.calls()
            for each in call["ids"]
        }
        settled = {(account, each): at for account in accounts for each, at in timbre.settled(account).items()}
        return [arrived[each] - at for each, at in asked.items()], [settled[each] - at for each, at in asked.items()]


def _percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that this share of all does not exceed."""
    return sorted(values)[max(0, -(-int(share * 1000) * len(values) // 1000) - 1)]
