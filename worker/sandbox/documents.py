"""A document as the stand-in keeps it: the truth, apart from what reads show of it at a given moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from worker.sandbox.kinds import INVOICE, Kind
from worker.sandbox.nations import Nation
from worker.sandbox.numbering import NumberTemplate
from worker.sandbox.outcomes import ACCEPT, Outcome, read_outcome

NEVER: Final = float("inf")

PENDING: Final = "PENDING"
WAITING: Final = "STAMPED_AND_WAITING_RESPONSE"
ACCEPTED: Final = "STAMPED_AND_ACCEPTED"
OBSERVED: Final = "STAMPED_AND_ACCEPTED_WITH_OBSERVATIONS"
REJECTED: Final = "STAMPED_AND_REJECTED"
CANCELLED: Final = "STAMPED_AND_CANCELLED"


@dataclass(slots=True)
class Emission:
    """What the authority returned for a document the last time it was executed."""

    at: float
    code: str
    stamp: dict[str, Any]
    """Keys of `stamp` that appear together with the code."""
    verdict: str
    """The legalStatus it ends with."""
    code_at: float
    """From when reads show the code."""
    verdict_at: float
    """From when reads show the verdict; `NEVER` when the authority does not answer."""

    def legal_status(self, now: float) -> str:
        """WAITING until the verdict is due."""
        return self.verdict if now >= self.verdict_at else WAITING

    def as_json(self) -> dict[str, Any]:
        """The same as JSON; `emission_from` reads it back."""
        return {
            "at": self.at,
            "code": self.code,
            "stamp": self.stamp,
            "verdict": self.verdict,
            "code_at": self.code_at,
            "verdict_at": None if self.verdict_at == NEVER else self.verdict_at,
        }


def emission_from(raw: dict[str, Any]) -> Emission:
    """An emission read back from the journal."""
    verdict_at = NEVER if raw["verdict_at"] is None else raw["verdict_at"]
    return Emission(raw["at"], raw["code"], raw["stamp"], raw["verdict"], raw["code_at"], verdict_at)


@dataclass(slots=True)
class Document:
    """One document of one account."""

    id: str
    nation: Nation
    template: NumberTemplate
    facts: dict[str, Any]
    """Its fields that stamping does not change, as JSON."""
    kind: Kind = INVOICE
    status: str = "draft"
    number: int | None = None
    numbered_by_stamp: bool = False
    outcome: Outcome = ACCEPT
    spoiled_calls: int = 0
    """How many stamp calls its outcome has spoilt so far."""
    emission: Emission | None = None
    executions: int = 0
    before: tuple[bytes, str, float] | None = None
    """While reads are stale: what they still show, the status it had, and until when."""
    facts_rendered: bytes = field(default=b"", repr=False)
    """`facts` as bytes, once somebody read them."""
    cached: bytes = field(default=b"", repr=False)
    cached_until: float = -1.0
    cached_in: int = -1
    """The generation of settings the cache was rendered in."""

    @property
    def key(self) -> str:
        """What tells it from the account's other documents: kinds count their ids apart."""
        return self.id if self.kind is INVOICE else f"{self.kind.name}/{self.id}"

    @property
    def total(self) -> Decimal:
        """What it comes to; a transportation receipt comes to nothing."""
        return Decimal(str(self.facts.get(self.kind.total) or 0))

    @property
    def party(self) -> dict[str, Any]:
        """Who it is for, or from."""
        party: dict[str, Any] = self.facts.get(self.kind.party) or {}
        return party

    @property
    def full_number(self) -> str | None:
        """Prefix and consecutive, once it has one."""
        return None if self.number is None else self.template.written(self.number)

    def take_number(self, *, by_stamp: bool) -> None:
        """Give it the next consecutive if it has none. Raises `NumbersExhausted`."""
        if self.number is None:
            self.number = self.template.take()
            self.numbered_by_stamp = by_stamp

    def rewrite(self, facts: dict[str, Any]) -> None:
        """Its fields are changed by a person."""
        self.facts, self.facts_rendered = facts, b""
        self.touch()

    def touch(self) -> None:
        """What reads show has changed."""
        self.cached_until = -1.0

    def movable(self) -> dict[str, Any]:
        """What may change after creation, as JSON for the journal."""
        return {
            "status": self.status,
            "number": self.number,
            "numbered_by_stamp": self.numbered_by_stamp,
            "outcome": self.outcome.as_json(),
            "spoiled_calls": self.spoiled_calls,
            "executions": self.executions,
            "emission": None if self.emission is None else self.emission.as_json(),
        }

    def move(self, raw: dict[str, Any]) -> None:
        """Take over what the journal says."""
        self.status = raw["status"]
        self.number = raw["number"]
        self.numbered_by_stamp = raw["numbered_by_stamp"]
        self.outcome = read_outcome(raw["outcome"])
        self.spoiled_calls = raw["spoiled_calls"]
        self.executions = raw["executions"]
        self.emission = None if raw["emission"] is None else emission_from(raw["emission"])
        if self.number is not None:
            self.template.next_number = max(self.template.next_number, self.number + 1)
        self.touch()
