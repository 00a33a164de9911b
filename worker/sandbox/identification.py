"""Tax identifications with valid check digits, for the companies and buyers of the seed data.

Algorithms: the contract's section 9. Written here and not shared with the worker, so that a mistake in one shows.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

_TEN_WEIGHTS: Final = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
_NIT_WEIGHTS: Final = (3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
_RNC_WEIGHTS: Final = (7, 9, 8, 6, 5, 4, 3, 2)
_RFC_ALPHABET: Final = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"


@dataclass(frozen=True, slots=True)
class Identification:
    """An `identificationObject`: its type, number and, where the country keeps it apart, check digits."""

    type: str
    number: str
    dv: str = ""

    def as_json(self) -> dict[str, str]:
        """The object as Alegra shows it."""
        return {"type": self.type, "number": self.number} | ({"dv": self.dv} if self.dv else {})


def nit_check_digit(number: str) -> str:
    """Colombia: weights from the right, modulo 11."""
    remainder = sum(int(digit) * weight for digit, weight in zip(reversed(number), _NIT_WEIGHTS, strict=False)) % 11
    return str(remainder if remainder < 2 else 11 - remainder)


def cuit_check_digit(number: str) -> str:
    """Argentina: ten digits, modulo 11."""
    return "012345678990"[11 - _weighted(number) % 11]


def ruc_check_digit(number: str) -> str:
    """Peru: ten digits, modulo 11."""
    return str((11 - _weighted(number) % 11) % 10)


def rnc_check_digit(number: str) -> str:
    """Dominican Republic: eight digits."""
    total = sum(int(digit) * weight for digit, weight in zip(number, _RNC_WEIGHTS, strict=True))
    return str((10 - total % 11) % 9 + 1)


def rfc_check_digit(body: str) -> str:
    """Mexico: eleven or twelve characters, modulo 11."""
    total = sum(_RFC_ALPHABET.index(letter) * (13 - place) for place, letter in enumerate(body.rjust(12)))
    return "0123456789A"[(11 - total % 11) % 11]


def luhn_check_digit(digits: str) -> str:
    """The digit that makes a Luhn sum a multiple of ten."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def _weighted(number: str) -> int:
    return sum(int(digit) * weight for digit, weight in zip(number, _TEN_WEIGHTS, strict=True))


def company_identification(iso: str, chance: Random) -> Identification:
    """A company's tax number, valid in its country."""
    match iso:
        case "CO":
            number = f"9{chance.randrange(10**8):08}"
            return Identification("NIT", number, nit_check_digit(number))
        case "MX":
            letters = "".join(chance.choice("ABCDEFGHJKLMNPRSTVWXYZ") for _ in range(3))
            day = f"{chance.randrange(70, 99)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
            body = f"{letters}{day}{chance.choice('ABCDEFGH')}{chance.randrange(10)}"
            return Identification("RFC", body + rfc_check_digit(body))
        case "CR":
            return Identification("CJ", f"3101{chance.randrange(10**6):06}")
        case "PE":
            body = f"20{chance.randrange(10**8):08}"
            return Identification("RUC", body + ruc_check_digit(body))
        case "AR":
            body = f"30{chance.randrange(10**8):08}"
            return Identification("CUIT", body + cuit_check_digit(body))
        case "DO":
            body = f"1{chance.randrange(10**7):07}"
            return Identification("RNC", body + rnc_check_digit(body))
        case _:
            return Identification("RUC", f"1555{chance.randrange(10**5):05}-2-{chance.randrange(2012, 2024)}", "59")


def person_identification(iso: str, chance: Random) -> Identification:
    """A natural person's number, of the kind sellers usually have on file."""
    match iso:
        case "CO":
            return Identification("CC", str(chance.randrange(10**7, 10**8)))
        case "MX":
            letters = "".join(chance.choice("ABCDEFGHJKLMNPRSTVWXYZ") for _ in range(4))
            day = f"{chance.randrange(70, 99)}{chance.randrange(1, 13):02}{chance.randrange(1, 29):02}"
            body = f"{letters}{day}{chance.choice('ABCDEFGH')}{chance.randrange(10)}"
            return Identification("RFC", body + rfc_check_digit(body))
        case "CR":
            return Identification("CF", f"{chance.randrange(1, 8)}{chance.randrange(10**8):08}")
        case "PE":
            return Identification("DNI", f"{chance.randrange(10**8):08}")
        case "AR":
            return Identification("DNI", str(chance.randrange(10**7, 10**8)))
        case "DO":
            body = f"001{chance.randrange(10**7):07}"
            return Identification("CEDULA", body + luhn_check_digit(body))
        case _:
            return Identification("CEDULA", f"8-{chance.randrange(100, 999)}-{chance.randrange(10, 2000)}", "10")
