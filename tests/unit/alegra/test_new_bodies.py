"""What is posted to create a document: the producer's fields, its reference, of stamping only what Timbre decided."""

from __future__ import annotations

import pytest

from worker.alegra.kinds import SHAPES

BODY = {"date": "2026-03-02", "status": "open", "stamp": {"generateStamp": True}, "payments": [{"amount": 1}]}


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_a_stamp_instruction_of_the_producer_never_travels(kind: str) -> None:
    assert "stamp" not in SHAPES[kind].new(BODY, "INV-1", stamp=False)


@pytest.mark.parametrize("kind", sorted(set(SHAPES) - {"payment"}))
def test_whatever_has_drafts_is_posted_as_one(kind: str) -> None:
    assert SHAPES[kind].new(BODY, "INV-1", stamp=False)["status"] == "draft"


def test_a_payment_keeps_its_status_for_it_has_no_drafts() -> None:
    assert SHAPES["payment"].new({"amount": 7}, "REP-1", stamp=False) == {"amount": 7, "observations": "[ref REP-1]"}


def test_the_reference_stands_behind_the_bodys_own_observations_and_the_body_stays_as_it_was() -> None:
    body = {"date": "2026-03-02", "observations": "Entregar el lunes"}
    assert SHAPES["invoice"].new(body, "INV-1", stamp=False) == {
        "date": "2026-03-02",
        "observations": "[ref INV-1]\nEntregar el lunes",
        "status": "draft",
    }
    assert body["observations"] == "Entregar el lunes"


def test_a_kind_that_is_emitted_by_its_creation_is_posted_with_the_instruction() -> None:
    assert SHAPES["global_invoice"].new(BODY, "GI-1", stamp=True)["stamp"] == {"generateStamp": True}
