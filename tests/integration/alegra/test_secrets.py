"""A canary token, over every way a call can fail: it is in no exception, no log line, no report."""

from __future__ import annotations

import base64
import logging
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from tests.integration.alegra.raw_server import BROKEN, Conversation, raw_server, says, sends, silent
from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient
from worker.alegra.invoicing import AlegraInvoicing
from worker.emission.kinds import KINDS
from worker.emission.ports import AlegraUnavailable, Grant

TOKEN = "canary0f1e2d3c4b5a69788796"
EMAIL = "canary-mail@example.test"
BASIC = base64.b64encode(f"{EMAIL}:{TOKEN}".encode()).decode()
CANARIES = (TOKEN, EMAIL, BASIC, base64.b64encode(TOKEN.encode()).decode())

ECHO = f'{{"message":"bad header Authorization: Basic {BASIC} of {EMAIL} with {TOKEN}","code":"{TOKEN}"}}'.encode()
ROW = f'{{"error":[{{"id":"501","code":3051,"message":"{TOKEN} {EMAIL}","emissionStatus":"{TOKEN}"}}]}}'.encode()

FAILURES: dict[str, Conversation] = {
    **BROKEN,
    "silent": silent,
    "echo as a protocol error": sends(f"HTTP/1.1 {TOKEN} {BASIC}\r\n\r\n".encode()),
    "echo as a reason": sends(f"HTTP/1.1 500 {TOKEN}\r\nX-Echo: {BASIC}\r\nContent-Length: 0\r\n\r\n".encode()),
    "echo as a header": sends(f"HTTP/1.1 200 OK\r\n{TOKEN} {EMAIL}\r\n\r\n".encode()),
    "echo in a row": says(400, ROW),
    "echo as a text": says(400, f"no such user {EMAIL} {TOKEN}".encode()),
    "echo as HTML": says(502, f"<html>{BASIC} {TOKEN}</html>".encode()),
    **{f"echo with {status}": says(status, ECHO) for status in (200, 302, 400, 401, 402, 403, 404, 405, 429, 500)},
}

ADDRESSES = {"nobody there": "http://127.0.0.1:9", "no such name": "http://alegra.invalid", "no scheme": "alegra.test"}


@pytest.fixture(scope="module")
def client() -> Iterator[AlegraClient]:
    with AlegraClient(connections=2) as opened:
        yield opened


def access(url: str) -> AccountAccess:
    patience = timedelta(seconds=0.4)
    return AccountAccess(
        "acme", f"{url}/api/v1", EMAIL, SecretStr(TOKEN), "CO", stamp_timeout=patience, read_timeout=patience
    )


def told(client: AlegraClient, url: str) -> str:
    """Everything an operator, a log or a crash report could show of these calls: reports, errors, frames, locals."""
    who = access(url)
    api = AlegraInvoicing(client, lambda _: who, permit=lambda _: Grant(1), remember_country=lambda *_: None)
    invoice = KINDS["invoice"]
    not_after = datetime.now(UTC) + timedelta(seconds=30)
    shown: list[str] = []
    for call in (
        lambda: api.stamp("acme", invoice, ["501", "502"], not_after=not_after),
        lambda: api.read("acme", invoice, ["501", "502"]),
        lambda: api.read("acme", invoice, ["501"]),
        lambda: api.drafts("acme", invoice),
        lambda: api.company("acme"),
        lambda: api.number_templates("acme"),
        lambda: client.stamp(who, "invoices", ["501"], not_after=not_after),
    ):
        try:
            shown.append(repr(call()))
        except Exception as error:  # noqa: BLE001 - whatever is raised, its whole chain is looked at
            shown.append(repr(error))
            told = traceback.TracebackException.from_exception(error, capture_locals=True)
            shown += told.format(chain=True)
    return "\n".join(shown)


def assert_no_canary(text: str) -> None:
    # Frames of this very file hold the canaries themselves, as constants do; their locals do not.
    for canary in CANARIES:
        assert canary.lower() not in text.lower()


@pytest.mark.parametrize("failure", FAILURES)
def test_no_failure_tells_a_secret(failure: str, client: AlegraClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with raw_server(FAILURES[failure]) as server:
        assert_no_canary(told(client, server.url))
        assert TOKEN.encode() not in b"".join(server.requests)
        assert any(BASIC.encode() in request for request in server.requests), "the canary was at work"
    assert_no_canary(caplog.text)


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_failure_to_send_tells_a_secret(
    address: str, client: AlegraClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert_no_canary(told(client, ADDRESSES[address]))
    assert_no_canary(caplog.text)


def test_an_unavailable_listing_carries_no_foreign_exception(client: AlegraClient) -> None:
    """httpx's exceptions hold the request, and the request the credentials: none may hang in a chain."""
    api = AlegraInvoicing(
        client, lambda _: access("http://127.0.0.1:9"), permit=lambda _: Grant(1), remember_country=lambda *_: None
    )
    with pytest.raises(AlegraUnavailable) as caught:
        api.company("acme")
    error: BaseException | None = caught.value
    while error is not None:
        assert not type(error).__module__.startswith(("httpx", "httpcore", "h11"))
        error = error.__cause__ or error.__context__
