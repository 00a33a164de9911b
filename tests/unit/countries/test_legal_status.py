"""Alegra's words for the authority's verdict, old and new."""

from __future__ import annotations

import pytest

from worker.countries import Verdict, read_legal_status


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("PENDING", Verdict.NOT_EMITTED),
        ("STAMPED_AND_WAITING_RESPONSE", Verdict.IN_PROCESS),
        ("IN_PROCESS", Verdict.IN_PROCESS),
        ("STAMPED_AND_ACCEPTED", Verdict.ACCEPTED),
        ("STAMPED_AND_ACCEPTED_WITH_OBSERVATIONS", Verdict.ACCEPTED),
        ("ACCEPTED", Verdict.ACCEPTED),
        ("accepted_with_observations", Verdict.ACCEPTED),
        ("STAMPED_AND_REJECTED", Verdict.REJECTED),
        ("REJECTED", Verdict.REJECTED),
        ("CANCELLED_AND_WAITING_RESPONSE", Verdict.CANCELLING),
        ("STAMPED_AND_CANCELLED", Verdict.CANCELLED),
        (None, Verdict.ABSENT),
        ("", Verdict.ABSENT),
        ("  ", Verdict.ABSENT),
        ("SOMETHING_NEW", Verdict.UNKNOWN),
        ("NOT_ACCEPTED", Verdict.UNKNOWN),
        ("UNACCEPTED", Verdict.UNKNOWN),
        (" pending ", Verdict.NOT_EMITTED),
        ("STAMPED_AND_PENDING_RESPONSE", Verdict.UNKNOWN),
        ("NOT_PENDING", Verdict.UNKNOWN),
        ("PENDING_CANCELLATION", Verdict.CANCELLING),
        ("CANCELLATION_REQUESTED", Verdict.CANCELLING),
        ("STAMPED_AND_CANCELED", Verdict.CANCELLED),
        ("STAMPED_AND_NOT_YET_ACCEPTED", Verdict.UNKNOWN),
        ("NON-ACCEPTED", Verdict.UNKNOWN),
        ("WAITING_TO_BE_ACCEPTED", Verdict.UNKNOWN),
        ("ACCEPTED_OR_REJECTED", Verdict.UNKNOWN),
        ("NOT_REJECTED", Verdict.UNKNOWN),
        ("STAMPED_AND_ACCEPTED_WITH_NOTIFICATIONS", Verdict.ACCEPTED),
        ("STAMPED_AND_ACCEPTED_NO_OBSERVATIONS", Verdict.ACCEPTED),
        (7, Verdict.UNKNOWN),
        ({"status": "ACCEPTED"}, Verdict.UNKNOWN),
    ],
)
def test_each_word_is_read_as_it_is_meant(word: object, verdict: Verdict) -> None:
    assert read_legal_status(word) is verdict
