"""Sweep: finish what dead workers left, and rebuild what the broker lost. One round; beat calls it, tests call it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from timbre_producers.contracts import Status
from worker.countries import COUNTRIES, Country
from worker.emission.pauses import Pauses
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Announcer, Clock, Ledger, OpenBatch
from worker.emission.work import Move, Work, enter

WARNED_AT_ONCE: Final = 500
"""Deadlines told in one round; the next round tells the rest."""


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
    late: int = 0
    """Documents whose time to be sent, by law, is running out."""


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
        late = self._warn_of_deadlines(configured, now)
        probed = self._pauses.probe(configured)
        accounts = [account for account in self._ledger.accounts_with_work(now) if account in configured]
        for account in accounts:
            self._announcer.dispatch(account)
        return Swept(abandoned, uncertain, accounts, probed, late)

    def _warn_of_deadlines(self, configured: Collection[str], now: datetime) -> int:
        """Tell of each document whose time to be sent runs out, once."""
        overdue = [work for work in self._ledger.overdue(now, WARNED_AT_ONCE) if work.document.account in configured]
        moves = [_late(work, COUNTRIES[self._policy_of(work.document.account).country]) for work in overdue]
        return len(self._ledger.apply(moves, now, actor=self._worker))

    def _give_up_on(self, batch: OpenBatch, policy: Policy, now: datetime) -> int:
        """Its worker died or froze with the call perhaps on the wire: ask before anything is sent again."""
        left = [work for work in self._ledger.works_of_batch(batch.id) if work.status is Status.EMITTING]
        moves = [_uncertain(work, policy, now) for work in left]
        moved = self._ledger.record(
            batch.id, moves, now, actor=self._worker, state="lost", http_status=None, answer="no answer was recorded"
        )
        return len(moved)


def _late(work: Work, country: Country) -> Move:
    until = f"{work.send_by:%Y-%m-%d %H:%M} UTC" if work.send_by else "soon"
    law = country.law_of(work.send_by, work.snapshot.date if work.snapshot else None)
    reason = f"the law lets it be sent until {until}, and it has not been" + (
        f": {law.en} ({law.source})" if law else ""
    )
    return Move(work, replace(work, warn_at=None), reason, {"send_by": work.send_by}, alert=True)


def _uncertain(work: Work, policy: Policy, now: datetime) -> Move:
    silence: timedelta = now - work.since
    after = enter(work, Status.UNCERTAIN, now, next_read_at=now + policy.uncertain_schedule[0])
    return Move(work, after, f"its worker has not answered for {silence}; the call may have been executed")
