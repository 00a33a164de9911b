"""Reading a message: whatever the broker delivers is a request or one sentence, and nothing else."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from timbre_producers import EmitRequest, UnreadableMessage, read_message

GOOD = {"request_id": str(uuid.UUID(int=7)), "document_ids": ["501"], "requested_by": "billing"}
FIELDS = list(EmitRequest.model_fields)

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
any_json = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
plausible = (
    any_json
    | st.datetimes(timezones=st.none() | st.timezones()).map(str)
    | st.uuids().map(str)
    | st.sampled_from(
        ["high", "normal", "invoice", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "http://x"]
    )
)
almost_messages = st.builds(
    lambda changes: GOOD | changes, st.dictionaries(st.sampled_from(FIELDS) | st.text(), plausible, max_size=4)
)


def read_or_refuse(payload: object) -> EmitRequest | str:
    try:
        return read_message(payload)
    except UnreadableMessage as unreadable:
        return str(unreadable)


@given(any_json | almost_messages)
@settings(max_examples=600, deadline=None)
def test_any_json_is_a_request_or_a_sentence(payload: object) -> None:
    match read_or_refuse(payload):
        case EmitRequest() as request:
            again = json.loads(request.model_dump_json())
            assert read_message(again) == request
        case sentence:
            assert 10 < len(sentence) < 2000
            assert "\n" not in sentence


@given(st.lists(any_json, max_size=3), st.dictionaries(st.text(), any_json, max_size=2))
@settings(max_examples=200, deadline=None)
def test_any_call_of_the_task_is_a_request_or_a_sentence(args: list[object], kwargs: dict[str, object]) -> None:
    with pytest.raises(UnreadableMessage):
        read_message(args, kwargs)


def test_the_task_takes_one_positional_argument() -> None:
    assert read_message((GOOD,), {}).document_ids == ("501",)
    with pytest.raises(UnreadableMessage, match="0 positional and 1 named arguments: send one positional argument"):
        read_message((), {"message": GOOD})


def test_the_request_id_of_an_unreadable_message_is_told_when_there_is_one() -> None:
    for request_id, told in ((GOOD["request_id"], GOOD["request_id"]), ("order-7", None), (7, None)):
        with pytest.raises(UnreadableMessage) as refused:
            read_message(GOOD | {"request_id": request_id, "priority": "urgent"})
        assert refused.value.request_id == told


@pytest.mark.parametrize(
    "payload",
    [
        [{"callback_url": "https://ana:s3cr3t@example.com/"}],
        json.dumps(GOOD | {"token": "s3cr3t"}),
        GOOD | {"requested_by": {"name": "ana", "password": "s3cr3t"}},
        GOOD | {"account": "https://ana:s3cr3t@example.com/"},
        GOOD | {"document_ids": [{"id": "501", "token": "s3cr3t"}]},
    ],
)
def test_what_may_hold_a_secret_is_described_and_not_repeated(payload: object) -> None:
    refusal = read_or_refuse(payload)
    assert isinstance(refusal, str)
    assert "s3cr3t" not in refusal


def test_the_problems_can_be_had_one_by_one() -> None:
    with pytest.raises(UnreadableMessage) as refused:
        read_message(GOOD | {"priority": "urgent", "document_ids": ["501", "5/1"]})
    assert [(problem.field, problem.value) for problem in refused.value.problems] == [
        ("document_ids[1]", "'5/1'"),
        ("priority", "'urgent'"),
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": str(uuid.UUID(int=8))},
        {"requested_by": "the same cron job, on another host"},
        {"not_before": None, "priority": "normal"},
        {"document_ids": [501]},
        {"validate": True},
    ],
)
def test_the_same_work_has_the_same_fingerprint(change: dict[str, Any]) -> None:
    assert read_message(GOOD | change).fingerprint() == read_message(GOOD).fingerprint()


@pytest.mark.parametrize(
    "change",
    [
        {"document_ids": ["502"]},
        {"account": "acme"},
        {"kind": "credit_note"},
        {"priority": "high"},
        {"force": {"reason": "again"}},
        {"not_before": "2026-03-02T09:00:00-05:00"},
        {"validate": False},
    ],
)
def test_other_work_has_another_fingerprint(change: dict[str, Any]) -> None:
    assert read_message(GOOD | change).fingerprint() != read_message(GOOD).fingerprint()


def test_one_instant_in_two_time_zones_has_one_fingerprint() -> None:
    bogota, utc = "2026-03-02T09:00:00-05:00", "2026-03-02T14:00:00Z"
    assert (
        read_message(GOOD | {"not_before": bogota}).fingerprint()
        == read_message(GOOD | {"not_before": utc}).fingerprint()
    )
