"""Mexico: SAT, whose code is the UUID (folio fiscal) that a certification provider gives within seconds."""

from __future__ import annotations

import re
from typing import Final

from worker.countries.country import CodeFormat, Country

MEXICO: Final = Country(
    code="MX",
    name="México",
    zone="America/Mexico_City",
    application_version="mexico",
    formats=(
        CodeFormat(
            type="uuid",
            pattern=re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
            keys=("uuid",),
            source="§8: documented for the global invoice, inferred for the invoice",
        ),
    ),
    # Not documented for invoices (§13.4). When Alegra does show one, it is believed.
    expects_legal_status=False,
)
