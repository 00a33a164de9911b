"""Old messages kept as JSON: today's worker must still read them, and refuse the bad ones in the same words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from timbre_producers import EmitRequest, Force, Priority, UnreadableMessage, read_message

HERE = Path(__file__).parent
READABLE = sorted((HERE / "messages").glob("v1_*.json"), key=str)
UNREADABLE = sorted((HERE / "unreadable").glob("*.json"), key=str)


def load(name: str) -> EmitRequest:
    return read_message(json.loads((HERE / "messages" / f"{name}.json").read_text()))


@pytest.mark.parametrize("path", READABLE, ids=lambda path: path.stem)
def test_a_message_of_version_1_is_still_read(path: Path) -> None:
    message = json.loads(path.read_text())
    request = read_message(message)
    assert request == read_message([message], {})
    assert request == read_message(request.model_dump(mode="json"))


def test_a_minimal_message_asks_for_an_invoice_as_usual() -> None:
    request = load("v1_minimal")
    assert (request.account, request.kind, request.document_ids) == ("default", "invoice", ("501",))
    assert (request.priority, request.not_before, request.force, request.callback_url) == (
        Priority.NORMAL,
        None,
        None,
        None,
    )


def test_a_message_without_version_is_of_version_1_and_names_each_document_once() -> None:
    request = load("v1_without_version")
    assert (request.version, request.document_ids) == (1, ("501", "502"))


def test_a_message_says_that_it_is_validated_only_when_it_is_not() -> None:
    """Workers of before the field refuse what they do not know: what every request says must stay as it was."""
    assert load("v1_minimal").preflight
    assert "validate" not in load("v1_minimal").model_dump(mode="json")
    explicit = read_message(load("v1_minimal").model_dump(mode="json") | {"validate": True})
    assert explicit.model_dump_json() == load("v1_minimal").model_dump_json()
    refused = load("v1_without_preflight")
    assert not refused.preflight
    assert refused.model_dump(mode="json")["validate"] is False


def test_a_message_says_that_its_clients_get_an_email_only_when_they_do() -> None:
    assert not load("v1_minimal").email
    assert "email" not in load("v1_minimal").model_dump(mode="json")
    explicit = read_message(load("v1_minimal").model_dump(mode="json") | {"email": False})
    assert explicit.fingerprint() == load("v1_minimal").fingerprint()
    assert load("v1_with_email").email
    assert load("v1_with_email").model_dump(mode="json")["email"] is True


def test_every_field_of_a_full_message_is_understood() -> None:
    request = load("v1_full")
    assert request.model_dump(mode="json") == {
        "version": 1,
        "request_id": "0b6f7f0e-6d0c-4c39-9b7e-5a8f3f4f6a03",
        "account": "acme",
        "kind": "credit_note",
        "document_ids": ["501", "0198c4a1-77aa-7c3e-9d1f-2b6a5c4d3e2f"],
        "requested_by": "ana@store/checkout",
        "priority": "high",
        "not_before": "2026-03-02T14:00:00+00:00",
        "force": {"reason": "the certificate was renewed"},
        "callback_url": "https://billing.example.com/timbre?order=7",
    }
    assert request.force == Force(reason="the certificate was renewed")


def test_ids_written_as_numbers_are_the_ids_of_their_digits() -> None:
    assert load("v1_ids_as_numbers").document_ids == ("501", "502", "503")


@pytest.mark.parametrize("path", UNREADABLE, ids=lambda path: path.stem)
def test_a_message_that_cannot_be_read_is_refused_in_these_words(path: Path) -> None:
    bad = json.loads(path.read_text())
    with pytest.raises(UnreadableMessage) as refused:
        read_message(bad["message"])
    assert str(refused.value) == bad["sentence"]


def test_a_secret_in_an_unreadable_message_is_not_repeated() -> None:
    sentences = [json.loads(path.read_text())["sentence"] for path in UNREADABLE]
    assert not [sentence for sentence in sentences if "s3cr3t" in sentence]
