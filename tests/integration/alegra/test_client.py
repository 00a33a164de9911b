"""The HTTP client against real sockets: what never left is told apart from what may have taken effect."""

from __future__ import annotations

import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from tests.integration.alegra.raw_server import (
    BROKEN,
    Conversation,
    drips,
    http,
    raw_server,
    resets,
    says,
    sends,
    silent,
)
from tests.support.budget import NotedBudget
from worker.alegra import client as client_module
from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient, Answer
from worker.alegra.errors import AlegraError, AnswerLost, BrokenRequest, NotSent
from worker.alegra.rates import RateSeen

PATIENT = timedelta(seconds=20)
BRIEF = timedelta(seconds=0.4)


def access(url: str, patience: timedelta = PATIENT, token: str = "token-of-acme", name: str = "acme") -> AccountAccess:
    return AccountAccess(
        name, f"{url}/api/v1/", "a@example.test", SecretStr(token), stamp_timeout=patience, read_timeout=patience
    )


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(seconds=30)


@pytest.fixture(scope="module")
def client() -> Iterator[AlegraClient]:
    with AlegraClient(connections=4) as opened:
        yield opened


def stamped_by(client: AlegraClient, conversation: Conversation, patience: timedelta = PATIENT) -> Answer | AlegraError:
    """What a stamp call ends with when it is answered like this."""
    with raw_server(conversation) as server:
        try:
            return client.stamp(access(server.url, patience), "invoices", ["501", "502"], not_after=soon())
        except AlegraError as error:
            assert len(server.requests) == 1
            return error


def test_a_stamp_call_is_what_alegra_documents(client: AlegraClient) -> None:
    with raw_server(says(200, b'{"data":[]}')) as server:
        answer = client.stamp(access(server.url), "invoices", ["501", "502"], not_after=soon())
        head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert (answer.status, answer.body) == (200, b'{"data":[]}')
    assert head.startswith(b"POST /api/v1/invoices/stamp HTTP/1.1")
    assert json.loads(body) == {"ids": ["501", "502"]}
    headers = head.lower()
    assert b"authorization: basic yubleg" in headers
    assert b"content-type: application/json" in headers
    assert b"accept: application/json" in headers


def test_an_id_cannot_leave_its_place_in_the_path(client: AlegraClient) -> None:
    with raw_server(says(404)) as server:
        client.document(access(server.url), "invoices", "../x?y")
        assert server.requests[0].startswith(b"GET /api/v1/invoices/..%2Fx%3Fy HTTP/1.1")


@pytest.mark.parametrize("broken", BROKEN)
def test_once_the_request_has_left_a_broken_answer_is_an_answer_lost(client: AlegraClient, broken: str) -> None:
    assert isinstance(stamped_by(client, BROKEN[broken]), AnswerLost)


def test_a_silent_server_is_an_answer_lost(client: AlegraClient) -> None:
    error = stamped_by(client, silent, BRIEF)
    assert isinstance(error, AnswerLost)
    assert "ReadTimeout" in str(error)


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
        (http(200, b'{"data":[', length=10**6), b" "),
    ],
    ids=["headers", "body"],
)
def test_a_dripping_server_does_not_last_for_ever(client: AlegraClient, first: bytes, drop: bytes) -> None:
    """Each drop comes well within the read timeout; only the deadline of the whole exchange ends it."""
    over = threading.Event()
    error = stamped_by(client, drips(first, drop, over, every=0.05), BRIEF)
    over.set()
    assert isinstance(error, AnswerLost)


def test_an_answer_too_large_to_be_one_is_lost(client: AlegraClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LARGEST_BODY", 1000)
    assert isinstance(stamped_by(client, says(200, b"x" * 1001)), AnswerLost)
    zipped = says(200, gzip.compress(b"x" * 100_000), "Content-Encoding: gzip")
    assert isinstance(stamped_by(client, zipped), AnswerLost)
    whole = stamped_by(client, says(200, b"x" * 1000))
    assert isinstance(whole, Answer)


@pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 404, 429, 500, 503])
def test_every_status_is_an_answer_for_the_caller_to_read(client: AlegraClient, status: int) -> None:
    answer = stamped_by(client, says(status, b"{}", "Location: http://127.0.0.1:9/elsewhere"))
    assert isinstance(answer, Answer)
    assert answer.status == status


