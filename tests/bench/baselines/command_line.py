"""The command-line tool everyone has: chunks of ten in sequence, five requests a second at most, one read per code."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from http.client import TOO_MANY_REQUESTS
from typing import Final

import httpx

from tests.bench.baselines.walk import BATCH, Pace, Walk
from worker.sandbox.accounts import Credentials

REQUESTS_A_SECOND: Final = 5


def walk(base_url: str, user: Credentials, ids: Sequence[str], pace: Pace, *, until: float = math.inf) -> Walk:
    """Emit them one chunk after the other, beginning no request after `until` (by `time.time`)."""
    done = Walk()
    headers = {"Authorization": user.authorization}
    with httpx.Client(base_url=base_url, headers=headers, timeout=60, trust_env=False) as http:
        for start in range(0, len(ids), BATCH):
            chunk = ids[start : start + BATCH]
            if _ask(http, pace, until, "POST", "/invoices/stamp", {"ids": list(chunk)}) is None:
                break
            for each in chunk:
                if (answer := _ask(http, pace, until, "GET", f"/invoices/{each}")) is None:
                    return done
                done.settle([answer.json()])
    return done


def _ask(
    http: httpx.Client, pace: Pace, until: float, method: str, path: str, json: object = None
) -> httpx.Response | None:
    """The answer, in its turn; None when there is no time for it any more."""
    wait, window = pace.wait(), pace.window
    while time.time() + wait < until:
        time.sleep(wait)
        response = http.request(method, path, json=json)
        pace.heard(window)
        if response.status_code != TOO_MANY_REQUESTS:
            return response.raise_for_status()
        wait = pace.patience
    return None
