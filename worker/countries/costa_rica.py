"""Costa Rica: Hacienda, whose clave numérica has 50 digits and begins with the country's 506."""

from __future__ import annotations

import re
from typing import Final

from worker.countries.country import CodeFormat, Country

COSTA_RICA: Final = Country(
    code="CR",
    name="Costa Rica",
    zone="America/Costa_Rica",
    application_version="costaRica",
    formats=(
        CodeFormat(
            # 506, ddmmyy, issuer 12, consecutive 20, situation 1, security code 8.
            type="clave",
            pattern=re.compile(r"506[0-9]{47}"),
            keys=("uuid",),
            # Which of the three holds it is unknown; these two also hold other things (the consecutive, a legend).
            shared_keys=("clave", "legend", "number"),
            source="§8: a production client reads uuid, legend or number; layout from the tax authority's format",
        ),
    ),
)
