"""Peru: SUNAT, where the number F###-n or B###-n is the code and boletas travel in the next day's summary."""

from __future__ import annotations

import re
from typing import Final

from worker.countries.country import CodeFormat, Country, delays

PERU: Final = Country(
    code="PE",
    name="Perú",
    zone="America/Lima",
    application_version="peru",
    formats=(
        CodeFormat(
            type="number",
            pattern=re.compile(r"[FB][A-Z0-9]{3}-[0-9]{1,8}"),
            is_document_number=True,
            source="§8: the tax authority's series and number; that numberTemplate.fullNumber carries it is inferred",
        ),
    ),
    # A boleta may wait 48 to 72 hours for the daily summary (§6): normal, no reason to alarm anybody.
    waiting_schedule=delays(5, 15, 60, 300, 900, 3600, 10800, *[21600] * 12),
)
