"""Operate: what a person may do to a document or an account; each step is guarded, named and kept in the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from timbre_producers.contracts import Status
from worker.emission.lifecycle import IN_FLIGHT, SETTLING
from worker.emission.outcomes import ErrorClass, Problem
from worker.emission.policy import Policy
from worker.emission.ports import Accounts, AccountState, Announcer, Clock, Ledger
from worker.emission.settle import schedule_of
from worker.emission.work import Move, Work, enter

PAUSED_BY_HAND = "operator"
"""The code of a pause that a person made: no probe ends it, only `resume`."""

TRIES = 3
"""A worker may move a document between our look at it and our move; then it is looked at again."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one document an operator named."""

    document_id: str
    done: bool
    status: Status | None
    """Where it stands afterwards; None when that is not known."""
    sentence: str


Decision = Move | str
"""A move to make, or the sentence that refuses it."""


class Operations:
    """The verbs of `timbre settle`, `release`, `cancel`, `pause` and `resume`."""

    def __init__(
        self,
        ledger: Ledger,
        accounts: Accounts,
        announcer: Announcer,
        clock: Clock,
        policy_of: Callable[[str], Policy],
    ) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._announcer = announcer
        self._clock = clock
        self._policy_of = policy_of

    def settle(self, account: str, kind: str, ids: Sequence[str], *, actor: str) -> Sequence[Verdict]:
        """Read these now instead of when their schedule says."""
        policy = self._policy_of(account)
        return self._operate(account, kind, ids, actor, lambda work, now: read_now(work, policy, actor, now))

    def release(self, account: str, kind: str, ids: Sequence[str], *, actor: str, reason: str) -> Sequence[Verdict]:
        """Give held documents back to the queue; they are read before anything is sent."""
        return self._operate(account, kind, ids, actor, lambda work, now: released(work, reason, now))

    def cancel(
        self, account: str, kind: str, ids: Sequence[str], *, actor: str, reason: str | None
    ) -> Sequence[Verdict]:
        """Withdraw documents that were not sent. A held one needs a reason, for it may have been."""
        return self._operate(account, kind, ids, actor, lambda work, now: cancelled(work, reason, now))

    def pause(self, account: str, *, actor: str, reason: str) -> AccountState:
        """Nothing of this account is sent until `resume`; what was sent is still read. Returns the state before."""
        before = self._accounts.state(account)
        problem = Problem(ErrorClass.CONFIGURATION, PAUSED_BY_HAND, reason, blames_account=True)
        self._accounts.pause(account, problem, by=actor, probe_at=None, now=self._clock.now())
        return before

    def resume(self, account: str, *, actor: str) -> AccountState:
        """Send again what waited. Returns the state before; not paused means nothing was done."""
        before = self._accounts.state(account)
        if self._accounts.resume(account, self._clock.now(), by=actor):
            self._announcer.dispatch(account)
        return before

    def _operate(
        self, account: str, kind: str, ids: Sequence[str], actor: str, decide: Callable[[Work, datetime], Decision]
    ) -> Sequence[Verdict]:
        verdicts: dict[str, Verdict] = {}
        left = list(dict.fromkeys(ids))
        for _ in range(TRIES):
            now = self._clock.now()
            works = {work.document.document_id: work for work in self._ledger.works(account, kind, left)}
            decisions = {each: decide(works[each], now) if each in works else UNKNOWN_DOCUMENT for each in left}
            moves = {each: decision for each, decision in decisions.items() if isinstance(decision, Move)}
            moved = self._ledger.apply(list(moves.values()), now, actor=actor)
            for each, decision in decisions.items():
                if isinstance(decision, str):
                    status = works[each].status if each in works else None
                    verdicts[each] = Verdict(each, False, status, decision)
                elif decision.before.id in moved:
                    verdicts[each] = Verdict(each, True, decision.after.status, decision.reason)
                else:
                    verdicts[each] = Verdict(each, False, None, "it is being moved by a worker: look again")
            left = [each for each, move in moves.items() if move.before.id not in moved]
            if not left:
                break
        if any(verdict.done for verdict in verdicts.values()):
            self._announcer.dispatch(account)
        return [verdicts[each] for each in dict.fromkeys(ids)]


def read_now(work: Work, policy: Policy, actor: str, now: datetime) -> Decision:
    """The read that is next becomes due; the one that would end the schedule keeps its time.

    Otherwise asking often enough would hold a document of which there was simply no news yet.
    """
    if work.status not in SETTLING:
        return _NOTHING_TO_SETTLE.get(work.status, f"it is {work.status}: nothing of it is on its way")
    if work.reads + 1 >= len(schedule_of(work.status, policy)):
        return f"only the last read of its schedule is left, and it keeps its time: {_at(work.next_read_at)}"
    return Move(work, replace(work, next_read_at=now), f"{actor} asked for a read now")


def released(work: Work, reason: str, now: datetime) -> Decision:
    """Held becomes queued, its batch history forgotten; its attempts still count, and its quiet window is kept."""
    if work.status is not Status.HELD:
        return f"it is {work.status}; only held documents are released"
    queued = replace(
        enter(work, Status.QUEUED, now, next_read_at=now),
        unstamped_since=work.since if work.attempt else None,
        batch_id=None,
        batch_limit=10,
        batch_refused=False,
        split_from=None,
        looked_at=None,
        problem=None,
    )
    return Move(work, queued, f"released: {reason}", {"held_reason": work.held_reason})


def cancelled(work: Work, reason: str | None, now: datetime) -> Decision:
    """Queued becomes cancelled, in a planned batch too: the stamp task claims only what is still queued."""
    if work.status in IN_FLIGHT:
        return f"it is {work.status}: it may have been sent, and what was sent cannot be taken back"
    if work.status is Status.HELD and not reason:
        return "it is held, so it may have been sent: look in Alegra, then cancel it with --reason"
    if work.status not in {Status.QUEUED, Status.HELD}:
        return f"it is {work.status} already"
    return Move(
        work,
        replace(enter(work, Status.CANCELLED, now), batch_id=None),
        f"cancelled: {reason or 'withdrawn before it was sent'}",
        {"held_reason": work.held_reason} if work.held_reason else {},
    )


UNKNOWN_DOCUMENT = "Timbre does not know it: check the id, the account and the kind"

_NOTHING_TO_SETTLE = {
    Status.QUEUED: "it was not sent yet: nothing to find out",
    Status.EMITTING: "its call is under way: its own worker records the answer, or the sweep takes over",
    Status.HELD: "it is held: look in Alegra, then `timbre release` it with a reason; releasing reads it first",
}


def _at(moment: datetime | None) -> str:
    return "not set" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
