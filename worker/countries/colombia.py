"""Colombia: DIAN, whose CUFE and CUDE are SHA-384 digests in hexadecimal."""

from __future__ import annotations

import re
from typing import Final

from worker.countries.country import CodeFormat, Country

_SHA_384 = re.compile(r"[0-9a-f]{96}", re.IGNORECASE)

COLOMBIA: Final = Country(
    code="CO",
    name="Colombia",
    zone="America/Bogota",
    application_version="colombia",
    formats=(
        CodeFormat(
            type="cufe",
            pattern=_SHA_384,
            kinds=frozenset({"invoice"}),
            keys=("cufe",),
            source="§8: 96 hexadecimal digits in stamp.cufe, seen in live invoices",
        ),
        CodeFormat(
            type="cude",
            pattern=_SHA_384,
            kinds=frozenset({"credit_note", "income_debit_note", "debit_note", "support_document"}),
            keys=("cude", "cufe"),
            source="§8: notes and support documents, in stamp.cude or else stamp.cufe, seen by a client",
        ),
    ),
    # Lines such as `CUFE: …` and the address in `QRCode: …`.
    texts=("barCodeContent",),
)
