"""What the verbs of creation need from the world beyond what emission does, as protocols."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from timbre_producers.creations import CreateRequest
from worker.countries import Draft
from worker.creation.outcomes import CreateReport, SweepReport
from worker.creation.work import Creation, CreationMove, Window
from worker.emission.in_flight import InFlight
from worker.emission.kinds import Kind
from worker.emission.outcomes import Problem
from worker.emission.ports import Conflict, Shelf


class CreationApi(Protocol):
    """Alegra, in the domain's words. `create` and `sweep` never raise for what the network or Alegra does."""

    def draft(self, account: str, kind: Kind, body: Mapping[str, Any]) -> Draft:
        """The body as pre-flight examines it.

        Raises `AlegraUnavailable` and `CoordinationDown` while nobody knows in which country the account is.
        """
        ...

    def create(
        self, account: str, kind: Kind, reference: str, body: Mapping[str, Any], *, not_after: datetime
    ) -> CreateReport:
        """One POST, the reference in it. Nothing is sent after `not_after`. Whoever calls has a permit."""
        ...

    def sweep(self, account: str, window: Window) -> SweepReport:
        """Every page of the kind's list in this window. The first request has a permit, the others ask for theirs."""
        ...


class CreationAnnouncer(Protocol):
    """Nudges through the broker. All may vanish: the sweep rebuilds them from the table."""

    def dispatch(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        """Documents were queued to be emitted."""
        ...

    def creations(self, account: str, *, delay: timedelta = timedelta(0)) -> None:
        """Have a round of creations run for the account; many nudges within the delay become one."""
        ...

    def create(self, account: str, kind: str, creation_id: int, reference: str) -> None: ...

    def look_for(self, account: str, kind: str, creation_ids: Sequence[int], references: Sequence[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class CreationsAccepted:
    """What intake did with a request."""

    request_id: str
    queued: int
    known: int
    """Documents whose reference was known with the same body: nothing was added for them."""
    refused: Mapping[str, str]
    """Documents whose reference is another body's, and why."""
    repeated: bool = False
    """The very same request had been accepted before."""


class CreationRequests(Shelf, Protocol):
    """The table `creation_requests`, and the queueing of creations."""

    def accept(self, request: CreateRequest, now: datetime) -> CreationsAccepted | Conflict:
        """One transaction and a constant number of statements, whatever the number of documents."""
        ...


class CreationTurn(Protocol):
    """One account's round, in one transaction under that account's row lock, which emission's rounds take, too."""

    in_flight: int
    """Stamp calls and POSTs handed out and not ended."""
    posts: int
    """The POSTs among them."""
    paused: bool
    probing: bool
    pause: Problem | None
    learned: InFlight

    def uncertain(self, limit: int) -> Sequence[Creation]:
        """Those whose look is due; urgent before old."""
        ...

    def queued(self, limit: int) -> Sequence[Creation]:
        """Those that are due and not handed out; urgent before old."""
        ...

    def next_due_at(self) -> datetime | None:
        """When the earliest falls due that is not due yet."""
        ...

    def lease(self, creations: Sequence[Creation], until: datetime) -> None:
        """Their look is handed out; it falls due again at `until` if nobody brings one."""
        ...

    def plan(self, creations: Sequence[Creation]) -> None:
        """Their POST is handed out; they stay queued until a worker claims them."""
        ...


class Creations(Protocol):
    """The tables `creations` and `creation_events`: every method is one transaction."""

    def by_ids(self, ids: Sequence[int]) -> Sequence[Creation]: ...

    def by_references(self, account: str, kind: str, references: Sequence[str]) -> Sequence[Creation]: ...

    def turn(self, account: str, now: datetime) -> AbstractContextManager[CreationTurn]: ...

    def apply(self, moves: Sequence[CreationMove], now: datetime, *, actor: str) -> frozenset[int]:
        """Carry out the moves whose row still is as their `before` says, with their events; the ids that moved.

        What becomes created and is to be emitted is queued as an emission in the same transaction.
        """
        ...

    def note(self, creation: Creation, reason: str, evidence: Mapping[str, Any], now: datetime, *, actor: str) -> None:
        """An alert without a move: a discrepancy."""
        ...

    def calling(self) -> Sequence[Creation]:
        """POSTs handed out and not ended: few, for the in-flight limits bound them."""
        ...

    def accounts_with_work(self, now: datetime) -> Sequence[str]:
        """Accounts with a creation that is due."""
        ...
