"""The limit: what Alegra's side allows when nothing is written down, locked, queued or recovered.

A bare asyncio loop of httpx: thirty documents are looked at, stamped ten at a time, and read.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import TOO_MANY_REQUESTS

import httpx

from tests.bench.baselines.walk import BATCH, READ, Pace, Walk
from worker.sandbox.accounts import Credentials


def walk(
    base_url: str, user: Credentials, ids: Sequence[str], pace: Pace, *, at_once: int = 4, until: float = math.inf
) -> Walk:
    """Emit them, `at_once` groups of thirty at a time, beginning none after `until` (by `time.time`)."""
    return asyncio.run(_Loop(base_url, user, pace, until).run(ids, at_once))


class _Loop:
    def __init__(self, base_url: str, user: Credentials, pace: Pace, until: float) -> None:
        self._base_url = base_url
        self._user = user
        self._pace = pace
        self._until = until

    async def run(self, ids: Sequence[str], at_once: int) -> Walk:
        done = Walk()
        groups = iter([ids[start : start + READ] for start in range(0, len(ids), READ)])
        async with httpx.AsyncClient(
            base_url=self._base_url, headers={"Authorization": self._user.authorization}, timeout=60, trust_env=False
        ) as http:
            await asyncio.gather(*(self._take(http, groups, done) for _ in range(at_once)))
        return done

    async def _take(self, http: httpx.AsyncClient, groups: Iterator[Sequence[str]], done: Walk) -> None:
        for group in groups:
            if time.time() >= self._until:
                return
            await self._read(http, group)
            chunks = [group[start : start + BATCH] for start in range(0, len(group), BATCH)]
            await asyncio.gather(
                *(self._ask(http, "POST", "/invoices/stamp", json={"ids": list(each)}) for each in chunks)
            )
            done.settle(await self._read(http, group))

    async def _read(self, http: httpx.AsyncClient, ids: Sequence[str]) -> Sequence[object]:
        rows: Sequence[object] = (await self._ask(http, "GET", "/invoices", params={"id": ",".join(ids)})).json()
        return rows

    async def _ask(
        self,
        http: httpx.AsyncClient,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        wait, window = self._pace.wait(), self._pace.window
        await asyncio.sleep(wait)
        response = await http.request(method, path, json=json, params=params)
        self._pace.heard(window)
        if response.status_code == TOO_MANY_REQUESTS:
            await asyncio.sleep(self._pace.patience)
            return await self._ask(http, method, path, json=json, params=params)
        return response.raise_for_status()
