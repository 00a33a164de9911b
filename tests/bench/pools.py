"""What a call that only waits costs in each of Celery's pools: `python -m tests.bench.pools threads prefork`.

gevent and eventlet can be named when they are installed beside us. A worker of a hundred processes takes 6 GB.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final

import psutil
from rich.console import Console

from tests.bench.answers import Answer, Column, Form, Value
from tests.bench.settings import without_quota
from tests.bench.showing import table_of
from tests.bench.stage import Quota, Stage
from tests.bench.usage import processor_time, spent
from tests.support.machine import await_workers

IN_FLIGHT: Final = (10, 50, 100)

LATENCY: Final = 5.0
"""Seconds that each stamp call takes."""

CALLS_EACH: Final = 2
"""Calls for each place in flight."""

FOR_READS: Final = 4
"""Places beside those of the stamp calls."""


class Watch:
    """The most memory a worker held, and the most calls it had in flight."""

    def __init__(self, stage: Stage, pid: int) -> None:
        self._stage = stage
        self._pid = pid
        self.calls = 0
        self.megabytes = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Look several times a second until the block ends."""
        ended = threading.Event()
        thread = threading.Thread(target=self._look, args=(ended,))
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _look(self, ended: threading.Event) -> None:
        while not ended.wait(0.3):
            self.calls = max(self.calls, self._stage.sandbox.stats()["stamp_calls_in_flight"])
            self.megabytes = max(self.megabytes, proportional(self._pid))


def proportional(pid: int) -> float:
    """Megabytes of a process and its children, what they share counted once."""
    total = 0.0
    for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += process.memory_full_info().pss / 1e6
    return total


def measure(stage: Stage, pool: str, in_flight: int) -> Sequence[Value]:
    """One row. Raises `WrongResult` when a document was not executed exactly once."""
    # All at once from the beginning: how Timbre feels its way there is another question.
    settings = without_quota(
        TIMBRE_MAX_IN_FLIGHT=str(in_flight),
        TIMBRE_MIN_IN_FLIGHT=str(in_flight),
        TIMBRE_WORKER_THREADS=str(in_flight + FOR_READS),
        TIMBRE_STAMP_TIMEOUT="60",
    )
    with stage.timbre(settings, {"acme": Quota()}) as timbre:
        timbre.asked = {}
        words = [f"--pool={pool}", "--without-gossip", "--without-mingle"]
        worker = timbre.start_program("tests.bench.pool_app", "worker", *words, BENCH_POOL=pool)
        timbre.start_beat()
        await_workers(timbre.redis_url, 1, timbre.logs)
        timbre.drain({"acme": 20})
        idle = proportional(worker.pid)
        stage.sandbox.faults.set(stamp_latency=LATENCY)
        watch = Watch(stage, worker.pid)
        before = processor_time(stage, [worker.pid])
        with watch.running():
            drain = timbre.drain({"acme": 10 * in_flight * CALLS_EACH})
        cost = spent(before, processor_time(stage, [worker.pid]))["workers"]
        timbre.judge_all()
        return [pool, in_flight, watch.calls, idle, watch.megabytes, 1e3 * cost / drain.documents, drain.seconds]


def main(pools: Sequence[str]) -> None:
    """Measure these pools and print the table."""
    with Stage() as stage:
        rows = [measure(stage, pool, in_flight) for pool in pools for in_flight in IN_FLIGHT]
    columns = [
        Column("pool"),
        Column("places", Form.COUNT),
        Column("most in flight", Form.COUNT),
        Column("idle", Form.MEGABYTES),
        Column("at work", Form.MEGABYTES),
        Column("ms per document", Form.FINE),
        Column("took", Form.SECONDS),
    ]
    how = f"Each stamp call takes {LATENCY:g} s; {CALLS_EACH} for each place, so {LATENCY * CALLS_EACH:g} s at best."
    Console(width=112).print(table_of(Answer("pools", "What does a call that waits cost?", how, columns, rows, [])))


if __name__ == "__main__":
    main(sys.argv[1:] or ["threads", "prefork"])
