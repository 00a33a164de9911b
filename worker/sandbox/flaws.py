"""Mistakes that people make in documents, by country: what an authority refuses, and what it merely finds unusual."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from random import Random
from types import MappingProxyType
from typing import Any, Final

from worker.sandbox.nations import Nation

Spoiler = Callable[[dict[str, Any]], None]

_NUMBER: Final = "client.identificationObject.number"


def put(path: str, value: object) -> Spoiler:
    """Write a value at a dotted path: `client.email`, `items.0.quantity`."""

    def spoiler(facts: dict[str, Any]) -> None:
        *steps, last = path.split(".")
        place: Any = facts
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        place[last] = value
        if path == _NUMBER:
            facts["client"]["identification"] = value

    return spoiler


def _both(*spoilers: Spoiler) -> Spoiler:
    def spoiler(facts: dict[str, Any]) -> None:
        for each in spoilers:
            each(facts)

    return spoiler


def _other_digit(path: str) -> Spoiler:
    """Another last digit than the one that stands there."""

    def spoiler(facts: dict[str, Any]) -> None:
        identity = facts["client"]["identificationObject"]
        written = str(identity[path])
        identity[path] = f"{written[:-1]}{(int(written[-1]) + 1) % 10}"
        if path == "number":
            facts["client"]["identification"] = identity[path]

    return spoiler


def _buyer(kind: str, number: str, dv: str = "") -> Spoiler:
    """Another buyer's identification, whoever stood there."""

    def spoiler(facts: dict[str, Any]) -> None:
        identity = {"type": kind, "number": number} | ({"dv": dv} if dv else {})
        facts["client"] |= {"identification": number, "identificationObject": identity}

    return spoiler


_FLAWS: Final[Mapping[str, tuple[Spoiler, ...]]] = MappingProxyType(
    {
        "CO": (
            _both(_buyer("NIT", "900100200", "0"), _other_digit("dv")),
            _both(_buyer("CC", "222222221"), put("client.email", "")),
            _buyer("NIT", "90010A200", "0"),
            _buyer("", "900100200", "0"),
            put(_NUMBER, ""),
        ),
        "MX": (
            put(_NUMBER, "EKU9013173C9"),
            _both(put(_NUMBER, "EKU9003173C9"), put("client.regimeObject", ["605"])),
            _both(
                put(_NUMBER, "EKU9003173C9"),
                put("client.regimeObject", ["601"]),
                put("client.cfdiUse", "D01"),
            ),
            _both(put(_NUMBER, "XAXX010101000"), put("client.regimeObject", ["612"])),
            put("items.0.productKey", "8010150"),
        ),
        "PE": (
            _both(_buyer("RUC", "20131312955"), _other_digit("number")),
            _buyer("RUC", "2013131295"),
            _buyer("DNI", "1234567"),
        ),
        "CR": (
            _buyer("CJ", "310112345"),
            _buyer("CF", "10123045678"),
            put("items.0.productKey", None),
            put("items.0.productKey", "831110000000"),
            put("items.0.tax", []),
        ),
        "AR": (
            _both(_buyer("CUIT", "33693450239"), _other_digit("number")),
            _buyer("CUIT", "3369345023"),
            put("saleConcept", "SERVICES"),
            _both(
                put("saleConcept", "PRODUCTS_AND_SERVICES"),
                put("startDateService", "2026-02-28"),
                put("endDateService", "2026-02-01"),
            ),
        ),
        "DO": (_buyer("RNC", "10185004"), _buyer("RNC", "1018500432")),
        "PA": (
            _both(put("client.thirdType", "TAXPAYER"), _buyer("RUC", "155596713_2", "59")),
            _both(put("client.thirdType", "TAXPAYER"), _buyer("RUC", "155596713-2-2015", "5A")),
            _both(put("client.thirdType", "GOVERNMENT"), _buyer("RUC", "")),
        ),
    }
)
"""What is certain to be refused."""

_EVERYWHERE: Final[tuple[Spoiler, ...]] = (
    put("items", []),
    put("items.0.quantity", 0),
    put("client.name", ""),
)

_DOUBTS: Final[Mapping[str, tuple[Spoiler, ...]]] = MappingProxyType(
    {
        "CO": (
            put("client.address.city", "Bogotá"),
            _both(_buyer("NIT", "900100200"), put("client.identificationObject.dv", "")),
        ),
        "MX": (
            _both(put(_NUMBER, "VACE460910SX6"), put("client.regimeObject", ["612"])),
            _both(put("paymentMethod", "PPD"), put("paymentForm", "01")),
        ),
        "PE": (put("client.email", ""),),
        "CR": (put("saleCondition", None), _buyer("CJ", "3534123559")),
        "AR": (put("client.email", ""),),
        "DO": (_buyer("RNC", "101850042"),),
        "PA": (put("client.thirdType", None),),
    }
)
"""What is accepted and yet deserves a second look."""


def flaws_of(nation: Nation) -> tuple[Spoiler, ...]:
    """Every certain mistake of the country."""
    return _FLAWS[nation.iso] + _EVERYWHERE


def spoil(nation: Nation, facts: dict[str, Any], chance: Random, *, certain: bool) -> dict[str, Any]:
    """The same document with one mistake in it, certain to be refused or merely unusual."""
    spoiled = copy.deepcopy(facts)
    chosen = chance.choice(flaws_of(nation) if certain else _DOUBTS[nation.iso])
    chosen(spoiled)
    return spoiled
