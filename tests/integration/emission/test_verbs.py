"""Dispatch, reading and sweep at their edges: late, frozen, repeated, lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from tests.support.alegra import ScriptedAlegra, does_not_answer, is_not_reached, loses_the_answer
from tests.support.builders import ACCOUNT, NOON, a_policy, a_request, code_of, ids, seen
from tests.support.fakes import FakeClock, FakeLocks
from tests.support.house import House
from timbre_producers.contracts import Priority, Status
from worker.emission.observation import ReadReport, Remote
from worker.emission.ports import CoordinationDown
from worker.emission.reading import BUSY_FOR


def frozen_for(clock: FakeClock, alegra: ScriptedAlegra, **time: float) -> None:
    """The worker stops right after Alegra answered its read, once."""

    def freeze(_ids: Sequence[str]) -> None:
        alegra.during_read = lambda _ids: None
        clock.advance(**time)

    alegra.during_read = freeze


# Reading.


def test_a_look_is_as_old_as_its_question_however_late_it_is_written_down(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.ask("501")
    frozen_for(clock, alegra, minutes=20)
    house.read("501")
    assert house.work("501").looked_at == NOON


def test_two_reads_a_second_apart_are_no_proof_although_the_second_is_written_down_late(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    house.read("501")
    clock.advance(seconds=1)
    frozen_for(clock, alegra, minutes=20)
    house.read("501")
    assert house.status("501") is Status.UNCERTAIN


def test_of_two_reads_of_the_same_state_one_counts(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    house.locks.flushed = True

    def another_reads_too(_ids: Sequence[str]) -> None:
        alegra.during_read = lambda _ids: None
        house.read("501")

    alegra.during_read = another_reads_too
    house.read("501")
    assert house.work("501").unstamped_reads == 1


@pytest.mark.parametrize("moment", ["in a batch", "emitting", "stamped", "looked at"])
def test_a_late_read_message_for_a_document_that_waits_for_none_asks_nothing(
    house: House, alegra: ScriptedAlegra, moment: str
) -> None:
    match moment:
        case "in a batch":
            house.plan("501")
        case "emitting":
            batch_id = house.plan("501")
            house.ledger.claim(batch_id, lambda _: True, worker="w", now=house.clock.now())
        case "stamped":
            house.run_to_the_end("501")
        case _:
            house.ask("501")
            house.read("501")
    asked = len(alegra.reads)
    house.read("501")
    house.read("nobody")
    assert len(alegra.reads) == asked


def test_a_busy_document_is_left_to_whoever_is_busy_with_it(
    house: House, alegra: ScriptedAlegra, locks: FakeLocks
) -> None:
    house.ask("501", "502")
    locks.busy.add(house.work("501").document)
    house.read("501", "502")
    assert alegra.reads == [("502",)]
    locks.busy.add(house.work("502").document)
    house.read("501")
    assert alegra.reads == [("502",)]


@pytest.mark.parametrize("moment", ["a look", "a settling read"])
def test_a_document_that_was_busy_is_read_again_in_moments_and_not_after_the_lease_of_its_read(
    house: House, clock: FakeClock, locks: FakeLocks, moment: str
) -> None:
    if moment == "a look":
        house.ask("501")
    else:
        house.send("501")
    clock.advance(seconds=10)
    locks.busy.add(house.work("501").document)
    house.announcer.dispatches.clear()
    assert len(house.round().reads) == 1
    assert house.announcer.dispatches[-1] == (ACCOUNT, BUSY_FOR)
    locks.busy.clear()
    clock.advance(seconds=(BUSY_FOR + house.policy.linger).total_seconds())
    assert len(house.dispatch.round(ACCOUNT).reads) == 1


def test_a_busy_document_that_is_moved_meanwhile_keeps_its_new_schedule(
    house: House, alegra: ScriptedAlegra, clock: FakeClock, locks: FakeLocks
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    clock.advance(seconds=10)
    found = house.ledger.works(ACCOUNT, "invoice", ["501"])
    house.read("501")
    moved = house.work("501")
    locks.busy.add(moved.document)
    house.reading.come_back(found, clock.now())
    assert house.work("501") == moved


def test_a_queued_document_survives_an_outage_of_alegra_of_any_length(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.ask("501")
    alegra.readings.extend([does_not_answer("HTTP 503")] * 200)
    for _ in range(200):
        clock.advance(minutes=5)
        house.read("501")
    assert house.status("501") is Status.QUEUED
    house.run()
    assert house.status("501") is Status.STAMPED


def test_a_document_for_tomorrow_is_not_held_by_one_failed_look_tomorrow(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.ask("501", not_before=NOON + timedelta(days=2))
    house.round()
    assert alegra.reads == []
    clock.move_to(NOON + timedelta(days=2))
    alegra.readings.append(does_not_answer())
    house.run()
    assert house.status("501") is Status.STAMPED


def test_a_document_that_a_read_leaves_out_without_a_word_is_no_news(house: House, alegra: ScriptedAlegra) -> None:
    alegra.readings.append(lambda ids: ReadReport({each: seen(each) for each in ids[1:]}))
    house.ask("501", "502")
    house.read("501", "502")
    assert [house.work(each).ready_at is None for each in ("501", "502")] == [True, False]


def test_a_late_read_that_brings_the_code_everybody_knows_is_no_discrepancy(
    house: House, alegra: ScriptedAlegra
) -> None:
    house.send("501")
    house.locks.flushed = True
    in_process = seen("501", Remote.IN_PROCESS, fiscal_code=code_of("501"))
    alegra.readings.append(lambda _ids: ReadReport({"501": in_process}))
    house.read("501")
    known = len(house.events("501"))
    assert house.work("501").fiscal_code == code_of("501")

    def another_settles_it(_ids: Sequence[str]) -> None:
        alegra.during_read = lambda _ids: None
        house.read("501")

    alegra.during_read = another_settles_it
    assert house.reading.run(ACCOUNT, "invoice", ["501"]) == []
    assert house.status("501") is Status.STAMPED
    assert len(house.events("501")) == known + 1


AT_ONCE = [(ACCOUNT, timedelta(0))]


def test_who_has_looked_or_sent_has_the_next_round_run_at_once(house: House) -> None:
    house.ask("501")
    house.announcer.dispatches.clear()
    house.read("501")
    assert house.announcer.dispatches == AT_ONCE
    batch_id = house.plan("502")
    house.announcer.dispatches.clear()
    house.stamping.run(batch_id)
    assert house.announcer.dispatches == AT_ONCE


def test_who_has_read_that_all_came_to_their_end_leaves_nothing_to_a_round(house: House) -> None:
    house.send("501", "502")
    house.announcer.dispatches.clear()
    house.read("501", "502")
    assert set(house.statuses().values()) == {Status.STAMPED}
    assert house.announcer.dispatches == []


@pytest.mark.parametrize("unfinished", ["in process", "locked", "moved by another"])
def test_who_has_read_that_one_is_not_at_its_end_has_the_next_round_run(
    house: House, alegra: ScriptedAlegra, unfinished: str
) -> None:
    house.send("501", "502")
    house.announcer.dispatches.clear()
    match unfinished:
        case "in process":
            alegra.shown["502"] = seen("502", Remote.IN_PROCESS)
        case "locked":
            house.locks.busy.add(house.work("502").document)
        case _:
            house.locks.flushed = True

            def another_reads_too(_ids: Sequence[str]) -> None:
                alegra.during_read = lambda _ids: None
                house.read("502")

            alegra.during_read = another_reads_too
    house.read("501", "502")
    assert house.status("501") is Status.STAMPED
    assert house.announcer.dispatches == AT_ONCE


# Dispatch.


def test_a_request_for_later_is_not_touched_before(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    house.ask("501", not_before=NOON + timedelta(hours=1))
    clock.advance(minutes=59)
    assert house.round().wake_in == timedelta(minutes=1)
    assert alegra.reads == []


def test_an_urgent_document_passes_a_full_queue(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    house.policy = a_policy(max_in_flight=1)
    house.ask(*ids(300, 1000))
    clock.advance(seconds=5)
    house.round()
    house.ask("501", priority=Priority.HIGH)
    for _ in range(4):
        if house.status("501") is Status.QUEUED:
            house.round()
    assert house.status("501") is not Status.QUEUED
    assert len(alegra.calls) <= 4


def test_a_read_that_nobody_answers_falls_due_again(house: House, alegra: ScriptedAlegra, clock: FakeClock) -> None:
    house.ask("501")
    clock.advance(seconds=2)
    assert len(house.dispatch.round(ACCOUNT).reads) == 1
    assert len(house.dispatch.round(ACCOUNT).reads) == 0
    house.announcer.work.clear()
    clock.advance(seconds=95)
    assert len(house.dispatch.round(ACCOUNT).reads) == 1


def test_a_whole_read_of_documents_is_handed_out_when_they_are_due_and_once(house: House, clock: FakeClock) -> None:
    house.ask(*ids(30), not_before=NOON + timedelta(hours=1))
    assert len(house.dispatch.round(ACCOUNT).reads) == 0
    clock.advance(hours=1)
    assert len(house.dispatch.round(ACCOUNT).reads) == 1
    assert len(house.dispatch.round(ACCOUNT).reads) == 0


def test_a_document_that_was_sent_is_asked_for_once_in_a_round(house: House, clock: FakeClock) -> None:
    house.send("501")
    clock.advance(seconds=10)
    (works,) = house.dispatch.round(ACCOUNT).reads
    assert [work.document.document_id for work in works] == ["501"]


def test_a_round_without_redis_hands_out_nothing_and_changes_nothing(house: House, clock: FakeClock) -> None:
    house.ask("501")
    clock.advance(seconds=2)
    before = house.work("501")
    house.quota.down = True
    with pytest.raises(CoordinationDown):
        house.dispatch.round(ACCOUNT)
    assert house.work("501") == before
    assert house.announcer.work == []


def test_a_batch_that_is_not_picked_up_is_planned_anew_once(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    first = house.plan("501")
    clock.advance(seconds=61)
    assert house.sweep.round().abandoned == 1
    house.run()
    house.stamping.run(first)  # the message turns up after all
    assert (len(alegra.calls), house.status("501")) == (1, Status.STAMPED)


def test_a_call_that_was_not_executed_is_looked_at_again_before_it_goes(house: House, alegra: ScriptedAlegra) -> None:
    alegra.fates.append(is_not_reached())
    house.send("501")
    alegra.execute(["501"])  # by hand, meanwhile
    house.run()
    assert (len(alegra.calls), alegra.executed["501"], house.status("501")) == (1, 1, Status.STAMPED)


def test_no_more_permits_are_taken_than_calls_may_start(house: House) -> None:
    house.policy = a_policy(max_in_flight=2)
    house.ask(*ids(20), kind="support_document")  # one a call
    for _ in range(3):
        house.round_of_reads()
    assert [count for _, count, purpose in house.quota.taken if purpose == "stamp"] == [2]


def test_no_more_documents_are_looked_at_than_may_be_sent_while_the_look_is_fresh(
    house: House, alegra: ScriptedAlegra, clock: FakeClock
) -> None:
    house.policy = a_policy(max_in_flight=1)
    house.quota.left[ACCOUNT, "stamp"] = 0
    house.ask(*ids(200, 1000))
    for _ in range(6):
        clock.advance(seconds=3)
        house.round()
    assert sum(len(read) for read in alegra.reads) <= 60


# Sweep.


def test_a_sweep_leaves_a_batch_that_may_still_be_picked_up_alone(house: House, clock: FakeClock) -> None:
    batch_id = house.plan("501")
    clock.advance(seconds=59)
    assert house.sweep.round().abandoned == 0
    house.stamping.run(batch_id)
    assert house.status("501") is Status.CONFIRMING


def test_a_call_is_late_by_when_it_began_and_not_by_when_it_was_planned(house: House, clock: FakeClock) -> None:
    batch_id = house.plan("501")
    clock.advance(seconds=50)
    house.ledger.claim(batch_id, lambda _: True, worker="w", now=clock.now())
    clock.advance(seconds=195)
    assert house.sweep.round().uncertain == 0


def test_a_call_nobody_recorded_is_in_doubt_however_late_the_sweep_comes(house: House, clock: FakeClock) -> None:
    batch_id = house.plan("501")
    house.ledger.claim(batch_id, lambda _: True, worker="w", now=clock.now())
    clock.advance(days=3)
    swept = house.sweep.round()
    assert (swept.abandoned, swept.uncertain, house.status("501")) == (0, 1, Status.UNCERTAIN)
    assert house.batch(batch_id).state == "lost"


def test_the_batches_of_an_account_nobody_configures_any_more_wait_until_it_is_back(
    house: House, clock: FakeClock
) -> None:
    house.requests.accept(a_request("1", account="gone"), NOON)
    clock.advance(seconds=2)
    house.round("gone")
    assert len(house.dispatch.round("gone").batches) == 1
    clock.advance(days=1)
    assert house.sweep.round().abandoned == 0


def test_a_sweep_leaves_a_call_that_may_still_be_answered_alone(house: House, clock: FakeClock) -> None:
    batch_id = house.plan("501")
    house.ledger.claim(batch_id, lambda _: True, worker="w", now=clock.now())
    clock.advance(seconds=195)
    assert house.sweep.round().uncertain == 0
    clock.advance(seconds=1)
    assert house.sweep.round().uncertain == 1
    assert house.sweep.round().uncertain == 0


def test_two_sweeps_find_each_document_once(house: House, clock: FakeClock) -> None:
    batch_id = house.plan(*ids(10))
    house.ledger.claim(batch_id, lambda _: True, worker="w", now=clock.now())
    clock.advance(seconds=300)
    assert [house.sweep.round().uncertain, house.sweep.round().uncertain] == [10, 0]
    assert house.path("501").count("uncertain") == 1


def test_a_batch_of_an_account_nobody_configures_any_more_stops_no_sweep(house: House, clock: FakeClock) -> None:
    house.requests.accept(a_request("1", account="gone"), NOON)
    house.ask("501")
    clock.advance(seconds=5)
    assert house.sweep.round().announced == [ACCOUNT]


def test_a_void_document_that_was_sent_is_held_for_a_person(house: House, alegra: ScriptedAlegra) -> None:
    house.send("501")
    alegra.shown["501"] = seen("501", Remote.VOID)
    house.read("501")
    assert house.status("501") is Status.HELD
