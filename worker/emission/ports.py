"""What the verbs need from the world, as protocols; `alegra`, `storage` and `coordination` provide them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

from timbre_producers.contracts import EmitRequest
from worker.emission.in_flight import Call, InFlight
from worker.emission.kinds import Kind
from worker.emission.observation import Company, NumberTemplate, Observation, ReadReport
from worker.emission.outcomes import Problem, StampReport
from worker.emission.work import Document, Move, Work


class Clock(Protocol):
    """The time, as an argument."""

    def now(self) -> datetime:
        """This instant, in UTC."""
        ...


class AlegraUnavailable(Exception):
    """A listing or lookup outside the emission path failed; the sentence says what to do."""


class QuotaSpent(AlegraUnavailable):
    """Alegra was not asked: the account's budget has no permit now. `retry_in`: when it has one."""

    def __init__(self, retry_in: timedelta) -> None:
        super().__init__(f"the account's quota is spent; there is more in {retry_in.total_seconds():.0f} s")
        self.retry_in = retry_in


class InvoicingApi(Protocol):
    """Alegra, in the domain's words. `stamp` and `read` never raise for what the network or Alegra does.

    Whoever calls those two has a permit for them. All other requests ask for one of their own: `drafts`, `company` and
    `number_templates` raise `QuotaSpent` when there is none, and `CoordinationDown`.
    """

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

    def night(self, account: str, local_date: date, *, delay: timedelta = timedelta(0)) -> None: ...

    def mail(self, account: str) -> None: ...


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
    issuer: str | None = None
    """The company's tax number, as the daily check read it."""
    probe_at: datetime | None = None
    """When the next probe of a paused account is due; None when only an operator resumes it."""


class Accounts(Protocol):
    """The table `accounts_state`: what is remembered of each account."""

    def state(self, account: str) -> AccountState: ...

    def states(self) -> Sequence[AccountState]: ...

    def remember_country(self, account: str, country: str, now: datetime) -> None: ...

    def pause(self, account: str, problem: Problem, *, by: str, probe_at: datetime | None, now: datetime) -> bool:
        """True when this call paused it; an account already paused keeps its first reason, and gets the new probe.

        Without a probe only an operator resumes it; a later pause with one does not change that. Batches nobody has
        claimed are given back: afterwards nothing leaves but calls whose intent was committed before.
        """
        ...

    def take_probe(self, account: str, *, next_probe_at: datetime, now: datetime) -> bool:
        """Take the probe that is due; True for one caller only."""
        ...

    def end_probe(self, account: str, now: datetime) -> None:
        """The probe under way failed; the account stays paused until the next."""
        ...

    def resume(self, account: str, now: datetime, *, by: str) -> bool:
        """True when it was paused."""
        ...

    def resume_probed(self, account: str, now: datetime, *, by: str) -> bool:
        """Resume it if it was paused and its probe is the one under way."""
        ...


@dataclass(frozen=True, slots=True)
class Accepted:
    """What intake did with a request."""

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
    reason: str


class Shelf(Protocol):
    """The table `set_aside`."""

    def set_aside(self, *, cause: str, reason: str, body: str, request_id: str | None, now: datetime) -> None:
        """Keep a message that cannot be accepted where an operator sees it."""
        ...


class Requests(Shelf, Protocol):
    """The table `requests`, and the queueing of documents."""

    def accept(self, request: EmitRequest, now: datetime) -> Accepted | Conflict:
        """One transaction and a constant number of statements, whatever the number of documents."""
        ...

    def accept_new(self, requests: Sequence[EmitRequest], now: datetime) -> bool:
        """All of these in one transaction; False, and nothing is written, when a request or a document is known."""
        ...


