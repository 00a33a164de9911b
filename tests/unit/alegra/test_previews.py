"""The answer to a preview, which nobody has described: an address, a PDF, a refusal, or whatever it is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from worker.alegra.access import AccountAccess
from worker.alegra.client import AlegraClient, Answer
from worker.alegra.errors import AccountRefused, AnswerLost, Throttled
from worker.alegra.previews import Preview, preview
from worker.alegra.rates import RateSeen

ACCESS = AccountAccess("acme", "https://alegra.example", "ana@acme.example", SecretStr("token-that-opens-nothing"))


def previewed(monkeypatch: pytest.MonkeyPatch, status: int, body: bytes) -> Preview:
    answer = Answer(status, body, RateSeen(None, None, None, timedelta(seconds=7)))
    with AlegraClient(connections=1) as client:
        monkeypatch.setattr(client, "preview", lambda access, resource, posted: answer)
        return preview(client, ACCESS, "invoice", {})


@pytest.mark.parametrize(
    "body",
    [
        b'{"pdfUrl": "https://cdn.example/1.pdf"}',
        b'"https://cdn.example/1.pdf"',
        b'{"data": [{"id": null, "files": {"pdf": "https://cdn.example/1.pdf"}}]}',
    ],
)
def test_an_address_is_found_wherever_it_stands(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    assert previewed(monkeypatch, 200, body).addresses == ("https://cdn.example/1.pdf",)


def test_a_pdf_is_taken_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert previewed(monkeypatch, 200, b"%PDF-1.7 \xff").pdf == b"%PDF-1.7 \xff"


def test_a_refusal_is_in_alegras_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = previewed(monkeypatch, 400, '{"code": 3003, "message": "El cliente no es válido"}'.encode()).refused
    assert refused == "HTTP 400 3003 El cliente no es válido"


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"ok": true}', b"[" * 50])
def test_an_answer_nobody_described_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    assert previewed(monkeypatch, 200, body) == Preview(said=body.decode())


@pytest.mark.parametrize(("status", "error"), [(429, Throttled), (401, AccountRefused), (503, AnswerLost)])
def test_what_concerns_the_account_or_the_network_is_raised(
    monkeypatch: pytest.MonkeyPatch, status: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        previewed(monkeypatch, status, b"")
