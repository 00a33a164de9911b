"""How one stamp call can end, for every document by itself, as values.

* Outcome
  - Answered   Alegra said something about this document; one read will settle it
  - Deferred   the call provably was not executed; the document may go again
  - Uncertain  the call may have been executed; ask before anything is sent again
  - Refused    the account as a whole was refused, nothing was executed; pause it
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class ErrorClass(StrEnum):
    """What an error asks for; one column of Alegra's error catalogue."""

    DATA = "data"
    """The document is wrong: fix it, then ask again."""
    CONFIGURATION = "configuration"
    """The account is wrong (credentials, plan, certificate, numbering): no document of it can pass."""
    TRANSIENT = "transient"
    """Alegra or the authority could not answer: look, then try again."""
    ALREADY_SENT = "already_sent"
    """Somebody emitted it before: read the code, never send again."""
    IN_PROCESS = "in_process"
    """The authority has it: wait, never send again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error as people see it: Alegra's code and text, and what class it belongs to."""

    error_class: ErrorClass
    code: str
    message: str
    blames_account: bool = False
    """The whole account is concerned (certificate, resolution, plan), not this document."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A row of the answer names this document. `problem` is None when it says success."""

    problem: Problem | None = None
    emission_status: str | None = None
    whole_batch: bool = False
    """The error named no document: the batch was refused as one, and is split once reads prove it unstamped."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not executed, for sure. `retry_in` is what Alegra asked for, if it did."""

    reason: str
    retry_in: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The answer, or this document's row in it, was lost."""

    cause: str


@dataclass(frozen=True, slots=True)
class Refused:
    """401, 402, 403, or their codes: not executed, and it will not be for any document of this account."""

    problem: Problem


Outcome = Answered | Deferred | Uncertain | Refused


@dataclass(frozen=True, slots=True)
class StampReport:
    """Everything one stamp call told us. `outcomes` has an entry for every id that was asked."""

    outcomes: Mapping[str, Outcome]
    http_status: int | None = None
    excerpt: str = ""
    """The first kilobyte of the answer, without secrets."""
    strangers: tuple[str, ...] = field(default=())
    """Ids in the answer that nobody asked for: evidence, never acted upon."""
