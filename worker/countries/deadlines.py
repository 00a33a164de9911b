"""Until when the law lets a document be sent: counted from its date, in the country's own time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Confidence = Literal["documented", "observed", "inferred"]
"""As in alegra-api.md: the authority says it, a client met it, or it follows from something else."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long after its date a document may still be sent."""

    days: int
    """Whole days after the day it is dated; the last one counts to its end."""
    source: str
    confidence: Confidence
    en: str
    es: str

    def last_instant(self, issued: date, zone: str) -> datetime | None:
        """The end of the last day, in UTC; None outside the calendar."""
        try:
            end = datetime.combine(issued + timedelta(days=self.days + 1), time(), ZoneInfo(zone))
            return end.astimezone(UTC)
        except OverflowError:
            return None
