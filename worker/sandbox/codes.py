"""Fiscal codes as each tax authority would mint them, with inner fields that agree with the document.

Layouts: the contract's section 8. These generators are the sandbox's own: the worker checks codes with code of its own.
"""

from __future__ import annotations

import hashlib
import uuid
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from worker.sandbox.identification import Identification, luhn_check_digit
from worker.sandbox.nations import Nation


@dataclass(frozen=True, slots=True)
class Occasion:
    """What an authority is told when it is asked for a code."""

    issuer: Identification
    buyer: str
    full_number: str
    number: int
    issued: date
    at: datetime
    """Local time of the account."""
    subtotal: Decimal
    tax: Decimal
    total: Decimal
    nonce: str
    """Tells two emissions of one document apart: each has its own code."""
    document_type: str = "01"
    """Of the document, as the tax authority numbers them (CR, PA)."""

    def digest(self) -> bytes:
        """Forty-eight bytes that depend on all of it."""
        words = (self.issuer.number, self.buyer, self.full_number, self.issued, self.total, self.nonce)
        return hashlib.sha384("|".join(map(str, words)).encode()).digest()

    def of_another_document(self) -> Occasion:
        """The same, for a document that never was: a code minted for it does not belong here."""
        return replace(self, issued=self.issued - timedelta(days=400), number=self.number + 7, full_number="0000007")


@dataclass(frozen=True, slots=True)
class Minted:
    """A code and what else the authority returned with it."""

    code: str
    extras: Mapping[str, Any]
    """Keys of `stamp` beside the code, in Alegra's words."""


@dataclass(frozen=True, slots=True)
class Conventions:
    """What the contract calls unknown and leaves to a setting."""

    expiry_key_argentina: str = "caeExpirationDate"
    check_digit_panama: str = "luhn"


def _cufe(occasion: Occasion, _: Conventions) -> Minted:
    code = occasion.digest().hex()
    lines = {
        "NumFac": occasion.full_number,
        "FecFac": occasion.issued.isoformat(),
        "HorFac": occasion.at.strftime("%H:%M:%S-05:00"),
        "NitFac": occasion.issuer.number,
        "DocAdq": occasion.buyer,
        "ValFac": f"{occasion.subtotal:.2f}",
        "ValIva": f"{occasion.tax:.2f}",
        "ValOtroIm": "0.00",
        "ValTolFac": f"{occasion.total:.2f}",
        "CUFE": code,
        "QRCode": f"https://catalogo-vpfe.dian.gov.co/document/searchqr?documentkey={code}",
    }
    return Minted(code, {"barCodeContent": "\n".join(f"{key}: {value}" for key, value in lines.items())})


def _uuid(occasion: Occasion, _: Conventions) -> Minted:
    code = str(uuid.UUID(bytes=occasion.digest()[:16], version=4)).upper()
    return Minted(
        code,
        {
            "stampDate": occasion.at.strftime("%Y-%m-%d %H:%M:%S"),
            "satCertificateNumber": "00001000000504465028",
            "certificateNumber": "30001000000500003416",
        },
    )


def _clave(occasion: Occasion, _: Conventions) -> Minted:
    issuer = occasion.issuer.number.replace("-", "").zfill(12)
    consecutive = f"00100001{occasion.document_type}{occasion.number:010}"
    security = f"{int.from_bytes(occasion.digest()[:6], 'big') % 10**8:08}"
    return Minted(f"506{occasion.issued:%d%m%y}{issuer}{consecutive}1{security}", {})


def _cae(occasion: Occasion, conventions: Conventions) -> Minted:
    code = f"7{int.from_bytes(occasion.digest()[:8], 'big') % 10**13:013}"
    expires = occasion.issued + timedelta(days=10)
    return Minted(code, {conventions.expiry_key_argentina: expires.strftime("%Y%m%d")})


def _encf(occasion: Occasion, _: Conventions) -> Minted:
    security = b64encode(occasion.digest()[:9], altchars=b"Ab").decode()[:6]
    return Minted(occasion.full_number, {"securityCode": security})


def _peruvian_number(occasion: Occasion, _: Conventions) -> Minted:
    return Minted(occasion.full_number, {"hash": b64encode(occasion.digest()[:20]).decode()})


_PANAMAS_TYPES: Final = {"03": "04", "02": "05"}
"""The DGI's numbers for notes that refer to an invoice: credit, debit."""


def _panamanian_cufe(occasion: Occasion, conventions: Conventions) -> Minted:
    security = f"{int.from_bytes(occasion.digest()[:6], 'big') % 10**9:09}"
    type_ = _PANAMAS_TYPES.get(occasion.document_type, occasion.document_type)
    body = (
        f"FE{type_}{'2'}{occasion.issuer.number.rjust(20, '0')}-{occasion.issuer.dv.zfill(2)}"
        f"0000{occasion.issued:%Y%m%d}{occasion.number:010}001{'01'}{'2'}{security}"
    )
    digits = "".join(letter for letter in body if letter.isdigit())
    check = luhn_check_digit(digits) if conventions.check_digit_panama == "luhn" else "0"
    authorization = f"{occasion.issued:%Y%m%d}0000{occasion.number:08}"
    return Minted(
        body + check,
        {
            "authorizationNumber": authorization,
            "authorizationDate": occasion.at.strftime("%Y-%m-%d %H:%M:%S"),
            "observations": None,
        },
    )


_MINTS: Final[Mapping[str, Callable[[Occasion, Conventions], Minted]]] = MappingProxyType(
    {
        "CO": _cufe,
        "MX": _uuid,
        "CR": _clave,
        "AR": _cae,
        "DO": _encf,
        "PE": _peruvian_number,
        "PA": _panamanian_cufe,
    }
)


def mint(nation: Nation, occasion: Occasion, conventions: Conventions) -> Minted:
    """The code this country's authority returns for the occasion."""
    return _MINTS[nation.iso](occasion, conventions)


def spoiled(code: str) -> str:
    """The same code, no longer of its country's format: one character short, with a foreign one inside."""
    return code[: len(code) // 2] + "_" + code[len(code) // 2 + 2 :]
