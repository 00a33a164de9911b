"""Dispatch: decide when. Hand out the reads and stamp calls that the quota and the in-flight limit allow now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from timbre_producers.contracts import Status
from worker.emission.batch_ids import new_batch_id
from worker.emission.in_flight import adapted
from worker.emission.kinds import KINDS
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Announcer, Clock, Grant, Ledger, PlannedBatch, Purpose, Quota, Turn
from worker.emission.work import Work

READ_SIZE = 30
"""Documents one read may ask for (alegra-api.md §6)."""

URGENT_LOOK = timedelta(seconds=3)
"""How long ordinary batches are kept back for an urgent document that is being looked at; a look takes a second."""

CALLS_LEARNED = 200
"""Ended calls one round learns from; the next takes up the rest."""

READS_PER_ROUND = 20
"""Enough for a minute's quota in three rounds; more is found by the next."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round handed out, and when the next one is worth it."""

    reads: Sequence[Sequence[Work]]
    batches: Sequence[PlannedBatch]
    wake_in: timedelta | None


class Dispatch:
    """One round for one account. No worker ever sleeps on a quota: what cannot go now waits in the table."""

    def __init__(
        self,
        ledger: Ledger,
        quota: Quota,
        announcer: Announcer,
        clock: Clock,
        policy_of: Callable[[str], Policy],
    ) -> None:
        self._ledger = ledger
        self._quota = quota
        self._announcer = announcer
        self._clock = clock
        self._policy_of = policy_of

    def round(self, account: str) -> Round:
        """Plan in one transaction, then announce what was planned. A crash in between costs one pickup timeout."""
        now = self._clock.now()
        policy = self._policy_of(account)
        with self._ledger.turn(account, now) as turn:
            limit = _limit(turn, policy)
            slots = _slots(turn, limit)
            reads, reads_wake, coming = self._plan_reads(account, turn, policy, now, _lookahead(turn, limit, slots))
            batches, batches_wake = self._plan_batches(account, turn, policy, now, slots, coming)
            wake = _earliest(reads_wake, batches_wake, turn.next_due_at())
        reached(Point.DISPATCH_PLANNED)
        for works in reads:
            self._announcer.read(account, works[0].document.kind, [work.document.document_id for work in works])
        for batch in batches:
            ids = [work.document.document_id for work in batch.works]
            self._announcer.stamp(account, batch.kind, batch.id, ids)
        wake_in = None if wake is None else max(wake - now, timedelta(0))
        if wake_in is not None:
            self._announcer.dispatch(account, delay=wake_in)
        return Round(reads, batches, wake_in)

    def _plan_reads(
        self, account: str, turn: Turn, policy: Policy, now: datetime, ahead: int
    ) -> tuple[Sequence[Sequence[Work]], datetime | None, Sequence[Work]]:
        """The reads, when to come back, and the queued documents in them or in those that wait for permits."""
        most = READS_PER_ROUND * READ_SIZE
        settling = turn.settling(most)
        looks = _looks(turn, ahead if turn.paused else _whole_reads(len(settling), ahead, most))
        groups, open_until = close_reads([*settling, *looks], now, policy.linger)
        grant = self._permits(account, len(groups), "read")
        handed_out = groups[: grant.granted]
        turn.lease([work for works in handed_out for work in works], now + _lease(policy))
        coming = [work for works in groups for work in works if work.status is Status.QUEUED]
        return handed_out, _earliest(open_until, _retry_at(now, grant, len(groups))), coming

    def _plan_batches(
        self, account: str, turn: Turn, policy: Policy, now: datetime, slots: int, coming: Sequence[Work]
    ) -> tuple[Sequence[PlannedBatch], datetime | None]:
        if slots == 0:
            return [], None
        largest = max(kind.batch_size for kind in KINDS.values())
        ready = turn.ready(1 if turn.paused else slots * largest)
        stale = [work for work in ready if not believable(work, policy, now)]
        turn.look_again(stale)
        fresh = [work for work in ready if believable(work, policy, now)]
        linger = timedelta(0) if turn.paused else policy.linger
        batches, open_until = close_batches(fresh, now, linger, company_comes=bool(coming))
        if any(work.urgent for work in coming) or turn.urgent_looks(now + _lease(policy) - URGENT_LOOK, now):
            # Whatever went now would go before it. Its look nudges the next round.
            later = [batch for batch in batches if not any(work.urgent for work in batch.works)]
            batches = [batch for batch in batches if batch not in later]
            open_until = _earliest(open_until, now + URGENT_LOOK if later else None)
        grant = self._permits(account, min(len(batches), slots), "stamp")
        planned = batches[: grant.granted]
        turn.plan(planned)
        wake = _earliest(open_until, _retry_at(now, grant, min(len(batches), slots)), now if stale else None)
        return planned, wake

    def _permits(self, account: str, wanted: int, purpose: Purpose) -> Grant:
        return self._quota.take(account, wanted, purpose) if wanted else Grant(0)


