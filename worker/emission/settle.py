"""Settle: what one read decides about a document that was sent. It only ever reads; it never sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from timbre_producers.contracts import Status
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.policy import Policy, Schedule
from worker.emission.work import Move, Work, enter, evidence_of


def settle(work: Work, seen: Observation, policy: Policy, now: datetime) -> Move:
    """The move of a confirming, waiting or uncertain document that was just read."""
    move = _decided(work, seen, policy, now)
    if move.after.status is Status.QUEUED and seen.carries_code:
        # Nobody can tell a code of an earlier sending from one that our call has just brought.
        return _hold(work, move.before, now, "it is shown as not emitted, and yet with a fiscal code", move.evidence)
    return move


def _decided(work: Work, seen: Observation, policy: Policy, now: datetime) -> Move:
    shown = work.showing(seen)
    evidence = evidence_of(work, seen)
    match seen.remote:
        case Remote.ACCEPTED:
            stamped = enter(shown, Status.STAMPED, now, problem=None)
            return Move(work, stamped, f"a read shows it accepted: {seen.legal_status or 'code valid'}", evidence)
        case Remote.REJECTED if not _rejected_before_it_was_sent(work):
            return _rejected(work, shown, seen, now, evidence)
        case Remote.REJECTED:
            return _rejected_as_before(work, _counted(work, shown, seen, now), seen, policy, now, evidence)
        case Remote.UNSTAMPED:
            return _unstamped(work, shown, seen, policy, now, evidence)
        case Remote.IN_PROCESS if work.status is Status.WAITING:
            return _read_again(
                work, shown, policy.waiting_schedule, now, "the authority has not answered yet", evidence
            )
        case Remote.IN_PROCESS:
            waiting = enter(shown, Status.WAITING, now, next_read_at=now + policy.waiting_schedule[0])
            return Move(work, waiting, "the authority has it and has not answered", evidence)
        case Remote.DUBIOUS:
            return _hold(work, shown, now, seen.reason, evidence)
        case Remote.VOID | Remote.MISSING | Remote.NOT_ELECTRONIC | Remote.FOREIGN:
            reason = f"it was sent, and Alegra now shows it as {seen.remote.value.replace('_', ' ')}"
            return _hold(work, shown, now, reason, evidence)


def no_news(work: Work, cause: str, policy: Policy, now: datetime) -> Move:
    """A read that failed is no news and does not count (rule 4); only the end of the schedule makes it matter.

    To a document that was not sent it never matters: it may have waited for days, and can wait on.
    """
    schedule = schedule_of(work.status, policy)
    if work.status is Status.QUEUED:
        look_at = now + max(schedule[0], policy.linger)
        return Move(work, replace(work, next_read_at=look_at), f"no news: {cause}", {"failure": cause}, silent=True)
    if now - work.since > sum(schedule, policy.quiet_window):
        return _hold(work, work, now, f"no news until its reading schedule ended; last: {cause}", {"failure": cause})
    retry_at = now + max(schedule[min(work.reads, len(schedule) - 1)], policy.linger)
    return Move(work, replace(work, next_read_at=retry_at), f"no news: {cause}", {"failure": cause}, silent=True)


def schedule_of(status: Status, policy: Policy) -> Schedule:
    """The delays between the reads of a document in this status."""
    match status:
        case Status.CONFIRMING:
            return policy.confirm_schedule
        case Status.WAITING:
            return policy.waiting_schedule
        case _:
            return policy.uncertain_schedule


def _unstamped(
    work: Work, shown: Work, seen: Observation, policy: Policy, now: datetime, evidence: dict[str, Any]
) -> Move:
    """Alegra shows it as not emitted. Whether that is believed depends on what is known of the call."""
    if work.snapshot is not None and not seen.snapshot.same_document_as(work.snapshot):
        return _hold(work, shown, now, "two reads show it unstamped but with different contents", evidence)
    counted = _counted(work, shown, seen, now)
    match work.status, work.problem:
        case Status.CONFIRMING, _ if (doubt := _doubt(work, seen)) and not _proven_unstamped(counted, policy, now):
            why = f"{doubt}, and it is shown unstamped; not proven yet"
            return _read_again(work, counted, policy.confirm_schedule, now, why, evidence, policy)
        case Status.CONFIRMING, Problem(error_class=ErrorClass.DATA):
            return _refused_data(work, counted, now, evidence)
        case Status.CONFIRMING, Problem(error_class=ErrorClass.CONFIGURATION, blames_account=True):
            queued = _queue_again(counted, now)
            return Move(work, queued, "not emitted: the account was refused; it waits for the account", evidence)
        case Status.CONFIRMING, Problem(error_class=ErrorClass.CONFIGURATION):
            return _refused_data(work, counted, now, evidence)
        case Status.CONFIRMING, Problem(error_class=ErrorClass.IN_PROCESS):
            waiting = enter(shown, Status.WAITING, now, next_read_at=now + policy.waiting_schedule[0])
            return Move(work, waiting, "Alegra says it is in process; waiting for the verdict", evidence)
        case (Status.CONFIRMING, Problem(error_class=ErrorClass.TRANSIENT)) | (Status.UNCERTAIN, _):
            return _send_again_if_proven(work, counted, policy, now, evidence)
        case Status.WAITING, _:
            if _proven_unstamped(counted, policy, now):
                return _hold(work, counted, now, "it was in process, and now reads show it was never emitted", evidence)
            return _read_again(work, counted, policy.waiting_schedule, now, "shown unstamped while waiting", evidence)
        case _:
            # Alegra said emitted, or already sent: reads must come to agree, or a person must look.
            return _read_again(work, counted, policy.confirm_schedule, now, "answered, but not shown yet", evidence)


def _doubt(work: Work, seen: Observation) -> str:
    """Why a refusal is no more certain than a lost answer (rule 4); empty when nothing speaks against it."""
    if work.batch_refused:
        return "its batch was refused whole, without naming it"
    if work.problem is None or work.problem.error_class not in {ErrorClass.DATA, ErrorClass.CONFIGURATION}:
        return ""
    numbered = work.snapshot is not None and work.snapshot.number is None and seen.snapshot.number is not None
    # An ordinary refusal is decided by its first read, so only such a document has been shown unstamped before.
    if numbered or work.unstamped_reads:
        return "it was refused, and yet given a number by the call"
    return ""


def _refused_data(work: Work, shown: Work, now: datetime, evidence: dict[str, Any]) -> Move:
    """An explicit error and a read that agrees: rejected. A batch refused as one is split instead (rule 3)."""
    problem = work.problem
    if problem is None:
        raise ValueError("a refusal needs its problem")
    if work.batch_refused and work.batch_limit > 1:
        queued = _queue_again(
            replace(shown, batch_limit=smaller_than(work.batch_limit), split_from=work.batch_id, problem=None), now
        )
        return Move(work, queued, f"its batch was refused whole ({problem.code}); tried in a smaller one", evidence)
    rejected = enter(shown, Status.REJECTED, now)
    return Move(work, rejected, f"rejected: {problem.code} {problem.message}".strip(), evidence)


def smaller_than(size: int) -> int:
    """The batches in which the documents of a refused one are tried next: ten, then fours, then each alone.

    Each step costs a quiet window of reads, so there are only two; one bad document among ten is found in at most
    eight calls.
    """
    return 4 if size > 4 else 1


def _rejected(work: Work, shown: Work, seen: Observation, now: datetime, evidence: dict[str, Any]) -> Move:
    problem = _rejection(work, seen)
    rejected = enter(shown, Status.REJECTED, now, problem=problem)
    return Move(work, rejected, f"the authority rejected it: {problem.message}", evidence)


def _rejected_as_before(
    work: Work, counted: Work, seen: Observation, policy: Policy, now: datetime, evidence: dict[str, Any]
) -> Move:
    """The verdict is there, but may be the old one: believed when it still stands after the quiet window."""
    if _proven_unstamped(counted, policy, now):
        return _rejected(work, counted, seen, now, evidence)
    why = "shown rejected as before it was sent; not proven yet"
    return _read_again(work, counted, schedule_of(work.status, policy), now, why, evidence, policy)


def _counted(work: Work, shown: Work, seen: Observation, now: datetime) -> Work:
    """One more consecutive read that shows it not emitted; the proof begins anew when its number changed meanwhile."""
    if work.snapshot is not None and seen.snapshot.number != work.snapshot.number:
        # Alegra numbered it between two reads: our call is at work. Rule 4 asks for the same number in all of them.
        return replace(shown, snapshot=seen.snapshot, unstamped_since=now, unstamped_reads=1)
    return replace(
        shown,
        snapshot=seen.snapshot,
        unstamped_since=work.unstamped_since or now,
        unstamped_reads=work.unstamped_reads + 1,
    )


def _send_again_if_proven(work: Work, counted: Work, policy: Policy, now: datetime, evidence: dict[str, Any]) -> Move:
    """Rule 4: never resend on doubt."""
    if not _proven_unstamped(counted, policy, now):
        schedule = schedule_of(work.status, policy)
        return _read_again(work, counted, schedule, now, "shown unstamped; not proven yet", evidence, policy)
    proof = f"{counted.unstamped_reads} reads over {policy.quiet_window} show it unstamped"
    if work.attempt >= policy.max_attempts:
        return _hold(work, counted, now, f"{proof}, and it was already sent {work.attempt} times", evidence)
    return Move(work, _queue_again(counted, now), f"{proof}: it may be sent again", evidence)


def _proven_unstamped(counted: Work, policy: Policy, now: datetime) -> bool:
    return (
        counted.unstamped_reads >= 2
        and counted.unstamped_since is not None
        and now - counted.unstamped_since >= policy.quiet_window
    )


def _queue_again(work: Work, now: datetime) -> Work:
    return replace(enter(work, Status.QUEUED, now, next_read_at=now), batch_id=None, batch_refused=False)


def _read_again(
    work: Work,
    shown: Work,
    schedule: Schedule,
    now: datetime,
    why: str,
    evidence: dict[str, Any],
    policy: Policy | None = None,
) -> Move:
    """The schedule's next read; with a policy, the read that completes a proof, which waits for no schedule's step."""
    reads = work.reads + 1
    proof_at = shown.unstamped_since + policy.quiet_window if policy and shown.unstamped_since else None
    scheduled_at = now + schedule[reads] if reads < len(schedule) else None
    ahead = [moment for moment in (proof_at, scheduled_at) if moment is not None and moment > now]
    if not ahead:
        return _hold(work, shown, now, f"no verdict until its reading schedule ended; last: {why}", evidence)
    next_read_at = min(ahead)
    return Move(work, replace(shown, reads=reads, next_read_at=next_read_at), why, evidence)


def _hold(work: Work, shown: Work, now: datetime, reason: str, evidence: Mapping[str, Any]) -> Move:
    return Move(work, enter(shown, Status.HELD, now, held_reason=reason), f"held: {reason}", evidence, alert=True)


def _rejected_before_it_was_sent(work: Work) -> bool:
    """The look before sending already showed a rejection: seeing it again says nothing about our call.

    Unless Alegra's answer itself refused this document by name.
    """
    match work.status, work.problem:
        case Status.CONFIRMING, Problem(error_class=ErrorClass.DATA) if not work.batch_refused:
            return False
        case _:
            return "REJECT" in (work.legal_status or "")


def _rejection(work: Work, seen: Observation) -> Problem:
    if work.problem and work.problem.error_class is ErrorClass.DATA:
        return work.problem
    return Problem(ErrorClass.DATA, seen.legal_status or "rejected", seen.reason or "rejected by the tax authority")
