"""One document's row as the verbs see it, and the guarded move from one state of it to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Self

from timbre_producers.contracts import Status
from worker.emission.lifecycle import may_become
from worker.emission.observation import Observation, Snapshot
from worker.emission.outcomes import Problem


class IllegalMove(RuntimeError):
    """The code asked for a move the lifecycle does not know: a bug, never an answer to bad input."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is emitted: one document of one account."""

    account: str
    kind: str
    document_id: str


@dataclass(frozen=True, slots=True)
class Work:
    """One document on its way: everything that a move may change, and the keys that guard it."""

    id: int
    document: Document
    status: Status
    since: datetime
    """When it entered this status."""
    attempt: int = 0
    """How often it was put on the wire."""
    batch_id: str | None = None
    reads: int = 0
    """Reads that brought news since it entered this status: the index into the schedule."""
    next_read_at: datetime | None = None
    ready_at: datetime | None = None
    """Set when a look found it fit to be sent and no batch has it."""
    looked_at: datetime | None = None
    snapshot: Snapshot | None = None
    """As the last look or the first unstamped read showed it."""
    unstamped_since: datetime | None = None
    """First of the consecutive reads that showed it unstamped; of one that a person let go, when its reads ended."""
    unstamped_reads: int = 0
    batch_limit: int = 10
    """Largest batch it may ride in; halved each time its batch is refused whole."""
    split_from: str | None = None
    """The refused batch it was split from: only its old companions share a batch with it."""
    batch_refused: bool = False
    """The answer on record refused the batch as one and did not name this document."""
    fiscal_code: str | None = None
    fiscal_code_type: str | None = None
    document_number: str | None = None
    legal_status: str | None = None
    stamped_at: datetime | None = None
    problem: Problem | None = None
    held_reason: str | None = None
    """Why a person must look, or which document a queued one waits for."""
    urgent: bool = False
    """Asked for with high priority."""
    not_before: datetime | None = None
    """Nothing is sent before this instant."""
    preflight: bool = True
    """False: asked for with --no-validate."""
    send_by: datetime | None = None
    """Until when the law lets it be sent, as far as that is known; its last look says."""
    warn_at: datetime | None = None
    """When somebody must be told that it has not been sent; None once told, and once the authority has it."""

    def showing(self, seen: Observation) -> Self:
        """The same work with what Alegra shows of it written down; a code once seen is never erased."""
        return replace(
            self,
            fiscal_code=seen.fiscal_code or self.fiscal_code,
            fiscal_code_type=seen.fiscal_code_type or self.fiscal_code_type,
            document_number=seen.snapshot.number or self.document_number,
            legal_status=seen.legal_status or self.legal_status,
            stamped_at=seen.stamped_at or self.stamped_at,
        )


@dataclass(frozen=True, slots=True)
class Move:
    """From one state of a document to the next, with the evidence that justifies it.

    The ledger carries it out only while the row still is as `before` says (status and since when, attempt, batch,
    reads); staying in a status (a read without a verdict) is a move too. Raises `IllegalMove` against the lifecycle.
    """

    before: Work
    after: Work
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    alert: bool = False
    """Somebody must be told."""
    silent: bool = False
    """Nothing an auditor asks for: the row tells it, and no event is written."""

    def __post_init__(self) -> None:
        if self.after.status is not self.before.status and not may_become(self.before.status, self.after.status):
            raise IllegalMove(f"{self.before.status} may not become {self.after.status}: {self.reason}")


def evidence_of(work: Work, seen: Observation) -> dict[str, Any]:
    """What a read showed, for the history; and the code it replaces, for two codes may be two legal documents."""
    evidence = {"read": seen.remote.value, "stamp": seen.excerpt, "number": seen.snapshot.number}
    if work.fiscal_code and seen.fiscal_code and work.fiscal_code != seen.fiscal_code:
        evidence["replaced_code"] = work.fiscal_code
    return evidence


def enter(work: Work, status: Status, now: datetime, **changes: Any) -> Work:
    """The work in its new status, its reading schedule and evidence of absence begun anew."""
    fresh: dict[str, Any] = {
        "status": status,
        "since": now,
        "reads": 0,
        "next_read_at": None,
        "ready_at": None,
        "unstamped_since": None,
        "unstamped_reads": 0,
        "held_reason": None,
    }
    if status not in NOT_WITH_THE_AUTHORITY:
        fresh["warn_at"] = None
    return replace(work, **(fresh | changes))


NOT_WITH_THE_AUTHORITY: Final = frozenset(
    {Status.QUEUED, Status.EMITTING, Status.CONFIRMING, Status.UNCERTAIN, Status.HELD}
)
"""As far as we know: a deadline still matters."""
