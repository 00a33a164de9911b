"""What size costs: finished rows in the table, accounts, workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from tests.bench.answers import Answer, Column, Form, Goal, Value
from tests.bench.finished import FinishedRows
from tests.bench.settings import without_quota
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage
from tests.bench.timbre import Timbre
from tests.bench.usage import processor_time, spent
from tests.bench.verbs import Verbs, listening

FEW: Final = 4
"""Accounts, where their number is not the question."""

WARMING_UP: Final = 10


@dataclass(frozen=True, slots=True)
class Plan:
    """How many documents a measurement takes, and over which sizes."""

    documents: int
    rows: Sequence[int]
    accounts: Sequence[int]
    workers: Sequence[int]


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan(40, (200,), (1, 3), (1,)),
    Size.QUICK: Plan(600, (100_000,), (1, 100), (1, 2)),
    Size.FULL: Plan(4_000, (1_000, 10_000, 100_000, 1_000_000), (1, 10, 100), (1, 2, 4)),
}


@dataclass(frozen=True, slots=True)
class Pass:
    """Some documents through one Timbre."""

    rate: float
    cost: float
    """Seconds of processor time a document, of workers and PostgreSQL."""
    verbs: Mapping[str, float]


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """Workers, and when there are the usual ones, rows and accounts; all through one Timbre, and one beside it."""
    plan = PLANS[size]
    few = [f"few{number}" for number in range(FEW)]
    many = [f"many{number}" for number in range(max(plan.accounts))]
    settings = without_quota(TIMBRE_SWEEP_EVERY="1")
    by_workers: list[tuple[int, Pass]] = []
    with stage.timbre(settings, dict.fromkeys([*few, *many], Quota())) as timbre, listening(timbre.redis_url) as verbs:
        timbre.start(0)
        for count in plan.workers:
            say(f"{plan.documents} documents through {count} workers")
            timbre.add_workers(count - len(timbre.workers), "worker.app", "--task-events")
            timbre.drain(dict.fromkeys(few, WARMING_UP))
            by_workers.append((count, _pass(stage, timbre, few, plan.documents, verbs)))
            if count == size.workers:
                by_rows = _rows(stage, plan, say, timbre, verbs, by_workers[-1][1])
                timbre.drain(dict.fromkeys(many, 1))
                by_accounts = [
                    (count, _pass(stage, timbre, many[:count], plan.documents, verbs)) for count in plan.accounts
                ]
        timbre.judge_all()
    (what, speed, by_processor, *_) = by_rows[-1]
    return Answer(
        "growth",
        "What does size cost?",
        f"{plan.documents} documents in bulk, without quota and latency. Rows: through a table with so many finished "
        "rows and, before and after it, through one beside it that has only this run's; the slowest verb by the run "
        "time that Celery tells of its task. Accounts and workers: against the first line of their kind.",
        [
            Column("size"),
            Column("speed", Form.TIMES),
            Column("by processor time", Form.TIMES),
            Column("slowest verb", Form.TIMES),
            Column("which"),
            Column("documents", Form.RATE),
            Column("processor ms each", Form.FINE),
        ],
        [*by_rows, *_against_the_first("accounts", by_accounts), *_against_the_first("workers", by_workers)],
        [
            Goal(f"speed with {what}, to the empty table", 0.9, float(speed or 0), Form.TIMES),
            Goal("the same by processor time", 0.9, float(by_processor or 0), Form.TIMES),
        ],
    )


def _rows(stage: Stage, plan: Plan, say: Say, empty: Timbre, verbs: Verbs, before: Pass) -> Sequence[Sequence[Value]]:
    """Another Timbre with as many workers, whose table grows."""
    shown: list[Sequence[Value]] = []
    accounts = [f"old{number}" for number in range(FEW)]
    settings = without_quota(TIMBRE_SWEEP_EVERY="1")
    few = [f"few{number}" for number in range(FEW)]
    with (
        stage.timbre(settings, dict.fromkeys(accounts, Quota()), beside=True) as full,
        listening(full.redis_url) as verbs_of_full,
    ):
        full.start(len(empty.workers), "worker.app", "--task-events")
        full.drain(dict.fromkeys(accounts, WARMING_UP))
        finished = FinishedRows(full.environ["TIMBRE_DATABASE_URL"])
        for rows in plan.rows:
            say(f"making {rows:,} finished rows")
            finished.grow(rows)
            say(f"{plan.documents} documents through {rows:,} rows, then through the empty table")
            passed = _pass(stage, full, accounts, plan.documents, verbs_of_full)
            after = _pass(stage, empty, few, plan.documents, verbs)
            shown.append(_compared(f"{finished.rows:,} finished rows", passed, (before, after)))
            before = after
        full.judge_all()
    return shown


def _pass(stage: Stage, timbre: Timbre, accounts: Sequence[str], documents: int, verbs: Verbs) -> Pass:
    verbs.fresh()
    before = processor_time(stage, timbre.pids)
    drain = timbre.drain(dict.fromkeys(accounts, documents // len(accounts)))
    used = spent(before, processor_time(stage, timbre.pids))
    cost = (used["workers"] + used["PostgreSQL"]) / drain.documents
    return Pass(drain.rate, cost, verbs.medians())


def _compared(what: str, passed: Pass, empties: Sequence[Pass]) -> Sequence[Value]:
    """Against the same before and after it, because a machine's own speed drifts."""
    rate, cost = fmean(each.rate for each in empties), fmean(each.cost for each in empties)
    verbs = {
        name: fmean(each.verbs[name] for each in empties) / seconds
        for name, seconds in passed.verbs.items()
        if all(name in each.verbs for each in empties)
    }
    slowest = min(verbs, key=verbs.__getitem__, default=None)
    ratio = None if slowest is None else verbs[slowest]
    return [what, passed.rate / rate, cost / passed.cost, ratio, slowest, passed.rate, 1e3 * passed.cost]


def _against_the_first(what: str, passes: Sequence[tuple[int, Pass]]) -> Iterator[Sequence[Value]]:
    (_, first) = passes[0]
    for count, passed in passes:
        speed, by_processor = passed.rate / first.rate, first.cost / passed.cost
        name = what if count > 1 else what.removesuffix("s")
        yield [f"{count} {name}", speed, by_processor, None, None, passed.rate, 1e3 * passed.cost]
