"""The message that asks for documents to be created: read as it was meant, or refused with field, value and remedy."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre_producers import (
    MAX_DOCUMENTS_PER_MESSAGE,
    CreateRequest,
    EmissionClient,
    InvalidRequest,
    NewDocument,
    UnreadableMessage,
    read_creation,
)

BODY = {"date": "2026-03-02", "client": {"id": "77"}, "items": [{"id": "12", "price": 100000, "quantity": 1}]}
DOCUMENT = {"reference": "INV-1", "body": BODY}
GOOD = {"request_id": str(uuid.UUID(int=7)), "documents": [DOCUMENT], "requested_by": "billing", "emit": True}

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
any_json = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
almost_documents = st.fixed_dictionaries(
    {"reference": st.sampled_from(["INV-1", "a/b:c_d.e", ""]) | any_json},
    optional={"body": st.dictionaries(st.text(), any_json, max_size=3) | any_json, "id": any_json},
)
almost_messages = st.builds(
    lambda changes: GOOD | changes,
    st.fixed_dictionaries(
        {},
        optional={"documents": st.lists(almost_documents, max_size=3) | any_json, "emit": any_json, "kind": any_json},
    ),
)


@given(any_json | almost_messages)
@settings(max_examples=400, deadline=None)
def test_any_json_is_a_request_or_a_sentence(payload: object) -> None:
    try:
        request = read_creation(payload)
    except UnreadableMessage as refused:
        sentence = str(refused)
    else:
        sentence = "a request it is"
        again = read_creation(json.loads(request.model_dump_json()))
        assert again == request
        assert again.fingerprint() == request.fingerprint()
    assert 10 < len(sentence) < 2000
    assert "\n" not in sentence


def test_what_goes_without_saying_may_be_left_out() -> None:
    request = read_creation({name: GOOD[name] for name in ("request_id", "documents", "requested_by")})
    assert (request.account, request.kind, request.emit, request.preflight) == ("default", "invoice", False, True)
    assert "validate" not in request.model_dump(mode="json")


@pytest.mark.parametrize("reference", ["", "a b", "ref]", "é", "x" * 65, None, 7])
def test_a_reference_that_could_not_be_found_again_is_refused(reference: Any) -> None:
    with pytest.raises(UnreadableMessage, match=r"documents\[0\]\.reference .*: name the document with 1 to 64"):
        read_creation(GOOD | {"documents": [DOCUMENT | {"reference": reference}]})


@pytest.mark.parametrize(
    "body",
    [{}, [], None, {"observations": ["x"]}, {"total": float("nan")}, {"name": "\ud800"}, {"notes": "x" * 100_001}],
)
def test_a_body_that_cannot_be_kept_or_marked_is_refused_and_not_repeated(body: Any) -> None:
    with pytest.raises(UnreadableMessage, match=r"documents\[0\]\.body .*: send Alegra's own fields") as refused:
        read_creation(GOOD | {"documents": [DOCUMENT | {"body": body}]})
    assert "xxx" not in str(refused.value)


@pytest.mark.parametrize("depth", [35, 260, 900, 5000])
def test_a_body_nested_deeper_than_it_could_be_written_down_is_refused(depth: int) -> None:
    """Taken for a request it would be tried again for ever: neither its fingerprint nor its JSON could be made."""
    deep: Any = "bottom"
    for turn in range(depth):
        deep = [deep] if turn % 2 else {"in": deep}
    with pytest.raises(UnreadableMessage, match=r"documents\[0\]\.body .*: send Alegra's own fields"):
        read_creation(GOOD | {"documents": [DOCUMENT | {"body": {"items": deep}}]})


def test_a_body_as_deep_as_any_of_alegras_travels() -> None:
    deep: Any = "bottom"
    for _ in range(25):
        deep = [deep]
    request = read_creation(GOOD | {"documents": [DOCUMENT | {"body": {"items": deep}}]})
    assert read_creation(json.loads(request.model_dump_json())).fingerprint() == request.fingerprint()


def test_the_same_document_twice_is_one_and_two_bodies_of_one_reference_stay_two() -> None:
    other = DOCUMENT | {"body": BODY | {"date": "2026-03-03"}}
    assert read_creation(GOOD | {"documents": [DOCUMENT, DOCUMENT]}).references == ("INV-1",)
    assert read_creation(GOOD | {"documents": [DOCUMENT, other]}).references == ("INV-1", "INV-1")


def test_the_order_of_a_bodys_names_makes_no_other_work() -> None:
    turned = {name: BODY[name] for name in reversed(BODY)}
    assert (
        read_creation(GOOD | {"documents": [DOCUMENT | {"body": turned}]}).fingerprint()
        == read_creation(GOOD).fingerprint()
    )


@pytest.mark.parametrize(
    "change", [{"emit": False}, {"validate": False}, {"documents": [DOCUMENT | {"reference": "INV-2"}]}]
)
def test_other_work_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert read_creation(GOOD | change).fingerprint() != read_creation(GOOD).fingerprint()


def test_a_misspelt_field_is_told_with_the_one_that_is_meant() -> None:
    with pytest.raises(UnreadableMessage, match="did you mean documents"):
        read_creation(GOOD | {"document": []})
    with pytest.raises(UnreadableMessage, match=r"documents\[0\]\.bodi is not a field of the message"):
        read_creation(GOOD | {"documents": [DOCUMENT | {"bodi": {}}]})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[CreateRequest]:
    messages: list[CreateRequest] = []
    monkeypatch.setattr(EmissionClient, "_send", lambda _, message: messages.append(message))
    return messages


def test_more_than_a_hundred_documents_travel_as_several_messages_and_repeat_as_such(
    sent: list[CreateRequest],
) -> None:
    client = EmissionClient("redis://127.0.0.1:1/0")
    documents = [NewDocument(reference=f"INV-{number}", body=BODY) for number in range(250)]
    receipts = [client.create(documents, request_id=uuid.UUID(int=7)) for _ in range(2)]
    assert [len(message.documents) for message in sent[:3]] == [
        MAX_DOCUMENTS_PER_MESSAGE,
        MAX_DOCUMENTS_PER_MESSAGE,
        50,
    ]
    assert receipts[0] == receipts[1]
    assert receipts[0].references == tuple(f"INV-{number}" for number in range(250))
    assert receipts[0].document_ids == ()


def test_one_reference_for_two_bodies_is_refused_before_anything_leaves(sent: list[CreateRequest]) -> None:
    other = DOCUMENT | {"body": BODY | {"date": "2026-03-03"}}
    with pytest.raises(InvalidRequest, match=r"documents\[1\]\.reference 'INV-1' names two documents that differ"):
        EmissionClient("redis://127.0.0.1:1/0").create([DOCUMENT, other])
    with pytest.raises(InvalidRequest, match="documents cannot be an object of 2 names: send a list of 1 to 100"):
        EmissionClient("redis://127.0.0.1:1/0").create(DOCUMENT)  # type: ignore[arg-type]
    assert sent == []
