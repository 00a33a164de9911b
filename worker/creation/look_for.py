"""Look for references: one sweep of a kind's list answers for every creation that must stand in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from timbre_producers.creations import CreationStatus
from worker.creation.ports import CreationAnnouncer, CreationApi, Creations
from worker.creation.settle import judge
from worker.creation.work import Creation, CreationMove, window_of
from worker.emission.pauses import Pauses
from worker.emission.points import Point, reached
from worker.emission.policy import Policy
from worker.emission.ports import Clock, Locks


class LookingFor:
    """The verb behind task `timbre.look_for`."""

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

    def run(self, account: str, creation_ids: Sequence[int]) -> Sequence[CreationMove]:
        """Look for what still waits for a look, and move each by what was found. Returns the moves made."""
        awaiting = [each for each in self._creations.by_ids(creation_ids) if awaits_a_look(each)]
        if not awaiting:
            return []
        policy = self._policy_of(account)
        with self._locks.hold([each.lock for each in awaiting]) as held:
            mine = [each for each in awaiting if each.lock in held]
            if not mine:
                return []
            # What a sweep shows is as old as its question (emission.reading).
            asked_at = self._clock.now()
            window = window_of(mine[0], asked_at)
            together = [each for each in mine if window_of(each, asked_at) == window]
            report = self._api.sweep(account, window)
            reached(Point.LOOK_FOR_ANSWERED)
            moves = [judge(each, report, policy, asked_at) for each in together]
            now = self._clock.now()
            moved = self._creations.apply(moves, now, actor=self._worker)
            reached(Point.LOOK_FOR_RECORDED)
        if report.refused:
            self._pauses.pause(account, report.refused)
        made = [move for move in moves if move.before.id in moved]
        self._announcer.creations(account)
        if any(move.after.status is CreationStatus.CREATED and move.after.emits for move in made):
            self._announcer.dispatch(account)
        return made


def awaits_a_look(creation: Creation) -> bool:
    """In doubt, or queued and not handed out."""
    if creation.status is CreationStatus.QUEUED:
        return creation.planned_at is None
    return creation.status is CreationStatus.UNCERTAIN
