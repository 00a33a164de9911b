"""What the doctor says: one line for each thing looked at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    check: str
    """What was looked at: settings, accounts, database, redis, broker, locks, worker, beat, clock, account."""
    level: Level
    said: str
    remedy: str | None = None
    """What to do next; every line that is not ok has one."""
    account: str | None = None


Findings = Iterator[Finding]
