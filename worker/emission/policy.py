"""The numbers the verbs go by, per account: times, limits and schedules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

Schedule = tuple[timedelta, ...]
"""Delays of the successive reads: the first counts from entering the status, each further one from the read before."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an account's documents are handled by: settings, overridden by country, overridden by the accounts file."""

    country: str
    linger: timedelta
    """How long a batch or a read may wait for company."""
    look_fresh: timedelta
    """How long a look before sending stays believable."""
    confirm_schedule: Schedule
    waiting_schedule: Schedule
    uncertain_schedule: Schedule
    quiet_window: timedelta
    """How long Alegra must show a document unstamped before it may be sent again (rule 4)."""
    stamp_timeout: timedelta
    read_timeout: timedelta
    min_in_flight: int
    max_in_flight: int
    """Stamp calls of this account at once: between these two, as Alegra bears them (in_flight.py)."""
    max_attempts: int
    """How often a document may be put on the wire before a person must look."""
    sweep_grace: timedelta
    """How long past the stamp timeout a call is given before its worker counts as dead."""
    pickup_timeout: timedelta
    """How long a batch or read handed to the broker may stay unclaimed before it is handed out anew."""
