"""What the verbs need from the world, as protocols; `alegra`, `storage` and `coordination` provide them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal, Protocol

from timbre_producers.contracts import EmitRequest
from worker.emission.kinds import Kind
from worker.emission.observation import Company, NumberTemplate, Observation, ReadReport
from worker.emission.outcomes import Problem, StampReport
from worker.emission.policy import Policy
from worker.emission.work import Document, Move, Work


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """This instant, in UTC."""
        ...


class AlegraUnavailable(Exception):
    """A listing or lookup outside the emission path failed; the sentence says what to do."""


class InvoicingApi(Protocol):
    """Alegra, in the domain's words. `stamp` and `read` never raise for what the network or Alegra does."""

    def stamp(self, account: str, kind: Kind, ids: Sequence[str], *, not_after: datetime) -> StampReport:
        """One stamp call. Nothing is sent after `not_after`: a worker frozen past it must not wake up and send."""
        ...

    def read(self, account: str, kind: Kind, ids: Sequence[str]) -> ReadReport:
        """Up to thirty documents in one request, singles for those the list leaves out."""
        ...

    def drafts(self, account: str, kind: Kind, *, start: int = 0) -> tuple[Sequence[Observation], int | None]:
        """One page of at most thirty drafts, oldest first, and where the next starts. Raises `AlegraUnavailable`."""
        ...

    def company(self, account: str) -> Company:
        """Raises `AlegraUnavailable`."""
        ...

    def number_templates(self, account: str) -> Sequence[NumberTemplate]:
        """Raises `AlegraUnavailable`."""
        ...


class CoordinationDown(Exception):
    """Redis cannot be reached: nothing new is sent until it can."""


class Locks(Protocol):
    """One key per document, many in one round trip. Saves work; the guarded row is what makes it correct."""

    def hold(self, documents: Sequence[Document]) -> AbstractContextManager[frozenset[Document]]:
        """Hold what is free and say which; renewed until the block ends. Raises `CoordinationDown`."""
        ...


@dataclass(frozen=True, slots=True)
class Grant:
    """How many requests may go now, and when to ask again for the rest."""

    granted: int
    retry_in: timedelta = timedelta(0)


Purpose = Literal["stamp", "read"]


class Quota(Protocol):
    """One budget of requests per Alegra user, over all workers (rule 9)."""

    def take(self, account: str, wanted: int, purpose: Purpose) -> Grant:
        """Permits for up to `wanted` requests. Raises `CoordinationDown`."""
        ...

    def give_back(self, account: str, unused: int, purpose: Purpose) -> None:
        """Permits taken and not used. Raises `CoordinationDown`."""
        ...


