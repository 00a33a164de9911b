"""Reading: one request answers for up to thirty documents, looked at before sending or settled after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from timbre_producers.contracts import Status
from worker.emission.kinds import KINDS
from worker.emission.lifecycle import FINISHED, SETTLING
from worker.emission.look import look
from worker.emission.observation import ReadReport, Remote
from worker.emission.pauses import Pauses
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Announcer, Clock, InvoicingApi, Ledger, Locks
from worker.emission.prerequisites import Prerequisites
from worker.emission.settle import no_news, settle
from worker.emission.work import Move, Work

BUSY_FOR: Final = timedelta(seconds=5)
"""A document that somebody holds is asked for again after so long: mostly whoever sent it was about to let it go."""


class Reading:
    """The verb behind task `timbre.read`."""

    def __init__(
        self,
        ledger: Ledger,
        api: InvoicingApi,
        locks: Locks,
        prerequisites: Prerequisites,
        pauses: Pauses,
        announcer: Announcer,
        clock: Clock,
        policy_of: Callable[[str], Policy],
        worker: str,
    ) -> None:
        self._ledger = ledger
        self._api = api
        self._locks = locks
        self._prerequisites = prerequisites
        self._pauses = pauses
        self._announcer = announcer
        self._clock = clock
        self._policy_of = policy_of
        self._worker = worker

    def run(self, account: str, kind: str, ids: Sequence[str]) -> Sequence[Move]:
        """Read what still waits for a read, and move each document by what it shows. Returns the moves made."""
        awaiting = [work for work in self._ledger.works(account, kind, ids) if awaits_a_read(work)]
        if not awaiting:
            return []
        policy = self._policy_of(account)
        with self._locks.hold([work.document for work in awaiting]) as held:
            mine = [work for work in awaiting if work.document in held]
            self.come_back([work for work in awaiting if work.document not in held], self._clock.now())
            if not mine:
                return []
            reached(Point.READ_LOCKED)
            # What a read shows is as old as its question: a worker that was frozen before it wrote it down must not
            # make a look fresh, or two reads a second apart span the quiet window.
            asked_at = self._clock.now()
            report = self._api.read(account, KINDS[kind], [work.document.document_id for work in mine])
            reached(Point.READ_ANSWERED)
            waits = self._waits(account, kind, mine, report)
            moves = [judge(work, report, policy, asked_at, waits.get(work.document.document_id, "")) for work in mine]
            now = self._clock.now()
            moved = self._ledger.apply(moves, now, actor=self._worker)
            reached(Point.READ_RECORDED)
        self._keep_codes([move for move in moves if move.before.id not in moved], now)
        if report.refused:
            self._pauses.pause(account, report.refused)
        if len(mine) < len(awaiting) or not all(move.before.id in moved and ends(move) for move in moves):
            self._announcer.dispatch(account)
        return [move for move in moves if move.before.id in moved]

    def come_back(self, busy: Sequence[Work], now: datetime) -> None:
        """Somebody else is busy with these, for moments: their read falls due again soon, and not when its lease ends.

        A row that was moved meanwhile has a schedule of its own, which it keeps.
        """
        again = now + BUSY_FOR
        leased = [work for work in busy if work.next_read_at is None or work.next_read_at > again]
        moves = [
            Move(work, replace(work, next_read_at=again), "somebody is busy with it", silent=True) for work in leased
        ]
        if self._ledger.apply(moves, now, actor=self._worker):
            self._announcer.dispatch(leased[0].document.account, delay=BUSY_FOR)

    def _waits(self, account: str, kind: str, works: Sequence[Work], report: ReadReport) -> Mapping[str, str]:
        """Which of those that could be sent must wait for another document, and why."""
        fit = [
            seen
            for work in works
            if work.status is Status.QUEUED
            and (seen := report.observations.get(work.document.document_id)) is not None
            and seen.remote in {Remote.UNSTAMPED, Remote.REJECTED}
        ]
        return self._prerequisites.unmet(account, KINDS[kind], fit)

    def _keep_codes(self, late: Sequence[Move], now: datetime) -> None:
        """Somebody else moved these rows meanwhile; a fiscal code is evidence all the same (rule 6)."""
        for move in late:
            if move.after.fiscal_code != move.before.fiscal_code:  # a code once seen is never erased
                self._ledger.note(
                    move.before,
                    f"discrepancy: a late read brought the code {move.after.fiscal_code}",
                    move.evidence,
                    now,
                    actor=self._worker,
                    alert=True,
                )


def ends(move: Move) -> bool:
    """A sent document has come to its end: no round has anything to do for it, or can do more for others."""
    return move.before.status in SETTLING and move.after.status in FINISHED


def awaits_a_read(work: Work) -> bool:
    """Sent and unsettled, or queued and neither looked at nor in a batch."""
    if work.status is Status.QUEUED:
        return work.batch_id is None and work.ready_at is None
    return work.status in SETTLING


def judge(work: Work, report: ReadReport, policy: Policy, now: datetime, waits_for: str = "") -> Move:
    """What the read decides about one document."""
    seen = report.observations.get(work.document.document_id)
    if seen is None:
        return no_news(work, report.failure or "Alegra did not answer for it", policy, now)
    if work.status is Status.QUEUED:
        return look(work, seen, policy, now, waits_for)
    return settle(work, seen, policy, now)
