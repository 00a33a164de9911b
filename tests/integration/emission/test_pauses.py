"""Pauses: who rests, what tries it again, and what ends its rest."""

from __future__ import annotations

import pytest

from tests.support.alegra import (
    ScriptedAlegra,
    is_not_reached,
    loses_the_answer,
    refuses_the_account,
    says,
)
from tests.support.builders import ACCOUNT, a_policy, a_problem, ids, seconds
from tests.support.fakes import FakeClock
from tests.support.house import PROBE_EVERY, House
from timbre_producers.contracts import Status
from worker.emission.observation import ReadReport
from worker.emission.outcomes import Answered, ErrorClass, Problem

TOKEN = a_problem(ErrorClass.CONFIGURATION, code="401", message="bad credentials", blames_account=True)
PLAN = a_problem(ErrorClass.CONFIGURATION, code="402", message="plan limit", blames_account=True)
CERTIFICATE = a_problem(ErrorClass.CONFIGURATION, code="3051", message="AEP1005 certificado", blames_account=True)
BY_HAND = Problem(ErrorClass.CONFIGURATION, "operator", "inventory", blames_account=True)


def paused(house: House) -> bool:
    return house.accounts.state(ACCOUNT).pause is not None


def probe(house: House) -> None:
    """The sweep tries the account, and a document goes if it may."""
    house.clock.advance(seconds=PROBE_EVERY.total_seconds())
    house.sweep.round()
    for _ in range(3):
        house.round()
        house.clock.advance(seconds=2)


@pytest.mark.parametrize(
    "fate", [refuses_the_account(PLAN), says(Answered(CERTIFICATE))], ids=["the call", "a row that blames the account"]
)
def test_a_refusal_of_the_account_pauses_it(house: House, alegra: ScriptedAlegra, fate: object) -> None:
    alegra.fates.append(fate)  # type: ignore[arg-type]
    house.send("501")
    assert paused(house)


@pytest.mark.parametrize(
    "fate",
    [says(Answered(a_problem())), loses_the_answer(executes=False), is_not_reached()],
    ids=["a bad document", "a lost answer", "a refused connection"],
)
def test_what_concerns_a_document_or_the_network_pauses_nobody(
    house: House, alegra: ScriptedAlegra, fate: object
) -> None:
    alegra.fates.append(fate)  # type: ignore[arg-type]
    house.send("501")
    assert not paused(house)


def test_a_read_that_is_refused_pauses_the_account_and_spends_nothing(house: House, alegra: ScriptedAlegra) -> None:
    alegra.readings.append(lambda _ids: ReadReport(failure="401", refused=TOKEN))
    house.ask("501")
    house.read("501")
    assert paused(house)
    assert house.status("501") is Status.QUEUED


def test_good_credentials_end_a_pause_for_bad_ones_without_a_document(house: House, alegra: ScriptedAlegra) -> None:
    house.ask("501")
    house.pauses.pause(ACCOUNT, TOKEN)
    house.clock.advance(seconds=PROBE_EVERY.total_seconds())
    alegra.reachable = False
    assert house.sweep.round().probed == []
    assert paused(house)
    alegra.reachable = True
    house.clock.advance(seconds=PROBE_EVERY.total_seconds())
    assert house.sweep.round().probed == [ACCOUNT]
    assert not paused(house)
    assert alegra.calls == []


def test_a_probe_that_is_refused_keeps_the_pause_and_the_first_reason(house: House, alegra: ScriptedAlegra) -> None:
    alegra.fates.extend([refuses_the_account(PLAN), refuses_the_account(TOKEN)])
    house.send(*ids(10))
    probe(house)
    assert [len(call) for call in alegra.calls] == [10, 1]
    assert house.accounts.state(ACCOUNT).pause == PLAN


@pytest.mark.parametrize("fate", [loses_the_answer(executes=False), is_not_reached()], ids=["lost", "not reached"])
def test_a_probe_without_an_answer_is_one_probe_and_not_the_first_of_many(
    house: House, alegra: ScriptedAlegra, fate: object
) -> None:
    alegra.fates.append(refuses_the_account(PLAN))
    alegra.fates.extend([fate] * 10)  # type: ignore[list-item]
    house.send(*ids(10))
    probe(house)
    for _ in range(10):
        house.round()
        house.clock.advance(seconds=5)
    assert len(alegra.calls) == 2
    assert paused(house)


