"""An account: one Alegra user, its company, its quota, and everything it owns."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from worker.sandbox.documents import Document
from worker.sandbox.identification import Identification
from worker.sandbox.kinds import INVOICE, KINDS, Kind
from worker.sandbox.nations import Nation
from worker.sandbox.numbering import NumberTemplate
from worker.sandbox.quota import Quota
from worker.sandbox.seed import Good


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client needs to act as the account; the token stays out of the repr."""

    account: str
    email: str
    token: str = field(repr=False)
    country: str

    @property
    def authorization(self) -> str:
        """The header of HTTP Basic."""
        return "Basic " + b64encode(f"{self.email}:{self.token}".encode()).decode()


@dataclass(slots=True)
class Shelf:
    """An account's documents of one kind, oldest first; each kind has ids of its own."""

    documents: dict[str, Document] = field(default_factory=dict)
    drafts: dict[str, Document] = field(default_factory=dict)
    """Those whose status is draft, oldest first: the listing everybody asks for."""
    lagging: dict[str, Document] = field(default_factory=dict)
    """Those whose reads are stale, so that `drafts` cannot be trusted for them."""
    next_id: int = 501

    def add(self, document: Document) -> None:
        """Take a new document in."""
        self.documents[document.id] = document
        self.settle_status(document)

    def settle_status(self, document: Document) -> None:
        """Keep the list of drafts true after a status changed."""
        if document.status == "draft":
            self.drafts.setdefault(document.id, document)
        else:
            self.drafts.pop(document.id, None)

    def drop(self, document: Document) -> None:
        """Forget a deleted document."""
        for index in (self.documents, self.drafts, self.lagging):
            index.pop(document.id, None)


def _shelves() -> dict[str, Shelf]:
    return {name: Shelf() for name in KINDS}


@dataclass(slots=True)
class Account:
    """One user with its documents, oldest first."""

    credentials: Credentials
    nation: Nation
    company: str
    identification: Identification
    templates: dict[str, NumberTemplate]
    contacts: dict[str, dict[str, Any]]
    goods: dict[str, Good]
    limit: int | None = None
    """Its own quota; None follows the setting."""
    window: float | None = None
    quota: Quota = field(default_factory=lambda: Quota(0, 0))
    shelves: dict[str, Shelf] = field(default_factory=_shelves)

    @property
    def name(self) -> str:
        """What the control calls it; Alegra knows no such name."""
        return self.credentials.account

    def shelf(self, kind: Kind) -> Shelf:
        """Its documents of this kind."""
        return self.shelves[kind.name]

    def numbering(self, *, electronic: bool, kind: Kind = INVOICE) -> NumberTemplate:
        """The electronic numbering of a kind, or the first that is not electronic."""
        for template in self.templates.values():
            if electronic and template.document_type == kind.document_type and template.status == "active":
                return template
            if not electronic and not template.is_electronic:
                return template
        raise LookupError("an account always has both numberings")  # pragma: no cover

    def described(self) -> dict[str, Any]:
        """What the control shows of it: no token."""
        return {
            "name": self.name,
            "email": self.credentials.email,
            "country": self.nation.name,
            "documents": sum(len(shelf.documents) for shelf in self.shelves.values()),
            "drafts": sum(len(shelf.drafts) for shelf in self.shelves.values()),
            "limit": self.limit,
            "window": self.window,
            "numbers_left": self.numbering(electronic=True).max_number
            - self.numbering(electronic=True).next_number
            + 1,
        }