class Turn(Protocol):
    """One account's dispatch round, in one transaction under that account's row lock."""

    in_flight: int
    """Batches handed out and not closed, and creations beside them."""
    paused: bool
    probing: bool
    """Paused, and the one probe is being tried: one document may go."""
    learned: InFlight
    """How many calls may be in flight, as far as the ended ones have taught."""

    def ended_calls(self, limit: int) -> Sequence[Call]:
        """Calls that ended since `learned` was kept, oldest first; those that provably were not executed are none."""
        ...

    def keep(self, learned: InFlight, calls: Sequence[Call]) -> None:
        """Remember what these calls taught."""
        ...

    def settling(self, limit: int) -> Sequence[Work]:
        """Sent documents whose read is due; urgent before old."""
        ...

    def looks(self, limit: int) -> Sequence[Work]:
        """Queued documents whose look is due; urgent before old."""
        ...

    def ready(self, limit: int) -> Sequence[Work]:
        """What may be stamped: urgent before old; for a paused account's probe, the one looked at last."""
        ...

    def ready_count(self, limit: int) -> int: ...

    def urgent_looks(self, leased_after: datetime, now: datetime) -> bool:
        """Whether an urgent document is being looked at whose lease ends after that."""
        ...

    def next_due_at(self) -> datetime | None:
        """When the earliest read falls due that is not due yet."""
        ...

    def lease(self, works: Sequence[Work], until: datetime) -> None:
        """These reads are handed out; they fall due again at `until` if nobody answers."""
        ...

    def plan(self, batches: Sequence[PlannedBatch]) -> None:
        """Write the batches down; their documents stay queued until the stamp task claims them."""
        ...

    def look_again(self, works: Sequence[Work]) -> None:
        """Their look is too old to be believed."""
        ...


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that was handed out and is not closed."""

    id: str
    account: str
    planned_at: datetime
    called_at: datetime | None
    """When its intent was committed: since then the call may have been on the wire."""


class Ledger(Protocol):
    """The tables `emissions`, `emission_events` and `batches`: every method is one transaction."""

    def works(self, account: str, kind: str, ids: Sequence[str]) -> Sequence[Work]: ...

    def turn(self, account: str, now: datetime) -> AbstractContextManager[Turn]: ...

    def planned(self, batch_id: str) -> Sequence[Document]:
        """What a batch was planned with; nothing when it was claimed or abandoned since, or is unknown."""
        ...

    def claim(self, batch_id: str, fit: Callable[[Work], bool], *, worker: str, now: datetime) -> Sequence[Work]:
        """The intent (rule 1): what is fit of a planned batch becomes emitting under its next attempt, committed.

        The rest of the batch goes back to be looked at. Returns what was really claimed, as it stands afterwards;
        nothing when the batch was claimed or abandoned since, or is unknown.
        """
        ...

    def apply(self, moves: Sequence[Move], now: datetime, *, actor: str) -> frozenset[int]:
        """Carry out the moves whose row still is as their `before` says, with their events.

        Returns the ids that really moved.
        """
        ...

    def record(
        self,
        batch_id: str,
        moves: Sequence[Move],
        now: datetime,
        *,
        actor: str,
        state: str,
        http_status: int | None,
        answer: str,
    ) -> frozenset[int]:
        """`apply`, and the batch closed with its answer, in the same transaction."""
        ...

    def note(
        self, work: Work, reason: str, evidence: Mapping[str, Any], now: datetime, *, actor: str, alert: bool
    ) -> None:
        """An event without a move: a discrepancy, a refusal."""
        ...

    def open_batches(self) -> Sequence[OpenBatch]:
        """Batches handed out and not closed: few, for the in-flight limits bound them."""
        ...

    def overdue(self, now: datetime, limit: int) -> Sequence[Work]:
        """Documents of which somebody must be told that they have not been sent, the most urgent first."""
        ...

    def abandon(self, batch_id: str, now: datetime) -> int:
        """Give an unclaimed batch's documents back to the queue; how many there were."""
        ...

    def works_of_batch(self, batch_id: str) -> Sequence[Work]: ...

    def accounts_with_work(self, now: datetime) -> Sequence[str]:
        """Accounts with a read due or a document ready."""
        ...
