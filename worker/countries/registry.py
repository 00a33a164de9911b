"""Every country Timbre emits in, by its ISO code and by Alegra's name for it; adding one touches this list."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from worker.countries.argentina import ARGENTINA
from worker.countries.colombia import COLOMBIA
from worker.countries.costa_rica import COSTA_RICA
from worker.countries.country import Country
from worker.countries.dominican_republic import DOMINICAN_REPUBLIC
from worker.countries.mexico import MEXICO
from worker.countries.panama import PANAMA
from worker.countries.peru import PERU

COUNTRIES: Final[Mapping[str, Country]] = MappingProxyType(
    {country.code: country for country in (ARGENTINA, COLOMBIA, COSTA_RICA, DOMINICAN_REPUBLIC, MEXICO, PANAMA, PERU)}
)


def country(code: str) -> Country:
    """The country of an ISO code. Raises `KeyError` for one Timbre does not emit in."""
    return COUNTRIES[code]


def from_application_version(name: str) -> Country | None:
    """The country Alegra's `applicationVersion` names (`costaRica`); None for one Timbre does not emit in."""
    wanted = _letters(name)
    return next((each for each in COUNTRIES.values() if _letters(each.application_version) == wanted), None)


def _letters(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalpha())
