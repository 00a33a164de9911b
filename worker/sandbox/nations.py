"""The seven countries as Alegra's accounts show them: currency, tax, numbering, and where the fiscal code stands.

Facts and their confidence come from the contract's sections 2.3 and 8; the keys it calls unknown are settings
(`code_key_…`), and what stands here is only their default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Series:
    """How one invoice numbering of the country looks."""

    prefix: str
    first: int
    width: int
    """Digits of the consecutive, zero-padded; 0 leaves it as it is."""
    joint: str
    sub_document_type: str


@dataclass(frozen=True, slots=True)
class Nation:
    """One country: what its accounts have in common."""

    name: str
    """`applicationVersion` in GET /company."""
    iso: str
    zone: ZoneInfo
    currency: str
    scale: float
    """What one US dollar is worth, roughly: seed prices are multiplied by it."""
    decimals: int
    tax_name: str
    tax_percent: int
    series: tuple[Series, ...]
    """Electronic invoice numberings; the first is the default."""
    code_type: str
    code_key: str
    """The key of `stamp` that carries the code; empty when the document's number is the code."""
    has_legal_status: bool = True
    cancels_at_authority: bool = False
    city: str = ""

    @property
    def number_is_code(self) -> bool:
        """Whether the legal identifier is the document's number (DO e-NCF, PE F###-n)."""
        return not self.code_key


NATIONS: Final[Mapping[str, Nation]] = MappingProxyType(
    {
        nation.name: nation
        for nation in (
            Nation(
                "colombia", "CO", ZoneInfo("America/Bogota"), "COP", 4000, 0, "IVA", 19,
                (Series("SETP", 990000001, 0, "", ""),), "cufe", "cufe", city="Bogotá, D.C.",
            ),
            Nation(
                "mexico", "MX", ZoneInfo("America/Mexico_City"), "MXN", 18, 2, "IVA", 16,
                (Series("A", 1, 0, "", ""),), "uuid", "uuid",
                has_legal_status=False, cancels_at_authority=True, city="Ciudad de México",
            ),
            Nation(
                "costaRica", "CR", ZoneInfo("America/Costa_Rica"), "CRC", 510, 2, "IVA", 13,
                # Branch 001, terminal 00001, document type 01, then ten digits: the consecutive of the clave.
                (Series("0010000101", 1, 10, "", ""),), "clave", "uuid", city="San José",
            ),
            Nation(
                "peru", "PE", ZoneInfo("America/Lima"), "PEN", 3.75, 2, "IGV", 18,
                (Series("F001", 1, 0, "-", "INVOICE"), Series("B001", 1, 0, "-", "SALES_TICKET")),
                "number", "", city="Lima",
            ),
            Nation(
                "argentina", "AR", ZoneInfo("America/Argentina/Buenos_Aires"), "ARS", 1000, 2, "IVA", 21,
                (Series("0001", 1, 8, "-", "INVOICE_B"), Series("0002", 1, 8, "-", "INVOICE_A")),
                "cae", "cae", city="Córdoba",
            ),
            Nation(
                "republicaDominicana", "DO", ZoneInfo("America/Santo_Domingo"), "DOP", 60, 2, "ITBIS", 18,
                (Series("E31", 1, 10, "", "INVOICE_E31"), Series("E32", 1, 10, "", "INVOICE_E32")),
                "encf", "", city="Santo Domingo",
            ),
            Nation(
                "panama", "PA", ZoneInfo("America/Panama"), "USD", 1, 2, "ITBMS", 7,
                (Series("", 1, 10, "", ""),), "cufe", "cufe", cancels_at_authority=True, city="Ciudad de Panamá",
            ),
        )
    }
)  # fmt: skip

_BY_ANY_NAME: Final = {nation.name.lower(): nation for nation in NATIONS.values()} | {
    nation.iso.lower(): nation for nation in NATIONS.values()
}


def nation_named(word: str) -> Nation:
    """The country by Alegra's word (`costaRica`) or its two letters (`CR`). Raises `ValueError`, with a sentence."""
    nation = _BY_ANY_NAME.get(word.strip().lower())
    if nation is None:
        raise ValueError(f"country: {word!r} is not one of {', '.join(NATIONS)} (or {', '.join(sorted(_iso()))})")
    return nation


def _iso() -> set[str]:
    return {nation.iso for nation in NATIONS.values()}