def believable(work: Work, policy: Policy, now: datetime) -> bool:
    """Whether the look before sending is recent enough (rule 7)."""
    # A look from the future was made before the clock was set back, nobody knows how long ago.
    return work.looked_at is not None and abs(now - work.looked_at) <= policy.look_fresh


def close_reads(works: Sequence[Work], now: datetime, linger: timedelta) -> tuple[list[list[Work]], datetime | None]:
    """Due documents in groups of thirty of one kind; the last goes when it is urgent or has lingered.

    A look lingers half as long: the other half is its batch's, so that a document waits for company only once.
    Also returns when the group that stays open will have lingered.
    """
    groups: list[list[Work]] = []
    open_until: datetime | None = None
    for same_kind in _grouped(works, lambda work: (work.document.kind,)):
        for group in _chunks(same_kind, READ_SIZE):
            closes_at = min((work.next_read_at or now) + _patience(work, linger) for work in group)
            if len(group) == READ_SIZE or closes_at <= now or any(work.urgent for work in group):
                groups.append(group)
            else:
                open_until = _earliest(open_until, closes_at)
    return groups, open_until


def close_batches(
    works: Sequence[Work], now: datetime, linger: timedelta, *, company_comes: bool = False
) -> tuple[list[PlannedBatch], datetime | None]:
    """Ready documents in batches of one kind, at most as large as each allows, companions of a refused batch together.

    A batch closes when it is full, urgent, or its oldest has waited the linger since it was queued; when others are
    being looked at that have waited as long, it waits for them, a linger from when it was ready.
    """
    batches: list[PlannedBatch] = []
    open_until: datetime | None = None
    for alike in _grouped(works, lambda work: (work.document.kind, work.split_from or "", work.batch_limit)):
        kind = KINDS[alike[0].document.kind]
        size = min(kind.batch_size, alike[0].batch_limit)
        for group in _chunks(alike, size):
            closes_at = min(_waiting_since(work, company_comes=company_comes) for work in group) + linger
            split = group[0].split_from is not None
            if len(group) == size or closes_at <= now or split or any(work.urgent for work in group):
                batches.append(PlannedBatch(new_batch_id(now), kind.name, group))
            else:
                open_until = _earliest(open_until, closes_at)
    return batches, open_until


def _limit(turn: Turn, policy: Policy) -> int:
    """How many stamp calls may be in flight, after what those that ended have taught."""
    calls = turn.ended_calls(CALLS_LEARNED)
    learned = adapted(turn.learned, calls, lower=policy.min_in_flight, upper=policy.max_in_flight)
    if learned != turn.learned or calls:
        turn.keep(learned, calls)
    return learned.limit or policy.max_in_flight


def _slots(turn: Turn, limit: int) -> int:
    """How many stamp calls may start now: none for a paused account, one while it is being probed."""
    if turn.paused:
        return 1 if turn.probing and turn.in_flight == 0 else 0
    return max(limit - turn.in_flight, 0)


def _patience(work: Work, linger: timedelta) -> timedelta:
    return linger / 2 if work.status is Status.QUEUED else linger


def _waiting_since(work: Work, *, company_comes: bool) -> datetime:
    return max(work.since, work.ready_at) if company_comes and work.ready_at else work.since


def _lease(policy: Policy) -> timedelta:
    """How long a read that was handed out may take before it is handed out anew."""
    return policy.read_timeout + policy.pickup_timeout


def _looks(turn: Turn, limit: int) -> Sequence[Work]:
    """So many queued documents to look at, and every urgent one, whatever is ready already."""
    due = turn.looks(limit if turn.paused else max(limit, READ_SIZE))
    return [work for place, work in enumerate(due) if place < limit or work.urgent]


def _whole_reads(settling: int, looks: int, most: int) -> int:
    """So many more documents to look at that no read leaves half empty while documents wait."""
    return max(min(most - settling, looks and looks + (-settling - looks) % READ_SIZE), 0)


def _lookahead(turn: Turn, limit: int, slots: int) -> int:
    """How many queued documents to look at: what the slots can take and one read more, so that looks stay fresh."""
    if turn.paused:
        return slots
    room = limit * 10 + READ_SIZE
    return max(room - turn.ready_count(room), 0)


def _retry_at(now: datetime, grant: Grant, wanted: int) -> datetime | None:
    return now + grant.retry_in if grant.granted < wanted else None


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _grouped(works: Iterable[Work], key: Callable[[Work], tuple[object, ...]]) -> Iterable[list[Work]]:
    """Works with the same key together, in the order in which their keys first appear."""
    groups: dict[tuple[object, ...], list[Work]] = {}
    for work in works:
        groups.setdefault(key(work), []).append(work)
    return groups.values()


def _chunks(works: Sequence[Work], size: int) -> Iterable[list[Work]]:
    return (list(works[start : start + size]) for start in range(0, len(works), size))
