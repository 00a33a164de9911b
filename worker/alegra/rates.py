"""What an answer's headers say about the quota (alegra-api.md §1: on every response)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, Protocol

from worker.emission.ports import Purpose

WINDOW: Final = timedelta(seconds=60)
"""Alegra's quota counts a minute; that long a 429 without further words lasts at most."""

_LONGEST: Final = timedelta(days=1)
_NUMBER: Final = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RateSeen:
    """The quota as one answer showed it; None for what it did not say, or said in a way nobody understands."""

    limit: int | None = None
    """Requests a window allows."""
    remaining: int | None = None
    """Requests left in this window."""
    reset: timedelta | None = None
    """Until the window ends."""
    retry_after: timedelta | None = None
    """What the server asks to wait; at most a day is believed."""
    throttled: bool = False
    """The answer was 429: this request was not executed."""

    @property
    def wait(self) -> timedelta:
        """How long a throttled caller waits: the longest of what was said, a whole window when nothing was."""
        said = [each for each in (self.retry_after, self.reset) if each is not None]
        return max(said) if said else WINDOW


class BudgetKeeper(Protocol):
    """Whoever keeps the budget. What its methods raise is only logged: no answer is lost for it."""

    def observe(self, account: str, seen: RateSeen, /, *, age: timedelta) -> None:
        """After every answer, whatever its status. `age`: how long ago its request left."""
        ...

    def give_back(self, account: str, unused: int, purpose: Purpose, /) -> None:
        """So many requests were permitted of which not a byte left."""
        ...


def read_rate(status: int, headers: Mapping[str, str], now: datetime) -> RateSeen:
    """What these headers say. `headers` must find names whatever their case. Never raises."""
    return RateSeen(
        limit=_count(headers.get("x-rate-limit-limit")),
        remaining=_count(headers.get("x-rate-limit-remaining")),
        reset=_reset(headers.get("x-rate-limit-reset")),
        retry_after=_retry_after(headers, now),
        throttled=status == 429,
    )


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Seconds, or an HTTP date; a date counts from the server's own clock when it told us."""
    raw = headers.get("retry-after")
    if raw is None:
        return None
    wait = _seconds(raw)
    if wait is None and (moment := _moment(raw)) is not None:
        wait = max(moment - (_moment(headers.get("date", "")) or now), timedelta(0))
    return None if wait is None else min(wait, _LONGEST)


def _reset(raw: str | None) -> timedelta | None:
    """Seconds until the window ends. What is longer than a day is no window (some APIs write an epoch here)."""
    wait = _seconds(raw)
    return wait if wait is not None and wait <= _LONGEST else None


def _seconds(raw: str | None) -> timedelta | None:
    number = _number(raw)
    return None if number is None else timedelta(seconds=min(number, 1e9))


def _count(raw: str | None) -> int | None:
    number = _number(raw)
    return None if number is None else math.floor(number)


def _number(raw: str | None) -> float | None:
    return float(raw) if raw is not None and _NUMBER.fullmatch(raw := raw.strip()) else None


def _moment(raw: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(raw)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
