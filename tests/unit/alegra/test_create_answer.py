"""Reading the answer to a creation: the document, a proof that there is none, or a doubt; never a guess."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.alegra.create_answer import read_create_answer
from worker.alegra.kinds import SHAPES
from worker.creation.outcomes import Created, CreateOutcome, InDoubt, Invalid
from worker.emission.outcomes import Deferred, Refused

INVOICE = {"id": "501", "status": "draft", "observations": "x\n[ref INV-1]"}
FAILED = {"code": 3051, "message": "itemDetails.0.taxes – missing required property"}

scalars = st.none() | st.booleans() | st.integers() | st.text()
any_json = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)
likely = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from(["501", 501, "", None]),
        "code": st.sampled_from([3051, "3051", 2031, 900, 3246, 200, ""]),
        "message": st.sampled_from(["Service Unavailable", "El cliente no es válido", ""]),
        "error": st.sampled_from(["no", [FAILED], {"code": 3051}]),
        "invoice": st.sampled_from([INVOICE, {"id": "502"}, None]),
    },
)
statuses = st.sampled_from(
    [200, 201, 202, 204, 301, 400, 401, 402, 403, 404, 405, 408, 409, 413, 422, 425, 429, 500, 503]
)


def read(status: int, value: Any, kind: str = "invoice") -> CreateOutcome:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    return read_create_answer(status, body, SHAPES[kind], "INV-1", retry_in=timedelta(seconds=3)).outcome


@pytest.mark.parametrize("value", [INVOICE, [INVOICE], {"invoice": INVOICE}])
def test_a_success_that_shows_the_document_is_one(value: Any) -> None:
    assert read(201, value) == Created("501", marked=True)


def test_a_document_without_our_reference_is_taken_and_told() -> None:
    assert read(201, {"id": 501}) == Created("501", marked=False)


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (201, b""),
        (200, b"<html>502</html>"),
        (201, b'{"id": "501", "status"'),
        (201, {"message": "created"}),
        (200, {"code": 400, "message": "no"}),
        (500, {"message": "Internal Server Error"}),
        (503, b"Service Unavailable"),
        (301, b""),
        (408, {"message": "timeout"}),
        (409, {"message": "conflict"}),
        (425, {"message": "too early"}),
        (400, b"<html>Bad Request</html>"),
        (404, b""),
        (400, {"message": "Service Unavailable"}),
        (400, {"code": 3246, "message": "ya está en proceso"}),
        (402, {"code": 907, "invoice": INVOICE}),
        (429, {"code": 429, "invoice": INVOICE}),
        (400, {"code": 2031, "invoice": INVOICE}),
    ],
    ids=str,
)
def test_whatever_does_not_say_what_was_done_is_a_doubt(status: int, value: Any) -> None:
    outcome = read(status, value)
    assert isinstance(outcome, InDoubt)
    assert not outcome.stamp_failed
    assert outcome.problem is None, "of a mere doubt the words are no verdict"


@pytest.mark.parametrize(
    "value",
    [
        FAILED,
        {"error": FAILED},
        {"error": [{"id": "501", **FAILED}]},
        {"code": 3051, "error": "no", "invoice": INVOICE},
        {"code": "3051", "error": "no", "id": "501", "status": "draft"},
    ],
)
@pytest.mark.parametrize("status", [200, 201, 400, 422])
def test_3051_in_any_shape_and_under_any_status_is_a_doubt_of_its_own(status: int, value: Any) -> None:
    outcome = read(status, value)
    assert isinstance(outcome, InDoubt)
    assert outcome.stamp_failed
    assert outcome.problem is not None
    assert outcome.problem.code == "3051"


def test_a_bill_shows_its_document_under_its_own_key() -> None:
    outcome = read(400, {"code": 3051, "error": "no", "bill": {"id": "31"}}, "support_document")
    assert isinstance(outcome, InDoubt)
    assert "31" in outcome.cause


@pytest.mark.parametrize(
    ("status", "value", "code"),
    [
        (400, {"code": 2031, "message": "kindOfPerson es obligatorio"}, "2031"),
        (413, b"Payload Too Large", "no_such_call"),
    ],
)
def test_a_refusal_of_the_body_proves_that_there_is_none(status: int, value: Any, code: str) -> None:
    outcome = read(status, value)
    assert isinstance(outcome, Invalid)
    assert outcome.problem.code == code


@pytest.mark.parametrize(
    ("status", "value"),
    [(401, b""), (402, {"code": 900, "message": "plan"}), (403, {"message": "no"}), (400, {"code": 907})],
)
def test_a_refusal_of_the_account_blames_no_document(status: int, value: Any) -> None:
    assert isinstance(read(status, value), Refused)


def test_429_says_how_long_to_wait() -> None:
    assert read(429, b"Too Many request(s)") == Deferred("429 Too Many request(s)", timedelta(seconds=3))


@given(statuses, st.binary(max_size=60) | (likely | any_json).map(lambda value: json.dumps(value).encode()))
@settings(max_examples=500, deadline=None)
def test_any_answer_is_read_and_nothing_that_shows_a_document_or_3051_ever_counts_as_nothing(
    status: int, body: bytes
) -> None:
    outcome = read(status, body)
    try:
        value = json.loads(body)
    except ValueError:
        value = None
    shows = isinstance(value, dict) and (str(value.get("id") or "").strip() == "501" or value.get("invoice"))
    if shows or (isinstance(value, dict) and str(value.get("code")) == "3051" and status not in {401, 402, 403, 429}):
        assert isinstance(outcome, Created | InDoubt)
    if isinstance(outcome, Created):
        assert 200 <= status < 300
    if isinstance(outcome, Invalid):
        assert 400 <= status < 500
        assert status not in {408, 409, 425, 429}
