"""What a run costs: processor time and memory of everybody who takes part."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import Final

import psutil

from tests.bench.stage import Stage

TICK: Final = 0.01

Seconds = Mapping[str, float]
"""Of processor time, by party."""


def processor_time(stage: Stage, workers: Sequence[int]) -> Seconds:
    """What each party has used so far; `workers` are process ids, the producer is this process."""
    parties = {
        "workers": workers,
        "PostgreSQL": [stage.postgres.pid],
        "Valkey": [stage.valkey.pid],
        "sandbox": [stage.sandbox_process.pid],
        "producer": [os.getpid()],
    }
    return {party: sum(_seconds(pid, family=party != "producer") for pid in pids) for party, pids in parties.items()}


def spent(before: Seconds, after: Seconds) -> Seconds:
    """What was used in between; at least a tick, which is all the kernel can tell."""
    return {party: max(TICK, after[party] - before[party]) for party in after}


def resident(pids: Sequence[int]) -> float:
    """Megabytes of memory that these processes and their children hold."""
    return sum(
        process.memory_info().rss / 1e6
        for pid in pids
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    )


def _seconds(pid: int, *, family: bool) -> float:
    """With the children it has, and with those that have ended and been counted."""
    process = psutil.Process(pid)
    used = 0.0
    for each in (process, *(process.children(recursive=True) if family else ())):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = each.cpu_times()
            used += times.user + times.system
            used += times.children_user + times.children_system if family else 0.0
    return used
