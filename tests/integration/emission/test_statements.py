"""As many statements for a full call, read or round as for the smallest: what a verb costs hangs on no number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.support.alegra import ScriptedAlegra
from tests.support.builders import ACCOUNT, ids, seen
from tests.support.house import House, engine_on
from tests.support.servers import PostgresServer
from tests.support.statements import recorded
from worker.emission.nightly import Nightly, NightlyPolicy
from worker.storage.callbacks import SqlCallbacks
from worker.storage.migrate import upgrade


def a_call(house: House, documents: int) -> Callable[[], object]:
    batch_id = house.plan(*ids(documents))
    return lambda: house.stamping.run(batch_id)


def a_call_that_comes_twice(house: House, documents: int) -> Callable[[], object]:
    batch_id = house.send(*ids(documents))
    return lambda: house.stamping.run(batch_id)


def a_look(house: House, documents: int) -> Callable[[], object]:
    house.ask(*ids(documents))
    return lambda: house.read(*ids(documents))


def a_settling_read(house: House, documents: int) -> Callable[[], object]:
    house.send(*ids(documents))
    return lambda: house.read(*ids(documents))


def a_request_for_some_that_are_known(house: House, documents: int) -> Callable[[], object]:
    house.ask(*ids(documents))
    return lambda: house.ask(*ids(2 * documents))


def a_night(house: House, documents: int) -> Callable[[], object]:
    alegra = ScriptedAlegra()
    alegra.listed = [seen(each, is_draft=True) for each in ids(30 * documents)]
    policies = {ACCOUNT: NightlyPolicy(enabled=True)}
    lease, now = timedelta(minutes=10), house.clock.now()
    nightly = Nightly(house.nights, alegra, house.intake, house.announcer, house.clock, lambda: policies, lease)
    assert house.nights.open(ACCOUNT, now.date(), lease_until=now + lease, now=now)
    return lambda: nightly.run(ACCOUNT, now.date())


def a_round_of_looks(house: House, documents: int) -> Callable[[], object]:
    house.ask(*ids(30 * documents))
    house.clock.advance(seconds=2)
    return lambda: house.dispatch.round(ACCOUNT)


def a_round_of_calls(house: House, documents: int) -> Callable[[], object]:
    house.ask(*ids(10 * documents))
    house.clock.advance(seconds=2)
    house.round()
    return lambda: house.dispatch.round(ACCOUNT)


def a_sweep_of_a_dead_worker(house: House, documents: int) -> Callable[[], object]:
    batch_id = house.plan(*ids(documents))
    house.ledger.claim(batch_id, lambda _: True, worker="dead", now=house.clock.now())
    house.clock.advance(seconds=600)
    return house.sweep.round


def a_sweep_of_what_nobody_took(house: House, documents: int) -> Callable[[], object]:
    house.plan(*ids(documents))
    house.clock.advance(seconds=600)
    return house.sweep.round


def a_look_at_who_wants_to_be_called_back(house: House, documents: int) -> Callable[[], object]:
    for number in range(documents):
        house.ask(*ids(10, 1000 * (number + 1)), callback_url="https://billing.example/timbre")
    return lambda: SqlCallbacks(house.engine).due(house.clock.now() + timedelta(seconds=1), 50)


def a_pause(house: House, documents: int) -> Callable[[], object]:
    house.plan(*ids(documents))
    return lambda: house.operations.pause(ACCOUNT, actor="ana", reason="month end")


@pytest.mark.parametrize(
    "arrange",
    [
        a_call,
        a_call_that_comes_twice,
        a_look,
        a_settling_read,
        a_request_for_some_that_are_known,
        a_night,
        a_round_of_looks,
        a_round_of_calls,
        a_sweep_of_a_dead_worker,
        a_sweep_of_what_nobody_took,
        a_look_at_who_wants_to_be_called_back,
        a_pause,
    ],
    ids=lambda arrange: arrange.__name__.replace("_", " "),
)
def test_the_number_of_statements_hangs_on_no_number_of_documents(
    postgres: PostgresServer, arrange: Callable[[House, int], Callable[[], object]]
) -> None:
    counts = []
    for documents in (2, 8):
        url = postgres.new_database(postgres.template("migrated", upgrade))
        with engine_on(url) as engine:
            verb = arrange(House(engine, ScriptedAlegra()), documents)
            with recorded(engine) as statements:
                verb()
            counts.append(len(statements))
        postgres.drop_database(url)
    assert counts[0] == counts[1] > 0
