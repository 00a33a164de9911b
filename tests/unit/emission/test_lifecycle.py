"""The lifecycle table is that of the design, and every guard derives from it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.builders import NOON, a_work
from timbre_producers.contracts import Status
from worker.emission import lifecycle
from worker.emission.work import IllegalMove, Move, enter

DESIGN = {
    "queued": "emitting stamped rejected held cancelled",
    "emitting": "queued confirming uncertain",
    "confirming": "stamped rejected waiting queued held",
    "waiting": "stamped rejected held",
    "uncertain": "stamped rejected waiting queued held",
    "stamped": "",
    "rejected": "queued",
    "held": "queued stamped cancelled",
    "cancelled": "queued",
}

OURS = {("queued", "waiting")}
"""A look that finds the document already in process makes it wait (rule 7); the design's table leaves that out."""

ALLOWED = {(before, after) for before, line in DESIGN.items() for after in line.split()} | OURS


@pytest.mark.parametrize("after", Status)
@pytest.mark.parametrize("before", Status)
def test_a_status_becomes_what_the_design_lets_it_become_and_nothing_else(before: Status, after: Status) -> None:
    assert lifecycle.may_become(before, after) == ((before.value, after.value) in ALLOWED)


@pytest.mark.parametrize("status", Status)
def test_the_guard_of_a_status_is_everything_that_may_become_it(status: Status) -> None:
    assert lifecycle.predecessors(status) == {Status(before) for before, after in ALLOWED if after == status.value}


def test_a_stamped_document_never_moves_again() -> None:
    assert lifecycle.NEXT[Status.STAMPED] == frozenset()


def test_only_the_queue_leads_to_a_call() -> None:
    assert lifecycle.predecessors(Status.EMITTING) == {Status.QUEUED}


def test_what_is_in_flight_cannot_be_asked_again_nor_cancelled() -> None:
    assert not lifecycle.IN_FLIGHT & lifecycle.ASKED_AGAIN
    assert not any(lifecycle.may_become(status, Status.CANCELLED) for status in lifecycle.IN_FLIGHT)


def test_in_flight_and_finished_and_queued_are_all_there_is() -> None:
    assert lifecycle.IN_FLIGHT | lifecycle.FINISHED | {Status.QUEUED} == set(Status)
    assert not lifecycle.IN_FLIGHT & lifecycle.FINISHED


def test_every_unfinished_status_has_a_way_to_an_end() -> None:
    for status in set(Status) - lifecycle.FINISHED:
        reached = {status}
        for _ in Status:
            reached |= {after for before in reached for after in lifecycle.NEXT[before]}
        assert Status.STAMPED in reached
        assert Status.HELD in reached


def test_a_move_against_the_lifecycle_cannot_even_be_written_down() -> None:
    stamped = a_work(Status.STAMPED)
    with pytest.raises(IllegalMove, match="stamped may not become uncertain"):
        Move(stamped, replace(stamped, status=Status.UNCERTAIN), "a late answer")


def test_staying_in_a_status_is_a_move_too() -> None:
    waiting = a_work(Status.WAITING)
    assert Move(waiting, replace(waiting, reads=1), "read").after.reads == 1


def test_entering_a_status_begins_its_reading_and_its_evidence_anew() -> None:
    old = a_work(
        Status.UNCERTAIN,
        reads=4,
        next_read_at=NOON,
        ready_at=NOON,
        unstamped_since=NOON,
        unstamped_reads=2,
        held_reason="once held",
    )
    new = enter(old, Status.QUEUED, NOON)
    assert (new.reads, new.next_read_at, new.ready_at, new.unstamped_since, new.unstamped_reads, new.held_reason) == (
        0,
        None,
        None,
        None,
        0,
        None,
    )
    assert new.attempt == old.attempt
