"""What a person's word may do to a document in each status: pure decisions, one by one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.builders import NOON, a_policy, a_problem, a_work
from timbre_producers.contracts import Status
from worker.emission.lifecycle import IN_FLIGHT
from worker.emission.operate import cancelled, read_now, released
from worker.emission.work import Move

LATER = NOON + timedelta(hours=1)
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 15, 45))


@pytest.mark.parametrize("status", [each for each in Status if each is not Status.HELD])
def test_nothing_but_a_held_document_is_released(status: Status) -> None:
    assert released(a_work(status), "why not", LATER) == f"it is {status}; only held documents are released"


def test_a_released_document_goes_with_others_again_as_if_no_batch_had_been_refused() -> None:
    held = a_work(
        Status.HELD, batch_limit=1, batch_refused=True, split_from="b0", problem=a_problem(), held_reason="no news"
    )
    move = released(held, "asked Alegra", LATER)
    assert isinstance(move, Move)
    after = move.after
    assert (after.status, after.attempt, after.next_read_at) == (Status.QUEUED, 1, LATER)
    assert (after.batch_id, after.batch_limit, after.batch_refused, after.split_from) == (None, 10, False, None)
    assert (after.looked_at, after.ready_at, after.problem, after.held_reason) == (None, None, None, None)
    assert after.unstamped_since == NOON
    assert move.evidence == {"held_reason": "no news"}


def test_a_document_that_was_never_sent_has_no_quiet_window_to_keep() -> None:
    move = released(a_work(Status.HELD, attempt=0), "corrected", LATER)
    assert isinstance(move, Move)
    assert move.after.unstamped_since is None


@pytest.mark.parametrize("status", sorted(IN_FLIGHT))
def test_what_was_sent_cannot_be_cancelled(status: Status) -> None:
    assert "cannot be taken back" in str(cancelled(a_work(status), "a mistake", LATER))


@pytest.mark.parametrize("status", [Status.STAMPED, Status.REJECTED, Status.CANCELLED])
def test_what_has_ended_cannot_be_cancelled(status: Status) -> None:
    assert cancelled(a_work(status), "a mistake", LATER) == f"it is {status} already"


@pytest.mark.parametrize(("status", "reason"), [(Status.QUEUED, None), (Status.QUEUED, "sold"), (Status.HELD, "sold")])
def test_a_cancelled_document_is_in_no_batch_any_more(status: Status, reason: str | None) -> None:
    move = cancelled(a_work(status, batch_id="b1"), reason, LATER)
    assert isinstance(move, Move)
    assert (move.after.status, move.after.batch_id) == (Status.CANCELLED, None)
    assert move.reason == f"cancelled: {reason or 'withdrawn before it was sent'}"


def test_a_held_document_is_cancelled_with_a_reason_only() -> None:
    assert "--reason" in str(cancelled(a_work(Status.HELD), None, LATER))


@pytest.mark.parametrize(("reads", "brought_forward"), [(0, True), (1, True), (2, False), (3, False)])
@pytest.mark.parametrize("status", [Status.CONFIRMING, Status.WAITING, Status.UNCERTAIN])
def test_every_read_but_the_last_of_its_schedule_is_brought_forward(
    status: Status, reads: int, *, brought_forward: bool
) -> None:
    policy = a_policy(confirm_schedule=SCHEDULE, waiting_schedule=SCHEDULE, uncertain_schedule=SCHEDULE)
    decision = read_now(a_work(status, reads=reads, next_read_at=LATER), policy, "ana", NOON)
    assert isinstance(decision, Move) is brought_forward
    if isinstance(decision, Move):
        assert (decision.after.next_read_at, decision.after.status) == (NOON, status)
    else:
        assert decision == (
            f"only the last read of its schedule is left, and it keeps its time: {LATER:%Y-%m-%d %H:%M:%S} UTC"
        )


@pytest.mark.parametrize("status", [Status.QUEUED, Status.EMITTING, Status.HELD, Status.STAMPED, Status.REJECTED])
def test_of_what_is_not_on_its_way_nothing_is_read(status: Status) -> None:
    assert isinstance(read_now(a_work(status), a_policy(), "ana", NOON), str)
