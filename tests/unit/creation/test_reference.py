"""The reference in a document: found where it was written, and nowhere else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.creation.reference import marked, references_in

references = st.from_regex(r"[A-Za-z0-9._:/-]{1,64}", fullmatch=True)


@given(st.none() | st.text(), references)
def test_what_was_written_is_found_whatever_else_stands_there(observations: str | None, reference: str) -> None:
    assert references_in(marked(observations, reference)) == {reference}


@given(st.text(), references)
def test_writing_it_twice_writes_it_once(observations: str, reference: str) -> None:
    once = marked(observations, reference)
    assert marked(once, reference) == once


def test_it_stands_on_a_line_of_its_own_before_the_bodys_own_text() -> None:
    assert marked("Entregar el lunes", "INV-1") == "[ref INV-1]\nEntregar el lunes"
    assert marked("", "INV-1") == marked(None, "INV-1") == "[ref INV-1]"


def test_a_short_reference_is_not_found_in_a_longer_one() -> None:
    assert "REF-1" not in references_in(marked("REF-1", "REF-10"))


def test_a_body_copied_from_another_document_does_not_keep_its_reference() -> None:
    assert references_in(marked(marked("x", "INV-1"), "INV-2")) == {"INV-2"}


def test_not_even_a_reference_around_a_reference_is_kept() -> None:
    assert references_in(marked("[ref [ref INV-7]INV-8]", "INV-1")) == {"INV-1"}


def test_text_added_by_a_person_hides_nothing() -> None:
    assert references_in("Ojo: " + marked("x", "INV-1") + " llamar antes") == {"INV-1"}


def test_a_long_text_that_is_cut_keeps_its_reference() -> None:
    assert references_in(marked("x" * 5000, "INV-1")[:80]) == {"INV-1"}


@pytest.mark.parametrize("observations", [None, 7, [], {}, "", "[ref ]", "[ref a b]", "ref INV-1", "[REF INV-1]"])
def test_whatever_is_no_reference_is_none(observations: object) -> None:
    assert references_in(observations) == frozenset()
