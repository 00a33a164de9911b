"""What the client refuses before anything leaves: the sentence names field, value and remedy."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest

from timbre_producers import EmissionClient, EmissionError, InvalidRequest
from timbre_producers.calls import this_program

NOWHERE = "redis://127.0.0.1:1/0"
"""Nobody listens there: whatever raises `InvalidRequest` did not try to send."""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"ids": []}, r"document_ids cannot be \[\]: send a list of 1 to 1000"),
        ({"ids": "501"}, "document_ids cannot be '501': send a list"),
        ({"ids": 501}, "document_ids cannot be 501: send a list"),
        ({"ids": ["501", "F 7"]}, r"document_ids\[1\] cannot be 'F 7': send a list"),
        ({"ids": [*map(str, range(1500)), "F 7"]}, r"document_ids\[1500\] cannot be 'F 7'"),
        ({"ids": [True]}, r"document_ids\[0\] cannot be true"),
        ({"account": "Acme S.A."}, "account cannot be 'Acme S.A.': use a name of the accounts file"),
        ({"kind": "Factura"}, "kind cannot be 'Factura': use the kind's name in small letters"),
        ({"request_id": "order-7"}, "request_id cannot be 'order-7': send a UUID"),
        ({"priority": "urgent"}, "priority cannot be 'urgent': use normal or high"),
        ({"not_before": "2026-03-02T09:00:00"}, "not_before cannot be .*: write an ISO date and time with its zone"),
        ({"force_reason": ""}, "force.reason cannot be ''"),
        ({"requested_by": ""}, "requested_by cannot be '': say who asks"),
        ({"requested_by": "ana\u2028bob"}, r"requested_by cannot be 'ana\\u2028bob': say who asks, in one line"),
        ({"callback_url": "ftp://x"}, "callback_url cannot be accepted as it is: send an http or https address"),
    ],
)
def test_a_wrong_argument_is_refused_with_field_value_and_remedy(arguments: dict[str, Any], sentence: str) -> None:
    with EmissionClient(NOWHERE) as client, pytest.raises(InvalidRequest, match=sentence):
        client.emit(**{"ids": ["501"]} | arguments)


def test_a_refusal_is_both_an_emission_error_and_a_value_error() -> None:
    with EmissionClient(NOWHERE) as client, pytest.raises(EmissionError) as refused:
        client.emit([])
    assert isinstance(refused.value, ValueError)


@pytest.mark.parametrize("url", ["", "localhost", "localhost:6379", "redsi://localhost:6379", "://"])
def test_an_address_no_broker_can_have_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidRequest, match=r"broker_url cannot be .*: use for example redis://"):
        EmissionClient(url)


@pytest.mark.parametrize("url", ["redsi://user:geheim@localhost/0", "redis://user:ge?heim=@localhost/0"])
def test_the_password_is_in_no_refusal(url: str) -> None:
    """The second address is what becomes of a password that nobody escaped."""
    with pytest.raises(InvalidRequest) as refused:
        EmissionClient(url)
    assert "heim" not in str(refused.value)


def test_the_password_is_in_no_picture_of_the_client() -> None:
    client = EmissionClient("redis://user:geh%40eim@localhost:6379/0")
    assert repr(client) == "EmissionClient('redis://localhost:6379/0')"


def test_who_asks_is_by_default_this_user_host_and_program() -> None:
    user, _, rest = this_program().partition("@")
    host, _, program = rest.rpartition("/")
    assert all([user, host, program])


def test_a_process_whose_user_has_no_name_can_ask_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.setattr("getpass.getuser", nobody)
    assert this_program().startswith("unknown@")


def test_times_and_ids_may_be_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    client = EmissionClient(NOWHERE)
    monkeypatch.setattr(client, "_send", sent.append)
    client.emit(
        (number for number in (501, 502)), request_id=uuid.UUID(int=7), not_before=datetime(2026, 3, 2, tzinfo=UTC)
    )
    assert sent[0].model_dump(mode="json", include={"document_ids", "not_before", "request_id"}) == {
        "document_ids": ["501", "502"],
        "not_before": "2026-03-02T00:00:00+00:00",
        "request_id": str(uuid.UUID(int=7)),
    }


def test_a_set_is_split_the_same_way_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    client = EmissionClient(NOWHERE)
    monkeypatch.setattr(client, "_send", lambda message: None)
    ids = [str(number) for number in range(2500)]
    receipts = [client.emit(set(order), request_id=uuid.UUID(int=7)) for order in (ids, reversed(ids))]
    assert receipts[0] == receipts[1]
