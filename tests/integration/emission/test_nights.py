"""A night is opened once for each account and date, by whoever comes first, and taken over only from the dead."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, func, select

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import ACCOUNT, a_snapshot, ids, seen
from tests.support.fakes import FakeClock
from tests.support.house import House
from tests.support.together import together
from timbre_producers.contracts import MAX_IDS_PER_MESSAGE, Status
from worker.emission.nightly import Nightly, NightlyPolicy
from worker.storage.models import NightlyRun, Request

NIGHT = date(2026, 3, 2)
LEASE = timedelta(minutes=10)
TWO_IN_BOGOTA = timedelta(hours=19)
"""From noon in UTC to two o'clock in Bogotá, which is when the night begins."""


def nightly_of(house: House, alegra: ScriptedAlegra, **changes: bool) -> Nightly:
    policy = NightlyPolicy(**({"enabled": True} | changes))  # type: ignore[arg-type]
    return Nightly(house.nights, alegra, house.intake, house.announcer, house.clock, lambda: {ACCOUNT: policy}, LEASE)


@pytest.fixture
def nightly(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> Nightly:
    """At its hour, with three drafts listed."""
    alegra.listed = [seen(each, is_draft=True) for each in ids(3)]
    clock.advance(seconds=TWO_IN_BOGOTA.total_seconds())
    return nightly_of(house, alegra)


def tonight(house: House) -> date:
    return (house.clock.now() - timedelta(hours=5)).date()


def test_a_night_is_opened_by_one_tick_however_often_the_clock_strikes(house: House, nightly: Nightly) -> None:
    assert nightly.tick() == [(ACCOUNT, tonight(house))]
    for _ in range(5):
        house.clock.advance(minutes=1)
        assert nightly.tick() == []
    assert len(house.announcer.nights) == 1


def test_of_two_schedulers_at_the_same_moment_one_opens_the_night(house: House, nightly: Nightly) -> None:
    assert sorted(len(opened) for opened in together([nightly.tick] * 4)) == [0, 0, 0, 1]


def test_a_night_that_was_run_is_not_opened_again(house: House, nightly: Nightly) -> None:
    nightly.tick()
    report = nightly.run(ACCOUNT, tonight(house))
    assert report is not None
    assert (report.found, report.enqueued) == (3, 3)
    house.clock.advance(seconds=2 * LEASE.total_seconds())
    assert nightly.tick() == []


def test_a_night_whose_worker_died_is_taken_over_when_its_lease_is_over_and_no_sooner(
    house: House, nightly: Nightly
) -> None:
    night = nightly.tick()
    house.clock.advance(seconds=LEASE.total_seconds())
    assert nightly.tick() == []
    house.clock.advance(seconds=1)
    assert nightly.tick() == night
    assert nightly.tick() == []


def test_a_night_that_is_delivered_again_after_its_end_asks_nothing(
    house: House, nightly: Nightly, alegra: ScriptedAlegra
) -> None:
    nightly.tick()
    nightly.run(ACCOUNT, tonight(house))
    alegra.listed = [seen(each, is_draft=True) for each in ids(3, 900)]
    assert nightly.run(ACCOUNT, tonight(house)) is None
    assert set(house.statuses()) == set(ids(3))


def test_a_night_run_by_two_at_once_queues_every_draft_once(house: House, nightly: Nightly) -> None:
    nightly.tick()
    together([partial(nightly.run, ACCOUNT, tonight(house))] * 2)
    assert house.statuses() == dict.fromkeys(ids(3), Status.QUEUED)
    assert [len(house.events(each)) for each in ids(3)] == [1, 1, 1]


def test_a_night_that_is_run_again_before_it_was_finished_is_the_same_request(
    house: House, engine: Engine, nightly: Nightly
) -> None:
    for _ in range(2):
        assert nightly.enqueue(ACCOUNT, "invoice", ids(3), NIGHT) == 3
    with engine.begin() as connection:
        assert connection.execute(select(func.count()).select_from(Request)).scalar_one() == 1


def test_a_night_leaves_alone_what_its_policy_does_not_want(
    house: House, nightly: Nightly, alegra: ScriptedAlegra
) -> None:
    future = a_snapshot(date="2026-12-31")
    alegra.listed = [seen("501", is_draft=True), seen("502", is_draft=True, snapshot=future), seen("503")]
    nightly.tick()
    report = nightly.run(ACCOUNT, tonight(house))
    assert report is not None
    assert (report.found, set(house.statuses())) == (1, {"501"})


def test_a_draft_that_two_pages_list_is_found_once(house: House, nightly: Nightly, alegra: ScriptedAlegra) -> None:
    alegra.listed = [seen(each, is_draft=True) for each in (*ids(30), "530")]
    nightly.tick()
    report = nightly.run(ACCOUNT, tonight(house))
    assert report is not None
    assert report.found == 30


def test_a_night_of_more_drafts_than_a_message_may_name_enqueues_them_all(house: House, nightly: Nightly) -> None:
    many = ids(MAX_IDS_PER_MESSAGE + 1, 10_000)
    assert nightly.enqueue(ACCOUNT, "invoice", many, NIGHT) == len(many)
    assert len(house.statuses()) == len(many)


def test_a_schedule_switched_on_at_noon_emits_nothing_until_its_next_hour(
    house: House, engine: Engine, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    nightly = nightly_of(house, alegra)
    assert nightly.tick() == []
    with engine.begin() as connection:
        first = connection.execute(select(NightlyRun.local_date, NightlyRun.finished_at)).one()
    assert tuple(first) == (NIGHT, clock.now())
    assert house.announcer.nights == []
    clock.advance(seconds=TWO_IN_BOGOTA.total_seconds())
    assert nightly.tick() == [(ACCOUNT, NIGHT + timedelta(days=1))]


def test_a_night_that_is_switched_off_opens_nothing(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    clock.advance(seconds=TWO_IN_BOGOTA.total_seconds())
    assert nightly_of(house, alegra, enabled=False).tick() == []
    assert house.nights.last(ACCOUNT) is None


def test_the_end_of_one_night_ends_no_other(house: House, nightly: Nightly) -> None:
    nightly.tick()
    first = tonight(house)
    house.clock.advance(days=1)
    nightly.tick()
    nightly.run(ACCOUNT, first)
    report = nightly.run(ACCOUNT, tonight(house))
    assert report is not None
    assert report.found == 3
