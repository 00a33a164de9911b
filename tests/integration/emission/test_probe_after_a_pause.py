"""One probe lets a paused account go on, however many documents wait and however long ago they were looked at."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from tests.support.alegra import ScriptedAlegra, refuses_the_account
from tests.support.builders import a_policy, a_problem, ids
from tests.support.fakes import FakeClock
from tests.support.house import PROBE_EVERY, House
from timbre_producers.contracts import Status
from worker.emission.outcomes import ErrorClass

LOOK_FRESH = 10


def test_the_probe_is_a_document_looked_at_last_even_when_many_older_looks_wait(
    engine: Engine, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    policy = a_policy(look_fresh=timedelta(seconds=LOOK_FRESH), max_in_flight=1)
    house = House(engine, alegra, clock=clock, policy=policy)
    many = ids(4 * LOOK_FRESH)
    alegra.fates.append(refuses_the_account(a_problem(ErrorClass.CONFIGURATION, code="402", blames_account=True)))
    house.ask(*many)
    for _ in range(5):
        clock.advance(seconds=1)
        house.round()
    assert len(alegra.calls) == 1
    clock.advance(seconds=PROBE_EVERY.total_seconds())
    house.sweep.round()
    for _ in range(LOOK_FRESH):
        clock.advance(seconds=1)
        house.round()
    assert len(alegra.calls) > 1, "no probe was sent while its look was fresh"
    house.run(rounds=60)
    assert set(house.statuses().values()) == {Status.STAMPED}
    assert alegra.twice == []
