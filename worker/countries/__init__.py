"""What differs by country: rules of pre-flight, fiscal codes, legal status, how long the authority may take."""

from __future__ import annotations

from worker.countries.codes import FoundCode, code_in_stamp, document_numbers, find_code
from worker.countries.country import CodeFormat, Country
from worker.countries.draft import Buyer, Draft, Line, Numbering
from worker.countries.inner_fields import Issued
from worker.countries.legal_status import Verdict, read_legal_status
from worker.countries.preflight import RULES, finding_from, preflight
from worker.countries.registry import COUNTRIES, country, from_application_version
from worker.countries.rules import Finding, Language, Rule, Severity

__all__ = [
    "COUNTRIES",
    "RULES",
    "Buyer",
    "CodeFormat",
    "Country",
    "Draft",
    "Finding",
    "FoundCode",
    "Issued",
    "Language",
    "Line",
    "Numbering",
    "Rule",
    "Severity",
    "Verdict",
    "code_in_stamp",
    "country",
    "document_numbers",
    "find_code",
    "finding_from",
    "from_application_version",
    "preflight",
    "read_legal_status",
]
