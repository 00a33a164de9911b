"""What a fiscal code says about its document, compared with the document: only a certain contradiction counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from worker.countries.words import bare

_A_DAY: Final = timedelta(days=1)
"""Local and universal dates may differ by one."""

_POST_DATED: Final = timedelta(days=60)
"""How far ahead of its sending a document may be dated, when the sending's own day is not shown."""


@dataclass(frozen=True, slots=True)
class Issued:
    """What else a read shows of the document whose code is looked at."""

    kind: str
    dated: date | None = None
    stamped: date | None = None
    """The local day of the stamp; codes carry this day or the document's, for drafts wait and Alegra may date anew."""
    numbers: tuple[str, ...] = ()
    """The ways its number is written, best first."""
    prefix: str | None = None
    sub_type: str | None = None
    issuer: str | None = None
    """The company's tax number, as far as it is known."""
    stamp: Mapping[str, Any] = field(default_factory=dict)


def other_day(found: date | None, issued: Issued) -> str:
    """Why the day in a code cannot be this document's; empty when it can."""
    if found is None:
        return "its code carries a day that no calendar has"
    days = [day for day in (issued.dated, issued.stamped) if day is not None]
    if not days:
        return ""
    margin = _A_DAY if issued.stamped else _POST_DATED
    too_early = found < min(days) - margin
    # A draft may be sent long after its date: without the stamp's own day there is no latest.
    too_late = issued.stamped is not None and found > max(days) + _A_DAY
    if not too_early and not too_late:
        return ""
    return f"its code is of {found}, and the document of {' or '.join(map(str, dict.fromkeys(days)))}"


def other_number(found: str, issued: Issued) -> str:
    """Why the number in a code cannot be this document's.

    Only where the document shows its number in the authority's own form, of so many digits: how Alegra numbers
    otherwise is its own affair.
    """
    shown = [bare(number) for number in issued.numbers]
    same_form = [number for number in shown if re.fullmatch(r"[0-9]+", number) and len(number) == len(found)]
    if not same_form or found in same_form:
        return ""
    return f"its code is of number {found}, and the document has {same_form[0]}"


def other_issuer(found: str, issued: Issued) -> str:
    """Why the issuer in a code cannot be the account's company; empty also when that is not known.

    Alegra may write a company's check digit behind its number, and the authority leave it out.
    """
    known, inside = bare(issued.issuer).lstrip("0"), bare(found).lstrip("0")
    if not known or not inside or known.startswith(inside) or inside.startswith(known):
        return ""
    return f"its code is of issuer {found}, and the account's company is {issued.issuer}"


def other_kind(found: str, allowed: Mapping[str, frozenset[str]], kind: str) -> str:
    """Why a code of this type cannot be of such a document; empty for kinds the table does not know."""
    if kind not in allowed or found in allowed[kind]:
        return ""
    return f"its code is of document type {found}, which is no {kind.replace('_', ' ')}"


def day_of(written: str) -> date | None:
    """YYYYMMDD or an ISO date, also with a time behind; None when no calendar has it."""
    digits = re.sub(r"[^0-9]", "", written[:10])[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None


def first(*reasons: str) -> str:
    """The first reason there is."""
    return next((reason for reason in reasons if reason), "")
