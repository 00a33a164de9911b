"""What an operator may do, and what the lifecycle refuses, over a real database."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.alegra import ScriptedAlegra, loses_the_answer
from tests.support.builders import ACCOUNT, NOON, a_problem, seen
from tests.support.house import House
from timbre_producers.contracts import Status
from worker.emission.lifecycle import IN_FLIGHT
from worker.emission.observation import Remote
from worker.emission.operate import Operations, Verdict
from worker.emission.outcomes import ErrorClass
from worker.emission.policy import Policy

ACTOR = "ana@office"


@pytest.fixture
def operations(house: House) -> Operations:
    def policy_of(_account: str) -> Policy:
        return house.policy

    return Operations(house.ledger, house.accounts, house.announcer, house.clock, policy_of)


def hold(house: House, alegra: ScriptedAlegra, document_id: str = "501") -> None:
    """The document was sent, its answer lost, and a read shows it as no longer there."""
    alegra.fates.append(loses_the_answer(executes=False))
    house.send(document_id)
    alegra.shown[document_id] = seen(document_id, Remote.MISSING)
    house.clock.advance(seconds=5)
    house.read(document_id)
    assert house.status(document_id) is Status.HELD


def test_settling_makes_the_read_due_now_and_nudges_the_dispatch(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    alegra.fates.append(loses_the_answer(executes=True))
    house.send("501")
    (verdict,) = operations.settle(ACCOUNT, "invoice", ["501"], actor=ACTOR)
    assert (verdict.done, verdict.status) == (True, Status.UNCERTAIN)
    assert house.work("501").next_read_at == house.clock.now()
    house.clock.advance(seconds=house.policy.linger.total_seconds())
    house.round()
    assert house.status("501") is Status.STAMPED
    assert alegra.executed == {"501": 1}


def test_settling_never_brings_forward_the_read_that_would_end_the_schedule(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    for _ in range(20):
        operations.settle(ACCOUNT, "invoice", ["501"], actor=ACTOR)
        if (house.work("501").next_read_at or NOON) <= house.clock.now():
            house.read("501")
        house.clock.advance(seconds=1)
    assert house.status("501") is Status.UNCERTAIN
    (verdict,) = operations.settle(ACCOUNT, "invoice", ["501"], actor=ACTOR)
    assert not verdict.done
    assert "last read of its schedule" in verdict.sentence


@pytest.mark.parametrize("status", [Status.QUEUED, Status.STAMPED])
def test_there_is_nothing_to_settle_in_what_was_not_sent_or_has_ended(
    house: House, operations: Operations, status: Status
) -> None:
    if status is Status.STAMPED:
        house.send("501")
        house.run()
    else:
        house.ask("501")
    (verdict,) = operations.settle(ACCOUNT, "invoice", ["501"], actor=ACTOR)
    assert (verdict.done, verdict.status) == (False, status)
    assert "nothing" in verdict.sentence


def test_a_released_document_is_read_first_and_adopted_when_it_is_stamped(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    hold(house, alegra)
    alegra.shown["501"] = seen("501", Remote.ACCEPTED)
    (verdict,) = operations.release(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason="seen stamped in Alegra")
    assert (verdict.done, verdict.status) == (True, Status.QUEUED)
    house.run()
    assert house.status("501") is Status.STAMPED
    assert len(alegra.calls) == 1, "it was sent before it was held, and never again"


def test_a_released_document_that_is_unstamped_is_sent_again_under_its_next_attempt(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    hold(house, alegra)
    alegra.shown["501"] = seen("501")
    operations.release(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason="it is a draft in Alegra")
    house.run()
    work = house.work("501")
    assert (work.status, work.attempt) == (Status.STAMPED, 2)
    assert alegra.executed == {"501": 1}


def test_a_release_nudges_the_dispatch_and_leaves_its_author_and_the_reason_in_the_history(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    hold(house, alegra)
    house.announcer.dispatches.clear()
    operations.release(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason="it is a draft in Alegra")
    assert house.announcer.dispatches == [(ACCOUNT, timedelta(0))]
    last = house.events("501")[-1]
    assert (last.actor, last.from_status, last.to_status) == (ACTOR, "held", "queued")
    assert last.reason == "released: it is a draft in Alegra"
    assert "held_reason" in last.evidence


def test_only_held_documents_are_released(house: House, operations: Operations) -> None:
    house.ask("501")
    (verdict,) = operations.release(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason="why not")
    assert (verdict.done, verdict.status) == (False, Status.QUEUED)
    assert "only held documents are released" in verdict.sentence


def test_a_cancelled_document_is_never_sent(house: House, alegra: ScriptedAlegra, operations: Operations) -> None:
    house.ask("501", "502")
    (verdict,) = operations.cancel(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason=None)
    assert (verdict.done, verdict.status) == (True, Status.CANCELLED)
    house.run()
    assert house.statuses() == {"501": Status.CANCELLED, "502": Status.STAMPED}
    assert alegra.executed == {"502": 1}


def test_a_document_of_a_planned_batch_is_cancelled_and_its_companions_go(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    batch_id = house.plan("501", "502")
    (verdict,) = operations.cancel(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason="wrong client")
    assert verdict.done
    house.stamping.run(batch_id)
    assert alegra.calls == [("502",)]
    assert house.status("501") is Status.CANCELLED


def test_what_is_on_the_wire_cannot_be_cancelled(house: House, alegra: ScriptedAlegra, operations: Operations) -> None:
    said: list[Verdict] = []
    alegra.during_call = lambda ids: said.extend(operations.cancel(ACCOUNT, "invoice", ids, actor=ACTOR, reason=None))
    house.send("501")
    (verdict,) = said
    assert (verdict.done, verdict.status) == (False, Status.EMITTING)
    assert "may have been sent" in verdict.sentence
    house.run()
    assert house.status("501") is Status.STAMPED


def test_no_status_in_flight_can_be_cancelled(house: House, alegra: ScriptedAlegra, operations: Operations) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    assert house.status("501") in IN_FLIGHT
    (verdict,) = operations.cancel(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason="too late")
    assert (verdict.done, verdict.status) == (False, Status.UNCERTAIN)


def test_a_held_document_is_cancelled_only_with_a_reason(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    hold(house, alegra)
    (refused,) = operations.cancel(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason=None)
    assert not refused.done
    assert "--reason" in refused.sentence
    (done,) = operations.cancel(ACCOUNT, "invoice", ["501"], actor=ACTOR, reason="deleted in Alegra")
    assert (done.done, done.status) == (True, Status.CANCELLED)


def test_an_unknown_document_is_said_to_be_unknown(operations: Operations) -> None:
    (verdict,) = operations.release(ACCOUNT, "invoice", ["999"], actor=ACTOR, reason="no such thing")
    assert (verdict.done, verdict.status) == (False, None)
    assert "does not know it" in verdict.sentence


def test_each_document_has_its_verdict_in_the_order_asked(house: House, operations: Operations) -> None:
    house.ask("501", "502")
    verdicts = operations.cancel(ACCOUNT, "invoice", ["502", "999", "501", "502"], actor=ACTOR, reason=None)
    assert [(each.document_id, each.done) for each in verdicts] == [("502", True), ("999", False), ("501", True)]


def test_a_paused_account_sends_nothing_until_it_is_resumed(
    house: House, alegra: ScriptedAlegra, operations: Operations
) -> None:
    before = operations.pause(ACCOUNT, actor=ACTOR, reason="month's end")
    assert before.pause is None
    house.ask("501")
    for _ in range(5):
        house.round()
        house.sweep.round()
        house.clock.advance(hours=1)
    assert alegra.calls == []
    state = house.accounts.state(ACCOUNT)
    assert (state.paused_by, state.probe_at) == (ACTOR, None)
    assert state.pause is not None
    assert state.pause.message == "month's end"
    assert operations.resume(ACCOUNT, actor="ana").pause == state.pause
    house.run()
    assert house.status("501") is Status.STAMPED


def test_an_automatic_pause_becomes_one_that_no_probe_ends(house: House, operations: Operations) -> None:
    house.pauses.pause(ACCOUNT, a_problem(ErrorClass.CONFIGURATION, code="402", message="plan limit reached"))
    assert house.accounts.state(ACCOUNT).probe_at is not None
    before = operations.pause(ACCOUNT, actor=ACTOR, reason="leave it")
    assert before.pause is not None
    assert before.pause.code == "402"
    assert house.accounts.state(ACCOUNT).probe_at is None


def test_resuming_what_is_not_paused_does_nothing(house: House, operations: Operations) -> None:
    assert operations.resume(ACCOUNT, actor="ana").pause is None
    assert (house.announcer.work, house.announcer.dispatches) == ([], [])


def test_a_document_that_a_worker_moves_meanwhile_is_looked_at_again(
    house: House, alegra: ScriptedAlegra, operations: Operations, monkeypatch: pytest.MonkeyPatch
) -> None:
    alegra.fates.append(loses_the_answer(executes=False))
    house.send("501")
    works = house.ledger.works

    def works_then_a_read(account: str, kind: str, ids: list[str]) -> object:
        found = works(account, kind, ids)
        monkeypatch.setattr(house.ledger, "works", works)
        house.read("501")
        return found

    monkeypatch.setattr(house.ledger, "works", works_then_a_read)
    (verdict,) = operations.settle(ACCOUNT, "invoice", ["501"], actor=ACTOR)
    assert verdict.done
    assert house.work("501").reads == 1
    assert house.work("501").next_read_at == house.clock.now()
