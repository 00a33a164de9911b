"""Pace: the linger is paid once, reads are shared whole, and an urgent document goes next."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from tests.support.alegra import ScriptedAlegra, loses_the_answer
from tests.support.builders import ACCOUNT, NOON, a_policy, ids, seen
from tests.support.fakes import FakeClock
from tests.support.house import House, engine_on
from timbre_producers.contracts import Priority, Status
from worker.emission.observation import Remote
from worker.storage.models import AccountRow

LINGER = timedelta(seconds=2)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    """What is counted here does not depend on the engine."""
    with engine_on(sqlite_url) as engine:
        yield engine


def test_a_single_document_waits_for_company_once_before_its_look_and_its_call_together(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.ask("501")
    assert house.announcer.dispatches == [(ACCOUNT, LINGER / 2)]
    clock.advance(seconds=1)
    wake_in = house.round().wake_in
    assert (alegra.reads, alegra.calls) == ([("501",)], [])
    assert wake_in is not None
    house.round()
    assert alegra.calls == []
    clock.move_to(NOON + LINGER)
    house.round()
    assert alegra.calls == [("501",)]


@pytest.mark.parametrize(("priority", "delay"), [(Priority.HIGH, 0), (Priority.NORMAL, 1)])
def test_a_request_nudges_its_account_at_once_when_it_is_urgent_and_else_after_half_a_linger(
    house: House, priority: Priority, delay: int
) -> None:
    house.ask("501", priority=priority)
    assert house.announcer.dispatches == [(ACCOUNT, timedelta(seconds=delay))]


def test_after_its_look_a_document_is_nudged_exactly_when_its_linger_ends(house: House, clock: FakeClock) -> None:
    house.ask("501")
    clock.advance(seconds=1.3)
    house.round()
    assert house.round().wake_in == timedelta(seconds=0.7)


def test_an_urgent_document_waits_for_no_company(house: House, alegra: ScriptedAlegra) -> None:
    house.ask("501", priority=Priority.HIGH)
    house.round()
    house.round()
    assert alegra.calls == [("501",)]


@pytest.mark.parametrize("documents", [300, 437])
def test_a_queue_costs_a_tenth_of_a_call_and_two_thirtieths_of_a_read_a_document(
    house: House, alegra: ScriptedAlegra, documents: int
) -> None:
    house.run_to_the_end(*ids(documents, 10_000))
    assert set(house.statuses().values()) == {Status.STAMPED}
    assert (len(alegra.calls) + len(alegra.reads)) / documents <= 0.175


def test_batches_wait_a_linger_for_companions_that_are_being_looked_at(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    """One rejected by its look leaves a gap in every third batch; the next look fills it."""
    house.ask(*ids(120, 10_000))
    for broken in ids(120, 10_000)[::30]:
        alegra.shown[broken] = seen(broken, Remote.VOID)
    house.run(rounds=200)
    assert sum(house.status(each) is Status.STAMPED for each in ids(120, 10_000)) == 116
    assert len(alegra.calls) == 12


def test_the_next_call_after_an_urgent_request_holds_it_before_ten_thousand_others(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.policy = a_policy(max_in_flight=1)
    for start in range(10):
        house.ask(*ids(1000, 100_000 + 1000 * start))
    clock.advance(seconds=5)
    for _ in range(3):
        house.round()
    sent = len(alegra.calls)
    assert sent
    house.ask("501", priority=Priority.HIGH)
    while len(alegra.calls) == sent:
        clock.advance(seconds=0.1)
        house.round()
    assert "501" in alegra.calls[sent]


def test_an_urgent_document_that_alegra_does_not_show_keeps_nobody_back_for_long(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.ask(*ids(20, 10_000))
    clock.advance(seconds=5)
    house.round()
    house.ask("501", priority=Priority.HIGH)
    house.dispatch.round(ACCOUNT)  # its look is handed out, and never comes back
    assert house.announcer.stamps == []
    clock.advance(seconds=3.1)
    house.dispatch.round(ACCOUNT)
    assert len(house.announcer.stamps) == 2


def test_the_calls_in_flight_are_halved_by_lost_answers_and_grow_again_by_calm_ones(
    house: House, alegra: ScriptedAlegra
) -> None:
    house.policy = a_policy(min_in_flight=1)
    seen_limits: list[int | None] = []
    alegra.during_call = lambda _ids: seen_limits.append(the_limit(house))
    house.run_to_the_end(*ids(160, 10_000))
    assert seen_limits[0] == 4
    assert the_limit(house) == 7
    alegra.fates.extend([loses_the_answer(executes=True)] * 6)
    house.run_to_the_end(*ids(60, 20_000))
    assert the_limit(house) == 3
    house.run_to_the_end(*ids(300, 30_000))
    assert the_limit(house) == 8
    assert alegra.twice == []


def the_limit(house: House) -> int | None:
    with house.engine.begin() as connection:
        return connection.execute(select(AccountRow.in_flight_limit)).scalar_one()
