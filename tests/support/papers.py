"""Documents as Alegra shows them, valid in their country by published examples; a test spoils what it names.

The identifications are those the authorities and python-stdnum publish: DIAN's and AFIP's own numbers, the RFC of the
SAT's test certificates, SUNAT's RUC, the DGII's RNC.
"""

from __future__ import annotations

import copy
from datetime import date
from typing import Any, Final

TODAY: Final = date(2026, 3, 2)

_BASE: Final[dict[str, Any]] = {
    "id": "501",
    "status": "draft",
    "date": "2026-03-02",
    "dueDate": "2026-03-02",
    "total": "119.00",
    "stamp": None,
}


def _client(kind: str, number: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "77",
        "name": "Compradora",
        "email": "compras@example.com",
        "identificationObject": {"type": kind, "number": number, **more.pop("identity", {})},
        "address": {"address": "Calle 10 # 5-51", **more.pop("address", {})},
        **more,
    }


def _item(key: str | None = None, percent: str = "19.00") -> dict[str, Any]:
    return {"id": "1", "price": "100.00", "quantity": 1, "productKey": key, "tax": [{"id": "3", "percentage": percent}]}


def _template(prefix: str, sub_type: str | None = None) -> dict[str, Any]:
    return {"id": "9", "prefix": prefix, "isElectronic": True, "subDocumentType": sub_type, "number": None}


VALID: Final[dict[str, dict[str, Any]]] = {
    "CO": {
        **_BASE,
        "paymentForm": "CASH",
        "client": _client(
            "NIT", "800197268", identity={"dv": "4"}, kindOfPerson="LEGAL_ENTITY", address={"city": "Bogotá, D.C."}
        ),
        "numberTemplate": _template("SETP"),
        "items": [_item()],
    },
    "MX": {
        **_BASE,
        "paymentForm": "03",
        "paymentMethod": "PUE",
        "client": _client(
            "RFC",
            "EKU9003173C9",
            name="ESCUELA KEMPER URGATE",
            regimeObject=[{"code": "601"}],
            cfdiUse="G03",
            address={"zipCode": "42501"},
        ),
        "numberTemplate": _template("A"),
        "items": [_item("80101500", "16.00")],
    },
    "PE": {
        **_BASE,
        "operationType": "INTERNAL_SALE",
        "client": _client("RUC", "20131312955"),
        "numberTemplate": _template("F001"),
        "items": [_item(None, "18.00")],
    },
    "CR": {
        **_BASE,
        "saleCondition": "CASH",
        "client": _client("CJ", "3-101-999999"),
        "numberTemplate": _template("0010000101"),
        "items": [_item("8311100000000", "13.00")],
    },
    "AR": {
        **_BASE,
        "saleConcept": "PRODUCTS",
        "startDateService": None,
        "endDateService": None,
        "client": _client("CUIT", "33-69345023-9", ivaCondition="IVA_RESPONSABLE"),
        "numberTemplate": _template("0002", "INVOICE_A"),
        "items": [_item(None, "21.00")],
    },
    "DO": {
        **_BASE,
        "client": _client("RNC", "4-01-50625-4"),
        "numberTemplate": _template("E31", "INVOICE_E31"),
        "items": [_item(None, "18.00")],
    },
    "PA": {
        **_BASE,
        "client": _client("RUC", "155596713-2-2015", identity={"dv": "59"}, thirdType="TAXPAYER"),
        "numberTemplate": _template(""),
        "items": [_item(None, "7.00")],
    },
}


OF_OTHER_KINDS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("CO", "support_document"): {
        **{name: value for name, value in VALID["CO"].items() if name not in {"client", "items"}},
        "provider": VALID["CO"]["client"],
        "purchases": {"items": [_item()]},
        "numberTemplate": {**_template("DS"), "documentType": "supportDocument"},
    },
    **{
        (country, "payment"): {
            "id": "501",
            "status": "open",
            "date": "2026-03-02",
            "amount": "119.00",
            "type": "in",
            "client": VALID[country]["client"],
            "invoices": [{"id": "77", "amount": 119}],
            "numberTemplate": _template("P"),
            "stamp": None,
        }
        for country in ("CR", "MX")
    },
    ("MX", "global_invoice"): {
        **VALID["MX"],
        "client": {"id": "1", "name": "Público en general", "identification": "XAXX010101000"},
    },
    ("MX", "transportation_receipt"): {**_BASE, "client": VALID["MX"]["client"], "items": [_item()]},
    ("PE", "transportation_receipt"): {
        **_BASE,
        "client": VALID["PE"]["client"],
        "numberTemplate": _template("T001"),
        "items": [_item()],
    },
}
"""Documents of what is no sale, by country and kind."""


def paper(
    country: str, changes: dict[str, Any] | None = None, /, *, kind: str = "invoice", **more: Any
) -> dict[str, Any]:
    """The country's valid document, with values put at dotted paths: `{"client.email": "", "items.0.quantity": 0}`.

    A value of `...` takes the key out.
    """
    document = copy.deepcopy(OF_OTHER_KINDS.get((country, kind), VALID[country]))
    for path, value in {**(changes or {}), **more}.items():
        *steps, last = path.split(".")
        place: Any = document
        for step in steps:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if value is ...:
            place.pop(last, None)
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return document
