"""Sweep of creations: give up on dead workers' POSTs, hand out anew what nobody picked up, nudge what is due."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from timbre_producers.creations import CreationStatus
from worker.creation.ports import CreationAnnouncer, Creations
from worker.creation.work import Creation, CreationMove, enter
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Clock


@dataclass(frozen=True, slots=True)
class CreationsSwept:
    """What one round found."""

    abandoned: int
    """POSTs nobody picked up, back in the queue."""
    uncertain: int
    """POSTs whose worker never came back."""
    announced: Sequence[str]
    """Accounts with work, nudged."""


class CreationSweep:
    """A part of task `timbre.sweep`: the database alone can rebuild every queue (rule 5)."""

    def __init__(
        self,
        creations: Creations,
        announcer: CreationAnnouncer,
        clock: Clock,
        configured: Callable[[], Collection[str]],
        policy_of: Callable[[str], Policy],
        worker: str,
    ) -> None:
        self._creations = creations
        self._announcer = announcer
        self._clock = clock
        self._configured = configured
        self._policy_of = policy_of
        self._worker = worker

    def round(self) -> CreationsSwept:
        now = self._clock.now()
        configured = self._configured()
        moves = [
            move
            for each in self._creations.calling()
            # Taken out of the accounts file, its rows wait until it is back.
            if each.account in configured and (move := overdue(each, self._policy_of(each.account), now))
        ]
        moved = self._creations.apply(moves, now, actor=self._worker)
        lost = [move for move in moves if move.before.id in moved and move.after.status is CreationStatus.UNCERTAIN]
        if lost:
            reached(Point.CREATIONS_GIVEN_UP)
        accounts = [each for each in self._creations.accounts_with_work(now) if each in configured]
        for account in accounts:
            self._announcer.creations(account)
        return CreationsSwept(len(moved) - len(lost), len(lost), accounts)


def overdue(creation: Creation, policy: Policy, now: datetime) -> CreationMove | None:
    """What becomes of a POST that was handed out and has not ended in its time."""
    if creation.status is CreationStatus.QUEUED:
        if creation.planned_at is None or now - creation.planned_at <= policy.pickup_timeout:
            return None
        later: datetime = now
        return CreationMove(
            creation, replace(creation, planned_at=None, next_look_at=later), "nobody picked it up", silent=True
        )
    if now - creation.since <= policy.stamp_timeout + policy.sweep_grace:
        return None
    uncertain = enter(creation, CreationStatus.UNCERTAIN, now, next_look_at=now + policy.uncertain_schedule[0])
    silence = now - creation.since
    return CreationMove(
        creation, uncertain, f"its worker has not answered for {silence}; the document may have been created"
    )