@pytest.mark.parametrize("status", [401, 429])
def test_a_status_that_comes_before_anything_is_looked_at_needs_no_body(client: AlegraClient, status: int) -> None:
    answer = stamped_by(client, sends(http(status, b'{"me', length=99)))
    assert isinstance(answer, Answer)
    assert answer.status == status


@pytest.mark.parametrize("status", [402, 403])
def test_a_refusal_that_may_go_on_to_name_documents_is_lost_when_it_is_cut_off(
    client: AlegraClient, status: int
) -> None:
    """The plan's limit may be reached in the middle of a batch: what is missing could say that some were emitted."""
    cut = b'{"error":[{"id":"502","code":900}],"data":[{"id":"501","succ'
    assert isinstance(stamped_by(client, sends(http(status, cut, length=999))), AnswerLost)


def test_nobody_listening_means_not_sent(client: AlegraClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(NotSent):
        client.stamp(access(url), "invoices", ["501"], not_after=soon())


def test_a_server_that_speaks_no_tls_means_not_sent(client: AlegraClient) -> None:
    with raw_server(sends(b"")) as server, pytest.raises(NotSent):
        client.stamp(access(server.url.replace("http", "https"), BRIEF), "invoices", ["501"], not_after=soon())


def test_a_name_that_does_not_resolve_means_not_sent(client: AlegraClient) -> None:
    with pytest.raises(NotSent):
        client.stamp(access("http://alegra.invalid"), "invoices", ["501"], not_after=soon())


def test_no_free_connection_means_not_sent() -> None:
    """The pool's place is taken by a call that is still waiting for its answer."""
    arrived, over = threading.Event(), threading.Event()

    def wait(connection: socket.socket) -> None:
        arrived.set()
        over.wait(10)
        connection.sendall(http(200, b"{}"))

    with AlegraClient(connections=1) as client, raw_server(wait) as server, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.company, access(server.url))
        assert arrived.wait(10)
        with pytest.raises(NotSent, match="PoolTimeout"):
            client.stamp(access(server.url, BRIEF), "invoices", ["501"], not_after=soon())
        assert len(server.requests) == 1
        over.set()
        assert first.result().status == 200


class Times:
    """A clock that a test turns."""

    def __init__(self, *moments: datetime) -> None:
        self._moments = list(moments)

    def __call__(self) -> datetime:
        return self._moments.pop(0) if len(self._moments) > 1 else self._moments[0]


START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_past_its_last_instant_not_a_byte_is_sent() -> None:
    """A worker frozen between its intent and its call wakes up too late."""
    frozen = Times(START, START + timedelta(seconds=31))
    with AlegraClient(connections=1, now=frozen) as client, raw_server(says(200, b"{}")) as server:
        with pytest.raises(NotSent, match="time to be sent"):
            client.stamp(access(server.url), "invoices", ["501"], not_after=START + timedelta(seconds=30))
        assert server.requests == []
        assert client.company(access(server.url)).status == 200


def test_a_wall_clock_that_was_set_back_does_not_allow_a_late_call() -> None:
    back = Times(START, START - timedelta(hours=1))
    with AlegraClient(connections=1, now=back) as client, raw_server(says(200, b"{}")) as server:
        with pytest.raises(NotSent):
            client.stamp(access(server.url), "invoices", ["501"], not_after=START)
        assert server.requests == []


def test_a_connection_is_used_again_and_its_calls_are_watched_like_the_first(client: AlegraClient) -> None:
    with raw_server(says(200, b"{}"), says(200, b"{}"), resets()) as server:
        for _ in range(2):
            assert client.stamp(access(server.url), "invoices", ["501"], not_after=soon()).status == 200
        with pytest.raises(AnswerLost):
            client.stamp(access(server.url), "invoices", ["501"], not_after=soon())
        with pytest.raises(NotSent):
            client.stamp(access(server.url), "invoices", ["501"], not_after=datetime.now(UTC) - PATIENT)
        assert len(server.requests) == 3


def test_no_call_is_ever_repeated_by_the_client(client: AlegraClient) -> None:
    with raw_server(says(503), says(200)) as server:
        assert client.stamp(access(server.url), "invoices", ["501"], not_after=soon()).status == 503
        assert len(server.requests) == 1


@pytest.mark.parametrize("url", ["ftp://alegra.test", "alegra.test", "http://"])
def test_an_impossible_address_is_a_bug_and_no_outcome(client: AlegraClient, url: str) -> None:
    with pytest.raises(BrokenRequest):
        client.company(access(url))


