"""Reading a body: what readers of JSON disagree about is never read in the way that makes a document look unsent."""

from __future__ import annotations

import pytest

from worker.alegra.bodies import UnreadableBody, clean, read_json
from worker.alegra.reading import observe
from worker.alegra.schemas import UnreadableDocument
from worker.alegra.stamp_answer import read_stamp_answer
from worker.countries import country
from worker.emission.outcomes import Uncertain

SHOWN_TWICE = b'{"id": "501", "status": "open", "stamp": {"legalStatus": "STAMPED_AND_ACCEPTED"}, "stamp": null}'


def test_an_object_that_says_two_things_of_one_name_is_not_read() -> None:
    with pytest.raises(UnreadableBody, match="not JSON"):
        read_json(SHOWN_TWICE)


def test_an_object_that_says_the_same_twice_is_read() -> None:
    assert read_json(b'[{"id": "501", "id": "501"}]') == [{"id": "501"}]


def test_a_stamp_answer_that_says_two_things_is_a_lost_answer() -> None:
    body = b'{"data": [{"id": "501", "success": false, "success": true}]}'
    assert isinstance(read_stamp_answer(200, body, ["501"]).outcomes["501"], Uncertain)


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_stamp_written_as_no_json_value_is_a_doubt_and_not_an_absence(word: bytes) -> None:
    with pytest.raises(UnreadableDocument, match="stamp"):
        observe(read_json(b'{"id": "501", "status": "open", "stamp": %b}' % word), country("CO"), "invoice")


def test_a_total_written_as_no_json_value_is_left_out() -> None:
    seen = observe(read_json(b'{"id": "501", "status": "open", "total": NaN}'), country("CO"), "invoice")
    assert seen.snapshot.total is None


@pytest.mark.parametrize("odd", ["\x00501", "\ud800501", "50\udfff1"])
def test_an_id_with_a_character_no_database_holds_does_not_become_another_documents(odd: str) -> None:
    assert clean(odd, 64) != "501"
    clean(odd, 64).encode()
