"""Pace with a real worker and a strict quota: no 429, accounts that do not wait for each other, Redis wiped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.support.machine import Machine, a_machine, await_that

LIMIT, WINDOW = 12, 5
"""Requests, seconds: the big account needs three windows, a small one a third of one."""


@pytest.fixture
def machine(sqlite_url: str, redis_url: str, tmp_path: Path) -> Iterator[Machine]:
    with a_machine(tmp_path, redis_url=redis_url, database_url=sqlite_url) as machine:
        machine.environ |= {
            "TIMBRE_REQUESTS_PER_MINUTE": str(LIMIT),
            "TIMBRE_QUOTA_WINDOW": str(WINDOW),
            "TIMBRE_STAMP_TIMEOUT": "60",
            "TIMBRE_READ_TIMEOUT": "60",
            "TIMBRE_PICKUP_TIMEOUT": "20",
        }
        machine.sandbox.faults.set(quota_limit=LIMIT, quota_window=WINDOW)
        yield machine


def test_small_accounts_are_done_while_a_big_one_still_runs_and_a_wiped_redis_makes_no_429(machine: Machine) -> None:
    sizes = {"big": 150, **{f"small{number}": 20 for number in range(4)}}
    for account in sizes:
        machine.add_account(account)
    drafts = {account: machine.sandbox.add_drafts(account, size) for account, size in sizes.items()}
    machine.start_worker()
    machine.start_beat()
    for account, ids in drafts.items():
        machine.client.emit(ids, account=account)
    await_that(lambda: len(machine.statuses()) == sum(sizes.values()), machine.logs)
    machine.await_end("small0", drafts["small0"])
    with Redis.from_url(machine.redis_url) as redis:
        redis.flushdb()
    for account, ids in drafts.items():
        machine.await_end(account, ids)
    last = {entry["account"]: place for place, entry in enumerate(machine.sandbox.ledger())}
    assert max(last, key=last.__getitem__) == "big"
    assert machine.sandbox.duplicates() == []
    assert machine.sandbox.stats()["throttled"] == 0
