"""The kinds of document Timbre emits: what each is called, where it exists, how many a call carries, what it waits for.

How a kind is written, stamped, read and listed at Alegra stands beside the other endpoints, in `worker/alegra/kinds/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from worker.countries import COUNTRIES

EVERYWHERE: Final = frozenset(COUNTRIES)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of document."""

    name: str
    title: str
    """How people call it."""
    countries: frozenset[str] = EVERYWHERE
    """ISO codes of where it is emitted through Alegra (alegra-api.md §5)."""
    batch_size: int = 1
    """How many documents one stamp call may carry; only invoices have a call for several."""
    follows: str | None = None
    """The kind of the documents it refers to: they must be stamped before it."""
    emitted_by_creation: bool = False
    """Alegra stamps it as it is created, and there is no other way (alegra-api.md §5)."""

    def exists_in(self, country: str | None) -> bool:
        """Whether an account of this country has it; as long as the country is unknown, it may."""
        return country is None or country in self.countries


KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("invoice", "sales invoice", batch_size=10),
            Kind("support_document", "support document", frozenset({"CO"})),
            Kind("credit_note", "credit note", follows="invoice"),
            # The SAT knows no debit note: what it would say is said by another invoice.
            Kind("income_debit_note", "customer debit note", EVERYWHERE - {"MX"}, follows="invoice"),
            # It adjusts a purchase; only Colombia's purchases are documents that the buyer emits.
            Kind("debit_note", "vendor debit note", frozenset({"CO"}), follows="support_document"),
            Kind("global_invoice", "global invoice", frozenset({"MX"}), emitted_by_creation=True),
            Kind("payment", "payment receipt (REP)", frozenset({"CR", "MX"}), follows="invoice"),
            Kind("transportation_receipt", "transportation receipt", frozenset({"MX", "PE"})),
        )
    }
)
"""By name, in the order in which a night emits them: what others follow comes first."""


def foreign(kind: Kind, country: str) -> str:
    """The sentence that refuses a kind where it does not exist."""
    places = ", ".join(COUNTRIES[code].name for code in sorted(kind.countries))
    return f"a {kind.title} exists in {places}, and this account is of {COUNTRIES[country].name}"
