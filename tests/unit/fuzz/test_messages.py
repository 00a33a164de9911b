"""Whatever a producer sends: a request that travels unchanged, or a refusal that says field, value and remedy."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.fuzz.cases import cases
from tests.unit.fuzz.damage import any_json, odd_texts
from tests.unit.fuzz.messages import FIELDS, MESSAGE, SECRET, calls, messages
from timbre_producers import (
    MAX_IDS_PER_MESSAGE,
    EmissionClient,
    EmitRequest,
    FieldProblem,
    InvalidRequest,
    UnreadableMessage,
    read_message,
)
from timbre_producers.addresses import without_credentials

NOWHERE = "redis://127.0.0.1:1/0"
LONGEST_SENTENCE = 1500


@given(messages)
@cases(700)
def test_any_message_is_a_request_that_travels_unchanged_or_a_sentence(message: Any) -> None:
    try:
        request = read_message(message)
    except UnreadableMessage as refused:
        look_at(str(refused))
        look_at_each(refused.problems)
        look_at_id(refused.request_id)
    else:
        look_at_request(request)


@given(calls)
@cases(400)
def test_any_call_of_the_task_is_a_request_or_a_sentence(call: tuple[list[Any], dict[str, Any]]) -> None:
    try:
        look_at_request(read_message(*call))
    except UnreadableMessage as refused:
        look_at(str(refused))


arguments = st.fixed_dictionaries(
    {"ids": st.lists(st.sampled_from(["501", 502, " 503 ", "5/1", True, 1.5, None, "x" * 37]), max_size=5) | any_json},
    optional={
        "account": st.sampled_from(["acme", "a b", "", None, 7]) | odd_texts,
        "kind": st.sampled_from(["invoice", "Invoice", None]) | odd_texts,
        "request_id": st.uuids() | st.sampled_from([str(uuid.UUID(int=7)), "7", "", 7]) | odd_texts,
        "priority": st.sampled_from(["normal", "high", "HIGH", None]) | odd_texts,
        "not_before": st.datetimes(timezones=st.none() | st.just(UTC)) | odd_texts | any_json,
        "force_reason": st.sampled_from(["abc", "ab", "a\nb", "x" * 501]) | any_json,
        "requested_by": st.sampled_from(["me", "", "x" * 121, "a\x00b"]) | any_json,
        "callback_url": st.sampled_from([f"https://a:{SECRET}@h/", "https://h/", "h"]) | any_json,
        "validate": st.booleans() | any_json,
        "email": st.booleans() | any_json,
    },
)


@given(arguments)
@example({"ids": ["501"], "request_id": ""})
@cases(500)
def test_any_arguments_of_the_client_are_sent_as_they_were_meant_or_refused(given_: dict[str, Any]) -> None:
    sent: list[EmitRequest] = []
    try:
        with patch.object(EmissionClient, "_send", lambda _, message: sent.append(message)):
            receipt = EmissionClient(NOWHERE).emit(**given_)
    except InvalidRequest as refused:
        look_at(str(refused))
        look_at_each(refused.problems)
        return
    asked = [str(each).strip() for each in given_["ids"]]
    assert list(receipt.document_ids) == list(dict.fromkeys(asked))
    assert [part.request_id for part in receipt.parts] == [message.request_id for message in sent]
    for message in sent:
        look_at_request(message)
    assert all(message.preflight == given_.get("validate", True) for message in sent)
    assert all(message.email == given_.get("email", False) for message in sent)
    if given_.get("force_reason") is not None:
        assert all(message.force is not None for message in sent), "an attempt to force was dropped in silence"


urls = st.one_of(
    st.builds(
        "{}://{}:{}@{}".format,
        st.sampled_from(["redis", "rediss", "amqp", "sentinel", "redsi", "", "http", "memory", "sqs"]),
        st.sampled_from(["ana", "", "a@b", "a:b"]),
        st.sampled_from([SECRET, f"{SECRET}/", f"{SECRET}?x", f"{SECRET}#", f"@{SECRET}", f"{SECRET}%", f"[{SECRET}"]),
        st.sampled_from(["h/0", "h:6379/0", "h:port/0", "[::1/0", "h//", "", "h/0?x=@", "h;redis://h2", "h:99999/0"]),
    ),
    odd_texts,
    st.text(max_size=20),
)


@given(urls)
@cases(400)
def test_any_address_makes_a_client_or_is_refused_and_no_password_is_shown(url: str) -> None:
    try:
        shown = repr(EmissionClient(url))
    except InvalidRequest as refused:
        shown = str(refused)
        look_at(shown)
    assert SECRET not in shown
    assert SECRET not in without_credentials(url)


@pytest.mark.parametrize("count", [MAX_IDS_PER_MESSAGE, MAX_IDS_PER_MESSAGE + 1])
def test_the_message_that_is_damaged_here_is_accepted_when_it_is_not(count: int) -> None:
    """Otherwise the fuzzing above would only ever reach the first check."""
    assert read_message(dict(MESSAGE)).not_before == datetime(2026, 3, 2, 14, tzinfo=UTC)
    ids = [str(number) for number in range(count)]
    if count <= MAX_IDS_PER_MESSAGE:
        assert len(read_message({**MESSAGE, "document_ids": ids}).document_ids) == count
    else:
        with pytest.raises(UnreadableMessage, match="has 1001 entries"):
            read_message({**MESSAGE, "document_ids": ids})


def look_at_request(request: EmitRequest) -> None:
    """An accepted request reads the same after its way over the broker, fits the tables, and can be shown."""
    again = read_message(json.loads(request.model_dump_json()))
    assert again == request
    assert again.fingerprint() == request.fingerprint()
    assert 1 <= len(request.document_ids) <= MAX_IDS_PER_MESSAGE
    assert len(set(request.document_ids)) == len(request.document_ids)
    assert all(re.fullmatch(r"[0-9A-Za-z-]{1,36}", each) for each in request.document_ids)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", request.account)
    assert re.fullmatch(r"[a-z][a-z_]{0,38}", request.kind)
    texts = [request.requested_by, *([request.force.reason] if request.force else [])]
    for text in texts:
        assert text.encode(), "neither empty nor half a character"
        assert text == text.strip()
        assert len(text.splitlines()) == 1
        assert "\x00" not in text
    assert len(request.requested_by) <= 120
    assert request.not_before is None or request.not_before.tzinfo is UTC
    if request.callback_url is not None:
        assert request.callback_url.username is None
        assert request.callback_url.password is None


def look_at(sentence: str) -> None:
    """A refusal is one line, of bounded length, that any log and table can hold, and gives no secret away."""
    assert 10 < len(sentence) <= LONGEST_SENTENCE
    assert len(sentence.splitlines()) == 1
    assert sentence.encode()
    assert "\x00" not in sentence
    assert "\x1b" not in sentence
    assert SECRET not in sentence
    assert ": " in sentence, "what is wrong, then what to do"


def look_at_each(problems: Sequence[FieldProblem]) -> None:
    for problem in problems:
        assert problem.what
        assert problem.remedy
        field = re.split(r"[.\[]", problem.field)[0]
        assert field in {*FIELDS, "the message"} or "is not a field" in problem.what
        assert problem.value is None or len(problem.value) < 400


def look_at_id(request_id: str | None) -> None:
    assert request_id is None or str(uuid.UUID(request_id)) == request_id
