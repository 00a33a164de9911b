"""What the sandbox itself can answer, so that it is known not to be what a run is measuring."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import aiohttp

from tests.bench.answers import Answer, Column, Finding, Form, Value
from tests.bench.baselines.walk import BATCH, READ
from tests.bench.judge import judge_ledger
from tests.bench.showing import Say
from tests.bench.sizes import Size
from tests.bench.stage import Quota, Stage
from tests.bench.usage import processor_time, spent

AT_ONCE: Final = 8

WANTED: Final = 1_000
"""Documents a second that Timbre is to reach."""

DOCUMENTS: Final[Mapping[Size, int]] = {Size.TINY: 120, Size.QUICK: 6_000, Size.FULL: 30_000}

Request = Callable[[aiohttp.ClientSession, Sequence[str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Speed:
    """One kind of request, as fast as it goes."""

    rate: float
    """Requests a second, in this run."""
    cost: float
    """Seconds of the sandbox's processor time for one."""


def answer(stage: Stage, size: Size, say: Say) -> Answer:
    """Stamp calls, then reads, from a client that does nothing else."""
    documents = DOCUMENTS[size]
    sandbox = stage.sandbox
    sandbox.reset()
    user = sandbox.add_account("ceiling", country="CO", limit=Quota().limit)
    ids = sandbox.add_drafts("ceiling", documents)
    base = sandbox.base_url

    async def stamp(http: aiohttp.ClientSession, chunk: Sequence[str]) -> None:
        async with http.post(f"{base}/invoices/stamp", json={"ids": list(chunk)}) as response:
            response.raise_for_status()
            await response.read()

    async def read(http: aiohttp.ClientSession, chunk: Sequence[str]) -> None:
        async with http.get(f"{base}/invoices", params={"id": ",".join(chunk)}) as response:
            response.raise_for_status()
            await response.read()

    headers = {"Authorization": user.authorization}
    say(f"{documents} documents stamped ten at a time")
    stamps = asyncio.run(_all(stage, headers, stamp, _chunks(ids, BATCH)))
    say(f"{documents} documents read thirty at a time")
    reads = asyncio.run(_all(stage, headers, read, _chunks(ids, READ)))
    judge_ledger(sandbox, {"ceiling": ids})
    per_document = stamps.cost / BATCH + 2 * reads.cost / READ
    measured = 1 / (1 / stamps.rate / BATCH + 2 / reads.rate / READ)
    rows: list[Sequence[Value]] = [
        ["stamp calls of ten", BATCH / stamps.cost / WANTED, 1 / stamps.cost, stamps.rate, 1e3 * stamps.cost],
        ["reads of thirty", READ / 2 / reads.cost / WANTED, 1 / reads.cost, reads.rate, 1e3 * reads.cost],
        ["documents: look, stamp, read", 1 / per_document / WANTED, 1 / per_document, measured, 1e3 * per_document],
    ]
    return Answer(
        "sandbox",
        "Is the sandbox the bottleneck?",
        f"The sandbox alone, one process, asked by {AT_ONCE} connections of a client that does nothing else: "
        f"{documents} documents. A core of its own answers as many requests as its processor time allows.",
        [
            Column("what"),
            Column(f"to what {WANTED:,} documents a second need", Form.TIMES),
            Column("a core allows", Form.RATE),
            Column("in this run", Form.RATE),
            Column("processor ms each", Form.FINE),
        ],
        rows,
        [Finding(f"what it can, to {WANTED:,} documents a second", 1 / per_document / WANTED, Form.TIMES, 2)],
    )


def _chunks(ids: Sequence[str], size: int) -> Sequence[Sequence[str]]:
    return [ids[start : start + size] for start in range(0, len(ids), size)]


async def _all(stage: Stage, headers: Mapping[str, str], request: Request, work: Sequence[Sequence[str]]) -> Speed:
    left = iter(work)

    async def some(http: aiohttp.ClientSession) -> None:
        for chunk in left:
            await request(http, chunk)

    async with aiohttp.ClientSession(headers=headers) as http:
        began, before = time.monotonic(), processor_time(stage, ())
        await asyncio.gather(*(some(http) for _ in range(AT_ONCE)))
        seconds, used = time.monotonic() - began, spent(before, processor_time(stage, ()))
    return Speed(len(work) / seconds, used["sandbox"] / len(work))
