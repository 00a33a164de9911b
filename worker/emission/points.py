"""Named points between the steps that touch Alegra, Redis or the database: where a process may die at the worst moment.

Production passes them at the cost of one call. The crash matrix (tests/chaos) kills a real worker at each, and a test
fails when the code has a point that is not listed here, or the list one that the code does not pass.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Point(StrEnum):
    """In the order in which a document passes them."""

    INTAKE_RECEIVED = "intake.received"
    """A request was read from the broker; nothing is written."""
    INTAKE_WRITTEN = "intake.written"
    """Committed; the dispatch was not nudged, the message not acknowledged."""
    DISPATCH_PLANNED = "dispatch.planned"
    """Batches and leases are committed; nobody was told."""
    READ_LOCKED = "read.locked"
    """Locks are held; Alegra was not asked."""
    READ_ANSWERED = "read.answered"
    """Alegra showed the documents; nothing is written."""
    READ_RECORDED = "read.recorded"
    """The moves are committed; locks are held, nobody was told."""
    STAMP_LOCKED = "stamp.locked"
    """Locks are held; nothing is claimed."""
    STAMP_CLAIMED = "stamp.claimed"
    """The intent is committed; not a byte has left."""
    STAMP_ANSWERED = "stamp.answered"
    """Alegra has executed the call and answered; nothing is written."""
    STAMP_RECORDED = "stamp.recorded"
    """The answer is committed; locks are held, nobody was told."""
    SWEEP_GAVE_UP = "sweep.gave_up"
    """A dead worker's documents became uncertain; accounts were not nudged."""
    NIGHT_OPENED = "night.opened"
    """The night is this caller's; nobody was told to run it."""
    NIGHT_LISTED = "night.listed"
    """All drafts are listed; none is enqueued."""
    CREATION_RECEIVED = "creation.received"
    """A request for new documents was read from the broker; nothing is written."""
    CREATION_WRITTEN = "creation.written"
    """Committed; the dispatch was not nudged, the message not acknowledged."""
    CREATIONS_PLANNED = "creation.planned"
    """POSTs and leases are committed; nobody was told."""
    CREATE_LOCKED = "creation.locked"
    """The lock is held; nothing is claimed."""
    CREATE_CLAIMED = "creation.claimed"
    """The intent is committed; not a byte has left."""
    CREATE_ANSWERED = "creation.answered"
    """Alegra has created the document and answered; nothing is written."""
    CREATE_RECORDED = "creation.recorded"
    """The answer, and the emission it leads to, are committed; the lock is held, nobody was told."""
    LOOK_FOR_ANSWERED = "creation.looked"
    """A sweep has shown what carries the reference; nothing is written."""
    LOOK_FOR_RECORDED = "creation.settled"
    """The moves are committed; nobody was told."""
    CREATIONS_GIVEN_UP = "creation.gave_up"
    """A dead worker's creation became uncertain; accounts were not nudged."""


def _pass_by(_point: Point) -> None:
    pass


_watcher: Callable[[Point], None] = _pass_by


def reached(point: Point) -> None:
    """Say that a point was reached."""
    _watcher(point)


def watch(watcher: Callable[[Point], None]) -> None:
    """Have every point reported; for tests that kill the process there."""
    global _watcher  # noqa: PLW0603  # one process has one watcher
    _watcher = watcher
