"""What a query answers with: rows as values, ready to be shown to people or written as JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from timbre_producers.contracts import Status
from worker.emission.operate import PAUSED_BY_HAND


@dataclass(frozen=True, slots=True)
class View:
    """What all of them are: their fields are named like the columns they come from."""


@dataclass(frozen=True, slots=True)
class EmissionView(View):
    """One row of the status table."""

    id: int
    account: str
    kind: str
    document_id: str
    status: Status
    attempt: int
    fiscal_code: str | None
    fiscal_code_type: str | None
    document_number: str | None
    legal_status: str | None
    stamped_at: datetime | None
    error_class: str | None
    error_code: str | None
    error_message: str | None
    next_read_at: datetime | None
    reads: int
    batch_id: str | None
    request_id: str | None
    requested_by: str | None
    priority: str
    not_before: datetime | None
    created_at: datetime
    updated_at: datetime
    status_since: datetime
    held_reason: str | None
    preflight: bool
    email: bool
    send_by: datetime | None


@dataclass(frozen=True, slots=True)
class EventView(View):
    """One line of a document's history."""

    at: datetime
    from_status: str | None
    to_status: str | None
    attempt: int
    batch_id: str | None
    actor: str
    reason: str
    evidence: Any
    """Decoded from JSON; None when there is none."""
    alert: bool


@dataclass(frozen=True, slots=True)
class ActView(View):
    """One thing done to a document besides stamping it."""

    id: int
    what: str
    state: str
    occasion: str
    asked_by: str
    reason: str | None
    tries: int
    asked_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    ended_at: datetime | None
    http_status: int | None
    said: str | None


@dataclass(frozen=True, slots=True)
class BatchView(View):
    """One stamp call."""

    id: str
    state: str
    size: int
    worker: str | None
    planned_at: datetime
    called_at: datetime | None
    closed_at: datetime | None
    http_status: int | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class RequestView(View):
    """What a producer asked for, and where its documents stand now."""

    request_id: str
    account: str
    kind: str
    documents: int
    requested_by: str
    priority: str
    force_reason: str | None
    preflight: bool
    received_at: datetime
    queued: int
    known: int
    states: dict[str, int] = field(default_factory=dict)
    """How many of its documents are in which status, whichever request moved them there."""


@dataclass(frozen=True, slots=True)
class SetAsideView(View):
    """A message that could not be accepted."""

    id: int
    received_at: datetime
    cause: str
    reason: str
    request_id: str | None
    body: str


@dataclass(frozen=True, slots=True)
class AlertView(View):
    """Something a person must look at."""

    account: str
    kind: str
    document_id: str
    status: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class AccountView(View):
    """What is remembered of an account."""

    account: str
    country: str | None
    paused_at: datetime | None
    paused_by: str | None
    pause_code: str | None
    pause_reason: str | None
    probe_at: datetime | None
    quota_limit: int | None
    quota_remaining: int | None
    quota_seen_at: datetime | None
    in_flight_limit: int | None
    in_flight_usual_ms: int | None
    """How long a stamp call takes, in the mean of the last ones."""
    outlook_at: datetime | None
    outlook: Any
    """What its numberings and plan have left, decoded from JSON; None when nobody looked yet."""

    @property
    def paused_by_hand(self) -> bool:
        """A person paused it, so that only a person resumes it."""
        return self.pause_code == PAUSED_BY_HAND

    @property
    def why_paused(self) -> str:
        """Alegra's code, which ops/runbook.md goes by, and its words; or the words of who paused it."""
        code = None if self.paused_by_hand else self.pause_code
        return " ".join(part for part in (code, self.pause_reason) if part)


@dataclass(frozen=True, slots=True)
class AccountEventView(View):
    """One line of an account's history."""

    at: datetime
    what: str
    """paused, kept (paused already, from then on by a person), resumed."""
    actor: str
    code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class NightView(View):
    """One night of one account."""

    account: str
    local_date: date
    started_at: datetime
    finished_at: datetime | None
    found: int | None
    enqueued: int | None


@dataclass(frozen=True, slots=True)
class DeadlineView(View):
    """How many documents of an account the law wants sent by a certain time."""

    account: str
    documents: int
    first: datetime
    """The earliest deadline among them."""


@dataclass(frozen=True, slots=True)
class Count(View):
    """How many documents of an account are in one status."""

    account: str
    status: Status
    documents: int
    oldest: datetime | None
    """Since when the oldest of them is; None for documents that are finished."""
