"""Operate on creations: what a person may do to one; each step is guarded, named and kept in the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from timbre_producers.creations import CreationStatus
from worker.creation.lifecycle import IN_FLIGHT
from worker.creation.ports import CreationAnnouncer, Creations
from worker.creation.settle import adopted
from worker.creation.work import Creation, CreationMove, enter
from worker.emission.operate import TRIES
from worker.emission.ports import Clock


@dataclass(frozen=True, slots=True)
class CreationVerdict:
    """What became of one creation an operator named."""

    reference: str
    done: bool
    status: CreationStatus | None
    """Where it stands afterwards; None when that is not known."""
    sentence: str


Decision = CreationMove | str
"""A move to make, or the sentence that refuses it."""


class CreationOperations:
    """The verbs of `timbre creations release`, `cancel` and `adopt`."""

    def __init__(self, creations: Creations, announcer: CreationAnnouncer, clock: Clock) -> None:
        self._creations = creations
        self._announcer = announcer
        self._clock = clock

    def release(
        self, account: str, kind: str, references: Sequence[str], *, actor: str, reason: str
    ) -> Sequence[CreationVerdict]:
        """Give held creations back to the queue; one that was sent is looked for before it is sent again."""
        return self._operate(account, kind, references, actor, lambda each, now: released(each, reason, now))

    def cancel(
        self, account: str, kind: str, references: Sequence[str], *, actor: str, reason: str | None
    ) -> Sequence[CreationVerdict]:
        """Withdraw creations that were not sent. A held one needs a reason, for its document may be there."""
        return self._operate(account, kind, references, actor, lambda each, now: cancelled(each, reason, now))

    def adopt(
        self, account: str, kind: str, reference: str, document_id: str, *, actor: str, reason: str
    ) -> CreationVerdict:
        """Say which document a held creation became; it goes on as if a sweep had found it."""
        (verdict,) = self._operate(
            account, kind, [reference], actor, lambda each, now: taken_for(each, document_id, reason, now)
        )
        return verdict

    def _operate(
        self,
        account: str,
        kind: str,
        references: Sequence[str],
        actor: str,
        decide: Callable[[Creation, datetime], Decision],
    ) -> Sequence[CreationVerdict]:
        asked = list(dict.fromkeys(references))
        verdicts: dict[str, CreationVerdict] = {}
        left = asked
        for _ in range(TRIES):
            now = self._clock.now()
            known = {each.reference: each for each in self._creations.by_references(account, kind, left)}
            decisions = {each: decide(known[each], now) if each in known else _UNKNOWN for each in left}
            moves = {each: decision for each, decision in decisions.items() if isinstance(decision, CreationMove)}
            moved = self._creations.apply(list(moves.values()), now, actor=actor)
            for each, decision in decisions.items():
                verdicts[each] = _verdict(each, decision, known.get(each), moved)
            left = [each for each, move in moves.items() if move.before.id not in moved]
            if not left:
                break
        if any(verdict.done for verdict in verdicts.values()):
            self._announcer.creations(account)
        if any(verdict.done and verdict.status is CreationStatus.CREATED for verdict in verdicts.values()):
            self._announcer.dispatch(account)
        return [verdicts[each] for each in asked]


def released(creation: Creation, reason: str, now: datetime) -> Decision:
    """Held becomes queued; its attempts still count, so that it is looked for before anything is sent."""
    if creation.status is not CreationStatus.HELD:
        return f"it is {creation.status}; only held creations are released"
    queued = enter(creation, CreationStatus.QUEUED, now, next_look_at=now, problem=None, stamp_failed=False)
    return CreationMove(creation, queued, f"released: {reason}", {"held_reason": creation.held_reason})


def cancelled(creation: Creation, reason: str | None, now: datetime) -> Decision:
    """Queued becomes cancelled, handed out or not: the worker claims only what is still queued."""
    if creation.status in IN_FLIGHT:
        return f"it is {creation.status}: its document may have been created, and that cannot be taken back"
    if creation.status is CreationStatus.HELD and not reason:
        return "it is held, so its document may be there: look in Alegra, then cancel it with --reason"
    if creation.status not in {CreationStatus.QUEUED, CreationStatus.HELD}:
        return f"it is {creation.status} already"
    evidence = {"held_reason": creation.held_reason} if creation.held_reason else {}
    return CreationMove(
        creation,
        enter(creation, CreationStatus.CANCELLED, now),
        f"cancelled: {reason or 'withdrawn before it was sent'}",
        evidence,
    )


def taken_for(creation: Creation, document_id: str, reason: str, now: datetime) -> Decision:
    """Held becomes created: a person looked, and says which document it is."""
    if creation.status is not CreationStatus.HELD:
        return f"it is {creation.status}; only for a held creation a document can be named"
    how = f"named by a person: {reason}"
    return adopted(creation, document_id, how, now, {"held_reason": creation.held_reason})


def _verdict(reference: str, decision: Decision, before: Creation | None, moved: frozenset[int]) -> CreationVerdict:
    if isinstance(decision, str):
        return CreationVerdict(reference, False, before.status if before else None, decision)
    if decision.before.id in moved:
        return CreationVerdict(reference, True, decision.after.status, decision.reason)
    return CreationVerdict(reference, False, None, "it is being moved by a worker: look again")


_UNKNOWN = "Timbre does not know it: check the reference, the account and the kind"
