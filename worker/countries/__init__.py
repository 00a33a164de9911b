"""What differs by country: fiscal codes, legal status, and how long the authority may take."""

from __future__ import annotations

from worker.countries.codes import FoundCode, code_in_stamp, document_numbers, find_code
from worker.countries.country import CodeFormat, Country
from worker.countries.legal_status import Verdict, read_legal_status
from worker.countries.registry import COUNTRIES, country, from_application_version

__all__ = [
    "COUNTRIES",
    "CodeFormat",
    "Country",
    "FoundCode",
    "Verdict",
    "code_in_stamp",
    "country",
    "document_numbers",
    "find_code",
    "from_application_version",
    "read_legal_status",
]
