"""What size costs: finished rows in the table, accounts, workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from tests.bench.answers import Answer, Column, Finding, Form, Value
from tests.bench.baselines.walk import READ
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
    Size.QUICK: Plan(600, (100_000,), (1, 30), (1, 2)),
    Size.FULL: Plan(4_000, (1_000, 10_000, 100_000, 1_000_000), (1, 10, 100), (1, 2, 4)),
}


@dataclass(frozen=True, slots=True)
class Pass:
    """Some documents through one Timbre."""

    rate: float
    pause: float
    """The longest time in which nothing was settled."""
    cost: float
    """Seconds of processor time a document, of workers and PostgreSQL."""
    verbs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One size against another; ratios above 1 are faster."""

    what: str
    speed: float
    by_processor: float
    passed: Pass
    verb: float | None = None
    """Of the verb that suffers most."""
    which: str | None = None

    @property
    def row(self) -> Sequence[Value]:
        """For the table."""
        ratios = [self.speed, self.by_processor, self.verb, self.which]
        return [self.what, *ratios, self.passed.rate, self.passed.pause, 1e3 * self.passed.cost]


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """Workers, and when there are the usual ones, rows and accounts; all through one Timbre, and one beside it."""
    plan = PLANS[size]
    few = [f"few{number}" for number in range(FEW)]
    many = [f"many{number}" for number in range(max(plan.accounts))]
    settings = without_quota(TIMBRE_SWEEP_EVERY="1")
    by_workers: list[tuple[int, Pass]] = []
    by_accounts: list[tuple[int, Pass]] = []
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
                for accounts in plan.accounts:
                    # Calls and reads as full as anybody's, or the comparison would be of their sizes.
                    documents = max(plan.documents, READ * accounts)
                    say(f"{documents} documents of {accounts} accounts")
                    by_accounts.append((accounts, _pass(stage, timbre, many[:accounts], documents, verbs)))
        timbre.judge_all()
    crowds = _against_the_first("accounts", by_accounts)
    largest, crowd = by_rows[-1], crowds[-1]
    return Answer(
        "growth",
        "What does size cost?",
        f"{plan.documents} documents in bulk, or {READ} of each account, without quota and latency. Rows: through a "
        "table with so many finished rows and, before and after it, through one beside it that has only this run's; "
        "the slowest verb by the run time that Celery tells of its task. Accounts and workers: against the first line "
        "of their kind.",
        [
            Column("size"),
            Column("speed", Form.TIMES),
            Column("by processor time", Form.TIMES),
            Column("slowest verb", Form.TIMES),
            Column("which"),
            Column("documents", Form.RATE),
            Column("longest pause", Form.SECONDS),
            Column("processor ms each", Form.FINE),
        ],
        [line.row for line in (*by_rows, *crowds, *_against_the_first("workers", by_workers))],
        [
            Finding(f"speed with {largest.what}", largest.speed, Form.TIMES, 0.9),
            Finding("the same by processor time", largest.by_processor, Form.TIMES, 0.9),
            Finding(f"its slowest verb ({largest.which})", largest.verb, Form.TIMES, 0.9),
            Finding(f"{crowd.what}, by processor time", crowd.by_processor, Form.TIMES, 0.9),
        ],
    )


def _rows(stage: Stage, plan: Plan, say: Say, empty: Timbre, verbs: Verbs, before: Pass) -> Sequence[Line]:
    """Another Timbre with as many workers, whose table grows."""
    shown: list[Line] = []
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
            # As the other has by now, or it would be compared cold: the first documents after so many copies fill the
            # gaps at the ends of their pages, and each page touched for the first time is written out whole.
            full.drain(dict.fromkeys(accounts, plan.documents // FEW))
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
    return Pass(drain.rate, drain.pause, cost, verbs.medians())


def _compared(what: str, passed: Pass, empties: Sequence[Pass]) -> Line:
    """Against the same before and after it, because a machine's own speed drifts."""
    rate, cost = fmean(each.rate for each in empties), fmean(each.cost for each in empties)
    verbs = {
        name: fmean(each.verbs[name] for each in empties) / seconds
        for name, seconds in passed.verbs.items()
        if all(name in each.verbs for each in empties)
    }
    slowest = min(verbs, key=verbs.__getitem__, default=None)
    verb = None if slowest is None else verbs[slowest]
    return Line(what, passed.rate / rate, cost / passed.cost, passed, verb, slowest)


def _against_the_first(what: str, passes: Sequence[tuple[int, Pass]]) -> Sequence[Line]:
    (_, first) = passes[0]
    return [
        Line(
            f"{count} {what if count > 1 else what.removesuffix('s')}",
            passed.rate / first.rate,
            first.cost / passed.cost,
            passed,
        )
        for count, passed in passes
    ]
