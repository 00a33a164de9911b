"""Stamp: one call for one batch. Lock, claim and commit, call, record; nothing leaves without a written intent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

from timbre_producers.contracts import Status
from worker.emission.dispatch import believable
from worker.emission.kinds import KINDS
from worker.emission.outcomes import Answered, Deferred, Outcome, Problem, Refused, StampReport, Uncertain
from worker.emission.pauses import Pauses
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Announcer, Clock, InvoicingApi, Ledger, Locks
from worker.emission.work import Move, Work, enter

SEND_WITHIN = timedelta(seconds=30)
"""A worker that could not send this long after its intent (frozen, starved) no longer may: others may have moved on.

Where the stamp timeout is shorter, that holds, for it is what the sweep counts by.
"""

DEFERRED_PAUSE = timedelta(seconds=2)
"""Before a call that was not executed is tried again, when Alegra named no time."""


class Stamping:
    """The verb behind task `timbre.stamp`."""

    def __init__(
        self,
        ledger: Ledger,
        api: InvoicingApi,
        locks: Locks,
        pauses: Pauses,
        announcer: Announcer,
        clock: Clock,
        policy_of: Callable[[str], Policy],
        worker: str,
    ) -> None:
        self._ledger = ledger
        self._api = api
        self._locks = locks
        self._pauses = pauses
        self._announcer = announcer
        self._clock = clock
        self._policy_of = policy_of
        self._worker = worker

    def run(self, batch_id: str) -> Mapping[str, Outcome]:
        """Send one planned batch; empty when it is no longer ours to send (redelivered, late, taken: rule 6)."""
        planned = self._ledger.planned(batch_id)
        if not planned:
            return {}
        account, kind = planned[0].account, KINDS[planned[0].kind]
        policy = self._policy_of(account)
        with self._locks.hold(planned) as held:
            reached(Point.STAMP_LOCKED)
            now = self._clock.now()

            def fit(work: Work) -> bool:
                return work.document in held and believable(work, policy, now)

            claimed = self._ledger.claim(batch_id, fit, worker=self._worker, now=now)
            if not claimed:
                return {}
            reached(Point.STAMP_CLAIMED)
            report = self._api.stamp(
                account,
                kind,
                [work.document.document_id for work in claimed],
                not_after=now + min(SEND_WITHIN, policy.stamp_timeout),
            )
            reached(Point.STAMP_ANSWERED)
            self._record(batch_id, claimed, report, policy)
            reached(Point.STAMP_RECORDED)
        self._announcer.dispatch(account)
        return report.outcomes

    def _record(self, batch_id: str, claimed: Sequence[Work], report: StampReport, policy: Policy) -> None:
        now = self._clock.now()
        outcomes = {work: report.outcomes[work.document.document_id] for work in claimed}
        moves = [after_call(work, outcome, policy, now, size=len(claimed)) for work, outcome in outcomes.items()]
        moved = self._ledger.record(
            batch_id,
            moves,
            now,
            actor=self._worker,
            state=batch_state(report),
            http_status=report.http_status,
            answer=report.excerpt,
        )
        for move in moves:
            if move.before.id not in moved:
                self._too_late(move, now)
        self._pauses.weigh(claimed[0].document.account, list(outcomes.values()))

    def _too_late(self, move: Move, now: datetime) -> None:
        """Somebody took this worker for dead and moved on: its word is kept as evidence, never as a status."""
        self._ledger.note(
            move.before,
            f"discrepancy: a late answer for attempt {move.before.attempt} would have said: {move.reason}",
            move.evidence,
            now,
            actor=self._worker,
            alert=True,
        )


def after_call(work: Work, outcome: Outcome, policy: Policy, now: datetime, *, size: int) -> Move:
    """Where one document stands after a call of `size` documents, by what the answer says of it and nothing else."""
    evidence = {"outcome": type(outcome).__name__, **asdict(outcome)}
    match outcome:
        case Answered(problem=problem):
            after = enter(
                work,
                Status.CONFIRMING,
                now,
                next_read_at=now + policy.confirm_schedule[0],
                problem=problem,
                batch_refused=outcome.whole_batch,
                batch_limit=min(work.batch_limit, size) if outcome.whole_batch else work.batch_limit,
            )
            return Move(work, after, _said(problem), evidence)
        case Uncertain(cause=cause):
            after = enter(work, Status.UNCERTAIN, now, next_read_at=now + policy.uncertain_schedule[0])
            return Move(work, after, f"the answer was lost: {cause}", evidence)
        case Deferred(reason=reason, retry_in=retry_in):
            after = _back_in_queue(work, now, now + (retry_in or DEFERRED_PAUSE))
            return Move(work, after, f"not executed: {reason}", evidence)
        case Refused(problem=problem):
            after = _back_in_queue(work, now, now + DEFERRED_PAUSE)
            return Move(work, after, f"not executed, the account was refused: {problem.message}", evidence)


def batch_state(report: StampReport) -> str:
    """The one word the batch is closed with."""
    kinds = {type(outcome) for outcome in report.outcomes.values()}
    for kind, state in ((Answered, "answered"), (Uncertain, "lost"), (Refused, "refused")):
        if kind in kinds:
            return state
    return "deferred"


def _back_in_queue(work: Work, now: datetime, look_at: datetime) -> Work:
    """The attempt was not spent: nothing was on the wire. The document is looked at anew before it goes again."""
    queued = enter(work, Status.QUEUED, now, next_read_at=look_at)
    return replace(queued, attempt=work.attempt - 1, batch_id=None)


def _said(problem: Problem | None) -> str:
    if problem is None:
        return "Alegra answered: emitted"
    return f"Alegra answered with an error: {problem.code} {problem.message}".strip()
