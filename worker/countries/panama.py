"""Panama: DGI, whose CUFE spells the document out in 66 characters."""

from __future__ import annotations

import re
from typing import Final

from worker.countries.country import CodeFormat, Country

PANAMA: Final = Country(
    code="PA",
    name="Panamá",
    zone="America/Panama",
    application_version="panama",
    formats=(
        CodeFormat(
            # FE, document type 2, RUC type 1, RUC 20, -DV 3, branch 4, date 8, number 10,
            # point of sale 3, emission type 2, environment 1, security 9, check digit 1.
            type="cufe",
            pattern=re.compile(
                r"FE[0-9]{2}[123][0-9A-Z-]{20}-[0-9]{2}[0-9A-Z]{4}[0-9]{8}[0-9]{10}[0-9]{3}[0-9]{2}[12][0-9]{9}[0-9]"
            ),
            keys=("cufe",),
            source="§8: layout derived from four published codes, all of 66 characters; the key is an assumption",
        ),
    ),
    # Documents of a fiscal printer carry only this (§2.3).
    never_sent_keys=("fiscalNumber",),
)
