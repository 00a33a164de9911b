"""What an Alegra gone mad could answer: bytes, any JSON, and believable bodies with one thing in them wrong."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

from hypothesis import strategies as st

from tests.unit.fuzz.damage import any_json, damaged, encoded, garbled_bytes

INVOICE: Final[Mapping[str, Any]] = {
    "id": "501",
    "status": "open",
    "date": "2026-03-02",
    "total": 119000,
    "client": {"id": "77", "name": "Demo Compradora SAS", "identification": "900100200"},
    "numberTemplate": {
        "id": "9",
        "prefix": "SETP",
        "number": "990200123",
        "fullNumber": "SETP990200123",
        "isElectronic": True,
    },
    "stamp": {
        "legalStatus": "STAMPED_AND_ACCEPTED",
        "cufe": "ab" * 48,
        "date": "2026-03-02 10:11:12",
        "barCodeContent": f"NumFac: SETP990200123\nCUFE: {'ab' * 48}",
        "warnings": ["Regla: FAZ09, Notificación: algo"],
    },
}

STAMP_ANSWER: Final[Mapping[str, Any]] = {
    "data": [
        {"id": "501", "success": True, "message": "Factura emitida", "emissionStatus": "STAMPED_AND_ACCEPTED"},
        {"id": "502", "success": True, "message": "En proceso", "emissionStatus": "STAMPED_AND_WAITING_RESPONSE"},
    ],
    "error": [
        {"id": "503", "code": 3051, "message": "AEP6016 El correo del cliente es obligatorio"},
        {"id": "504", "code": 3246, "message": "La factura ya está en proceso de certificación"},
    ],
}

COMPANY: Final[Mapping[str, Any]] = {
    "id": "1",
    "name": "Demo Emisora SAS",
    "applicationVersion": "colombia",
    "identificationObject": {"type": "NIT", "number": "900123456"},
}

TEMPLATE: Final[Mapping[str, Any]] = {
    "id": "9",
    "name": "Electrónica",
    "prefix": "SETP",
    "documentType": "invoice",
    "isElectronic": True,
    "status": "active",
    "nextInvoiceNumber": "990200124",
    "maxInvoiceNumber": 995000000,
    "endDate": "2027-01-01",
}

_VALID: Final = {
    "CO": {"cufe": "ab" * 48},
    "MX": {"uuid": "0c8c1f5e-7a0d-4c35-9d4c-5d3f0f6a7b21", "satCertificateNumber": "00001000000504465028"},
    "CR": {"uuid": "506" + "020326" + "003101123456" + "00100001010000000123" + "1" + "12345678"},
    "AR": {"cae": "71234567890123", "caeExpirationDate": "2026-03-12"},
    "DO": {"encf": "E310000000001"},
    "PE": {},
    "PA": {"cufe": "FE012" + "00000000155555555-2-" + "-59" + "0000202603020000000012001012" + "1234567895"},
}
_NUMBERS: Final = {"DO": "E310000000001", "PE": "F001-123"}

ACCEPTED: Final[Mapping[str, Mapping[str, Any]]] = {
    code: {
        "stamp": {"legalStatus": "STAMPED_AND_ACCEPTED", "date": "2026-03-02 10:11:12", **stamp},
        "numberTemplate": {"id": "9", "fullNumber": _NUMBERS.get(code, "SETP990200123"), "isElectronic": True},
    }
    for code, stamp in _VALID.items()
}
"""What makes the invoice an accepted one, in each country."""

_NAMES: Final = ("id", "code", "error", "data", "stamp", "success", "message", "emissionStatus", "legalStatus")


def spoiled(value: Any) -> st.SearchStrategy[Any]:
    """The value with something in it replaced, removed or added."""
    return damaged(value, names=_NAMES, other=any_json)


def bodies(*believable: object) -> st.SearchStrategy[bytes]:
    """Bytes of an answer whose believable forms are these."""
    return st.one_of(
        st.sampled_from(believable).flatmap(spoiled).map(encoded),
        any_json.map(encoded),
        st.binary(max_size=200),
        garbled_bytes(*map(encoded, believable)),
        st.sampled_from(
            [b"[" * 100_000, b'{"a":' * 50_000, b"\xff\xfe", b"\xef\xbb\xbf[]", b"null", b'"', b"1" * 9_000]
        ),
    )


def rows(row: Mapping[str, Any], ids: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each id."""
    return [{**copy.deepcopy(dict(row)), "id": each} for each in ids]
