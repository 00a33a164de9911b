"""How long a single document waits: alone in a quiet system, and urgent behind a long queue."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

from tests.bench.answers import Answer, Column, Finding, Form, Value
from tests.bench.judge import judge_ledger
from tests.bench.settings import ALEGRAS_MINUTE, REQUESTS, in_quick_motion
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage
from tests.bench.timbre import Timbre
from timbre_producers.contracts import Priority

LINGER: Final = 0.5
"""Seconds. What is measured is the wait beyond it, which its length does not change."""

CROWDED: Final = "crowded"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many documents, each asked for by itself."""

    samples: int
    accounts: int
    every: float
    """Seconds between two requests; each account sees one in `accounts` of them."""
    queued: int
    """Documents of one account that the urgent ones pass."""
    urgent: int
    window: float
    """Seconds that stand for Alegra's minute while they do."""


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan(4, 2, 0.2, queued=400, urgent=2, window=4),
    Size.QUICK: Plan(40, 10, 0.2, queued=2_000, urgent=6, window=6),
    Size.FULL: Plan(500, 20, 0.2, queued=10_000, urgent=60, window=60),
}


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """One document at a time, each of a quiet account; then urgent ones of an account with a long queue."""
    plan = PLANS[size]
    say(f"{plan.samples} single documents, one every {plan.every:g} s")
    sent, settled = _quiet(stage, plan, size.workers)
    say(f"{plan.urgent} urgent documents behind {plan.queued:,}")
    urgent = _urgent(stage, plan, size.workers)
    over = [seconds - LINGER for seconds in sent]
    median, high = 1e3 * statistics.median(over), 1e3 * _percentile(over, 0.99)
    turn = plan.window / REQUESTS
    return Answer(
        "latency",
        "How long does a single document wait?",
        f"From the call of the Python client to the arrival of the stamp call at the sandbox. Quiet: "
        f"{plan.samples} documents of {plan.accounts} accounts, one every {plan.every:g} s, beyond the linger of "
        f"{LINGER:g} s; the first read is due {LINGER:g} s after the call. Urgent: {plan.urgent} documents, one after "
        f"the other, of an account that has {plan.queued:,} queued and uses its whole quota; a turn is the "
        f"{1e3 * turn:.0f} ms in which one request of {REQUESTS} in {plan.window:g} s is due.",
        [
            Column("until it is"),
            Column("half of them within", Form.TIMES),
            Column("of"),
            Column("p50", Form.MILLISECONDS),
            Column("p99", Form.MILLISECONDS),
            Column("longest", Form.MILLISECONDS),
            Column("documents", Form.COUNT),
        ],
        [
            _row("quiet: on the wire", over, LINGER, "the linger"),
            _row("quiet: its code in the table", [seconds - LINGER for seconds in settled], LINGER, "the linger"),
            _row("urgent: on the wire", urgent, turn, "turns"),
        ],
        [
            Finding("beyond the linger, p50", median, Form.MILLISECONDS, 50, at_most=True),
            Finding("beyond the linger, p99", high, Form.MILLISECONDS, 250, at_most=True),
            Finding(f"urgent past {plan.queued:,}, in turns, p50", statistics.median(urgent) / turn, Form.TIMES),
        ],
    )


def _row(what: str, seconds: Sequence[float], unit: float, named: str) -> Sequence[Value]:
    median = statistics.median(seconds)
    high, longest = _percentile(seconds, 0.99), max(seconds)
    return [what, median / unit, named, 1e3 * median, 1e3 * high, 1e3 * longest, len(seconds)]


def _quiet(stage: Stage, plan: Plan, workers: int) -> tuple[list[float], list[float]]:
    """Seconds from each request to its stamp call's arrival, and to its code."""
    accounts = [f"quiet{number}" for number in range(plan.accounts)]
    settings = in_quick_motion(ALEGRAS_MINUTE) | {
        "TIMBRE_LINGER": f"{LINGER}",
        "TIMBRE_CONFIRM_SCHEDULE": f"{LINGER},2,5,15,60",
    }
    with stage.timbre(settings, dict.fromkeys(accounts, Quota())) as timbre:
        timbre.start(workers)
        timbre.drain(dict.fromkeys(accounts, 1))
        ids = timbre.deal(dict.fromkeys(accounts, -(-plan.samples // plan.accounts)))
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
        arrived = _arrivals(timbre)
        settled = {(account, each): at for account in accounts for each, at in timbre.settled(account).items()}
        return [arrived[each] - at for each, at in asked.items()], [settled[each] - at for each, at in asked.items()]


def _urgent(stage: Stage, plan: Plan, workers: int) -> list[float]:
    """Seconds from each urgent request to its stamp call's arrival; the queue is left standing."""
    quota = Quota(REQUESTS, plan.window)
    with stage.timbre(in_quick_motion(plan.window), {CROWDED: quota}) as timbre:
        timbre.start(workers)
        ids = timbre.deal({CROWDED: plan.queued + plan.urgent})[CROWDED]
        crowd, urgent = ids[plan.urgent :], ids[: plan.urgent]
        timbre.await_intake(timbre.ask({CROWDED: crowd}))
        # Its first window is used up by then, as on any evening with so much to do.
        time.sleep(plan.window)
        waits = []
        for each in urgent:
            began = time.time()
            timbre.ask_of(CROWDED, [each], Priority.HIGH)
            timbre.await_none(partial(_unsent, timbre, each), "urgent documents were not sent")
            waits.append(_arrivals(timbre)[CROWDED, each] - began)
        judge_ledger(stage.sandbox, {CROWDED: ids}, whole=False)
        return waits


def _unsent(timbre: Timbre, document_id: str) -> int:
    return 0 if timbre.sandbox.ledger(CROWDED, document_id) else 1


def _arrivals(timbre: Timbre) -> Mapping[tuple[str, str], float]:
    """When the stamp call of each document reached the sandbox."""
    return {
        (call["account"], each): datetime.fromisoformat(call["at"]).timestamp()
        for call in timbre.sandbox.calls()
        for each in call["ids"]
    }


def _percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that this share of all does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
