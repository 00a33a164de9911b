"""Whatever a file holds: it is read, or refused with a sentence; nothing else happens, and nothing is read twice."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from worker.files import BrokenFile, Columns, Way, columns_of, read
from worker.files.values import Manner

WAYS = [
    Way(),
    Way(format="json"),
    Way(format="jsonl", reference_field="a.b"),
    Way(format="csv"),
    Way(encoding="latin-1", format="csv", columns=Columns(manner=Manner("comma", "dmy"))),
    Way(encoding="windows-1252"),
    Way(format="csv", columns=Columns(columns_of("reference=a,items[].price=b,items[].tax[].id=c"))),
]

like_files = st.one_of(
    st.binary(max_size=200),
    st.text(alphabet=st.sampled_from('{}[]",:;.\n\r\t0123456789-eEabc\x00 '), max_size=120).map(str.encode),
    st.lists(st.lists(st.sampled_from(["a", "b", "c", "1", "1,5", "", '"']), max_size=4), max_size=5).map(
        lambda rows: "\n".join(",".join(row) for row in rows).encode()
    ),
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(like_files, st.sampled_from(WAYS))
def test_a_file_is_read_or_refused_in_words(data: bytes, way: Way) -> None:
    try:
        reading = read("file", data, way)
    except BrokenFile:
        return
    assert len({each.reference for each in reading.documents}) == len(reading.documents)
    assert bool(reading.sunk) <= bool(reading.problems)
    for found in reading.documents:
        json.dumps(found.body, allow_nan=False).encode()


@given(
    st.lists(st.dictionaries(st.text(min_size=1, max_size=5), values, min_size=1, max_size=4), min_size=1, max_size=4)
)
def test_what_json_programs_write_is_read_as_it_was_written(documents: Sequence[dict[str, object]]) -> None:
    wanted = {f"R-{n}": document for n, document in enumerate(documents)}
    text = json.dumps([{"reference": reference, "body": body} for reference, body in wanted.items()])
    reading = read("file.json", text.encode(), Way())
    for found in reading.documents:
        assert found.body == wanted.pop(found.reference)
    # The others hold what no database takes, and were told.
    assert len(wanted) == reading.sunk