def test_the_quota_of_every_answer_is_reported() -> None:
    budget = NotedBudget()
    quota = ("X-Rate-Limit-Limit: 150", "X-Rate-Limit-Remaining: 7", "X-Rate-Limit-Reset: 42")
    cut_off = sends(http(200, b"", *quota, length=9))
    with (
        AlegraClient(connections=1, budget=budget) as client,
        raw_server(says(200, b"{}", *quota), says(429, b"", "Retry-After: 9"), cut_off) as server,
    ):
        client.company(access(server.url))
        client.company(access(server.url, name="other"))
        with pytest.raises(AnswerLost):
            client.company(access(server.url))
    full = RateSeen(150, 7, timedelta(seconds=42))
    assert budget.seen == [
        ("acme", full),
        ("other", RateSeen(retry_after=timedelta(seconds=9), throttled=True)),
        ("acme", full),
    ]


def test_an_answer_is_as_old_as_its_request_not_as_its_connection() -> None:
    """What Alegra says of the quota was true when the request arrived; a stamp call's answer comes seconds later."""
    budget = NotedBudget()

    def answers_late(connection: socket.socket) -> None:
        time.sleep(0.2)
        connection.sendall(http(200, b"{}"))

    with AlegraClient(connections=1, budget=budget) as client, raw_server(answers_late) as server:
        began = time.monotonic()
        client.company(access(server.url))
        lasted = timedelta(seconds=time.monotonic() - began)
    assert timedelta(seconds=0.2) <= budget.ages[0] <= lasted


def test_the_permit_of_a_request_that_never_left_is_given_back() -> None:
    budget = NotedBudget()
    with AlegraClient(connections=1, budget=budget) as client, raw_server(says(503)) as server:
        for nobody in ("http://127.0.0.1:9", "http://127.0.0.1:9"):
            with pytest.raises(NotSent):
                client.company(access(nobody))
        with pytest.raises(NotSent):
            client.stamp(access(server.url), "invoices", ["501"], not_after=datetime.now(UTC) - PATIENT)
        client.company(access(server.url))
    assert budget.given_back == [("acme", 1, "read"), ("acme", 1, "read"), ("acme", 1, "stamp")]
    assert len(budget.seen) == 1


def test_a_request_whose_answer_was_lost_keeps_its_permit() -> None:
    budget = NotedBudget()
    with (
        AlegraClient(connections=1, budget=budget) as client,
        raw_server(resets()) as server,
        pytest.raises(AnswerLost),
    ):
        client.company(access(server.url))
    assert (budget.given_back, budget.seen) == ([], [])


def test_an_answer_survives_an_observer_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    class Down(NotedBudget):
        def observe(self, account: str, seen: RateSeen, /, *, age: timedelta) -> None:
            raise ConnectionError("redis is down")

    with (
        caplog.at_level(logging.WARNING),
        AlegraClient(connections=1, budget=Down()) as client,
        raw_server(says(200, b"{}")) as server,
    ):
        assert client.company(access(server.url)).status == 200
    assert "rate_not_observed" in caplog.text


def test_no_cookie_travels_from_one_account_to_another(client: AlegraClient) -> None:
    with raw_server(says(200, b"{}", "Set-Cookie: session=acme; Path=/")) as server:
        client.company(access(server.url))
        client.company(access(server.url, token="token-of-other", name="other"))
        assert b"cookie" not in server.requests[1].lower()
        assert server.requests[0] != server.requests[1]


def test_threads_share_one_client_and_keep_their_own_deadlines(client: AlegraClient) -> None:
    over = threading.Event()

    def by_path(connection: socket.socket) -> None:
        if b"/slow" in server.requests[-1]:
            over.wait(5)
        connection.sendall(http(200, b"{}"))

    def call(resource: str, patience: timedelta) -> Any:
        try:
            return client.documents(access(server.url, patience), resource, {"limit": 30}).status
        except AlegraError as error:
            return type(error)

    with raw_server(by_path) as server, ThreadPoolExecutor(2) as pool:
        slow = pool.submit(call, "slow", BRIEF)
        quick = [pool.submit(call, "quick", PATIENT).result() for _ in range(3)]
        assert slow.result() is AnswerLost
        over.set()
    assert quick == [200, 200, 200]
