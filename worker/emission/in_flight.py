"""In flight: how many stamp calls of an account may be on the wire at once, learned from how its last ones ended."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

SLOW: Final = 2.0
"""An answer that took so many times the usual is no calm one: the limit waits, and does not grow."""

MEMORY: Final = 8
"""Answers over which the usual time of one is averaged."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """What is remembered of an account. Losing it costs some speed, never safety."""

    limit: int | None = None
    """Stamp calls at once; None before the first."""
    calm: int = 0
    """Calm answers in a row since the limit last changed."""
    usual: timedelta | None = None
    """How long an answer takes."""
    shrunk_at: datetime | None = None
    """Calls that left before say nothing of the limit that holds since."""


@dataclass(frozen=True, slots=True)
class Call:
    """A stamp call that has ended."""

    called_at: datetime
    closed_at: datetime
    lost: bool
    """No clear answer came: a timeout, a reset, a 5xx, a dead worker."""


def beginning(lower: int, upper: int) -> int:
    """The limit of an account of which nothing is known: half the upper bound, rounded up."""
    return max(lower, (upper + 1) // 2)


def enough(usual: timedelta, calls_per_second: float) -> int:
    """Calls at once by which so many begin each second, while one takes as long as usual; fewer leave quota unspent."""
    return max(math.ceil(usual.total_seconds() * calls_per_second), 1)


def adapted(before: InFlight, calls: Sequence[Call], *, lower: int, upper: int) -> InFlight:
    """The limit after these calls, never outside the bounds: one more after as many calm answers, half after a loss.

    A whole volley that is lost halves it once: what left before the limit shrank is not counted against it again.
    """
    lower = min(lower, upper)
    known = beginning(lower, upper) if before.limit is None else before.limit
    state = replace(before, limit=min(max(known, lower), upper))
    for call in sorted(calls, key=lambda each: each.closed_at):
        if state.shrunk_at is None or call.called_at > state.shrunk_at:
            state = _after_loss(state, call, lower) if call.lost else _after_answer(state, call, upper)
    return state


def _after_loss(state: InFlight, call: Call, lower: int) -> InFlight:
    limit = state.limit or lower
    return replace(state, limit=max(limit // 2, lower), calm=0, shrunk_at=call.closed_at)


def _after_answer(state: InFlight, call: Call, upper: int) -> InFlight:
    limit = state.limit or upper
    took = max(call.closed_at - call.called_at, timedelta(0))
    usual = took if state.usual is None else state.usual + (took - state.usual) / MEMORY
    slow = state.usual is not None and took > state.usual * SLOW
    calm = 0 if slow else min(state.calm + 1, limit)
    if calm == limit and limit < upper:
        return replace(state, limit=limit + 1, calm=0, usual=usual)
    return replace(state, calm=calm, usual=usual)
