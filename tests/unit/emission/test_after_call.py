"""After the call: where each way an answer can end leaves a document."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.builders import NOON, a_policy, a_problem, a_work
from timbre_producers.contracts import Status
from worker.emission.outcomes import Answered, Deferred, ErrorClass, Outcome, Refused, StampReport, Uncertain
from worker.emission.stamp import after_call, batch_state
from worker.emission.work import Move, Work

LATER = NOON + timedelta(seconds=3)
POLICY = a_policy()


def emitting(**changes: object) -> Work:
    return a_work(Status.EMITTING, **changes)


def after(outcome: Outcome) -> Move:
    return after_call(emitting(), outcome, POLICY, LATER, size=10)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Answered(), Status.CONFIRMING),
        *((Answered(a_problem(each)), Status.CONFIRMING) for each in ErrorClass),
        (Deferred("connection refused"), Status.QUEUED),
        (Refused(a_problem(ErrorClass.CONFIGURATION)), Status.QUEUED),
        (Uncertain("read timeout"), Status.UNCERTAIN),
    ],
)
def test_the_answer_for_a_document_decides_where_it_stands(outcome: Outcome, status: Status) -> None:
    assert after(outcome).after.status is status


def test_no_answer_makes_a_document_stamped_or_rejected_without_a_read() -> None:
    for outcome in (Answered(), Answered(a_problem()), Answered(emission_status="STAMPED_AND_ACCEPTED")):
        assert after(outcome).after.status is Status.CONFIRMING


def test_a_call_that_was_not_executed_spends_no_attempt_and_is_looked_at_anew() -> None:
    queued = after(Deferred("429", timedelta(seconds=37))).after
    assert (queued.attempt, queued.batch_id, queued.ready_at) == (0, None, None)
    assert queued.next_read_at == LATER + timedelta(seconds=37)


def test_an_uncertain_document_keeps_its_attempt_and_is_read_on_its_schedule() -> None:
    uncertain = after(Uncertain("reset")).after
    assert (uncertain.attempt, uncertain.batch_id) == (1, "b1")
    assert uncertain.next_read_at == LATER + POLICY.uncertain_schedule[0]


def test_an_answered_document_is_read_on_the_confirming_schedule() -> None:
    assert after(Answered()).after.next_read_at == LATER + POLICY.confirm_schedule[0]


def test_what_was_answered_is_kept_as_evidence() -> None:
    move = after(Answered(a_problem()))
    assert move.evidence["problem"]["code"] == "3051"
    assert "3051" in move.reason


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([Answered(), Uncertain("x")], "answered"),
        ([Uncertain("x"), Deferred("y")], "lost"),
        ([Refused(a_problem())], "refused"),
        ([Deferred("y")], "deferred"),
    ],
)
def test_a_batch_is_closed_with_the_strongest_word_of_its_answer(outcomes: list[Outcome], state: str) -> None:
    assert batch_state(StampReport({str(n): outcome for n, outcome in enumerate(outcomes)})) == state


def test_what_the_look_saw_is_not_overwritten_by_what_the_answer_says() -> None:
    looked = emitting(legal_status="STAMPED_AND_REJECTED")
    move = after_call(looked, Answered(emission_status="STAMPED_AND_ACCEPTED"), POLICY, LATER, size=10)
    assert move.after.legal_status == "STAMPED_AND_REJECTED"
    assert move.evidence["emission_status"] == "STAMPED_AND_ACCEPTED"


@pytest.mark.parametrize(("limit", "size", "expected"), [(10, 10, 10), (10, 3, 3), (5, 5, 5), (3, 10, 3)])
def test_a_batch_refused_whole_is_split_from_the_size_it_had(limit: int, size: int, expected: int) -> None:
    move = after_call(emitting(batch_limit=limit), Answered(a_problem(), whole_batch=True), POLICY, LATER, size=size)
    assert (move.after.batch_refused, move.after.batch_limit) == (True, expected)


def test_a_document_named_by_the_answer_keeps_its_company() -> None:
    assert after_call(emitting(), Answered(a_problem()), POLICY, LATER, size=3).after.batch_limit == 10
