"""Which status of a creation may follow which, as one table; SQL guards, documentation and tests derive from it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from timbre_producers.creations import CreationStatus

NEXT: Final[Mapping[CreationStatus, frozenset[CreationStatus]]] = MappingProxyType(
    {
        CreationStatus.QUEUED: frozenset(
            {
                CreationStatus.CREATING,
                CreationStatus.CREATED,
                CreationStatus.REJECTED,
                CreationStatus.HELD,
                CreationStatus.CANCELLED,
            }
        ),
        CreationStatus.CREATING: frozenset(
            {CreationStatus.CREATED, CreationStatus.REJECTED, CreationStatus.UNCERTAIN, CreationStatus.QUEUED}
        ),
        CreationStatus.UNCERTAIN: frozenset(
            {CreationStatus.CREATED, CreationStatus.REJECTED, CreationStatus.QUEUED, CreationStatus.HELD}
        ),
        CreationStatus.CREATED: frozenset(),
        CreationStatus.REJECTED: frozenset({CreationStatus.QUEUED}),
        CreationStatus.HELD: frozenset({CreationStatus.QUEUED, CreationStatus.CREATED, CreationStatus.CANCELLED}),
        CreationStatus.CANCELLED: frozenset({CreationStatus.QUEUED}),
    }
)

IN_FLIGHT: Final = frozenset({CreationStatus.CREATING, CreationStatus.UNCERTAIN})
"""A second POST now could make a second document."""

FINISHED: Final = frozenset(
    {CreationStatus.CREATED, CreationStatus.REJECTED, CreationStatus.HELD, CreationStatus.CANCELLED}
)
"""Nothing moves by itself any more."""

ASKED_AGAIN: Final = frozenset({CreationStatus.REJECTED, CreationStatus.CANCELLED})
"""A new request queues these anew; only an operator moves a held one."""

AMENDED: Final = frozenset({CreationStatus.REJECTED})
"""Nothing was created, for sure: a new request may bring a corrected body under the same reference."""


def may_become(before: CreationStatus, after: CreationStatus) -> bool:
    """Whether the lifecycle allows this move."""
    return after in NEXT[before]
