"""Timbre under load: drafts dealt, asked for and waited for; judged by the ledger before a figure is believed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Final
from uuid import UUID

from sqlalchemy import QueuePool

from tests.bench.judge import Asked, WrongResult, judge_ledger, judge_table
from tests.support.machine import Machine, await_workers
from timbre_producers import Receipt
from timbre_producers.contracts import Priority, Status
from worker.emission.lifecycle import FINISHED

LOOKS_EVERY: Final = 0.1
"""Seconds between two looks at the table; ends are read from its rows, not from when we looked."""

STALLS_AFTER: Final = 120.0
"""Seconds without a document moving after which nobody believes that one will."""

UNFINISHED: Final = ", ".join(f"'{status.value}'" for status in Status if status not in FINISHED)


@dataclass(frozen=True, slots=True)
class Drain:
    """Some documents, from the first request for them until the last one was settled."""

    documents: int
    began: float
    """By `time.time`, like every moment here."""
    settled: Sequence[float]
    """When each was settled, in order."""

    @property
    def pause(self) -> float:
        """The longest time in which none was settled: what was lost on the way and found again takes minutes."""
        return max(after - before for before, after in pairwise([self.began, *self.settled]))

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.settled[-1] - self.began

    @property
    def rate(self) -> float:
        """Documents a second."""
        return self.documents / self.seconds


class Timbre(Machine):
    """Workers and a beat on PostgreSQL that a question puts under load."""

    # Nobody hurts the database here, and a connection for every look would be load.
    pool = QueuePool

    asked: dict[str, list[str]]
    """Everything so far, by account: what the judge will want to see."""
    workers: list[subprocess.Popen[bytes]]

    def start(self, workers: int, app: str = "worker.app", *options: str) -> None:
        """So many workers and a beat; returns once they answer."""
        self.asked, self.workers = {}, []
        self.start_beat()
        self.add_workers(workers, app, *options)

    def add_workers(self, count: int, app: str = "worker.app", *options: str) -> None:
        """So many workers more; returns once all answer."""
        for number in range(len(self.workers), len(self.workers) + count):
            words = (f"--hostname=worker{number}@bench", "--without-gossip", "--without-mingle", *options)
            self.workers.append(self.start_program(app, "worker", *words))
        await_workers(self.redis_url, len(self.workers), lambda: f"The workers did not start:\n{self.logs()}")

    @property
    def pids(self) -> Sequence[int]:
        """The workers' process ids."""
        return [worker.pid for worker in self.workers]

    def deal(self, counts: Mapping[str, int]) -> dict[str, list[str]]:
        """New drafts in the sandbox, by account."""
        return {account: self.sandbox.add_drafts(account, count) for account, count in counts.items()}

    def ask(self, ids: Asked) -> Sequence[UUID]:
        """Ask for these, each account's in bulk; the ids of the requests."""
        return [each for account, of_account in ids.items() for each in self.ask_of(account, of_account).request_ids]

    def ask_of(self, account: str, ids: Sequence[str], priority: Priority = Priority.NORMAL) -> Receipt:
        """Ask for these documents of one account."""
        self.asked.setdefault(account, []).extend(ids)
        return self.client.emit(ids, account=account, priority=priority, requested_by="bench")

    def drain(self, counts: Mapping[str, int]) -> Drain:
        """Deal drafts, ask for them, and wait until all are settled."""
        ids = self.deal(counts)
        last = self.last_row()
        began = time.time()
        requests = self.ask(ids)
        self.await_intake(requests)
        self.await_rest(since=last)
        ended = self.sql("SELECT updated_at AS at FROM emissions WHERE id > :last AND status = 'stamped'", last=last)
        return Drain(sum(counts.values()), began, sorted(moment(row.at) for row in ended))

    def await_intake(self, requests: Sequence[UUID]) -> None:
        """Until all of these requests are written down."""
        wanted = [str(each) for each in requests]
        query = "SELECT count(*) AS times FROM requests WHERE request_id = ANY(:wanted)"
        self.await_none(
            lambda: len(wanted) - int(self.sql(query, wanted=wanted)[0].times), "requests were not written down"
        )

    def last_row(self) -> int:
        """The newest row of the table; 0 when there is none."""
        return int(self.sql("SELECT coalesce(max(id), 0) AS id FROM emissions")[0].id)

    def await_rest(self, since: int = 0) -> None:
        """Until everything that was written down after this row is settled.

        Only those are looked at: with a million finished ones, walking the table ten times a second would be half of
        what is measured.
        """
        query = f"SELECT count(*) AS times FROM emissions WHERE id > :since AND status IN ({UNFINISHED})"  # noqa: S608
        self.await_none(lambda: int(self.sql(query, since=since)[0].times), "documents did not come to rest")

    def settled(self, account: str) -> Mapping[str, float]:
        """When each stamped document of this account was settled."""
        query = "SELECT document_id, updated_at AS at FROM emissions WHERE account = :account AND status = 'stamped'"
        return {row.document_id: moment(row.at) for row in self.sql(query, account=account)}

    def judge_all(self) -> None:
        """Everything asked for was executed once, and the table has its code. Raises `WrongResult`."""
        codes = judge_ledger(self.sandbox, self.asked)
        query = (
            "SELECT account, document_id, status, fiscal_code FROM emissions "
            "WHERE account = :account AND document_id = ANY(:ids)"
        )
        for account, ids in self.asked.items():
            judge_table([tuple(row) for row in self.sql(query, account=account, ids=ids)], {account: ids}, codes)

    def await_none(self, left: Callable[[], int], complaint: str) -> None:
        """Until nothing is left; gives up when nothing moves. Raises `WrongResult`."""
        before, deadline = -1, 0.0
        while now_left := left():
            if now_left != before:
                before, deadline = now_left, time.monotonic() + STALLS_AFTER
            if time.monotonic() > deadline:
                raise WrongResult(f"{now_left} {complaint}\n{self.logs()}")
            time.sleep(LOOKS_EVERY)


def moment(at: datetime) -> float:
    """A database's instant, by `time.time`."""
    return at.timestamp()