def test_an_account_paused_by_a_person_is_not_resumed_by_what_was_still_on_its_way(
    house: House, alegra: ScriptedAlegra
) -> None:
    batch_id = house.plan("501")

    def meanwhile(_ids: object) -> None:
        house.accounts.pause(ACCOUNT, BY_HAND, by="ana", probe_at=None, now=house.clock.now())

    alegra.during_call = meanwhile
    house.stamping.run(batch_id)
    house.run(rounds=5)
    assert house.status("501") is Status.STAMPED
    assert paused(house)


def test_what_is_planned_when_a_person_pauses_the_account_is_not_sent(house: House, alegra: ScriptedAlegra) -> None:
    batch_id = house.plan("501", "502")
    house.accounts.pause(ACCOUNT, BY_HAND, by="ana", probe_at=None, now=house.clock.now())
    house.stamping.run(batch_id)
    house.run(rounds=5)
    assert alegra.calls == []
    assert set(house.statuses().values()) == {Status.QUEUED}
    house.accounts.resume(ACCOUNT, house.clock.now(), by="ana")
    house.run()
    assert [len(call) for call in alegra.calls] == [2]
    assert set(house.statuses().values()) == {Status.STAMPED}


def test_while_a_probe_is_on_its_way_no_second_document_follows_it(house: House, alegra: ScriptedAlegra) -> None:
    alegra.fates.append(refuses_the_account(PLAN))
    house.send("501")
    house.ask(*ids(20, 600))
    house.clock.advance(seconds=PROBE_EVERY.total_seconds())
    house.sweep.round()
    while not house.announcer.stamps:
        house.round_of_reads()
    for _ in range(3):
        house.round_of_reads()
    assert [len(message.ids) for message in house.announcer.stamps] == [1]


def test_another_accounts_batches_are_sent_while_one_is_paused(house: House, alegra: ScriptedAlegra) -> None:
    batch_id = house.plan("501")
    house.accounts.pause("other", BY_HAND, by="ana", probe_at=None, now=house.clock.now())
    house.stamping.run(batch_id)
    assert alegra.calls == [("501",)]


def test_a_person_who_pauses_while_a_probe_is_asked_keeps_the_last_word(house: House, alegra: ScriptedAlegra) -> None:
    house.ask("501")
    house.pauses.pause(ACCOUNT, TOKEN)
    house.clock.advance(seconds=PROBE_EVERY.total_seconds())
    company = alegra.company

    def slow(account: str) -> object:
        house.accounts.pause(ACCOUNT, BY_HAND, by="ana", probe_at=None, now=house.clock.now())
        return company(account)

    alegra.company = slow  # type: ignore[method-assign, assignment]
    house.sweep.round()
    assert paused(house)


def test_what_was_sent_is_still_read_while_the_account_is_paused(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=True))
    house.send("501")
    house.pauses.pause(ACCOUNT, PLAN)
    house.ask("502")
    clock.advance(seconds=10)
    house.round()
    assert house.statuses() == {"501": Status.STAMPED, "502": Status.QUEUED}
    assert alegra.reads[-1] == ("501",)


def test_a_paused_account_that_nobody_configures_any_more_stops_no_sweep(house: House, alegra: ScriptedAlegra) -> None:
    company = alegra.company

    def unknown(account: str) -> object:
        if account == "gone":
            raise KeyError(account)
        return company(account)

    alegra.company = unknown  # type: ignore[method-assign, assignment]
    house.pauses.pause("gone", TOKEN)
    house.ask("501")
    house.clock.advance(seconds=PROBE_EVERY.total_seconds())
    swept = house.sweep.round()
    assert (swept.announced, swept.probed) == ([ACCOUNT], [])


def test_an_account_that_cannot_be_reached_is_not_probed_with_a_document_too(
    house: House, alegra: ScriptedAlegra
) -> None:
    house.ask(*ids(3))
    house.pauses.pause(ACCOUNT, PLAN)
    house.clock.advance(seconds=PROBE_EVERY.total_seconds())
    alegra.reachable = False
    assert house.sweep.round().probed == []
    for _ in range(5):
        house.round()
        house.clock.advance(seconds=2)
    assert (alegra.reads, alegra.calls) == ([], [])


def test_a_resumed_account_sends_what_waited(house: House, alegra: ScriptedAlegra) -> None:
    house.policy = a_policy(confirm_schedule=seconds(2, 5, 5))
    house.ask(*ids(3))
    house.pauses.pause(ACCOUNT, PLAN)
    house.run(rounds=5)
    assert alegra.calls == []
    house.accounts.resume(ACCOUNT, house.clock.now(), by="ana")
    house.run()
    assert set(house.statuses().values()) == {Status.STAMPED}
