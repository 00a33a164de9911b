"""A call may leave only while everybody still waits for it: past that, others ask Alegra and may send in its place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import a_policy
from tests.support.fakes import FakeClock
from tests.support.house import House
from worker.emission.kinds import Kind
from worker.emission.outcomes import StampReport
from worker.emission.points import Point, watch


class PunctualAlegra(ScriptedAlegra):
    """Remembers until when each call was allowed to leave."""

    def __init__(self) -> None:
        super().__init__()
        self.not_after: list[datetime] = []

    def stamp(self, account: str, kind: Kind, ids: Sequence[str], *, not_after: datetime) -> StampReport:
        self.not_after.append(not_after)
        return super().stamp(account, kind, ids, not_after=not_after)


@pytest.mark.parametrize(("stamp_timeout", "allowed"), [(180, 30), (2, 2)])
def test_a_call_never_leaves_after_its_worker_counts_as_dead(
    engine: Engine, clock: FakeClock, stamp_timeout: int, allowed: int
) -> None:
    alegra = PunctualAlegra()
    house = House(engine, alegra, clock=clock, policy=a_policy(stamp_timeout=timedelta(seconds=stamp_timeout)))
    batch_id = house.plan("501")
    claimed_at = clock.now()
    house.stamping.run(batch_id)
    assert alegra.not_after == [claimed_at + timedelta(seconds=allowed)]


def test_the_time_to_leave_counts_from_the_intent_and_not_from_when_the_database_let_go(
    engine: Engine, clock: FakeClock
) -> None:
    alegra = PunctualAlegra()
    house = House(engine, alegra, clock=clock)
    batch_id = house.plan("501")
    claimed_at = clock.now()

    def slow(point: Point) -> None:
        if point is Point.STAMP_CLAIMED:
            clock.advance(seconds=100)

    watch(slow)
    try:
        house.stamping.run(batch_id)
    finally:
        watch(lambda _point: None)
    assert alegra.not_after == [claimed_at + timedelta(seconds=30)]
