"""Settle, guard by guard: each of these fails when one condition of `settle.py` is taken away and nothing else is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.builders import NOON, a_policy, a_problem, a_snapshot, a_work, seconds, seen
from timbre_producers.contracts import Status
from worker.emission.lifecycle import SETTLING
from worker.emission.observation import Observation, Remote
from worker.emission.outcomes import ErrorClass
from worker.emission.policy import Policy
from worker.emission.settle import no_news, settle
from worker.emission.work import Move, Work

POLICY = a_policy()
WINDOW = POLICY.quiet_window.total_seconds()


def read(work: Work, shown: Observation, later: float, policy: Policy = POLICY) -> Move:
    return settle(work, shown, policy, NOON + timedelta(seconds=later))


def test_a_clock_that_was_set_back_between_two_reads_proves_nothing() -> None:
    first = read(a_work(Status.UNCERTAIN), seen("501"), 5)
    assert read(first.after, seen("501"), -2 * WINDOW).after.status is Status.UNCERTAIN


def test_a_number_that_appears_asks_for_one_more_read_even_without_a_quiet_window() -> None:
    hasty = a_policy(quiet_window=timedelta(0))
    first = read(a_work(Status.UNCERTAIN), seen("501"), 5, hasty)
    numbered = seen("501", snapshot=a_snapshot(number="SETP1"))
    second = read(first.after, numbered, 6, hasty)
    assert (second.after.status, second.after.unstamped_reads) == (Status.UNCERTAIN, 1)


def test_one_that_was_refused_whole_and_alone_is_not_split_any_further() -> None:
    work = a_work(Status.CONFIRMING, problem=a_problem(), batch_refused=True, batch_limit=1)
    first = read(work, seen("501"), 2)
    assert read(first.after, seen("501"), 2 + WINDOW).after.status is Status.REJECTED


def test_one_of_a_batch_that_is_split_carries_no_blame_into_the_next() -> None:
    work = a_work(Status.CONFIRMING, problem=a_problem(), batch_refused=True)
    first = read(work, seen("501"), 2)
    split = read(first.after, seen("501"), 2 + WINDOW).after
    assert (split.status, split.problem, split.batch_refused) == (Status.QUEUED, None, False)


@pytest.mark.parametrize(
    "work",
    [
        a_work(Status.CONFIRMING, problem=a_problem(), batch_refused=True),
        a_work(Status.CONFIRMING, problem=a_problem(ErrorClass.TRANSIENT)),
        a_work(Status.CONFIRMING, problem=a_problem(ErrorClass.ALREADY_SENT)),
        a_work(Status.UNCERTAIN, problem=a_problem()),
    ],
    ids=["its batch was refused", "transient", "already sent", "an answer to an earlier call"],
)
def test_only_a_refusal_by_name_of_this_call_makes_an_old_verdict_believable(work: Work) -> None:
    rejected_before = a_work(
        work.status,
        problem=work.problem,
        batch_refused=work.batch_refused,
        legal_status="STAMPED_AND_REJECTED",
    )
    assert read(rejected_before, seen("501", Remote.REJECTED), 2).after.status is work.status


def test_what_the_authority_says_of_a_rejection_is_not_hidden_by_a_passing_trouble() -> None:
    work = a_work(Status.CONFIRMING, problem=a_problem(ErrorClass.TRANSIENT, message="timeout"))
    problem = read(work, seen("501", Remote.REJECTED, reason="Regla: FAK24"), 2).after.problem
    assert problem is not None
    assert (problem.error_class, problem.message) == (ErrorClass.DATA, "Regla: FAK24")


@pytest.mark.parametrize("status", sorted(SETTLING))
def test_a_stamped_document_carries_no_problem(status: Status) -> None:
    work = a_work(status, problem=a_problem(ErrorClass.TRANSIENT))
    assert read(work, seen("501", Remote.ACCEPTED), 2).after.problem is None


def test_no_news_holds_nothing_before_its_schedule_and_the_quiet_window_are_both_over() -> None:
    short = a_policy(uncertain_schedule=seconds(5, 700))
    over = NOON + sum(short.uncertain_schedule, short.quiet_window)
    work = a_work(Status.UNCERTAIN)
    assert no_news(work, "timeout", short, over).after.status is Status.UNCERTAIN
    assert no_news(work, "timeout", short, over + timedelta(seconds=1)).after.status is Status.HELD


def test_what_waits_for_its_authority_is_not_held_for_want_of_news_before_its_own_deadline() -> None:
    days = a_policy(waiting_schedule=seconds(5, 3 * 24 * 3600), uncertain_schedule=seconds(5, 700))
    move = no_news(a_work(Status.WAITING), "timeout", days, NOON + timedelta(days=2))
    assert (move.after.status, move.alert) == (Status.WAITING, False)


def test_a_read_that_failed_is_not_repeated_before_others_may_join_it() -> None:
    eager = a_policy(uncertain_schedule=seconds(0.1, 700), linger=timedelta(seconds=2))
    move = no_news(a_work(Status.UNCERTAIN), "timeout", eager, NOON)
    assert move.after.next_read_at == NOON + timedelta(seconds=2)


@pytest.mark.parametrize(
    "work",
    [
        a_work(Status.UNCERTAIN),
        a_work(Status.CONFIRMING, problem=a_problem(ErrorClass.TRANSIENT)),
        a_work(Status.CONFIRMING, problem=a_problem(), batch_refused=True),
        a_work(Status.CONFIRMING, problem=a_problem(ErrorClass.CONFIGURATION, blames_account=True)),
    ],
    ids=["uncertain", "transient", "refused whole", "account refused"],
)
def test_what_is_shown_as_not_emitted_and_yet_with_a_fiscal_code_is_never_sent_again_by_itself(work: Work) -> None:
    """The code may be of our call. Of an earlier one it was before, too: then a person has said so by asking again."""
    with_a_code = seen("501", carries_code=True)
    later = 2.0
    move = read(work, with_a_code, later)
    while move.after.status is work.status:
        later += WINDOW
        move = read(move.after, with_a_code, later)
    assert (move.after.status, move.alert) == (Status.HELD, True)
    assert "fiscal code" in (move.after.held_reason or "")
