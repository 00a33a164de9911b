"""Acts: what is done to a document at Alegra besides stamping it, each written down before it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from worker.emission.observation import Observation
from worker.emission.work import Document


class What(StrEnum):
    """Alegra's words for what can be done (alegra-api.md §1)."""

    EMAIL = "email"
    VOID = "void"
    OPEN = "open"
    """Takes a void back."""


class ActState(StrEnum):
    """Where an act stands."""

    WANTED = "wanted"
    """To be done when the quota allows."""
    SENDING = "sending"
    """The intent is committed; the call may be on the wire."""
    DONE = "done"
    REFUSED = "refused"
    """It was not done, and will not be by itself."""
    UNKNOWN = "unknown"
    """The answer was lost: it may have been done. Of an e-mail nothing will ever tell; the others a read settles."""


NEXT_STATES: Final[Mapping[ActState, frozenset[ActState]]] = MappingProxyType(
    {
        ActState.WANTED: frozenset({ActState.SENDING, ActState.REFUSED}),
        # Wanted again: provably not executed, as after a 429.
        ActState.SENDING: frozenset({ActState.DONE, ActState.REFUSED, ActState.UNKNOWN, ActState.WANTED}),
        ActState.UNKNOWN: frozenset({ActState.DONE, ActState.REFUSED}),
        ActState.DONE: frozenset(),
        ActState.REFUSED: frozenset(),
    }
)
"""Which state may follow which. Nothing leads from unknown back to the wire."""

WHEN_STAMPED: Final = "stamped"
"""The occasion of the one e-mail that `--email` asks for; each act by a person's will has an occasion of its own."""

KINDS_OF: Final[Mapping[What, frozenset[str]]] = MappingProxyType(
    {
        What.EMAIL: frozenset({"invoice", "credit_note", "transportation_receipt"}),
        What.VOID: frozenset({"invoice", "payment", "transportation_receipt"}),
        What.OPEN: frozenset({"invoice", "payment", "transportation_receipt"}),
    }
)
"""The kinds for which Alegra has a path (alegra-api.md §1, its endpoints)."""

DEPARTURE: Final = timedelta(seconds=20)
"""After the intent so long a call may still leave; a process frozen past it sends nothing when it wakes."""


@dataclass(frozen=True, slots=True)
class Act:
    """One row: one thing to be done to one document."""

    id: int
    document: Document
    what: What
    state: ActState
    occasion: str
    asked_by: str
    reason: str | None
    tries: int
    """How often it was put on the wire."""
    due_at: datetime | None
    sent_at: datetime | None
    """When its intent was committed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The document as Alegra shows it right before something is done to it."""

    observation: Observation
    emails: tuple[str, ...] = ()
    """The client's addresses."""


@dataclass(frozen=True, slots=True)
class Carried:
    """How one call ended. `state` is done, refused, unknown, or wanted: it provably was not executed."""

    state: ActState
    said: str
    """Alegra's words, or why there are none; without secrets."""
    http_status: int | None = None
    retry_in: timedelta | None = None


class ActApi(Protocol):
    """Alegra, for acts. The second never raises for what the network or Alegra does."""

    def show(self, document: Document) -> Shown:
        """One single read; it takes its own permit. Raises `AlegraUnavailable`, `QuotaSpent`, `CoordinationDown`."""
        ...

    def carry_out(self, document: Document, what: What, *, to: Sequence[str], not_after: datetime) -> Carried:
        """One call, for which the caller has a permit. Past `not_after` not a byte is sent."""
        ...


class Acts(Protocol):
    """The table `acts`; each method is one transaction, and each move leaves a line in its document's history."""

    def want_emails(self, now: datetime, limit: int) -> int:
        """Write down the e-mails of documents that were asked for with one and are stamped by now, each once."""
        ...

    def ask(self, document: Document, what: What, *, occasion: str, by: str, reason: str | None, now: datetime) -> Act:
        """Write a new act down, wanted."""
        ...

    def of(self, document: Document, what: What | None = None) -> Sequence[Act]:
        """A document's acts, oldest first."""
        ...

    def accounts_due(self, what: What, now: datetime, at_once: int) -> Sequence[str]:
        """Accounts, none of them paused, with a wanted act that is due and fewer than `at_once` on the wire."""
        ...

    def due(self, account: str, what: What, now: datetime, limit: int) -> Sequence[Act]:
        """Wanted acts of an account whose time has come, oldest first; none while it is paused."""
        ...

    def begin(self, act: Act, said: str, now: datetime, *, actor: str) -> Act | None:
        """The intent: wanted becomes sending, committed. None when somebody else was faster."""
        ...

    def put_off(self, act: Act, until: datetime, said: str) -> None:
        """A wanted act is tried later; nothing was sent."""
        ...

    def end(self, act: Act, carried: Carried, now: datetime, *, actor: str, due_at: datetime | None = None) -> bool:
        """What became of it, if it still is as `act` says. `due_at`: when a wanted one is tried again."""
        ...

    def silent_since(self, before: datetime, limit: int) -> Sequence[Act]:
        """Acts whose call has not been answered since: their worker died."""
        ...
