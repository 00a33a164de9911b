"""Dominican Republic: DGII, where the e-NCF is the number of the document."""

from __future__ import annotations

import re
from typing import Final

from worker.countries.country import CodeFormat, Country

DOMINICAN_REPUBLIC: Final = Country(
    code="DO",
    name="República Dominicana",
    zone="America/Santo_Domingo",
    application_version="republicaDominicana",
    formats=(
        CodeFormat(
            type="encf",
            pattern=re.compile(r"E(31|32|33|34|41|43|44|45|46|47)[0-9]{10}"),
            is_document_number=True,
            shared_keys=("encf", "ncf", "number"),
            source="§8: python-stdnum's do.ncf; that numberTemplate.fullNumber carries it is inferred",
        ),
        CodeFormat(
            type="ncf",
            pattern=re.compile(r"B(01|02|03|04|11|12|13|14|15|16|17)[0-9]{8}"),
            is_document_number=True,
            shared_keys=("ncf", "number"),
            source="§8: python-stdnum's do.ncf, the paper series",
        ),
    ),
)
