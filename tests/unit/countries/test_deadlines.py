"""Deadlines of law: counted from a document's date in its country's own time, where one is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.papers import paper
from worker.alegra.drafts import draft_shown
from worker.countries import COUNTRIES, Draft

BOLETA = {"numberTemplate.prefix": "B001"}
SERVICES = {"saleConcept": "PRODUCTS_AND_SERVICES"}


def draft(country: str, changes: dict[str, Any] | None = None) -> Draft:
    return draft_shown(paper(country, changes), country, "invoice")


@pytest.mark.parametrize(
    ("country", "changes", "until"),
    [
        # Dated 2 March: three more days, to the end of 5 March in Lima (UTC-5).
        ("PE", {}, datetime(2026, 3, 6, 5, tzinfo=UTC)),
        ("PE", BOLETA, datetime(2026, 3, 10, 5, tzinfo=UTC)),
        ("AR", {}, datetime(2026, 3, 8, 3, tzinfo=UTC)),
        ("AR", SERVICES, datetime(2026, 3, 13, 3, tzinfo=UTC)),
        # 72 hours from the first minute of the day, in Mexico City (UTC-6).
        ("MX", {}, datetime(2026, 3, 5, 6, tzinfo=UTC)),
        ("CO", {}, None),
        ("CR", {}, None),
        ("DO", {}, None),
        ("PA", {}, None),
        ("AR", {"date": None}, None),
        ("AR", {"date": "9999-12-31"}, None),
    ],
)
def test_the_last_instant_is_the_end_of_the_last_day_there(
    country: str, changes: dict[str, Any], until: datetime | None
) -> None:
    assert COUNTRIES[country].send_by(draft(country, changes)) == until


def test_the_last_day_itself_is_not_late() -> None:
    for country in COUNTRIES.values():
        until = country.send_by(draft(country.code))
        deadline = country.deadline(draft(country.code))
        assert (until is None) == (deadline is None)
        if until and deadline:
            assert country.today(until - timedelta(seconds=1)).day == 2 + deadline.days
            assert {deadline.en[-1], deadline.es[-1]} == {"."}
            assert deadline.source
