"""A number that appears after our call is a sign of it: neither a second sending nor a rejection may be hasty then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.builders import NOON, a_policy, a_problem, a_snapshot, a_work, seen
from timbre_producers.contracts import Status
from worker.emission.observation import Observation
from worker.emission.outcomes import ErrorClass
from worker.emission.settle import settle
from worker.emission.work import Move, Work

POLICY = a_policy()
WINDOW = POLICY.quiet_window.total_seconds()


def read(work: Work, number: str | None, later: float) -> Move:
    shown: Observation = seen("501", snapshot=a_snapshot(number=number))
    return settle(work, shown, POLICY, NOON + timedelta(seconds=later))


def test_a_number_that_appears_between_two_reads_begins_the_proof_anew() -> None:
    first = read(a_work(Status.UNCERTAIN), None, 5)
    numbered = read(first.after, "SETP12", 20)
    at_the_first_window = read(numbered.after, "SETP12", 5 + WINDOW)
    assert at_the_first_window.after.status is Status.UNCERTAIN
    proven = read(at_the_first_window.after, "SETP12", 20 + WINDOW)
    assert proven.after.status is Status.QUEUED


def test_a_number_that_was_there_at_the_first_read_delays_nothing() -> None:
    first = read(a_work(Status.UNCERTAIN), "SETP12", 5)
    assert read(first.after, "SETP12", 5 + WINDOW).after.status is Status.QUEUED


@pytest.mark.parametrize("error_class", [ErrorClass.DATA, ErrorClass.CONFIGURATION])
def test_a_refused_document_that_was_given_a_number_is_rejected_only_after_the_quiet_window(
    error_class: ErrorClass,
) -> None:
    refused = a_work(Status.CONFIRMING, problem=a_problem(error_class))
    first = read(refused, "SETP12", 2)
    assert first.after.status is Status.CONFIRMING
    second = read(first.after, "SETP12", 7)
    assert second.after.status is Status.CONFIRMING
    assert read(second.after, "SETP12", 2 + WINDOW).after.status is Status.REJECTED


def test_a_refused_document_without_a_new_number_is_rejected_by_its_first_read() -> None:
    refused = a_work(Status.CONFIRMING, problem=a_problem())
    assert read(refused, None, 2).after.status is Status.REJECTED
    open_before = a_work(Status.CONFIRMING, problem=a_problem(), snapshot=a_snapshot(number="SETP12"))
    assert read(open_before, "SETP12", 2).after.status is Status.REJECTED
