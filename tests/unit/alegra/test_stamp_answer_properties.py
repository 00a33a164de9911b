"""Whatever Alegra answers: an outcome for every asked id, no other, and no row that bleeds from one to another."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from worker.alegra.stamp_answer import read_stamp_answer
from worker.emission.outcomes import Answered, Uncertain

ids = st.lists(st.sampled_from([str(n) for n in range(501, 515)]), min_size=1, max_size=10, unique=True)
statuses = st.integers(100, 599)

some_status = st.sampled_from(
    ["STAMPED_AND_ACCEPTED", "STAMPED_AND_WAITING_RESPONSE", "STAMPED_AND_REJECTED", "PENDING", "", "ODD", None, 3]
)
some_id = st.sampled_from([*map(str, range(501, 515)), 501, 502, "777", "", None, True, 1.5, {"id": "501"}])
row = st.fixed_dictionaries(
    {},
    optional={
        "id": some_id,
        "success": st.sampled_from([True, False, None, "true", 0, "odd"]),
        "code": st.sampled_from([3051, "3246", 900, 0, None, "", [], "AEP2011"]),
        "message": st.sampled_from(["ok", "Service Unavailable", "AEP6016 falta", None, 7, {"a": 1}]),
        "emissionStatus": some_status,
        "error": st.sampled_from([None, "texto", {"code": 3051, "message": "m"}, [{"message": "m"}], True, 3]),
        "invoice": st.sampled_from([None, {"id": "501"}, []]),
    },
)
rows = st.lists(row | st.none() | st.text(max_size=5) | st.integers(), max_size=12)
bodies = (
    st.fixed_dictionaries({}, optional={"data": rows | row | st.none(), "error": rows | row | st.text(max_size=9)})
    | rows
    | row
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=5), st.lists, max_leaves=5)
)


@given(statuses, st.binary(max_size=300), ids)
def test_any_bytes_give_an_outcome_for_every_asked_id_and_no_other(status: int, body: bytes, asked: list[str]) -> None:
    assert set(read_stamp_answer(status, body, asked).outcomes) == set(asked)


@given(statuses, bodies, ids)
def test_any_json_gives_an_outcome_for_every_asked_id_and_no_other(status: int, body: Any, asked: list[str]) -> None:
    report = read_stamp_answer(status, json.dumps(body).encode(), asked)
    assert set(report.outcomes) == set(asked)
    assert not set(report.strangers) & set(asked)


@given(statuses, rows, ids, st.sampled_from([True, False]))
def test_a_row_never_bleeds_to_another_id(status: int, some: list[Any], asked: list[str], wrapped: bool) -> None:
    """Taking away everything said about one document changes nothing that is said about another by name."""
    target = asked[0]
    others = [each for each in some if not (isinstance(each, dict) and _names(each) == target)]
    body = {"data": [], "error": some} if wrapped else some
    without = {"data": [], "error": others} if wrapped else others
    full = read_stamp_answer(status, json.dumps(body).encode(), asked).outcomes
    less = read_stamp_answer(status, json.dumps(without).encode(), asked).outcomes
    named = {_names(each) for each in others if isinstance(each, dict)}
    for each in asked[1:]:
        if each in named:
            assert full[each] == less[each]


@given(statuses, st.lists(row, max_size=10), ids)
def test_a_document_without_a_row_beside_others_that_have_one_is_uncertain(
    status: int, some: list[dict[str, Any]], asked: list[str]
) -> None:
    body = {"data": [*some, {"id": asked[0], "success": True}]}
    outcomes = read_stamp_answer(status, json.dumps(body).encode(), asked).outcomes
    named = {_names(each) for each in some} | {asked[0]}
    for each in asked:
        if each not in named:
            assert isinstance(outcomes[each], Uncertain)


@given(st.integers(500, 599), bodies, ids)
def test_after_a_5xx_only_a_row_with_the_documents_name_is_an_answer(status: int, body: Any, asked: list[str]) -> None:
    raw = json.dumps(body)
    for each, outcome in read_stamp_answer(status, raw.encode(), asked).outcomes.items():
        assert each in raw or isinstance(outcome, Uncertain)
        assert not (isinstance(outcome, Answered) and outcome.whole_batch)


def _names(row: dict[str, Any]) -> str | None:
    """The id a row names, as Alegra's rows were seen to: itself, or in the document or error it carries."""
    for holder in (row, row.get("invoice"), row.get("error")):
        value = holder.get("id") if isinstance(holder, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return None
