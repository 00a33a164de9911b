"""Create: one POST for one document. Lock, examine, claim and commit, call, record; an intent before any byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from timbre_producers.creations import CreationStatus
from worker.countries import COUNTRIES, Finding, preflight
from worker.creation.outcomes import Created, CreateOutcome, CreateReport, InDoubt, Invalid
from worker.creation.ports import CreationAnnouncer, CreationApi, Creations
from worker.creation.settle import adopted, rejected
from worker.creation.work import Creation, CreationMove, enter, must_be_looked_for
from worker.emission.kinds import KINDS
from worker.emission.look import PREFLIGHT, count_of, told
from worker.emission.outcomes import Answered, Deferred, ErrorClass, Outcome, Problem, Refused, Uncertain
from worker.emission.pauses import Pauses
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import AlegraUnavailable, Clock, CoordinationDown, Locks
from worker.emission.stamp import DEFERRED_PAUSE, SEND_WITHIN


class Creating:
    """The verb behind task `timbre.create_one`."""

    def __init__(
        self,
        creations: Creations,
        api: CreationApi,
        locks: Locks,
        pauses: Pauses,
        announcer: CreationAnnouncer,
        clock: Clock,
        policy_of: Callable[[str], Policy],
        worker: str,
    ) -> None:
        self._creations = creations
        self._api = api
        self._locks = locks
        self._pauses = pauses
        self._announcer = announcer
        self._clock = clock
        self._policy_of = policy_of
        self._worker = worker

    def run(self, creation_id: int) -> CreationStatus | None:
        """Post one creation; None when it is no longer ours to send (redelivered, late, taken: rule 6)."""
        planned = next(iter(self._creations.by_ids([creation_id])), None)
        if planned is None or planned.status is not CreationStatus.QUEUED or planned.planned_at is None:
            return None
        policy = self._policy_of(planned.account)
        with self._locks.hold([planned.lock]) as held:
            if planned.lock not in held:
                return None
            reached(Point.CREATE_LOCKED)
            claimed = self._claimed(planned, policy)
            if claimed is None:
                self._announcer.creations(planned.account)
                return None
            reached(Point.CREATE_CLAIMED)
            report = self._api.create(
                claimed.account,
                KINDS[claimed.kind],
                claimed.reference,
                claimed.body,
                not_after=claimed.since + min(SEND_WITHIN, policy.stamp_timeout),
            )
            reached(Point.CREATE_ANSWERED)
            status = self._record(claimed, report, policy)
            reached(Point.CREATE_RECORDED)
        self._announcer.creations(claimed.account)
        if status is CreationStatus.CREATED and claimed.emits:
            self._announcer.dispatch(claimed.account)
        return status

    def _claimed(self, planned: Creation, policy: Policy) -> Creation | None:
        """The creation under its next attempt, its intent committed (rule 1); None when it is not to be sent now."""
        now = self._clock.now()
        if must_be_looked_for(planned, policy, now):
            self._give_back(planned, now, "its look is too old to be believed")
            return None
        try:
            draft = self._api.draft(planned.account, KINDS[planned.kind], planned.body)
        except (AlegraUnavailable, CoordinationDown) as unknown:
            self._give_back(planned, now + policy.uncertain_schedule[0], f"not examined: {unknown}")
            return None
        findings = preflight(draft, COUNTRIES[draft.country].today(now))
        blocks = [finding for finding in findings if finding.blocks]
        evidence = {PREFLIGHT: [finding.as_json() for finding in findings]} if findings else {}
        if blocks and planned.preflight:
            problem = Problem(ErrorClass.DATA, PREFLIGHT, told(blocks))
            reason = f"pre-flight found {count_of(blocks)}; nothing was sent"
            self._apply(rejected(planned, problem, reason, now, evidence), now)
            return None
        # Again: to examine it may have meant to ask Alegra for the country.
        now = self._clock.now()
        calling = enter(
            planned, CreationStatus.CREATING, now, attempt=planned.attempt + 1, planned_at=planned.planned_at
        )
        move = CreationMove(planned, calling, _intent(calling, findings, blocks), evidence)
        return calling if self._apply(move, now) else None

    def _give_back(self, planned: Creation, at: datetime, why: str) -> None:
        later = replace(planned, planned_at=None, next_look_at=at)
        self._apply(CreationMove(planned, later, why, silent=True), self._clock.now())

    def _record(self, claimed: Creation, report: CreateReport, policy: Policy) -> CreationStatus | None:
        now = self._clock.now()
        move = after_call(claimed, report, policy, now)
        if not self._apply(move, now):
            # Somebody took this worker for dead and moved on: its word is kept as evidence, never as a status.
            reason = f"discrepancy: a late answer for attempt {claimed.attempt} would have said: {move.reason}"
            self._creations.note(claimed, reason, move.evidence, now, actor=self._worker)
            return None
        self._pauses.weigh(claimed.account, [_for_the_account(report.outcome)])
        return move.after.status

    def _apply(self, move: CreationMove, now: datetime) -> bool:
        return bool(self._creations.apply([move], now, actor=self._worker))


def after_call(creation: Creation, report: CreateReport, policy: Policy, now: datetime) -> CreationMove:
    """Where a creation stands after its POST, by what the answer says and nothing else."""
    outcome = report.outcome
    evidence: dict[str, Any] = {"outcome": type(outcome).__name__, **asdict(outcome)}
    evidence |= {"http_status": report.http_status, "answer": report.excerpt}
    match outcome:
        case Created(document_id=document_id, marked=marked):
            move = adopted(creation, document_id, "Alegra answered: created", now, evidence)
            if marked:
                return move
            return replace(move, reason=f"{move.reason}, without showing its reference in it", alert=True)
        case Invalid(problem=problem) if creation.attempt > 1:
            # What an earlier attempt left may be the very reason: a refused duplicate must not end as "not created".
            return _uncertain(creation, f"refused: {_said(problem)}", policy, now, evidence, problem=problem)
        case Invalid(problem=problem):
            return rejected(creation, problem, f"rejected, nothing was created: {_said(problem)}", now, evidence)
        case InDoubt(cause=cause, stamp_failed=stamp_failed, problem=problem):
            failed = stamp_failed or creation.stamp_failed
            return _uncertain(creation, cause, policy, now, evidence, stamp_failed=failed, problem=problem)
        case Deferred(reason=reason, retry_in=retry_in):
            after = _back_in_queue(creation, now, now + (retry_in or DEFERRED_PAUSE))
            return CreationMove(creation, after, f"not executed: {reason}", evidence)
        case Refused(problem=problem):
            after = _back_in_queue(creation, now, now + DEFERRED_PAUSE)
            return CreationMove(creation, after, f"not executed, the account was refused: {problem.message}", evidence)


def _uncertain(
    creation: Creation, cause: str, policy: Policy, now: datetime, evidence: Mapping[str, Any], **known: Any
) -> CreationMove:
    first_look = now + policy.uncertain_schedule[0]
    after = enter(creation, CreationStatus.UNCERTAIN, now, next_look_at=first_look, **known)
    return CreationMove(creation, after, f"it may have been created: {cause}", evidence)


def _back_in_queue(creation: Creation, now: datetime, due: datetime) -> Creation:
    """The attempt was not spent: nothing was on the wire."""
    return enter(creation, CreationStatus.QUEUED, now, next_look_at=due, attempt=creation.attempt - 1)


def _for_the_account(outcome: CreateOutcome) -> Outcome:
    """What the answer says about the account as a whole."""
    match outcome:
        case Created() | Invalid():
            return Answered()
        case InDoubt(cause=cause):
            return Uncertain(cause)
        case _:
            return outcome


def _intent(calling: Creation, findings: tuple[Finding, ...], blocks: list[Finding]) -> str:
    intent = f"intent committed before the call, attempt {calling.attempt}"
    if blocks:
        return f"{intent}; goes unvalidated, with {count_of(blocks)}: {told(blocks)}"
    return f"{intent}; with {count_of(findings)}: {told(findings)}" if findings else intent


def _said(problem: Problem) -> str:
    return f"{problem.code} {problem.message}".strip()
