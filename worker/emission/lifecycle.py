"""Which status may follow which, as one table; SQL guards, documentation and tests derive from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from timbre_producers.contracts import Status

NEXT: Final[Mapping[Status, frozenset[Status]]] = MappingProxyType(
    {
        Status.QUEUED: frozenset(
            {Status.EMITTING, Status.STAMPED, Status.REJECTED, Status.WAITING, Status.HELD, Status.CANCELLED}
        ),
        Status.EMITTING: frozenset({Status.QUEUED, Status.CONFIRMING, Status.UNCERTAIN}),
        Status.CONFIRMING: frozenset({Status.STAMPED, Status.REJECTED, Status.WAITING, Status.QUEUED, Status.HELD}),
        Status.WAITING: frozenset({Status.STAMPED, Status.REJECTED, Status.HELD}),
        Status.UNCERTAIN: frozenset({Status.STAMPED, Status.REJECTED, Status.WAITING, Status.QUEUED, Status.HELD}),
        Status.STAMPED: frozenset(),
        Status.REJECTED: frozenset({Status.QUEUED}),
        Status.HELD: frozenset({Status.QUEUED, Status.STAMPED, Status.CANCELLED}),
        Status.CANCELLED: frozenset({Status.QUEUED}),
    }
)

SETTLING: Final = frozenset({Status.CONFIRMING, Status.WAITING, Status.UNCERTAIN})
"""Sent, and to be found out by reading."""

IN_FLIGHT: Final = SETTLING | {Status.EMITTING}
"""A second call now could make a second legal document."""

FINISHED: Final = frozenset({Status.STAMPED, Status.REJECTED, Status.HELD, Status.CANCELLED})
"""Nothing moves by itself any more; what `--wait` waits for."""

ASKED_AGAIN: Final = frozenset({Status.REJECTED, Status.CANCELLED})
"""A new request queues these anew; only an operator moves a held one."""

ENDED_BY_A_PERSON: Final = frozenset({Status.HELD, Status.CANCELLED})
"""One that was sent may be asked for anew from here before Alegra was done with it."""


def predecessors(status: Status) -> frozenset[Status]:
    """The statuses from which `status` may be reached: the guard of every move."""
    return frozenset(before for before, after in NEXT.items() if status in after)


def may_become(before: Status, after: Status) -> bool:
    """Whether the lifecycle allows this move."""
    return after in NEXT[before]
