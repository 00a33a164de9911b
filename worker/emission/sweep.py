"""Sweep: finish what dead workers left, and rebuild what the broker lost. One round; beat calls it, tests call it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from timbre_producers.contracts import Status
from worker.emission.pauses import Pauses
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Announcer, Clock, Ledger, OpenBatch
from worker.emission.work import Move, Work, enter


@dataclass(frozen=True, slots=True)
class Swept:
    """What one round found."""

    abandoned: int
    """Documents of batches nobody picked up, back in the queue."""
    uncertain: int
    """Documents whose worker never came back from its call."""
    announced: Sequence[str]
    """Accounts with work, nudged."""
    probed: Sequence[str]
    """Paused accounts that could be reached again."""


class Sweep:
    """The verb behind task `timbre.sweep`: the database alone can rebuild every queue (rule 5)."""

    def __init__(
        self,
        ledger: Ledger,
        pauses: Pauses,
        announcer: Announcer,
        clock: Clock,
        configured: Callable[[], Collection[str]],
        policy_of: Callable[[str], Policy],
        worker: str,
    ) -> None:
        self._ledger = ledger
        self._pauses = pauses
        self._announcer = announcer
        self._clock = clock
        self._configured = configured
        self._policy_of = policy_of
        self._worker = worker

    def round(self) -> Swept:
        now = self._clock.now()
        configured = self._configured()
        abandoned = uncertain = 0
        for batch in self._ledger.open_batches():
            if batch.account not in configured:
                continue  # taken out of the accounts file: its rows wait until it is back
            policy = self._policy_of(batch.account)
            if batch.called_at is None:
                if now - batch.planned_at > policy.pickup_timeout:
                    abandoned += self._ledger.abandon(batch.id, now)
            elif now - batch.called_at > policy.stamp_timeout + policy.sweep_grace:
                uncertain += self._give_up_on(batch, policy, now)
        if uncertain:
            reached(Point.SWEEP_GAVE_UP)
        probed = self._pauses.probe(configured)
        accounts = [account for account in self._ledger.accounts_with_work(now) if account in configured]
        for account in accounts:
            self._announcer.dispatch(account)
        return Swept(abandoned, uncertain, accounts, probed)

    def _give_up_on(self, batch: OpenBatch, policy: Policy, now: datetime) -> int:
        """Its worker died or froze with the call perhaps on the wire: ask before anything is sent again."""
        left = [work for work in self._ledger.works_of_batch(batch.id) if work.status is Status.EMITTING]
        moves = [_uncertain(work, policy, now) for work in left]
        moved = self._ledger.record(
            batch.id, moves, now, actor=self._worker, state="lost", http_status=None, answer="no answer was recorded"
        )
        return len(moved)


def _uncertain(work: Work, policy: Policy, now: datetime) -> Move:
    silence: timedelta = now - work.since
    after = enter(work, Status.UNCERTAIN, now, next_read_at=now + policy.uncertain_schedule[0])
    return Move(work, after, f"its worker has not answered for {silence}; the call may have been executed")
