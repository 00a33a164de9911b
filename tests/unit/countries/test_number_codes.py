"""Where the document's number is its code, Alegra's writing of it decides; parts may mend it, never contradict it."""

from __future__ import annotations

import pytest

from worker.countries import COUNTRIES, find_code


def peruvian(full: str | None) -> dict[str, object]:
    return {"numberTemplate": {"prefix": "F001", "number": "522", "fullNumber": full}}


@pytest.mark.parametrize("full", ["F001-522", "F001522", "F001 522", None])
def test_a_number_written_without_its_dash_or_only_in_parts_is_read(full: str | None) -> None:
    found = find_code(COUNTRIES["PE"], "invoice", {"legalStatus": "STAMPED_AND_ACCEPTED"}, peruvian(full))
    assert found is not None
    assert (found.value, found.valid) == ("F001-522", True)


@pytest.mark.parametrize("full", ["F001_22", "F002522", "F001-5221111111"])
def test_parts_that_contradict_the_malformed_number_do_not_replace_it(full: str) -> None:
    found = find_code(COUNTRIES["PE"], "invoice", {"legalStatus": "STAMPED_AND_ACCEPTED"}, peruvian(full))
    assert found is not None
    assert (found.value, found.valid) == (full, False)
