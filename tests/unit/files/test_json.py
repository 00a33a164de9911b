"""JSON and JSON lines: every document with its line, its numbers exact, its problems told all at once."""

from __future__ import annotations

import json

import pytest

from worker.files import BrokenFile, Reading, Way, constant_of, read


def reading_of(text: str, name: str = "sales.json", way: Way | None = None) -> Reading:
    return read(name, text.encode(), way or Way())


def broken(text: str, name: str = "sales.json", way: Way | None = None) -> str:
    with pytest.raises(BrokenFile) as raised:
        reading_of(text, name, way)
    return str(raised.value)


def test_one_object_is_one_document() -> None:
    (found,) = reading_of('{"reference": "A-1", "client": {"id": 12}}').documents
    assert (found.reference, found.body, found.made) == ("A-1", {"client": {"id": 12}}, False)


def test_each_object_of_an_array_knows_its_line() -> None:
    reading = reading_of(
        '[\n  {"reference": "A-1", "x": 1},\n\n  {"reference": "A-2",\n   "x": 2}, {"reference": "A-3"}]'
    )
    assert [(each.reference, each.line) for each in reading.documents] == [("A-1", 2), ("A-2", 4)]
    (empty,) = reading.problems
    assert str(empty) == "sales.json, line 5: the document has no fields. Write Alegra's fields."


def test_lines_are_documents_each_for_itself() -> None:
    reading = reading_of('{"reference":"A-1","x":1}\n\n{"reference":\n{"reference":"A-2","x":2} {}\n[1]\n', "s.jsonl")
    assert [each.reference for each in reading.documents] == ["A-1"]
    assert [each.line for each in reading.problems] == [3, 4, 5]
    assert reading.sunk == 3
    assert "it is no JSON: expecting value, at column 14" in str(reading.problems[0])
    assert "there is more behind the document" in str(reading.problems[1])


def test_the_messages_own_form_is_understood() -> None:
    (found,) = reading_of('{"reference": "A-1", "body": {"date": "2026-03-02"}}').documents
    assert (found.reference, found.body) == ("A-1", {"date": "2026-03-02"})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "sales.json: it is empty"),
        ("[]", "its array has no documents"),
        ('[{"a": 1}', "line 1: the array does not end"),
        ('[{"a": 1}\n{"b": 1}]', "line 2: no comma or end of the array stands there"),
        ('[{"a": 1}] x', "no comma or end of the array"),
        ('{"a": 1}\n{"b": 1}', "line 2: there is more behind the first document. Put the documents into an array"),
        ('{"a": 1,}', "line 1: it is no JSON: "),
        ('{"stamp": 1,\n "stamp": 2}', "its document gives 'stamp' two values"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "1" * 5000 + "e9999999999999999999}", "a number is too long"),
    ],
)
def test_a_broken_file_is_told_with_its_place(text: str, sentence: str) -> None:
    assert sentence in broken(text)


def test_what_is_no_document_is_told_and_the_others_go_on() -> None:
    reading = reading_of('[{"x": 1}, 7, "text", null]')
    assert len(reading.documents) == 1
    assert [str(each) for each in reading.problems] == [
        f'sales.json, line 1 {value!r}: it is no document: a document is a JSON object. Write {{"client": …, …}}.'
        for value in ("7", "text", "null")
    ]


@pytest.mark.parametrize(
    "number", ["1", "0.1", "50000.10", "1e3", "-2.50", "123456789012.345", "0.30000000000000004", "9007199254740992"]
)
def test_a_number_is_the_same_number(number: str) -> None:
    (found,) = reading_of(f'{{"price": {number}}}').documents
    assert found.body["price"] == json.loads(number)
    assert type(found.body["price"]) in {int, float}


@pytest.mark.parametrize(
    ("number", "what"),
    [
        ("0.1234567890123456789", "more digits than a number in JSON keeps"),
        ("9007199254740993", "more digits"),
        ("1e400", "too large"),
        ("NaN", "too large"),
        ("-Infinity", "too large"),
        ("1e-400", "more digits"),
    ],
)
def test_a_number_that_would_become_another_is_a_problem(number: str, what: str) -> None:
    reading = reading_of(f'[{{"items": [{{"price": {number}}}]}}, {{"x": 1}}]')
    assert len(reading.documents) == 1
    (problem,) = reading.problems
    assert problem.field == "items[0].price"
    assert what in problem.what


