"""A document as its country's rules look at it: one shown by Alegra, or one that is still to be created."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Buyer:
    """The `client` of a document. What is empty is None; whether it was shown at all, the draft's `shown` says."""

    name: str | None = None
    id_type: str | None = None
    """`identificationObject.type`: NIT, RFC, RUC, CUIT, RNC, DNI, …"""
    id_number: str | None = None
    dv: str | None = None
    """The check digit, where the country keeps it apart (Colombia, Panama)."""
    email: str | None = None
    kind_of_person: str | None = None
    regimes: tuple[str, ...] = ()
    """Mexico: the codes of the régimen fiscal, of three digits."""
    cfdi_use: str | None = None
    iva_condition: str | None = None
    third_type: str | None = None
    street: str | None = None
    city: str | None = None
    country: str | None = None
    zip_code: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One of the `items`."""

    quantity: Decimal | None = None
    product_key: str | None = None
    """SAT's product or service, Costa Rica's CABYS."""
    taxed: bool = False
    """At least one tax stands on it, be it of 0 %."""
    shown: frozenset[str] = NOTHING
    """The keys its JSON carries, empty or not."""


@dataclass(frozen=True, slots=True)
class Numbering:
    """The `numberTemplate` of a document; with the resource of that name, also how far it reaches."""

    id: str | None = None
    prefix: str | None = None
    sub_type: str | None = None
    """`subDocumentType`: INVOICE_A, INVOICE_E31, …"""
    is_electronic: bool | None = None
    first: int | None = None
    last: int | None = None
    next: int | None = None
    starts: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """The fields the rules of any country ask for, under Alegra's names as far as Python allows."""

    country: str
    """ISO code of the account."""
    kind: str
    to_create: bool = False
    """It is a body of ours: a field it lacks is missing. Of a shown document, a field left out is unknown."""
    shown: frozenset[str] = NOTHING
    """The paths (`client.email`) its JSON carries, empty or not."""
    generates_stamp: bool = False
    issued: date | None = None
    """Its `date`."""
    due: date | None = None
    number: str | None = None
    """As Alegra writes it; None while it has none."""
    consecutive: int | None = None
    buyer: Buyer = field(default_factory=Buyer)
    lines: tuple[Line, ...] = ()
    numbering: Numbering = field(default_factory=Numbering)
    total: Decimal | None = None
    currency: str | None = None
    exchange_rate: Decimal | None = None
    payment_form: str | None = None
    payment_method: str | None = None
    sale_condition: str | None = None
    sale_concept: str | None = None
    operation_type: str | None = None
    type: str | None = None
    refers: tuple[str, ...] = ()
    """Ids of the documents it refers to: the invoices of a payment."""
    service_from: date | None = None
    service_to: date | None = None

    def shows(self, path: str) -> bool:
        """Whether anything is known of the field, be it that it is empty."""
        return path in self.shown

    def lacks(self, path: str, value: object) -> bool:
        """Whether the field is certainly empty. What a client or item of a body names by its id is unknown."""
        return value in (None, "", ()) and (path in self.shown or (self.to_create and "." not in path))

    @property
    def local_total(self) -> Decimal | None:
        """The total in the country's currency; None when the rate is unknown."""
        if self.total is None or self.exchange_rate is None:
            return None
        return self.total * self.exchange_rate
