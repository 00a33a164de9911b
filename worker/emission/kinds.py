"""The kinds of document Timbre emits, and what differs between them; adding a kind touches this table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of document is emitted."""

    name: str
    resource: str
    """Its path in Alegra's API."""
    batch_size: int
    """How many documents one stamp call may carry (POST /invoices/stamp: ten)."""


KINDS: Final[Mapping[str, Kind]] = MappingProxyType({"invoice": Kind("invoice", resource="invoices", batch_size=10)})
