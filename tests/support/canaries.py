"""Secrets made to be found: each is looked for as it is, URL-encoded, escaped and in base64 at any offset."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

_BLOB = re.compile(rb"[A-Za-z0-9+/_-]{24,}={0,2}")
_DEEPEST = 3
"""A message is base64 within JSON, and what it holds may be so once more."""


class Canary:
    """One secret, and every form in which it may show."""

    def __init__(self, name: str, secret: str) -> None:
        self.name = name
        self.secret = secret
        plain = {
            secret,
            quote(secret),
            quote(secret, safe=""),
            quote_plus(secret),
            json.dumps(secret)[1:-1],
            repr(secret)[1:-1],
        }
        self._forms = [form.encode() for form in plain] + [*_in_base64(secret)]

    def seen_in(self, text: bytes) -> bytes | None:
        """The place where it shows, to tell whoever reads the failure; None when it does not."""
        for part in _layers(text):
            for form in self._forms:
                if (at := part.find(form)) >= 0:
                    return part[max(at - 120, 0) : at + len(form) + 60]
        return None


def _in_base64(secret: str) -> Iterator[bytes]:
    """What stands in the base64 of any longer text that holds the secret, whatever comes before and after it."""
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + secret.encode())
        # The first group mixes with what comes before, the last one with what comes after.
        yield encoded[4 if before else 0 : -4]


def _layers(text: bytes, depth: int = 0) -> Iterator[bytes]:
    yield text
    if depth < _DEEPEST:
        for blob in set(_BLOB.findall(text)):
            try:
                inner = base64.b64decode(blob + b"=" * (-len(blob) % 4))
            except binascii.Error:
                continue
            if inner.isascii():
                yield from _layers(inner, depth + 1)
