"""How much of what Alegra allows is used: documents a minute and account, against the ceiling of its quota."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tests.bench.answers import Answer, Column, Finding, Form, Value, ratio
from tests.bench.baselines import command_line, limit
from tests.bench.baselines.usual_worker import usual_worker
from tests.bench.baselines.walk import Pace
from tests.bench.judge import judge_ledger
from tests.bench.settings import ALEGRAS_MINUTE, DOCUMENTS_PER_REQUEST, REQUESTS, in_quick_motion
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage
from worker.coordination.quota import Budget
from worker.emission.in_flight import enough
from worker.sizing.model import DEFAULT_IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, and under which quota."""

    window: float
    """Seconds that stand for Alegra's minute."""
    windows: int
    """How many are counted, after a first one that is not."""
    latencies: Sequence[float] = (0,)
    """Seconds of Alegra's time a stamp call takes; each is a run of its own."""
    requests: int = REQUESTS

    @property
    def ceiling(self) -> int:
        """Documents a window."""
        return self.requests * DOCUMENTS_PER_REQUEST


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan(window=2, windows=1, requests=30),
    Size.QUICK: Plan(window=6, windows=3),
    Size.FULL: Plan(window=15, windows=4, latencies=(0, 3, 15)),
}


@dataclass(frozen=True, slots=True)
class Party:
    """What one contestant came to."""

    settled: int
    """Documents settled in the counted windows."""
    requests: int
    executed: int
    throttled: int


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """Timbre and the baselines side by side, each with an account of its own."""
    plan = PLANS[size]
    rows: list[Sequence[Value]] = []
    findings: list[Finding] = []
    for latency in plan.latencies:
        say(f"{plan.windows + 2} windows of {plan.window:g} s, stamp calls of {latency:g} s")
        parties = _measure(stage, plan, latency, size.workers)
        shares = {name: party.settled / (plan.windows * plan.ceiling) for name, party in parties.items()}
        for name, party in parties.items():
            rows.append(
                [
                    f"{latency:g} s",
                    name,
                    shares[name],
                    ratio(shares[name], shares["limit"]),
                    ratio(shares[name], shares["command line"]),
                    ratio(party.requests, party.executed),
                    round(shares[name] * REQUESTS * DOCUMENTS_PER_REQUEST),
                    party.throttled,
                ]
            )
        ours = parties["Timbre"]
        calls = f", calls of {latency:g} s" if latency else ""
        findings += [
            Finding(f"of the ceiling{calls}", shares["Timbre"], Form.SHARE, 0.95),
            Finding(f"to the command line{calls}", ratio(shares["Timbre"], shares["command line"]), Form.TIMES),
            Finding(f"to the usual worker{calls}", ratio(shares["Timbre"], shares["usual worker"]), Form.TIMES),
            Finding(f"requests per document{calls}", ours.requests / ours.executed, Form.SMALL, 0.175, at_most=True),
            Finding(f"answers 429{calls}", ours.throttled, Form.COUNT, 0, at_most=True),
        ]
    return Answer(
        "share",
        "How much of the quota's ceiling is used?",
        f"Settled documents in {plan.windows} whole quota windows after a first one, of an account with more drafts "
        f"than fit; {plan.requests} requests a window, Alegra's minute run in {plan.window:g} s, and all four at the "
        "same time, each with an account of its own in one sandbox. The ceiling counts a look, three stamp calls and a "
        "read for thirty documents. Reads of calls made before the count began can lift a share a little above it; a "
        "machine on which the limit stays below it is too busy to tell.",
        [
            Column("calls take"),
            Column("who"),
            Column("of the ceiling", Form.SHARE),
            Column("of the limit", Form.TIMES),
            Column("to the command line", Form.TIMES),
            Column("requests each", Form.SMALL),
            Column("documents a minute", Form.COUNT),
            Column("429s", Form.COUNT),
        ],
        rows,
        findings,
    )


def _measure(stage: Stage, plan: Plan, latency: float, workers: int) -> dict[str, Party]:
    scale = plan.window / ALEGRAS_MINUTE
    quota = Quota(plan.requests, plan.window)
    # As `timbre doctor` advises where calls take long; eight at once are enough up to five seconds.
    at_once = max(DEFAULT_IN_FLIGHT, enough(timedelta(seconds=latency), Budget("", plan.requests).stamps_per_second))
    settings = in_quick_motion(plan.window, plan.requests) | {
        "TIMBRE_MAX_IN_FLIGHT": str(at_once),
        "TIMBRE_WORKER_THREADS": str(at_once),
    }
    with stage.timbre(settings, {"timbre": quota}) as timbre, ThreadPoolExecutor() as threads:
        sandbox = stage.sandbox
        sandbox.faults.set(stamp_latency=latency * scale, stamp_latency_per_document=0)
        users = {
            name: sandbox.add_account(name, country="CO", limit=quota.limit, window=quota.window)
            for name in ("limit", "command-line", "usual")
        }
        documents = plan.ceiling * (plan.windows + 2)
        ids = {name: sandbox.add_drafts(name, documents) for name in users}
        mine = timbre.deal({"timbre": documents})
        timbre.start(workers)
        broker = stage.valkey.new_database()
        with usual_worker(timbre, broker, users["usual"], patience=plan.window / 20) as usual:
            usuals_walk = usual.ask(ids["usual"])
            began = time.time()
            requests = timbre.ask(mine)
            until = began + plan.window * (plan.windows + 1)
            limits = threads.submit(
                limit.walk,
                sandbox.base_url,
                users["limit"],
                ids["limit"],
                Pace(quota.limit, quota.window),
                at_once=at_once // 2,
                until=until,
            )
            interval = scale / command_line.REQUESTS_A_SECOND
            tools = threads.submit(
                command_line.walk,
                sandbox.base_url,
                users["command-line"],
                ids["command-line"],
                Pace(quota.limit, quota.window, interval=interval),
                until=until,
            )
            walks = {"limit": limits.result(), "command-line": tools.result(), "usual": usual.settled(usuals_walk)}
        timbre.await_intake(requests)
        timbre.await_rest()
        settled = {name: walk.settled for name, walk in walks.items()} | {
            "timbre": [*timbre.settled("timbre").values()]
        }
        timbre.judge_all()
        for name in users:
            judge_ledger(sandbox, {name: ids[name]}, whole=False)
        stats = sandbox.stats()
        counted = began + plan.window, began + plan.window * (plan.windows + 1)
        names = {"timbre": "Timbre", "limit": "limit", "command-line": "command line", "usual": "usual worker"}
        return {
            names[account]: Party(
                settled=sum(counted[0] <= at < counted[1] for at in settled[account]),
                requests=stats["requests_by_account"][account],
                executed=len(sandbox.ledger(account)),
                throttled=stats["throttled_by_account"].get(account, 0),
            )
            for account in names
        }
