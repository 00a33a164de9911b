"""How one creation call can end, and what a sweep for references can find, as values.

* CreateOutcome
  - Created   Alegra answered with the document
  - Invalid   Alegra refused the body: nothing was created
  - InDoubt   it may have been created; ask before anything is sent again
  - Deferred  provably not executed; it may go again
  - Refused   the account as a whole was refused, nothing was executed; pause it
"""

from __future__ import annotations

from dataclasses import dataclass

from worker.emission.outcomes import Deferred, Problem, Refused


@dataclass(frozen=True, slots=True)
class Created:
    """The answer shows the document."""

    document_id: str
    marked: bool
    """It also shows our reference in it."""


@dataclass(frozen=True, slots=True)
class Invalid:
    """A 4xx that says what is wrong."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class InDoubt:
    """The answer was lost or cannot be read, or it says that the stamp failed and not whether the document is there."""

    cause: str
    stamp_failed: bool = False
    """Code 3051, in any form: the document may have been left behind, shown or not."""
    problem: Problem | None = None


CreateOutcome = Created | Invalid | InDoubt | Deferred | Refused


@dataclass(frozen=True, slots=True)
class CreateReport:
    """Everything one creation call told us."""

    outcome: CreateOutcome
    http_status: int | None = None
    excerpt: str = ""
    """The first kilobyte of the answer, without secrets."""


@dataclass(frozen=True, slots=True)
class Found:
    """A document that carries references of ours."""

    document_id: str
    references: frozenset[str]
    void: bool
    shown: str = ""
    """Status, number, date and total in a line, for people."""


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one sweep of a kind's list showed. Unless it is complete, absence proves nothing."""

    found: tuple[Found, ...] = ()
    complete: bool = False
    failure: str = ""
    """Why it is not complete."""
    refused: Problem | None = None
    """The account was refused."""
    requests: int = 0
