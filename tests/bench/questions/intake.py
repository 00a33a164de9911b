"""How fast requests are taken in: written down and kept, before anything is sent."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from celery import Celery
from redis import Redis

from tests.bench.answers import Answer, Column, Finding, Form, Value
from tests.bench.judge import WrongResult, judge_ledger
from tests.bench.settings import without_quota
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage
from tests.bench.timbre import STALLS_AFTER, Timbre
from timbre_producers.contracts import INTAKE_QUEUE
from worker.sandbox import SandboxControl

ACCOUNT: Final = "acme"

APP: Final = "tests.bench.intake_app"

LOOKS_EVERY: Final = 0.01
"""Seconds between two looks at a queue that is being emptied."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many ids in bulk, and how many messages of one id."""

    bulk: int
    single: int
    times: int
    """How often; the median counts."""


PLANS: Final[Mapping[Size, Plan]] = {
    Size.TINY: Plan(200, 20, 1),
    Size.QUICK: Plan(10_000, 500, 3),
    Size.FULL: Plan(10_000, 3_000, 5),
}


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """Bulk messages, then single ones against tasks that do nothing; nothing is due, so nothing is sent."""
    plan = PLANS[size]
    with stage.timbre(without_quota(), {ACCOUNT: Quota()}) as timbre:
        timbre.start(size.workers, APP)
        desk = _Desk(timbre)
        desk.take_in([desk.new_ids(1)])
        say(f"{plan.bulk} ids in bulk, {plan.times} times")
        bulk = sorted(desk.take_in([desk.new_ids(plan.bulk)]) for _ in range(plan.times))[plan.times // 2]
        nothings, singles = [], []
        for number in range(plan.times):
            say(f"{plan.single} messages of one id and {plan.single} of nothing, {number + 1} of {plan.times}")
            nothings.append(desk.do_nothing(plan.single))
            singles.append(desk.take_in([desk.new_ids(1) for _ in range(plan.single)], frozen=True))
        desk.judge(stage.sandbox)
    nothing, single = sorted(nothings)[plan.times // 2], sorted(singles)[plan.times // 2]
    ratio = sorted(mine / theirs for mine, theirs in zip(nothings, singles, strict=True))[plan.times // 2]
    rows: list[Sequence[Value]] = [
        ["ids in bulk messages", (plan.bulk / bulk) / (plan.single / nothing), plan.bulk / bulk, plan.bulk, bulk],
        ["messages of one id", ratio, plan.single / single, plan.single, single],
        ["tasks that do nothing", 1.0, plan.single / nothing, plan.single, nothing],
    ]
    return Answer(
        "intake",
        "How fast are requests taken in?",
        "Bulk: from the call of the client until the last row is committed. Single: "
        f"{size.workers} frozen worker processes find all messages in the broker, and the clock runs until the last "
        "row is committed; tasks that do nothing likewise, in the same workers, until the queue is empty. Medians of "
        f"{plan.times}; nothing is due before tomorrow, so nothing is sent meanwhile.",
        [
            Column("what"),
            Column("to doing nothing", Form.TIMES),
            Column("taken in", Form.RATE),
            Column("of them", Form.COUNT),
            Column("in", Form.FINE_SECONDS),
        ],
        rows,
        [
            Finding("messages of one id, to tasks that do nothing", ratio, Form.TIMES, 0.7),
            Finding(f"{plan.bulk:,} ids in bulk", bulk, Form.FINE_SECONDS, 1, at_most=True),
        ],
    )


class _Desk:
    """Where requests are handed in; remembers them all."""

    def __init__(self, timbre: Timbre) -> None:
        self._timbre = timbre
        self._tomorrow = datetime.now(UTC) + timedelta(days=1)
        self._ids: list[str] = []

    def new_ids(self, count: int) -> list[str]:
        """Ids of documents nobody has asked for."""
        new = [str(len(self._ids) + number) for number in range(1, count + 1)]
        self._ids += new
        return new

    def take_in(self, requests: Sequence[Sequence[str]], *, frozen: bool = False) -> float:
        """Seconds until all rows are there; `frozen`: with all messages in the broker before anybody takes one."""
        last = self._timbre.last_row()
        with self._frozen() if frozen else nullcontext():
            began = time.monotonic()
            self._ask(requests)
        if frozen:
            began = time.monotonic()
        wanted = sum(map(len, requests))
        _await(lambda: self._rows_after(last) == wanted)
        return time.monotonic() - began

    def do_nothing(self, times: int) -> float:
        """Seconds until the workers have done it so many times."""
        with Celery(broker=self._timbre.redis_url, set_as_current=False) as app, self._frozen():
            for _ in range(times):
                app.send_task(f"{APP}.nothing", queue=INTAKE_QUEUE, ignore_result=True)
        began = time.monotonic()
        with Redis.from_url(self._timbre.redis_url) as redis:
            _await(lambda: not redis.llen(INTAKE_QUEUE) and not redis.hlen("unacked"))
        return time.monotonic() - began

    def judge(self, sandbox: SandboxControl) -> None:
        """Every id is queued, once, and none was sent. Raises `WrongResult`."""
        rows = self._timbre.sql("SELECT document_id FROM emissions WHERE status = 'queued'")
        if sorted(row.document_id for row in rows) != sorted(self._ids):
            raise WrongResult(f"{len(self._ids)} documents were asked for and {len(rows)} are queued")
        judge_ledger(sandbox, {ACCOUNT: []})

    def _ask(self, requests: Sequence[Sequence[str]]) -> None:
        for ids in requests:
            self._timbre.client.emit(ids, account=ACCOUNT, not_before=self._tomorrow, requested_by="bench")

    def _rows_after(self, last: int) -> int:
        """Only the new ones: counting all of them a hundred times a second would be most of what is measured."""
        return int(self._timbre.sql("SELECT count(*) AS times FROM emissions WHERE id > :last", last=last)[0].times)

    @contextmanager
    def _frozen(self) -> Iterator[None]:
        """Nobody takes a message while this lasts."""
        for worker in self._timbre.workers:
            worker.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for worker in self._timbre.workers:
                worker.send_signal(signal.SIGCONT)


def _await(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + STALLS_AFTER
    while not happened():
        if time.monotonic() > deadline:
            raise WrongResult("requests were never taken in")
        time.sleep(LOOKS_EVERY)
