"""How fast the work itself is: documents a second when no quota and no latency is in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.answers import Answer, Column, Finding, Form, Value
from tests.bench.baselines import limit
from tests.bench.baselines.usual_worker import usual_worker
from tests.bench.baselines.walk import Pace
from tests.bench.judge import judge_ledger
from tests.bench.settings import without_quota
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage
from tests.bench.surroundings import cores
from tests.bench.usage import Seconds, processor_time, spent

ACCOUNTS: Final = ("north", "east", "south", "west")

WARMING_UP: Final = 10
"""Documents of each account before the clock starts: imports, connections, the first look at Alegra."""

PARTIES: Final = ("workers", "producer", "PostgreSQL", "Valkey", "sandbox")


THREADS: Final = 2
"""Of each worker. Threads are for calls that wait, and none does here: more would only take turns."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many documents each contestant gets."""

    documents: int
    limits: int
    usuals: int


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan(120, 120, 20),
    Size.QUICK: Plan(3_000, 3_000, 300),
    Size.FULL: Plan(20_000, 20_000, 2_000),
}


@dataclass(frozen=True, slots=True)
class Run:
    """What one contestant came to."""

    rate: float
    documents: int
    cost: Seconds

    @property
    def allowed(self) -> float:
        """Documents a second, if the processors did nothing else and nobody ever waited."""
        return cores() * self.documents / sum(self.cost[party] for party in PARTIES)


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """Timbre, then the limit, then the usual worker: each alone, one after the other."""
    plan = PLANS[size]
    say(f"{plan.documents} documents through Timbre")
    timbre = _timbre(stage, plan, size.workers)
    say(f"{plan.limits} documents through the bare loop")
    bare = _limit(stage, plan)
    say(f"{plan.usuals} documents through the usual worker")
    usual = _usual(stage, plan)
    rows: list[Sequence[Value]] = [
        [
            name,
            run.rate / bare.rate,
            run.rate / usual.rate,
            run.rate,
            run.allowed,
            *(1e3 * run.cost[party] / run.documents for party in PARTIES),
        ]
        for name, run in (("Timbre", timbre), ("limit", bare), ("usual worker", usual))
    ]
    return Answer(
        "throughput",
        "How fast is the work itself?",
        f"From the first request to the last settled document, without quota and latency: {plan.documents} documents "
        f"of {len(ACCOUNTS)} accounts in bulk through {size.workers} worker processes of {THREADS} threads, "
        f"{plan.limits} through the bare loop, which keeps nothing, {plan.usuals} through the usual worker, which "
        "keeps no table. Right: milliseconds of processor time per document, and the speed they would allow if nobody "
        "ever waited.",
        [
            Column("who"),
            Column("of the limit", Form.TIMES),
            Column("to the usual worker", Form.TIMES),
            Column("documents", Form.RATE),
            Column("allowed", Form.RATE),
            *(Column(party, Form.FINE) for party in PARTIES),
        ],
        rows,
        [
            Finding("of the limit", timbre.rate / bare.rate, Form.TIMES),
            Finding("to the usual worker", timbre.rate / usual.rate, Form.TIMES),
            Finding("documents", timbre.rate, Form.RATE, 1000),
            Finding("documents that the processor time allows", timbre.allowed, Form.RATE, 1000),
        ],
    )


def _timbre(stage: Stage, plan: Plan, workers: int) -> Run:
    settings = without_quota(TIMBRE_WORKER_THREADS=str(THREADS))
    with stage.timbre(settings, dict.fromkeys(ACCOUNTS, Quota())) as timbre:
        timbre.start(workers)
        timbre.drain(dict.fromkeys(ACCOUNTS, WARMING_UP))
        before = processor_time(stage, timbre.pids)
        drain = timbre.drain(dict.fromkeys(ACCOUNTS, plan.documents // len(ACCOUNTS)))
        cost = spent(before, processor_time(stage, timbre.pids))
        timbre.judge_all()
        return Run(drain.rate, drain.documents, cost)


def _limit(stage: Stage, plan: Plan) -> Run:
    sandbox = stage.sandbox
    sandbox.reset()
    user = sandbox.add_account("limit", country="CO", limit=Quota().limit)
    ids = sandbox.add_drafts("limit", plan.limits)
    before = processor_time(stage, ())
    walk = limit.walk(sandbox.base_url, user, ids, Pace(Quota().limit, Quota().window))
    cost = dict(spent(before, processor_time(stage, ())))
    judge_ledger(sandbox, {"limit": ids})
    return Run(walk.rate, len(ids), cost | {"workers": cost["producer"], "producer": 0.0})


def _usual(stage: Stage, plan: Plan) -> Run:
    sandbox = stage.sandbox
    with stage.timbre(without_quota(), {"usual": Quota()}) as machine:
        user = sandbox.add_account("usual", country="CO")
        broker = stage.valkey.new_database()
        with usual_worker(machine, broker, user) as usual:
            warm = sandbox.add_drafts("usual", WARMING_UP)
            usual.finish(usual.ask(warm), len(warm))
            ids = sandbox.add_drafts("usual", plan.usuals)
            before = processor_time(stage, [usual.pid])
            walk = usual.finish(usual.ask(ids), len(warm) + len(ids))
            cost = spent(before, processor_time(stage, [usual.pid]))
            judge_ledger(sandbox, {"usual": [*warm, *ids]})
        return Run(len(ids) / (max(walk.settled) - walk.began), len(ids), cost)
