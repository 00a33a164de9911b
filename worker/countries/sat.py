"""The SAT's catalogues, as far as pre-flight asks them: which régimen is whose, and which uses of a CFDI go with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

RFC_FORM: Final = re.compile(r"[A-Z&Ñ]{3,4}[0-9]{2}(0[1-9]|1[012])(0[1-9]|[12][0-9]|3[01])[A-Z0-9]{2}[0-9A]")
"""The pattern of `t_RFC` in the schema of CFDI 4.0."""

PUBLIC: Final = "XAXX010101000"
STRANGER: Final = "XEXX010101000"

GENERIC_REGIME: Final = "616"
USES_OF_GENERICS: Final = frozenset({"S01", "CP01"})

_COMPANIES: Final = frozenset({"601", "603", "609", "620", "623", "624", "628"})
_PERSONS: Final = frozenset({"605", "606", "607", "608", "611", "612", "614", "615", "616", "621", "625"})
_BOTH: Final = frozenset({"610", "622", "626", "629", "630"})

REGIMES: Final = _COMPANIES | _PERSONS | _BOTH
"""c_RegimenFiscal."""

_IN_BUSINESS: Final = frozenset({"601", "603", "606", "612", "620", "621", "622", "623", "624", "625", "626"})
_WITH_DEDUCTIONS: Final = frozenset({"605", "606", "607", "608", "611", "612", "614", "615", "625"})

USES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "G01": _IN_BUSINESS,
        "G02": _IN_BUSINESS | {GENERIC_REGIME},
        "G03": _IN_BUSINESS,
        **dict.fromkeys((f"I0{number}" for number in range(1, 9)), _IN_BUSINESS),
        **dict.fromkeys((f"D{number:02}" for number in range(1, 11)), _WITH_DEDUCTIONS),
        "S01": REGIMES,
        "CP01": REGIMES,
        "CN01": frozenset({"605"}),
    }
)
"""c_UsoCFDI, with the column of the régimen that may receive it."""


def applies_to_person(regime: str, *, company: bool) -> bool:
    """Whether companies, or persons, may be of this régimen; one we do not know is taken on trust."""
    return regime not in (_PERSONS if company else _COMPANIES)


def goes_with(use: str, regime: str) -> bool:
    """Whether a receiver of this régimen may ask for this use; what we do not know is taken on trust."""
    return regime not in REGIMES or use not in USES or regime in USES[use]
