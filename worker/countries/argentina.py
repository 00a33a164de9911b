"""Argentina: AFIP/ARCA, whose CAE has 14 digits."""

from __future__ import annotations

import re
from typing import Final

from worker.countries.country import CodeFormat, Country

ARGENTINA: Final = Country(
    code="AR",
    name="Argentina",
    zone="America/Argentina/Buenos_Aires",
    application_version="argentina",
    formats=(
        CodeFormat(
            type="cae",
            pattern=re.compile(r"[0-9]{14}"),
            keys=("cae",),
            shared_keys=("number",),
            source="§8: format from the tax authority; the key in Alegra's stamp is an assumption",
        ),
    ),
)