class Announcer(Protocol):
    """Nudges through the broker. All may vanish: the sweep rebuilds them from the table."""

    def dispatch(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        """Have a dispatch round run for the account; many nudges within the delay become one."""
        ...

    def read(self, account: str, kind: str, ids: Sequence[str]) -> None: ...

    def stamp(self, account: str, kind: str, batch_id: str, ids: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """Documents that will share one stamp call."""

    id: str
    kind: str
    works: Sequence[Work]


@dataclass(frozen=True, slots=True)
class AccountState:
    """What is remembered of an account between rounds."""

    account: str
    country: str | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    pause: Problem | None = None
    probe_at: datetime | None = None
    """When the next probe of a paused account is due; None when only an operator resumes it."""
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """What an account has to do right now, as counts: enough to ask the quota for the right number of permits."""

    due_reads: int
    """Documents whose settling read is due."""
    due_looks: int
    """Queued documents to be looked at."""
    oldest_due_at: datetime | None
    ready: int
    """Looked at, and fit to be sent."""
    oldest_ready_at: datetime | None
    in_flight: int
    next_due_at: datetime | None
    """The earliest read that is not due yet."""
    urgent: bool
    """Something of high priority is among them."""


class Turn(Protocol):
    """One account's dispatch, in one transaction under that account's row lock."""

    in_flight: int

    def due(self, limit: int, *, looks: int) -> Sequence[Work]:
        """What is due to be read, settling first, then at most `looks` looks; urgent before old."""
        ...

    def lease(self, works: Sequence[Work], until: datetime) -> None:
        """These reads are handed out; they fall due again at `until` if nobody answers."""
        ...

    def ready(self, limit: int) -> Sequence[Work]:
        """What may be stamped: urgent before old, companions of a refused batch together."""
        ...

    def plan(self, batches: Sequence[PlannedBatch]) -> None:
        """Write the batches down; their documents stay queued until the stamp task claims them."""
        ...

    def look_again(self, works: Sequence[Work]) -> None:
        """Their look is too old to be believed."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """What intake did with a message."""

    request_id: str
    queued: int
    known: int
    """Documents that were already queued, on their way, stamped or held: nothing was added for them."""
    repeated: bool = False
    """The very same request had been accepted before."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The request id was used before with other content."""

    request_id: str


class Ledger(Protocol):
    """The database: every method is one transaction, with a constant number of statements."""

    def accept(self, request: EmitRequest, now: datetime) -> Accepted | Conflict: ...

    def set_aside(self, *, cause: str, reason: str, body: str, request_id: str | None, now: datetime) -> None: ...

    def accounts_with_work(self, now: datetime) -> Sequence[str]: ...

    def account_state(self, account: str) -> AccountState: ...

    def account_states(self) -> Sequence[AccountState]: ...

    def remember_country(self, account: str, country: str, now: datetime) -> None: ...

    def pause(self, account: str, problem: Problem, *, by: str, probe_at: datetime | None, now: datetime) -> bool:
        """True when this call paused it; an account already paused keeps its first reason."""
        ...

    def probing(self, account: str, *, next_probe_at: datetime, now: datetime) -> bool:
        """Take the probe that is due; True for one caller only."""
        ...

    def resume(self, account: str, *, by: str, reason: str, now: datetime) -> bool: ...

    def demand(self, account: str, now: datetime) -> Demand: ...

    def turn(self, account: str, now: datetime) -> AbstractContextManager[Turn]: ...

    def planned(self, batch_id: str) -> Sequence[Work]:
        """The documents of a batch nobody has claimed yet; none when it was claimed, abandoned or is unknown."""
        ...

    def claim(self, batch_id: str, works: Sequence[Work], *, worker: str, now: datetime) -> Sequence[Work]:
        """The intent (rule 1): these become emitting with their next attempt number, the rest of the batch goes
        back to the queue. Returns what was really claimed, as it stands afterwards."""
        ...

    def close_batch(self, batch_id: str, *, state: str, http_status: int | None, answer: str, now: datetime) -> None: ...

    def apply(self, moves: Sequence[Move], now: datetime) -> frozenset[int]:
        """Carry out the moves whose row still is as their `before` says, with their events.

        Returns the ids that really moved.
        """
        ...

    def record_stamp(
        self, batch_id: str, report: StampReport, moves: Sequence[Move], now: datetime
    ) -> frozenset[int]:
        """`apply` and the closing of the batch with its answer, in one transaction."""
        ...

    def discrepancy(self, work: Work, reason: str, evidence: dict[str, object], now: datetime) -> None:
        """A late or contradicting word about a document: an event and an alert, never a status."""
        ...

    def works(self, account: str, kind: str, ids: Sequence[str]) -> Sequence[Work]: ...

    def stuck_batches(self, now: datetime, policy_of: Sequence[tuple[str, Policy]]) -> Sequence[StuckBatch]: ...

    def open_night(self, account: str, local_date: date, *, now: datetime) -> bool:
        """True for the one caller that may run this account's night."""
        ...

    def close_night(self, account: str, local_date: date, *, found: int, enqueued: int, now: datetime) -> None: ...

    def unfinished_nights(self, before: datetime) -> Iterator[tuple[str, date]]: ...


@dataclass(frozen=True, slots=True)
class StuckBatch:
    """A batch that was handed out and never came back."""

    id: str
    account: str
    called: bool
    """Its intent was committed: the call may have been on the wire."""
    works: Sequence[Work]
