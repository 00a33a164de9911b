"""Settle: what one read decides about a document that was sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.support.builders import NOON, a_policy, a_problem, a_snapshot, a_work, code_of, seconds, seen
from timbre_producers.contracts import Status
from worker.emission.lifecycle import SETTLING
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import ErrorClass
from worker.emission.settle import no_news, settle
from worker.emission.work import Move, Work

POLICY = a_policy()
WINDOW = POLICY.quiet_window


def at(seconds_later: float) -> Any:
    return NOON + timedelta(seconds=seconds_later)


def read(work: Work, shown: Observation, later: float = 5) -> Move:
    return settle(work, shown, POLICY, at(later))


def reads(work: Work, shown: Sequence[tuple[float, Observation]]) -> Iterator[Move]:
    """The moves of successive reads, each on what the one before left."""
    for later, observation in shown:
        move = read(work, observation, later)
        yield move
        if move.after.status is not move.before.status:
            return
        work = move.after


def confirming(error_class: ErrorClass | None = None, **changes: Any) -> Work:
    problem = None if error_class is None else a_problem(error_class, blames_account=changes.pop("blames", False))
    return a_work(Status.CONFIRMING, problem=problem, **changes)


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_a_read_that_shows_it_accepted_makes_it_stamped_with_its_code(status: Status) -> None:
    move = read(a_work(status), seen("501", Remote.ACCEPTED))
    assert move.after.status is Status.STAMPED
    assert (move.after.fiscal_code, move.after.document_number) == (code_of("501"), "SETP501")
    assert move.after.next_read_at is None


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_a_read_that_shows_it_rejected_makes_it_rejected_with_the_reason(status: Status) -> None:
    move = read(a_work(status), seen("501", Remote.REJECTED, reason="Regla: FAK24"))
    assert move.after.status is Status.REJECTED
    assert move.after.problem is not None
    assert move.after.problem.message == "Regla: FAK24"


@pytest.mark.parametrize("status", [Status.CONFIRMING, Status.UNCERTAIN])
def test_a_read_that_shows_it_in_process_makes_it_wait(status: Status) -> None:
    move = read(a_work(status), seen("501", Remote.IN_PROCESS))
    assert move.after.status is Status.WAITING
    assert move.after.next_read_at == at(5) + POLICY.waiting_schedule[0]


@pytest.mark.parametrize("remote", [Remote.VOID, Remote.NOT_ELECTRONIC])
@pytest.mark.parametrize("status", sorted(SETTLING))
def test_what_can_not_be_after_a_sending_is_held_and_somebody_is_told(status: Status, remote: Remote) -> None:
    move = read(a_work(status), seen("501", remote))
    assert (move.after.status, move.alert) == (Status.HELD, True)


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_a_code_of_the_wrong_format_is_kept_raw_and_held(status: Status) -> None:
    move = read(a_work(status), seen("501", Remote.DUBIOUS, fiscal_code="odd", reason="no cufe has 3 characters"))
    assert (move.after.status, move.after.fiscal_code, move.alert) == (Status.HELD, "odd", True)


@pytest.mark.parametrize("remote", Remote)
@pytest.mark.parametrize("error_class", [None, *ErrorClass])
@pytest.mark.parametrize("status", sorted(SETTLING))
def test_only_an_accepting_read_makes_anything_stamped(
    status: Status, error_class: ErrorClass | None, remote: Remote
) -> None:
    work = a_work(status, problem=a_problem(error_class) if error_class else None)
    assert (read(work, seen("501", remote)).after.status is Status.STAMPED) == (remote is Remote.ACCEPTED)


@pytest.mark.parametrize("remote", Remote)
@pytest.mark.parametrize("error_class", [None, *ErrorClass])
@pytest.mark.parametrize("status", sorted(SETTLING))
def test_no_single_read_after_a_doubtful_answer_sends_a_document_again(
    status: Status, error_class: ErrorClass | None, remote: Remote
) -> None:
    work = a_work(status, problem=a_problem(error_class) if error_class else None)
    assert read(work, seen("501", remote), later=3600).after.status is not Status.QUEUED


# Confirming and shown unstamped: what the answer said decides.


@pytest.mark.parametrize("error_class", [ErrorClass.DATA, ErrorClass.CONFIGURATION])
def test_a_refusal_that_names_the_document_and_a_read_that_agrees_make_it_rejected(error_class: ErrorClass) -> None:
    move = read(confirming(error_class), seen("501"))
    assert move.after.status is Status.REJECTED
    assert move.after.problem == a_problem(error_class)


def test_a_document_is_not_to_blame_for_its_account_and_goes_back_into_the_queue() -> None:
    move = read(confirming(ErrorClass.CONFIGURATION, blames=True), seen("501"))
    assert (move.after.status, move.after.batch_id) == (Status.QUEUED, None)


def test_in_process_by_the_answer_is_waited_for_although_the_read_does_not_show_it_yet() -> None:
    assert read(confirming(ErrorClass.IN_PROCESS), seen("501")).after.status is Status.WAITING


@pytest.mark.parametrize("error_class", [None, ErrorClass.ALREADY_SENT])
def test_emitted_by_the_answer_but_not_shown_is_read_again_and_in_the_end_held(error_class: ErrorClass | None) -> None:
    *patient, last = reads(confirming(error_class), [(5 + 100 * n, seen("501")) for n in range(20)])
    assert {move.after.status for move in patient} == {Status.CONFIRMING}
    assert len(patient) == len(POLICY.confirm_schedule) - 1
    assert (last.after.status, last.alert) == (Status.HELD, True)


# Rule 4: never resend on doubt.


def doubtful() -> list[Work]:
    return [a_work(Status.UNCERTAIN), confirming(ErrorClass.TRANSIENT)]


@pytest.mark.parametrize("work", doubtful(), ids=lambda work: work.status.value)
def test_two_reads_over_the_quiet_window_send_it_again(work: Work) -> None:
    first, second = reads(work, [(5, seen("501")), (5 + WINDOW.total_seconds(), seen("501"))])
    assert first.after.status is work.status
    assert (second.after.status, second.after.batch_id, second.after.ready_at) == (Status.QUEUED, None, None)
    assert second.after.attempt == 1


@pytest.mark.parametrize("work", doubtful(), ids=lambda work: work.status.value)
def test_many_reads_inside_the_quiet_window_prove_nothing(work: Work) -> None:
    moves = list(reads(work, [(5, seen("501")), (20, seen("501")), (300, seen("501")), (604.9, seen("501"))]))
    assert [move.after.status for move in moves] == [work.status] * 4


@pytest.mark.parametrize("work", doubtful(), ids=lambda work: work.status.value)
def test_one_read_however_late_proves_nothing(work: Work) -> None:
    (only,) = reads(work, [(7200, seen("501"))])
    assert only.after.status is work.status


@pytest.mark.parametrize("change", [{"client": "78"}, {"total": Decimal(1)}, {"date": "2026-03-03"}])
@pytest.mark.parametrize("work", doubtful(), ids=lambda work: work.status.value)
def test_two_reads_with_different_contents_contradict_each_other_and_hold_it(work: Work, change: Any) -> None:
    changed = seen("501", snapshot=a_snapshot(**change))
    _, second = reads(work, [(5, seen("501")), (700, changed)])
    assert (second.after.status, second.alert) == (Status.HELD, True)


def test_contents_changed_since_the_look_hold_it_at_the_first_read() -> None:
    (first,) = reads(a_work(Status.UNCERTAIN), [(5, seen("501", snapshot=a_snapshot(total=Decimal(1))))])
    assert first.after.status is Status.HELD


def test_the_number_a_draft_receives_when_a_call_opens_it_is_no_contradiction() -> None:
    numbered = seen("501", snapshot=a_snapshot(number="SETP1"))
    *_, last = reads(a_work(Status.UNCERTAIN), [(5, numbered), (700, numbered)])
    assert last.after.status is Status.QUEUED


def test_another_number_is_a_contradiction() -> None:
    one, other = (seen("501", snapshot=a_snapshot(number=number)) for number in ("SETP1", "SETP2"))
    *_, last = reads(a_work(Status.UNCERTAIN), [(5, one), (700, other)])
    assert last.after.status is Status.HELD


def test_the_read_that_completes_the_proof_does_not_wait_for_the_next_step_of_the_schedule() -> None:
    work = a_work(Status.UNCERTAIN, reads=4, unstamped_reads=4, unstamped_since=at(5))
    move = read(work, seen("501"), later=490)
    assert move.after.next_read_at == at(605)


def test_a_document_sent_as_often_as_allowed_is_held_instead_of_sent_again() -> None:
    work = a_work(Status.UNCERTAIN, attempt=POLICY.max_attempts)
    *_, last = reads(work, [(5, seen("501")), (700, seen("501"))])
    assert (last.after.status, last.alert) == (Status.HELD, True)


def test_one_the_authority_has_is_never_sent_again_whatever_later_reads_show() -> None:
    waiting = read(a_work(Status.UNCERTAIN), seen("501", Remote.IN_PROCESS)).after
    *_, last = reads(waiting, [(10, seen("501")), (700, seen("501"))])
    assert last.after.status is Status.HELD


def test_evidence_of_absence_begins_anew_in_every_status() -> None:
    uncertain = a_work(Status.UNCERTAIN, unstamped_since=at(-3600), unstamped_reads=5)
    waiting = read(uncertain, seen("501", Remote.IN_PROCESS)).after
    assert (waiting.unstamped_since, waiting.unstamped_reads) == (None, 0)


def test_waiting_is_read_on_its_schedule_and_held_when_that_ends() -> None:
    *patient, last = reads(
        a_work(Status.WAITING), [(10 + n, seen("501", Remote.IN_PROCESS)) for n in range(len(POLICY.waiting_schedule))]
    )
    delays = [move.after.next_read_at - at(10 + n) for n, move in enumerate(patient)]
    assert delays == list(POLICY.waiting_schedule[1:])
    assert last.after.status is Status.HELD


def test_the_fiscal_code_of_a_rejected_document_is_kept() -> None:
    move = read(a_work(Status.WAITING), seen("501", Remote.REJECTED, fiscal_code="earlier"))
    assert move.after.fiscal_code == "earlier"


# A read that failed is no news.


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_no_news_changes_nothing_but_the_time_of_the_next_read(status: Status) -> None:
    work = a_work(status, reads=1, unstamped_reads=1, unstamped_since=NOON)
    move = no_news(work, "timeout", POLICY, at(9))
    assert move.after.next_read_at is not None
    assert move.after.next_read_at > at(9)
    assert replace(move.after, next_read_at=work.next_read_at) == work
    assert move.silent


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_no_news_until_the_schedule_ended_holds_it(status: Status) -> None:
    move = no_news(a_work(status), "timeout", POLICY, NOON + timedelta(days=3))
    assert (move.after.status, move.alert) == (Status.HELD, True)
    assert "timeout" in (move.after.held_reason or "")


def test_failed_reads_between_two_good_ones_do_not_count_towards_the_proof() -> None:
    first = read(a_work(Status.UNCERTAIN), seen("501")).after
    for later in (100, 200, 700):
        first = no_news(first, "timeout", POLICY, at(later)).after
    assert (first.unstamped_reads, first.status) == (1, Status.UNCERTAIN)


def test_a_schedule_of_one_delay_still_needs_two_reads() -> None:
    short = a_policy(uncertain_schedule=seconds(5, 5), quiet_window=timedelta(0))
    move = settle(a_work(Status.UNCERTAIN), seen("501"), short, at(5))
    assert move.after.status is Status.UNCERTAIN
    assert settle(move.after, seen("501"), short, at(6)).after.status is Status.QUEUED


def test_a_schedule_that_ends_before_the_proof_still_takes_the_read_that_completes_it() -> None:
    short = a_policy(confirm_schedule=seconds(2, 5))
    work = confirming(ErrorClass.TRANSIENT)
    for later in (2, 7):
        work = settle(work, seen("501"), short, at(later)).after
    assert (work.status, work.next_read_at) == (Status.CONFIRMING, at(602))
    assert settle(work, seen("501"), short, at(602)).after.status is Status.QUEUED


# A batch refused whole: an answer that names nobody proves nothing about anybody (rules 2 and 3).


@pytest.mark.parametrize("blames", [True, False])
@pytest.mark.parametrize("error_class", [ErrorClass.DATA, ErrorClass.CONFIGURATION])
def test_a_refusal_that_names_no_document_is_believed_only_after_the_whole_proof(
    error_class: ErrorClass, blames: bool
) -> None:
    work = confirming(error_class, blames=blames, batch_refused=True)
    early, proof = reads(work, [(2, seen("501")), (602, seen("501"))])
    assert early.after.status is Status.CONFIRMING
    assert proof.after.status is Status.QUEUED


def test_a_batch_refused_whole_is_tried_in_smaller_ones_that_keep_to_themselves() -> None:
    work = confirming(ErrorClass.DATA, batch_refused=True)
    for limit, smaller in ((10, 4), (5, 4), (4, 1), (2, 1)):
        *_, last = reads(replace(work, batch_limit=limit), [(2, seen("501")), (602, seen("501"))])
        after = last.after
        assert (after.status, after.batch_limit, after.split_from, after.batch_id) == (
            Status.QUEUED,
            smaller,
            "b1",
            None,
        )


def test_one_of_a_refused_batch_that_was_emitted_all_the_same_is_found_stamped() -> None:
    work = confirming(ErrorClass.DATA, batch_refused=True)
    *_, last = reads(work, [(2, seen("501")), (7, seen("501", Remote.ACCEPTED))])
    assert last.after.status is Status.STAMPED


# A queued document is never stuck for want of a look.


def test_a_queued_document_that_cannot_be_read_is_read_again_however_long_it_has_waited() -> None:
    queued = a_work(since=NOON - timedelta(days=3), reads=6)
    move = no_news(queued, "timeout", POLICY, NOON)
    assert move.after.status is Status.QUEUED
    assert move.after.next_read_at == NOON + POLICY.uncertain_schedule[0]


# Verdicts from before the sending.


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_a_verdict_from_before_the_sending_is_not_taken_for_the_answer_to_it(status: Status) -> None:
    rejected_once = a_work(status, legal_status="STAMPED_AND_REJECTED")
    stale, truth = reads(rejected_once, [(2, seen("501", Remote.REJECTED)), (7, seen("501", Remote.ACCEPTED))])
    assert stale.after.status is status
    assert truth.after.status is Status.STAMPED


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_a_verdict_that_stands_over_the_quiet_window_is_believed(status: Status) -> None:
    rejected_once = a_work(status, legal_status="STAMPED_AND_REJECTED")
    *_, last = reads(rejected_once, [(5, seen("501", Remote.REJECTED)), (700, seen("501", Remote.REJECTED))])
    assert last.after.status is Status.REJECTED


def test_a_refusal_that_names_the_document_and_the_same_verdict_as_before_are_believed_at_once() -> None:
    work = confirming(ErrorClass.DATA, legal_status="STAMPED_AND_REJECTED")
    assert read(work, seen("501", Remote.REJECTED)).after.status is Status.REJECTED


def test_once_it_was_in_process_a_rejection_is_the_answer_to_this_sending() -> None:
    work = a_work(Status.UNCERTAIN, legal_status="STAMPED_AND_REJECTED")
    waiting, verdict = read(work, seen("501", Remote.IN_PROCESS)), seen("501", Remote.REJECTED)
    assert read(waiting.after, verdict, later=60).after.status is Status.REJECTED


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_a_code_that_another_one_replaces_stays_in_the_history(status: Status) -> None:
    move = read(a_work(status, fiscal_code="first"), seen("501", Remote.ACCEPTED))
    assert move.evidence["replaced_code"] == "first"