def test_all_problems_of_a_document_are_told_at_once() -> None:
    reading = reading_of('{"a": 1e400, "b\\u0000": "x", "c": ["\\ud800"], "reference": "a b"}')
    assert [each.field for each in reading.problems] == ["a", "b\x00", "c[0]"]


def test_a_reference_of_another_form_is_a_problem() -> None:
    wrong = ['"a b"', '""', "1e999999", "NaN", "[1]", '"' + "x" * 65 + '"']
    fit = ["77", "7e1", '"A:1/b-2.c_3"']
    reading = reading_of("\n".join(f'{{"reference": {each}, "x": 1}}' for each in wrong + fit), "s.jsonl")
    assert [each.reference for each in reading.documents] == ["77", "70", "A:1/b-2.c_3"]
    assert [each.line for each in reading.problems] == [1, 2, 3, 4, 5, 6]


def test_another_field_may_be_the_reference_and_stays_where_it_is() -> None:
    way = Way(reference_field="order.number")
    reading = reading_of('[{"order": {"number": "S-1"}, "reference": "PO 7"}, {"x": 1}]', way=way)
    (found,) = reading.documents
    assert (found.reference, found.body) == ("S-1", {"order": {"number": "S-1"}, "reference": "PO 7"})
    assert "order.number: it is missing" in str(reading.problems[0])


def test_constants_are_written_into_every_document() -> None:
    sets = ("numberTemplate.id=7", "items[].tax[].id=3", "note=a b")
    way = Way(constants=[constant_of(each) for each in sets])
    reading = reading_of('[{"items": [{"id": "5"}, {"id": "6"}]}, {"numberTemplate": "mine"}]', way=way)
    (found,) = reading.documents
    assert found.body == {
        "items": [{"id": "5", "tax": [{"id": 3}]}, {"id": "6", "tax": [{"id": 3}]}],
        "numberTemplate": {"id": 7},
        "note": "a b",
    }
    assert "something else stands on the way" in str(reading.problems[0])


def test_without_a_reference_the_content_makes_one_that_stays() -> None:
    first = reading_of('{"client": {"id": "7"}, "total": 50000.10}').documents[0]
    again = reading_of('[{"total":   50000.1,\n"stamp": {"generateStamp": true}, "client": {"id": "7"}}]').documents[0]
    other = reading_of('{"client": {"id": "8"}, "total": 50000.10}').documents[0]
    assert first.made
    assert first.reference == again.reference != other.reference
    assert first.reference.startswith("content-")
    assert len(first.reference) <= 64


def test_equal_documents_without_a_reference_are_a_question() -> None:
    reading = reading_of('{"x": 1}\n{"x": 2}\n{"x": 1}\n', "s.jsonl")
    assert [each.body for each in reading.documents] == [{"x": 2}]
    assert reading.sunk == 2
    (problem,) = reading.problems
    assert "the documents of lines 1, 3 are equal and have no reference" in str(problem)


def test_one_reference_for_two_contents_is_a_contradiction() -> None:
    lines = ['{"reference": "A", "x": 1}', '{"reference": "A", "x": 2}', '{"reference": "B", "x": 1}'] * 2
    reading = reading_of("\n".join(lines), "s.jsonl")
    assert [each.reference for each in reading.documents] == ["B"]
    assert "lines 1, 2, 4, 5 have this reference, and other content each" in str(reading.problems[0])
    assert reading.notices == ["lines 3, 6 are the same document B: it is asked for once"]


@pytest.mark.parametrize(
    ("text", "documents"),
    [('{"x": 1}', 1), (' [{"x": 1}]', 1), ('{"x": 1}\n{"x": 2}', 2), ('{\n"x": 1}', 1), ("x\n1", 1)],
)
def test_standard_input_is_what_it_looks_like(text: str, documents: int) -> None:
    assert len(reading_of(text, "standard input").documents) == documents
