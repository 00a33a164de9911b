"""Dispatch of creations: hand out the looks and POSTs that the quota, the in-flight limit and the pause allow now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from worker.creation.ports import CreationAnnouncer, Creations, CreationTurn
from worker.creation.work import Creation, Window, must_be_looked_for, window_of
from worker.emission.dispatch import READ_SIZE
from worker.emission.in_flight import adapted
from worker.emission.pauses import CREDENTIALS
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Clock, Grant, Purpose, Quota

LOOKS_PER_ROUND: Final = 10
"""Sweeps; each takes a request a page."""

ALSO_BARS_DRAFTS: Final = CREDENTIALS | {"402", "900", "907", "908"}
"""Pauses that a creation can disprove. One for a certificate or a numbering only a stamped document can."""


@dataclass(frozen=True, slots=True)
class CreationRound:
    """What one round handed out, and when the next one is worth it."""

    looks: Sequence[Sequence[Creation]]
    posts: Sequence[Creation]
    wake_in: timedelta | None


class CreationDispatch:
    """One round for one account."""

    def __init__(
        self,
        creations: Creations,
        quota: Quota,
        announcer: CreationAnnouncer,
        clock: Clock,
        policy_of: Callable[[str], Policy],
    ) -> None:
        self._creations = creations
        self._quota = quota
        self._announcer = announcer
        self._clock = clock
        self._policy_of = policy_of

    def round(self, account: str) -> CreationRound:
        """Plan in one transaction, then announce what was planned. A crash in between costs one pickup timeout."""
        now = self._clock.now()
        policy = self._policy_of(account)
        with self._creations.turn(account, now) as turn:
            slots = _slots(turn, policy)
            uncertain = turn.uncertain(LOOKS_PER_ROUND * READ_SIZE)
            queued = turn.queued(slots + READ_SIZE) if slots else []
            fit = [each for each in queued if not must_be_looked_for(each, policy, now)]
            unseen = _soon(queued, fit, slots, now)
            ready = fit[:slots]
            groups = _grouped([*uncertain, *unseen], now)[:LOOKS_PER_ROUND]
            looks_grant = self._permits(account, len(groups), "read")
            looks = groups[: looks_grant.granted]
            turn.lease([each for group in looks for each in group], now + policy.read_timeout + policy.pickup_timeout)
            posts_grant = self._permits(account, len(ready), "stamp")
            posts = ready[: posts_grant.granted]
            turn.plan(posts)
            wake = _earliest(
                _retry_at(now, looks_grant, len(groups)), _retry_at(now, posts_grant, len(ready)), turn.next_due_at()
            )
        reached(Point.CREATIONS_PLANNED)
        for group in looks:
            ids = [each.id for each in group]
            self._announcer.look_for(account, group[0].kind, ids, [each.reference for each in group])
        for each in posts:
            self._announcer.create(account, each.kind, each.id, each.reference)
        wake_in = None if wake is None else max(wake - now, timedelta(0))
        if wake_in is not None:
            self._announcer.creations(account, delay=wake_in)
        return CreationRound(looks, posts, wake_in)

    def _permits(self, account: str, wanted: int, purpose: Purpose) -> Grant:
        return self._quota.take(account, wanted, purpose) if wanted else Grant(0)


def _slots(turn: CreationTurn, policy: Policy) -> int:
    """How many POSTs may start now, beside the stamp calls and under the limit that those have taught.

    At most half of it, and one whatever is on the wire: neither may keep the other waiting until all its own is done.
    """
    if turn.paused:
        disproved = turn.pause is not None and turn.pause.code in ALSO_BARS_DRAFTS
        return 1 if turn.probing and disproved and turn.in_flight == 0 else 0
    learned = adapted(turn.learned, [], lower=policy.min_in_flight, upper=policy.max_in_flight)
    limit = learned.limit or policy.max_in_flight
    free = max(limit - turn.in_flight, 0 if turn.posts else 1)
    return max(min(free, (limit + 1) // 2 - turn.posts), 0)


def _soon(queued: Sequence[Creation], fit: Sequence[Creation], slots: int, now: datetime) -> Sequence[Creation]:
    """Those to look for now: no more than may soon be sent, for a look grows old; and who shares a sweep with them."""
    unseen = [each for each in queued if each not in fit]
    windows = {window_of(each, now) for each in unseen[: max(2 * slots + 2 - len(fit), 0)]}
    return [each for each in unseen if window_of(each, now) in windows]


def _grouped(creations: Sequence[Creation], now: datetime) -> list[list[Creation]]:
    """Those that one sweep answers for, in the order in which they came."""
    groups: dict[Window, list[Creation]] = {}
    for each in creations:
        groups.setdefault(window_of(each, now), []).append(each)
    return [group[:READ_SIZE] for group in groups.values()]


def _retry_at(now: datetime, grant: Grant, wanted: int) -> datetime | None:
    return now + grant.retry_in if grant.granted < wanted else None


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
