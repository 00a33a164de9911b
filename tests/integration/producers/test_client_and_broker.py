"""The client against a real broker: what arrives, what a dead one looks like, and what repeating a call does."""

from __future__ import annotations

import os
import socket
import threading
import traceback
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from redis import Redis

from tests.integration.producers.intake_queue import creation_in, request_in, taken_from
from tests.support.servers import ValkeyServer, free_port
from timbre_producers import BrokerUnreachable, EmissionClient, EmitRequest

pytestmark = pytest.mark.timeout(20)
"""What must end within a second would otherwise hang here."""

CALL = uuid.UUID("0b6f7f0e-6d0c-4c39-9b7e-5a8f3f4f6a01")


def test_a_request_arrives_as_the_contract_says(redis_url: str) -> None:
    with EmissionClient(redis_url) as client:
        receipt = client.emit(["501", 502, "501"], account="acme", priority="high", force_reason="certificate renewed")
    (message,) = taken_from(redis_url)
    request = request_in(message)
    assert (request.request_id, request.document_ids) == (receipt.request_id, ("501", "502"))
    assert (request.account, request.kind, request.priority) == ("acme", "invoice", "high")
    assert request.force is not None
    assert (receipt.request_ids, receipt.document_ids) == ((receipt.request_id,), ("501", "502"))


def test_flower_shows_account_kind_ids_and_priority(redis_url: str) -> None:
    with EmissionClient(redis_url) as client:
        client.emit(["501", "502"], account="acme")
        client.emit(range(1000), priority="high")
    few, many = taken_from(redis_url)
    assert few["headers"]["task"] == "timbre.emit"
    assert few["headers"]["argsrepr"] == "acme invoice [501, 502] normal"
    assert many["headers"]["argsrepr"].startswith("default invoice [0, 1, 2, ")
    assert many["headers"]["argsrepr"].endswith(", 29, … 1000 in all] high")


def test_more_than_a_thousand_ids_travel_as_several_messages(redis_url: str) -> None:
    with EmissionClient(redis_url) as client:
        receipt = client.emit(range(2500), request_id=CALL)
    requests = [request_in(message) for message in taken_from(redis_url)]
    assert [len(request.document_ids) for request in requests] == [1000, 1000, 500]
    assert [request.request_id for request in requests] == list(receipt.request_ids)
    assert len({CALL, *receipt.request_ids}) == 4
    assert receipt.document_ids == tuple(map(str, range(2500)))


def test_repeating_a_call_repeats_its_messages(redis_url: str) -> None:
    with EmissionClient(redis_url) as client:
        receipts = [client.emit(range(1001), request_id=CALL) for _ in range(2)]
    fingerprints = [(request.request_id, request.fingerprint()) for request in map(request_in, taken_from(redis_url))]
    assert receipts[0] == receipts[1]
    assert fingerprints[:2] == fingerprints[2:]


