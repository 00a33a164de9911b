"""Settle: what one sweep for its reference decides about a creation. It only ever reads; it never sends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from timbre_producers.creations import CreationStatus
from worker.creation.outcomes import Found, SweepReport
from worker.creation.work import Creation, CreationMove, enter, stands_nowhere_sure
from worker.emission.kinds import KINDS
from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.policy import Policy


def judge(creation: Creation, report: SweepReport, policy: Policy, now: datetime) -> CreationMove:
    """What the sweep decides about one creation that is queued or uncertain; `now` is when it was asked."""
    found = [each for each in report.found if creation.reference in each.references]
    if not report.complete:
        # Not even what it found counts: the rest of the list may hold a second one.
        return no_news(creation, report.failure or "the list was not read to its end", policy, now)
    fresh = [each for each in found if not each.void]
    evidence = {"found": [{"document_id": each.document_id, "shown": each.shown} for each in found]}
    match fresh, found:
        case [one], _ if creation.amended:
            reason = f"document {one.document_id} has its reference, and another body was asked for since"
            return _hold(creation, reason, now, evidence)
        case [one], _:
            return adopted(creation, one.document_id, "a sweep found it by its reference", now, evidence)
        case [], []:
            return _absent(creation, policy, now)
        case [], _:
            return _hold(creation, f"the only document with its reference is void: {_named(found)}", now, evidence)
        case _:
            return _hold(creation, f"{len(fresh)} documents have its reference: {_named(fresh)}", now, evidence)


def adopted(creation: Creation, document_id: str, how: str, now: datetime, evidence: Mapping[str, Any]) -> CreationMove:
    """It is there."""
    created = enter(creation, CreationStatus.CREATED, now, document_id=document_id, problem=None)
    return CreationMove(creation, created, f"document {document_id}: {how}", evidence)


def no_news(creation: Creation, cause: str, policy: Policy, now: datetime) -> CreationMove:
    """A sweep that failed or was read by half does not count (rule 4); only the end of the schedule makes it matter."""
    schedule = policy.uncertain_schedule
    evidence = {"failure": cause}
    if creation.status is CreationStatus.QUEUED:
        again = now + max(schedule[0], policy.linger)
        return CreationMove(creation, replace(creation, next_look_at=again), f"no news: {cause}", evidence, silent=True)
    if now - creation.since > sum(schedule, policy.quiet_window):
        return _hold(creation, f"no news until its schedule ended; last: {cause}", now, evidence)
    # A sweep costs a request a page: the longer there is no news, the less often it is asked for.
    waited = (now - creation.since) / 4
    again = now + max(schedule[min(creation.looks, len(schedule) - 1)], policy.linger, waited)
    return CreationMove(creation, replace(creation, next_look_at=again), f"no news: {cause}", evidence, silent=True)


def _absent(creation: Creation, policy: Policy, now: datetime) -> CreationMove:
    """Nothing carries its reference. Before a POST that lets it go; after one it must be proven."""
    if creation.status is CreationStatus.QUEUED:
        # Due as before, so that it keeps its place.
        fit = replace(creation, looked_at=now, next_look_at=creation.since)
        return CreationMove(creation, fit, "looked for: no document has its reference", silent=True)
    counted = replace(creation, absent_since=creation.absent_since or now, absent_looks=creation.absent_looks + 1)
    proof = f"{counted.absent_looks} sweeps over {policy.quiet_window} found no document with its reference"
    if not _proven(counted, policy, now):
        return _look_again(creation, counted, policy, now, "no document has its reference; not proven yet")
    if why := _never_sent_again(creation):
        return _look_again(creation, counted, policy, now, f"{proof}, but {why}", by_schedule=True)
    if creation.problem is not None and creation.problem.error_class is ErrorClass.DATA:
        rejected = enter(creation, CreationStatus.REJECTED, now)
        return CreationMove(creation, rejected, f"rejected: {creation.problem.message}; {proof}")
    if creation.attempt >= policy.max_attempts:
        return _hold(creation, f"{proof}, and it was already sent {creation.attempt} times", now, {})
    queued = enter(creation, CreationStatus.QUEUED, now, next_look_at=now, problem=None)
    return CreationMove(creation, queued, f"{proof}: it may be sent again")


def _proven(counted: Creation, policy: Policy, now: datetime) -> bool:
    return (
        counted.absent_looks >= 2
        and counted.absent_since is not None
        and now - counted.absent_since >= policy.quiet_window
    )


def _never_sent_again(creation: Creation) -> str:
    """Why only a person may have it sent again, however long nothing is found."""
    if creation.stamp_failed:
        return "Alegra answered 3051, after which the document may be there all the same"
    if KINDS[creation.kind].emitted_by_creation:
        return "its creation emits it, so that a second one would be a second legal document"
    if stands_nowhere_sure(creation):
        return "its date cannot be read, so that it may stand where nobody looked"
    return ""


def _look_again(
    creation: Creation, counted: Creation, policy: Policy, now: datetime, why: str, *, by_schedule: bool = False
) -> CreationMove:
    """The schedule's next look, or the one that completes the proof, whichever comes first; held when none is left."""
    looks = creation.looks + 1
    schedule = policy.uncertain_schedule
    proof_at = None if by_schedule or counted.absent_since is None else counted.absent_since + policy.quiet_window
    scheduled_at = now + schedule[looks] if looks < len(schedule) else None
    ahead = [moment for moment in (proof_at, scheduled_at) if moment is not None and moment > now]
    if not ahead:
        return _hold(creation, f"nothing was found until its schedule ended; {why}", now, {})
    return CreationMove(creation, replace(counted, looks=looks, next_look_at=min(ahead)), why)


def _hold(creation: Creation, reason: str, now: datetime, evidence: Mapping[str, Any]) -> CreationMove:
    held = enter(creation, CreationStatus.HELD, now, held_reason=reason)
    return CreationMove(creation, held, f"held: {reason}", evidence, alert=True)


def _named(found: Sequence[Found]) -> str:
    return ", ".join(f"{each.document_id} ({each.shown})" if each.shown else each.document_id for each in found[:10])


def rejected(
    creation: Creation, problem: Problem, reason: str, now: datetime, evidence: Mapping[str, Any]
) -> CreationMove:
    """Nothing was created, and nothing will be of this body."""
    return CreationMove(creation, enter(creation, CreationStatus.REJECTED, now, problem=problem), reason, evidence)
