"""The lifecycle of a creation: the table, and that nothing the verbs decide ever leaves it."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.builders import NOON, a_policy
from timbre_producers.creations import CreationStatus
from worker.creation.create import after_call
from worker.creation.lifecycle import ASKED_AGAIN, FINISHED, IN_FLIGHT, NEXT, may_become
from worker.creation.operate import cancelled, released, taken_for
from worker.creation.outcomes import Created, CreateReport, Found, InDoubt, Invalid, SweepReport
from worker.creation.settle import judge
from worker.creation.sweep import overdue
from worker.creation.work import Creation, CreationMove, enter
from worker.emission.outcomes import Deferred, ErrorClass, Problem, Refused
from worker.emission.work import IllegalMove

PROBLEM = Problem(ErrorClass.DATA, "3003", "El cliente no es válido")

creations = st.builds(
    Creation,
    id=st.just(1),
    account=st.just("acme"),
    kind=st.sampled_from(["invoice", "global_invoice", "payment"]),
    reference=st.just("INV-1"),
    status=st.sampled_from(CreationStatus),
    since=st.just(NOON),
    body=st.just({}),
    created_at=st.just(NOON),
    request_id=st.just("r"),
    requested_by=st.just("billing"),
    attempt=st.integers(0, 5),
    looks=st.integers(0, 8),
    planned_at=st.none() | st.just(NOON),
    absent_since=st.none() | st.just(NOON),
    absent_looks=st.integers(0, 3),
    stamp_failed=st.booleans(),
    amended=st.booleans(),
    problem=st.none() | st.just(PROBLEM),
)
outcomes = st.sampled_from(
    [
        Created("501", marked=True),
        Created("501", marked=False),
        Invalid(PROBLEM),
        InDoubt("timeout"),
        InDoubt("3051", stamp_failed=True, problem=PROBLEM),
        Deferred("429", timedelta(seconds=3)),
        Refused(PROBLEM),
    ]
)
found = st.lists(
    st.builds(
        Found, st.sampled_from(["501", "502"]), st.sampled_from([frozenset(), frozenset({"INV-1"})]), st.booleans()
    ),
    max_size=3,
).map(tuple)
sweeps = st.builds(SweepReport, found, complete=st.booleans(), failure=st.just(""))
later = st.integers(0, 20_000).map(lambda seconds: NOON + timedelta(seconds=seconds))


def test_the_table_is_the_contracts() -> None:
    assert {status.value: sorted(NEXT[status]) for status in CreationStatus} == {
        "queued": ["cancelled", "created", "creating", "held", "rejected"],
        "creating": ["created", "queued", "rejected", "uncertain"],
        "uncertain": ["created", "held", "queued", "rejected"],
        "created": [],
        "rejected": ["queued"],
        "held": ["cancelled", "created", "queued"],
        "cancelled": ["queued"],
    }


def test_what_is_finished_is_left_only_when_somebody_asks() -> None:
    assert {status for status in FINISHED if NEXT[status]} == ASKED_AGAIN | {CreationStatus.HELD}
    assert FINISHED.isdisjoint(IN_FLIGHT)


@pytest.mark.parametrize(("before", "after"), list(product(CreationStatus, CreationStatus)))
def test_a_move_against_the_table_cannot_even_be_written_down(before: CreationStatus, after: CreationStatus) -> None:
    creation = Creation(1, "acme", "invoice", "INV-1", before, NOON, {}, NOON, "r", "billing")
    if before is after or may_become(before, after):
        CreationMove(creation, enter(creation, after, NOON), "why")
        return
    with pytest.raises(IllegalMove):
        CreationMove(creation, enter(creation, after, NOON), "why")


@given(creations, outcomes, later)
def test_after_a_call_it_is_never_queued_unless_nothing_left(creation: Creation, outcome: object, now: object) -> None:
    calling = enter(creation, CreationStatus.CREATING, NOON, attempt=max(creation.attempt, 1))
    move = after_call(calling, CreateReport(outcome, 200), a_policy(), now)  # type: ignore[arg-type]
    queued = move.after.status is CreationStatus.QUEUED
    assert queued == isinstance(outcome, Deferred | Refused)
    if move.after.status is CreationStatus.REJECTED:
        assert calling.attempt == 1
    if isinstance(outcome, InDoubt) and outcome.stamp_failed:
        assert move.after.stamp_failed


@given(creations, sweeps, later)
def test_no_sweep_ever_lets_go_what_it_has_not_proven_absent(
    creation: Creation, report: SweepReport, now: object
) -> None:
    policy = a_policy()
    uncertain = enter(
        creation,
        CreationStatus.UNCERTAIN,
        NOON,
        looks=creation.looks,
        absent_since=creation.absent_since,
        absent_looks=creation.absent_looks if creation.absent_since else 0,
    )
    move = judge(uncertain, report, policy, now)  # type: ignore[arg-type]
    mine = [each for each in report.found if "INV-1" in each.references]
    if move.after.status in {CreationStatus.QUEUED, CreationStatus.REJECTED}:
        assert report.complete
        assert mine == []
        assert not creation.stamp_failed
        assert creation.kind != "global_invoice"
        assert uncertain.absent_looks >= 1
        assert now - NOON >= policy.quiet_window  # type: ignore[operator]
    if move.after.status is CreationStatus.CREATED:
        (one,) = [each for each in mine if not each.void]
        assert (report.complete, move.after.document_id) == (True, one.document_id)
        assert not creation.amended


@given(creations, sweeps, later)
def test_a_queued_one_is_never_held_or_rejected_for_want_of_news(
    creation: Creation, report: SweepReport, now: object
) -> None:
    queued = enter(creation, CreationStatus.QUEUED, NOON)
    move = judge(queued, report, a_policy(), now)  # type: ignore[arg-type]
    if not report.complete:
        assert move.after.status is CreationStatus.QUEUED
    assert move.after.looked_at is None or (
        report.complete and not any("INV-1" in each.references for each in report.found)
    )


@given(creations, later)
def test_only_the_sweep_of_dead_workers_and_people_move_the_rest(creation: Creation, now: object) -> None:
    if creation.status in {CreationStatus.QUEUED, CreationStatus.CREATING}:
        move = overdue(creation, a_policy(), now)  # type: ignore[arg-type]
        assert move is None or move.after.status in {CreationStatus.QUEUED, CreationStatus.UNCERTAIN}
    for decision in (
        released(creation, "looked", NOON),
        cancelled(creation, "looked", NOON),
        taken_for(creation, "501", "looked", NOON),
    ):
        assert isinstance(decision, str) or creation.status in {CreationStatus.HELD, CreationStatus.QUEUED}
