"""What a worker holds: after many documents, and with many calls on the wire."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.answers import Answer, Column, Finding, Form, Value
from tests.bench.settings import without_quota
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage
from tests.bench.timbre import Timbre
from tests.bench.usage import resident

ACCOUNTS: Final = ("north", "east", "south", "west")

TENTHS: Final = 10

BATCH: Final = 10

LOOKS_EVERY: Final = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """How many documents pass, and how many stamp calls wait at once."""

    documents: int
    in_flight: Sequence[int]
    latency: float
    """Seconds a stamp call lasts, so that they pile up."""


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan(200, (2,), 1),
    Size.QUICK: Plan(1_200, (10, 50), 2),
    Size.FULL: Plan(100_000, (10, 50, 100), 8),
}


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """More and more calls at once, so that every thread has worked; then many documents, tenth by tenth."""
    plan = PLANS[size]
    most = max(plan.in_flight)
    settings = without_quota(
        TIMBRE_MAX_IN_FLIGHT=str(most), TIMBRE_MIN_IN_FLIGHT=str(most), TIMBRE_WORKER_THREADS=str(most + 28)
    )
    with stage.timbre(settings, dict.fromkeys(ACCOUNTS, Quota())) as timbre:
        timbre.start(1)
        timbre.drain(dict.fromkeys(ACCOUNTS, BATCH))
        idle = resident(timbre.pids)
        calls = [_with_calls(stage, plan, say, timbre, wanted) for wanted in plan.in_flight]
        tenths = []
        for tenth in range(1, TENTHS + 1):
            say(f"{plan.documents:,} documents, tenth {tenth}")
            timbre.drain(dict.fromkeys(ACCOUNTS, plan.documents // TENTHS // len(ACCOUNTS)))
            tenths.append(resident(timbre.pids))
        timbre.judge_all()
    first, last = tenths[0], tenths[-1]
    rows: list[Sequence[Value]] = [
        ["idle", 1.0, idle, None],
        *_waiting(calls, idle),
        [f"after {plan.documents // TENTHS:,} documents more", first / idle, first, first - idle],
        [f"after {plan.documents:,} documents more", last / idle, last, last - idle],
    ]
    return Answer(
        "memory",
        "What does a worker hold in memory?",
        f"Resident memory of one worker process of at most {most + 28} threads: while stamp calls of "
        f"{plan.latency:g} s wait for their answers, then after each tenth of {plan.documents:,} documents without "
        "quota and latency.",
        [
            Column("when"),
            Column("to the first line", Form.TIMES),
            Column("resident", Form.MEGABYTES),
            Column("more than idle", Form.MEGABYTES),
        ],
        rows,
        [Finding("after the last tenth, to the first", last / first, Form.TIMES, 1.1, at_most=True)],
    )


def _waiting(calls: Sequence[tuple[int, float]], idle: float) -> Iterator[Sequence[Value]]:
    for reached, held in calls:
        yield [f"with {reached} calls waiting", held / idle, held, held - idle]


def _with_calls(stage: Stage, plan: Plan, say: Say, timbre: Timbre, wanted: int) -> tuple[int, float]:
    """How many calls were on the wire at once, and megabytes meanwhile."""
    say(f"{wanted} calls at once")
    stage.sandbox.faults.set(stamp_latency=plan.latency)
    account = ACCOUNTS[0]
    timbre.await_intake(timbre.ask(timbre.deal({account: wanted * BATCH})))
    reached, held, until = 0, 0.0, time.monotonic() + plan.latency
    while reached < wanted and time.monotonic() < until:
        reached = max(reached, stage.sandbox.stats()["stamp_calls_in_flight"])
        held = max(held, resident(timbre.pids))
        time.sleep(LOOKS_EVERY)
    stage.sandbox.faults.set(stamp_latency=0)
    timbre.await_rest()
    return reached, held
