"""The usual Celery worker as a running baseline, on the same Valkey and the same sandbox as Timbre."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psutil
from celery import Celery
from redis import Redis

from tests.bench.baselines.walk import SETTLED, Walk
from tests.bench.judge import WrongResult
from tests.bench.timbre import LOOKS_EVERY, STALLS_AFTER
from tests.support.machine import Machine, await_workers
from worker.sandbox.accounts import Credentials

_APP: Final = "tests.bench.baselines.usual_app"


class UsualWorker:
    """One running worker of Celery's default pool: a process per core."""

    def __init__(self, broker_url: str, pid: int) -> None:
        self._broker_url = broker_url
        self.pid = pid

    def ask(self, ids: Sequence[str]) -> Walk:
        """One task per invoice."""
        walk = Walk()
        with Celery(broker=self._broker_url, set_as_current=False) as app:
            for each in ids:
                app.send_task(f"{_APP}.emit", args=[each], ignore_result=True)
        return walk

    def settled(self, walk: Walk) -> Walk:
        """The walk with what is settled by now."""
        with Redis.from_url(self._broker_url) as redis:
            walk.settled = [float(each) for each in redis.lrange(SETTLED, 0, -1)]
            return walk

    def finish(self, walk: Walk, documents: int) -> Walk:
        """The walk once so many are settled. Raises `WrongResult` when that does not happen."""
        deadline = time.monotonic() + STALLS_AFTER
        while len(self.settled(walk).settled) < documents:
            if time.monotonic() > deadline:
                raise WrongResult(f"the usual worker settled {len(walk.settled)} of {documents}")
            time.sleep(LOOKS_EVERY)
        return walk


@contextmanager
def usual_worker(
    machine: Machine, broker_url: str, user: Credentials, *, patience: float = 1.0
) -> Iterator[UsualWorker]:
    """The worker, ready; after a 429 it tries again in `patience` seconds."""
    process = machine.start_program(
        _APP,
        "worker",
        "--hostname=usual@bench",
        BENCH_BROKER=broker_url,
        BENCH_BASE_URL=machine.sandbox.base_url,
        BENCH_AUTHORIZATION=user.authorization,
        BENCH_PATIENCE=str(patience),
    )
    try:
        await_workers(broker_url, 1, lambda: f"The usual worker did not start:\n{machine.logs()}")
        yield UsualWorker(broker_url, process.pid)
    finally:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        process.wait()
