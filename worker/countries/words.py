"""Small readings that several countries' rules share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Final

from stdnum.util import clean

from worker.countries.draft import Draft, Line

_SEPARATORS: Final = " -./,\u00a0"


def bare(number: str | None) -> str:
    """An identification without separators, in capitals; typographic dashes are dashes."""
    return clean(number or "", _SEPARATORS).strip().upper()


def digits(number: str | None) -> str | None:
    """The identification as digits; None when something else than separators stands between them."""
    found = bare(number)
    return found if re.fullmatch(r"[0-9]+", found) else None


def lines_of(draft: Draft) -> Iterator[tuple[str, Line]]:
    """The lines with their path: `items[2]`."""
    for place, line in enumerate(draft.lines):
        yield f"items[{place}]", line


def is_credit(draft: Draft) -> bool:
    """Whether it is sold on credit: its terms say so, or it falls due later than it is dated."""
    terms = " ".join(filter(None, (draft.payment_form, draft.sale_condition))).upper()
    if "CREDIT" in terms or "CRÉDITO" in terms:
        return True
    return not terms and _later(draft.due, draft.issued)


def _later(one: date | None, other: date | None) -> bool:
    return one is not None and other is not None and one > other
