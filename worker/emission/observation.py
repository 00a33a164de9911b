"""What one read shows of a document, already weighed by its country's rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from worker.countries import Draft
from worker.emission.outcomes import Problem


class Remote(StrEnum):
    """How Alegra shows a document (alegra-api.md §2.4)."""

    UNSTAMPED = "unstamped"
    """Draft or open, electronic, no code, not in process: it may be sent."""
    IN_PROCESS = "in_process"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    VOID = "void"
    NOT_ELECTRONIC = "not_electronic"
    MISSING = "missing"
    """404, deleted."""
    FOREIGN = "foreign"
    """Its kind does not exist in the account's country."""
    DUBIOUS = "dubious"
    """Accepted, but the code is absent or fails its country's format, or a cancelled stamp: a person must look."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What must stay the same between two reads that call a document unstamped (rule 4)."""

    number: str | None
    client: str | None
    total: Decimal | None
    date: str | None

    def same_document_as(self, other: Snapshot) -> bool:
        """Equal, apart from the number a draft receives when a call opens it."""
        return (self.client, self.total, self.date) == (other.client, other.total, other.date) and (
            self.number == other.number or None in (self.number, other.number)
        )


@dataclass(frozen=True, slots=True)
class Observation:
    """One document, as one read showed it."""

    document_id: str
    remote: Remote
    snapshot: Snapshot
    fiscal_code: str | None = None
    fiscal_code_type: str | None = None
    carries_code: bool = False
    """Its stamp holds a code, whether or not `fiscal_code` is believed to be of this sending."""
    legal_status: str | None = None
    stamped_at: datetime | None = None
    reason: str = ""
    """Why `remote` was chosen when it is not plain: the sentence an operator reads."""
    warnings: tuple[str, ...] = ()
    excerpt: str = ""
    """The raw `stamp` object as JSON, bounded."""
    is_draft: bool = False
    """Still to be stamped by its own status; where a kind has no drafts, by its electronic numbering."""
    numbering: tuple[str, ...] = ()
    """Id and prefix of its numberTemplate."""
    created_at: datetime | None = None
    """Alegra's `datetime`: the account's local time, without a zone."""
    follows: tuple[str, ...] = ()
    """Ids of the documents it refers to, of the kind that its own kind follows."""
    draft: Draft | None = field(default=None, repr=False)
    """What pre-flight examines, of a document that may be sent."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What one read of up to thirty documents told us.

    An id in neither mapping was not answered for: no news, which is never evidence.
    """

    observations: Mapping[str, Observation] = field(default_factory=dict)
    failure: str | None = None
    """Why the read failed as a whole, or for the ids that are missing."""
    refused: Problem | None = None
    """The account was refused."""
    requests: int = 1
    """How many HTTP requests it took: one, and one more for every id the list did not answer."""


@dataclass(frozen=True, slots=True)
class Company:
    """`GET /company`: who the account belongs to."""

    name: str
    country: str
    """ISO code: CO, MX, PE, CR, AR, DO, PA."""
    identification: str | None = None
    """Its tax number, as Alegra writes it."""


@dataclass(frozen=True, slots=True)
class NumberTemplate:
    """One numbering (resolution, series) of an account."""

    id: str
    name: str
    prefix: str
    document_type: str
    is_electronic: bool
    is_active: bool
    sub_document_type: str | None = None
    first_number: int | None = None
    next_number: int | None = None
    last_number: int | None = None
    start_date: str | None = None
    end_date: str | None = None
