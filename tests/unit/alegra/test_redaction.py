"""What a server echoes, without the account's secrets."""

from __future__ import annotations

import base64

import pytest
from pydantic import SecretStr

from worker.alegra.access import AccountAccess
from worker.alegra.redaction import redact

TOKEN = "canary0token1value2"
EMAIL = "facturas???@example.test"
ACCESS = AccountAccess("acme", "https://alegra.test", EMAIL, SecretStr(TOKEN))


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        TOKEN.upper(),
        EMAIL,
        b64(TOKEN),
        b64(EMAIL),
        b64(f"{EMAIL}:{TOKEN}"),
        b64(f"{EMAIL}:{TOKEN}").rstrip("="),
        b64(f"{EMAIL}:{TOKEN}").replace("/", "\\/"),
    ],
)
def test_every_form_of_the_credentials_is_taken_out(secret: str) -> None:
    cleaned = redact(f'{{"message": "bad header {secret} given"}}'.encode(), ACCESS)
    assert secret.encode() not in cleaned
    assert cleaned == b'{"message": "bad header [redacted] given"}'


def test_somebody_elses_authorization_is_taken_out_too() -> None:
    assert redact(b'{"authorization": "Bearer eyJhbGciOi.J9"}', ACCESS) == b'{"authorization": "Bearer [redacted]"}'


def test_a_token_too_short_to_be_one_does_not_destroy_the_answer() -> None:
    access = AccountAccess("acme", "https://alegra.test", "a@b", SecretStr("1"))
    assert redact(b'[{"id":"101"}]', access) == b'[{"id":"101"}]'


def test_the_access_shows_no_secret() -> None:
    assert TOKEN not in repr(ACCESS)
    assert EMAIL not in repr(ACCESS)
