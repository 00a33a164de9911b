"""Text from strangers, made so that either database takes it: a row that cannot be written would stop its document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from sqlalchemy import FromClause, String

from worker.observability import HIDDEN, SECRETS

# PostgreSQL stores neither NUL nor half a surrogate pair, and JSON can carry both.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


# What stands between the quotes, spaces and escapes of JSON, or of JSON inside a text of JSON.
_WORD = re.compile(r"""[^\s"'\\]+""")


def without_secrets(text: str) -> str:
    """A stranger's text without our secrets, and without user and password of any address in it."""
    return SECRETS.remove(_WORD.sub(_without_credentials, text))


def _without_credentials(word: re.Match[str]) -> str:
    before, _, host = word[0].rpartition("@")
    return f"{HIDDEN}@{host}" if ":" in before else word[0]


def legible(text: str) -> str:
    """The text with U+FFFD for every character a database refuses."""
    if text.isascii() and "\x00" not in text:
        return text
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def fitting(table: FromClause, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every text legible and no longer than its column.

    What Alegra sends has no length we know of. Nothing is lost by the cut: the event beside the row keeps the answer.
    """
    limits = _limits(table)
    return {name: legible(value)[: limits[name]] if isinstance(value, str) else value for name, value in values.items()}


@cache
def _limits(table: FromClause) -> Mapping[str, int | None]:
    """How many characters each column of a table holds; None for any number, or where it holds no text."""
    return {column.name: column.type.length if isinstance(column.type, String) else None for column in table.c}