def test_threads_share_a_client(redis_url: str) -> None:
    failures: list[Exception] = []

    def ask(client: EmissionClient, number: int) -> None:
        try:
            for document in range(20):
                client.emit([number * 100 + document])
        except Exception as error:  # noqa: BLE001 - told by the test's thread
            failures.append(error)

    with EmissionClient(redis_url) as client:
        threads = [threading.Thread(target=ask, args=(client, number)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len({request_in(message).document_ids for message in taken_from(redis_url)}) == 160


def test_calls_one_after_the_other_share_a_connection(redis_url: str) -> None:
    with EmissionClient(redis_url) as client, Redis.from_url(redis_url) as watcher:
        client.emit(["1"])
        before = watcher.info("stats")["total_connections_received"]
        for number in range(20):
            client.emit([number])
        assert watcher.info("stats")["total_connections_received"] == before


def test_a_closed_client_may_be_used_again(redis_url: str) -> None:
    client = EmissionClient(redis_url)
    client.emit(["1"])
    client.close()
    client.emit(["2"])
    client.close()
    assert len(taken_from(redis_url)) == 2


def test_a_forked_process_opens_connections_of_its_own(redis_url: str) -> None:
    with EmissionClient(redis_url) as client:
        client.emit(["1"])
        celery = client._celery()
        client._pid = os.getpid() + 1
        client.emit(["2"])
        assert client._celery() is not celery
        celery.close()
    assert len(taken_from(redis_url)) == 2


@contextmanager
def a_port_where_nobody_answers() -> Iterator[int]:
    """Connections are accepted by the system and then nothing comes, as from a frozen broker."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["redis://:geheim@", "amqp://timbre:geheim@"])
@pytest.mark.parametrize("silent", [False, True], ids=["refused", "silent"])
def test_a_broker_that_is_away_is_told_within_the_timeout(scheme: str, silent: bool) -> None:
    with a_port_where_nobody_answers() as silent_port:
        port = silent_port if silent else free_port()
        with EmissionClient(f"{scheme}127.0.0.1:{port}//") as client, pytest.raises(BrokerUnreachable) as away:
            client.emit(["501"], request_id=CALL)
    error = away.value
    assert str(error).startswith(f"the broker at {client._address} did not take the request")
    assert f"Repeat the call with request_id='{CALL}'" in str(error)
    assert (error.request_id, error.sent) == (CALL, ())
    assert "geheim" not in "".join(traceback.format_exception(error)) + repr(error)


def test_a_password_the_broker_refuses_is_told_without_it() -> None:
    server = ValkeyServer(password="richtig")
    try:
        server.start()
        with (
            EmissionClient(server.url.replace("richtig", "geheim")) as client,
            pytest.raises(BrokerUnreachable) as away,
        ):
            client.emit(["501"])
    finally:
        server.close()
    assert "geheim" not in "".join(traceback.format_exception(away.value))


def test_a_broker_that_came_back_is_used_again(own_valkey: ValkeyServer) -> None:
    with EmissionClient(own_valkey.url) as client:
        client.emit(["1"])
        own_valkey.kill()
        with pytest.raises(BrokerUnreachable):
            client.emit(["2"])
        own_valkey.start()
        client.emit(["3"])
    assert [request_in(message).document_ids for message in taken_from(own_valkey.url)] == [("1",), ("3",)]


def test_a_broker_restarted_between_two_calls_goes_unnoticed(own_valkey: ValkeyServer) -> None:
    with EmissionClient(own_valkey.url) as client:
        client.emit(["1"])
        own_valkey.restart()
        client.emit(["2"])
    assert len(taken_from(own_valkey.url)) == 2


def test_a_frozen_broker_is_told_and_works_again_when_thawed(own_valkey: ValkeyServer) -> None:
    with EmissionClient(own_valkey.url) as client:
        client.emit(["1"])
        own_valkey.freeze()
        with pytest.raises(BrokerUnreachable):
            client.emit(["2"])
        own_valkey.thaw()
        client.emit(["3"])
    assert [request_in(message).document_ids for message in taken_from(own_valkey.url)][-1] == ("3",)


def test_a_broker_that_refuses_to_write_is_told_with_its_reason(own_valkey: ValkeyServer) -> None:
    with own_valkey.client() as operator, EmissionClient(own_valkey.url) as client:
        operator.config_set("maxmemory", "1")
        with pytest.raises(BrokerUnreachable, match="maxmemory"):
            client.emit(["1"])


def test_a_broker_that_dies_half_way_leaves_a_call_that_may_be_repeated(
    own_valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with EmissionClient(own_valkey.url) as client:
        publish = client._publish

        def dies_before_the_second(message: EmitRequest, **where: Any) -> None:
            if message.document_ids[0] == "1000" and own_valkey.running:
                own_valkey.kill()
            publish(message, **where)

        monkeypatch.setattr(client, "_publish", dies_before_the_second)
        with pytest.raises(BrokerUnreachable, match="parts 1 to 1 of 3 were sent") as away:
            client.emit(range(2500))
        monkeypatch.undo()
        own_valkey.start()
        receipt = client.emit(range(2500), request_id=away.value.request_id)
    assert away.value.sent == receipt.parts[:1]
    arrived = [request_in(message).request_id for message in taken_from(own_valkey.url)]
    assert arrived == [receipt.request_ids[0], *receipt.request_ids]


def test_documents_to_be_created_arrive_and_flower_shows_their_references_and_no_body(redis_url: str) -> None:
    body = {"client": {"id": "77"}, "observations": "for Ana"}
    with EmissionClient(redis_url) as client:
        receipt = client.create([{"reference": "INV-1", "body": body}], account="acme", emit=True)
    (message,) = taken_from(redis_url)
    request = creation_in(message)
    assert (request.request_id, request.references, request.emit) == (receipt.request_id, ("INV-1",), True)
    assert request.documents[0].body == body
    assert message["headers"]["task"] == "timbre.create"
    assert message["headers"]["argsrepr"] == "acme invoice [INV-1] normal"
