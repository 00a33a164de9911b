"""What one country's papers carry beside what all do: terms of sale, traits of buyers, who may have which document.

Values: the contract's sections 3, 5 and 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from types import MappingProxyType
from typing import Any, Final

from worker.sandbox.nations import Nation

SHOWN: Final = (
    "id", "name", "identification", "identificationObject", "email", "address", "kindOfPerson",
    "regimeObject", "cfdiUse", "ivaCondition", "thirdType",
)  # fmt: skip
"""What an invoice repeats of its client, as far as the country's clients have it."""

_SAT_REGIMES: Final = (("612", "G03"), ("605", "D10"), ("626", "G01"), ("616", "S01"))
"""Persons: their régimen fiscal, and a use of the CFDI that goes with it."""


def terms_of(nation: Nation, *, credit: bool) -> dict[str, Any]:
    """How it is paid and on which terms it is sold, in the country's words."""
    usual: dict[str, Any] = {
        "paymentForm": "CREDIT" if credit else "CASH",
        "paymentMethod": "TRANSFER" if credit else "CASH",
    }
    match nation.iso:
        case "CO":
            return {**usual, "type": "NATIONAL", "operationType": "STANDARD"}
        case "MX":
            return {"paymentForm": "99" if credit else "03", "paymentMethod": "PPD" if credit else "PUE", "type": None}
        case "CR":
            return {**usual, "saleCondition": "CREDIT" if credit else "CASH", "type": None}
        case "PE":
            return {**usual, "operationType": "INTERNAL_SALE", "type": None}
        case "AR":
            return {
                **usual,
                "saleCondition": "CREDIT" if credit else "CASH",
                "saleConcept": "PRODUCTS",
                "startDateService": None,
                "endDateService": None,
                "type": None,
            }
        case "PA":
            return {**usual, "saleCondition": "CREDIT" if credit else "CASH", "type": "INTERNAL_OPERATION"}
        case _:
            return {**usual, "type": None}


def traits_of(nation: Nation, kind: str, chance: Random, *, abroad: bool) -> dict[str, Any]:
    """What the country wants to know of a buyer, beside name, number and address."""
    person = kind == "PERSON_ENTITY"
    match nation.iso:
        case "MX" if abroad:
            return {"regimeObject": ["616"], "cfdiUse": "S01"}
        case "MX":
            regime, use = chance.choice(_SAT_REGIMES) if person else ("601", "G03")
            return {"regimeObject": [regime], "cfdiUse": use}
        case "AR":
            registered = "FINAL_CONSUMER" if person else "IVA_RESPONSABLE"
            return {"ivaCondition": "CLIENT_FROM_EXTERIOR" if abroad else registered}
        case "PA":
            return {"thirdType": "FOREIGN" if abroad else "FINAL_CONSUMER" if person else "TAXPAYER"}
        case _:
            return {}


_WANTED: Final[Mapping[tuple[str, str], frozenset[str]]] = MappingProxyType(
    {
        ("PE", "INVOICE"): frozenset({"RUC"}),
        ("AR", "INVOICE_A"): frozenset({"CUIT"}),
        ("AR", "INVOICE_B"): frozenset({"DNI", "OTHER"}),
        ("DO", "INVOICE_E31"): frozenset({"RNC", "CEDULA"}),
    }
)
"""Numberings whose documents go to buyers of certain identifications only."""


def may_have(nation: Nation, sub_document_type: str, contact: Mapping[str, Any]) -> bool:
    """Whether this buyer may be given a document of this numbering."""
    wanted = _WANTED.get((nation.iso, sub_document_type))
    return wanted is None or contact["identificationObject"]["type"] in wanted
